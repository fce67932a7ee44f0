/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cpl_conv.h>
#include <cpl_string.h>

#include "base/text.h"
#include "grid/netcdf_internal.h"

enum { COORDINATE_MAX = 10 * 1000 * 1000 };

/* ---- attributes ---- */

const char *sl_nc__text(GDALMDArrayH array, const char *name, struct sl_arena *arena)
{
    GDALAttributeH attribute = GDALMDArrayGetAttribute(array, name);
    if (!attribute)
        return NULL;
    const char *text = GDALAttributeReadAsString(attribute);
    char *kept = text && *text ? sl_arena_strndup(arena, text, strnlen(text, SL_NC__TEXT_BYTES * 4)) : NULL;
    GDALAttributeRelease(attribute);
    return kept;
}

size_t sl_nc__numbers(GDALMDArrayH array, const char *name, double *out, size_t most)
{
    GDALAttributeH attribute = GDALMDArrayGetAttribute(array, name);
    size_t n = 0;
    if (!attribute)
        return 0;
    double *values = GDALAttributeReadAsDoubleArray(attribute, &n);
    n = values ? (n < most ? n : most) : 0;
    for (size_t i = 0; i < n; i++)
        out[i] = values[i];
    CPLFree(values);
    GDALAttributeRelease(attribute);
    return n;
}

/* ---- what a coordinate is ---- */

static bool any(const char *text, const char *const *list)
{
    for (; text && *list; list++)
        if (!strcasecmp(text, *list))
            return true;
    return false;
}
#define ANY(text, ...) any(text, (const char *const[]){__VA_ARGS__, NULL})

static bool is_pressure(const char *units)
{
    return ANY(units, "Pa", "hPa", "mbar", "millibar", "millibars", "mb", "kPa");
}

static enum sl_nc__role by_standard_name(const char *name)
{
    static const struct {
        const char *name;
        enum sl_nc__role role;
    } roles[] = {{"latitude", SL_NC__LAT},
                 {"longitude", SL_NC__LON},
                 {"projection_y_coordinate", SL_NC__Y},
                 {"projection_x_coordinate", SL_NC__X},
                 {"grid_latitude", SL_NC__Y},
                 {"grid_longitude", SL_NC__X},
                 {"time", SL_NC__TIME},
                 {"forecast_reference_time", SL_NC__REFERENCE},
                 {"forecast_period", SL_NC__LEAD},
                 {"realization", SL_NC__MEMBER},
                 {"air_pressure", SL_NC__LEVEL},
                 {"height", SL_NC__LEVEL},
                 {"altitude", SL_NC__LEVEL},
                 {"depth", SL_NC__LEVEL},
                 {"model_level_number", SL_NC__LEVEL}};
    for (size_t i = 0; name && i < sizeof roles / sizeof *roles; i++)
        if (!strcmp(roles[i].name, name))
            return roles[i].role;
    return name && !strncmp(name, "atmosphere_", 11) && sl_text_ends(name, "_coordinate") ? SL_NC__LEVEL : SL_NC__OTHER;
}

static enum sl_nc__role role_of(GDALMDArrayH array, struct sl_arena *arena)
{
    const char *name = GDALMDArrayGetName(array), *units = GDALMDArrayGetUnit(array);
    const char *axis = sl_nc__text(array, "axis", arena);
    enum sl_nc__role role = by_standard_name(sl_nc__text(array, "standard_name", arena));
    if (role != SL_NC__OTHER)
        return role;
    if (ANY(units, "degrees_north", "degree_north", "degree_N", "degrees_N", "degreeN", "degreesN"))
        return SL_NC__LAT;
    if (ANY(units, "degrees_east", "degree_east", "degree_E", "degrees_E", "degreeE", "degreesE"))
        return SL_NC__LON;
    if (units && strstr(units, " since "))
        return ANY(name, "reference_time", "forecast_reference_time", "reftime", "analysis_time") ? SL_NC__REFERENCE
                                                                                                  : SL_NC__TIME;
    if (ANY(name, "lat", "latitude", "nav_lat", "XLAT"))
        return SL_NC__LAT;
    if (ANY(name, "lon", "longitude", "nav_lon", "XLONG"))
        return SL_NC__LON;
    if (ANY(name, "number", "member", "realization", "ensemble", "ens", "ensemble_member"))
        return SL_NC__MEMBER;
    if (ANY(name, "leadtime", "lead_time", "step", "forecast_period"))
        return SL_NC__LEAD;
    if (ANY(axis, "Z") || sl_nc__text(array, "positive", arena) || is_pressure(units) ||
        ANY(name, "level", "lev", "plev", "pressure_level", "isobaricInhPa", "height", "depth", "altitude"))
        return SL_NC__LEVEL;
    return ANY(axis, "X") ? SL_NC__X : ANY(axis, "Y") ? SL_NC__Y : SL_NC__OTHER;
}

