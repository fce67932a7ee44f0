/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cpl_string.h>
#include <gdal.h>

#include "base/file.h"
#include "geo/gdal/gdal.h"
#include "grid/netcdf_internal.h"

struct nc_reader {
    struct sl_grid_reader base;
    GDALDatasetH dataset;
    GDALGroupH root;
    struct sl_arena *arena;
    struct sl_nc__field *fields;
    size_t n_fields, at;
    size_t slice[SL_NC__DIMS_MAX]; /* of the dimensions that are not horizontal */
    bool begun;                    /* slice is one that was handed out */
    int64_t n_met;
    struct sl_arena *now; /* of the present field */
    struct sl_grid_field field;
    struct sl_grid__views views;
    double *values;
    size_t capacity;
};

/* ---- slices ---- */

static bool is_horizontal(const struct sl_nc__field *f, size_t dim)
{
    return (int)dim == f->y || (int)dim == f->x;
}

/* On to the next slice, the last dimension first; false: that was the last one of the field. */
static bool advance(struct nc_reader *r, const struct sl_nc__field *f)
{
    for (size_t i = f->n_dims; i-- > 0;) {
        if (is_horizontal(f, i))
            continue;
        if (++r->slice[i] < f->size[i])
            return true;
        r->slice[i] = 0;
    }
    return false;
}

static bool is_empty(const struct sl_nc__field *f)
{
    for (size_t i = 0; i < f->n_dims; i++)
        if (f->size[i] == 0)
            return true;
    return false;
}

static const struct sl_nc__field *next_slice(struct nc_reader *r)
{
    while (r->at < r->n_fields) {
        const struct sl_nc__field *f = &r->fields[r->at];
        if (!is_empty(f) && (!r->begun || advance(r, f))) {
            r->begun = true;
            return f;
        }
        r->at++;
        r->begun = false;
        memset(r->slice, 0, sizeof r->slice);
    }
    return NULL;
}

/* ---- what a slice is ---- */

static size_t position(const struct nc_reader *r, const struct sl_nc__coordinate *c)
{
    return c->dim < 0 ? 0 : r->slice[c->dim];
}

/* The coordinate's value at the slice; false where it has none, or not for slices. */
static bool value_at(const struct nc_reader *r, const struct sl_nc__coordinate *c, double *out)
{
    size_t i = c ? position(r, c) : 0;
    if (!c || !c->values || i >= c->n || isnan(c->values[i]))
        return false;
    *out = c->values[i];
    return true;
}

static int time_at(const struct nc_reader *r, const struct sl_nc__coordinate *c, double value, int64_t *out,
                   struct sl_error *err)
{
    struct sl_grid__time_units units;
    int rc = sl_grid__time_units(c->units ? c->units : "", sl_nc__text(c->array, "calendar", r->now), &units, err);
    if (rc == 0 && sl_grid__time(&units, value, out) < 0)
        rc = sl_fail(err, SL_E_FILE_DAMAGED, "%g %s is no time", value, c->units);
    return rc;
}

/* Of a duration, as "hours" or "days"; *out in seconds. */
static int lead_at(const struct sl_nc__coordinate *c, double value, int64_t *out, struct sl_error *err)
{
    char since[64];
    struct sl_grid__time_units units;
    snprintf(since, sizeof since, "%.30s since 1970-01-01", c->units && *c->units ? c->units : "hours");
    int rc = sl_grid__time_units(since, NULL, &units, err);
    return rc < 0 ? rc
           : sl_grid__time(&units, value, out) == 0
               ? 0
               : sl_fail(err, SL_E_FILE_DAMAGED, "%g %s is no step", value, c->units);
}

/* What "time: mean" of cell_methods is called; NULL: it says nothing of times. */
static const char *method_of(const char *methods)
{
    static const char *const names[][2] = {{"point", "instant"},      {"mean", "avg"},    {"sum", "accum"},
                                           {"maximum", "max"},        {"minimum", "min"}, {"standard_deviation", "sd"},
                                           {"variance", "var"},       {"range", "range"}, {"median", "median"},
                                           {"mid_range", "mid_range"}};
    const char *at = methods ? strstr(methods, "time:") : NULL;
    if (!at)
        return NULL;
    at += 5 + strspn(at + 5, " ");
    size_t n = strcspn(at, " (");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (n == strlen(names[i][0]) && !strncmp(at, names[i][0], n))
            return names[i][1];
    return NULL;
}

