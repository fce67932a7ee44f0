/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands and their failures. Each is sent as it stands; a connection that breaks is made again once and the command
 * repeated, which every caller allows: what is entered has names of its own, and what is set is set to the same.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/mongo/mongo.h"

enum { DUPLICATE_KEY = 11000, UNAUTHORIZED = 13, AUTHENTICATION_FAILED = 18, REFUSED_DOCUMENT = 121, BATCH = 1000 };

static bool is_away(const bson_error_t *e)
{
    /* Shutting down, no longer or not yet primary: another server, or this one a little later. A cursor that nobody knows
     * (43, 237) was of a server before it was restarted; 112 and 262 are a conflict and a time-out of the server's own. */
    static const uint32_t codes[] = {6,     7,     89, 91,  189,   9001, 10058, 10107, 11600, 11602, 13435,
                                     13436, 63,    150, 13388, 234,  133,  43,    237,   112,   262};
    if (e->domain == MONGOC_ERROR_STREAM || e->domain == MONGOC_ERROR_SERVER_SELECTION)
        return true;
    if (e->domain == MONGOC_ERROR_PROTOCOL && e->code == MONGOC_ERROR_PROTOCOL_INVALID_REPLY) /* cut off in the middle */
        return true;
    for (size_t i = 0; e->domain == MONGOC_ERROR_SERVER && i < sizeof codes / sizeof *codes; i++)
        if (e->code == codes[i])
            return true;
    return false;
}

static bool is_denied(const bson_error_t *e)
{
    return e->domain == MONGOC_ERROR_CLIENT ||
           (e->domain == MONGOC_ERROR_SERVER && (e->code == UNAUTHORIZED || e->code == AUTHENTICATION_FAILED));
}

int sl_ledger_mongo__fail(struct sl_ledger_mongo *l, const bson_error_t *error, struct sl_error *err)
{
    int rc;
    if (is_away(error) && strstr(error->message, "TLS handshake failed")) {
        rc = sl_fail(err, SL_E_LEDGER_UNAVAILABLE, "no TLS connection to the ledger's mongodb at %s: %s", l->place,
                     error->message);
        sl_error_hint(err, "mongodb.ca_file names the certificates to trust; is the server's made for this name?");
    } else if (is_away(error)) {
        rc = sl_fail(err, SL_E_LEDGER_UNAVAILABLE, "the ledger's mongodb at %s does not answer (%s)", l->place,
                     error->message);
        sl_error_hint(err, "is it running? sluice doctor");
    } else if (is_denied(error)) {
        rc = sl_fail(err, SL_E_CONFIG_VALUE, "mongodb at %s lets this user not in: %s", l->place, error->message);
        sl_error_hint(err, "look at mongodb.user, mongodb.password and the user's roles");
    } else if (error->domain == MONGOC_ERROR_SERVER && error->code == REFUSED_DOCUMENT) {
        rc = sl_fail(err, SL_E_LEDGER_DOCUMENT, "mongodb at %s refuses a document: %s", l->place, error->message);
    } else {
        rc = sl_fail(err, SL_E_INTERNAL, "mongodb at %s: %s (code %u)", l->place, error->message, error->code);
    }
    return rc;
}

static bool transmit(struct sl_ledger_mongo *l, const bson_t *command, bool write, bson_t *reply, bson_error_t *error)
{
    l->commands++;
    return write ? mongoc_client_write_command_with_opts(l->client, l->database, command, NULL, reply, error)
                 : mongoc_client_command_with_opts(l->client, l->database, command, NULL, NULL, reply, error);
}

int sl_ledger_mongo__run(struct sl_ledger_mongo *l, const bson_t *command, bool write, bson_t *reply, bool *repeated,
                         struct sl_error *err)
{
    bson_error_t error = {0};
    if (transmit(l, command, write, reply, &error))
        return 0;
    if (!is_away(&error))
        return sl_ledger_mongo__fail(l, &error, err);
    bson_destroy(reply);
    bson_init(reply);
    int rc = sl_ledger_mongo__connect(l, err);
    if (rc < 0)
        return rc;
    if (repeated)
        *repeated = true;
    bson_destroy(reply);
    return transmit(l, command, write, reply, &error) ? 0 : sl_ledger_mongo__fail(l, &error, err);
}