/* ---- reading ---- */

int sl_nc__read(GDALMDArrayH array, size_t most, double **values, size_t *n, struct sl_error *err)
{
    uint64_t total = GDALMDArrayGetTotalElementsCount(array);
    size_t n_dims = GDALMDArrayGetDimensionCount(array), n_listed = 0;
    if (total > most || n_dims > SL_NC__DIMS_MAX)
        return sl_fail(err, SL_E_LIMIT, "coordinate \"%s\" has %llu values, more than %zu", GDALMDArrayGetName(array),
                       (unsigned long long)total, most);
    GDALDimensionH *dims = GDALMDArrayGetDimensions(array, &n_listed);
    GUInt64 start[SL_NC__DIMS_MAX] = {0};
    size_t count[SL_NC__DIMS_MAX] = {1};
    for (size_t i = 0; i < n_listed && i < n_dims; i++)
        count[i] = (size_t)GDALDimensionGetSize(dims[i]);
    GDALReleaseDimensions(dims, n_listed);
    double *read = sl_xmalloc((total ? (size_t)total : 1) * sizeof *read);
    GDALExtendedDataTypeH as = GDALExtendedDataTypeCreate(GDT_Float64);
    int ok = total == 0 || GDALMDArrayRead(array, start, count, NULL, NULL, as, read, NULL, 0);
    GDALExtendedDataTypeRelease(as);
    if (!ok) {
        free(read);
        return sl_fail(err, SL_E_FILE_DAMAGED, "coordinate \"%s\" cannot be read", GDALMDArrayGetName(array));
    }
    struct sl_nc__packing packing;
    sl_nc__packing_of(array, &packing);
    sl_nc__unpack(&packing, read, (size_t)total);
    *values = read;
    *n = (size_t)total;
    return 0;
}

static void release_array(void *array)
{
    GDALMDArrayRelease(array);
}

/* ---- a field ---- */

static int dim_by_name(const struct sl_nc__field *f, const char *name)
{
    for (size_t i = 0; i < f->n_dims; i++)
        if (!strcmp(f->dim_names[i], name))
            return (int)i;
    return -1;
}

/* The array becomes a coordinate of the field when its dimensions are some of the field's. */
static void add(struct sl_nc__field *f, GDALMDArrayH array, struct sl_arena *arena)
{
    size_t n = 0;
    int at[2] = {-1, -1};
    GDALDimensionH *dims = GDALMDArrayGetDimensions(array, &n);
    bool fits = n <= 2;
    for (size_t i = 0; fits && i < n; i++) {
        at[i] = dim_by_name(f, GDALDimensionGetName(dims[i]));
        fits = at[i] >= 0;
    }
    GDALReleaseDimensions(dims, n);
    GDALExtendedDataTypeH type = GDALMDArrayGetDataType(array);
    bool is_text = GDALExtendedDataTypeGetClass(type) != GEDTC_NUMERIC;
    GDALExtendedDataTypeRelease(type);
    if (!fits || is_text || f->n_coordinates == SL_NC__COORDINATES_MAX) {
        GDALMDArrayRelease(array);
        return;
    }
    sl_arena_defer(arena, release_array, array);
    f->coordinates[f->n_coordinates++] =
        (struct sl_nc__coordinate){.role = role_of(array, arena),
                                   .array = array,
                                   .dim = at[0],
                                   .dim2 = at[1],
                                   .name = sl_arena_strdup(arena, GDALMDArrayGetName(array)),
                                   .units = sl_arena_strdup(arena, GDALMDArrayGetUnit(array))};
}

static void add_named(GDALGroupH root, struct sl_nc__field *f, const char *names, struct sl_arena *arena)
{
    char **list = CSLTokenizeString2(names ? names : "", " \t\n,", 0);
    for (char **name = list; name && *name; name++) {
        bool there = false;
        for (size_t i = 0; i < f->n_coordinates; i++)
            there = there || !strcmp(f->coordinates[i].name, *name);
        GDALMDArrayH array =
            there ? NULL : GDALGroupResolveMDArray(root, *name, GDALMDArrayGetFullName(f->array), NULL);
        if (array)
            add(f, array, arena);
    }
    CSLDestroy(list);
}