/* Bounds of the time, where the method is one of ranges: the range ends at the later bound. */
static int range_at(struct nc_reader *r, const struct sl_nc__coordinate *time, bool has_reference, struct sl_error *err)
{
    struct sl_grid_field *f = &r->field;
    size_t i = position(r, time);
    int64_t from, to;
    if (!strcmp(f->step_type, "instant") || !time->bounds || isnan(time->bounds[2 * i]) ||
        isnan(time->bounds[2 * i + 1]))
        return 0;
    int rc = time_at(r, time, fmin(time->bounds[2 * i], time->bounds[2 * i + 1]), &from, err);
    if (rc == 0)
        rc = time_at(r, time, fmax(time->bounds[2 * i], time->bounds[2 * i + 1]), &to, err);
    if (rc < 0)
        return rc;
    if (!has_reference)
        f->reference_s = from;
    f->valid_s = to;
    f->step_from_s = from - f->reference_s;
    f->step_to_s = to - f->reference_s;
    return 0;
}

static int when(struct nc_reader *r, const struct sl_nc__field *nc, struct sl_error *err)
{
    struct sl_grid_field *f = &r->field;
    const struct sl_nc__coordinate *time = sl_nc__find(nc, SL_NC__TIME), *reference = sl_nc__find(nc, SL_NC__REFERENCE);
    const struct sl_nc__coordinate *lead = sl_nc__find(nc, SL_NC__LEAD);
    double t = 0, ref = 0, step = 0;
    bool has_time = value_at(r, time, &t), has_reference = value_at(r, reference, &ref),
         has_lead = value_at(r, lead, &step);
    int64_t lead_s = 0;
    int rc = 0;
    const char *method = method_of(sl_nc__text(nc->array, "cell_methods", r->now));
    f->step_type = method ? method : "instant";
    if (!has_time && !has_reference)
        return sl_fail(err, SL_E_FILE_DAMAGED, "it has no time");
    if (has_time)
        rc = time_at(r, time, t, &f->valid_s, err);
    if (rc == 0 && has_reference)
        rc = time_at(r, reference, ref, &f->reference_s, err);
    if (rc == 0 && has_lead)
        rc = lead_at(lead, step, &lead_s, err);
    if (rc < 0)
        return rc;
    if (!has_time)
        f->valid_s = f->reference_s + lead_s;
    if (!has_reference)
        f->reference_s = f->valid_s - lead_s;
    f->step_from_s = f->step_to_s = f->valid_s - f->reference_s;
    return has_time ? range_at(r, time, has_reference || has_lead, err) : 0;
}

static void level(struct nc_reader *r, const struct sl_nc__field *nc)
{
    struct sl_grid_field *f = &r->field;
    const struct sl_nc__coordinate *c = sl_nc__find(nc, SL_NC__LEVEL);
    f->level = f->level_top = f->level_bottom = NAN;
    if (!value_at(r, c, &f->level))
        return;
    size_t i = position(r, c);
    const char *units = c->units ? c->units : "", *standard = sl_nc__text(c->array, "standard_name", r->now);
    double scale = 1;
    f->level_type = standard ? standard : c->name;
    bool pascal = !strcmp(units, "Pa"),
         hecto = !strcmp(units, "hPa") || !strncmp(units, "milli", 5) || !strncmp(units, "mb", 2);
    if (pascal || hecto) {
        f->level_type = "isobaricInhPa";
        scale = pascal ? 0.01 : 1;
    } else if (standard && !strcmp(standard, "height") && !strcmp(units, "m")) {
        f->level_type = "heightAboveGround";
    }
    f->level = pascal ? f->level / 100 : f->level;
    if (c->bounds && c->bounds[2 * i] != c->bounds[2 * i + 1] && !isnan(c->bounds[2 * i] + c->bounds[2 * i + 1])) {
        f->level_top = c->bounds[2 * i] * scale;
        f->level_bottom = c->bounds[2 * i + 1] * scale;
    }
}

