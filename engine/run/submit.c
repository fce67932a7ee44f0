/* SPDX-License-Identifier: Apache-2.0 */
/* Submit: a manifest checked or written, its files uploaded, the manifest last. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "geo/format.h"
#include "geo/gdal/raster.h"
#include "geo/gdal/vector.h"
#include "json/json.h"
#include "run/batch.h"
#include "run/manifest_place.h"
#include "store/store.h"

struct upload {
    const char *path, *key;
    int64_t bytes;
};

struct submission {
    struct sl_engine *engine;
    const struct sl_submit *submit;
    struct sl_arena *arena;
    struct sl_manifest manifest;
    struct upload *uploads;
    size_t n_uploads, capacity;
};

static int64_t file_size(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (int64_t)st.st_size : -1;
}

/* ---- writing a manifest ---- */

static int read_crs(const char *path, const struct sl_format *format, const char *layer, struct sl_arena *arena,
                    const char **id, struct sl_error *err)
{
    *id = NULL;
    if (format->type == SL_DATA_RASTER) {
        const struct sl_raster_limits no_limits = {.max_pixels = INT64_MAX};
        SL_CLEANUP(sl_raster_closep) struct sl_raster *r = NULL;
        int rc = sl_raster_open(path, format, &no_limits, &r, err);
        if (rc == 0 && sl_raster_info(r)->crs)
            *id = sl_arena_strdup(arena, sl_raster_info(r)->crs->id);
        return rc;
    }
    if (format->type != SL_DATA_VECTOR)
        return 0;
    struct sl_vector_layer *layers = NULL;
    size_t n = 0;
    int rc = sl_vector_layers(path, format, arena, &layers, &n, err);
    if (rc < 0 || (!layer && n != 1))
        return rc;
    const struct sl_vector_options options = {.format = format, .layer = layer ? layer : layers[0].name};
    SL_CLEANUP(sl_vector_closep) struct sl_vector *v = NULL;
    rc = sl_vector_open(path, &options, &v, err);
    if (rc == 0 && sl_vector_info(v)->crs)
        *id = sl_arena_strdup(arena, sl_vector_info(v)->crs->id);
    return rc;
}

static bool same_stem(const char *name, const char *main_name, size_t stem)
{
    return !strncmp(name, main_name, stem) && name[stem] == '.' && strcmp(name, main_name) != 0;
}

/* Files beside it that the format knows as its sidecars. */
static int add_sidecars(struct submission *s, const char *path, const struct sl_format *format,
                        struct json_object *file, struct sl_error *err)
{
    const char *base = sl_path_base(path);
    const char *folder = base == path ? "." : sl_arena_strndup(s->arena, path, (size_t)(base - path));
    const char *dot = strrchr(base, '.');
    char **names = NULL;
    size_t n = 0;
    if (!dot || !format->sidecars || !format->sidecars[0] || sl_format_archive_name(base))
        return 0;
    int rc = sl_dir_list(folder, s->arena, &names, &n, err);
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (!same_stem(names[i], base, (size_t)(dot - base)))
            continue;
        const char *ext = sl_path_ext(s->arena, names[i]);
        for (size_t k = 0; format->sidecars[k]; k++)
            if (!strcmp(ext, format->sidecars[k]))
                json_object_array_add(list, json_object_new_string(names[i]));
    }
    if (json_object_array_length(list))
        sl_json_put(file, "sidecars", list);
    else
        json_object_put(list);
    return rc;
}

static int describe_file(struct submission *s, const struct sl_submit_file *f, struct json_object **out,
                         struct sl_error *err)
{
    enum sl_data_type type = SL_DATA_VECTOR;
    char hex[SL_SHA256_HEX_BYTES];
    int64_t bytes = file_size(f->path);
    if (bytes < 0)
        return sl_fail(err, SL_E_FILE_MISSING, "%s is not a file", f->path);
    sl_data_type_by_name(s->submit->type, &type);
    const struct sl_format *format = f->format ? sl_format_by_name(f->format) : sl_format_by_path(f->path, type);
    if (!format || !sl_format_suits(format, type)) {
        sl_fail(err, SL_E_FILE_FORMAT, "%s is of no %s format that sluice reads", f->path, s->submit->type);
        sl_error_hint(err, "name it with --format, e.g. --format GPKG");
        return -SL_E_FILE_FORMAT;
    }
    const char *crs = s->submit->crs;
    int rc = f->format || type != SL_DATA_VECTOR ? 0 : sl_vector_format_inside(f->path, &format, err);
    if (rc == 0 && !crs)
        rc = read_crs(f->path, format, s->submit->layer, s->arena, &crs, err);
    if (rc == 0)
        rc = sl_sha256_file(f->path, hex, &bytes, err);
    if (rc < 0) {
        sl_error_prefix(err, "%s", f->path);
        return rc;
    }
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "path", sl_path_base(f->path));
    sl_json_put_str(o, "type", s->submit->type);
    sl_json_put_str(o, "format", format->name);
    if (crs)
        sl_json_put_str(o, "crs", crs);
    if (s->submit->layer)
        sl_json_put_str(o, "layer", s->submit->layer);
    sl_json_put_str(o, "sha256", hex);
    sl_json_put_int(o, "size", bytes);
    rc = add_sidecars(s, f->path, format, o, err);
    if (rc < 0)
        json_object_put(o);
    else
        *out = o;
    return rc;
}

