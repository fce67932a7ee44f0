/* SPDX-License-Identifier: Apache-2.0 */
#include "step/raster/raster_options.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "json/json.h"

const char *const sl_raster__types[] = {"auto",  "byte",  "int16",   "uint16",  "int32",
                                        "uint32", "float32", "float64", NULL};
static const char *const gdal_types[] = {NULL, "Byte", "Int16", "UInt16", "Int32", "UInt32", "Float32", "Float64"};

const char *sl_raster__type(int choice)
{
    return gdal_types[choice];
}

const char *const sl_raster__resamplings[] = {"auto", "nearest", "bilinear", "cubic", "lanczos", "average", "mode", NULL};
static const char *const gdal_resamplings[] = {NULL, "near", "bilinear", "cubic", "lanczos", "average", "mode"};

const char *sl_raster__resampling(int choice)
{
    return gdal_resamplings[choice];
}

int sl_raster__nodata(struct json_object *value, enum sl_raster_no_data *how, double *nodata, struct sl_error *err)
{
    const char *text = json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
    *how = SL_NODATA_VALUE;
    if (!value)
        *how = SL_NODATA_KEEP;
    else if (text && !strcasecmp(text, "none"))
        *how = SL_NODATA_NONE;
    else if (text && !strcasecmp(text, "nan"))
        *nodata = NAN;
    else if (json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double))
        *nodata = json_object_get_double(value);
    else
        return sl_fail(err, SL_E_RECIPE_OPTION, "nodata: expected %s", SL_RASTER__NODATA);
    return 0;
}

int sl_raster__range(const char *name, struct json_object *list, double out[2], struct sl_error *err)
{
    bool two = json_object_is_type(list, json_type_array) && json_object_array_length(list) == 2;
    for (size_t i = 0; two && i < 2; i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        two = json_object_is_type(item, json_type_int) || json_object_is_type(item, json_type_double);
        out[i] = json_object_get_double(item);
    }
    if (!two)
        return sl_fail(err, SL_E_RECIPE_OPTION, "%s: expected a list of two numbers", name);
    return 0;
}
