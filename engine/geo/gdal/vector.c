/* SPDX-License-Identifier: Apache-2.0 */
#include "geo/gdal/vector.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cpl_conv.h>
#include <cpl_string.h>
#include <ogr_srs_api.h>

#include "base/file.h"
#include "base/text.h"
#include "geo/gdal/gdal.h"
#include "geo/gdal/vector_internal.h"

enum { MAX_LAYERS = 10000, MAX_LISTED = 20 };

static bool contains_any(const char *text, const char *const *parts)
{
    for (; *parts; parts++)
        if (strcasestr(text, *parts))
            return true;
    return false;
}

enum sl_code sl_vector__damage_code(const char *text)
{
    static const char *const early[] = {"unexpected end", "unexpected eof", "truncated", "end of file", "fread",
                                        "too short",      "premature",      "no element found", "unclosed",
                                        "unterminated",   "parsing error: continue", "i/o failure: reading feature", NULL};
    return contains_any(text, early) ? SL_E_FILE_TRUNCATED : SL_E_FILE_DAMAGED;
}

bool sl_vector__lossy(const char *warning)
{
    static const char *const lossy[] = {"truncated",      "incompletely",    "out of range", "too large",
                                        "too big",        "too long",        "skip",         "ignoring",
                                        "cannot convert", "invalid value",   "corrupt",      "not enough values",
                                        "invalid content", "lost",           "unexpected end", NULL};
    static const char *const harmless[] = {"parsed incompletely to real 0", NULL};
    return contains_any(warning, lossy) && !contains_any(warning, harmless);
}

/* Columns of a CSV that hold WKT; those that hold coordinates are named where it is opened. */
#define WKT_COLUMNS "wkt,geom,geometry,the_geom,wkt_geom"
static const char *const wkt_columns[] = {"wkt", "geom", "geometry", "the_geom", "wkt_geom", NULL};

static char **open_options(const struct sl_vector_options *options)
{
    char **list = NULL;
    if (!strcmp(options->format->driver, "ESRI Shapefile")) {
        list = CSLSetNameValue(list, "ADJUST_TYPE", "NO");
        list = CSLSetNameValue(list, "ENCODING", ""); /* bytes as they are: sl_vector__open_text */
    }
    if (!strcmp(options->format->driver, "CSV")) {
        list = CSLSetNameValue(list, "AUTODETECT_TYPE", "NO"); /* 007 is not 7 */
    }
    if (!strcmp(options->format->driver, "CSV") && !options->as_table) {
        list = CSLSetNameValue(list, "GEOM_POSSIBLE_NAMES", WKT_COLUMNS);
        list = CSLSetNameValue(list, "X_POSSIBLE_NAMES", "x,lon,lng,long,longitude,easting,x_coord");
        list = CSLSetNameValue(list, "Y_POSSIBLE_NAMES", "y,lat,latitude,northing,y_coord");
    }
    if (!strcmp(options->format->driver, "GML")) {
        list = CSLSetNameValue(list, "DOWNLOAD_SCHEMA", "NO");
        list = CSLSetNameValue(list, "WRITE_GFS", "NO");
    }
    return list;
}

static int find_place(const char *path, const struct sl_vector_options *options, struct sl_arena *arena,
                      struct sl_vector__place *place, struct sl_error *err)
{
    if (access(path, R_OK) != 0)
        return errno == ENOENT ? sl_fail(err, SL_E_FILE_MISSING, "\"%s\" is missing", sl_path_base(path))
                               : sl_fail_errno(err, errno, "cannot read \"%s\"", sl_path_base(path));
    return sl_vector__place(path, options, arena, place, err);
}

static bool is_osm(const struct sl_format *format)
{
    return !strcmp(format->driver, "OSM");
}

