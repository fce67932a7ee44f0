/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "grid/netcdf_internal.h"

/* What the library fills with where the file names no number of its own. */
static void default_fill(GDALDataType type, struct sl_nc__packing *p)
{
    double fill;
    switch (type) {
    case GDT_Int16:
        fill = -32767;
        break;
    case GDT_UInt16:
        fill = 65535;
        break;
    case GDT_Int32:
        fill = -2147483647;
        break;
    case GDT_UInt32:
        fill = 4294967295.0;
        break;
    case GDT_Float32:
        fill = (double)9.9692099683868690e+36f;
        break;
    case GDT_Float64:
        fill = 9.9692099683868690e+36;
        break;
    default:
        return;
    }
    p->fills[p->n_fills++] = fill;
}

static GDALDataType type_of(GDALMDArrayH array)
{
    GDALExtendedDataTypeH type = GDALMDArrayGetDataType(array);
    GDALDataType of = GDALExtendedDataTypeGetNumericDataType(type);
    GDALExtendedDataTypeRelease(type);
    return of;
}

void sl_nc__packing_of(GDALMDArrayH array, struct sl_nc__packing *out)
{
    struct sl_nc__packing p = {.scale = 1, .least = -DBL_MAX, .most = DBL_MAX};
    double range[2];
    char text[8] = "";
    GDALDataType type = type_of(array);
    p.packed = sl_nc__numbers(array, "scale_factor", &p.scale, 1) > 0;
    p.packed |= sl_nc__numbers(array, "add_offset", &p.offset, 1) > 0;
    p.n_fills = sl_nc__numbers(array, "_FillValue", p.fills, 1);
    if (p.n_fills == 0)
        default_fill(type, &p);
    p.n_fills += sl_nc__numbers(array, "missing_value", p.fills + p.n_fills, 8);
    if (sl_nc__numbers(array, "valid_range", range, 2) == 2) {
        p.least = range[0];
        p.most = range[1];
    }
    sl_nc__numbers(array, "valid_min", &p.least, 1);
    sl_nc__numbers(array, "valid_max", &p.most, 1);
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    const char *is_unsigned = sl_nc__text(array, "_Unsigned", arena);
    strncpy(text, is_unsigned ? is_unsigned : "", sizeof text - 1);
    if (!strcasecmp(text, "true"))
        p.wrap = type == GDT_Int16 ? 65536.0 : type == GDT_Int32 ? 4294967296.0 : type == GDT_Byte ? 256.0 : 0;
    if (p.wrap != 0) {
        for (size_t i = 0; i < p.n_fills; i++)
            p.fills[i] += p.fills[i] < 0 ? p.wrap : 0;
        p.least += p.least < 0 && p.least > -DBL_MAX ? p.wrap : 0;
        p.most += p.most < 0 ? p.wrap : 0;
    }
    *out = p;
}

void sl_nc__unpack(const struct sl_nc__packing *p, double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double v = values[i];
        if (p->wrap != 0 && v < 0)
            v += p->wrap;
        bool is = v >= p->least && v <= p->most && fabs(v) <= DBL_MAX; /* NAN is not */
        for (size_t k = 0; is && k < p->n_fills; k++)
            is = v != p->fills[k];
        values[i] = !is ? NAN : p->packed ? v * p->scale + p->offset : v;
    }
}
