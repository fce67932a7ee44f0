/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second lock, beside DuckDB's own (enable_external_access, lock_configuration): before a query runs, DuckDB's parser
 * says what it reads. Table functions are taken from a short list, tables from the run's schema: what reads files,
 * describes the database or changes it by a SELECT is not there.
 */
#include <string.h>
#include <strings.h>

#include <json-c/json.h>

#include "geo/duckdb/compute_internal.h"
#include "geo/duckdb/duck_internal.h"

enum { MAX_DEPTH = 2000 };

static const char *const table_functions[] = {"unnest",     "range",     "generate_series",   "repeat", "repeat_row",
                                              "json_each",  "json_tree", "st_generatepoints", NULL};
static const char *const forbidden_functions[] = {"current_setting", "write_log", "getenv", NULL};

static bool among(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (!strcasecmp(*names, name))
            return true;
    return false;
}

static const char *text(struct json_object *node, const char *key)
{
    struct json_object *value;
    return json_object_object_get_ex(node, key, &value) && value ? json_object_get_string(value) : "";
}

static int refuse(const char *what, const char *name, struct sl_error *err)
{
    int rc = sl_fail(err, SL_E_STEP_SQL, "duckdb: permission denied: %s \"%s\" is not for queries of recipes", what, name);
    sl_error_hint(err, "a query reads the run's own tables, and makes rows by unnest, range, generate_series and their like");
    return rc;
}

static int check_object(const struct sl_duckdb_session *s, struct json_object *node, struct sl_error *err)
{
    const char *type = text(node, "type"), *function = text(node, "function_name");
    struct json_object *call;
    if (!strcmp(type, "TABLE_FUNCTION")) {
        const char *name = json_object_object_get_ex(node, "function", &call) ? text(call, "function_name") : "";
        if (!among(table_functions, name))
            return refuse("table function", name, err);
    }
    if (among(forbidden_functions, function))
        return refuse("function", function, err);
    if (!strcmp(type, "BASE_TABLE")) {
        const char *schema = text(node, "schema_name");
        if (*text(node, "catalog_name") || (*schema && strcasecmp(schema, s->name) != 0))
            return refuse("schema", *schema ? schema : text(node, "catalog_name"), err);
    }
    return 0;
}

static int check(const struct sl_duckdb_session *s, struct json_object *node, struct sl_error *err)
{
    int rc = 0;
    if (json_object_is_type(node, json_type_array)) {
        for (size_t i = 0; rc == 0 && i < json_object_array_length(node); i++)
            rc = check(s, json_object_array_get_idx(node, i), err);
    } else if (json_object_is_type(node, json_type_object)) {
        rc = check_object(s, node, err);
        json_object_object_foreach(node, key, value)
        {
            (void)key;
            if (rc == 0)
                rc = check(s, value, err);
        }
    }
    return rc;
}

static int check_tree(const struct sl_duckdb_session *s, const char *json, struct sl_error *err)
{
    struct json_tokener *tokener = json_tokener_new_ex(MAX_DEPTH);
    struct json_object *root = tokener ? json_tokener_parse_ex(tokener, json, (int)strlen(json) + 1) : NULL, *statements;
    int rc = 0;
    if (!root)
        rc = sl_fail(err, SL_E_STEP_SQL, "duckdb: the query is nested too deeply");
    else if (json_object_get_boolean(json_object_object_get(root, "error")))
        rc = sl_fail(err, SL_E_STEP_SQL, "duckdb: %s", text(root, "error_message"));
    else if (!json_object_object_get_ex(root, "statements", &statements) ||
             !json_object_is_type(statements, json_type_array) || json_object_array_length(statements) != 1)
        rc = sl_fail(err, SL_E_STEP_SQL, "duckdb: the text is not one query");
    else
        rc = check(s, statements, err);
    json_object_put(root);
    if (tokener)
        json_tokener_free(tokener);
    return rc;
}

int sl_duckdb__guard(struct sl_duckdb_session *s, const char *select, struct sl_error *err)
{
    duckdb_prepared_statement statement = NULL;
    duckdb_result result = {0};
    char *json = NULL;
    int rc = 0;
    if (duckdb_prepare(sl_duck__connection(s->duck), "SELECT json_serialize_sql($1::VARCHAR)", &statement) !=
            DuckDBSuccess ||
        duckdb_bind_varchar(statement, 1, select) != DuckDBSuccess)
        rc = sl_duck__fail(DUCKDB_ERROR_INVALID, duckdb_prepare_error(statement), err);
    else if (duckdb_execute_prepared(statement, &result) != DuckDBSuccess)
        rc = sl_duck__fail(duckdb_result_error_type(&result), duckdb_result_error(&result), err);
    else if (!(json = duckdb_value_varchar(&result, 0, 0)))
        rc = sl_fail(err, SL_E_DUCKDB, "duckdb: the query cannot be parsed");
    else
        rc = check_tree(s, json, err);
    duckdb_free(json);
    duckdb_destroy_result(&result);
    duckdb_destroy_prepare(&statement);
    return rc;
}
