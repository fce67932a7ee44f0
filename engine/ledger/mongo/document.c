/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents as BSON. Where the schema says date, the text becomes a BSON date (milliseconds; the engine's microseconds
 * are cut, and what decides an order keeps them beside it as a number). A member of the top that a server would refuse,
 * or that BSON would change, is kept as JSON text in "<member>_text": names with '$' or '.', empty names, deep values,
 * integers beyond 64 bits.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/mongo/mongo.h"

enum { MAX_PLAIN_DEPTH = 60, MAX_KEY_BYTES = 1024 };

static const char text_suffix[] = "_text";
static const double LARGEST_WHOLE = 9007199254740992.0; /* every smaller integer is a double */
/* A document of ours that is read back: as large as a server holds one. */
static const struct sl_json_limits limits = {.max_bytes = 17u << 20, .max_depth = 200, .max_values = 4000000};

void sl_ledger_mongo__bsonp(bson_t **b)
{
    bson_destroy(*b);
}

/* ---- what BSON and the servers hold as it is ---- */

static bool plain_number(struct json_object *v)
{
    if (json_object_is_type(v, json_type_int)) {
        /* json-c keeps what is beyond int64 as uint64 and cuts it when asked for int64 */
        return json_object_get_int64(v) != INT64_MAX || json_object_get_uint64(v) == (uint64_t)INT64_MAX;
    }
    double d = json_object_get_double(v);
    const char *text = json_object_get_string(v);
    /* An integer beyond 64 bits is a double with the text that it had. */
    bool whole = !strpbrk(text, ".eE") && fabs(d) > LARGEST_WHOLE;
    return isfinite(d) && (d != 0.0 || !signbit(d)) && !whole;
}

static bool plain_key(const char *key)
{
    return key[0] && key[0] != '$' && !strchr(key, '.') && strlen(key) < MAX_KEY_BYTES;
}

/* FerretDB has no lists in lists. */
static bool plain(struct json_object *v, bool ferret, int depth)
{
    if (depth > MAX_PLAIN_DEPTH)
        return false;
    switch (json_object_get_type(v)) {
    case json_type_object: {
        json_object_object_foreach (v, key, member)
            if (!plain_key(key) || !plain(member, ferret, depth + 1))
                return false;
        return true;
    }
    case json_type_array:
        for (size_t i = 0; i < json_object_array_length(v); i++) {
            struct json_object *item = json_object_array_get_idx(v, i);
            if ((ferret && json_object_is_type(item, json_type_array)) || !plain(item, ferret, depth + 1))
                return false;
        }
        return true;
    case json_type_int:
    case json_type_double:
        return plain_number(v);
    case json_type_string:
        return strlen(json_object_get_string(v)) == (size_t)json_object_get_string_len(v);
    case json_type_null:
    case json_type_boolean:
        break;
    }
    return true;
}

/* ---- to BSON ---- */

/* What the schema says of a value, as far as dates in it go. root NULL: nothing. */
struct said {
    struct json_object *root, *schema;
};

static struct said said_of(struct said s, const char *key)
{
    struct json_object *here = s.root ? sl_ledger_mongo__resolve(s.root, s.schema) : NULL, *found = NULL;
    struct json_object *any = sl_json_get(here, "anyOf");
    for (size_t i = 0; !found && json_object_is_type(any, json_type_array) && i < json_object_array_length(any); i++) {
        struct json_object *branch = sl_ledger_mongo__resolve(s.root, json_object_array_get_idx(any, i));
        found = key ? sl_json_get(sl_json_get(branch, "properties"), key) : sl_json_get(branch, "items");
    }
    if (!found)
        found = key ? sl_json_get(sl_json_get(here, "properties"), key) : sl_json_get(here, "items");
    return (struct said){found ? s.root : NULL, found};
}

static void put_value(bson_t *b, const char *key, struct json_object *v, struct said s);

