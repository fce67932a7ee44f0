/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern.h - regular expressions of ECMA-262 (with the "u" flag), as JSON Schema asks for, matched by PCRE2.
 *
 * ecma.c translates what the two write differently and refuses what ECMA-262 does not know. A pattern is read-only; each
 * thread matches with a struct sl_schema__match of its own.
 */
#ifndef SLUICE_SCHEMA_PATTERN_H
#define SLUICE_SCHEMA_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct sl_schema__pattern;
struct sl_schema__match;

/* NULL when it is not a regular expression; why[] says why. */
struct sl_schema__pattern *sl_schema__pattern_new(const char *text, size_t bytes, char *why, size_t why_bytes);
void sl_schema__pattern_free(void *pattern);
struct sl_schema__match *sl_schema__match_new(void);
void sl_schema__match_free(struct sl_schema__match *match);
/* 1: found anywhere in the text; 0: not; -1: given up at the limit of steps. */
int sl_schema__pattern_find(const struct sl_schema__pattern *p, struct sl_schema__match *m, const char *text,
                            size_t bytes);

/* ecma.c: the PCRE2 form of a pattern; NULL, or what is wrong with it. */
const char *sl_schema__ecma(const char *text, size_t bytes, struct sl_buf *out);

#endif