/* The writeErrors of a reply: *duplicates counts those of unique members; any other is a failure. */
static int check_writes(struct sl_ledger_mongo *l, const bson_t *reply, int *duplicates, struct sl_error *err)
{
    bson_iter_t it, list;
    *duplicates = 0;
    if (!bson_iter_init_find(&it, reply, "writeErrors") || !BSON_ITER_HOLDS_ARRAY(&it) || !bson_iter_recurse(&it, &list))
        return 0;
    while (bson_iter_next(&list)) {
        bson_iter_t e;
        bson_error_t error = {.domain = MONGOC_ERROR_SERVER};
        if (bson_iter_recurse(&list, &e) && bson_iter_find(&e, "code"))
            error.code = (uint32_t)bson_iter_as_int64(&e);
        if (error.code == DUPLICATE_KEY) {
            ++*duplicates;
            continue;
        }
        if (bson_iter_recurse(&list, &e) && bson_iter_find(&e, "errmsg") && BSON_ITER_HOLDS_UTF8(&e))
            snprintf(error.message, sizeof error.message, "%s", bson_iter_utf8(&e, NULL));
        return sl_ledger_mongo__fail(l, &error, err);
    }
    return 0;
}

static void put_concern(struct sl_ledger_mongo *l, bson_t *command)
{
    bson_t concern;
    if (l->ferret)
        return;
    bson_append_document_begin(command, "writeConcern", -1, &concern);
    if (l->replicas)
        bson_append_utf8(&concern, "w", -1, "majority", -1);
    bson_append_bool(&concern, "j", -1, true);
    bson_append_document_end(command, &concern);
}

static int run_write(struct sl_ledger_mongo *l, bson_t *command, int *duplicates, int64_t *n, bool *repeated,
                 struct sl_error *err)
{
    bson_t reply;
    bson_iter_t it;
    int ignored;
    put_concern(l, command);
    bson_init(&reply);
    int rc = sl_ledger_mongo__run(l, command, true, &reply, repeated, err);
    if (rc == 0)
        rc = check_writes(l, &reply, duplicates ? duplicates : &ignored, err);
    if (rc == 0 && n)
        *n = bson_iter_init_find(&it, &reply, "n") ? bson_iter_as_int64(&it) : 0;
    bson_destroy(&reply);
    return rc;
}

/* ---- reading ---- */

static int read_batch(const bson_t *reply, const char *name, struct json_object *out, int64_t *cursor)
{
    bson_iter_t it, child, list;
    *cursor = 0;
    if (!bson_iter_init_find(&it, reply, "cursor") || !bson_iter_recurse(&it, &child))
        return 0;
    while (bson_iter_next(&child)) {
        if (!strcmp(bson_iter_key(&child), "id"))
            *cursor = bson_iter_as_int64(&child);
        if (strcmp(bson_iter_key(&child), name) != 0 || !bson_iter_recurse(&child, &list))
            continue;
        while (bson_iter_next(&list)) {
            uint32_t len;
            const uint8_t *data;
            bson_t doc;
            if (!BSON_ITER_HOLDS_DOCUMENT(&list))
                continue;
            bson_iter_document(&list, &len, &data);
            if (bson_init_static(&doc, data, len))
                json_object_array_add(out, sl_ledger_mongo__decode(&doc));
        }
    }
    return 0;
}

static int get_more(struct sl_ledger_mongo *l, const char *collection, int64_t *cursor, struct json_object *out,
                    struct sl_error *err)
{
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *command = bson_new();
    bson_t reply;
    bson_append_int64(command, "getMore", -1, *cursor);
    bson_append_utf8(command, "collection", -1, collection, -1);
    bson_append_int32(command, "batchSize", -1, BATCH);
    bson_init(&reply);
    int rc = sl_ledger_mongo__run(l, command, false, &reply, NULL, err);
    if (rc == 0)
        rc = read_batch(&reply, "nextBatch", out, cursor);
    bson_destroy(&reply);
    return rc;
}

