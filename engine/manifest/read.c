/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "base/text.h"
#include "manifest/internal.h"

enum { CANONICAL_BYTES = 16 << 20 };

struct reading {
    const char *batch_id; /* "batch" where the manifest's is unfit, so that paths can still be judged */
    const char *bucket;
    struct sl_arena *arena;
    struct sl_violations *violations;
    size_t wrong_id, wrong_paths, wrong_crs;
};

static const char *at_file(const struct reading *r, size_t i, const char *member)
{
    return sl_arena_printf(r->arena, "/files/%zu/%s", i, member);
}

static void read_path(struct reading *r, const char *pointer, const char *path, const char **key)
{
    const char *wrong = sl_manifest_path(path, r->batch_id, r->bucket, r->arena, key);
    if (!wrong)
        return;
    char shown[160];
    bool whole = sl_text_escape(shown, sizeof shown, path);
    sl_violation_add(r->violations, pointer, "", "path", "\"%s%s %s", shown, whole ? "\"" : "", wrong);
    r->wrong_paths++;
}

static void read_sidecars(struct reading *r, size_t i, struct json_object *file, struct sl_manifest_file *out)
{
    struct json_object *list = sl_json_get(file, "sidecars");
    size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    out->sidecar_keys = sl_arena_array(r->arena, n, sizeof *out->sidecar_keys);
    for (size_t k = 0; k < n; k++) {
        struct json_object *path = json_object_array_get_idx(list, k);
        const char *pointer = sl_arena_printf(r->arena, "/files/%zu/sidecars/%zu", i, k);
        const char *key = NULL;
        if (!json_object_is_type(path, json_type_string))
            continue;
        read_path(r, pointer, json_object_get_string(path), &key);
        if (key && out->key && !strcmp(key, out->key)) {
            sl_violation_add(r->violations, pointer, "", "path", "is the file itself");
            r->wrong_paths++;
        } else if (key) {
            out->sidecar_keys[out->n_sidecars++] = key;
        }
    }
}

static void read_crs(struct reading *r, size_t i, struct json_object *file, struct sl_manifest_file *out)
{
    struct json_object *crs = sl_json_get(file, "crs");
    out->crs = sl_json_str(file, "crs", NULL);
    if (json_object_is_type(crs, json_type_object))
        out->crs_projjson = crs;
    const char *wrong = out->crs && *out->crs ? sl_manifest__crs(out->crs, r->arena) : NULL;
    if (wrong) {
        sl_violation_add(r->violations, at_file(r, i, "crs"), "", "crs", "%s", wrong);
        r->wrong_crs++;
    }
}

static bool same_layer(const struct sl_manifest_file *a, const struct sl_manifest_file *b)
{
    return a->layer && b->layer ? !strcmp(a->layer, b->layer) : a->layer == b->layer;
}

/* Several layers of one file are several entries; the same one twice is a mistake. */
static void check_doubled(struct reading *r, const struct sl_manifest_file *files, size_t i)
{
    enum { COMPARED = 1000 };
    for (size_t k = i > COMPARED ? i - COMPARED : 0; files[i].key && k < i; k++) {
        if (!files[k].key || strcmp(files[k].key, files[i].key) != 0 || !same_layer(&files[k], &files[i]))
            continue;
        sl_violation_add(r->violations, at_file(r, i, "path"), "", "path", "is the same file as /files/%zu/path", k);
        r->wrong_paths++;
        return;
    }
}

static void read_file(struct reading *r, size_t i, struct json_object *file, struct sl_manifest_file *out)
{
    *out = (struct sl_manifest_file){
        .path = sl_json_str(file, "path", NULL),
        .type = sl_json_str(file, "type", NULL),
        .format = sl_json_str(file, "format", NULL),
        .layer = sl_json_str(file, "layer", NULL),
        .role = sl_json_str(file, "role", NULL),
        .encoding = sl_json_str(file, "encoding", NULL),
        .sha256 = sl_json_str(file, "sha256", NULL),
        .size = sl_json_int(file, "size", -1),
    };
    if (out->path && *out->path)
        read_path(r, at_file(r, i, "path"), out->path, &out->key);
    read_crs(r, i, file, out);
    read_sidecars(r, i, file, out);
}

static void read_files(struct reading *r, struct json_object *root, struct sl_manifest *out)
{
    struct json_object *files = sl_json_get(root, "files");
    out->n_files = json_object_is_type(files, json_type_array) ? json_object_array_length(files) : 0;
    out->files = sl_arena_array(r->arena, out->n_files, sizeof *out->files);
    for (size_t i = 0; i < out->n_files; i++) {
        read_file(r, i, json_object_array_get_idx(files, i), &out->files[i]);
        check_doubled(r, out->files, i);
    }
}

static void read_batch_id(struct reading *r, struct json_object *root)
{
    const char *id = sl_json_str(root, "batch_id", NULL);
    const char *wrong = id && *id ? sl_manifest__batch_id(id) : NULL;
    r->batch_id = id && *id && !wrong ? id : "batch";
    if (!wrong)
        return;
    char shown[160];
    bool whole = sl_text_escape(shown, sizeof shown, id);
    sl_violation_add(r->violations, "/batch_id", "", "batch_id", "\"%s%s %s", shown, whole ? "\"" : "", wrong);
    r->wrong_id++;
}

static void hash(struct json_object *root, struct sl_manifest *out)
{
    char hex[SL_SHA256_HEX_BYTES];
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, CANONICAL_BYTES);
    sl_json_canonical(root, &text);
    sl_sha256_of(text.data, text.len, hex);
    snprintf(out->content_hash, sizeof out->content_hash, "sha256:%s", hex);
}

bool sl_manifest_read(const struct sl_manifest_checker *checker, const struct sl_doc *doc, const char *landing_bucket,
                      struct sl_arena *arena, struct sl_violations *violations, enum sl_code *code,
                      struct sl_manifest *out)
{
    struct json_object *root = doc->root;
    struct reading r = {.bucket = landing_bucket, .arena = arena, .violations = violations};
    bool shaped = sl_schema_check(sl_manifest__schema(checker), root, violations);
    struct sl_manifest m = {
        .batch_id = sl_json_str(root, "batch_id", NULL),
        .uploader = sl_json_str(root, "uploader", NULL),
        .intent = sl_json_str(root, "intent", NULL),
        .dataset = sl_json_str(root, "dataset", NULL),
        .crs_policy = sl_json_str(root, "crs_policy", NULL),
        .bad_rows = sl_json_str(root, "bad_rows", NULL),
        .params = sl_json_get(root, "params"),
        .metadata = sl_json_get(root, "metadata"),
        .root = root,
    };
    read_batch_id(&r, root);
    read_files(&r, root, &m);
    if (!shaped || r.wrong_id || r.wrong_paths || r.wrong_crs) {
        *code = !shaped         ? SL_E_MANIFEST_SCHEMA
                : r.wrong_id    ? SL_E_MANIFEST_BATCH_ID
                : r.wrong_paths ? SL_E_MANIFEST_PATH
                                : SL_E_MANIFEST_CRS;
        return false;
    }
    hash(root, &m);
    *out = m;
    return true;
}
