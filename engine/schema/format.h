/* SPDX-License-Identifier: Apache-2.0 */
/* format.h - one function a format of JSON Schema 2020-12 (validation, 7.3): is the text of that format? */
#ifndef SLUICE_SCHEMA_FORMAT_H
#define SLUICE_SCHEMA_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

/* format_time.c: RFC 3339 and its appendix A */
bool sl_schema__is_date(const char *s, size_t n);
bool sl_schema__is_time(const char *s, size_t n);
bool sl_schema__is_date_time(const char *s, size_t n);
bool sl_schema__is_duration(const char *s, size_t n);
/* format_net.c */
bool sl_schema__is_ipv4(const char *s, size_t n);
bool sl_schema__is_ipv6(const char *s, size_t n);
bool sl_schema__is_hostname(const char *s, size_t n);
bool sl_schema__is_idn_hostname(const char *s, size_t n);
bool sl_schema__is_email(const char *s, size_t n);
bool sl_schema__is_idn_email(const char *s, size_t n);
/* format_uri.c */
bool sl_schema__is_uri(const char *s, size_t n);
bool sl_schema__is_uri_reference(const char *s, size_t n);
bool sl_schema__is_iri(const char *s, size_t n);
bool sl_schema__is_iri_reference(const char *s, size_t n);
bool sl_schema__is_uri_template(const char *s, size_t n);

#endif
