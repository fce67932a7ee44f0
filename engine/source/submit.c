/* SPDX-License-Identifier: Apache-2.0 */
/* A window's rows as a batch in the landing zone: the file first, the manifest last, as any uploader does. */
#include <inttypes.h>
#include <string.h>

#include "base/sha256.h"
#include "source/internal.h"
#include "source/values.h"
#include "store/store.h"

enum { PAGES_IN_MANIFEST = 100, MANIFEST_BYTES = 1 << 20 };
#define MANIFESTS "manifests/"

const char *sl_window__batch_id(const struct sl_window *w)
{
    return sl_arena_printf(w->arena, "%s-%s", w->spec->name, w->run.id);
}

static const char *manifest_key(const struct sl_window *w)
{
    return sl_arena_printf(w->arena, MANIFESTS "%s.json", sl_window__batch_id(w));
}

/* ---- was it there before? ---- */

static void take_counts(struct sl_window *w, struct json_object *manifest)
{
    struct json_object *s = sl_json_get(sl_json_get(manifest, "metadata"), "source");
    w->state.already = true;
    w->state.pages = w->state.kept_pages = sl_json_int(s, "page_count", 0);
    w->state.records = sl_json_int(s, "records", 0);
    w->state.bad = sl_json_int(s, "bad", 0);
    w->state.duplicates = sl_json_int(s, "duplicates", 0);
    snprintf(w->state.batch_id, sizeof w->state.batch_id, "%s", sl_window__batch_id(w));
}

int sl_window__look_before(struct sl_window *w, bool *already, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *batch = NULL;
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = NULL;
    struct sl_ledger *ledger = w->ports->ledger;
    *already = false;
    sl_buf_init(&text, MANIFEST_BYTES);
    /* In this order: a manifest that is noticed meanwhile is in the ledger before it leaves the landing zone. */
    int rc = sl_store_read(w->ports->store, w->ports->config->landing_bucket, manifest_key(w), &text, NULL, err);
    if (rc == 0)
        rc = sl_json_parse("the manifest", text.data, text.len, &sl_json_limits_small, &doc, err);
    if (rc == 0) {
        take_counts(w, doc->root);
        *already = true;
        return 0;
    }
    if (rc != -SL_E_STORE_NOT_FOUND)
        return rc;
    sl_error_clear(err);
    rc = ledger->ops->get_batch(ledger, sl_window__batch_id(w), &batch, err);
    if (rc < 0 || !batch)
        return rc;
    take_counts(w, sl_json_get(batch, "manifest"));
    *already = true;
    return 0;
}

/* ---- the manifest ---- */

static struct json_object *raw_json(const struct sl_vault_file *f)
{
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "raw_file_id", f->id);
    sl_json_put_str(o, "key", f->key);
    sl_json_put_str(o, "sha256", f->content_hash + strlen("sha256:"));
    return o;
}

