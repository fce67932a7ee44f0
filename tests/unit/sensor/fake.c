/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/sensor/fake.h"

#include "support/cm.h"

#include "base/sha256.h"
#include "json/json.h"
#include "lake/outputs.h"
#include "ledger/ledger.h"
#include "step/step.h"

struct fake_port {
    union {
        struct sl_store store;
        struct sl_ledger ledger;
    } base;
    struct fake *fake;
};

static struct fake *of_store(struct sl_store *s)
{
    return ((struct fake_port *)s)->fake;
}

static struct fake *of_ledger(struct sl_ledger *l)
{
    return ((struct fake_port *)l)->fake;
}

static int by_key(const void *a, const void *b)
{
    const struct fake_object *x = a, *y = b;
    return strcmp(x->key, y->key);
}

static struct fake_object *find(const struct fake *f, const char *key)
{
    const struct fake_object wanted = {.key = (char *)(uintptr_t)key};
    if (!f->unsorted)
        return bsearch(&wanted, f->objects, f->n_objects, sizeof wanted, by_key);
    for (size_t i = 0; i < f->n_objects; i++)
        if (!strcmp(f->objects[i].key, key))
            return (struct fake_object *)(uintptr_t)&f->objects[i];
    return NULL;
}

void fake_put(struct fake *f, const char *key, const char *text)
{
    static int64_t time;
    char hex[SL_SHA256_HEX_BYTES];
    struct fake_object *o = find(f, key);
    if (!o) {
        assert_true(f->n_objects < FAKE_MAX);
        o = &f->objects[f->n_objects++];
        *o = (struct fake_object){.key = sl_xstrdup(key)};
        f->unsorted |= o > f->objects && by_key(o - 1, o) > 0;
    }
    char *copy = sl_xstrdup(text);
    free(o->text);
    o->text = copy;
    sl_sha256_of(text, strlen(text), hex);
    snprintf(o->etag, sizeof o->etag, "%.16s", hex);
    o->modified_ns = ++time;
}

void fake_put_manifest(struct fake *f, const char *batch_id, const char *intent)
{
    char key[256], text[1024];
    snprintf(key, sizeof key, "manifests/%s.json", batch_id);
    snprintf(text, sizeof text,
             "{\"batch_id\": \"%s\", \"uploader\": \"ana\", \"intent\": \"%s\", \"files\": [{\"path\": \"a.gpkg\","
             " \"type\": \"vector\"}], \"metadata\": {\"project\": \"P\"}}",
             batch_id, intent);
    fake_put(f, key, text);
}

bool fake_has(const struct fake *f, const char *key)
{
    return find(f, key) != NULL;
}

const char *fake_status(const struct fake *f, const char *batch_id)
{
    struct json_object *doc = sl_json_get(f->batches, batch_id);
    return doc ? sl_json_str(doc, "status", "") : "";
}

/* ---- the store ---- */

static int fill_info(const struct fake_object *o, struct sl_object_info *info)
{
    if (info) {
        *info = (struct sl_object_info){.size_bytes = (int64_t)strlen(o->text), .modified_ns = o->modified_ns};
        snprintf(info->etag, sizeof info->etag, "%s", o->etag);
    }
    return 0;
}

static int list(struct sl_store *s, const char *bucket, const char *prefix, const char *start_after, int64_t max_keys,
                sl_store_entry entry, void *data, struct sl_error *err)
{
    struct fake *f = of_store(s);
    (void)bucket, (void)max_keys;
    f->lists++;
    if (f->list_fails)
        return sl_fail(err, f->list_fails, "the fake store is away");
    qsort(f->objects, f->n_objects, sizeof *f->objects, by_key);
    f->unsorted = false;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < f->n_objects; i++) {
        struct sl_list_entry e = {.key = f->objects[i].key};
        if (strncmp(e.key, prefix, strlen(prefix)) != 0 || (start_after && strcmp(e.key, start_after) <= 0))
            continue;
        fill_info(&f->objects[i], &e.info);
        rc = entry(data, &e, err);
    }
    return rc;
}

