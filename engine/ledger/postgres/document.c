/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "ledger/postgres/postgres.h"

/* Our own documents: a manifest of a MiB in them is the largest part. */
static const struct sl_json_limits limits = {.max_bytes = 64u << 20, .max_depth = 200, .max_values = 4000000};

int sl_ledger_pg__parse(const char *text, struct json_object **out, struct sl_error *err)
{
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = NULL;
    int rc = sl_json_parse("ledger document", text, strlen(text), &limits, &doc, err);
    if (rc < 0)
        return rc;
    *out = json_object_get(doc->root);
    return 0;
}

int sl_ledger_pg__get(struct sl_ledger_pg *l, const char *sql, int n_params, const char *const *params,
                      struct json_object **out, struct sl_error *err)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
    int rc = sl_pg_query(l->pg, sql, n_params, params, &res, err);
    if (rc < 0)
        return rc;
    if (PQntuples(res))
        return sl_ledger_pg__parse(PQgetvalue(res, 0, 0), out, err);
    *out = NULL;
    return 0;
}

const char *sl_ledger_pg__number(char buf[SL_LEDGER_NUMBER_BYTES], int64_t value)
{
    snprintf(buf, SL_LEDGER_NUMBER_BYTES, "%lld", (long long)value);
    return buf;
}

static const char *text_of(struct json_object *doc)
{
    return json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

int sl_ledger_pg__conflict(struct sl_ledger_pg *l, int rc, struct sl_error *err)
{
    if (rc == -(int)SL_E_POSTGRES_CONFLICT && !strcmp(sl_pg_sqlstate(l->pg), "23505")) {
        char message[SL_ERROR_MESSAGE_BYTES] = "";
        if (err)
            memcpy(message, err->message, sizeof message);
        return sl_fail(err, SL_E_LEDGER_CONFLICT, "the ledger has such a document already: %s", message);
    }
    return rc;
}

int sl_ledger_pg__insert(struct sl_ledger_pg *l, const char *collection, struct json_object *doc,
                         struct sl_error *err)
{
    int rc = sl_ledger_check(l->schemas, collection, doc, err);
    if (rc < 0)
        return rc;
    char sql[128];
    const char *const params[] = {sl_json_str(doc, "_id", NULL), text_of(doc)};
    snprintf(sql, sizeof sql, "INSERT INTO ledger.%s (id, doc) VALUES ($1, $2)", collection);
    return sl_ledger_pg__conflict(l, sl_pg_query(l->pg, sql, 2, params, NULL, err), err);
}

int sl_ledger_pg__update(struct sl_ledger_pg *l, const char *collection, struct json_object *doc,
                         struct json_object *changes, struct json_object **after, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *merged = sl_ledger_merge(doc, changes);
    int rc = sl_ledger_check(l->schemas, collection, merged, err);
    if (rc < 0)
        return rc;
    /* Only what changes is sent: the rest stays as it was stored. */
    char sql[128];
    const char *const params[] = {sl_json_str(doc, "_id", NULL), text_of(changes)};
    snprintf(sql, sizeof sql, "UPDATE ledger.%s SET doc = doc || $2::jsonb WHERE id = $1", collection);
    rc = sl_ledger_pg__conflict(l, sl_pg_query(l->pg, sql, 2, params, NULL, err), err);
    if (rc == 0 && !strcmp(collection, "manifests") && sl_json_get(changes, "status")) {
        SL_CLEANUP(sl_json_putp) struct json_object *event = sl_ledger_event_batch(merged);
        rc = sl_ledger_pg__event(l, event, err);
    }
    if (rc == 0 && after)
        *after = json_object_get(merged);
    return rc;
}