/* "roads-20261121-7f3a" */
static const char *make_batch_id(struct sl_arena *arena, const char *path)
{
    char date[SL_ISO8601_BYTES];
    unsigned char random[2];
    sl_clock_date(date, sl_clock_wall_ns());
    sl_clock_random(random, sizeof random);
    char *stem = sl_path_stem(arena, path);
    for (char *p = stem; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '_' && *p != '-' && *p != '.')
            *p = '-';
    if (!isalnum((unsigned char)stem[0]))
        stem = sl_arena_strdup(arena, "batch");
    return sl_arena_printf(arena, "%.80s-%.4s%.2s%.2s-%02x%02x", stem, date, date + 5, date + 8, random[0], random[1]);
}

static int write_manifest(struct submission *s, char **text, struct sl_error *err)
{
    const struct sl_submit *q = s->submit;
    enum sl_data_type type;
    if (!q->intent || !q->type || q->n_files == 0)
        return sl_fail(err, SL_E_USAGE, "a manifest is written from --intent, --type and at least one file");
    if (!sl_data_type_by_name(q->type, &type))
        return sl_fail(err, SL_E_USAGE, "\"%s\" is not a type: vector, raster, grid or table", q->type);
    SL_CLEANUP(sl_json_putp) struct json_object *m = json_object_new_object();
    struct json_object *files = json_object_new_array(), *metadata = json_object_new_object();
    sl_json_put_str(m, "batch_id", q->batch_id ? q->batch_id : make_batch_id(s->arena, q->files[0].path));
    sl_json_put_str(m, "uploader", q->uploader);
    sl_json_put_str(m, "intent", q->intent);
    if (q->dataset)
        sl_json_put_str(m, "dataset", q->dataset);
    if (q->crs_policy)
        sl_json_put_str(m, "crs_policy", q->crs_policy);
    sl_json_put(m, "files", files);
    if (q->params)
        sl_json_put(m, "params", json_object_get(q->params));
    sl_json_put_str(metadata, "project", q->project ? q->project : "default");
    sl_json_put_str(metadata, "description", q->description ? q->description : "");
    sl_json_put(m, "metadata", metadata);
    for (size_t i = 0; i < q->n_files; i++) {
        struct json_object *file = NULL;
        int rc = describe_file(s, &q->files[i], &file, err);
        if (rc < 0)
            return rc;
        json_object_array_add(files, file);
    }
    *text = sl_arena_strdup(
        s->arena, json_object_to_json_string_ext(m, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
    return 0;
}

/* ---- what to upload ---- */

static void add_upload(struct submission *s, const char *path, const char *key, int64_t bytes)
{
    if (s->n_uploads == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 16;
        struct upload *more = sl_arena_array(s->arena, capacity, sizeof *more);
        memcpy(more, s->uploads ? s->uploads : more, s->n_uploads * sizeof *more);
        s->uploads = more;
        s->capacity = capacity;
    }
    s->uploads[s->n_uploads++] = (struct upload){path, key, bytes};
}

/* A local file for a key: as the batch's folder has it below the manifest's, else of that name beside the manifest. */
static const char *local_of(struct submission *s, const char *key, const char *folder)
{
    const char *prefix = sl_arena_printf(s->arena, "%s/", s->manifest.batch_id);
    for (size_t i = 0; i < s->submit->n_files && !s->submit->manifest_path; i++) {
        const char *given = s->submit->files[i].path, *base = sl_path_base(given);
        const char *wanted = sl_path_base(key);
        if (!strcmp(base, wanted))
            return given;
        const char *beside = sl_arena_printf(s->arena, "%.*s%s", (int)(base - given), given, wanted);
        if (file_size(beside) >= 0)
            return beside;
    }
    if (!folder)
        return NULL;
    const char *below = sl_text_starts(key, prefix) ? key + strlen(prefix) : sl_path_base(key);
    const char *path = sl_path_join(s->arena, folder, below);
    if (file_size(path) >= 0)
        return path;
    path = sl_path_join(s->arena, folder, sl_path_base(key));
    return file_size(path) >= 0 ? path : NULL;
}

static int plan_key(struct submission *s, const char *key, const char *folder, struct sl_error *err)
{
    struct sl_object_info info;
    for (size_t i = 0; i < s->n_uploads; i++)
        if (!strcmp(s->uploads[i].key, key))
            return sl_fail(err, SL_E_MANIFEST_PATH, "two files of the batch have the name %s", sl_path_base(key));
    const char *path = local_of(s, key, folder);
    if (path) {
        add_upload(s, path, key, file_size(path));
        return 0;
    }
    int rc = sl_store_head(s->engine->store, s->engine->config->landing_bucket, key, &info, NULL, err);
    if (rc == -SL_E_STORE_NOT_FOUND) {
        sl_fail(err, SL_E_FILE_MISSING, "%s is neither beside the manifest nor in %s", key,
                s->engine->config->landing_bucket);
        sl_error_hint(err, "put the file beside the manifest, or upload it first");
        return -SL_E_FILE_MISSING;
    }
    return rc;
}

static int plan_uploads(struct submission *s, struct sl_error *err)
{
    const char *manifest_path = s->submit->manifest_path, *folder = NULL;
    if (manifest_path) {
        const char *base = sl_path_base(manifest_path);
        folder = base == manifest_path ? "." : sl_arena_strndup(s->arena, manifest_path, (size_t)(base - manifest_path));
    }
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->manifest.n_files; i++) {
        const struct sl_manifest_file *f = &s->manifest.files[i];
        rc = plan_key(s, f->key, folder, err);
        for (size_t k = 0; rc == 0 && k < f->n_sidecars; k++)
            rc = plan_key(s, f->sidecar_keys[k], folder, err);
    }
    return rc;
}

/* ---- uploading ---- */

struct progress {
    const struct sl_submit *submit;
    const char *path;
};

static void on_progress(void *data, int64_t done, int64_t total)
{
    struct progress *p = data;
    p->submit->progress(p->submit->progress_data, p->path, done, total);
}

static int upload_all(struct submission *s, struct sl_submitted *out, struct sl_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->n_uploads; i++) {
        struct progress p = {s->submit, s->uploads[i].path};
        struct sl_put_options options = {0};
        if (s->submit->progress) {
            options.progress = on_progress;
            options.progress_data = &p;
        }
        rc = sl_store_put_file(s->engine->store, s->engine->config->landing_bucket, s->uploads[i].key,
                               s->uploads[i].path, &options, NULL, err);
        out->n_files++;
        out->bytes += s->uploads[i].bytes;
    }
    return rc;
}

