/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sl_wkb_place(BLOB, INTEGER) → UBIGINT, where PostGIS's own order of geometries puts one; and sl_wkb_type(BLOB) → INTEGER, its
 * type's number as ISO writes it. Both give NULL for NULL.
 *
 * PostGIS sorts by the place on a Hilbert curve of the middle of the box that it keeps with a geometry, in single precision
 * and rounded outwards; the bits of the two numbers are the curve's coordinates. Of three systems it knows how large they
 * are, and brings the numbers into 1 to 2, where their bits are evenly spread. Empty geometries come first.
 * Hilbert: Ueber die stetige Abbildung einer Linie auf ein Flächenstück, 1891.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "geo/duckdb/functions.h"
#include "geo/wkb.h"

static float down(double d)
{
    float f = (float)d;
    return (double)f <= d ? f : nextafterf(f, -FLT_MAX);
}

static float up(double d)
{
    float f = (float)d;
    return (double)f >= d ? f : nextafterf(f, FLT_MAX);
}

static uint32_t bits_of(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

/* From the largest square to the smallest: which quarter, and how the curve lies in it. */
static uint64_t hilbert(uint32_t x, uint32_t y)
{
    uint64_t place = 0;
    for (int level = 31; level >= 0; level--) {
        uint32_t right = x >> level & 1, upper = y >> level & 1;
        place = place << 2 | ((3 * right) ^ upper);
        if (upper)
            continue;
        if (right) {
            x = ~x;
            y = ~y;
        }
        uint32_t swap = x;
        x = y;
        y = swap;
    }
    return place;
}

uint64_t sl_wkb_place(const void *wkb, size_t bytes, int srid)
{
    enum { LONLAT = 4326, WEB = 3857, WORLD = 3395 };
    struct sl_wkb_box box = {0};
    if (sl_wkb_walk(wkb, bytes, &box) != NULL || !box.any)
        return 0;
    float x = (float)(((double)up(box.xmax) + (double)down(box.xmin)) / 2);
    float y = (float)(((double)up(box.ymax) + (double)down(box.ymin)) / 2);
    if (srid == LONLAT) {
        x = (float)(1.5 + (double)x / 512);
        y = (float)(1.5 + (double)y / 256);
    } else if (srid == WEB || srid == WORLD) {
        x = (float)(1.5 + (double)x / 67108864);
        y = (float)(1.5 + (double)y / 67108864);
    }
    return hilbert(bits_of(y), bits_of(x));
}

static bool valid(duckdb_vector vector, idx_t row)
{
    uint64_t *validity = duckdb_vector_get_validity(vector);
    return !validity || duckdb_validity_row_is_valid(validity, row);
}

static void set_null(duckdb_vector output, idx_t row)
{
    duckdb_vector_ensure_validity_writable(output);
    duckdb_validity_set_row_invalid(duckdb_vector_get_validity(output), row);
}

static void place_chunk(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    (void)info;
    duckdb_vector geometries = duckdb_data_chunk_get_vector(input, 0), systems = duckdb_data_chunk_get_vector(input, 1);
    duckdb_string_t *values = duckdb_vector_get_data(geometries);
    const int32_t *srid = duckdb_vector_get_data(systems);
    uint64_t *places = duckdb_vector_get_data(output);
    idx_t n = duckdb_data_chunk_get_size(input);
    for (idx_t row = 0; row < n; row++) {
        if (valid(geometries, row) && valid(systems, row))
            places[row] = sl_wkb_place(duckdb_string_t_data(&values[row]), duckdb_string_t_length(values[row]), srid[row]);
        else
            set_null(output, row);
    }
}

/* The reader writes little endian. */
static void type_chunk(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    (void)info;
    duckdb_vector geometries = duckdb_data_chunk_get_vector(input, 0);
    duckdb_string_t *values = duckdb_vector_get_data(geometries);
    int32_t *types = duckdb_vector_get_data(output);
    idx_t n = duckdb_data_chunk_get_size(input);
    for (idx_t row = 0; row < n; row++) {
        if (valid(geometries, row) && duckdb_string_t_length(values[row]) >= 5)
            memcpy(&types[row], duckdb_string_t_data(&values[row]) + 1, sizeof *types);
        else
            set_null(output, row);
    }
}

static int add(struct sl_duck *duck, const char *name, duckdb_type result, bool with_system, duckdb_scalar_function_t work,
               struct sl_error *err)
{
    duckdb_logical_type blob = duckdb_create_logical_type(DUCKDB_TYPE_BLOB);
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_INTEGER);
    duckdb_logical_type type = duckdb_create_logical_type(result);
    duckdb_scalar_function function = duckdb_create_scalar_function();
    duckdb_scalar_function_set_name(function, name);
    duckdb_scalar_function_add_parameter(function, blob);
    if (with_system)
        duckdb_scalar_function_add_parameter(function, number);
    duckdb_scalar_function_set_return_type(function, type);
    duckdb_scalar_function_set_special_handling(function);
    duckdb_scalar_function_set_function(function, work);
    bool failed = duckdb_register_scalar_function(sl_duck__connection(duck), function) != DuckDBSuccess;
    duckdb_destroy_scalar_function(&function);
    duckdb_destroy_logical_type(&type);
    duckdb_destroy_logical_type(&number);
    duckdb_destroy_logical_type(&blob);
    return failed ? sl_fail(err, SL_E_DUCKDB, "duckdb does not take the function %s", name) : 0;
}

int sl_duck__add_places(struct sl_duck *duck, struct sl_error *err)
{
    int rc = add(duck, "sl_wkb_place", DUCKDB_TYPE_UBIGINT, true, place_chunk, err);
    return rc ? rc : add(duck, "sl_wkb_type", DUCKDB_TYPE_INTEGER, false, type_chunk, err);
}
