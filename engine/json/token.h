/* SPDX-License-Identifier: Apache-2.0 */
/* token.h - the reference tokens of a JSON Pointer, one after the other (RFC 6901). */
#ifndef SLUICE_JSON_TOKEN_H
#define SLUICE_JSON_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Puts the token that follows the "/" at *pointer into `token`, unescaped, and moves *pointer past it; false when the
 * syntax is wrong. */
bool sl_json__token_next(const char **pointer, struct sl_buf *token);
/* An array's index: digits, no leading zero. */
bool sl_json__token_index(const char *token, size_t *index);

#endif
