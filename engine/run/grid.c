/* SPDX-License-Identifier: Apache-2.0 */
/* Compute for grids: fields of a file, one after the other, into ClickHouse or Parquet parts, and the list of them. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"
#include "grid/clickhouse.h"
#include "grid/reader.h"
#include "grid/sinks.h"
#include "json/json.h"
#include "lake/facts.h"
#include "lake/lake.h"
#include "lake/outputs.h"
#include "run/batch.h"
#include "run/grid_work.h"
#include "run/parts.h"

enum { INDEX_BYTES = 128 << 20, FIELDS_MAX = 200000 };

static int may_go_on(void *data, struct sl_error *err)
{
    return sl_batch_mine(data, err);
}

static int open_sink(struct sl_batch *b, bool *in_server, struct sl_grid_sink **out, struct sl_error *err)
{
    struct sl_clickhouse_target *target = sl_arena_alloc(b->arena, sizeof *target);
    int rc = sl_clickhouse_target(b->engine->config, b->arena, target, in_server, err);
    if (rc < 0)
        return rc;
    return *in_server ? sl_grid_clickhouse(target, out, err) : sl_grid_parquet(out, err);
}

/* ---- what is wanted ---- */

static size_t list(struct json_object *values)
{
    return values ? json_object_array_length(values) : 0;
}

void sl_grid_select_of(const struct sl_output_grid *o, struct sl_arena *arena, struct sl_grid_select *out)
{
    const char **variables = sl_arena_array(arena, list(o->variables) + 1, sizeof *variables);
    double *levels = sl_arena_array(arena, list(o->levels) + 1, sizeof *levels);
    int64_t *members = sl_arena_array(arena, list(o->members) + 1, sizeof *members);
    int64_t *steps = sl_arena_array(arena, list(o->steps) + 1, sizeof *steps);
    *out = (struct sl_grid_select){.variables = variables,
                                   .level_type = o->level_type,
                                   .levels = levels,
                                   .members = members,
                                   .steps_s = steps,
                                   .every = o->every};
    for (size_t i = 0; i < list(o->variables); i++)
        variables[out->n_variables++] =
            sl_arena_strdup(arena, json_object_get_string(json_object_array_get_idx(o->variables, i)));
    for (size_t i = 0; i < list(o->levels); i++)
        levels[out->n_levels++] = json_object_get_double(json_object_array_get_idx(o->levels, i));
    for (size_t i = 0; i < list(o->members); i++)
        members[out->n_members++] = json_object_get_int64(json_object_array_get_idx(o->members, i));
    for (size_t i = 0; i < list(o->steps); i++)
        steps[out->n_steps++] = llround(json_object_get_double(json_object_array_get_idx(o->steps, i)) * 3600);
    if (o->area.given) {
        const double area[4] = {o->area.xmin, o->area.ymin, o->area.xmax, o->area.ymax};
        out->has_area = true;
        memcpy(out->area, area, sizeof area);
    }
}

/* ---- the list of fields ---- */

struct loading {
    struct sl_batch *b;
    struct sl_unit *unit;
    struct json_object *fields;
    struct sl_grid_left_out left_out;
    char grid_id[65]; /* whose extent is in the unit's */
};

