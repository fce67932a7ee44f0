/* SPDX-License-Identifier: Apache-2.0 */
/* ClickHouse's side of grid_store.h: grid_fields says what there is, grid_data has the values. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/uuid7.h"
#include "grid/clickhouse.h"
#include "grid/layout.h"
#include "run/grid_store.h"

enum {
    SQL_BYTES = 200 << 10, /* less than a server takes */
    TOGETHER = 1000,       /* fields of one question */
    ANSWER_KINDS = 20000
};

struct size {
    uint64_t load;
    int64_t bytes;
};

struct server {
    struct sl_grid_store base;
    struct sl_clickhouse *ch;
    struct size *sizes; /* of loads in grid_data, in their order; read for kinds only */
    size_t n_sizes;
    const struct sl_grid_origin **origins; /* NULL entries: of asked[i], the ledger has none */
    char (*asked)[SL_UUID_TEXT_BYTES];
    size_t n, capacity;
};

static struct server *of(struct sl_grid_store *store)
{
    return (struct server *)store;
}

static double number(const char *text)
{
    return text && *text ? strtod(text, NULL) : NAN;
}

static int64_t whole(const char *text)
{
    return text ? strtoll(text, NULL, 10) : 0;
}

static int check_columns(size_t n, size_t wanted, struct sl_error *err)
{
    return n == wanted
               ? 0
               : sl_fail(err, SL_E_CLICKHOUSE, "ClickHouse answered with %zu columns, %zu were asked for", n, wanted);
}

/* *out NULL: what the ledger does not have does not exist. Loads come one after the other. */
static int origin_of(struct server *s, const char *load, const struct sl_grid_origin **out, struct sl_error *err)
{
    struct json_object *asset = NULL;
    for (size_t i = s->n; i-- > 0;)
        if (!strcmp(s->asked[i], load)) {
            *out = s->origins[i];
            return 0;
        }
    int rc =
        sl_uuid_valid(load) ? s->base.engine->ledger->ops->get_asset(s->base.engine->ledger, load, &asset, err) : 0;
    if (rc < 0)
        return rc;
    if (s->n == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 64;
        s->origins = sl_xrealloc(s->origins, s->capacity * sizeof *s->origins);
        s->asked = sl_xrealloc(s->asked, s->capacity * sizeof *s->asked);
    }
    snprintf(s->asked[s->n], sizeof *s->asked, "%s", load);
    *out = s->origins[s->n++] = asset ? sl_grid_store__origin(s->base.arena, asset) : NULL;
    json_object_put(asset);
    return 0;
}

static void add_filter(const struct sl_grid_filter *f, struct sl_buf *sql)
{
    const char *const names[] = {"variable", "dataset", "source", "level_type"};
    const char *const values[] = {f->variable, f->dataset, f->source, f->level_type};
    sl_buf_puts(sql, " WHERE 1");
    for (size_t i = 0; i < 4; i++)
        if (values[i]) {
            sl_buf_printf(sql, " AND %s = ", names[i]);
            sl_clickhouse_quote(sql, values[i]);
        }
    if (!isnan(f->level)) {
        sl_buf_puts(sql, " AND level = ");
        sl_clickhouse_number(sql, f->level);
    }
    if (f->member >= 0)
        sl_buf_printf(sql, " AND member = %" PRId64, f->member);
    if (f->step_s != SL_GRID_NO_STEP)
        sl_buf_printf(sql, " AND step_to = %" PRId64, f->step_s);
    if (f->since_s != INT64_MIN)
        sl_buf_printf(sql, " AND valid_time >= %" PRId64, f->since_s);
    if (f->until_s != INT64_MAX)
        sl_buf_printf(sql, " AND valid_time <= %" PRId64, f->until_s);
}

/* ---- fields ---- */

static const char field_columns[] = "load_id, field, variable, name, units, level_type, step_type, grid_type, grid_id, "
                                    "level, spacing, member, valid_time,"
                                    " reference_time, step_from, step_to, rows, missing";
enum { FIELD_COLUMNS = 18 };

struct finding {
    struct server *s;
    size_t most, n;
    int (*visit)(void *data, const struct sl_grid_found *found, struct sl_error *err);
    void *data;
};

