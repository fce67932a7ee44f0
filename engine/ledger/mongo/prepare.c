/* SPDX-License-Identifier: Apache-2.0 */
/* Collections, indexes and validators. */
#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "ledger/mongo/mongo.h"

/* Grows with every change of the collections or indexes below. */
#define LAYOUT "1"

enum { NAMESPACE_EXISTS = 48, NOT_IMPLEMENTED = 238, COMMAND_NOT_FOUND = 59 };

static const char *const documents[] = {"manifests", "runs", "assets", "events", "processes"};

struct index {
    const char *collection, *name, *keys[4];
    bool unique;
};
/* A key that begins with '-' descends. */
static const struct index indexes[] = {
    {"manifests", "batch_id", {"batch_id"}, true},
    {"manifests", "status", {"status", "-created_at"}, false},
    {"runs", "batch_id", {"batch_id"}, false},
    {"assets", "dataset_version", {"dataset_id", "version"}, true},
    {"assets", "object", {"bucket", "s3_key"}, true},
    {"assets", "fingerprint", {"fingerprint"}, false},
    {"assets", "content_hash", {"content_hash"}, false},
    {"assets", "batch_id", {"batch_id"}, false},
    {"events", "entered_at", {"entered_at", "_id"}, false},
    {"events", "batch_id", {"batch_id"}, false},
    {"queue", "first", {"-priority", "created_us", "_id"}, false},
    {"queue", "not_before", {"not_before_us"}, false},
    {"leases", "owner", {"owner"}, false},
    {"work", "batch_id", {"batch_id"}, false},
    {"work", "dataset_id", {"dataset_id"}, false},
};

/* Runs a command whose failure with one of two codes is none; *code is 0 or that of the failure. */
static int try_command(struct sl_ledger_mongo *l, const bson_t *command, uint32_t *code, struct sl_error *err)
{
    bson_t reply;
    bson_error_t error = {0};
    l->commands++;
    bool ok = mongoc_client_write_command_with_opts(l->client, l->database, command, NULL, &reply, &error);
    bson_destroy(&reply);
    *code = ok ? 0 : error.code;
    bool known = error.domain == MONGOC_ERROR_SERVER && (error.code == NAMESPACE_EXISTS || error.code == NOT_IMPLEMENTED ||
                                                         error.code == COMMAND_NOT_FOUND);
    return ok || known ? 0 : sl_ledger_mongo__fail(l, &error, err);
}

static bson_t *creation(struct sl_ledger_mongo *l, const char *verb, const char *collection, bool validate)
{
    bson_t *command = bson_new(), validator;
    bson_append_utf8(command, verb, -1, collection, -1);
    if (validate) {
        SL_CLEANUP(sl_json_putp) struct json_object *schema =
            sl_ledger_mongo_validator(sl_ledger_schema(l->schemas, collection));
        SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *b = sl_ledger_mongo__bson(schema);
        bson_append_document_begin(command, "validator", -1, &validator);
        bson_append_document(&validator, "$jsonSchema", -1, b);
        bson_append_document_end(command, &validator);
        bson_append_utf8(command, "validationLevel", -1, "strict", -1);
        bson_append_utf8(command, "validationAction", -1, "error", -1);
    }
    return command;
}

static int run_creation(struct sl_ledger_mongo *l, const char *verb, const char *collection, bool validate, uint32_t *code,
                        struct sl_error *err)
{
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *command = creation(l, verb, collection, validate);
    return try_command(l, command, code, err);
}

static int make_collection(struct sl_ledger_mongo *l, const char *collection, bool validate, struct sl_error *err)
{
    uint32_t code = 0;
    int rc = run_creation(l, "create", collection, validate && !l->ferret, &code, err);
    if (rc == 0 && code == NAMESPACE_EXISTS && validate && !l->ferret)
        rc = run_creation(l, "collMod", collection, true, &code, err);
    if (rc == 0 && validate && (l->ferret || code == NOT_IMPLEMENTED || code == COMMAND_NOT_FOUND)) {
        l->validators = false;
        if (!l->ferret)
            rc = run_creation(l, "create", collection, false, &code, err);
    }
    return rc;
}

