/* SPDX-License-Identifier: Apache-2.0 */
#include "run/grid_ask.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/uuid7.h"
#include "geo/duckdb/duck.h"
#include "geo/sql.h"
#include "grid/clickhouse.h"
#include "grid/layout.h"
#include "json/json.h"
#include "lake/facts.h"
#include "lake/lake.h"
#include "lake/parts.h"
#include "store/store.h"

#define KM_PER_DEGREE 111.19492664455873 /* of a sphere of 6,371 km */

enum { INDEX_BYTES = 64 << 20, SQL_BYTES = 64 << 10 };

/* A field that fits, and the nearest point of it so far. */
struct found {
    char key[256]; /* what tells it from others of its asset */
    struct json_object *doc;
    double distance_deg, lat, lon, value;
    bool any;
};

struct asking {
    struct sl_engine *engine;
    struct sl_arena *arena;
    const struct sl_grid_question *q;
    struct found *items;
    size_t n;
    struct json_object *asset; /* at work; borrowed */
    struct found *one;         /* of ClickHouse: the field at work */
};

static double number(const char *text)
{
    return text && *text ? strtod(text, NULL) : NAN;
}

static const char *time_text(int64_t s, char out[SL_ISO8601_BYTES])
{
    time_t t = (time_t)s;
    struct tm tm;
    if (!gmtime_r(&t, &tm) || !strftime(out, SL_ISO8601_BYTES, "%Y-%m-%dT%H:%M:%SZ", &tm))
        snprintf(out, SL_ISO8601_BYTES, "%" PRId64, s);
    return out;
}

static void nearer(const struct asking *a, struct found *f, double lat, double lon, double value)
{
    double distance = sl_grid_distance_deg(a->q->lat, a->q->lon, lat, lon);
    if (f->any && distance >= f->distance_deg)
        return;
    f->any = true;
    f->distance_deg = distance;
    f->lat = lat;
    f->lon = lon;
    f->value = value;
}

/* columns: units, level_type, level, member, step_type, step_from, step_to, reference_time */
static struct found *field(struct asking *a, const char *const *columns, const char *key, struct sl_error *err)
{
    char at[SL_ISO8601_BYTES];
    if (a->n == SL_GRID_ANSWERS_MAX) {
        sl_fail(err, SL_E_LIMIT, "more than %d fields fit", SL_GRID_ANSWERS_MAX);
        sl_error_hint(err, "name the dataset, the level or the member");
        return NULL;
    }
    struct found *f = &a->items[a->n++];
    struct json_object *o = f->doc = json_object_new_object();
    snprintf(f->key, sizeof f->key, "%s", key);
    sl_json_put_str(o, "variable", a->q->variable);
    sl_json_put_str(o, "units", columns[0]);
    sl_json_put_str(o, "valid_time", time_text(a->q->valid_s, at));
    sl_json_put_str(o, "reference_time", time_text(columns[7] ? strtoll(columns[7], NULL, 10) : 0, at));
    sl_json_put_str(o, "level_type", columns[1]);
    sl_json_put(o, "level", sl_lake_number(number(columns[2])));
    sl_json_put_int(o, "member", columns[3] ? strtoll(columns[3], NULL, 10) : -1);
    sl_json_put_str(o, "step_type", columns[4]);
    sl_json_put_int(o, "step_from_s", columns[5] ? strtoll(columns[5], NULL, 10) : 0);
    sl_json_put_int(o, "step_to_s", columns[6] ? strtoll(columns[6], NULL, 10) : 0);
    return f;
}

static void add_provenance(struct found *f, struct json_object *asset)
{
    struct json_object *inputs = sl_json_get(asset, "inputs");
    struct json_object *in = inputs && json_object_array_length(inputs) ? json_object_array_get_idx(inputs, 0) : NULL;
    sl_json_put_str(f->doc, "dataset_id", sl_json_str(asset, "dataset_id", NULL));
    sl_json_put_int(f->doc, "version", sl_json_int(asset, "version", 0));
    sl_json_put_str(f->doc, "asset_id", sl_json_str(asset, "_id", NULL));
    sl_json_put_str(f->doc, "raw_file_id", in ? sl_json_str(in, "raw_file_id", NULL) : NULL);
    sl_json_put_str(f->doc, "raw_key", in ? sl_json_str(in, "raw_key", NULL) : NULL);
    sl_json_put_str(f->doc, "content_hash", in ? sl_json_str(in, "content_hash", NULL) : NULL);
}

/* -- both stores
 * -------------------------------------------------------------------------------------------------------- */

