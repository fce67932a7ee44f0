/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows to ClickHouse. A load is written to staging tables of its own, counted there, and then takes the place of its
 * partition in one step, which may be repeated: whatever was lost on the way, nothing is doubled or half there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/uuid7.h"
#include "grid/clickhouse_internal.h"
#include "grid/lanes.h"
#include "grid/sorted.h"

enum {
    WHOLE_ROWS = 65536,       /* a block of that many is not filled up with a part of the next field */
    FIELDS_BYTES = 256 << 20, /* of the rows of grid_fields of one load */
    LARGE_ROWS = 1 << 19,     /* of a block when a grid itself needs much memory */
    ABOUT_BYTES = 16384,
    NAME_BYTES = 128
};

struct sink {
    struct sl_grid_sink base;
    struct sl_clickhouse_target target;
    struct sl_clickhouse *ch;
    struct sl_grid_load load;
    bool begun;
    char data[NAME_BYTES], fields[NAME_BYTES]; /* the staging tables */
    struct sl_grid_sorted sorted;
    struct sl_grid_lanes *lanes;
    struct sl_buf rows; /* of grid_fields, as text */
    struct sl_buf about;
    int64_t *counts; /* rows of each field */
    size_t n_fields, room;
    struct sl_grid_loaded loaded;
};

static struct sink *of(struct sl_grid_sink *sink)
{
    return (struct sink *)sink;
}

/* "CREATE TABLE IF NOT EXISTS grid_stage_… AS grid_data" would lose the engine's clauses in 18.16 when an engine is
 * named, and keeps them when none is. */
static int make_stages(struct sink *s, struct sl_error *err)
{
    int rc = sl_clickhouse__execf(s->ch, err, "CREATE TABLE IF NOT EXISTS %s AS grid_data", s->data);
    return rc < 0 ? rc : sl_clickhouse__execf(s->ch, err, "CREATE TABLE IF NOT EXISTS %s AS grid_fields", s->fields);
}

static int drop_stages(struct sink *s, struct sl_error *err)
{
    int rc = sl_clickhouse__execf(s->ch, err, "DROP TABLE IF EXISTS %s", s->data);
    return rc < 0 ? rc : sl_clickhouse__execf(s->ch, err, "DROP TABLE IF EXISTS %s", s->fields);
}

static void forget(struct sink *s)
{
    sl_grid_lanes_free(s->lanes);
    s->lanes = NULL;
    sl_buf_free(&s->rows);
    sl_buf_free(&s->about);
    free(s->counts);
    s->counts = NULL;
    s->n_fields = s->room = 0;
    s->loaded = (struct sl_grid_loaded){0};
    s->begun = false;
}

static void stage_names(struct sink *s, const char *load_id)
{
    char hex[SL_CLICKHOUSE__HEX_BYTES], once[9];
    uint32_t random;
    sl_clickhouse__hex(load_id, hex);
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
    int rc = sl_grid_check_load(load, err);
    if (rc < 0)
        return rc;
    s->load = *load;
    stage_names(s, load->load_id);
    sl_buf_init(&s->rows, FIELDS_BYTES);
    sl_buf_init(&s->about, ABOUT_BYTES);
    s->lanes = sl_grid_lanes_new(&s->target, s->data);
    rc = make_stages(s, err);
    s->begun = true;
    if (rc < 0)
        forget(s);
    return rc;
}

static void fill_run(const struct sink *s, struct sl_grid_run *run, const struct sl_grid_field *f)
{
    run->timestamp = (uint32_t)sl_grid_timestamp(f->valid_s);
    run->field = (uint32_t)s->n_fields;
    run->load = sl_clickhouse_load(s->load.load_id);
}

