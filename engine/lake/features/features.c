/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/features/features.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sha256.h"
#include "geo/duckdb/duck.h"
#include "geo/gdal/vector_write.h"
#include "lake/features/features_internal.h"

enum { RECORD_MAX_BYTES = 1 << 30, READ_BYTES = 1 << 16 };

/* ---- by GDAL ---- */

static int write_by_gdal(const struct sl_relation *relation, const struct sl_table *table, const struct sl_crs *crs,
                         const struct sl_geometry_facts *geometry, const struct sl_features_options *options,
                         const char *path, struct sl_features_facts *facts, struct sl_error *err)
{
    bool packed = options->format == SL_FEATURES_FLATGEOBUF;
    int64_t shapeless = geometry->null_count + geometry->empty_count;
    /* GDAL leaves such rows out without a word. */
    if (packed && shapeless > 0) {
        sl_fail(err, SL_E_GEOMETRY_CONTRACT, "%" PRId64 " row%s without geometry, for which a flatgeobuf has no place",
                shapeless, shapeless == 1 ? "" : "s");
        sl_error_hint(err, "drop them by a step filter (NOT ST_IsEmpty({{geom}})), or take another format");
        return -SL_E_GEOMETRY_CONTRACT;
    }
    const struct sl_vector_write_options o = {.driver = packed ? "FlatGeobuf" : "GPKG",
                                              .layer = options->layer,
                                              .crs = crs,
                                              .geometry = table->geometry,
                                              .geometry_types = geometry->types,
                                              .spatial_index = options->spatial_index};
    SL_CLEANUP(sl_vector_writer_freep) struct sl_vector_writer *writer = NULL;
    int64_t rows = 0;
    int rc = sl_vector_writer_open(path, &o, &writer, err);
    if (rc < 0)
        return rc;
    const struct sl_rows_sink sink = sl_vector_writer_sink(writer);
    rc = sl_duck_rows(relation->duck, relation->sql, &sink, &rows, err);
    if (rc == 0)
        rc = sl_vector_writer_finish(writer, err);
    if (rc == 0)
        rc = sl_vector_count(path, o.driver, &facts->rows, err);
    if (rc == 0 && facts->rows != rows)
        rc = sl_fail(err, SL_E_OUTPUT_INVALID, "%" PRId64 " rows were written, but the file has %" PRId64, rows,
                     facts->rows);
    return rc;
}

/* ---- text ---- */

int sl_features__flush(struct sl_text_file *file, struct sl_error *err)
{
    int rc = sl_buf_check(&file->record, "a row of text", err);
    if (rc == 0 && fwrite(file->record.data, 1, file->record.len, file->file) != file->record.len)
        rc = sl_fail_errno(err, errno, "the output cannot be written");
    sl_buf_clear(&file->record);
    return rc;
}

int sl_features__begin(struct sl_text_file *file, const struct sl_value_column *columns, size_t n, struct sl_error *err)
{
    file->columns = columns;
    file->n = n;
    file->at = n;
    file->types = sl_xcalloc(n + 1, sizeof *file->types);
    file->names = sl_xcalloc(n + 1, sizeof *file->names);
    for (size_t i = 0; i < n; i++) {
        file->types[i] = columns[i].type;
        if (file->geometry && !strcmp(columns[i].name, file->geometry))
            file->at = i;
    }
    return file->at < n || !file->geometry ? 0 : sl_fail(err, SL_E_GEOMETRY_CONTRACT, "there is no geometry column \"%s\"", file->geometry);
}

/* Records end at a line's end, which within JSON text never stands, and in CSV only between quotes. */
static int count_records(const char *path, bool quotes, int64_t *out, struct sl_error *err)
{
    FILE *file = fopen(path, "rbe");
    char *bytes = sl_xmalloc(READ_BYTES);
    bool quoted = false;
    int64_t lines = 0;
    size_t n;
    int rc = file ? 0 : sl_fail_errno(err, errno, "the output cannot be read");
    while (rc == 0 && (n = fread(bytes, 1, READ_BYTES, file)) > 0)
        for (size_t i = 0; i < n; i++) {
            quoted ^= quotes && bytes[i] == '"';
            lines += bytes[i] == '\n' && !quoted;
        }
    if (rc == 0 && ferror(file))
        rc = sl_fail(err, SL_E_IO, "the output cannot be read");
    if (file)
        fclose(file);
    free(bytes);
    if (rc == 0)
        *out = lines;
    return rc;
}

