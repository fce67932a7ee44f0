/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - small string work: hostile text made printable, the nearest word, sizes and times for people.
 */
#ifndef SLUICE_BASE_TEXT_H
#define SLUICE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Copies src into dst so that it is one printable line of valid UTF-8: control characters, C1 controls, bidirectional
 * overrides and bytes that are not UTF-8 become \xNN. Cuts at a character boundary and ends in "…" when dst is too
 * small. dst may not overlap src. Returns true when nothing was cut.
 */
bool sl_text_escape(char *dst, size_t dst_bytes, const char *src);

/* Bytes of the well-formed UTF-8 sequence at the start of text (RFC 3629), 0 when there is none; *cp is its code point. */
size_t sl_utf8_next(const void *text, size_t left, uint32_t *cp);
bool sl_utf8_valid(const char *s, size_t bytes);
/* Columns that s takes on a terminal: one a code point (wide East Asian ones two), s being valid UTF-8. */
size_t sl_text_columns(const char *s);

/*
 * The word of the list nearest to `word` by Damerau-Levenshtein distance (optimal string alignment; case does not
 * count), or NULL when none is near enough to be meant: distance at most 1 + length / 4, and less than the length.
 */
const char *sl_text_nearest(const char *word, const char *const *words, size_t n_words);

/* "142 KB", "3.9 MB", "17 B": decimal units, at most three digits. buf of 16 bytes at least; returns buf. */
char *sl_text_bytes(char *buf, size_t buf_bytes, int64_t bytes);
/* "0.02 s", "3.6 s", "4 min 12 s". buf of 24 bytes at least. */
char *sl_text_duration(char *buf, size_t buf_bytes, int64_t ns);
/* "500,000". buf of 32 bytes at least. */
char *sl_text_count(char *buf, size_t buf_bytes, int64_t n);

bool sl_text_starts(const char *s, const char *prefix);
bool sl_text_ends(const char *s, const char *suffix);

#endif
