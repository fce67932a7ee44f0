/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest.h - the contract between uploader and engine: what was uploaded, what is wanted.
 *
 * schemas/manifest.schema.json is the truth for the shape; the rules that a schema cannot say (names of batches, paths,
 * doubled paths, the form of systems of reference) are checked here, and all violations come together. Whether a format
 * or a code of a system exists is known to geo, above. A struct sl_manifest is read-only; its strings live in its arena and document.
 */
#ifndef SLUICE_MANIFEST_MANIFEST_H
#define SLUICE_MANIFEST_MANIFEST_H

#include <stdint.h>

#include <sluice/error.h>

#include "json/json.h"
#include "schema/schema.h"

struct sl_manifest_file {
    const char *path;   /* as the manifest has it */
    const char *key;    /* of the object in the landing bucket: what s3://<landing>/ names, or <batch_id>/<path> */
    const char *type;   /* "vector", "raster", "grid", "table" */
    const char *format; /* as the manifest has it, or NULL: then by the file's name */
    const char *crs;    /* AUTHORITY:CODE, or NULL */
    struct json_object *crs_projjson; /* when crs is an object; borrowed */
    const char *layer, *role, *encoding; /* may be NULL */
    const char *sha256; /* 64 lower-case hexadecimal digits, or NULL */
    int64_t size;       /* -1: not said */
    const char **sidecar_keys; /* keys of files that belong to it */
    size_t n_sidecars;
};

struct sl_manifest {
    const char *batch_id, *uploader, *intent;
    const char *dataset;    /* may be NULL */
    const char *crs_policy; /* "fail", …; NULL: the configuration's */
    const char *bad_rows;   /* "skip" or "fail"; NULL: the configuration's */
    struct sl_manifest_file *files;
    size_t n_files;
    struct json_object *params, *metadata; /* objects or NULL; borrowed */
    struct json_object *root;              /* as uploaded; borrowed from the document */
    char content_hash[80];                 /* "sha256:<hex>" of the canonical text */
};

struct sl_manifest_checker; /* the compiled schema */
int sl_manifest_checker_new(const char *schemas_dir, struct sl_manifest_checker **out, struct sl_error *err);
void sl_manifest_checker_free(struct sl_manifest_checker *checker);

/*
 * Reads the document's tree as a manifest. true: *out is filled (arena). false: violations say why, all of them; *code
 * is that of the gravest kind: manifest.schema, else manifest.batch_id, manifest.path, manifest.crs.
 * The document must outlive the manifest.
 */
bool sl_manifest_read(const struct sl_manifest_checker *checker, const struct sl_doc *doc, const char *landing_bucket,
                      struct sl_arena *arena, struct sl_violations *violations, enum sl_code *code,
                      struct sl_manifest *out);

/* One path by the rules; NULL when it is fine, else a sentence ("leaves the batch's folder"). *key in the arena. */
const char *sl_manifest_path(const char *path, const char *batch_id, const char *landing_bucket, struct sl_arena *arena,
                             const char **key);

/* One line for logs and the ledger: `b.json is not a valid manifest: /files/0/crs "ESPG:4326" is not … (and 2 more)`. */
int sl_manifest_fail(const struct sl_doc *doc, const struct sl_violations *violations, enum sl_code code,
                     struct sl_error *err);
/* The block of EXPERIENCE.md: a line a violation, pointers aligned, the line number at the end. Appends to out. */
void sl_manifest_describe(const struct sl_doc *doc, const struct sl_violations *violations, struct sl_buf *out);
/* [{pointer, message, keyword, schema_pointer, line, column}, …] for .error.json and --json. The caller owns it. */
struct json_object *sl_manifest_violations_json(const struct sl_doc *doc, const struct sl_violations *violations);

#endif
