/* SPDX-License-Identifier: Apache-2.0 */
/* find: the filter passes as it is, but for dates, which are texts to people and dates to the server. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/filter_match.h"
#include "ledger/mongo/mongo.h"

enum { LONGEST_MS = 5 * 60 * 1000, PATH_BYTES = 1024, TIMED_OUT = 50, BATCH = 200 };

/* ---- the filter ---- */

/* "2026", "2026-11" and "2026-11-21" too: the beginnings of texts of that order. */
static bool date_of(const char *text, int64_t *us)
{
    static const char begin[] = "0000-01-01T00:00:00Z";
    char whole[SL_LEDGER_ISO_BYTES];
    size_t n = strlen(text);
    if (sl_clock_parse(text, us))
        return true;
    if (n != 4 && n != 7 && n != 10)
        return false;
    snprintf(whole, sizeof whole, "%s%s", text, begin + n);
    return sl_clock_parse(whole, us);
}

struct place {
    struct sl_ledger_mongo *l;
    const char *collection;
    char path[PATH_BYTES]; /* of the member that is compared */
};

static void put_query(bson_t *b, struct json_object *query, struct place *at);

static void put_compared(bson_t *b, const char *key, struct json_object *value, const struct place *at)
{
    int64_t us;
    if (json_object_is_type(value, json_type_string) && sl_ledger_mongo__is_date(at->l, at->collection, at->path) &&
        date_of(json_object_get_string(value), &us)) {
        bson_append_date_time(b, key, -1, us >= 0 ? us / 1000 : -((-us + 999) / 1000));
        return;
    }
    SL_CLEANUP(sl_json_putp) struct json_object *one = json_object_new_object();
    json_object_object_add(one, key, json_object_get(value));
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *whole = sl_ledger_mongo__bson(one);
    bson_concat(b, whole);
}

static void put_list(bson_t *b, const char *key, struct json_object *list, struct place *at, bool of_queries)
{
    bson_t array, child;
    bson_append_array_begin(b, key, -1, &array);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        char buffer[16];
        const char *index;
        struct json_object *item = json_object_array_get_idx(list, i);
        bson_uint32_to_string((uint32_t)i, &index, buffer, sizeof buffer);
        if (!of_queries) {
            put_compared(&array, index, item, at);
            continue;
        }
        bson_append_document_begin(&array, index, -1, &child);
        put_query(&child, item, at);
        bson_append_document_end(&array, &child);
    }
    bson_append_array_end(b, &array);
}

static void put_operators(bson_t *b, struct json_object *operators, struct place *at)
{
    bson_t child;
    json_object_object_foreach (operators, name, value) {
        if (!strcmp(name, "$exists")) {
            bson_append_bool(b, name, -1, json_object_get_boolean(value));
        } else if (!strcmp(name, "$in") || !strcmp(name, "$nin")) {
            put_list(b, name, value, at, false);
        } else if (!strcmp(name, "$not") || !strcmp(name, "$elemMatch")) {
            bson_append_document_begin(b, name, -1, &child);
            if (sl_ledger_has_operators(value) && !sl_json_get(value, "$and") && !sl_json_get(value, "$or"))
                put_operators(&child, value, at);
            else
                put_query(&child, value, at);
            bson_append_document_end(b, &child);
        } else {
            put_compared(b, name, value, at);
        }
    }
}

/* Within $elemMatch paths go on from where they are. */
static void put_query(bson_t *b, struct json_object *query, struct place *at)
{
    bson_t child;
    size_t base = strlen(at->path);
    json_object_object_foreach (query, key, value) {
        if (!strcmp(key, "$and") || !strcmp(key, "$or")) {
            put_list(b, key, value, at, true);
            continue;
        }
        snprintf(at->path + base, sizeof at->path - base, "%s%s", base ? "." : "", key);
        if (sl_ledger_has_operators(value)) {
            bson_append_document_begin(b, key, -1, &child);
            put_operators(&child, value, at);
            bson_append_document_end(b, &child);
        } else {
            put_compared(b, key, value, at);
        }
        at->path[base] = '\0';
    }
}

/* The one condition that every server looks up. */
static void put_id(bson_t *b, struct json_object *filter)
{
    struct json_object *id = sl_json_get(filter, "_id");
    if (json_object_is_type(id, json_type_string))
        bson_append_utf8(b, "_id", -1, json_object_get_string(id), json_object_get_string_len(id));
}

/* ---- the sort ---- */

