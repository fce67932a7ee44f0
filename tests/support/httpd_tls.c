/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "support/httpd.h"

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    if (!e || X509_add_ext(cert, e, -1) != 1)
        abort();
    X509_EXTENSION_free(e);
}

static X509 *certificate(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, long serial)
{
    X509 *cert = X509_new();
    if (!cert)
        abort();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 24 * 3600);
    X509_set_pubkey(cert, key);
    X509_NAME *subject = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : subject);
    if (issuer) {
        extend(cert, issuer, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
    } else {
        extend(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
        extend(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign");
    }
    if (X509_sign(cert, issuer_key, EVP_sha256()) == 0)
        abort();
    return cert;
}

static void save(const char *folder, const char *name, X509 *cert, EVP_PKEY *key)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    if (!f || (cert && PEM_write_X509(f, cert) != 1) ||
        (key && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) != 1) || fclose(f) != 0)
        abort();
}

void test_httpd_certificates(const char *folder)
{
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256"), *other_key = EVP_EC_gen("P-256");
    if (!ca_key || !key || !other_key)
        abort();
    X509 *ca = certificate("sluice test authority", ca_key, NULL, ca_key, 1);
    X509 *cert = certificate("localhost", key, ca, ca_key, 2);
    X509 *other = certificate("another authority", other_key, NULL, other_key, 3);
    save(folder, "ca.pem", ca, NULL);
    save(folder, "cert.pem", cert, NULL);
    save(folder, "key.pem", NULL, key);
    save(folder, "other.pem", other, NULL);
    X509_free(ca);
    X509_free(cert);
    X509_free(other);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other_key);
}
