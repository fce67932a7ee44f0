/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lake's side of grid_store.h: the list of fields beside each asset says what there is, its Parquet parts have the
 * values. Parts are fetched as they are needed, and checked against the index.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/uuid7.h"
#include "geo/duckdb/duck.h"
#include "geo/sql.h"
#include "grid/layout.h"
#include "json/json.h"
#include "lake/lake.h"
#include "lake/parts.h"
#include "run/grid_store.h"
#include "store/store.h"

enum { INDEX_BYTES = 128 << 20, FIELD_BYTES = 64 << 10, DUCK_BYTES = 100 << 20, PARTS_KEPT = 16 };

/* An asset whose values are in the lake. */
struct asset {
    const struct sl_grid_origin *origin;
    int64_t bytes;
};

struct lake {
    struct sl_grid_store base;
    struct asset *assets; /* the newest first; read once */
    size_t n, capacity;
    bool listed;
    struct sl_duck *duck;
    struct {
        char *key, *path;
    } parts[PARTS_KEPT]; /* fetched last: a growing circle asks for them again */
    size_t next_part;
};

static struct lake *of(struct sl_grid_store *store)
{
    return (struct lake *)store;
}

static bool same(const char *wanted, const char *text)
{
    return !wanted || !strcmp(wanted, text ? text : "");
}

/* ---- assets ---- */

static int keep_asset(void *data, struct json_object *doc, struct sl_error *err)
{
    struct lake *l = data;
    (void)err;
    if (!sl_json_get(doc, "parts"))
        return 0; /* its values are in ClickHouse */
    if (l->n == l->capacity) {
        l->capacity = l->capacity ? 2 * l->capacity : 64;
        l->assets = sl_xrealloc(l->assets, l->capacity * sizeof *l->assets);
    }
    l->assets[l->n++] = (struct asset){.origin = sl_grid_store__origin(l->base.arena, doc),
                                       .bytes = sl_json_int(sl_json_get(doc, "parts"), "size_bytes", -1)};
    return 0;
}

static int by_age(const void *a, const void *b)
{
    return -strcmp(((const struct asset *)a)->origin->asset_id, ((const struct asset *)b)->origin->asset_id);
}

static int list_assets(struct lake *l, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *filter = json_object_new_object();
    const struct sl_find find = {.collection = "assets", .filter = filter};
    if (l->listed)
        return 0;
    sl_json_put_str(filter, "kind", "grid");
    int rc = l->base.engine->ledger->ops->find(l->base.engine->ledger, &find, keep_asset, l, err);
    if (rc == 0 && l->n)
        qsort(l->assets, l->n, sizeof *l->assets, by_age);
    l->listed = rc == 0;
    return rc;
}

/* ---- lists of fields ---- */

struct reading {
    struct lake *l;
    const struct asset *asset;
    const struct sl_grid_filter *filter;
    int (*visit)(struct reading *r, const struct sl_grid_found *found, struct sl_error *err);
    size_t most, n;
    int (*give)(void *data, const struct sl_grid_found *found, struct sl_error *err);
    int (*give_kind)(void *data, const struct sl_grid_kind *kind, struct sl_error *err);
    void *data;
};

static bool fits(const struct sl_grid_filter *f, const struct sl_grid_found *g)
{
    return same(f->variable, g->variable) && same(f->level_type, g->level_type) &&
           (isnan(f->level) || g->level == f->level) && (f->member < 0 || g->member == f->member) &&
           (f->step_s == SL_GRID_NO_STEP || g->step_to_s == f->step_s) && g->valid_s >= f->since_s &&
           g->valid_s <= f->until_s;
}