int sl_vector__open_dataset(const char *path, const struct sl_vector_options *options, GDALDatasetH *out,
                            int64_t *promised_rows, struct sl_error *err)
{
    int rc = sl_gdal_setup(err);
    if (rc == 0)
        rc = sl_vector__promise(path, options->format, promised_rows, err);
    if (rc == 0 && is_osm(options->format))
        rc = sl_vector__prepare_osm(path, err);
    if (rc)
        return rc;
    const char *drivers[] = {options->format->driver, NULL};
    char **list = open_options(options);
    sl_gdal_errors_begin();
    GDALDatasetH dataset = GDALOpenEx(path, GDAL_OF_VECTOR | GDAL_OF_READONLY, drivers,
                                      (const char *const *)list, NULL);
    struct sl_error reason = {0};
    bool failed = sl_gdal_errors_end(SL_E_FILE_FORMAT, &reason);
    CSLDestroy(list);
    if (dataset && !failed) {
        *out = dataset;
        return 0;
    }
    if (dataset)
        GDALClose(dataset);
    enum sl_code code = failed && sl_vector__damage_code(reason.message) == SL_E_FILE_TRUNCATED ? SL_E_FILE_TRUNCATED
                                                                                             : SL_E_FILE_FORMAT;
    rc = sl_fail(err, code, "\"%s\" is not a %s file%s%s%s", sl_path_base(path), options->format->name,
                 failed ? " (" : "", failed ? reason.message : "", failed ? ")" : "");
    sl_error_hint(err, "declare the format that it has, or upload it again");
    return rc;
}

int sl_vector__fail_layer(const char *path, const char *name, const char *const *layers, size_t n, struct sl_error *err)
{
    const char *base = sl_path_base(path);
    char list[SL_ERROR_HINT_BYTES] = "";
    size_t used = 0;
    for (size_t i = 0; i < n && i < MAX_LISTED && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s\"%s\"", i ? ", " : "", layers[i]);
    if (n > MAX_LISTED && used < sizeof list)
        snprintf(list + used, sizeof list - used, ", … (%zu in all)", n);
    int rc = name ? sl_fail(err, SL_E_FILE_LAYER, "\"%s\" has no layer \"%s\"", base, name)
                  : sl_fail(err, SL_E_FILE_LAYER, "\"%s\" has %zu layers: say which", base, n);
    sl_error_hint(err, "its layers are %s", list);
    return rc;
}

static int choose_layer(struct sl_vector *v, const char *name, struct sl_error *err)
{
    int n = GDALDatasetGetLayerCount(v->dataset);
    if (n <= 0)
        return sl_fail(err, SL_E_FILE_LAYER, "\"%s\" has no layer", v->base_name);
    if (!name && n == 1)
        v->layer = GDALDatasetGetLayer(v->dataset, 0);
    for (int i = 0; name && i < n && !v->layer; i++) {
        OGRLayerH layer = GDALDatasetGetLayer(v->dataset, i);
        if (!strcmp(OGR_L_GetName(layer), name))
            v->layer = layer;
    }
    if (v->layer)
        return 0;
    const char **names = sl_arena_array(v->arena, (size_t)n, sizeof *names);
    for (int i = 0; i < n; i++)
        names[i] = OGR_L_GetName(GDALDatasetGetLayer(v->dataset, i));
    return sl_vector__fail_layer(v->base_name, name, names, (size_t)n, err);
}

/* A .prj of ESRI's has no code: the driver finds one and does not say how sure it is. */
static void read_confidence(struct sl_vector *v)
{
    enum { PRJ_MAX_BYTES = 65536 };
    VSILFILE *f = VSIFOpenL(sl_vector__beside(v->arena, v->place.path, "prj", "PRJ"), "rb");
    if (!f)
        return;
    char *text = sl_xcalloc(1, PRJ_MAX_BYTES + 1);
    struct sl_crs found = {0};
    if (VSIFReadL(text, 1, PRJ_MAX_BYTES, f) > 0 && sl_crs_from_wkt(text, v->arena, &found, NULL) == 0 && found.id &&
        v->info.crs->id && !strcmp(found.id, v->info.crs->id))
        v->info.crs->confidence = found.confidence;
    VSIFCloseL(f);
    free(text);
}

/* A system that the file calls undefined is none; one that cannot be read is none either, so that the manifest decides. */
static void read_crs(struct sl_vector *v)
{
    OGRSpatialReferenceH srs = OGR_L_GetSpatialRef(v->layer);
    const char *name = srs ? OSRGetName(srs) : NULL;
    if (!srs || (name && sl_text_starts(name, "Undefined ")) || OSRIsLocal(srs))
        return;
    char *wkt = NULL;
    const char *const options[] = {"FORMAT=WKT2_2019", "MULTILINE=NO", NULL};
    sl_gdal_errors_begin();
    if (OSRExportToWktEx(srs, &wkt, options) == OGRERR_NONE && wkt && *wkt) {
        struct sl_crs *crs = sl_arena_alloc(v->arena, sizeof *crs);
        if (sl_crs_from_wkt(wkt, v->arena, crs, NULL) == 0)
            v->info.crs = crs;
    }
    sl_gdal_errors_end(SL_E_GDAL, NULL);
    CPLFree(wkt);
    if (v->info.crs && !strcmp(v->format->driver, "ESRI Shapefile"))
        read_confidence(v);
}