/* The ledger knows the batch_id: the same content is a no-op, other content a conflict. A failed batch may come again. */
static int look_before(struct submission *s, struct sl_submitted *out, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    const char *id = s->manifest.batch_id;
    int rc = s->engine->ledger->ops->get_batch(s->engine->ledger, id, &doc, err);
    if (rc < 0 || !doc)
        return rc;
    const char *status = sl_json_str(doc, "status", "");
    if (strcmp(sl_json_str(doc, "content_hash", ""), s->manifest.content_hash) != 0) {
        sl_fail(err, SL_E_BATCH_DUPLICATE, "batch %s was there before with other content", id);
        sl_error_hint(err, "give the new manifest a batch_id of its own");
        return -SL_E_BATCH_DUPLICATE;
    }
    static const char *const known[] = {"pending", "running", "succeeded"};
    for (size_t i = 0; i < 3; i++)
        if (!strcmp(status, known[i])) {
            out->already = true;
            out->already_status = known[i];
        }
    return 0;
}

static int put_manifest(struct submission *s, const char *text, size_t bytes, struct sl_submitted *out,
                        struct sl_error *err)
{
    const char *bucket = s->engine->config->landing_bucket;
    const char *key = sl_arena_printf(s->arena, "%s%s.json", SL_MANIFESTS_PREFIX, s->manifest.batch_id);
    const struct sl_put_options options = {.if_absent = true, .content_type = "application/json"};
    int rc = sl_store_put(s->engine->store, bucket, key, text, bytes, &options, NULL, err);
    if (rc != -SL_E_STORE_PRECONDITION)
        return rc;
    char there[SL_SHA256_HEX_BYTES], mine[SL_SHA256_HEX_BYTES];
    sl_error_clear(err);
    sl_sha256_of(text, bytes, mine);
    rc = sl_store_hash(s->engine->store, bucket, key, NULL, there, NULL, err);
    if (rc == 0 && strcmp(there, mine) != 0)
        return sl_fail(err, SL_E_BATCH_DUPLICATE, "another manifest of batch %s is waiting", s->manifest.batch_id);
    if (rc == 0) {
        out->already = true;
        out->already_status = "pending";
    }
    return rc;
}

