/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows to ClickHouse. A load is written to staging tables of its own, counted there, and then takes the place of its
 * partition in one step, which may be repeated: whatever was lost on the way, nothing is doubled or half there.
 */
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/uuid7.h"
#include "grid/clickhouse_internal.h"
#include "grid/native.h"
#include "grid/sinks.h"
#include "grid/sorted.h"

enum {
    LANES = 2,                /* blocks on their way at a time: the server works on one while the other is made */
    WHOLE_ROWS = 65536,       /* a block of that many is not filled up with a part of the next field */
    FIELDS_BYTES = 256 << 20, /* of the rows of grid_fields of one load */
    NAME_BYTES = 128
};

struct sink;
struct lane {
    struct sink *sink;
    struct sl_clickhouse *ch;
    struct sl_grid_block block;
    pthread_t thread;
    bool started, full, quit;
    struct sl_error error;
};

struct sink {
    struct sl_grid_sink base;
    struct sl_clickhouse_target target;
    struct sl_clickhouse *ch;
    struct sl_grid_load load;
    bool begun;
    char data[NAME_BYTES], fields[NAME_BYTES]; /* the staging tables */
    struct sl_grid_sorted sorted;
    struct lane lanes[LANES];
    int at; /* the lane whose block is being filled */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct sl_buf rows; /* of grid_fields, as text */
    int64_t *counts;    /* rows of each field */
    size_t n_fields, room;
    struct sl_grid_loaded loaded;
};

/* -- SQL
 * ----------------------------------------------------------------------------------------------------------------- */