/* Of the same fields the same text: no id of a run, load or file is in it. */
static void add_field(struct loading *l, const struct sl_grid_field *f)
{
    char hex[SL_SHA256_HEX_BYTES];
    struct json_object *o = json_object_new_object();
    struct sl_grid_sums sums = sl_grid_sums(f);
    sl_sha256_of(f->values, f->points->n * sizeof *f->values, hex);
    sl_json_put_int(o, "field", (int64_t)json_object_array_length(l->fields));
    sl_json_put_str(o, "variable", f->variable);
    sl_json_put_str(o, "name", f->name);
    sl_json_put_str(o, "standard_name", f->standard_name);
    sl_json_put_str(o, "units", f->units);
    sl_json_put_int(o, "param_id", f->param_id);
    sl_json_put_int(o, "reference_s", f->reference_s);
    sl_json_put_int(o, "valid_s", f->valid_s);
    sl_json_put_str(o, "step_type", f->step_type);
    sl_json_put_int(o, "step_from_s", f->step_from_s);
    sl_json_put_int(o, "step_to_s", f->step_to_s);
    sl_json_put_str(o, "level_type", f->level_type);
    sl_json_put(o, "level", sl_lake_number(f->level));
    sl_json_put(o, "level_top", sl_lake_number(f->level_top));
    sl_json_put(o, "level_bottom", sl_lake_number(f->level_bottom));
    sl_json_put_int(o, "member", f->member);
    sl_json_put_str(o, "grid_type", f->points->type);
    sl_json_put_str(o, "grid_id", f->points->id);
    sl_json_put(o, "spacing", sl_lake_number(sl_grid_spacing(f->points)));
    sl_json_put_int(o, "points", (int64_t)f->points->n);
    sl_json_put_int(o, "missing", sums.missing);
    sl_json_put(o, "min", sums.rows ? sl_lake_number(sums.min) : NULL);
    sl_json_put(o, "max", sums.rows ? sl_lake_number(sums.max) : NULL);
    sl_json_put(o, "sum", sl_lake_number(sums.sum));
    sl_json_put_str(o, "values_sha256", hex);
    sl_json_put_int(o, "message", f->index);
    sl_json_put_int(o, "offset", f->offset);
    sl_json_put_int(o, "bytes", f->bytes);
    sl_json_put_int(o, "edition", f->edition);
    sl_json_put_str(o, "centre", f->centre);
    json_object_array_add(l->fields, o);
}

static void extend_time(struct sl_unit *u, int64_t valid_s)
{
    u->time_from_s = !u->has_time || valid_s < u->time_from_s ? valid_s : u->time_from_s;
    u->time_to_s = !u->has_time || valid_s > u->time_to_s ? valid_s : u->time_to_s;
    u->has_time = true;
}

static void extend(struct loading *l, const struct sl_grid_points *p)
{
    double *box = l->unit->geometry.bounds;
    if (!strcmp(l->grid_id, p->id) || p->n == 0)
        return;
    memcpy(l->grid_id, p->id, sizeof l->grid_id);
    for (size_t i = 0; i < p->n; i++) {
        double lat, lon;
        sl_grid_place(p, i, &lat, &lon);
        bool first = !l->unit->geometry.any;
        box[0] = first || lon < box[0] ? lon : box[0];
        box[1] = first || lat < box[1] ? lat : box[1];
        box[2] = first || lon > box[2] ? lon : box[2];
        box[3] = first || lat > box[3] ? lat : box[3];
        l->unit->geometry.any = true;
    }
    memcpy(l->unit->geometry.bounds_wgs84, box, sizeof l->unit->geometry.bounds_wgs84);
}

static int index_text(struct loading *l, const char **out, struct sl_error *err)
{
    struct json_object *o = json_object_new_object();
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, INDEX_BYTES);
    sl_json_put_str(o, "kind", "sluice.fields");
    sl_json_put_int(o, "version", 1);
    sl_json_put(o, "fields", json_object_get(l->fields));
    sl_json_canonical(o, &text);
    json_object_put(o);
    sl_buf_putc(&text, '\n');
    int rc = sl_buf_check(&text, "list of fields", err);
    if (rc == 0)
        *out = sl_arena_strdup(l->b->arena, text.data);
    return rc;
}

/* ---- reading ---- */

static void tell_skipped(struct sl_batch *b, const struct sl_unit *u, const struct sl_grid_reader *reader)
{
    size_t n = 0;
    const struct sl_grid_skipped *skipped = sl_grid_skipped(reader, &n);
    for (size_t i = 0; i < n && i < SL_GRID_SKIPPED_KEPT; i++)
        json_object_array_add(b->warnings,
                              json_object_new_string(sl_arena_printf(
                                  b->arena, "%s: field %" PRId64 " at byte %" PRId64 " was passed over: %s",
                                  u->input->landing_key, skipped[i].index, skipped[i].offset, skipped[i].why.message)));
    if (n > SL_GRID_SKIPPED_KEPT)
        json_object_array_add(b->warnings,
                              json_object_new_string(sl_arena_printf(b->arena, "%s: %zu fields were passed over in all",
                                                                     u->input->landing_key, n)));
}