/* Dimensions that mean nothing known: their values tell fields apart, and so they belong to the variable's name. */
static void other_dimensions(struct nc_reader *r, const struct sl_nc__field *nc)
{
    const char *between = "[";
    for (size_t i = 0; i < nc->n_dims; i++) {
        const struct sl_nc__coordinate *along = NULL;
        bool known = is_horizontal(nc, i) || nc->size[i] == 1;
        for (size_t k = 0; k < nc->n_coordinates; k++)
            if (nc->coordinates[k].dim == (int)i) {
                known = known || nc->coordinates[k].role != SL_NC__OTHER;
                along = &nc->coordinates[k];
            }
        double value = (double)r->slice[i];
        if (known)
            continue;
        value_at(r, along, &value);
        r->field.variable =
            sl_arena_printf(r->now, "%s%s%s=%.10g", r->field.variable, between, nc->dim_names[i], value);
        between = ",";
    }
    if (*between == ',')
        r->field.variable = sl_arena_printf(r->now, "%s]", r->field.variable);
}

static int header(struct nc_reader *r, const struct sl_nc__field *nc, struct sl_error *err)
{
    const char *units = GDALMDArrayGetUnit(nc->array);
    double member;
    sl_arena_free(r->now);
    r->now = sl_arena_new();
    r->field = (struct sl_grid_field){.index = r->base.index,
                                      .offset = -1,
                                      .bytes = -1,
                                      .param_id = -1,
                                      .member = -1,
                                      .variable = nc->name,
                                      .name = sl_nc__text(nc->array, "long_name", r->now),
                                      .standard_name = sl_nc__text(nc->array, "standard_name", r->now),
                                      .units = units && *units ? sl_arena_strdup(r->now, units) : NULL};
    level(r, nc);
    if (value_at(r, sl_nc__find(nc, SL_NC__MEMBER), &member) && fabs(member) < 1e9)
        r->field.member = (int64_t)member;
    other_dimensions(r, nc);
    return when(r, nc, err);
}

/* ---- its values ---- */

/* Row by row, each along x, in whatever order the file has the dimensions. */
static int read_slice(struct nc_reader *r, const struct sl_nc__field *f, size_t n, struct sl_error *err)
{
    GUInt64 start[SL_NC__DIMS_MAX];
    size_t count[SL_NC__DIMS_MAX];
    GPtrDiff_t stride[SL_NC__DIMS_MAX];
    struct sl_nc__packing packing;
    for (size_t i = 0; i < f->n_dims; i++) {
        start[i] = r->slice[i];
        count[i] = is_horizontal(f, i) ? f->size[i] : 1;
        stride[i] = (int)i == f->x ? 1 : (int)i == f->y ? (GPtrDiff_t)(f->x >= 0 ? f->size[f->x] : 1) : 0;
    }
    GDALExtendedDataTypeH as = GDALExtendedDataTypeCreate(GDT_Float64);
    sl_gdal_errors_begin();
    int ok = GDALMDArrayRead(f->array, start, count, NULL, stride, as, r->values, r->values, n * sizeof *r->values);
    GDALExtendedDataTypeRelease(as);
    struct sl_error why = {0};
    bool said = sl_gdal_errors_end(SL_E_FILE_DAMAGED, &why);
    if (!ok)
        return sl_fail(err, said ? why.code : SL_E_FILE_DAMAGED, "its values cannot be read%s%s", said ? ": " : "",
                       said ? why.message : "");
    sl_nc__packing_of(f->array, &packing);
    sl_nc__unpack(&packing, r->values, n);
    return 0;
}

static int find_points(struct nc_reader *r, const struct sl_nc__field *f, const struct sl_grid__view **out,
                       struct sl_error *err)
{
    char definition[65];
    struct sl_grid__full full;
    sl_nc__definition(f, definition);
    *out = sl_grid__views_find(&r->views, definition);
    if (*out)
        return 0;
    sl_gdal_errors_begin();
    int rc = sl_nc__points(f, r->now, &full, err);
    sl_gdal_errors_end(SL_E_FILE_DAMAGED, NULL);
    if (rc < 0)
        return rc;
    /* The names are one file's own; what the points are is told by themselves. */
    char id[65];
    sl_grid__points_hash(&full, id);
    struct sl_grid__view *view = sl_grid__view_new(&full, id, &r->base.options.select);
    sl_grid__views_add(&r->views, definition, view);
    *out = view;
    return 0;
}