int sl_ledger_mongo__find_all(struct sl_ledger_mongo *l, const bson_t *command, const char *collection,
                              struct json_object **out, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *list = json_object_new_array();
    bson_t reply;
    int64_t cursor = 0;
    bson_init(&reply);
    int rc = sl_ledger_mongo__run(l, command, false, &reply, NULL, err);
    if (rc == 0)
        rc = read_batch(&reply, "firstBatch", list, &cursor);
    bson_destroy(&reply);
    while (rc == 0 && cursor)
        rc = get_more(l, collection, &cursor, list, err);
    if (rc == 0)
        *out = json_object_get(list);
    return rc;
}

int sl_ledger_mongo__list(struct sl_ledger_mongo *l, const char *collection, struct json_object *filter,
                          struct json_object *sort, int64_t limit, struct json_object **out, struct sl_error *err)
{
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *command = bson_new(), *f = sl_ledger_mongo__bson(filter),
                                              *s = sl_ledger_mongo__bson(sort);
    bson_append_utf8(command, "find", -1, collection, -1);
    bson_append_document(command, "filter", -1, f);
    if (sort)
        bson_append_document(command, "sort", -1, s);
    if (limit)
        bson_append_int64(command, "limit", -1, limit);
    bson_append_int32(command, "batchSize", -1, BATCH);
    if (limit && limit <= BATCH)
        bson_append_bool(command, "singleBatch", -1, true);
    return sl_ledger_mongo__find_all(l, command, collection, out, err);
}

int sl_ledger_mongo__get(struct sl_ledger_mongo *l, const char *collection, const char *id, struct json_object **out,
                         struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *filter = json_object_new_object(), *list = NULL;
    sl_json_put_str(filter, "_id", id);
    int rc = sl_ledger_mongo__list(l, collection, filter, NULL, 1, &list, err);
    if (rc == 0)
        *out = json_object_get(json_object_array_get_idx(list, 0));
    return rc;
}

/* ---- writing ---- */

int sl_ledger_mongo__checked(struct sl_ledger_mongo *l, const char *collection, struct json_object *doc, bson_t **out,
                             struct sl_error *err)
{
    int rc = sl_ledger_check(l->schemas, collection, doc, err);
    return rc < 0 ? rc : sl_ledger_mongo__encode(l, collection, doc, out, err);
}

static int insert(struct sl_ledger_mongo *l, const char *collection, bson_t *const *docs, size_t n, int *duplicates,
                  bool *repeated, struct sl_error *err)
{
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *command = bson_new();
    bson_t list;
    bson_append_utf8(command, "insert", -1, collection, -1);
    bson_append_array_begin(command, "documents", -1, &list);
    for (size_t i = 0; i < n; i++) {
        char buffer[16];
        const char *key;
        bson_uint32_to_string((uint32_t)i, &key, buffer, sizeof buffer);
        bson_append_document(&list, key, -1, docs[i]);
    }
    bson_append_array_end(command, &list);
    bson_append_bool(command, "ordered", -1, false);
    return run_write(l, command, duplicates, NULL, repeated, err);
}

int sl_ledger_mongo__insert(struct sl_ledger_mongo *l, const char *collection, const bson_t *doc, bool *there,
                            bool *repeated, struct sl_error *err)
{
    int duplicates = 0;
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *copy = bson_copy(doc);
    int rc = insert(l, collection, &copy, 1, &duplicates, repeated, err);
    if (rc < 0)
        return rc;
    if (there)
        *there = duplicates > 0;
    else if (duplicates)
        return sl_fail(err, SL_E_LEDGER_CONFLICT, "the ledger has such a document already in %s", collection);
    return 0;
}