static int read_all(struct loading *l, const struct sl_output_grid *o, struct sl_grid_sink *sink, struct sl_error *err)
{
    struct sl_grid_options options = {.format = l->unit->format, .skip_undecodable = o->on_undecodable == 1};
    SL_CLEANUP(sl_grid_closep) struct sl_grid_reader *reader = NULL;
    const struct sl_grid_field *f = NULL;
    sl_grid_select_of(o, l->b->arena, &options.select);
    int rc = sl_grid_open(l->unit->input->local_path, &options, &reader, err);
    while (rc == 0 && (rc = sl_grid_next(reader, &f, err)) == 0 && f) {
        if (json_object_array_length(l->fields) == FIELDS_MAX)
            return sl_fail(err, SL_E_LIMIT, "it has more than %d fields", FIELDS_MAX);
        rc = sink->ops->put(sink, f, l->unit->input->raw_id, err);
        if (rc == 0) {
            add_field(l, f);
            extend(l, f->points);
            extend_time(l->unit, f->valid_s);
        }
    }
    if (rc == 0) {
        l->left_out = sl_grid_left_out(reader);
        tell_skipped(l->b, l->unit, reader);
    }
    if (rc < 0 && err && (err->code == SL_E_FILE_DAMAGED || err->code == SL_E_FILE_TRUNCATED) && !o->on_undecodable &&
        json_object_array_length(l->fields))
        sl_error_hint(err, "sluice grid info shows which fields are whole; on_undecodable: skip keeps those, and names the others");
    if (rc == 0 && json_object_array_length(l->fields) == 0) {
        rc = sl_fail(err, SL_E_CHECK_FAILED, "none of its fields is one that the recipe keeps");
        sl_error_hint(err, "sluice grid info shows what it has");
    }
    return rc;
}

/* ---- one asset ---- */

static int keep_parts(struct sl_batch *b, struct sl_planned_asset *a, const struct sl_grid_loaded *loaded,
                      struct sl_error *err)
{
    static const struct sl_lake_part_column columns[] = {{"variable", "text"}, {"date", "date"}};
    struct sl_lake_part *items = sl_arena_array(b->arena, loaded->n_parts + 1, sizeof *items);
    for (size_t i = 0; i < loaded->n_parts; i++) {
        const struct sl_grid_part *p = &loaded->parts[i];
        items[i] = (struct sl_lake_part){.path = p->path, .suffix = p->suffix, .rows = p->rows, .bytes = p->bytes};
        memcpy(items[i].sha256_hex, p->sha256_hex, sizeof items[i].sha256_hex);
    }
    const struct sl_lake_parts parts = {.items = items,
                                        .n = loaded->n_parts,
                                        .columns = columns,
                                        .n_columns = 2,
                                        .media_type = "application/vnd.apache.parquet"};
    return sl_batch_set_parts(b, a, &parts, err);
}

static int keep_index(struct sl_batch *b, struct sl_planned_asset *a, const char *text, struct sl_error *err)
{
    a->local_path = sl_arena_printf(b->arena, "%s/out-%s.fields.json", b->scratch, a->asset_id);
    a->size_bytes = (int64_t)strlen(text);
    sl_sha256_of(text, strlen(text), a->sha256_hex);
    return sl_file_write_durable(a->local_path, text, strlen(text), 0600, err);
}

/* A replay that came to the same values leaves the rows that are there alone. */
static bool the_same(const struct sl_batch *b, const struct sl_planned_asset *a)
{
    const char *before = a->before ? sl_json_str(a->before, "content_hash", "") : "";
    return (b->into_version || !b->force) && !strncmp(before, "sha256:", 7) && !strcmp(before + 7, a->sha256_hex);
}