static int exec(struct sink *s, struct sl_error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int exec(struct sink *s, struct sl_error *err, const char *fmt, ...)
{
    char sql[1024];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(sql, sizeof sql, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof sql)
        return sl_fail(err, SL_E_INTERNAL, "a statement for ClickHouse is too long");
    return sl_clickhouse_exec(s->ch, sql, err);
}

/* "CREATE TABLE IF NOT EXISTS grid_stage_… AS grid_data" would lose the engine's clauses in 18.16 when an engine is
 * named, and keeps them when none is. */
static int make_stages(struct sink *s, struct sl_error *err)
{
    int rc = exec(s, err, "CREATE TABLE IF NOT EXISTS %s AS grid_data", s->data);
    return rc < 0 ? rc : exec(s, err, "CREATE TABLE IF NOT EXISTS %s AS grid_fields", s->fields);
}

static int drop_stages(struct sink *s, struct sl_error *err)
{
    int rc = exec(s, err, "DROP TABLE IF EXISTS %s", s->data);
    return rc < 0 ? rc : exec(s, err, "DROP TABLE IF EXISTS %s", s->fields);
}

/* -- lanes
 * --------------------------------------------------------------------------------------------------------------- */

static int send_block(struct lane *l, struct sl_error *err)
{
    struct sink *s = l->sink;
    char sql[512];
    struct sl_grid_native *native = sl_grid_native_new(&l->block, s->target.compress);
    snprintf(sql, sizeof sql, "INSERT INTO %s (%s) FORMAT Native", s->data, sl_grid_native_columns);
    int rc = sl_clickhouse_insert(l->ch, sql, sl_grid_native_read, native, s->target.compress, err);
    sl_grid_native_free(native);
    return rc;
}

static void *work(void *data)
{
    struct lane *l = data;
    struct sink *s = l->sink;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        while (!l->full && !l->quit)
            pthread_cond_wait(&s->changed, &s->lock);
        if (!l->full)
            break;
        pthread_mutex_unlock(&s->lock);
        struct sl_error error = {0};
        if (l->error.code == SL_OK && send_block(l, &error) < 0)
            l->error = error;
        sl_grid_block_clear(&l->block);
        pthread_mutex_lock(&s->lock);
        l->full = false;
        pthread_cond_broadcast(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static int start_lane(struct sink *s, struct lane *l, struct sl_error *err)
{
    if (l->started)
        return 0;
    l->sink = s;
    int rc = l->ch ? 0 : sl_clickhouse_open(&s->target, &l->ch, err);
    if (rc < 0)
        return rc;
    sl_grid_block_init(&l->block, SL_GRID_BLOCK_ROWS);
    l->quit = false;
    int failed = pthread_create(&l->thread, NULL, work, l);
    if (failed)
        return sl_fail_errno(err, failed, "a thread for ClickHouse cannot be started");
    l->started = true;
    return 0;
}

static void await_lane(struct lane *l)
{
    pthread_mutex_lock(&l->sink->lock);
    while (l->full)
        pthread_cond_wait(&l->sink->changed, &l->sink->lock);
    pthread_mutex_unlock(&l->sink->lock);
}

static int lane_error(struct lane *l, struct sl_error *err)
{
    if (l->error.code == SL_OK)
        return 0;
    if (err)
        *err = l->error;
    return -(int)l->error.code;
}

/* The block that is being filled goes on its way, and the next lane's turn comes when its own has arrived. */
static int flush(struct sink *s, struct sl_error *err)
{
    struct lane *l = &s->lanes[s->at];
    if (!l->started || l->block.n_rows == 0)
        return 0;
    pthread_mutex_lock(&s->lock);
    l->full = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    s->at = (s->at + 1) % LANES;
    l = &s->lanes[s->at];
    int rc = start_lane(s, l, err);
    if (rc < 0)
        return rc;
    await_lane(l);
    return lane_error(l, err); /* that of the one still at work comes with the next */
}

static int settle(struct sink *s, struct sl_error *err)
{
    int rc = flush(s, err);
    for (int i = 0; i < LANES; i++) {
        if (!s->lanes[i].started)
            continue;
        await_lane(&s->lanes[i]);
        rc = rc < 0 ? rc : lane_error(&s->lanes[i], err);
    }
    return rc;
}

static void stop_lanes(struct sink *s)
{
    for (int i = 0; i < LANES; i++) {
        struct lane *l = &s->lanes[i];
        if (l->started) {
            pthread_mutex_lock(&s->lock);
            l->quit = true;
            pthread_cond_broadcast(&s->changed);
            pthread_mutex_unlock(&s->lock);
            pthread_join(l->thread, NULL);
        }
        sl_clickhouse_close(l->ch);
        sl_grid_block_free(&l->block);
        *l = (struct lane){0};
    }
    s->at = 0;
}

static void forget(struct sink *s)
{
    stop_lanes(s);
    sl_buf_free(&s->rows);
    free(s->counts);
    s->counts = NULL;
    s->n_fields = s->room = 0;
    s->loaded = (struct sl_grid_loaded){0};
    s->begun = false;
}

/* -- the port
 * ------------------------------------------------------------------------------------------------------------ */

static struct sink *of(struct sl_grid_sink *sink)
{
    return (struct sink *)sink;
}

static void stage_names(struct sink *s, const char *load_id)
{
    char hex[33], once[9];
    size_t n = 0;
    uint32_t random;
    for (const char *p = load_id; *p && n < 32; p++)
        if (*p != '-')
            hex[n++] = *p;
    hex[n] = '\0';
    sl_clock_random(&random, sizeof random);
    snprintf(once, sizeof once, "%08" PRIx32, random);
    snprintf(s->data, sizeof s->data, "grid_stage_%s_%s", hex, once);
    snprintf(s->fields, sizeof s->fields, "grid_fields_stage_%s_%s", hex, once);
}

static int begin(struct sl_grid_sink *sink, const struct sl_grid_load *load, struct sl_error *err)
{
    struct sink *s = of(sink);
    if (s->begun || !sl_uuid_valid(load->load_id))
        return sl_fail(err, SL_E_INTERNAL, "a load \"%s\" cannot be begun", load->load_id);
    if (strlen(load->source) >= SL_GRID_RUN_TEXT || strlen(load->dataset) >= SL_GRID_RUN_TEXT)
        return sl_fail(err, SL_E_LIMIT, "the source or the dataset of a grid has a name longer than %d bytes",
                       SL_GRID_RUN_TEXT - 1);
    s->load = *load;
    stage_names(s, load->load_id);
    sl_buf_init(&s->rows, FIELDS_BYTES);
    int rc = make_stages(s, err);
    s->begun = rc == 0;
    return rc;
}

/* Of the tab-separated form. */
static void add_text(struct sl_buf *b, const char *text)
{
    for (const char *p = text ? text : ""; *p; p++) {
        if (*p == '\t' || *p == '\n' || *p == '\\')
            sl_buf_putc(b, '\\');
        sl_buf_putc(b, *p == '\t' ? 't' : *p == '\n' ? 'n' : *p);
    }
    sl_buf_putc(b, '\t');
}

static void add_number(struct sl_buf *b, double value)
{
    sl_clickhouse_number(b, value);
    sl_buf_putc(b, '\t');
}

static const char field_columns[] =
    "load_id, batch_id, field, variable, name, standard_name, units, param_id, source, dataset, valid_time, "
    "reference_time,"
    " step_type, step_from, step_to, level_type, level, level_top, level_bottom, member, grid_type, grid_id, spacing, "
    "regular,"
    " points, missing, rows, min, max, sum, raw_file_id, message, offset, bytes, edition, centre";

static void describe(struct sink *s, const struct sl_grid_field *f, const char *raw_file_id,
                     const struct sl_grid_sums *sums)
{
    struct sl_buf *b = &s->rows;
    add_text(b, s->load.load_id);
    add_text(b, s->load.batch_id);
    sl_buf_printf(b, "%zu\t", s->n_fields);
    add_text(b, f->variable);
    add_text(b, f->name);
    add_text(b, f->standard_name);
    add_text(b, f->units);
    sl_buf_printf(b, "%" PRId64 "\t", f->param_id);
    add_text(b, s->load.source);
    add_text(b, s->load.dataset);
    sl_buf_printf(b, "%" PRId64 "\t%" PRId64 "\t", f->valid_s, f->reference_s);
    add_text(b, f->step_type);
    sl_buf_printf(b, "%" PRId64 "\t%" PRId64 "\t", f->step_from_s, f->step_to_s);
    add_text(b, f->level_type);
    add_number(b, f->level);
    add_number(b, f->level_top);
    add_number(b, f->level_bottom);
    sl_buf_printf(b, "%" PRId64 "\t", f->member);
    add_text(b, f->points->type);
    add_text(b, f->points->id);
    add_number(b, s->sorted.spacing);
    sl_buf_printf(b, "%d\t%zu\t%" PRId64 "\t%" PRId64 "\t", f->points->n_rows != 0, f->points->n, sums->missing,
                  sums->rows);
    add_number(b, sums->min);
    add_number(b, sums->max);
    add_number(b, sums->sum);
    add_text(b, raw_file_id);
    sl_buf_printf(b, "%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%d\t", f->index, f->offset, f->bytes, f->edition);
    add_text(b, f->centre);
    b->data[b->len - 1] = '\n';
}

static void keep_text(struct sl_grid_run *run, enum sl_grid_text which, const char *text)
{
    snprintf(run->texts[which], SL_GRID_RUN_TEXT, "%s", text ? text : "");
}

static void fill_run(const struct sink *s, struct sl_grid_run *run, const struct sl_grid_field *f,
                     const char *raw_file_id)
{
    keep_text(run, SL_GRID_VARIABLE, f->variable);
    keep_text(run, SL_GRID_SOURCE, s->load.source);
    keep_text(run, SL_GRID_DATASET, s->load.dataset);
    keep_text(run, SL_GRID_LEVEL_TYPE, f->level_type);
    keep_text(run, SL_GRID_STEP_TYPE, f->step_type);
    keep_text(run, SL_GRID_RAW_FILE, raw_file_id);
    keep_text(run, SL_GRID_LOAD, s->load.load_id);
    /* DateTime goes from 1970 to 2106; valid_time has what is beyond. */
    run->timestamp = f->valid_s < 0 ? 0 : f->valid_s > UINT32_MAX ? UINT32_MAX : (uint32_t)f->valid_s;
    run->valid_time = f->valid_s;
    run->reference_time = f->reference_s;
    run->step_from = f->step_from_s;
    run->level = f->level;
    run->member = (int32_t)f->member;
    run->field = (uint32_t)s->n_fields;
}

static int add_rows(struct sink *s, const struct sl_grid_field *f, const char *raw_file_id, struct sl_error *err)
{
    size_t k = 0;
    int rc = start_lane(s, &s->lanes[s->at], err);
    while (rc == 0 && k < f->points->n) {
        struct sl_grid_block *b = &s->lanes[s->at].block;
        bool split = b->n_rows >= WHOLE_ROWS && k == 0 && f->points->n > b->rows_room - b->n_rows;
        struct sl_grid_run *run = b->n_rows == b->rows_room || split ? NULL : sl_grid_block_run(b);
        if (!run) {
            rc = flush(s, err);
            continue;
        }
        fill_run(s, run, f, raw_file_id);
        run->rows = sl_grid_sorted_rows(&s->sorted, f, &k, b->rows_room - b->n_rows, b->cells + b->n_rows,
                                        b->lats + b->n_rows, b->lons + b->n_rows, b->values + b->n_rows);
        b->n_rows += run->rows;
        if (!run->rows)
            b->n_runs--;
    }
    return rc;
}

static int put(struct sl_grid_sink *sink, const struct sl_grid_field *f, const char *raw_file_id, struct sl_error *err)
{
    struct sink *s = of(sink);
    int rc = s->load.may_go_on ? s->load.may_go_on(s->load.data, err) : 0;
    rc = rc < 0 ? rc : sl_grid_check_field(f, err);
    if (rc < 0)
        return rc;
    sl_grid_sorted_for(&s->sorted, f->points);
    struct sl_grid_sums sums = sl_grid_sums(f);
    describe(s, f, raw_file_id, &sums);
    rc = sl_buf_check(&s->rows, "list of a load's fields", err);
    rc = rc < 0 ? rc : add_rows(s, f, raw_file_id, err);
    if (rc < 0)
        return rc;
    if (s->n_fields == s->room) {
        s->room = s->room ? 2 * s->room : 256;
        s->counts = sl_xrealloc(s->counts, s->room * sizeof *s->counts);
    }
    s->counts[s->n_fields++] = sums.rows;
    s->loaded.fields++;
    s->loaded.rows += sums.rows;
    s->loaded.missing += sums.missing;
    return 0;
}

/* -- the end of a load
 * --------------------------------------------------------------------------------------------------- */

struct counted {
    const struct sink *s;
    int64_t rows;
};

static int compare_count(void *data, char *const *columns, size_t n, struct sl_error *err)
{
    struct counted *c = data;
    uint64_t field = n == 2 ? strtoull(columns[0], NULL, 10) : UINT64_MAX;
    int64_t rows = n == 2 ? strtoll(columns[1], NULL, 10) : -1;
    if (field >= c->s->n_fields || rows != c->s->counts[field])
        return sl_fail(err, SL_E_ROWS_LOST,
                       "ClickHouse has %" PRId64 " rows of field %" PRIu64 ", %" PRId64 " were sent", rows, field,
                       field < c->s->n_fields ? c->s->counts[field] : 0);
    c->rows += rows;
    return 0;
}

static int check_counts(struct sink *s, struct sl_error *err)
{
    struct counted c = {.s = s};
    char sql[256];
    snprintf(sql, sizeof sql, "SELECT field, count() FROM %s GROUP BY field", s->data);
    int rc = sl_clickhouse_query(s->ch, sql, compare_count, &c, err);
    if (rc == 0 && c.rows != s->loaded.rows)
        rc = sl_fail(err, SL_E_ROWS_LOST, "ClickHouse has %" PRId64 " rows of the load, %" PRId64 " were sent", c.rows,
                     s->loaded.rows);
    return rc;
}

/* An insert that may be tried again, because the table is emptied before. */
static int insert_fields(struct sink *s, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf sql;
    sl_buf_init(&sql, FIELDS_BYTES + 4096);
    sl_buf_printf(&sql, "INSERT INTO %s (%s) FORMAT TabSeparated\n", s->fields, field_columns);
    sl_buf_add(&sql, s->rows.data, s->rows.len);
    int rc = sl_buf_check(&sql, "list of a load's fields", err);
    rc = rc < 0 ? rc : sl_clickhouse_exec(s->ch, sql.data, err);
    if (rc < 0)
        return rc;
    char count[256];
    int64_t there = 0;
    snprintf(count, sizeof count, "SELECT count() FROM %s", s->fields);
    rc = sl_clickhouse_int(s->ch, count, 0, &there, err);
    /* After a reply that was lost, the second try has doubled them. */
    if (rc == 0 && there > s->loaded.fields) {
        rc = exec(s, err, "DROP TABLE IF EXISTS %s", s->fields);
        rc = rc < 0 ? rc : exec(s, err, "CREATE TABLE IF NOT EXISTS %s AS grid_fields", s->fields);
        rc = rc < 0 ? rc : sl_clickhouse_exec(s->ch, sql.data, err);
        rc = rc < 0 ? rc : sl_clickhouse_int(s->ch, count, 0, &there, err);
    }
    if (rc == 0 && there != s->loaded.fields)
        rc = sl_fail(err, SL_E_CLICKHOUSE_UNAVAILABLE, "%s has %" PRId64 " fields of the load, %" PRId64 " were sent",
                     s->target.name, there, s->loaded.fields);
    return rc;
}

/* Fields come first and go last: rows of a load that the list of fields does not name would be found by nobody. */
static int swap(struct sink *s, struct sl_error *err)
{
    const char *id = s->load.load_id;
    int rc = s->loaded.fields ? exec(s, err, "ALTER TABLE grid_fields REPLACE PARTITION '%s' FROM %s", id, s->fields)
                              : exec(s, err, "ALTER TABLE grid_fields DROP PARTITION '%s'", id);
    if (rc < 0)
        return rc;
    return s->loaded.rows ? exec(s, err, "ALTER TABLE grid_data REPLACE PARTITION ('%s', 0) FROM %s", id, s->data)
                          : exec(s, err, "ALTER TABLE grid_data DROP PARTITION ('%s', 0)", id);
}

static int finish(struct sl_grid_sink *sink, struct sl_arena *arena, struct sl_grid_loaded *out, struct sl_error *err)
{
    struct sink *s = of(sink);
    (void)arena;
    int rc = settle(s, err);
    rc = rc < 0 ? rc : check_counts(s, err);
    rc = rc < 0 || !s->loaded.fields ? rc : insert_fields(s, err);
    if (rc == 0 && s->load.may_go_on)
        rc = s->load.may_go_on(s->load.data, err);
    rc = rc < 0 ? rc : swap(s, err);
    rc = rc < 0 ? rc : drop_stages(s, err);
    if (rc < 0)
        return rc;
    *out = s->loaded;
    forget(s);
    return 0;
}

static void abandon(struct sl_grid_sink *sink)
{
    struct sink *s = of(sink);
    struct sl_error ignored = {0}; /* what cannot be reached now is swept later */
    if (!s->begun)
        return;
    stop_lanes(s);
    drop_stages(s, &ignored);
    forget(s);
}

/* -- taking away
 * --------------------------------------------------------------------------------------------------------- */

struct names {
    struct sl_arena *arena;
    char **items;
    size_t n, room;
};

static int keep_name(void *data, char *const *columns, size_t n, struct sl_error *err)
{
    struct names *names = data;
    (void)n, (void)err;
    if (names->n == names->room) {
        size_t room = names->room ? 2 * names->room : 64;
        char **items = sl_arena_array(names->arena, room, sizeof *items);
        if (names->n)
            memcpy(items, names->items, names->n * sizeof *items);
        names->items = items;
        names->room = room;
    }
    names->items[names->n++] = sl_arena_strdup(names->arena, columns[0]);
    return 0;
}

static int drop(struct sl_grid_sink *sink, const char *load_id, struct sl_error *err)
{
    struct sink *s = of(sink);
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct names stages = {.arena = arena};
    char hex[33], sql[512];
    size_t n = 0;
    if (!sl_uuid_valid(load_id))
        return sl_fail(err, SL_E_INTERNAL, "\"%s\" is no load's id", load_id);
    for (const char *p = load_id; *p && n < 32; p++)
        if (*p != '-')
            hex[n++] = *p;
    hex[n] = '\0';
    int rc = exec(s, err, "ALTER TABLE grid_data DROP PARTITION ('%s', 0)", load_id);
    rc = rc < 0 ? rc : exec(s, err, "ALTER TABLE grid_fields DROP PARTITION '%s'", load_id);
    snprintf(sql, sizeof sql,
             "SELECT name FROM system.tables WHERE database = currentDatabase() AND"
             " (startsWith(name, 'grid_stage_%s_') OR startsWith(name, 'grid_fields_stage_%s_'))",
             hex, hex);
    rc = rc < 0 ? rc : sl_clickhouse_query(s->ch, sql, keep_name, &stages, err);
    for (size_t i = 0; rc == 0 && i < stages.n; i++)
        rc = exec(s, err, "DROP TABLE IF EXISTS `%.120s`", stages.items[i]);
    return rc;
}

/* A load's id in what ClickHouse calls a partition, or a staging table. */
static bool id_of(const char *text, char out[SL_UUID_TEXT_BYTES])
{
    size_t n = 0;
    const char *p = sl_text_starts(text, "grid_stage_")          ? text + strlen("grid_stage_")
                    : sl_text_starts(text, "grid_fields_stage_") ? text + strlen("grid_fields_stage_")
                                                                 : text + strspn(text, "('");
    for (; *p && *p != '\'' && *p != '_' && n < SL_UUID_TEXT_BYTES - 1; p++) {
        if (*p != '-' && (n == 8 || n == 13 || n == 18 || n == 23))
            out[n++] = '-';
        if (n < SL_UUID_TEXT_BYTES - 1)
            out[n++] = *p;
    }
    out[n] = '\0';
    return sl_uuid_valid(out);
}

/* Ids of loads, as partitions and staging tables have them, or as the list of fields has them for a batch. */
static int find_loads(struct sink *s, const char *batch_id, struct names *found, struct sl_error *err)
{
    static const char all[] = "SELECT DISTINCT name FROM (SELECT partition AS name FROM system.parts WHERE database = "
                              "currentDatabase() AND active AND"
                              " table IN ('grid_data', 'grid_fields') UNION ALL SELECT name FROM system.tables WHERE "
                              "database = currentDatabase() AND"
                              " (startsWith(name, 'grid_stage_') OR startsWith(name, 'grid_fields_stage_')))";
    SL_CLEANUP(sl_buf_free) struct sl_buf sql;
    sl_buf_init(&sql, 4096);
    if (!batch_id)
        return sl_clickhouse_query(s->ch, all, keep_name, found, err);
    sl_buf_puts(&sql, "SELECT DISTINCT load_id FROM grid_fields WHERE batch_id = ");
    sl_clickhouse_quote(&sql, batch_id);
    int rc = sl_buf_check(&sql, "a question to ClickHouse", err);
    return rc < 0 ? rc : sl_clickhouse_query(s->ch, sql.data, keep_name, found, err);
}

static int sweep(struct sl_grid_sink *sink, const char *batch_id,
                 int (*visit)(void *data, const char *load_id, struct sl_error *err), void *data, struct sl_error *err)
{
    struct sink *s = of(sink);
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct names found = {.arena = arena}, loads = {.arena = arena};
    char id[SL_UUID_TEXT_BYTES], *const one[] = {id};
    int rc = find_loads(s, batch_id, &found, err);
    for (size_t i = 0; rc == 0 && i < found.n; i++) {
        bool known = !id_of(found.items[i], id);
        for (size_t k = 0; !known && k < loads.n; k++)
            known = !strcmp(loads.items[k], id);
        if (!known)
            rc = keep_name(&loads, one, 1, err);
    }
    for (size_t i = 0; rc == 0 && i < loads.n; i++) {
        rc = visit(data, loads.items[i], err);
        rc = rc == 1 ? drop(sink, loads.items[i], err) : rc;
    }
    return rc < 0 ? rc : 0;
}

static void close_sink(struct sl_grid_sink *sink)
{
    struct sink *s = of(sink);
    abandon(sink);
    forget(s);
    sl_grid_sorted_free(&s->sorted);
    sl_clickhouse_close(s->ch);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    free(s);
}

static const struct sl_grid_sink_ops ops = {.name = "clickhouse",
                                            .begin = begin,
                                            .put = put,
                                            .finish = finish,
                                            .abandon = abandon,
                                            .drop = drop,
                                            .sweep = sweep,
                                            .close = close_sink};

int sl_grid_clickhouse(const struct sl_clickhouse_target *target, struct sl_grid_sink **out, struct sl_error *err)
{
    struct sl_clickhouse *ch = NULL;
    int rc = sl_clickhouse_open(target, &ch, err);
    rc = rc < 0 ? rc : sl_clickhouse_migrate(ch, NULL, err);
    if (rc < 0) {
        sl_clickhouse_close(ch);
        return rc;
    }
    struct sink *s = sl_xcalloc(1, sizeof *s);
    s->base.ops = &ops;
    s->target = *target;
    s->ch = ch;
    sl_buf_init(&s->rows, FIELDS_BYTES);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    *out = &s->base;
    return 0;
}