int sl_ledger_mongo__insert_all(struct sl_ledger_mongo *l, const char *collection, bson_t *const *docs, size_t n,
                                int *there, struct sl_error *err)
{
    int ignored = 0;
    if (there)
        *there = 0;
    /* A command is at most as large as two documents. */
    for (size_t i = 0; i < n;) {
        size_t end = i, bytes = 0;
        int duplicates = 0;
        while (end < n && end - i < BATCH && (end == i || bytes + docs[end]->len < SL_LEDGER_MAX_DOCUMENT_BYTES))
            bytes += docs[end++]->len;
        int rc = insert(l, collection, docs + i, end - i, &duplicates, NULL, err);
        if (rc < 0)
            return rc;
        *(there ? there : &ignored) += duplicates;
        i = end;
    }
    return 0;
}

/* What is set as it is takes the place of an earlier text. */
static void put_unset(bson_t *update, const bson_t *members)
{
    bson_iter_t it;
    bson_t unset;
    char name[64];
    bson_init(&unset);
    for (bool more = bson_iter_init(&it, members) && bson_iter_next(&it); more; more = bson_iter_next(&it)) {
        if (!BSON_ITER_HOLDS_DOCUMENT(&it) && !BSON_ITER_HOLDS_ARRAY(&it) && !BSON_ITER_HOLDS_NULL(&it))
            continue;
        snprintf(name, sizeof name, "%s_text", bson_iter_key(&it));
        if (!bson_has_field(members, name))
            bson_append_utf8(&unset, name, -1, "", -1);
    }
    if (!bson_empty(&unset))
        bson_append_document(update, "$unset", -1, &unset);
    bson_destroy(&unset);
}

int sl_ledger_mongo__set(struct sl_ledger_mongo *l, const char *collection, const char *id, const bson_t *guard,
                         const bson_t *members, bool upsert, int64_t *matched, struct sl_error *err)
{
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *command = bson_new();
    bson_t list, one, q, u;
    bson_append_utf8(command, "update", -1, collection, -1);
    bson_append_array_begin(command, "updates", -1, &list);
    bson_append_document_begin(&list, "0", -1, &one);
    bson_append_document_begin(&one, "q", -1, &q);
    bson_append_utf8(&q, "_id", -1, id, -1);
    if (guard && !l->ferret)
        bson_concat(&q, guard);
    bson_append_document_end(&one, &q);
    bson_append_document_begin(&one, "u", -1, &u);
    bson_append_document(&u, "$set", -1, members);
    put_unset(&u, members);
    bson_append_document_end(&one, &u);
    if (upsert)
        bson_append_bool(&one, "upsert", -1, true);
    bson_append_document_end(&list, &one);
    bson_append_array_end(command, &list);
    return run_write(l, command, NULL, matched, NULL, err);
}

static int delete(struct sl_ledger_mongo *l, const char *collection, const bson_t *filter, bool all, int64_t *n,
                  struct sl_error *err)
{
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *command = bson_new();
    bson_t list, one;
    bson_append_utf8(command, "delete", -1, collection, -1);
    bson_append_array_begin(command, "deletes", -1, &list);
    bson_append_document_begin(&list, "0", -1, &one);
    bson_append_document(&one, "q", -1, filter);
    bson_append_int32(&one, "limit", -1, all ? 0 : 1);
    bson_append_document_end(&list, &one);
    bson_append_array_end(command, &list);
    return run_write(l, command, NULL, n, NULL, err);
}

int sl_ledger_mongo__remove(struct sl_ledger_mongo *l, const char *collection, const char *id, int64_t *n,
                            struct sl_error *err)
{
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *filter = bson_new();
    bson_append_utf8(filter, "_id", -1, id, -1);
    return delete(l, collection, filter, false, n, err);
}

int sl_ledger_mongo__remove_all(struct sl_ledger_mongo *l, const char *collection, struct json_object *filter,
                                struct sl_error *err)
{
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *f = sl_ledger_mongo__bson(filter);
    return delete(l, collection, f, true, NULL, err);
}