static int read_field(struct reading *r, struct json_object *o, struct sl_error *err)
{
    const struct sl_grid_found found = {.origin = r->asset->origin,
                                        .field = sl_json_int(o, "field", -1),
                                        .variable = sl_json_str(o, "variable", ""),
                                        .name = sl_json_str(o, "name", ""),
                                        .units = sl_json_str(o, "units", ""),
                                        .level_type = sl_json_str(o, "level_type", ""),
                                        .step_type = sl_json_str(o, "step_type", ""),
                                        .grid_type = sl_json_str(o, "grid_type", ""),
                                        .grid_id = sl_json_str(o, "grid_id", ""),
                                        .level = sl_json_num(o, "level", NAN),
                                        .spacing = sl_json_num(o, "spacing", NAN),
                                        .member = sl_json_int(o, "member", -1),
                                        .valid_s = sl_json_int(o, "valid_s", 0),
                                        .reference_s = sl_json_int(o, "reference_s", 0),
                                        .step_from_s = sl_json_int(o, "step_from_s", 0),
                                        .step_to_s = sl_json_int(o, "step_to_s", 0),
                                        .values = sl_json_int(o, "points", 0) - sl_json_int(o, "missing", 0),
                                        .missing = sl_json_int(o, "missing", 0)};
    return fits(r->filter, &found) ? r->visit(r, &found, err) : 0;
}