/* Of what this attempt has not made itself, and the ledger does not have, nothing stays. */
static int is_left(void *data, const char *load_id, struct sl_error *err)
{
    struct sl_batch *b = data;
    struct json_object *doc = NULL;
    for (size_t i = 0; i < b->n_units; i++)
        for (size_t k = 0; k < b->units[i].n_assets; k++)
            if (!strcmp(b->units[i].assets[k].asset_id, load_id))
                return 0;
    int rc = b->engine->ledger->ops->get_asset(b->engine->ledger, load_id, &doc, err);
    bool known = doc != NULL;
    json_object_put(doc);
    return rc < 0 ? rc : !known;
}

/* An attempt that was killed between its last row and its commit has left rows that everybody sees. */
static int drop_left(struct sl_batch *b, struct sl_grid_sink *sink, struct sl_error *err)
{
    if (b->lease.attempt <= 1)
        return 0;
    int rc = b->engine->ledger->ops->renew(b->engine->ledger, &b->lease, b->engine->config->run_lease_ms, err);
    return rc < 0 ? rc : sink->ops->sweep(sink, b->lease.batch_id, is_left, b, err);
}

static void add_dropped(struct sl_batch *b, const char *policy, int64_t rows)
{
    if (rows)
        sl_json_put_int(b->dropped, policy, sl_json_int(b->dropped, policy, 0) + rows);
}

/* Points of the file are rows in, whether or not they are wanted. */
static void count_rows(struct loading *l, int64_t rows, int64_t missing)
{
    struct sl_batch *b = l->b;
    int64_t fields = (int64_t)json_object_array_length(l->fields), left = l->left_out.fields;
    l->unit->rows_in = rows + missing + l->left_out.points;
    b->rows_in += l->unit->rows_in;
    b->rows_out += rows;
    add_dropped(b, "missing", missing);
    add_dropped(b, "not_selected", l->left_out.points);
    if (left)
        json_object_array_add(b->warnings, json_object_new_string(sl_arena_printf(
                                               b->arena, "%s: %" PRId64 " of %" PRId64 " fields were not selected",
                                               l->unit->input->landing_key, left, left + fields)));
}

static int finish_one(struct loading *l, struct sl_planned_asset *a, struct sl_grid_sink *sink, bool in_server,
                      bool count, struct sl_error *err)
{
    struct sl_batch *b = l->b;
    struct sl_grid_loaded loaded = {0};
    const char *text = NULL;
    int rc = index_text(l, &text, err);
    if (rc == 0 && in_server)
        rc = keep_index(b, a, text, err);
    if (rc < 0)
        return rc;
    int64_t rows = 0, missing = 0;
    for (size_t i = 0; i < json_object_array_length(l->fields); i++) {
        struct json_object *f = json_object_array_get_idx(l->fields, i);
        missing += sl_json_int(f, "missing", 0);
        rows += sl_json_int(f, "points", 0) - sl_json_int(f, "missing", 0);
    }
    if (in_server && the_same(b, a)) {
        sink->ops->abandon(sink);
    } else {
        rc = in_server ? drop_left(b, sink, err) : 0;
        if (rc < 0)
            return rc;
        a->loaded = in_server; /* from here on there may be rows to take back */
        rc = sink->ops->finish(sink, b->arena, &loaded, err);
        if (rc == 0 && loaded.rows != rows)
            rc = sl_fail(err, SL_E_ROWS_LOST, "%" PRId64 " values were read, %" PRId64 " stored", rows, loaded.rows);
    }
    if (rc == 0 && !in_server) {
        a->fields_text = text;
        rc = keep_parts(b, a, &loaded, err);
    }
    if (rc < 0)
        return rc;
    l->unit->rows_out = rows;
    if (count)
        count_rows(l, rows, missing);
    return 0;
}