static int decode(struct nc_reader *r, const struct sl_nc__field *f, struct sl_error *err)
{
    uint64_t n = (uint64_t)f->size[f->y];
    const struct sl_grid__view *view = NULL;
    if (n > SL_GRID_MAX_POINTS || (f->x >= 0 && f->size[f->x] > SL_GRID_MAX_POINTS) ||
        (n *= f->x >= 0 ? f->size[f->x] : 1) > SL_GRID_MAX_POINTS)
        return sl_fail(err, SL_E_LIMIT, "a field of it has more than %d points", SL_GRID_MAX_POINTS);
    int rc = find_points(r, f, &view, err);
    if (rc < 0)
        return rc;
    if (r->capacity < n) {
        free(r->values);
        r->values = sl_xmalloc((size_t)n * sizeof *r->values);
        r->capacity = (size_t)n;
    }
    rc = read_slice(r, f, (size_t)n, err);
    if (rc < 0)
        return rc;
    sl_grid__view_apply(view, r->values, &r->field.n_missing);
    r->field.points = &view->points;
    r->field.values = r->values;
    r->base.left_out.points += (int64_t)(view->n_all - view->points.n);
    return 0;
}

static void leave_out(struct nc_reader *r, const struct sl_nc__field *f)
{
    uint64_t n = (uint64_t)f->size[f->y];
    r->base.left_out.fields++;
    if (n <= SL_GRID_MAX_POINTS && (f->x < 0 || f->size[f->x] <= SL_GRID_MAX_POINTS))
        n *= f->x >= 0 ? f->size[f->x] : 1;
    r->base.left_out.points += n <= SL_GRID_MAX_POINTS ? (int64_t)n : 0;
}

static int next(struct sl_grid_reader *base, bool with_values, const struct sl_grid_field **out, bool *passable,
                struct sl_error *err)
{
    struct nc_reader *r = (struct nc_reader *)base;
    const struct sl_nc__field *f;
    while ((f = next_slice(r))) {
        base->index = r->n_met++;
        base->offset = -1;
        int rc = header(r, f, err);
        if (rc == 0 && !sl_grid__wanted(&base->options.select, &r->field, f->name)) {
            leave_out(r, f);
            continue;
        }
        if (rc == 0 && with_values)
            rc = decode(r, f, err);
        *passable = rc < 0 && err->code != SL_E_MEMORY;
        if (rc < 0) {
            sl_error_prefix(err, "field %" PRId64 ", of variable \"%s\"", base->index, f->name);
            return rc;
        }
        *out = &r->field;
        return 1;
    }
    return 0;
}

/* ---- the file ---- */

static void close_reader(struct sl_grid_reader *base)
{
    struct nc_reader *r = (struct nc_reader *)base;
    sl_gdal_errors_begin();
    sl_arena_free(r->now);
    sl_arena_free(r->arena);
    if (r->root)
        GDALGroupRelease(r->root);
    if (r->dataset)
        GDALClose(r->dataset);
    sl_gdal_errors_end(SL_E_GDAL, NULL);
    sl_grid__views_clear(&r->views);
    free(r->fields);
    free(r->values);
    free(r);
}

static const struct sl_grid__ops ops_netcdf = {.next = next, .close = close_reader};

static void release_array(void *array)
{
    GDALMDArrayRelease(array);
}

static int look_at(struct nc_reader *r, const char *name, struct sl_error *err)
{
    bool is = false;
    struct sl_nc__field found;
    GDALMDArrayH array = GDALGroupOpenMDArray(r->root, name, NULL);
    if (!array)
        return 0;
    sl_arena_defer(r->arena, release_array, array);
    int rc = sl_nc__look(r->root, array, r->arena, &found, &is, err);
    if (rc < 0)
        sl_error_prefix(err, "variable \"%s\"", name);
    if (rc == 0 && is)
        r->fields[r->n_fields++] = found;
    return rc;
}

/* Bounds of coordinates have places too, and are no fields. */
static bool is_bounds_of_any(struct nc_reader *r, char **names, const char *name)
{
    for (char **n = names; *n; n++) {
        GDALMDArrayH array = GDALGroupOpenMDArray(r->root, *n, NULL);
        const char *bounds = array ? sl_nc__text(array, "bounds", r->arena) : NULL;
        if (array)
            GDALMDArrayRelease(array);
        if (bounds && !strcmp(bounds, name))
            return true;
    }
    return false;
}

