/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doc.h - for readers of a format: how a struct sl_doc is built.
 *
 * A mark is one value's place. Marks are a tree of the same shape as the values; a reader makes the mark of a value when
 * it starts, before those of what is inside it. Marks are numbered from 0, the root's.
 */
#ifndef SLUICE_JSON_DOC_H
#define SLUICE_JSON_DOC_H

#include <stdint.h>

#include "json/json.h"

#define SL_DOC_NO_MARK UINT32_MAX

/* However large a caller's limit is: reading and freeing are recursive. */
enum { SL_DOC_HARD_DEPTH = 1000 };

struct sl_doc_pos {
    int line, column; /* 1-based; columns are code points */
};

/* An empty document; `name` is copied. */
struct sl_doc *sl_doc_new(const char *name);
/* The place of the next marked member's name. */
void sl_doc_key_at(struct sl_doc *doc, struct sl_doc_pos pos);
/* parent: SL_DOC_NO_MARK for the root. key: the member's name (copied), NULL for an array's item. */
uint32_t sl_doc_mark(struct sl_doc *doc, uint32_t parent, const char *key, struct sl_doc_pos pos);
/* Copies the marks inside of `from` to inside of `to` (a YAML alias). */
void sl_doc_mark_copy(struct sl_doc *doc, uint32_t from, uint32_t to);

#endif