static void cells_around(const struct asking *a, double radius, struct sl_buf *sql)
{
    struct sl_grid_cell_range ranges[SL_GRID_RANGES_MAX];
    size_t n = sl_grid_cells_around(a->q->lat, a->q->lon, radius, ranges);
    sl_buf_puts(sql, " AND (");
    for (size_t i = 0; i < n; i++)
        sl_buf_printf(sql, "%scell BETWEEN %d AND %d", i ? " OR " : "", ranges[i].from, ranges[i].to);
    sl_buf_puts(sql, ")");
}

/* Of a fine grid the rows of a cell that the circle meets; a millionth of a degree allows for how they are kept. */
static void latitudes_around(const struct asking *a, double radius, struct sl_buf *sql)
{
    double south = fmax(a->q->lat - radius - 1e-6, -90), north = fmin(a->q->lat + radius + 1e-6, 90);
    sl_buf_printf(sql, " AND lat_e7 BETWEEN %" PRId32 " AND %" PRId32, sl_grid_e7(south), sl_grid_e7(north));
}

/* -- ClickHouse
 * --------------------------------------------------------------------------------------------------------- */

enum { LOAD = 8, FIELD, SPACING, SERVER_COLUMNS };

struct of_server {
    struct asking *a;
    struct sl_clickhouse *ch;
    struct {
        char load[SL_UUID_TEXT_BYTES];
        uint32_t field;
        double spacing;
    } * at; /* of each found */
};

static int keep_field(void *data, char *const *columns, size_t n, struct sl_error *err)
{
    struct of_server *s = data;
    const char *texts[SERVER_COLUMNS];
    if (n != SERVER_COLUMNS)
        return sl_fail(err, SL_E_CLICKHOUSE, "ClickHouse answered with %zu columns, %d were asked for", n,
                       SERVER_COLUMNS);
    for (size_t i = 0; i < n; i++)
        texts[i] = columns[i];
    struct found *f = field(s->a, texts, columns[LOAD], err);
    if (!f)
        return -(int)SL_E_LIMIT;
    size_t i = (size_t)(f - s->a->items);
    snprintf(s->at[i].load, sizeof s->at[i].load, "%s", columns[LOAD]);
    s->at[i].field = (uint32_t)strtoul(columns[FIELD], NULL, 10);
    s->at[i].spacing = number(columns[SPACING]);
    return 0;
}

static int find_fields(struct of_server *s, struct sl_error *err)
{
    const struct sl_grid_question *q = s->a->q;
    SL_CLEANUP(sl_buf_free) struct sl_buf sql;
    sl_buf_init(&sql, SQL_BYTES);
    sl_buf_puts(
        &sql, "SELECT units, level_type, level, member, step_type, step_from, step_to, reference_time, load_id, field,"
              " spacing FROM grid_fields WHERE variable = ");
    sl_clickhouse_quote(&sql, q->variable);
    sl_buf_printf(&sql, " AND valid_time = %" PRId64, q->valid_s);
    if (q->dataset) {
        sl_buf_puts(&sql, " AND dataset = ");
        sl_clickhouse_quote(&sql, q->dataset);
    }
    if (q->level_type) {
        sl_buf_puts(&sql, " AND level_type = ");
        sl_clickhouse_quote(&sql, q->level_type);
    }
    if (!isnan(q->level)) {
        sl_buf_puts(&sql, " AND level = ");
        sl_clickhouse_number(&sql, q->level);
    }
    if (q->member >= 0)
        sl_buf_printf(&sql, " AND member = %" PRId64, q->member);
    sl_buf_printf(&sql, " ORDER BY load_id DESC, field LIMIT %d", SL_GRID_ANSWERS_MAX + 1);
    int rc = sl_buf_check(&sql, "question", err);
    return rc < 0 ? rc : sl_clickhouse_query(s->ch, sql.data, keep_field, s, err);
}

static int keep_place(void *data, char *const *columns, size_t n, struct sl_error *err)
{
    struct asking *a = data;
    if (n != 3)
        return sl_fail(err, SL_E_CLICKHOUSE, "ClickHouse answered with %zu columns, 3 were asked for", n);
    nearer(a, a->one, number(columns[0]), number(columns[1]), number(columns[2]));
    return 0;
}

/* A growing circle: what lies within it is the nearest as soon as there is one. */
static int nearest_in_server(struct of_server *s, size_t i, struct sl_error *err)
{
    struct asking *a = s->a;
    SL_CLEANUP(sl_buf_free) struct sl_buf sql;
    sl_buf_init(&sql, SQL_BYTES);
    a->one = &a->items[i];
    for (double radius = s->at[i].spacing > 0 ? s->at[i].spacing * 0.75 : 0.5;; radius *= 2) {
        sl_buf_clear(&sql);
        sl_buf_puts(&sql, "SELECT lat, lon, value FROM grid_data WHERE variable = ");
        sl_clickhouse_quote(&sql, a->q->variable);
        sl_buf_printf(&sql,
                      " AND timestamp = toDateTime(%" PRId64 ", 'UTC') AND load = %" PRIu64 " AND field = %" PRIu32,
                      sl_grid_timestamp(a->q->valid_s), sl_clickhouse_load(s->at[i].load), s->at[i].field);
        cells_around(a, radius, &sql);
        latitudes_around(a, radius, &sql);
        int rc = sl_buf_check(&sql, "question", err);
        rc = rc < 0 ? rc : sl_clickhouse_query(s->ch, sql.data, keep_place, a, err);
        if (rc < 0 || (a->one->any && a->one->distance_deg <= radius) || radius >= 180)
            return rc;
    }
}