static int put_sort(bson_t *b, const char *sort, struct sl_error *err)
{
    int keys = 0;
    bool by_id = false;
    for (const char *p = sort ? sort : ""; *p;) {
        char key[SL_LEDGER_SORT_KEY_BYTES];
        bool descending;
        if (++keys > SL_LEDGER_SORT_KEYS)
            return sl_fail(err, SL_E_LEDGER_FILTER, "a sort has at most %d keys of %d bytes", SL_LEDGER_SORT_KEYS,
                           SL_LEDGER_SORT_KEY_BYTES - 1);
        int rc = sl_ledger_sort_key(&p, key, &descending, err);
        if (rc < 0)
            return rc;
        by_id = by_id || !strcmp(key, "_id");
        if (!bson_has_field(b, key))
            bson_append_int32(b, key, -1, descending ? -1 : 1);
    }
    if (!by_id)
        bson_append_int32(b, "_id", -1, 1);
    return 0;
}

/* ---- asking ---- */

static int fail_find(struct sl_ledger_mongo *l, const bson_error_t *error, struct sl_error *err)
{
    if (error->domain == MONGOC_ERROR_SERVER && error->code == TIMED_OUT)
        return sl_fail(err, SL_E_LEDGER_FILTER, "the filter took longer than five minutes");
    int rc = sl_ledger_mongo__fail(l, error, err);
    /* It has passed our own check: what the server says of it is about values, or about what this server lacks. */
    return rc == -(int)SL_E_INTERNAL ? sl_fail(err, SL_E_LEDGER_FILTER, "%s does not take the filter%s: %s", l->server,
                                               strstr(error->message, "$regex") ? "" : " or its $regex", error->message)
                                     : rc;
}

static int visit_all(struct sl_ledger_mongo *l, const struct sl_find *find, mongoc_cursor_t *cursor,
                     sl_ledger_visit visit, void *data, struct sl_error *err)
{
    const bson_t *b;
    bson_error_t error;
    int64_t n = 0;
    int rc = 0;
    while (rc == 0 && mongoc_cursor_next(cursor, &b)) {
        SL_CLEANUP(sl_json_putp) struct json_object *doc = sl_ledger_mongo__decode(b);
        if (l->ferret) {
            if ((find->filter && !sl_ledger_filter_matches(find->filter, doc)) || ++n <= find->skip)
                continue;
            if (find->limit > 0 && n > find->skip + find->limit)
                break;
        }
        rc = visit(data, doc, err);
    }
    if (rc == 0 && mongoc_cursor_error(cursor, &error))
        rc = fail_find(l, &error, err);
    return rc;
}

/* By a client of its own: the visitor may use the ledger meanwhile, and a cursor ends with its client. */
int sl_ledger_mongo__find(struct sl_ledger *ledger, const struct sl_find *find, sl_ledger_visit visit, void *data,
                          struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *filter = bson_new(), *opts = bson_new(), *sort = bson_new();
    struct place at = {.l = l, .collection = find->collection};
    bson_error_t error = {0};
    int rc = sl_ledger_check_collection(find->collection, err);
    if (rc == 0 && find->filter)
        rc = sl_ledger_check_filter(find->filter, err);
    if (rc == 0 && l->ferret && find->filter)
        rc = sl_ledger_check_patterns(find->filter, err);
    if (rc < 0 || (rc = put_sort(sort, find->sort, err)) < 0)
        return rc;
    if (l->ferret) /* it walks the collection whatever is asked, and some operators mean something else there */
        put_id(filter, find->filter);
    else if (find->filter)
        put_query(filter, find->filter, &at);
    bson_append_document(opts, "sort", -1, sort);
    bson_append_int64(opts, "maxTimeMS", -1, LONGEST_MS);
    bson_append_int64(opts, "batchSize", -1, BATCH);
    if (find->limit > 0 && !l->ferret)
        bson_append_int64(opts, "limit", -1, find->limit);
    if (find->skip > 0 && !l->ferret)
        bson_append_int64(opts, "skip", -1, find->skip);
    mongoc_client_t *client = mongoc_client_new_from_uri_with_error(l->uri, &error);
    if (!client)
        return sl_ledger_mongo__fail(l, &error, err);
    mongoc_client_set_error_api(client, MONGOC_ERROR_API_VERSION_2);
    mongoc_collection_t *collection = mongoc_client_get_collection(client, l->database, find->collection);
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(collection, filter, opts, NULL);
    rc = visit_all(l, find, cursor, visit, data, err);
    mongoc_cursor_destroy(cursor);
    mongoc_collection_destroy(collection);
    mongoc_client_destroy(client);
    return rc;
}