static int needs_reprojection(const struct sl_crs *crs, const struct sl_features_options *options, bool *out,
                              struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_crs lonlat;
    *out = false;
    if (options->format != SL_FEATURES_GEOJSONSEQ)
        return 0;
    int rc = sl_crs_parse("OGC:CRS84", arena, &lonlat, err);
    if (rc < 0 || sl_crs_same(crs, &lonlat))
        return rc;
    *out = true;
    if (options->reproject)
        return 0;
    sl_fail(err, SL_E_CRS_MISMATCH, "geojsonseq holds longitude and latitude of WGS 84 only, and the rows are in %s",
            crs->id ? crs->id : crs->name);
    sl_error_hint(err, "say reproject: true at the output, or put a step normalize_crs before it");
    return -SL_E_CRS_MISMATCH;
}

static void free_text(struct sl_text_file *t)
{
    if (t->file)
        fclose(t->file);
    for (size_t i = 0; t->names && i < t->n; i++)
        free(t->names[i]);
    free(t->names);
    free(t->types);
    sl_buf_free(&t->record);
    sl_geometry_text_free(t->wkb);
}

static int write_text(const struct sl_relation *relation, const struct sl_table *table, const struct sl_crs *crs,
                      const struct sl_geometry_facts *geometry, const struct sl_features_options *options, const char *path, struct sl_features_facts *facts,
                      struct sl_error *err)
{
    bool csv = options->format == SL_FEATURES_CSV;
    struct sl_text_file t = {
        .geometry = table->geometry, .options = options, .high = strstr(geometry->types, " Z") != NULL};
    int64_t rows = 0, records = 0;
    int rc = needs_reprojection(crs, options, &facts->reprojected, err);
    if (rc < 0)
        return rc;
    sl_buf_init(&t.record, RECORD_MAX_BYTES);
    rc = sl_geometry_text_new(facts->reprojected ? crs : NULL, &t.wkb, err);
    if (rc == 0 && !(t.file = fopen(path, "wbe")))
        rc = sl_fail_errno(err, errno, "the output cannot be written");
    const struct sl_rows_sink sink = csv ? sl_features__csv(&t) : sl_features__geojsonseq(&t);
    if (rc == 0)
        rc = sl_duck_rows(relation->duck, relation->sql, &sink, &rows, err);
    if (t.file) {
        int closed = fclose(t.file);
        t.file = NULL;
        if (rc == 0 && closed != 0)
            rc = sl_fail_errno(err, errno, "the output cannot be written");
    }
    if (rc == 0)
        rc = count_records(path, csv, &records, err);
    facts->rows = records - (csv && options->header);
    if (rc == 0 && facts->rows != rows)
        rc = sl_fail(err, SL_E_OUTPUT_INVALID, "%" PRId64 " rows were written, but the file has %" PRId64, rows,
                     facts->rows);
    free_text(&t);
    return rc;
}

int sl_features_write(const struct sl_relation *relation, const struct sl_table *table, const struct sl_crs *crs,
                      const struct sl_geometry_facts *geometry, const struct sl_features_options *options,
                      const char *path, struct sl_features_facts *facts, struct sl_error *err)
{
    struct sl_features_facts found = {.rows = -1};
    bool gdal = options->format == SL_FEATURES_FLATGEOBUF || options->format == SL_FEATURES_GEOPACKAGE;
    int rc = gdal ? write_by_gdal(relation, table, crs, geometry, options, path, &found, err)
                  : write_text(relation, table, crs, geometry, options, path, &found, err);
    if (rc == 0)
        rc = sl_sha256_file(path, found.sha256_hex, &found.size_bytes, err);
    if (rc == 0)
        *facts = found;
    else
        unlink(path);
    return rc;
}