/* One a command: FerretDB does not survive one with several that are there. */
static int make_index(struct sl_ledger_mongo *l, const struct index *x, struct sl_error *err)
{
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *command = bson_new();
    bson_t list, one, keys, reply;
    bson_append_utf8(command, "createIndexes", -1, x->collection, -1);
    bson_append_array_begin(command, "indexes", -1, &list);
    bson_append_document_begin(&list, "0", -1, &one);
    bson_append_document_begin(&one, "key", -1, &keys);
    for (size_t k = 0; k < 4 && x->keys[k]; k++)
        bson_append_int32(&keys, x->keys[k] + (x->keys[k][0] == '-'), -1, x->keys[k][0] == '-' ? -1 : 1);
    bson_append_document_end(&one, &keys);
    bson_append_utf8(&one, "name", -1, x->name, -1);
    if (x->unique)
        bson_append_bool(&one, "unique", -1, true);
    bson_append_document_end(&list, &one);
    bson_append_array_end(command, &list);
    bson_init(&reply);
    int rc = sl_ledger_mongo__run(l, command, true, &reply, NULL, err);
    bson_destroy(&reply);
    return rc;
}

/* Processes that were not seen for a day, and commits that were prepared and never decided. */
static int sweep(struct sl_ledger_mongo *l, struct sl_error *err)
{
    int64_t now = 0;
    int rc = sl_ledger_mongo__now(l, &now, err);
    if (rc < 0)
        return rc;
    SL_CLEANUP(sl_json_putp) struct json_object *list = NULL;
    if ((rc = sl_ledger_mongo__list(l, "processes", NULL, NULL, 0, &list, err)) < 0)
        return rc;
    char day_ago[SL_LEDGER_ISO_BYTES];
    sl_ledger_mongo__iso(day_ago, now - INT64_C(24) * 3600 * 1000000);
    for (size_t i = 0; rc == 0 && i < json_object_array_length(list); i++) {
        struct json_object *p = json_object_array_get_idx(list, i);
        if (strcmp(sl_json_str(p, "seen_at", ""), day_ago) < 0)
            rc = sl_ledger_mongo__remove(l, "processes", sl_json_str(p, "_id", ""), NULL, err);
    }
    return rc;
}

static int make_all(struct sl_ledger_mongo *l, struct sl_error *err)
{
    static const char *const own[] = {"queue", "leases", "work", "lookups"};
    int rc = 0;
    l->validators = true;
    for (size_t i = 0; rc == 0 && i < sizeof documents / sizeof *documents; i++)
        rc = make_collection(l, documents[i], true, err);
    for (size_t i = 0; rc == 0 && i < sizeof own / sizeof *own; i++)
        rc = make_collection(l, own[i], false, err);
    for (size_t i = 0; rc == 0 && i < sizeof indexes / sizeof *indexes; i++)
        rc = make_index(l, &indexes[i], err);
    return rc;
}

/* What the collections are made from: another hash, and they are made again. */
static void layout_hash(struct sl_ledger_mongo *l, char hash[SL_SHA256_HEX_BYTES])
{
    struct sl_sha256 *h = sl_sha256_new();
    sl_sha256_update(h, LAYOUT, sizeof LAYOUT);
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        const char *text = json_object_to_json_string(sl_ledger_schema(l->schemas, documents[i]));
        sl_sha256_update(h, text, strlen(text));
    }
    sl_sha256_final(h, hash);
    sl_sha256_free(h);
}

int sl_ledger_mongo__prepare(struct sl_ledger *ledger, struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    SL_CLEANUP(sl_json_putp) struct json_object *layout = NULL;
    char hash[SL_SHA256_HEX_BYTES];
    layout_hash(l, hash);
    int rc = sl_ledger_mongo__get(l, "lookups", "layout", &layout, err);
    if (rc < 0)
        return rc;
    if (!strcmp(sl_json_str(layout, "hash", ""), hash)) {
        l->validators = sl_json_bool(layout, "validators", false);
    } else if ((rc = make_all(l, err)) == 0) {
        SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *b =
            BCON_NEW("hash", BCON_UTF8(hash), "validators", BCON_BOOL(l->validators));
        rc = sl_ledger_mongo__set(l, "lookups", "layout", NULL, b, true, NULL, err);
    }
    return rc < 0 ? rc : sweep(l, err);
}