static void find_geometry_field(struct sl_vector *v, OGRFeatureDefnH definition)
{
    if (strcmp(v->format->driver, "CSV") != 0 || !v->info.has_geometry)
        return;
    for (int i = OGR_FD_GetFieldCount(definition) - 1; i >= 0; i--)
        for (const char *const *name = wkt_columns; *name; name++)
            if (!strcasecmp(*name, OGR_Fld_GetNameRef(OGR_FD_GetFieldDefn(definition, i))))
                v->geometry_field = i;
}

static int describe(struct sl_vector *v, struct sl_error *err)
{
    OGRFeatureDefnH definition = OGR_L_GetLayerDefn(v->layer);
    OGRwkbGeometryType type = OGR_L_GetGeomType(v->layer);
    if (OGR_FD_GetGeomFieldCount(definition) > 1)
        return sl_fail(err, SL_E_FILE_LAYER, "layer \"%s\" of \"%s\" has %d geometry columns, one is taken",
                       OGR_L_GetName(v->layer), v->base_name, OGR_FD_GetGeomFieldCount(definition));
    v->info.layer = sl_arena_strdup(v->arena, OGR_L_GetName(v->layer));
    v->info.has_geometry = OGR_FD_GetGeomFieldCount(definition) == 1 && type != wkbNone && !v->no_geometry;
    v->info.geometry_type = sl_arena_strdup(v->arena, OGRGeometryTypeToName(type));
    if (v->info.has_geometry)
        read_crs(v);
    find_geometry_field(v, definition);
    if (!strcmp(v->format->driver, "FlatGeobuf") && OGR_L_TestCapability(v->layer, OLCFastFeatureCount)) {
        /* From the header; a writer that streamed left 0. */
        int64_t n = OGR_L_GetFeatureCount(v->layer, FALSE);
        v->info.promised_rows = n > 0 ? n : -1;
    }
    return sl_vector__describe_fields(v, err);
}

static bool by_lines(const struct sl_format *format)
{
    return !strcmp(format->driver, "GeoJSONSeq");
}

static int open_place(struct sl_vector *v, const char *path, const struct sl_vector_options *options,
                      struct sl_error *err)
{
    const char *mended = NULL;
    int rc = sl_vector__open_dataset(v->place.path, options, &v->dataset, &v->info.promised_rows, err);
    if (rc == 0 || !by_lines(options->format))
        return rc;
    int mend = sl_vector__mend_lines(v, path, &mended, err);
    if (mend || !mended)
        return mend ? mend : rc;
    v->place.path = mended;
    return sl_vector__open_dataset(mended, options, &v->dataset, &v->info.promised_rows, err);
}

int sl_vector_open(const char *path, const struct sl_vector_options *options, struct sl_vector **out,
                   struct sl_error *err)
{
    SL_CLEANUP(sl_vector_closep) struct sl_vector *v = sl_xcalloc(1, sizeof *v);
    v->arena = sl_arena_new();
    v->base_name = sl_arena_strdup(v->arena, sl_path_base(path));
    v->format = options->format;
    v->geometry_field = -1;
    v->skip_bad_rows = options->skip_bad_rows;
    /* Its driver takes a column called WKT for one whatever it is told; the column itself stays. */
    v->no_geometry = options->as_table && (!strcmp(options->format->driver, "GeoJSON") || !strcmp(options->format->driver, "CSV"));
    v->geometry_column = sl_arena_strdup(v->arena, options->geometry_column ? options->geometry_column : "geom");
    if (v->format->flags & SL_FORMAT_BY_DUCKDB) {
        int opened = sl_vector__open_parquet(v, path, err);
        if (opened == 0) {
            *out = v;
            v = NULL;
        }
        return opened;
    }
    int rc = find_place(path, options, v->arena, &v->place, err);
    if (v->place.index_made)
        sl_vector__note(v, "its .shx was missing: the index was made again from the .shp");
    if (rc == 0)
        rc = open_place(v, path, options, err);
    if (rc == 0)
        rc = sl_vector__open_text(v, v->place.path, options->encoding, err);
    struct stat st;
    if (rc == 0 && stat(path, &st) == 0)
        v->info.file_bytes = st.st_size;
    if (rc == 0)
        rc = choose_layer(v, v->place.layer, err);
    if (rc == 0 && is_osm(v->format))
        sl_vector__choose_osm_layer(v->dataset, OGR_L_GetName(v->layer));
    if (rc == 0)
        rc = describe(v, err);
    if (rc == 0)
        rc = sl_vector__look(v, v->place.path, err);
    if (rc)
        return rc;
    *out = v;
    v = NULL;
    return 0;
}