static int ask_server(struct asking *a, const struct sl_clickhouse_target *target, struct sl_error *err)
{
    struct of_server s = {.a = a, .at = sl_arena_array(a->arena, SL_GRID_ANSWERS_MAX, sizeof *s.at)};
    int rc = sl_clickhouse_open(target, &s.ch, err);
    rc = rc < 0 ? rc : sl_clickhouse_migrate(s.ch, NULL, err);
    rc = rc < 0 ? rc : find_fields(&s, err);
    for (size_t i = 0; rc == 0 && i < a->n; i++) {
        SL_CLEANUP(sl_json_putp) struct json_object *asset = NULL;
        if (!sl_uuid_valid(s.at[i].load))
            continue;
        rc = a->engine->ledger->ops->get_asset(a->engine->ledger, s.at[i].load, &asset, err);
        if (rc < 0 || !asset)
            continue; /* what the ledger does not have does not exist */
        rc = nearest_in_server(&s, i, err);
        add_provenance(&a->items[i], asset);
    }
    sl_clickhouse_close(s.ch);
    return rc;
}

/* -- Parquet
 * ------------------------------------------------------------------------------------------------------------ */

static int keep_row(void *data, const char *const *columns, size_t n, struct sl_error *err)
{
    struct asking *a = data;
    char key[256];
    (void)n;
    snprintf(key, sizeof key, "%s %s %s %s %s %s %s %s", sl_json_str(a->asset, "_id", ""), columns[1] ? columns[1] : "",
             columns[2] ? columns[2] : "", columns[3] ? columns[3] : "", columns[4] ? columns[4] : "",
             columns[5] ? columns[5] : "", columns[6] ? columns[6] : "", columns[7] ? columns[7] : "");
    struct found *f = NULL;
    for (size_t i = a->n; !f && i-- > 0;)
        f = !strcmp(a->items[i].key, key) ? &a->items[i] : NULL;
    if (!f) {
        f = field(a, columns, key, err);
        if (!f)
            return -(int)SL_E_LIMIT;
        add_provenance(f, a->asset);
    }
    nearer(a, f, number(columns[8]), number(columns[9]), number(columns[10]));
    return 0;
}

static int query_file(struct asking *a, struct sl_duck *duck, const char *path, double radius, struct sl_error *err)
{
    const struct sl_grid_question *q = a->q;
    struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(
        &sql,
        "SELECT units, level_type, level, member, step_type, step_from, step_to, reference_time, lat, lon, value FROM"
        " read_parquet(");
    sl_sql_literal(&sql, path);
    sl_sql_text(&sql, ", hive_partitioning := false) WHERE valid_time = ");
    sl_sql_int(&sql, q->valid_s);
    if (q->level_type) {
        sl_sql_text(&sql, " AND level_type = ");
        sl_sql_literal(&sql, q->level_type);
    }
    if (!isnan(q->level)) {
        sl_sql_text(&sql, " AND level = ");
        sl_sql_double(&sql, q->level);
    }
    if (q->member >= 0) {
        sl_sql_text(&sql, " AND member = ");
        sl_sql_int(&sql, q->member);
    }
    cells_around(a, radius, &sql.buf);
    int rc = sl_sql_check(&sql, err);
    rc = rc < 0 ? rc : sl_duck_query(duck, sql.buf.data, keep_row, a, err);
    sl_sql_free(&sql);
    return rc;
}

/* All fields of the file at a time: the circle grows until each that was found is within it. */
static int nearest_in_file(struct asking *a, struct sl_duck *duck, const char *path, struct sl_error *err)
{
    size_t before = a->n;
    for (double radius = 0.5;; radius *= 2) {
        int rc = query_file(a, duck, path, radius, err);
        bool all = a->n > before;
        for (size_t i = before; i < a->n; i++)
            all &= a->items[i].distance_deg <= radius;
        if (rc < 0 || all || radius >= 180)
            return rc;
    }
}

static int wanted_suffix(const struct asking *a, struct sl_buf *out, struct sl_error *err)
{
    char at[SL_ISO8601_BYTES];
    int rc = sl_lake_part_folder("variable", a->q->variable, strlen(a->q->variable), out, err);
    time_text(a->q->valid_s, at);
    sl_buf_printf(out, "/date=%.10s/", at);
    return rc < 0 ? rc : sl_buf_check(out, "variable's name", err);
}