static int remove_object(struct sl_store *s, const char *bucket, const char *key, struct sl_error *err)
{
    struct fake *f = of_store(s);
    struct fake_object *o = find(f, key);
    (void)bucket, (void)err;
    if (o) {
        free(o->key);
        free(o->text);
        *o = f->objects[--f->n_objects];
        f->unsorted = true;
    }
    return 0;
}

static int get(struct sl_store *s, const char *bucket, const char *key, int64_t offset, int64_t length,
               const char *if_match, sl_store_sink sink, void *data, struct sl_object_info *info, struct sl_error *err)
{
    struct fake *f = of_store(s);
    struct fake_object *o = find(f, key);
    (void)bucket, (void)offset, (void)length, (void)if_match;
    f->gets++;
    if (f->get_fails && (!f->get_fails_for || !strcmp(f->get_fails_for, key)))
        return sl_fail(err, f->get_fails, "the fake store does not give %s", key);
    if (!o)
        return sl_fail(err, SL_E_STORE_NOT_FOUND, "%s does not exist", key);
    int rc = sink(data, o->text, strlen(o->text), err);
    if (rc == 0)
        fill_info(o, info);
    if (rc == 0 && f->goes_after_get && !strcmp(f->goes_after_get, key))
        rc = remove_object(s, bucket, key, err);
    return rc;
}

static int put(struct sl_store *s, const char *bucket, const char *key, const void *bytes, size_t n,
               const struct sl_put_options *options, struct sl_object_info *info, struct sl_error *err)
{
    char *text = sl_xcalloc(1, n + 1);
    (void)bucket, (void)options, (void)info, (void)err;
    memcpy(text, bytes, n);
    of_store(s)->puts++;
    fake_put(of_store(s), key, text);
    free(text);
    return 0;
}

static int copy(struct sl_store *s, const char *from_bucket, const char *from, const char *to_bucket, const char *to,
                const struct sl_put_options *options, struct sl_object_info *info, struct sl_error *err)
{
    struct fake_object *o = find(of_store(s), from);
    (void)from_bucket, (void)to_bucket, (void)options, (void)info;
    if (!o)
        return sl_fail(err, SL_E_STORE_NOT_FOUND, "%s does not exist", from);
    fake_put(of_store(s), to, o->text);
    return 0;
}

static int head(struct sl_store *s, const char *bucket, const char *key, struct sl_object_info *info,
                struct sl_meta *meta, struct sl_error *err)
{
    struct fake_object *o = find(of_store(s), key);
    (void)bucket, (void)meta;
    of_store(s)->heads++;
    return o ? fill_info(o, info) : sl_fail(err, SL_E_STORE_NOT_FOUND, "%s does not exist", key);
}

static void free_port(void *port)
{
    free(port);
}

static void free_store(struct sl_store *s)
{
    free_port(s);
}

static const struct sl_store_ops store_ops = {.name = "fake",
                                              .list = list,
                                              .get = get,
                                              .put = put,
                                              .copy = copy,
                                              .head = head,
                                              .remove = remove_object,
                                              .free = free_store};

/* ---- the ledger ---- */

static int register_batch(struct sl_ledger *l, struct json_object *doc, enum sl_registered *out, struct sl_error *err)
{
    struct fake *f = of_ledger(l);
    const char *id = sl_json_str(doc, "batch_id", "");
    struct json_object *known = sl_json_get(f->batches, id);
    (void)err;
    f->registered++;
    if (known) {
        bool same = !strcmp(sl_json_str(known, "content_hash", ""), sl_json_str(doc, "content_hash", ""));
        *out = same ? SL_REGISTERED_SAME : SL_REGISTERED_OTHER;
        return 0;
    }
    json_object_object_add(f->batches, id, json_object_get(doc));
    *out = SL_REGISTERED_NEW;
    return 0;
}