void sl_vector_close(struct sl_vector *v)
{
    if (!v)
        return;
    if (v->dataset)
        GDALClose(v->dataset);
    sl_vector__close_parquet(v);
    if (is_osm(v->format))
        sl_vector__end_osm();
    sl_vector__close_text(v);
    sl_vector__place_end(&v->place);
    sl_arena_free(v->arena);
    free(v);
}

void sl_vector_closep(struct sl_vector **v)
{
    sl_vector_close(*v);
}

void sl_vector__note(struct sl_vector *v, const char *fmt, ...)
{
    va_list ap;
    if (v->info.n_notes == SL_VECTOR_NOTES_MAX)
        return;
    va_start(ap, fmt);
    const char *note = sl_arena_vprintf(v->arena, fmt, ap);
    va_end(ap);
    for (size_t i = 0; i < v->info.n_notes; i++)
        if (!strcmp(v->info.notes[i], note)) /* a layer may be read again */
            return;
    v->info.notes[v->info.n_notes++] = note;
}

const struct sl_vector_info *sl_vector_info(const struct sl_vector *v)
{
    return &v->info;
}

const char *sl_vector_geometry_column(const struct sl_vector *v)
{
    return v->geometry_column;
}

void sl_vector_leave_measures(struct sl_vector *v, bool leave)
{
    v->leave_measures = leave;
}

void sl_vector_set_srid(struct sl_vector *v, int srid)
{
    v->srid = srid;
}

int sl_vector_layers(const char *path, const struct sl_format *format, struct sl_arena *arena,
                     struct sl_vector_layer **layers, size_t *n, struct sl_error *err)
{
    GDALDatasetH dataset = NULL;
    const struct sl_vector_options options = {.format = format, .any_layer = true};
    SL_CLEANUP(sl_vector__place_end) struct sl_vector__place place = {0};
    int64_t ignored;
    if (format->flags & SL_FORMAT_BY_DUCKDB) {
        *layers = sl_arena_array(arena, 1, sizeof **layers);
        **layers = (struct sl_vector_layer){.name = sl_path_stem(arena, path)};
        *n = 1;
        return 0;
    }
    int rc = find_place(path, &options, arena, &place, err);
    if (rc)
        return rc;
    if (place.n_layers) {
        *layers = sl_arena_array(arena, place.n_layers, sizeof **layers);
        *n = place.n_layers;
        for (size_t i = 0; i < place.n_layers; i++)
            (*layers)[i] = (struct sl_vector_layer){.name = place.layers[i], .has_geometry = true};
        return 0;
    }
    rc = sl_vector__open_dataset(place.path, &options, &dataset, &ignored, err);
    if (rc && by_lines(format)) {
        /* One layer, always: which line is wrong, and whether that matters, is told when it is opened. */
        sl_error_clear(err);
        *layers = sl_arena_array(arena, 1, sizeof **layers);
        **layers = (struct sl_vector_layer){.name = sl_path_stem(arena, path), .has_geometry = true};
        *n = 1;
        return 0;
    }
    if (rc)
        return rc;
    int count = GDALDatasetGetLayerCount(dataset);
    if (count > MAX_LAYERS) {
        GDALClose(dataset);
        return sl_fail(err, SL_E_LIMIT, "\"%s\" has %d layers, at most %d are taken", sl_path_base(path), count,
                       MAX_LAYERS);
    }
    *layers = sl_arena_array(arena, (size_t)count + 1, sizeof **layers);
    *n = (size_t)count;
    for (int i = 0; i < count; i++) {
        OGRLayerH layer = GDALDatasetGetLayer(dataset, i);
        (*layers)[i].name = sl_arena_strdup(arena, OGR_L_GetName(layer));
        (*layers)[i].has_geometry = OGR_L_GetGeomType(layer) != wkbNone;
    }
    GDALClose(dataset);
    return 0;
}

/* ---- the stream ------------------------------------------------------------------------------------------------ */

/* Schemas live as long as the vector: duckdb_arrow_scan never releases the one that it takes. */
static void release_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