const struct sl_nc__coordinate *sl_nc__find(const struct sl_nc__field *field, enum sl_nc__role role)
{
    for (size_t i = 0; i < field->n_coordinates; i++)
        if (field->coordinates[i].role == role)
            return &field->coordinates[i];
    return NULL;
}

/* Two-dimensional ones before projected axes before those of one dimension: the file's own places first. */
static bool find_horizontal(struct sl_nc__field *f)
{
    const struct sl_nc__coordinate *lat = sl_nc__find(f, SL_NC__LAT), *lon = sl_nc__find(f, SL_NC__LON);
    const struct sl_nc__coordinate *y = sl_nc__find(f, SL_NC__Y), *x = sl_nc__find(f, SL_NC__X);
    if (lat && lon && lat->dim >= 0 && lat->dim2 >= 0 && lon->dim == lat->dim && lon->dim2 == lat->dim2) {
        f->y = lat->dim;
        f->x = lat->dim2;
    } else if (lat && lon && lat->dim >= 0 && lon->dim >= 0 && lat->dim2 < 0 && lon->dim2 < 0) {
        f->y = lat->dim;
        f->x = lon->dim == lat->dim ? -1 : lon->dim;
    } else if (y && x && y->dim >= 0 && x->dim >= 0 && y->dim2 < 0 && x->dim2 < 0 && y->dim != x->dim) {
        f->y = y->dim;
        f->x = x->dim;
    } else {
        return false;
    }
    return true;
}

static int read_coordinate(GDALGroupH root, struct sl_nc__field *f, struct sl_nc__coordinate *c, struct sl_arena *arena,
                           struct sl_error *err)
{
    int rc = sl_nc__read(c->array, COORDINATE_MAX, &c->values, &c->n, err);
    if (rc < 0)
        return rc;
    sl_arena_defer(arena, free, c->values);
    const char *bounds = sl_nc__text(c->array, "bounds", arena);
    GDALMDArrayH array = bounds ? GDALGroupResolveMDArray(root, bounds, GDALMDArrayGetFullName(f->array), NULL) : NULL;
    double *pairs = NULL;
    size_t n = 0;
    if (!array)
        return 0;
    rc = sl_nc__read(array, 2 * COORDINATE_MAX, &pairs, &n, err);
    GDALMDArrayRelease(array);
    if (rc < 0)
        return rc;
    sl_arena_defer(arena, free, pairs);
    c->bounds = n == 2 * c->n ? pairs : NULL;
    return 0;
}

/* Dimensions, and the coordinates along them. */
static bool list_dims(GDALMDArrayH array, struct sl_arena *arena, struct sl_nc__field *f)
{
    size_t n = 0;
    GDALDimensionH *dims = GDALMDArrayGetDimensions(array, &n);
    bool fits = n >= 1 && n <= SL_NC__DIMS_MAX;
    for (size_t i = 0; fits && i < n; i++) {
        f->size[i] = (size_t)GDALDimensionGetSize(dims[i]);
        f->dim_names[i] = sl_arena_strdup(arena, GDALDimensionGetName(dims[i]));
    }
    f->n_dims = fits ? n : 0;
    for (size_t i = 0; fits && i < n; i++) {
        GDALMDArrayH along = GDALDimensionGetIndexingVariable(dims[i]);
        if (along)
            add(f, along, arena);
    }
    GDALReleaseDimensions(dims, n);
    return fits;
}

int sl_nc__look(GDALGroupH root, GDALMDArrayH array, struct sl_arena *arena, struct sl_nc__field *out, bool *is,
                struct sl_error *err)
{
    struct sl_nc__field f = {.array = array, .name = sl_arena_strdup(arena, GDALMDArrayGetName(array))};
    *is = false;
    GDALExtendedDataTypeH type = GDALMDArrayGetDataType(array);
    bool number = GDALExtendedDataTypeGetClass(type) == GEDTC_NUMERIC;
    GDALExtendedDataTypeRelease(type);
    if (!number || !list_dims(array, arena, &f))
        return 0;
    add_named(root, &f, sl_nc__text(array, "coordinates", arena), arena);
    if (!find_horizontal(&f))
        return 0;
    for (size_t i = 0; i < f.n_coordinates; i++) {
        struct sl_nc__coordinate *c = &f.coordinates[i];
        if (!strcmp(c->name, f.name))
            return 0; /* it is a coordinate itself */
        bool place = c->dim == f.y || (f.x >= 0 && c->dim == f.x) || c->dim2 >= 0;
        int rc = place ? 0 : read_coordinate(root, &f, c, arena, err);
        if (rc < 0)
            return rc;
    }
    *out = f;
    *is = true;
    return 0;
}
