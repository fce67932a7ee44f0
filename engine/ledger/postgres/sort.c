/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/postgres/postgres.h"

/* MongoDB's order of types: missing and null, numbers, texts, objects, arrays, booleans. Within numbers, booleans,
 * objects and arrays jsonb's own order; texts by their bytes. */
static int put_key(struct sl_ledger_pg__query *q, const char *path, bool descending, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, 1024);
    sl_buf_putc(&text, '{');
    for (const char *p = path; *p; p++) {
        if (*p == '.') {
            sl_buf_puts(&text, "\",\"");
            continue;
        }
        if (p == path)
            sl_buf_putc(&text, '"');
        if (*p == '"' || *p == '\\')
            sl_buf_putc(&text, '\\');
        sl_buf_putc(&text, *p);
    }
    sl_buf_puts(&text, "\"}");
    int rc = sl_buf_check(&text, "a sort key", err), n;
    if (rc < 0)
        return rc;
    if (!(n = sl_ledger_pg__param(q, text.data)))
        return sl_fail(err, SL_E_LEDGER_FILTER, "the filter and the sort are too long together");
    const char *way = descending ? "DESC NULLS LAST" : "ASC NULLS FIRST";
    sl_buf_printf(&q->sql,
                  "CASE coalesce(jsonb_typeof(doc #> $%d::text[]), 'null') WHEN 'null' THEN 0 WHEN 'number' THEN 1"
                  " WHEN 'string' THEN 2 WHEN 'object' THEN 3 WHEN 'array' THEN 4 ELSE 5 END %s,"
                  " CASE WHEN jsonb_typeof(doc #> $%d::text[]) NOT IN ('string', 'null') THEN doc #> $%d::text[] END %s,"
                  " (doc #>> $%d::text[]) COLLATE \"C\" %s, ",
                  n, way, n, n, way, n, way);
    return 0;
}

int sl_ledger_pg__sort(struct sl_ledger_pg__query *q, const char *sort, struct sl_error *err)
{
    sl_buf_puts(&q->sql, " ORDER BY ");
    int keys = 0;
    for (const char *p = sort ? sort : ""; *p;) {
        char key[SL_LEDGER_SORT_KEY_BYTES];
        bool descending;
        if (++keys > SL_LEDGER_SORT_KEYS)
            return sl_fail(err, SL_E_LEDGER_FILTER, "a sort has at most %d keys of %d bytes", SL_LEDGER_SORT_KEYS,
                           SL_LEDGER_SORT_KEY_BYTES - 1);
        int rc = sl_ledger_sort_key(&p, key, &descending, err);
        if (rc == 0)
            rc = put_key(q, key, descending, err);
        if (rc < 0)
            return rc;
    }
    sl_buf_puts(&q->sql, "id");
    return 0;
}