static struct ArrowSchema *new_schema(struct sl_arena *arena, const char *name, const char *format)
{
    struct ArrowSchema *schema = sl_arena_alloc(arena, sizeof *schema);
    *schema = (struct ArrowSchema){.format = sl_arena_strdup(arena, format),
                                   .name = sl_arena_strdup(arena, name),
                                   .flags = ARROW_FLAG_NULLABLE,
                                   .release = release_schema};
    return schema;
}

static void column_schema(struct ArrowSchema *parent, struct sl_arena *arena, const char *name,
                          struct sl_vector__type type)
{
    const char *format = sl_vector__arrow_format(type.kind);
    struct ArrowSchema *column = new_schema(arena, name, type.list ? "+l" : format);
    if (type.list) {
        column->children = sl_arena_array(arena, 1, sizeof(struct ArrowSchema *));
        column->children[0] = new_schema(arena, "item", format);
        column->n_children = 1;
    }
    parent->children[parent->n_children++] = column;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    const struct sl_vector *v = stream->private_data;
    struct sl_arena *arena = v->arena;
    *out = (struct ArrowSchema){.format = "+s", .name = "", .release = release_schema};
    out->children = sl_arena_array(arena, v->info.n_fields + 1, sizeof(struct ArrowSchema *));
    for (size_t i = 0; i < v->info.n_fields; i++)
        column_schema(out, arena, v->info.fields[i].name, v->types[i]);
    if (v->info.has_geometry)
        column_schema(out, arena, v->geometry_column, (struct sl_vector__type){SL_KIND_BINARY, false});
    return 0;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct sl_vector *v = stream->private_data;
    *out = (struct ArrowArray){0};
    if (v->failure.code != SL_OK)
        return EIO;
    return v->ended || sl_vector__next_batch(v, out, &v->failure) == 0 ? 0 : EIO;
}

static const char *get_last_error(struct ArrowArrayStream *stream)
{
    const struct sl_vector *v = stream->private_data;
    return v->failure.code != SL_OK ? v->failure.message : NULL;
}

static void release_stream(struct ArrowArrayStream *stream)
{
    stream->release = NULL;
}

int sl_vector_stream(struct sl_vector *v, struct ArrowArrayStream *out, struct sl_error *err)
{
    if (v->duck)
        return sl_vector__stream_parquet(v, out, err);
    v->rows = v->curves = v->surfaces = 0;
    v->info.bad_rows = v->bad_lines;
    v->ended = false;
    sl_error_clear(&v->failure);
    OGR_L_ResetReading(v->layer);
    *out = (struct ArrowArrayStream){.get_schema = get_schema,
                                     .get_next = get_next,
                                     .get_last_error = get_last_error,
                                     .release = release_stream,
                                     .private_data = v};
    return 0;
}

/* What the stream gave otherwise than the file has it. */
static void note_changes(struct sl_vector *v)
{
    if (v->curves)
        sl_vector__note(v, "%lld geometr%s curves, which were made lines", (long long)v->curves,
                        v->curves == 1 ? "y has" : "ies have");
    if (v->surfaces)
        sl_vector__note(v, "%lld geometr%s surfaces (TIN, triangle, MultiPatch), which were made multipolygons",
                        (long long)v->surfaces, v->surfaces == 1 ? "y has" : "ies have");
    if (v->info.bad_rows > SL_VECTOR_BAD_ROWS_NAMED)
        sl_vector__note(v, "passed over: %lld rows in all", (long long)v->info.bad_rows);
}

int sl_vector_finish(struct sl_vector *v, int64_t *rows, struct sl_error *err)
{
    if (v->failure.code != SL_OK) {
        if (err)
            *err = v->failure;
        return -(int)v->failure.code;
    }
    if (!v->ended)
        return sl_fail(err, SL_E_INTERNAL, "\"%s\" was not read to its end", v->base_name);
    int64_t promised = v->info.promised_rows, read = v->rows + v->info.bad_rows;
    if (promised >= 0 && promised != read) {
        int rc = sl_fail(err, read < promised ? SL_E_FILE_TRUNCATED : SL_E_FILE_DAMAGED,
                         "\"%s\" promises %lld rows, but has %lld", v->base_name, (long long)promised, (long long)read);
        sl_error_hint(err, "upload the file again");
        return rc;
    }
    if (v->rows == 0 && v->info.bad_rows > 0) {
        if (err)
            *err = v->first_bad;
        return -(int)v->first_bad.code;
    }
    note_changes(v);
    *rows = v->rows;
    return 0;
}
