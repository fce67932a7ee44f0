/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uuid7.h - UUID version 7 (RFC 9562, 5.7), ordered by time of making.
 *
 * 48 bits of Unix milliseconds, then 12 bits of the fraction of the millisecond (method 3 of section 6.2), then random
 * bits. Ids that one process makes are strictly increasing.
 */
#ifndef SLUICE_BASE_UUID7_H
#define SLUICE_BASE_UUID7_H

#include <stdbool.h>
#include <stdint.h>

enum { SL_UUID_TEXT_BYTES = 37 }; /* with the NUL */

void sl_uuid7(char out[SL_UUID_TEXT_BYTES]); /* thread-safe */
bool sl_uuid_valid(const char *text);        /* lower or upper case, with hyphens */
int64_t sl_uuid7_unix_ms(const char *text);  /* when it was made; -1 when it is not version 7 */

#endif
