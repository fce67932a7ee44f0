/* SPDX-License-Identifier: Apache-2.0 */
#include "run/grid_store.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "grid/clickhouse.h"
#include "grid/layout.h"
#include "json/json.h"

int sl_grid_store_open(struct sl_engine *engine, struct sl_grid_store **out, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_clickhouse_target target;
    bool configured = false;
    int rc = sl_clickhouse_target(engine->config, arena, &target, &configured, err);
    if (rc < 0)
        return rc;
    return configured ? sl_grid_store__clickhouse(engine, out, err) : sl_grid_store__lake(engine, out, err);
}

void sl_grid_store_closep(struct sl_grid_store **store)
{
    if (*store)
        (*store)->ops->close(*store);
    *store = NULL;
}

/* Keys of the raw vault begin with their source. */
static const char *source_of(struct sl_arena *arena, const char *raw_key)
{
    const char *slash = raw_key ? strchr(raw_key, '/') : NULL;
    return slash ? sl_arena_strndup(arena, raw_key, (size_t)(slash - raw_key)) : "";
}

const struct sl_grid_origin *sl_grid_store__origin(struct sl_arena *arena, struct json_object *asset)
{
    struct json_object *inputs = sl_json_get(asset, "inputs"), *parts = sl_json_get(asset, "parts");
    struct json_object *in = inputs && json_object_array_length(inputs) ? json_object_array_get_idx(inputs, 0) : NULL;
    struct sl_grid_origin *o = sl_arena_alloc(arena, sizeof *o);
    const char *raw_key = in ? sl_json_str(in, "raw_key", NULL) : NULL;
    *o = (struct sl_grid_origin){
        .asset_id = sl_arena_strdup(arena, sl_json_str(asset, "_id", "")),
        .dataset_id = sl_arena_strdup(arena, sl_json_str(asset, "dataset_id", "")),
        .source = source_of(arena, raw_key),
        .version = sl_json_int(asset, "version", 0),
        .raw_file_id = in ? sl_arena_strdup(arena, sl_json_str(in, "raw_file_id", NULL)) : NULL,
        .raw_key = sl_arena_strdup(arena, raw_key),
        .content_hash = in ? sl_arena_strdup(arena, sl_json_str(in, "content_hash", NULL)) : NULL,
        .rows = sl_json_int(asset, "row_count", 0),
        .bucket = sl_arena_strdup(arena, sl_json_str(asset, "bucket", "")),
        .index_key = parts ? sl_arena_strdup(arena, sl_json_str(asset, "s3_key", "")) : NULL,
    };
    return o;
}

static double half_width(double lat, double radius_deg)
{
    if (fabs(lat) + radius_deg >= 90)
        return 180;
    return asin(sin(radius_deg * M_PI / 180) / cos(lat * M_PI / 180)) * 180 / M_PI;
}

/* " AND (lat >= 51.5 AND lat <= 52.5)", or of whole numbers of 1e-7 degree. */
static void put_between(struct sl_buf *sql, const char *column, bool e7, double from, double to, const char *how)
{
    if (e7)
        sl_buf_printf(sql, " AND (%s_e7 >= %.0f %s %s_e7 <= %.0f)", column, floor(from * 1e7), how, column, ceil(to * 1e7));
    else
        sl_buf_printf(sql, " AND (%s >= %.9f %s %s <= %.9f)", column, from, how, column, to);
}

void sl_grid_store__around(double lat, double lon, double radius_deg, bool e7, struct sl_buf *sql)
{
    struct sl_grid_cell_range ranges[SL_GRID_RANGES_MAX];
    size_t n = sl_grid_cells_around(lat, lon, radius_deg, ranges);
    /* What lies on the circle is in it, also with its place as ClickHouse keeps it. */
    double slack = 1e-6, half = half_width(lat, radius_deg) + slack;
    double west = sl_grid_wrap(lon - half), east = sl_grid_wrap(lon + half);
    double south = fmax(lat - radius_deg - slack, -90), north = fmin(lat + radius_deg + slack, 90);
    sl_buf_puts(sql, " AND (");
    for (size_t i = 0; i < n; i++)
        sl_buf_printf(sql, "%scell BETWEEN %d AND %d", i ? " OR " : "", ranges[i].from, ranges[i].to);
    sl_buf_puts(sql, ")");
    put_between(sql, "lat", e7, south, north, "AND");
    if (half < 179)
        put_between(sql, "lon", e7, west, east, west <= east ? "AND" : "OR");
}