static void put_object(bson_t *b, struct json_object *v, struct said s)
{
    json_object_object_foreach (v, key, member)
        put_value(b, key, member, s.root ? said_of(s, key) : s);
}

static void put_array(bson_t *b, struct json_object *v, struct said s)
{
    struct said items = s.root ? said_of(s, NULL) : s;
    for (size_t i = 0; i < json_object_array_length(v); i++) {
        char buffer[16];
        const char *key;
        bson_uint32_to_string((uint32_t)i, &key, buffer, sizeof buffer);
        put_value(b, key, json_object_array_get_idx(v, i), items);
    }
}

static void put_text(bson_t *b, const char *key, struct json_object *v, struct said s)
{
    int64_t us;
    const char *text = json_object_get_string(v);
    if (s.root && sl_ledger_mongo__says_date(s.root, s.schema) && sl_clock_parse(text, &us))
        bson_append_date_time(b, key, -1, us >= 0 ? us / 1000 : -((-us + 999) / 1000));
    else
        bson_append_utf8(b, key, -1, text, json_object_get_string_len(v));
}

static void put_value(bson_t *b, const char *key, struct json_object *v, struct said s)
{
    bson_t child;
    switch (json_object_get_type(v)) {
    case json_type_null:
        bson_append_null(b, key, -1);
        break;
    case json_type_boolean:
        bson_append_bool(b, key, -1, json_object_get_boolean(v));
        break;
    case json_type_int:
        bson_append_int64(b, key, -1, json_object_get_int64(v));
        break;
    case json_type_double:
        bson_append_double(b, key, -1, json_object_get_double(v));
        break;
    case json_type_string:
        put_text(b, key, v, s);
        break;
    case json_type_object:
        bson_append_document_begin(b, key, -1, &child);
        put_object(&child, v, s);
        bson_append_document_end(b, &child);
        break;
    case json_type_array:
        bson_append_array_begin(b, key, -1, &child);
        put_array(&child, v, s);
        bson_append_array_end(b, &child);
        break;
    }
}

bson_t *sl_ledger_mongo__bson(struct json_object *doc)
{
    bson_t *b = bson_new();
    if (doc)
        put_object(b, doc, (struct said){0});
    return b;
}

static void put_member(bson_t *b, const char *key, struct json_object *member, struct said s, bool ferret)
{
    bool nested = json_object_is_type(member, json_type_object) || json_object_is_type(member, json_type_array);
    char name[64];
    if (plain(member, ferret, 0) || strlen(key) + sizeof text_suffix > sizeof name) {
        put_value(b, key, member, s);
        return;
    }
    if (nested || json_object_is_type(member, json_type_int) || json_object_is_type(member, json_type_double)) {
        snprintf(name, sizeof name, "%s%s", key, text_suffix);
        bson_append_null(b, key, -1);
        bson_append_utf8(b, name, -1, json_object_to_json_string_ext(member, JSON_C_TO_STRING_PLAIN), -1);
    } else {
        put_value(b, key, member, s);
    }
}

int sl_ledger_mongo__encode(struct sl_ledger_mongo *l, const char *collection, struct json_object *doc, bson_t **out,
                            struct sl_error *err)
{
    struct json_object *schema = sl_ledger_schema(l->schemas, collection);
    const struct said whole = {schema, schema};
    bson_t *b = bson_new();
    json_object_object_foreach (doc, key, member)
        put_member(b, key, member, said_of(whole, key), l->ferret);
    if (b->len > SL_LEDGER_MAX_DOCUMENT_BYTES) {
        uint32_t bytes = b->len;
        bson_destroy(b);
        int rc = sl_fail(err, SL_E_LIMIT, "a document for %s has %u bytes, the ledger takes %d", collection, bytes,
                         SL_LEDGER_MAX_DOCUMENT_BYTES);
        sl_error_hint(err, "split the batch into smaller ones");
        return rc;
    }
    *out = b;
    return 0;
}