static int ask_asset(void *data, struct json_object *asset, struct sl_error *err)
{
    struct asking *a = data;
    const char *bucket = sl_json_str(asset, "bucket", ""), *folder = a->engine->config->run_scratch;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    SL_CLEANUP(sl_buf_free) struct sl_buf suffix;
    SL_CLEANUP(sl_duck_closep) struct sl_duck *duck = NULL;
    struct sl_lake_parts parts = {0};
    char id[SL_UUID_TEXT_BYTES], hex[65];
    sl_buf_init(&text, INDEX_BYTES);
    sl_buf_init(&suffix, SL_LAKE_PART_SUFFIX_MAX_BYTES);
    if (!sl_json_get(asset, "parts"))
        return 0; /* its rows are in ClickHouse */
    int rc = sl_store_read(a->engine->store, bucket, sl_json_str(asset, "s3_key", ""), &text, NULL, err);
    rc = rc < 0 ? rc : sl_lake_parts_read(text.data, text.len, arena, &parts, err);
    rc = rc < 0 ? rc : wanted_suffix(a, &suffix, err);
    a->asset = asset;
    for (size_t i = 0; rc == 0 && i < parts.n; i++) {
        if (strncmp(parts.items[i].suffix, suffix.data, suffix.len) != 0)
            continue;
        sl_uuid7(id);
        const char *path = sl_arena_printf(arena, "%s/.verify-grid-%s.parquet", folder, id);
        const char *key = sl_arena_printf(
            arena, "%s%s",
            sl_lake_prefix(arena, sl_json_str(asset, "dataset_id", ""), sl_json_int(asset, "version", 0)),
            parts.items[i].suffix);
        const struct sl_duck_options options = {.threads = 1, .memory_bytes = 100 << 20};
        rc = sl_dir_make(folder, 0700, err);
        rc = rc < 0 ? rc : sl_store_download(a->engine->store, bucket, key, NULL, path, hex, NULL, err);
        if (rc == 0 && strcmp(hex, parts.items[i].sha256_hex) != 0)
            rc = sl_fail(err, SL_E_VERIFY_FAILED, "%s differs from what was published", key);
        if (rc == 0 && !duck)
            rc = sl_duck_open(&options, &duck, err);
        rc = rc < 0 ? rc : nearest_in_file(a, duck, path, err);
        sl_dir_remove(path, NULL);
    }
    return rc;
}

static int ask_lake(struct asking *a, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *filter = json_object_new_object();
    const struct sl_find find = {.collection = "assets", .filter = filter, .sort = "created_at:-1"};
    sl_json_put_str(filter, "kind", "grid");
    if (a->q->dataset)
        sl_json_put_str(filter, "dataset_id", a->q->dataset);
    return a->engine->ledger->ops->find(a->engine->ledger, &find, ask_asset, a, err);
}

/* -----------------------------------------------------------------------------------------------------------------------
 */

static struct json_object *answers(struct asking *a)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < a->n; i++) {
        struct found *f = &a->items[i];
        if (f->any && sl_json_str(f->doc, "asset_id", NULL)) {
            sl_json_put(f->doc, "lat", sl_lake_number(f->lat));
            sl_json_put(f->doc, "lon", sl_lake_number(f->lon));
            sl_json_put(f->doc, "value", sl_lake_number(f->value));
            sl_json_put(f->doc, "distance_km",
                        json_object_new_double(round(f->distance_deg * KM_PER_DEGREE * 1000) / 1000));
            json_object_array_add(list, json_object_get(f->doc));
        }
        json_object_put(f->doc);
    }
    return list;
}

int sl_grid_point(struct sl_engine *engine, const struct sl_grid_question *q, struct json_object **out,
                  struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct asking a = {
        .engine = engine, .arena = arena, .q = q, .items = sl_arena_array(arena, SL_GRID_ANSWERS_MAX, sizeof *a.items)};
    struct sl_clickhouse_target target;
    bool configured = false;
    char at[SL_ISO8601_BYTES];
    int rc = sl_clickhouse_target(engine->config, arena, &target, &configured, err);
    if (rc == 0)
        rc = configured ? ask_server(&a, &target, err) : ask_lake(&a, err);
    struct json_object *list = answers(&a);
    if (rc == 0 && json_object_array_length(list) == 0) {
        rc = sl_fail(err, SL_E_ASSET_NOT_FOUND, "there is no value of \"%s\" at %s", q->variable,
                     time_text(q->valid_s, at));
        sl_error_hint(err, "sluice asset list shows the grids that there are");
    }
    if (rc < 0)
        json_object_put(list);
    else
        *out = list;
    return rc;
}