/* The list itself, or where it lies in the vault when it is long. */
static int put_pages(struct sl_window *w, struct json_object *source, struct sl_error *err)
{
    if (json_object_array_length(w->pages) <= PAGES_IN_MANIFEST) {
        sl_json_put(source, "pages", json_object_get(w->pages));
        return 0;
    }
    const char *text = json_object_to_json_string_ext(w->pages, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    struct sl_vault_file f = {.id = w->run.id, .role = "pages", .bytes = text, .n = strlen(text)};
    f.key = sl_vault__key(w, f.id, "pages.json");
    int rc = sl_vault__put(w, &f, err);
    if (rc == 0)
        sl_json_put(source, "pages_index", raw_json(&f));
    return rc;
}

static int put_quarantine(struct sl_window *w, struct json_object *source, struct sl_error *err)
{
    if (!w->intake.bad)
        return 0;
    struct sl_vault_file f = {.id = w->run.quarantine_id, .role = "quarantine"};
    f.key = sl_vault__key(w, f.id, "jsonl");
    f.path = sl_arena_printf(w->arena, "%s/refused.jsonl", w->scratch);
    if (fflush(w->intake.refused) != 0)
        return sl_fail(err, SL_E_IO, "the quarantine cannot be written");
    int rc = sl_vault__put(w, &f, err);
    if (rc == 0)
        sl_json_put(source, "quarantine", raw_json(&f));
    return rc;
}

static int source_json(struct sl_window *w, struct json_object *o, struct sl_error *err)
{
    SL_CLEANUP(sl_doc_freep) struct sl_doc *params = NULL;
    int rc = sl_json_parse("the parameters", w->run.params, strlen(w->run.params), &sl_json_limits_small, &params, err);
    if (rc < 0)
        return rc;
    sl_json_put_str(o, "name", w->spec->name);
    sl_json_put_int(o, "version", w->spec->version);
    sl_json_put_str(o, "hash", w->spec->hash);
    sl_json_put_str(o, "run_id", w->run.id);
    sl_json_put_str(o, "since", w->state.since);
    sl_json_put_str(o, "until", w->state.until);
    sl_json_put(o, "params", json_object_get(params->root));
    sl_json_put_int(o, "page_count", (int64_t)json_object_array_length(w->pages));
    sl_json_put_int(o, "records", w->state.records);
    sl_json_put_int(o, "bad", w->state.bad);
    sl_json_put_int(o, "duplicates", w->state.duplicates);
    sl_json_put_int(o, "discarded_values", w->state.discarded);
    rc = put_quarantine(w, o, err);
    return rc < 0 ? rc : put_pages(w, o, err);
}

static struct json_object *file_json(const char *name, const char *type, const char *format, const char *hex, int64_t bytes)
{
    struct json_object *list = json_object_new_array(), *o = json_object_new_object();
    sl_json_put_str(o, "path", name);
    sl_json_put_str(o, "type", type);
    sl_json_put_str(o, "format", format);
    sl_json_put_str(o, "sha256", hex);
    sl_json_put_int(o, "size", bytes);
    json_object_array_add(list, o);
    return list;
}

static struct json_object *manifest_json(struct sl_window *w, struct json_object *files, struct json_object *source)
{
    struct json_object *o = json_object_new_object(), *metadata = json_object_new_object();
    sl_json_put_int(o, "schema_version", 1);
    sl_json_put_str(o, "batch_id", sl_window__batch_id(w));
    sl_json_put_str(o, "uploader", w->spec->name);
    sl_json_put_str(o, "intent", w->spec->intent);
    sl_json_put_str(o, "dataset", w->spec->dataset);
    sl_json_put(o, "files", files);
    sl_json_put_str(metadata, "project", w->spec->project);
    if (w->spec->description)
        sl_json_put_str(metadata, "description", w->spec->description);
    /* Each batch has its own rows only: the table is all versions of the dataset together. */
    if (w->spec->request.kind == SL_SOURCE_PAGES)
        sl_json_put(metadata, "append", json_object_new_boolean(true));
    sl_json_put(metadata, "source", json_object_get(source));
    sl_json_put(o, "metadata", metadata);
    return o;
}

static int put_manifest(struct sl_window *w, struct json_object *manifest, struct sl_error *err)
{
    const char *text = json_object_to_json_string_ext(manifest, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
    const struct sl_put_options options = {.if_absent = true, .content_type = "application/json"};
    if (strlen(text) > MANIFEST_BYTES)
        return sl_fail(err, SL_E_LIMIT, "the manifest of batch %s is too long", sl_window__batch_id(w));
    int rc = sl_store_put(w->ports->store, w->ports->config->landing_bucket, manifest_key(w), text, strlen(text), &options,
                          NULL, err);
    if (rc != -SL_E_STORE_PRECONDITION)
        return rc;
    sl_error_clear(err); /* nobody else names a batch after this run */
    return 0;
}

/* The file under the batch's folder, then what says so. */
static int land(struct sl_window *w, const char *path, const char *name, const char *type, const char *format,
                struct json_object *source, struct sl_error *err)
{
    char hex[SL_SHA256_HEX_BYTES];
    int64_t bytes = 0;
    const char *key = sl_arena_printf(w->arena, "%s/%s", sl_window__batch_id(w), name);
    int rc = sl_sha256_file(path, hex, &bytes, err);
    const struct sl_put_options options = {.sha256_hex = hex, .hashed_here = true};
    if (rc == 0)
        rc = sl_store_put_file(w->ports->store, w->ports->config->landing_bucket, key, path, &options, NULL, err);
    if (rc < 0)
        return rc;
    SL_CLEANUP(sl_json_putp) struct json_object *manifest = manifest_json(w, file_json(name, type, format, hex, bytes), source);
    w->state.bytes = bytes;
    return put_manifest(w, manifest, err);
}

int sl_window__submit_file(struct sl_window *w, const char *path, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *source = json_object_new_object();
    SL_CLEANUP(sl_buf_free) struct sl_buf name;
    sl_buf_init(&name, 256);
    int rc = sl_source_expand(w->spec->request.file, w->values, &name, err);
    if (rc == 0 && (strchr(name.data, '/') || *name.data == '.'))
        rc = sl_fail(err, SL_E_MANIFEST_PATH, "\"%s\" is no name of a file", name.data);
    if (rc == 0)
        rc = source_json(w, source, err);
    if (rc == 0)
        rc = land(w, path, name.data, "grid", w->spec->request.format, source, err);
    if (rc == 0)
        snprintf(w->state.batch_id, sizeof w->state.batch_id, "%s", sl_window__batch_id(w));
    return rc;
}

int sl_window__submit(struct sl_window *w, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *source = json_object_new_object();
    const char *path = sl_arena_printf(w->arena, "%s/records.parquet", w->scratch);
    struct sl_rows_counts counts = {0};
    int rc = sl_rows_write(w->intake.rows, path, &counts, err);
    if (rc < 0)
        return rc;
    w->state.records = w->intake.records;
    w->state.bad = w->intake.bad;
    w->state.duplicates = counts.duplicates;
    w->state.discarded = counts.discarded;
    if (counts.rows != w->intake.records - w->intake.bad - counts.duplicates)
        return sl_fail(err, SL_E_ROWS_LOST, "%" PRId64 " records, %" PRId64 " bad and %" PRId64 " there twice, became %" PRId64 " rows",
                       w->intake.records, w->intake.bad, counts.duplicates, counts.rows);
    rc = source_json(w, source, err);
    if (rc == 0)
        rc = land(w, path, sl_arena_printf(w->arena, "%s.parquet", w->spec->dataset), "table", "Parquet", source, err);
    if (rc == 0)
        snprintf(w->state.batch_id, sizeof w->state.batch_id, "%s", sl_window__batch_id(w));
    return rc;
}
