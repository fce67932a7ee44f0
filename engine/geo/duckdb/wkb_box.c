/* SPDX-License-Identifier: Apache-2.0 */
#include "geo/duckdb/duck_internal.h"
#include "geo/wkb.h"

enum { SIDES = 4 };
static const char *const sides[SIDES] = {"xmin", "ymin", "xmax", "ymax"};

static void set_null(duckdb_vector output, idx_t row)
{
    duckdb_vector_ensure_validity_writable(output);
    duckdb_validity_set_row_invalid(duckdb_vector_get_validity(output), row);
    for (idx_t i = 0; i < SIDES; i++) {
        duckdb_vector side = duckdb_struct_vector_get_child(output, i);
        duckdb_vector_ensure_validity_writable(side);
        duckdb_validity_set_row_invalid(duckdb_vector_get_validity(side), row);
    }
}

static void show(struct sl_duck__boxes *boxes, const struct sl_wkb_box *box, duckdb_string_t *wkb)
{
    pthread_mutex_lock(&boxes->mutex);
    boxes->geometry(boxes->data, box, duckdb_string_t_data(wkb), duckdb_string_t_length(*wkb));
    pthread_mutex_unlock(&boxes->mutex);
}

static void box_of_chunk(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    struct sl_duck__boxes *boxes = duckdb_scalar_function_get_extra_info(info);
    idx_t n = duckdb_data_chunk_get_size(input);
    duckdb_vector blobs = duckdb_data_chunk_get_vector(input, 0);
    duckdb_string_t *values = duckdb_vector_get_data(blobs);
    uint64_t *validity = duckdb_vector_get_validity(blobs);
    double *out[SIDES];
    for (idx_t i = 0; i < SIDES; i++)
        out[i] = duckdb_vector_get_data(duckdb_struct_vector_get_child(output, i));
    for (idx_t row = 0; row < n; row++) {
        struct sl_wkb_box box = {0};
        bool there = !validity || duckdb_validity_row_is_valid(validity, row);
        if (!there ||
            sl_wkb_walk(duckdb_string_t_data(&values[row]), duckdb_string_t_length(values[row]), &box) != NULL ||
            !box.any) {
            set_null(output, row);
            continue;
        }
        out[0][row] = box.xmin;
        out[1][row] = box.ymin;
        out[2][row] = box.xmax;
        out[3][row] = box.ymax;
        if (boxes->geometry)
            show(boxes, &box, &values[row]);
    }
}

/* The type in ISO's numbers, 1001 for a point with Z, from the first bytes of ISO WKB or EWKB; 0 for what is neither. */
static int32_t type_of(const unsigned char *wkb, size_t bytes)
{
    enum { HEAD = 5 };
    if (bytes < HEAD || wkb[0] > 1)
        return 0;
    uint32_t code = 0;
    for (int i = 0; i < 4; i++)
        code |= (uint32_t)wkb[wkb[0] ? 1 + i : 4 - i] << (8 * i);
    bool z = code & 0x80000000u, m = code & 0x40000000u;
    code &= 0x0FFFFFFFu;
    return code > 4000 ? 0 : (int32_t)(code + (z ? 1000 : 0) + (m ? 2000 : 0));
}

static void type_of_chunk(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    (void)info;
    idx_t n = duckdb_data_chunk_get_size(input);
    duckdb_vector blobs = duckdb_data_chunk_get_vector(input, 0);
    duckdb_string_t *values = duckdb_vector_get_data(blobs);
    int32_t *out = duckdb_vector_get_data(output);
    for (idx_t row = 0; row < n; row++) /* without special handling NULL stays NULL, and only the others are looked at */
        out[row] = duckdb_validity_row_is_valid(duckdb_vector_get_validity(blobs), row)
                       ? type_of((const unsigned char *)duckdb_string_t_data(&values[row]), duckdb_string_t_length(values[row]))
                       : 0;
}

static int add_type(struct sl_duck *duck, struct sl_error *err)
{
    duckdb_logical_type blob = duckdb_create_logical_type(DUCKDB_TYPE_BLOB);
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_INTEGER);
    duckdb_scalar_function function = duckdb_create_scalar_function();
    duckdb_scalar_function_set_name(function, "sl_wkb_type");
    duckdb_scalar_function_add_parameter(function, blob);
    duckdb_scalar_function_set_return_type(function, number);
    duckdb_scalar_function_set_function(function, type_of_chunk);
    bool failed = duckdb_register_scalar_function(sl_duck__connection(duck), function) != DuckDBSuccess;
    duckdb_destroy_scalar_function(&function);
    duckdb_destroy_logical_type(&number);
    duckdb_destroy_logical_type(&blob);
    return failed ? sl_fail(err, SL_E_DUCKDB, "duckdb does not take the function sl_wkb_type") : 0;
}

int sl_duck_add_wkb_box(struct sl_duck *duck, struct sl_error *err)
{
    struct sl_duck__boxes *boxes = sl_duck__boxes(duck);
    if (boxes->added)
        return 0;
    duckdb_logical_type blob = duckdb_create_logical_type(DUCKDB_TYPE_BLOB);
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_DOUBLE);
    duckdb_logical_type types[SIDES] = {number, number, number, number};
    const char *names[SIDES] = {sides[0], sides[1], sides[2], sides[3]};
    duckdb_logical_type box = duckdb_create_struct_type(types, names, SIDES);
    duckdb_scalar_function function = duckdb_create_scalar_function();
    duckdb_scalar_function_set_name(function, "sl_wkb_box");
    duckdb_scalar_function_add_parameter(function, blob);
    duckdb_scalar_function_set_return_type(function, box);
    duckdb_scalar_function_set_special_handling(function);
    duckdb_scalar_function_set_function(function, box_of_chunk);
    duckdb_scalar_function_set_extra_info(function, boxes, NULL);
    bool failed = duckdb_register_scalar_function(sl_duck__connection(duck), function) != DuckDBSuccess;
    duckdb_destroy_scalar_function(&function);
    duckdb_destroy_logical_type(&box);
    duckdb_destroy_logical_type(&number);
    duckdb_destroy_logical_type(&blob);
    if (failed)
        return sl_fail(err, SL_E_DUCKDB, "duckdb does not take the function sl_wkb_box");
    int rc = add_type(duck, err);
    boxes->added = rc == 0;
    return rc;
}