static int get_batch(struct sl_ledger *l, const char *batch_id, struct json_object **out, struct sl_error *err)
{
    struct json_object *known = sl_json_get(of_ledger(l)->batches, batch_id);
    (void)err;
    *out = known ? json_object_get(known) : NULL;
    return 0;
}

static int move_manifest(struct sl_ledger *l, const char *batch_id, const char *key, const char *leaving,
                         struct sl_error *err)
{
    struct json_object *batch = sl_json_get(of_ledger(l)->batches, batch_id);
    (void)err;
    sl_json_put_str(batch, "manifest_key", key);
    sl_json_put_str(batch, "leaving", leaving);
    return 0;
}

static int left_manifest(struct sl_ledger *l, const char *batch_id, const char *left, struct sl_error *err)
{
    struct json_object *batch = sl_json_get(of_ledger(l)->batches, batch_id);
    (void)err;
    if (!strcmp(sl_json_str(batch, "leaving", ""), left))
        sl_json_put(batch, "leaving", NULL);
    return 0;
}

static int reopen(struct sl_ledger *l, const char *batch_id, struct json_object *replay, const char *manifest_key,
                  struct sl_error *err)
{
    struct json_object *batch = sl_json_get(of_ledger(l)->batches, batch_id);
    (void)err, (void)replay;
    sl_json_put_str(batch, "status", "pending");
    if (manifest_key)
        sl_json_put_str(batch, "manifest_key", manifest_key);
    return 0;
}

static void free_ledger(struct sl_ledger *l)
{
    free_port(l);
}

static const struct sl_ledger_ops ledger_ops = {.name = "fake",
                                                .register_batch = register_batch,
                                                .get_batch = get_batch,
                                                .move_manifest = move_manifest,
                                                .left_manifest = left_manifest,
                                                .reopen = reopen,
                                                .free = free_ledger};

static void *port_of(struct fake *f)
{
    struct fake_port *p = sl_xcalloc(1, sizeof *p);
    p->fake = f;
    return p;
}

struct fake *fake_new(const char *extra_key, const char *extra_value)
{
    struct sl_error err = {0};
    struct fake *f = sl_xcalloc(1, sizeof *f);
    const struct sl_config_flag flags[] = {{"schemas.path", SLUICE_SOURCE_DIR "/schemas"},
                                           {"recipes.path", SLUICE_SOURCE_DIR "/recipes"},
                                           {extra_key, extra_value}};
    assert_ok(sl_config_load(flags, extra_key ? 3 : 2, &f->config, &err));
    struct sl_engine *e = &f->engine;
    e->config = f->config;
    e->arena = sl_arena_new();
    e->kinds = (struct sl_kinds){sl_steps, sl_checks, sl_outputs};
    e->store = port_of(f);
    e->store->ops = &store_ops;
    e->ledger = port_of(f);
    e->ledger->ops = &ledger_ops;
    f->batches = json_object_new_object();
    assert_ok(sl_limits_read(f->config, e->arena, &e->limits, &err));
    assert_ok(sl_recipe_set_load(f->config->recipes_path, &e->kinds, &e->recipes, &err));
    assert_ok(sl_manifest_checker_new(f->config->schemas_path, &e->checker, &err));
    return f;
}

void fake_free(struct fake *f)
{
    for (size_t i = 0; i < f->n_objects; i++) {
        free(f->objects[i].key);
        free(f->objects[i].text);
    }
    json_object_put(f->batches);
    sl_manifest_checker_free(f->engine.checker);
    sl_recipe_set_free(f->engine.recipes);
    f->engine.store->ops->free(f->engine.store);
    f->engine.ledger->ops->free(f->engine.ledger);
    sl_arena_free(f->engine.arena);
    sl_config_free(f->config);
    free(f);
}