static int one_asset(struct sl_batch *b, struct sl_unit *u, struct sl_planned_asset *a, bool count,
                     struct sl_error *err)
{
    struct loading l = {.b = b, .unit = u, .fields = json_object_new_array()};
    SL_CLEANUP(sl_grid_sink_closep) struct sl_grid_sink *sink = NULL;
    bool in_server = false;
    const struct sl_grid_load load = {.load_id = a->asset_id,
                                      .batch_id = b->lease.batch_id,
                                      .source = sl_dataset_id_from(b->arena, b->manifest.uploader),
                                      .dataset = a->dataset_id,
                                      .folder = b->scratch,
                                      .may_go_on = may_go_on,
                                      .data = b};
    int rc = open_sink(b, &in_server, &sink, err);
    rc = rc < 0 ? rc : sink->ops->begin(sink, &load, err);
    if (rc == 0) {
        rc = read_all(&l, a->output->options, sink, err);
        rc = rc < 0 ? rc : finish_one(&l, a, sink, in_server, count, err);
        if (rc < 0)
            sink->ops->abandon(sink);
    }
    json_object_put(l.fields);
    return rc;
}

int sl_batch_compute_grid(struct sl_batch *b, struct sl_unit *u, struct sl_error *err)
{
    static struct sl_column columns[] = {
        {.name = "variable", .type = "text"},          {.name = "timestamp", .type = "timestamp"},
        {.name = "reference_time", .type = "bigint"},  {.name = "level_type", .type = "text"},
        {.name = "level", .type = "double precision"}, {.name = "member", .type = "integer"},
        {.name = "lat", .type = "double precision"},   {.name = "lon", .type = "double precision"},
        {.name = "value", .type = "double precision"}};
    struct sl_stage stage;
    struct sl_crs *lonlat = sl_arena_alloc(b->arena, sizeof *lonlat);
    bool counted = false;
    sl_stage_begin(b, &stage, "load");
    int rc = sl_crs_parse("EPSG:4326", b->arena, lonlat, err);
    u->crs = lonlat;
    u->crs_source = "file";
    u->table.columns = columns;
    u->table.n_columns = sizeof columns / sizeof *columns;
    for (size_t k = 0; rc == 0 && k < u->n_assets; k++) {
        if (u->assets[k].linked)
            continue;
        rc = one_asset(b, u, &u->assets[k], !counted, err);
        counted = true;
    }
    if (rc < 0) {
        sl_error_prefix(err, "%s", u->input->landing_key);
        return rc;
    }
    stage.rows = u->rows_out;
    return sl_stage_end(b, &stage, err);
}

/* ---- taking away ---- */

static void drop_load(struct sl_batch *b, struct sl_grid_sink **sink, const char *load_id)
{
    struct sl_error why = {0};
    bool in_server = false;
    int rc = *sink ? 0 : open_sink(b, &in_server, sink, &why);
    if (rc == 0)
        rc = (*sink)->ops->drop(*sink, load_id, &why);
    if (rc < 0)
        sl_log_error(SL_LOG_WARN, "run.grid_rows_left", &why, NULL);
}

/* The ledger may have them after all, when the reply of the commit was lost. */
static bool committed(struct sl_batch *b, const char *asset_id)
{
    struct json_object *doc = NULL;
    int rc = b->engine->ledger->ops->get_asset(b->engine->ledger, asset_id, &doc, NULL);
    bool is = rc < 0 || doc;
    json_object_put(doc);
    return is;
}

void sl_batch_drop_grids(struct sl_batch *b)
{
    SL_CLEANUP(sl_grid_sink_closep) struct sl_grid_sink *sink = NULL;
    for (size_t i = 0; i < b->n_units; i++)
        for (size_t k = 0; k < b->units[i].n_assets; k++) {
            struct sl_planned_asset *a = &b->units[i].assets[k];
            if (a->loaded && !committed(b, a->asset_id))
                drop_load(b, &sink, a->asset_id);
        }
}

void sl_batch_retire_grids(struct sl_batch *b)
{
    SL_CLEANUP(sl_grid_sink_closep) struct sl_grid_sink *sink = NULL;
    for (size_t i = 0; i < b->n_units; i++)
        for (size_t k = 0; k < b->units[i].n_assets; k++) {
            struct sl_planned_asset *a = &b->units[i].assets[k];
            if (!a->loaded)
                continue;
            if (b->into_version) /* the version's own rows stand; these are not published */
                drop_load(b, &sink, a->asset_id);
            else if (a->before && !a->stands)
                drop_load(b, &sink, sl_json_str(a->before, "_id", ""));
        }
}
