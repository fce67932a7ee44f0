/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paging.h - where a page begins, and where the one after it does.
 *
 * Servers change while they are read: the end is an empty page, or what the latest page says of the total, whichever comes
 * first; the next place follows from the records that came, not from those that were asked for. Cursors that come again are
 * told by the caller's limit of pages and by sl_paging_next itself.
 */
#ifndef SLUICE_SOURCE_PAGING_H
#define SLUICE_SOURCE_PAGING_H

#include "source/spec.h"

/* Where a page begins. Texts live in an arena. */
struct sl_paging {
    int64_t at;         /* place of the first record, or number of the page */
    const char *cursor; /* NULL: the first page */
    const char *url;    /* of a link; NULL: the first page */
    bool done;          /* there is no such page */
};

void sl_paging_first(const struct sl_source_spec *spec, struct sl_paging *out);
/* Query members that ask for the page, URL-encoded and each behind `&`. */
void sl_paging_query(const struct sl_source_spec *spec, const struct sl_paging *at, struct sl_buf *out);
/* After a page of n records with this document and header Link (NULL: none), fetched from `url`. SL_E_SOURCE_REPLY for a
 * cursor that does not move and a link to another server. */
int sl_paging_next(const struct sl_source_spec *spec, const struct sl_paging *at, struct json_object *document, int64_t n,
                   const char *link, const char *url, struct sl_arena *arena, struct sl_paging *next, struct sl_error *err);
/* As the checkpoint keeps it. The caller owns it. */
struct json_object *sl_paging_json(const struct sl_paging *paging);
int sl_paging_read(const char *json, struct sl_arena *arena, struct sl_paging *out, struct sl_error *err);

#endif