static int look(struct nc_reader *r, const char *path, struct sl_error *err)
{
    char **names = GDALGroupGetMDArrayNames(r->root, NULL);
    int n = CSLCount(names), rc = 0;
    if (n > SL_NC__ARRAYS_MAX)
        rc = sl_fail(err, SL_E_LIMIT, "\"%s\" has %d variables, more than %d", sl_path_base(path), n, SL_NC__ARRAYS_MAX);
    r->fields = sl_xcalloc((size_t)n + 1, sizeof *r->fields);
    for (int i = 0; rc == 0 && i < n; i++) {
        size_t before = r->n_fields;
        rc = look_at(r, names[i], err);
        if (rc == 0 && r->n_fields > before && is_bounds_of_any(r, names, names[i]))
            r->n_fields = before;
    }
    CSLDestroy(names);
    if (rc == 0 && r->n_fields == 0) {
        rc = sl_fail(err, SL_E_FILE_FORMAT,
                     "\"%s\" has no variable with places: latitudes and longitudes by the CF conventions",
                     sl_path_base(path));
        sl_error_hint(
            err, "units degrees_north and degrees_east on its coordinates, or their standard_name, say what they are");
    }
    return rc;
}

/* *is_hdf5: it is NetCDF-4. */
static int check_file(const char *path, bool *is_hdf5, struct sl_error *err)
{
    struct stat st;
    unsigned char head[8] = {0};
    FILE *file = stat(path, &st) == 0 && S_ISREG(st.st_mode) ? fopen(path, "rb") : NULL;
    if (!file)
        return stat(path, &st) < 0 ? sl_fail(err, SL_E_FILE_MISSING, "\"%s\" does not exist", path)
                                   : sl_fail(err, SL_E_FILE_FORMAT, "\"%s\" is no file that can be read", path);
    size_t n = fread(head, 1, sizeof head, file);
    fclose(file);
    if (n == 0)
        return sl_fail(err, SL_E_FILE_FORMAT, "\"%s\" is empty", sl_path_base(path));
    if (memcmp(head, "CDF", 3) != 0 && memcmp(head, "\x89HDF\r\n\x1a\n", 8) != 0) {
        return sl_fail(err, SL_E_FILE_FORMAT, "\"%s\" is no NetCDF file%s", sl_path_base(path),
                       !memcmp(head, "GRIB", 4) ? ", it looks like GRIB" : "");
    }
    *is_hdf5 = head[0] == 0x89;
    return 0;
}

int sl_grid__open_netcdf(const char *path, const struct sl_grid_options *options, struct sl_grid_reader **out,
                         struct sl_error *err)
{
    static const char *const only[] = {"netCDF", NULL};
    struct sl_error why = {0};
    bool is_hdf5 = false;
    int rc = check_file(path, &is_hdf5, err);
    if (rc == 0)
        rc = is_hdf5 ? sl_nc__check_inside(path, err) : sl_nc__check_whole(path, err);
    if (rc == 0)
        rc = sl_gdal_setup(err);
    if (rc < 0)
        return rc;
    struct nc_reader *r = sl_xcalloc(1, sizeof *r);
    r->base = (struct sl_grid_reader){.ops = &ops_netcdf, .options = *options};
    r->arena = sl_arena_new();
    sl_gdal_errors_begin();
    r->dataset = GDALOpenEx(path, GDAL_OF_MULTIDIM_RASTER | GDAL_OF_READONLY, only, NULL, NULL);
    r->root = r->dataset ? GDALDatasetGetRootGroup(r->dataset) : NULL;
    bool said = sl_gdal_errors_end(SL_E_FILE_DAMAGED, &why);
    if (!r->root)
        rc = sl_fail(err, SL_E_FILE_DAMAGED, "\"%s\" cannot be opened as NetCDF%s%s", sl_path_base(path), said ? ": " : "",
                     why.message);
    sl_gdal_errors_begin();
    if (rc == 0)
        rc = look(r, path, err);
    sl_gdal_errors_end(SL_E_FILE_DAMAGED, NULL);
    if (rc < 0) {
        close_reader(&r->base);
        return rc;
    }
    *out = &r->base;
    return 0;
}
