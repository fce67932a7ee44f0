/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sigv4.h - AWS Signature Version 4 ("Create a signed AWS API request", AWS IAM User Guide), in a header or in a query.
 *
 * Paths and query values are given raw and encoded here, by the rules that S3 signs by (each byte but A-Z a-z 0-9 - . _
 * ~, and "/" in paths, as %XX; no path normalisation), so that what is signed is what is sent. Pure: the time is an
 * argument.
 */
#ifndef SLUICE_NET_SIGV4_H
#define SLUICE_NET_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/error.h>

#include "base/buf.h"
#include "net/http.h"

/* Never logged. session_token may be NULL; with one, x-amz-security-token is signed as well, and the caller sends it.
 */
struct sl_aws_credentials {
    const char *access_key, *secret_key, *session_token;
};

struct sl_sigv4_query {
    const char *name, *value; /* raw */
};

struct sl_sigv4_request {
    const char *method;
    const char *host; /* as in the Host header */
    const char *path; /* raw, begins with "/" */
    const struct sl_sigv4_query *query;
    size_t n_query;
    const struct sl_http_header *headers; /* all are signed, with host and x-amz-date */
    size_t n_headers;
    const char *payload_hash; /* SHA-256 in hex, or "UNSIGNED-PAYLOAD" */
    const char *region, *service;
    const struct sl_aws_credentials *credentials; /* NULL: not signed (anonymous) */
    int64_t wall_ns;
    bool normalize_path; /* other services than S3: dot segments and doubled slashes go */
};

enum { SL_SIGV4_MAX_HEADERS = 32, SL_SIGV4_DATE_BYTES = 17 };

struct sl_sigv4_signed {
    char date[SL_SIGV4_DATE_BYTES]; /* x-amz-date */
    struct sl_buf authorization;    /* the header's value; empty when anonymous */
    struct sl_buf path;             /* encoded path, "?" and query: what follows the host in the URL */
};

/* Appends s as it stands in a path (with "/" kept) or in a query's name or value. */
void sl_sigv4_encode(struct sl_buf *buf, const char *s, bool keep_slash);

/* out's buffers are initialised here; free them with sl_sigv4_signed_free (on failure there is nothing to free). */
int sl_sigv4_sign(const struct sl_sigv4_request *request, struct sl_sigv4_signed *out, struct sl_error *err);
/* path?query that carries its own signature for expires_s seconds; headers of the request are signed as well. */
int sl_sigv4_presign(const struct sl_sigv4_request *request, int64_t expires_s, struct sl_buf *path_and_query,
                     struct sl_error *err);
void sl_sigv4_signed_free(struct sl_sigv4_signed *signed_);
/* For tests and for those who look for a mistake: the two texts that are hashed on the way. */
int sl_sigv4_canonical(const struct sl_sigv4_request *request, struct sl_buf *canonical, struct sl_buf *to_sign,
                       struct sl_error *err);

/* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN (not asked when a profile is given), else the profile
 * (NULL: AWS_PROFILE, else "default") of AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials, or of AWS_CONFIG_FILE,
 * else
 * ~/.aws/config; and the region of AWS_REGION, AWS_DEFAULT_REGION or the profile. *found false when there are none; a
 * profile that was named (here or by AWS_PROFILE) and has no keys is SL_E_CONFIG_VALUE. Strings are the arena's; region
 * may come back NULL. */
struct sl_arena;
int sl_aws_find_credentials(const char *profile, struct sl_arena *arena, bool *found, struct sl_aws_credentials *out,
                            const char **region, struct sl_error *err);

#endif