static int keep_field(void *data, char *const *c, size_t n, struct sl_error *err)
{
    struct finding *f = data;
    struct sl_arena *a = f->s->base.arena;
    const struct sl_grid_origin *origin = NULL;
    int rc = check_columns(n, FIELD_COLUMNS, err);
    rc = rc < 0 ? rc : origin_of(f->s, c[0], &origin, err);
    if (rc < 0 || !origin)
        return rc;
    if (f->n++ == f->most)
        return sl_fail(err, SL_E_LIMIT, "more than %zu fields fit", f->most);
    const struct sl_grid_found found = {.origin = origin,
                                        .field = whole(c[1]),
                                        .variable = sl_arena_strdup(a, c[2]),
                                        .name = sl_arena_strdup(a, c[3]),
                                        .units = sl_arena_strdup(a, c[4]),
                                        .level_type = sl_arena_strdup(a, c[5]),
                                        .step_type = sl_arena_strdup(a, c[6]),
                                        .grid_type = sl_arena_strdup(a, c[7]),
                                        .grid_id = sl_arena_strdup(a, c[8]),
                                        .level = number(c[9]),
                                        .spacing = number(c[10]),
                                        .member = whole(c[11]),
                                        .valid_s = whole(c[12]),
                                        .reference_s = whole(c[13]),
                                        .step_from_s = whole(c[14]),
                                        .step_to_s = whole(c[15]),
                                        .values = whole(c[16]),
                                        .missing = whole(c[17])};
    return f->visit(f->data, &found, err);
}

static int find(struct sl_grid_store *store, const struct sl_grid_filter *filter, size_t most,
                int (*visit)(void *data, const struct sl_grid_found *found, struct sl_error *err), void *data,
                struct sl_error *err)
{
    struct finding f = {.s = of(store), .most = most, .visit = visit, .data = data};
    SL_CLEANUP(sl_buf_free) struct sl_buf sql;
    sl_buf_init(&sql, SQL_BYTES);
    sl_buf_printf(&sql, "SELECT %s FROM grid_fields", field_columns);
    add_filter(filter, &sql);
    /* Those of loads that are not committed come on top; more than these would be no question for a terminal. */
    sl_buf_printf(&sql, " ORDER BY load_id DESC, field LIMIT %zu", 2 * most + 2);
    int rc = sl_buf_check(&sql, "question", err);
    return rc < 0 ? rc : sl_clickhouse_query(f.s->ch, sql.data, keep_field, &f, err);
}

/* ---- points ---- */

struct asking {
    const struct sl_grid_found *const *fields; /* in order of load and field */
    const size_t *which;
    size_t n;
    int (*visit)(void *data, size_t which, double lat, double lon, double value, struct sl_error *err);
    void *data;
};

static int order(uint64_t load, int64_t field, const struct sl_grid_found *f)
{
    uint64_t other = sl_clickhouse_load(f->origin->asset_id);
    return load != other ? (load > other) - (load < other) : (field > f->field) - (field < f->field);
}

