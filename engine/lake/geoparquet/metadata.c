/* SPDX-License-Identifier: Apache-2.0 */
/* The value of the key "geo": GeoParquet 1.1.0, "File metadata" and "Column metadata". */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "geo/crs.h"
#include "geo/sql.h"
#include "lake/geoparquet/geoparquet_internal.h"

static const char *const allowed_types[] = {"Point",      "LineString",      "Polygon",      "MultiPoint",
                                            "MultiLineString", "MultiPolygon", "GeometryCollection"};

static bool allowed(const char *type, size_t bytes)
{
    if (bytes > 2 && !memcmp(type + bytes - 2, " Z", 2))
        bytes -= 2;
    for (size_t i = 0; i < sizeof allowed_types / sizeof *allowed_types; i++)
        if (strlen(allowed_types[i]) == bytes && !memcmp(allowed_types[i], type, bytes))
            return true;
    return false;
}

static int add_types(struct json_object *column, const struct sl_geometry_facts *facts, struct sl_error *err)
{
    struct json_object *types = json_object_new_array();
    json_object_object_add(column, "geometry_types", types);
    for (const char *p = facts->types; *p;) {
        size_t bytes = strcspn(p, ",");
        if (!allowed(p, bytes)) {
            int rc = sl_fail(err, SL_E_GEOMETRY_CONTRACT, "geoparquet cannot hold geometries of type \"%.*s\"",
                             (int)bytes, p);
            sl_error_hint(err, "turn them into lines and polygons first: ST_CurveToLine, ST_CollectionExtract");
            return rc;
        }
        json_object_array_add(types, json_object_new_string_len(p, (int)bytes));
        p += bytes + (p[bytes] == ',');
    }
    return 0;
}

static int add_crs(struct json_object *column, const struct sl_crs *crs, struct sl_error *err)
{
    struct json_object *projjson = crs && crs->projjson ? json_tokener_parse(crs->projjson) : NULL;
    if (!projjson)
        return sl_fail(err, SL_E_CRS_MISSING, "a geoparquet file needs a coordinate reference system with PROJJSON");
    json_object_object_add(column, "crs", projjson);
    return 0;
}

/* The shortest digits that read back the same. */
static struct json_object *number(double value)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql text;
    sl_sql_init(&text, SL_DIALECT_DUCKDB);
    sl_sql_double(&text, value);
    return json_object_new_double_s(value, text.buf.data);
}

static struct json_object *path_to(const char *column, const char *side)
{
    struct json_object *path = json_object_new_array();
    json_object_array_add(path, json_object_new_string(column));
    json_object_array_add(path, json_object_new_string(side));
    return path;
}

static void add_covering(struct json_object *column, const char *covering)
{
    static const char *const sides[] = {"xmin", "ymin", "xmax", "ymax"};
    struct json_object *bbox = json_object_new_object(), *object = json_object_new_object();
    for (size_t i = 0; i < 4; i++)
        json_object_object_add(bbox, sides[i], path_to(covering, sides[i]));
    json_object_object_add(object, "bbox", bbox);
    json_object_object_add(column, "covering", object);
}

static void add_bounds(struct json_object *column, const struct sl_geometry_facts *facts)
{
    struct json_object *bbox = json_object_new_array();
    for (size_t i = 0; i < 4; i++)
        json_object_array_add(bbox, number(facts->bounds[i]));
    json_object_object_add(column, "bbox", bbox);
}

struct json_object *sl_geoparquet_metadata(const struct sl_table *table, const struct sl_crs *crs,
                                           const struct sl_geometry_facts *geometry,
                                           const struct sl_geoparquet_options *options, struct sl_error *err)
{
    if (!table->geometry) {
        sl_fail(err, SL_E_GEOMETRY_CONTRACT, "table \"%s\" has no geometry column", table->name);
        return NULL;
    }
    char covering[SL_COVERING_NAME_BYTES];
    struct json_object *geo = json_object_new_object(), *columns = json_object_new_object(),
                       *column = json_object_new_object();
    json_object_object_add(geo, "version", json_object_new_string("1.1.0"));
    json_object_object_add(geo, "primary_column", json_object_new_string(table->geometry));
    json_object_object_add(columns, table->geometry, column);
    json_object_object_add(geo, "columns", columns);
    json_object_object_add(column, "encoding", json_object_new_string("WKB"));
    int rc = add_types(column, geometry, err);
    if (rc == 0)
        rc = add_crs(column, crs, err);
    json_object_object_add(column, "edges", json_object_new_string("planar"));
    if (geometry->any)
        add_bounds(column, geometry);
    if (options && options->covering)
        add_covering(column, sl_geoparquet__covering_name(table, covering));
    if (rc) {
        json_object_put(geo);
        return NULL;
    }
    return geo;
}