/* The object that begins at `at`, without objects in it: where it ends; 0: it does not. */
static size_t object_end(const char *text, size_t n, size_t at)
{
    bool quoted = false;
    for (size_t i = at + 1; i < n; i++) {
        if (quoted && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (!quoted && text[i] == '}')
            return i + 1;
        else if (!quoted && text[i] == '{')
            return 0;
    }
    return 0;
}

/* A list may be long: its fields are read one at a time, out of its text. */
static int read_fields(struct reading *r, const char *text, size_t n, const char *key, struct sl_error *err)
{
    static const char head[] = "{\"fields\":[";
    static const struct sl_json_limits limits = {.max_bytes = FIELD_BYTES, .max_depth = 4, .max_values = 200};
    bool whole = n > sizeof head && !memcmp(text, head, sizeof head - 1);
    size_t at = sizeof head - 1;
    while (whole && text[at] == '{') {
        SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = NULL;
        size_t end = object_end(text, n, at);
        int rc = end ? sl_json_parse(key, text + at, end - at, &limits, &doc, err) : 0;
        rc = rc < 0 || !end ? rc : read_field(r, doc->root, err);
        if (rc < 0)
            return rc;
        whole = end > 0;
        at = end + (text[end] == ',');
    }
    return whole && text[at] == ']' ? 0 : sl_fail(err, SL_E_FILE_DAMAGED, "%s is no list of fields", key);
}

static int read_asset(struct reading *r, struct sl_error *err)
{
    const struct sl_grid_origin *o = r->asset->origin;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    const char *key = sl_lake_key(arena, o->dataset_id, o->version, "fields.json");
    sl_buf_init(&text, INDEX_BYTES);
    int rc = sl_store_read(r->l->base.engine->store, o->bucket, key, &text, NULL, err);
    return rc < 0 ? rc : read_fields(r, text.data, text.len, key, err);
}

static int read_all(struct reading *r, struct sl_error *err)
{
    int rc = list_assets(r->l, err);
    for (size_t i = 0; rc == 0 && i < r->l->n; i++) {
        r->asset = &r->l->assets[i];
        if (same(r->filter->dataset, r->asset->origin->dataset_id) && same(r->filter->source, r->asset->origin->source))
            rc = read_asset(r, err);
    }
    return rc;
}

static int give_field(struct reading *r, const struct sl_grid_found *found, struct sl_error *err)
{
    struct sl_arena *a = r->l->base.arena;
    struct sl_grid_found kept = *found;
    if (r->n++ == r->most)
        return sl_fail(err, SL_E_LIMIT, "more than %zu fields fit", r->most);
    kept.variable = sl_arena_strdup(a, found->variable);
    kept.name = sl_arena_strdup(a, found->name);
    kept.units = sl_arena_strdup(a, found->units);
    kept.level_type = sl_arena_strdup(a, found->level_type);
    kept.step_type = sl_arena_strdup(a, found->step_type);
    kept.grid_type = sl_arena_strdup(a, found->grid_type);
    kept.grid_id = sl_arena_strdup(a, found->grid_id);
    return r->give(r->data, &kept, err);
}

static int find(struct sl_grid_store *store, const struct sl_grid_filter *filter, size_t most,
                int (*visit)(void *data, const struct sl_grid_found *found, struct sl_error *err), void *data,
                struct sl_error *err)
{
    struct reading r = {
        .l = of(store), .filter = filter, .visit = give_field, .most = most, .give = visit, .data = data};
    return read_all(&r, err);
}

static int give_kind(struct reading *r, const struct sl_grid_found *f, struct sl_error *err)
{
    const struct sl_grid_kind kind = {.origin = f->origin,
                                      .variable = f->variable,
                                      .name = f->name,
                                      .units = f->units,
                                      .level_type = f->level_type,
                                      .step_type = f->step_type,
                                      .levels = &f->level,
                                      .members = &f->member,
                                      .times = &f->valid_s,
                                      .n_levels = 1,
                                      .n_members = 1,
                                      .n_times = 1,
                                      .fields = 1,
                                      .values = f->values,
                                      .missing = f->missing,
                                      .asset_bytes = r->asset->bytes};
    return r->give_kind(r->data, &kind, err);
}

static int kinds(struct sl_grid_store *store, const struct sl_grid_filter *filter,
                 int (*visit)(void *data, const struct sl_grid_kind *kind, struct sl_error *err), void *data,
                 struct sl_error *err)
{
    struct reading r = {.l = of(store), .filter = filter, .visit = give_kind, .give_kind = visit, .data = data};
    return read_all(&r, err);
}

static void forget_part(struct lake *l, size_t i)
{
    if (l->parts[i].path)
        sl_dir_remove(l->parts[i].path, NULL);
    free(l->parts[i].path);
    free(l->parts[i].key);
    l->parts[i].path = l->parts[i].key = NULL;
}

/* ---- points ---- */

/* A field, and the day whose part has its values. */
struct wanted {
    const struct sl_grid_found *field;
    size_t which;
    int64_t day;
};

struct asking {
    struct lake *l;
    struct wanted *items; /* in order of asset, day and what rows say of their field */
    size_t n;             /* of the part at work */
    double lat, lon, radius_deg;
    int (*visit)(void *data, size_t which, double lat, double lon, double value, struct sl_error *err);
    void *data;
};

static int compare_wholes(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* Levels that are none are alike. */
static int compare_levels(double a, double b)
{
    if (isnan(a) || isnan(b))
        return (isnan(a) != 0) - (isnan(b) != 0);
    return (a > b) - (a < b);
}

/* What a row says of its field. */
static int compare_fields(const struct sl_grid_found *a, const struct sl_grid_found *b)
{
    int by = compare_wholes(a->valid_s, b->valid_s);
    by = by ? by : compare_wholes(a->reference_s, b->reference_s);
    by = by ? by : compare_levels(a->level, b->level);
    by = by ? by : compare_wholes(a->member, b->member);
    by = by ? by : compare_wholes(a->step_from_s, b->step_from_s);
    by = by ? by : compare_wholes(a->step_to_s, b->step_to_s);
    by = by ? by : strcmp(a->level_type, b->level_type);
    return by ? by : strcmp(a->step_type, b->step_type);
}

static int compare_wanted(const void *a, const void *b)
{
    const struct wanted *p = a, *q = b;
    int by = strcmp(p->field->origin->asset_id, q->field->origin->asset_id);
    by = by ? by : compare_wholes(p->day, q->day);
    return by ? by : compare_fields(p->field, q->field);
}

static double number(const char *text)
{
    return text ? strtod(text, NULL) : NAN;
}

static int64_t whole_number(const char *text)
{
    return text ? strtoll(text, NULL, 10) : 0;
}

static double place(const char *text)
{
    return sl_grid_e7(number(text)) / 1e7;
}

enum { ROW_COLUMNS = 11 };
static const char row_columns[] =
    "level_type, level, member, step_type, step_from, step_to, reference_time, valid_time, lat, lon, value";

static int keep_row(void *data, const char *const *c, size_t n, struct sl_error *err)
{
    struct asking *a = data;
    if (n != ROW_COLUMNS)
        return sl_fail(err, SL_E_INTERNAL, "a part answered with %zu columns", n);
    const struct sl_grid_found row = {.level_type = c[0] ? c[0] : "",
                                      .level = number(c[1]),
                                      .member = c[2] ? whole_number(c[2]) : -1,
                                      .step_type = c[3] ? c[3] : "",
                                      .step_from_s = whole_number(c[4]),
                                      .step_to_s = whole_number(c[5]),
                                      .reference_s = whole_number(c[6]),
                                      .valid_s = whole_number(c[7])};
    size_t low = 0, high = a->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int by = compare_fields(&row, a->items[middle].field);
        if (by == 0)
            return a->visit(a->data, a->items[middle].which, place(c[8]), place(c[9]), number(c[10]), err);
        if (by < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return 0; /* another field of the part */
}

static int query_part(struct asking *a, const char *path, struct sl_error *err)
{
    struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SELECT ");
    sl_sql_text(&sql, row_columns);
    sl_sql_text(&sql, " FROM read_parquet(");
    sl_sql_literal(&sql, path);
    sl_sql_text(&sql, ", hive_partitioning := false) WHERE valid_time BETWEEN ");
    sl_sql_int(&sql, a->items[0].field->valid_s);
    sl_sql_text(&sql, " AND ");
    sl_sql_int(&sql, a->items[a->n - 1].field->valid_s);
    sl_grid_store__around(a->lat, a->lon, a->radius_deg, false, &sql.buf);
    int rc = sl_sql_check(&sql, err);
    rc = rc < 0 ? rc : sl_duck_query(a->l->duck, sql.buf.data, keep_row, a, err);
    sl_sql_free(&sql);
    return rc;
}

static int part_folder(const struct sl_grid_found *f, struct sl_buf *out, struct sl_error *err)
{
    struct tm tm;
    char date[32];
    time_t t = (time_t)f->valid_s;
    int rc = sl_lake_part_folder("variable", f->variable, strlen(f->variable), out, err);
    if (rc == 0 && (!gmtime_r(&t, &tm) || !strftime(date, sizeof date, "/date=%Y-%m-%d/", &tm)))
        rc = sl_fail(err, SL_E_LIMIT, "%" PRId64 " is no time of this calendar", f->valid_s);
    if (rc < 0)
        return rc;
    sl_buf_printf(out, "%s", date);
    return sl_buf_check(out, "variable's name", err);
}

/* A local copy of a part, which lives until some others were fetched. */
static int fetch_part(struct lake *l, const struct sl_grid_origin *o, const struct sl_lake_part *part, const char **out,
                      struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    const char *folder = l->base.engine->config->run_scratch;
    const char *key = sl_arena_printf(arena, "%s%s", sl_lake_prefix(arena, o->dataset_id, o->version), part->suffix);
    char id[SL_UUID_TEXT_BYTES], hex[65];
    for (size_t i = 0; i < PARTS_KEPT; i++)
        if (l->parts[i].key && !strcmp(l->parts[i].key, key)) {
            *out = l->parts[i].path;
            return 0;
        }
    sl_uuid7(id);
    const char *path = sl_arena_printf(arena, "%s/.verify-grid-%s.parquet", folder, id);
    int rc = sl_dir_make(folder, 0700, err);
    rc = rc < 0 ? rc : sl_store_download(l->base.engine->store, o->bucket, key, NULL, path, hex, NULL, err);
    if (rc == 0 && strcmp(hex, part->sha256_hex) != 0)
        rc = sl_fail(err, SL_E_VERIFY_FAILED, "%s differs from what was published", key);
    if (rc < 0) {
        sl_dir_remove(path, NULL);
        return rc;
    }
    size_t at = l->next_part++ % PARTS_KEPT;
    forget_part(l, at);
    l->parts[at].key = sl_xstrdup(key);
    *out = l->parts[at].path = sl_xstrdup(path);
    return 0;
}

static int ask_part(struct asking *a, const struct sl_lake_part *part, struct sl_error *err)
{
    const struct sl_duck_options options = {.threads = 1, .memory_bytes = DUCK_BYTES};
    const char *path = NULL;
    int rc = fetch_part(a->l, a->items[0].field->origin, part, &path, err);
    if (rc == 0 && !a->l->duck)
        rc = sl_duck_open(&options, &a->l->duck, err);
    return rc < 0 ? rc : query_part(a, path, err);
}

/* The parts of one day of one asset. */
static int ask_day(struct asking *a, const struct sl_lake_parts *parts, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf folder;
    sl_buf_init(&folder, SL_LAKE_PART_SUFFIX_MAX_BYTES);
    int rc = part_folder(a->items[0].field, &folder, err);
    for (size_t i = 0; rc == 0 && i < parts->n; i++)
        if (!strncmp(parts->items[i].suffix, folder.data, folder.len))
            rc = ask_part(a, &parts->items[i], err);
    return rc;
}

static int ask_asset(struct asking *a, struct wanted *items, size_t n, struct sl_error *err)
{
    const struct sl_grid_origin *o = items[0].field->origin;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    struct sl_lake_parts parts = {0};
    sl_buf_init(&text, INDEX_BYTES);
    int rc = sl_store_read(a->l->base.engine->store, o->bucket, o->index_key, &text, NULL, err);
    rc = rc < 0 ? rc : sl_lake_parts_read(text.data, text.len, arena, &parts, err);
    for (size_t i = 0; rc == 0 && i < n; i += a->n) {
        a->items = items + i;
        a->n = 1;
        while (i + a->n < n && items[i + a->n].day == items[i].day)
            a->n++;
        rc = ask_day(a, &parts, err);
    }
    return rc;
}

static int around(struct sl_grid_store *store, const struct sl_grid_found *const *fields, size_t n, double lat,
                  double lon, double radius_deg,
                  int (*visit)(void *data, size_t which, double lat, double lon, double value, struct sl_error *err),
                  void *data, struct sl_error *err)
{
    enum { DAY_S = 86400 };
    struct asking a = {.l = of(store), .lat = lat, .lon = lon, .radius_deg = radius_deg, .visit = visit, .data = data};
    SL_CLEANUP(sl_freep) struct wanted *items = sl_xmalloc((n ? n : 1) * sizeof *items);
    int rc = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t s = fields[i]->valid_s, past = (s % DAY_S + DAY_S) % DAY_S;
        items[i] = (struct wanted){.field = fields[i], .which = i, .day = (s - past) / DAY_S};
    }
    qsort(items, n, sizeof *items, compare_wanted);
    for (size_t i = 0, k; rc == 0 && i < n; i = k) {
        for (k = i + 1; k < n && items[k].field->origin == items[i].field->origin; k++)
            ;
        rc = ask_asset(&a, items + i, k - i, err);
    }
    return rc;
}

/* ---- the port ---- */

static void close_store(struct sl_grid_store *store)
{
    struct lake *l = of(store);
    sl_duck_close(l->duck);
    for (size_t i = 0; i < PARTS_KEPT; i++)
        forget_part(l, i);
    sl_arena_free(store->arena);
    free(l->assets);
    free(l);
}

static const struct sl_grid_store_ops ops = {.find = find, .around = around, .kinds = kinds, .close = close_store};

int sl_grid_store__lake(struct sl_engine *engine, struct sl_grid_store **out, struct sl_error *err)
{
    struct lake *l = sl_xcalloc(1, sizeof *l);
    (void)err;
    l->base = (struct sl_grid_store){.ops = &ops, .engine = engine, .arena = sl_arena_new()};
    *out = &l->base;
    return 0;
}
