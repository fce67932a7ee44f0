/* SPDX-License-Identifier: Apache-2.0 */
/* What the steps' SQL asks for beside the extension spatial: its geometry is WKB, little-endian, in a vector of strings. */
#include <string.h>

#include "base/arena.h"
#include "geo/duckdb/functions.h"

static void set_null(duckdb_vector output, idx_t row)
{
    duckdb_vector_ensure_validity_writable(output);
    duckdb_validity_set_row_invalid(duckdb_vector_get_validity(output), row);
}

/* ---- sl_transform ---------------------------------------------------------------------------------------------- */

static void state_free(void *state)
{
    sl_transformer_free(state);
}

static void transform_init(duckdb_init_info info)
{
    duckdb_scalar_function_init_set_state(info, sl_transformer_new(), state_free);
}

static const char *copy_text(struct sl_arena *arena, duckdb_vector vector, idx_t row)
{
    duckdb_string_t *text = &((duckdb_string_t *)duckdb_vector_get_data(vector))[row];
    return sl_arena_strndup(arena, duckdb_string_t_data(text), duckdb_string_t_length(*text));
}

static bool valid(duckdb_vector vector, idx_t row)
{
    uint64_t *validity = duckdb_vector_get_validity(vector);
    return !validity || duckdb_validity_row_is_valid(validity, row);
}

static void transform_chunk(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    struct sl_transformer *t = duckdb_scalar_function_get_state(info);
    duckdb_vector geometries = duckdb_data_chunk_get_vector(input, 0), from = duckdb_data_chunk_get_vector(input, 1),
                  to = duckdb_data_chunk_get_vector(input, 2);
    duckdb_string_t *values = duckdb_vector_get_data(geometries);
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_error error = {0};
    idx_t n = duckdb_data_chunk_get_size(input);
    for (idx_t row = 0; row < n; row++) {
        const void *wkb = NULL;
        if (!valid(geometries, row) || !valid(from, row) || !valid(to, row)) {
            set_null(output, row);
            continue;
        }
        size_t bytes = duckdb_string_t_length(values[row]);
        /* The systems are literals of the statement: the same in every row. */
        int rc = row == 0 || !sl_transformer_ready(t)
                     ? sl_transformer_set(t, copy_text(arena, from, row), copy_text(arena, to, row), &error)
                     : 0;
        if (rc == 0)
            rc = sl_transformer_run(t, duckdb_string_t_data(&values[row]), bytes, &wkb, &error);
        if (rc) {
            duckdb_scalar_function_set_error(info, error.message);
            return;
        }
        duckdb_unsafe_vector_assign_string_element_len(output, row, wkb, bytes);
    }
}

/* ---- sl_simplify_keeps ------------------------------------------------------------------------------------------- */

static void keeps_chunk(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    (void)info;
    duckdb_vector geometries = duckdb_data_chunk_get_vector(input, 0), tolerances = duckdb_data_chunk_get_vector(input, 1);
    duckdb_string_t *values = duckdb_vector_get_data(geometries);
    const double *tolerance = duckdb_vector_get_data(tolerances);
    bool *keeps = duckdb_vector_get_data(output);
    idx_t n = duckdb_data_chunk_get_size(input);
    for (idx_t row = 0; row < n; row++)
        keeps[row] = valid(geometries, row) && valid(tolerances, row) &&
                     sl_simplify_keeps(duckdb_string_t_data(&values[row]), duckdb_string_t_length(values[row]),
                                       tolerance[row]);
}

enum { SIMPLIFIED_MAX_BYTES = 8192 }; /* more than a ring has that sl_simplify_ring takes */

static void simplify_chunk(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    (void)info;
    duckdb_vector geometries = duckdb_data_chunk_get_vector(input, 0), tolerances = duckdb_data_chunk_get_vector(input, 1);
    duckdb_string_t *values = duckdb_vector_get_data(geometries);
    const double *tolerance = duckdb_vector_get_data(tolerances);
    idx_t n = duckdb_data_chunk_get_size(input);
    for (idx_t row = 0; row < n; row++) {
        const char *wkb = duckdb_string_t_data(&values[row]);
        size_t bytes = duckdb_string_t_length(values[row]), left = 0;
        bool there = valid(geometries, row) && valid(tolerances, row);
        unsigned char out[SIMPLIFIED_MAX_BYTES];
        if (there && bytes <= sizeof out)
            left = sl_simplify_ring(wkb, bytes, tolerance[row], out);
        if (left)
            duckdb_unsafe_vector_assign_string_element_len(output, row, (const char *)out, left);
        else if (there && sl_simplify_keeps(wkb, bytes, tolerance[row]))
            duckdb_unsafe_vector_assign_string_element_len(output, row, wkb, bytes);
        else
            set_null(output, row);
    }
}

/* ---- registration ------------------------------------------------------------------------------------------------ */

static int add(struct sl_duck *duck, duckdb_scalar_function function, const char *name, struct sl_error *err)
{
    duckdb_scalar_function_set_name(function, name);
    duckdb_scalar_function_set_special_handling(function);
    bool failed = duckdb_register_scalar_function(sl_duck__connection(duck), function) != DuckDBSuccess;
    duckdb_destroy_scalar_function(&function);
    return failed ? sl_fail(err, SL_E_DUCKDB, "duckdb does not take the function %s", name) : 0;
}

int sl_duck__add_functions(struct sl_duck *duck, struct sl_error *err)
{
    duckdb_logical_type geometry = duckdb_create_logical_type(DUCKDB_TYPE_GEOMETRY);
    duckdb_logical_type text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_DOUBLE);
    duckdb_logical_type truth = duckdb_create_logical_type(DUCKDB_TYPE_BOOLEAN);
    duckdb_scalar_function transform = duckdb_create_scalar_function(), keeps = duckdb_create_scalar_function(),
                           simplify = duckdb_create_scalar_function();
    duckdb_scalar_function_add_parameter(transform, geometry);
    duckdb_scalar_function_add_parameter(transform, text);
    duckdb_scalar_function_add_parameter(transform, text);
    duckdb_scalar_function_set_return_type(transform, geometry);
    duckdb_scalar_function_set_init(transform, transform_init);
    duckdb_scalar_function_set_function(transform, transform_chunk);
    duckdb_scalar_function_add_parameter(keeps, geometry);
    duckdb_scalar_function_add_parameter(keeps, number);
    duckdb_scalar_function_set_return_type(keeps, truth);
    duckdb_scalar_function_set_function(keeps, keeps_chunk);
    duckdb_scalar_function_add_parameter(simplify, geometry);
    duckdb_scalar_function_add_parameter(simplify, number);
    duckdb_scalar_function_set_return_type(simplify, geometry);
    duckdb_scalar_function_set_function(simplify, simplify_chunk);
    int rc = add(duck, transform, "sl_transform", err);
    int rc2 = add(duck, keeps, "sl_simplify_keeps", rc ? NULL : err);
    int rc3 = add(duck, simplify, "sl_simplify", rc || rc2 ? NULL : err);
    duckdb_destroy_logical_type(&geometry);
    duckdb_destroy_logical_type(&text);
    duckdb_destroy_logical_type(&number);
    duckdb_destroy_logical_type(&truth);
    return rc ? rc : rc2 ? rc2 : rc3;
}