static int read_text(struct submission *s, char **text, size_t *bytes, struct sl_error *err)
{
    struct sl_buf buf;
    sl_buf_init(&buf, sl_json_limits_small.max_bytes);
    int rc = sl_file_read(s->submit->manifest_path, &buf, err);
    if (rc == 0) {
        *text = sl_arena_strndup(s->arena, buf.data, buf.len);
        *bytes = buf.len;
    }
    sl_buf_free(&buf);
    return rc;
}

static int check(struct submission *s, const char *text, size_t bytes, struct sl_violations *violations,
                 struct sl_doc **doc_out, struct sl_error *err)
{
    enum sl_code code = SL_OK;
    const char *name = s->submit->manifest_path ? s->submit->manifest_path : "the manifest";
    int rc = sl_json_parse(name, text, bytes, &sl_json_limits_small, doc_out, err);
    if (rc < 0)
        return rc;
    if (sl_manifest_read(s->engine->checker, *doc_out, s->engine->config->landing_bucket, s->arena, violations, &code,
                         &s->manifest))
        return 0;
    return sl_manifest_fail(*doc_out, violations, code, err);
}

/* What the sensor would refuse is refused before anything is uploaded. */
static int check_recipe(struct submission *s, struct sl_submitted *out, struct sl_error *err)
{
    const struct sl_recipe *recipe = NULL;
    struct sl_bound_recipe bound;
    bool fallback = false;
    int rc = sl_recipe_select(s->engine->recipes, s->manifest.intent, s->manifest.files[0].type,
                              s->engine->config->run_strict_intents, &recipe, &fallback, err);
    for (size_t i = 0; rc == 0 && i < s->manifest.n_files; i++)
        if (strcmp(s->manifest.files[i].type, recipe->type) != 0)
            rc = sl_fail(err, SL_E_RECIPE_INTENT, "recipe %s takes %s files, %s is %s", recipe->name, recipe->type,
                         s->manifest.files[i].path, s->manifest.files[i].type);
    if (rc == 0)
        rc = sl_roles_check(recipe, &s->manifest, s->arena, err);
    if (rc == 0)
        rc = sl_recipe_bind(recipe, &s->engine->kinds, s->manifest.params, s->arena, &bound, err);
    if (rc == 0) {
        snprintf(out->recipe, sizeof out->recipe, "%s", recipe->name);
        out->fallback = fallback;
    }
    return rc;
}

static void count_uploads(const struct submission *s, struct sl_submitted *out)
{
    out->n_files = (int64_t)s->n_uploads;
    for (size_t i = 0; i < s->n_uploads; i++)
        out->bytes += s->uploads[i].bytes;
}

int sl_submit(struct sl_engine *engine, const struct sl_submit *submit, struct sl_violations *violations,
              struct sl_doc **doc_out, struct sl_submitted *out, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct submission s = {.engine = engine, .submit = submit, .arena = arena};
    struct sl_submitted result = {0};
    char *text = NULL;
    size_t bytes = 0;
    int rc = submit->manifest_path ? read_text(&s, &text, &bytes, err) : write_manifest(&s, &text, err);
    if (rc == 0 && !submit->manifest_path)
        bytes = strlen(text);
    if (rc == 0)
        rc = check(&s, text, bytes, violations, doc_out, err);
    if (rc == 0)
        rc = check_recipe(&s, &result, err);
    if (rc == 0)
        rc = plan_uploads(&s, err);
    if (rc == 0)
        rc = look_before(&s, &result, err);
    if (rc == 0 && !result.already && submit->dry_run)
        count_uploads(&s, &result);
    if (rc == 0 && !result.already && !submit->dry_run)
        rc = upload_all(&s, &result, err);
    if (rc == 0 && !result.already && !submit->dry_run)
        rc = put_manifest(&s, text, bytes, &result, err);
    if (rc < 0)
        return rc;
    snprintf(result.batch_id, sizeof result.batch_id, "%s", s.manifest.batch_id);
    result.manifest = json_object_get((*doc_out)->root);
    *out = result;
    return 0;
}