static int add_rows(struct sink *s, const struct sl_grid_field *f, struct sl_error *err)
{
    size_t k = 0;
    int rc = 0;
    while (rc == 0 && k < f->points->n) {
        struct sl_grid_block *b = NULL;
        rc = sl_grid_lanes_block(s->lanes, &b, err);
        if (rc < 0)
            return rc;
        size_t room = f->points->n > SL_GRID_SORTED_KEPT ? LARGE_ROWS : b->rows_room;
        bool split = b->n_rows >= WHOLE_ROWS && k == 0 && f->points->n + b->n_rows > room;
        struct sl_grid_run *run =
            b->n_rows >= room || split ? NULL : sl_grid_block_run(b, f->variable, s->about.data);
        if (!run) {
            rc = sl_grid_lanes_flush(s->lanes, err);
            continue;
        }
        fill_run(s, run, f);
        run->rows = sl_grid_sorted_rows_e7(&s->sorted, f, &k, room - b->n_rows, b->cells + b->n_rows,
                                           b->lats_e7 + b->n_rows, b->lons_e7 + b->n_rows, b->values + b->n_rows);
        b->n_rows += run->rows;
        if (!run->rows)
            sl_grid_block_unrun(b);
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
    sl_grid_sorted_for(&s->sorted, f->points, true);
    struct sl_grid_sums sums = sl_grid_sums(f);
    sl_clickhouse__field_row(&s->rows, &s->load, s->n_fields, f, s->sorted.spacing, raw_file_id, &sums);
    sl_clickhouse__about(&s->about, &s->load, f, raw_file_id);
    rc = sl_buf_check(&s->rows, "list of a load's fields", err);
    rc = rc < 0 ? rc : sl_buf_check(&s->about, "description of a field", err);
    rc = rc < 0 ? rc : add_rows(s, f, err);
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

/* ---- the end of a load ---- */

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
    sl_buf_printf(&sql, "INSERT INTO %s (%s) FORMAT TabSeparated\n", s->fields, sl_clickhouse__field_columns);
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
        rc = sl_clickhouse__execf(s->ch, err, "DROP TABLE IF EXISTS %s", s->fields);
        rc = rc < 0 ? rc : sl_clickhouse__execf(s->ch, err, "CREATE TABLE IF NOT EXISTS %s AS grid_fields", s->fields);
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
    uint64_t load = sl_clickhouse_load(id);
    int rc =
        s->loaded.fields
            ? sl_clickhouse__execf(s->ch, err, "ALTER TABLE grid_fields REPLACE PARTITION '%s' FROM %s", id, s->fields)
            : sl_clickhouse__execf(s->ch, err, "ALTER TABLE grid_fields DROP PARTITION '%s'", id);
    if (rc < 0)
        return rc;
    return s->loaded.rows
               ? sl_clickhouse__execf(s->ch, err, "ALTER TABLE grid_data REPLACE PARTITION (%" PRIu64 ", 0) FROM %s",
                                      load, s->data)
               : sl_clickhouse__execf(s->ch, err, "ALTER TABLE grid_data DROP PARTITION (%" PRIu64 ", 0)", load);
}

static int finish(struct sl_grid_sink *sink, struct sl_arena *arena, struct sl_grid_loaded *out, struct sl_error *err)
{
    struct sink *s = of(sink);
    (void)arena;
    int rc = sl_grid_lanes_settle(s->lanes, err);
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
    sl_grid_lanes_free(s->lanes); /* before the tables go */
    s->lanes = NULL;
    drop_stages(s, &ignored);
    forget(s);
}

static int drop(struct sl_grid_sink *sink, const char *load_id, struct sl_error *err)
{
    return sl_clickhouse__drop(of(sink)->ch, load_id, err);
}

static int sweep(struct sl_grid_sink *sink, const char *batch_id,
                 int (*visit)(void *data, const char *load_id, struct sl_error *err), void *data, struct sl_error *err)
{
    return sl_clickhouse__sweep(of(sink)->ch, batch_id, visit, data, err);
}

static void close_sink(struct sl_grid_sink *sink)
{
    struct sink *s = of(sink);
    abandon(sink);
    forget(s);
    sl_grid_sorted_free(&s->sorted);
    sl_clickhouse_close(s->ch);
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
    sl_buf_init(&s->about, ABOUT_BYTES);
    *out = &s->base;
    return 0;
}