static int keep_point(void *data, char *const *c, size_t n, struct sl_error *err)
{
    struct asking *a = data;
    int rc = check_columns(n, 5, err);
    if (rc < 0)
        return rc;
    size_t low = 0, high = a->n;
    uint64_t load = strtoull(c[0], NULL, 10);
    int64_t field = whole(c[1]);
    while (low < high) {
        size_t middle = (low + high) / 2;
        int by = order(load, field, a->fields[a->which[middle]]);
        if (by == 0)
            return a->visit(a->data, a->which[middle], number(c[2]), number(c[3]), number(c[4]), err);
        if (by < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return 0; /* a field of the same load that was not asked for */
}

static int by_load_and_field(const void *a, const void *b, void *fields)
{
    const struct sl_grid_found *const *list = fields;
    const struct sl_grid_found *p = list[*(const size_t *)a], *q = list[*(const size_t *)b];
    return order(sl_clickhouse_load(p->origin->asset_id), p->field, q);
}

static void add_fields(const struct asking *a, struct sl_buf *sql)
{
    int64_t since = INT64_MAX, until = INT64_MIN;
    uint64_t before = 0;
    for (size_t i = 0; i < a->n; i++) {
        const struct sl_grid_found *f = a->fields[a->which[i]];
        since = f->valid_s < since ? f->valid_s : since;
        until = f->valid_s > until ? f->valid_s : until;
    }
    sl_buf_puts(sql, " WHERE variable = ");
    sl_clickhouse_quote(sql, a->fields[a->which[0]]->variable);
    sl_buf_printf(sql, " AND timestamp BETWEEN toDateTime(%" PRId64 ", 'UTC') AND toDateTime(%" PRId64 ", 'UTC')",
                  sl_grid_timestamp(since), sl_grid_timestamp(until));
    sl_buf_puts(sql, " AND load IN (");
    for (size_t i = 0; i < a->n; i++) {
        uint64_t load = sl_clickhouse_load(a->fields[a->which[i]]->origin->asset_id);
        if (i == 0 || load != before)
            sl_buf_printf(sql, "%s%" PRIu64, i ? ", " : "", load);
        before = load;
    }
    sl_buf_puts(sql, ") AND field IN (");
    for (size_t i = 0; i < a->n; i++)
        sl_buf_printf(sql, "%s%" PRId64, i ? ", " : "", a->fields[a->which[i]]->field);
    sl_buf_puts(sql, ")");
}

static int around(struct sl_grid_store *store, const struct sl_grid_found *const *fields, size_t n, double lat,
                  double lon, double radius_deg,
                  int (*visit)(void *data, size_t which, double lat, double lon, double value, struct sl_error *err),
                  void *data, struct sl_error *err)
{
    SL_CLEANUP(sl_freep) size_t *which = sl_xmalloc((n ? n : 1) * sizeof *which);
    SL_CLEANUP(sl_buf_free) struct sl_buf sql;
    int rc = 0;
    sl_buf_init(&sql, SQL_BYTES);
    for (size_t i = 0; i < n; i++)
        which[i] = i;
    qsort_r(which, n, sizeof *which, by_load_and_field, (void *)(uintptr_t)fields);
    for (size_t i = 0; rc == 0 && i < n; i += TOGETHER) {
        struct asking a = {.fields = fields,
                           .which = which + i,
                           .n = n - i < TOGETHER ? n - i : TOGETHER,
                           .visit = visit,
                           .data = data};
        sl_buf_clear(&sql);
        sl_buf_puts(&sql, "SELECT load, field, lat, lon, value FROM grid_data");
        add_fields(&a, &sql);
        sl_grid_store__around(lat, lon, radius_deg, true, &sql);
        rc = sl_buf_check(&sql, "question", err);
        rc = rc < 0 ? rc : sl_clickhouse_query(of(store)->ch, sql.data, keep_point, &a, err);
    }
    return rc;
}

/* ---- kinds ---- */

struct listing {
    struct server *s;
    int n;
    int (*visit)(void *data, const struct sl_grid_kind *kind, struct sl_error *err);
    void *data;
};

/* Of a partition "(1234,0)": whose it is. */
static int keep_size(void *data, char *const *c, size_t n, struct sl_error *err)
{
    struct server *s = data;
    int rc = check_columns(n, 2, err);
    if (rc < 0 || c[0][0] != '(')
        return rc;
    if (s->n_sizes % 64 == 0)
        s->sizes = sl_xrealloc(s->sizes, (s->n_sizes + 64) * sizeof *s->sizes);
    s->sizes[s->n_sizes++] = (struct size){.load = strtoull(c[0] + 1, NULL, 10), .bytes = whole(c[1])};
    return 0;
}

static int by_load(const void *a, const void *b)
{
    uint64_t p = ((const struct size *)a)->load, q = ((const struct size *)b)->load;
    return (p > q) - (p < q);
}

/* Those who may not look at system tables go without sizes. */
static int read_sizes(struct server *s, struct sl_error *err)
{
    static const char sql[] = "SELECT partition, sum(bytes_on_disk) FROM system.parts WHERE active AND database ="
                              " currentDatabase() AND table = 'grid_data' GROUP BY partition";
    struct sl_error why = {0};
    s->n_sizes = 0;
    int rc = sl_clickhouse_query(s->ch, sql, keep_size, s, &why);
    if (rc < 0 && why.code != SL_E_CLICKHOUSE_DENIED) {
        if (err)
            *err = why;
        return rc;
    }
    if (s->n_sizes)
        qsort(s->sizes, s->n_sizes, sizeof *s->sizes, by_load);
    return 0;
}

/* Of "[1,2,nan]". */
static size_t count_of(const char *text)
{
    size_t n = text[0] == '[' && text[1] != ']';
    for (const char *p = text; *p; p++)
        n += *p == ',';
    return n;
}

static void read_doubles(const char *text, double *out, size_t n)
{
    const char *p = text + 1;
    for (size_t i = 0; i < n; i++) {
        char *end;
        out[i] = strtod(p, &end);
        p = *end ? end + 1 : end;
    }
}

static void read_wholes(const char *text, int64_t *out, size_t n)
{
    const char *p = text + 1;
    for (size_t i = 0; i < n; i++) {
        char *end;
        out[i] = strtoll(p, &end, 10);
        p = *end ? end + 1 : end;
    }
}

static int64_t bytes_of(const struct server *s, const char *load)
{
    const struct size key = {.load = sl_clickhouse_load(load)};
    const struct size *found = s->n_sizes ? bsearch(&key, s->sizes, s->n_sizes, sizeof key, by_load) : NULL;
    return found ? found->bytes : -1;
}

static int keep_kind(void *data, char *const *c, size_t n, struct sl_error *err)
{
    struct listing *l = data;
    const struct sl_grid_origin *origin = NULL;
    int rc = check_columns(n, 12, err);
    if (rc == 0 && l->n++ == ANSWER_KINDS) {
        rc = sl_fail(err, SL_E_LIMIT, "there are more than %d kinds of fields", ANSWER_KINDS);
        sl_error_hint(err, "name the dataset or the variable");
    }
    rc = rc < 0 ? rc : origin_of(l->s, c[0], &origin, err);
    if (rc < 0 || !origin)
        return rc;
    size_t n_levels = count_of(c[6]), n_members = count_of(c[7]), n_times = count_of(c[8]);
    SL_CLEANUP(sl_freep) double *levels = sl_xmalloc((n_levels + 1) * sizeof *levels);
    SL_CLEANUP(sl_freep) int64_t *members = sl_xmalloc((n_members + n_times + 1) * sizeof *members);
    read_doubles(c[6], levels, n_levels);
    read_wholes(c[7], members, n_members);
    read_wholes(c[8], members + n_members, n_times);
    const struct sl_grid_kind kind = {.origin = origin,
                                      .asset_bytes = bytes_of(l->s, c[0]),
                                      .variable = c[1],
                                      .name = c[2],
                                      .units = c[3],
                                      .level_type = c[4],
                                      .step_type = c[5],
                                      .levels = levels,
                                      .members = members,
                                      .times = members + n_members,
                                      .n_levels = n_levels,
                                      .n_members = n_members,
                                      .n_times = n_times,
                                      .fields = whole(c[9]),
                                      .values = whole(c[10]),
                                      .missing = whole(c[11])};
    return l->visit(l->data, &kind, err);
}

static int kinds(struct sl_grid_store *store, const struct sl_grid_filter *filter,
                 int (*visit)(void *data, const struct sl_grid_kind *kind, struct sl_error *err), void *data,
                 struct sl_error *err)
{
    struct listing l = {.s = of(store), .visit = visit, .data = data};
    SL_CLEANUP(sl_buf_free) struct sl_buf sql;
    sl_buf_init(&sql, SQL_BYTES);
    sl_buf_puts(&sql, "SELECT load_id, variable, any(name), any(units), level_type, step_type, groupUniqArray(level),"
                      " groupUniqArray(member), groupUniqArray(valid_time), count(), sum(rows), sum(missing) FROM"
                      " grid_fields");
    add_filter(filter, &sql);
    sl_buf_printf(&sql, " GROUP BY load_id, variable, level_type, step_type ORDER BY load_id LIMIT %d",
                  ANSWER_KINDS + 1);
    int rc = read_sizes(l.s, err);
    rc = rc < 0 ? rc : sl_buf_check(&sql, "question", err);
    return rc < 0 ? rc : sl_clickhouse_query(l.s->ch, sql.data, keep_kind, &l, err);
}

/* ---- the port ---- */

static void close_store(struct sl_grid_store *store)
{
    struct server *s = of(store);
    sl_clickhouse_close(s->ch);
    sl_arena_free(store->arena);
    free(s->origins);
    free(s->asked);
    free(s->sizes);
    free(s);
}

static const struct sl_grid_store_ops ops = {.find = find, .around = around, .kinds = kinds, .close = close_store};

int sl_grid_store__clickhouse(struct sl_engine *engine, struct sl_grid_store **out, struct sl_error *err)
{
    struct server *s = sl_xcalloc(1, sizeof *s);
    struct sl_clickhouse_target *target;
    bool configured = false;
    s->base = (struct sl_grid_store){.ops = &ops, .engine = engine, .arena = sl_arena_new()};
    target = sl_arena_alloc(s->base.arena, sizeof *target);
    int rc = sl_clickhouse_target(engine->config, s->base.arena, target, &configured, err);
    rc = rc < 0 ? rc : sl_clickhouse_open(target, &s->ch, err);
    rc = rc < 0 ? rc : sl_clickhouse_migrate(s->ch, NULL, err);
    if (rc < 0)
        close_store(&s->base);
    else
        *out = &s->base;
    return rc;
}