bool sl_ledger_mongo__is_date(struct sl_ledger_mongo *l, const char *collection, const char *path)
{
    struct json_object *schema = sl_ledger_schema(l->schemas, collection);
    struct said s = {schema, schema};
    char key[256];
    for (const char *p = path; s.root && *p;) {
        size_t len = strcspn(p, ".");
        snprintf(key, sizeof key, "%.*s", (int)(len < sizeof key ? len : sizeof key - 1), p);
        struct said items = said_of(s, NULL);
        bool index = key[0] && !key[strspn(key, "0123456789")];
        s = items.root && index ? items : said_of(items.root ? items : s, key);
        p += len + (p[len] == '.');
    }
    return s.root && sl_ledger_mongo__says_date(s.root, s.schema);
}

/* ---- from BSON ---- */

static struct json_object *value_of(const bson_iter_t *it, int depth);

static struct json_object *children_of(const bson_iter_t *it, bool array, int depth)
{
    struct json_object *o = array ? json_object_new_array() : json_object_new_object();
    bson_iter_t child;
    if (depth > limits.max_depth || !bson_iter_recurse(it, &child))
        return o;
    while (bson_iter_next(&child)) {
        if (array)
            json_object_array_add(o, value_of(&child, depth + 1));
        else
            json_object_object_add(o, bson_iter_key(&child), value_of(&child, depth + 1));
    }
    return o;
}

static struct json_object *value_of(const bson_iter_t *it, int depth)
{
    char text[SL_LEDGER_ISO_BYTES];
    uint32_t len = 0;
    const char *s;
    switch (bson_iter_type(it)) {
    case BSON_TYPE_UTF8:
        s = bson_iter_utf8(it, &len);
        return json_object_new_string_len(s, (int)len);
    case BSON_TYPE_INT32:
    case BSON_TYPE_INT64:
        return json_object_new_int64(bson_iter_as_int64(it));
    case BSON_TYPE_DOUBLE:
        return sl_json_double(bson_iter_double(it));
    case BSON_TYPE_BOOL:
        return json_object_new_boolean(bson_iter_bool(it));
    case BSON_TYPE_DATE_TIME:
        return json_object_new_string(sl_ledger_mongo__iso(text, bson_iter_date_time(it) * 1000));
    case BSON_TYPE_OID:
        bson_oid_to_string(bson_iter_oid(it), text);
        return json_object_new_string(text);
    case BSON_TYPE_DOCUMENT:
        return children_of(it, false, depth);
    case BSON_TYPE_ARRAY:
        return children_of(it, true, depth);
    default:
        return NULL;
    }
}

/* "manifest_text" becomes "manifest" again. */
static void take_text(struct json_object *doc, const char *key, const char *text)
{
    char name[64];
    size_t len = strlen(key) - (sizeof text_suffix - 1);
    SL_CLEANUP(sl_doc_freep) struct sl_doc *parsed = NULL;
    if (len >= sizeof name || sl_json_parse(key, text, strlen(text), &limits, &parsed, NULL) < 0)
        return;
    snprintf(name, sizeof name, "%.*s", (int)len, key);
    json_object_object_add(doc, name, json_object_get(parsed->root));
}

struct json_object *sl_ledger_mongo__decode(const bson_t *b)
{
    struct json_object *doc = json_object_new_object();
    bson_iter_t it;
    if (!bson_iter_init(&it, b))
        return doc;
    while (bson_iter_next(&it)) {
        const char *key = bson_iter_key(&it);
        size_t len = strlen(key), suffix = sizeof text_suffix - 1;
        if (len > suffix && !strcmp(key + len - suffix, text_suffix) && BSON_ITER_HOLDS_UTF8(&it))
            take_text(doc, key, bson_iter_utf8(&it, NULL));
        else
            json_object_object_add(doc, key, value_of(&it, 1));
    }
    return doc;
}
