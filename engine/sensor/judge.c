/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/judge.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/sha256.h"
#include "json/json.h"
#include "store/store.h"

enum { MANIFEST_MAX_BYTES = 1024 * 1024 };

struct reading {
    struct sl_found *found;
    struct sl_sha256 *hash;
};

/* Past the maximum the bytes are only hashed: a refused manifest is known by its hash as well. */
static int take_in(void *data, const void *bytes, size_t n, struct sl_error *err)
{
    struct reading *r = data;
    (void)err;
    sl_sha256_update(r->hash, bytes, n);
    r->found->size_bytes += (int64_t)n;
    r->found->too_large |= r->found->size_bytes > MANIFEST_MAX_BYTES;
    if (!r->found->too_large)
        sl_buf_add(&r->found->text, bytes, n);
    return 0;
}

int sl_found_read(struct sl_engine *engine, const char *key, struct sl_found *f, struct sl_error *err)
{
    *f = (struct sl_found){.arena = sl_arena_new()};
    f->key = sl_arena_strdup(f->arena, key);
    sl_buf_init(&f->text, MANIFEST_MAX_BYTES);
    struct reading r = {.found = f, .hash = sl_sha256_new()};
    struct sl_object_info info = {0};
    int rc = sl_store_get(engine->store, engine->config->landing_bucket, key, 0, -1, NULL, take_in, &r, &info, err);
    if (rc == 0) {
        memcpy(f->content_hash, "sha256:", sizeof "sha256:");
        sl_sha256_final(r.hash, f->content_hash + 7);
        snprintf(f->etag, sizeof f->etag, "%s", info.etag);
        f->modified_ns = info.modified_ns;
    }
    sl_sha256_free(r.hash);
    return rc;
}

void sl_found_release(struct sl_found *f)
{
    sl_doc_free(f->doc);
    sl_buf_free(&f->text);
    json_object_put(f->violations);
    sl_arena_free(f->arena);
    *f = (struct sl_found){0};
}

const char *sl_found_refused_id(const struct sl_found *f)
{
    enum { NAME_MAX_BYTES = 115 };
    const char *name = f->said_id ? f->said_id : sl_path_stem(f->arena, f->key);
    size_t n = strnlen(name, NAME_MAX_BYTES + 1);
    if (n > NAME_MAX_BYTES)
        for (n = NAME_MAX_BYTES; n > 0 && ((unsigned char)name[n] & 0xC0) == 0x80;)
            n--; /* not in the middle of a character */
    return sl_arena_printf(f->arena, "%.*s@%.12s", (int)n, name, f->content_hash + 7);
}

/* Recipe and parameters are part of the check: what cannot run is refused before anything else happens. */
static int check_recipe(struct sl_engine *engine, struct sl_found *f)
{
    const struct sl_manifest *m = &f->manifest;
    const struct sl_recipe *recipe = NULL;
    bool fallback = false;
    struct sl_bound_recipe bound;
    int rc = sl_recipe_select(engine->recipes, m->intent, m->files[0].type, engine->config->run_strict_intents, &recipe,
                              &fallback, &f->why);
    return rc < 0 ? rc : sl_recipe_bind(recipe, &engine->kinds, m->params, f->arena, &bound, &f->why);
}

static int check_limits(struct sl_engine *engine, struct sl_found *f)
{
    int64_t most = engine->config->input_max_files;
    if ((int64_t)f->manifest.n_files <= most)
        return 0;
    return sl_fail(&f->why, SL_E_LIMIT, "the manifest names %zu files, input.max_files is %lld", f->manifest.n_files,
                   (long long)most);
}

enum sl_verdict sl_found_judge(struct sl_engine *engine, struct sl_found *f)
{
    if (f->too_large) {
        sl_fail(&f->why, SL_E_JSON_SIZE, "%s is larger than %d bytes", f->key, MANIFEST_MAX_BYTES);
        return SL_VERDICT_BAD;
    }
    if (sl_json_parse(f->key, f->text.data, f->text.len, &sl_json_limits_small, &f->doc, &f->why) < 0)
        return f->why.code == SL_E_JSON_SYNTAX || f->why.code == SL_E_JSON_ENCODING ? SL_VERDICT_UNFINISHED
                                                                                    : SL_VERDICT_BAD;
    struct sl_violations violations = {.arena = f->arena};
    enum sl_code code = SL_OK;
    if (json_object_is_type(f->doc->root, json_type_object))
        f->said_id = sl_json_str(f->doc->root, "batch_id", NULL);
    if (!sl_manifest_read(engine->checker, f->doc, engine->config->landing_bucket, f->arena, &violations, &code,
                          &f->manifest)) {
        sl_manifest_fail(f->doc, &violations, code, &f->why);
        f->violations = sl_manifest_violations_json(f->doc, &violations);
        return SL_VERDICT_BAD;
    }
    f->said_id = f->manifest.batch_id;
    return check_limits(engine, f) < 0 || check_recipe(engine, f) < 0 ? SL_VERDICT_BAD : SL_VERDICT_GOOD;
}
