/* SPDX-License-Identifier: Apache-2.0 */
/* What checks compare with: the last version of a dataset. */
#include <string.h>

#include "json/json.h"
#include "run/batch.h"

enum { GAPS_MAX = 64 };

static bool compares(const struct sl_batch *b)
{
    for (size_t i = 0; i < b->bound.recipe->n_checks; i++)
        if (b->bound.checks[i].kind->compares)
            return true;
    return false;
}

/* Numbers that a failed batch has given back are taken again, so that gaps are rare. */
static int before_version(struct sl_batch *b, const char *dataset, int64_t version, struct json_object **doc,
                          struct sl_error *err)
{
    struct sl_ledger *ledger = b->engine->ledger;
    int rc = 0;
    for (int64_t v = version - 1; rc == 0 && !*doc && v > 0 && v >= version - GAPS_MAX; v--)
        rc = ledger->ops->get_asset_version(ledger, dataset, v, doc, err);
    return rc;
}

static void fill_columns(struct sl_batch *b, struct json_object *list, struct sl_previous *p)
{
    size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    struct sl_column *columns = sl_arena_array(b->arena, n + 1, sizeof *columns);
    for (size_t i = 0; i < n; i++) {
        struct json_object *c = json_object_array_get_idx(list, i);
        columns[i].name = sl_arena_strdup(b->arena, sl_json_str(c, "name", ""));
        columns[i].type = sl_arena_strdup(b->arena, sl_json_str(c, "type", ""));
    }
    p->columns = columns;
    p->n_columns = n;
}

static int find(struct sl_batch *b, struct sl_unit *u, struct sl_error *err)
{
    const struct sl_planned_asset *a = &u->assets[0];
    struct sl_ledger *ledger = b->engine->ledger;
    struct sl_previous *p = sl_arena_alloc(b->arena, sizeof *p);
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    int rc = a->before ? before_version(b, a->dataset_id, sl_json_int(a->before, "version", 0), &doc, err)
                       : ledger->ops->get_latest_asset(ledger, a->dataset_id, &doc, err);
    if (rc < 0)
        return rc;
    *p = (struct sl_previous){.dataset_id = a->dataset_id, .rows = -1};
    if (doc) {
        p->version = sl_json_int(doc, "version", 0);
        p->rows = sl_json_int(doc, "row_count", -1);
        fill_columns(b, sl_json_get(doc, "columns"), p);
    }
    u->previous = p;
    return 0;
}

int sl_batch_find_previous(struct sl_batch *b, struct sl_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && compares(b) && i < b->n_units; i++)
        if (!b->units[i].of && b->units[i].n_assets > 0)
            rc = find(b, &b->units[i], err);
    return rc;
}
