/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows to Parquet: a file for each variable and date of the valid time. Fields come in any order, so that each is put
 * on disk first, sorted, behind those of its file; at the end every file is written in one go. What is in a file
 * follows from the fields alone: no id of a load, run or raw file.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <ogr_recordbatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sha256.h"
#include "geo/duckdb/duck.h"
#include "geo/sql.h"
#include "grid/sinks.h"
#include "grid/sorted.h"
#include "lake/parts.h"

enum {
    CHUNK_ROWS = 32768, /* at a time to disk and back; also a row group, so that a query for a place reads little */
    MEMORY_BYTES = 100 << 20
};

/* What the rows of a field have in common. */
struct common {
    const char *units, *level_type, *step_type;
    int64_t param_id, valid_time, reference_time, step_from, step_to;
    double level;
    int32_t member;
};

struct file {
    char *suffix, *spool;
    int64_t rows;
};

struct sink {
    struct sl_grid_sink base;
    struct sl_grid_load load;
    bool begun;
    struct sl_arena *arena; /* of the load */
    struct sl_grid_sorted sorted;
    struct common *fields;
    size_t n_fields, fields_room;
    struct file *files;
    size_t n_files, files_room;
    uint16_t *cells; /* a chunk */
    double *lats, *lons, *values;
    struct sl_grid_loaded loaded;
};

static struct sink *of(struct sl_grid_sink *sink)
{
    return (struct sink *)sink;
}

/* ---- fields to disk ---- */

struct chunk_head {
    uint32_t field, rows;
};

static int date_of(int64_t valid_s, char out[16], struct sl_error *err)
{
    struct tm tm;
    time_t t = (time_t)valid_s;
    if (!gmtime_r(&t, &tm) || tm.tm_year + 1900 < 1 || tm.tm_year + 1900 > 9999)
        return sl_fail(err, SL_E_LIMIT, "a field is for a time outside of the years 1 to 9999");
    snprintf(out, 16, "%04d-%02d-%02d", (tm.tm_year + 1900) % 10000, (tm.tm_mon + 1) % 100, tm.tm_mday % 100);
    return 0;
}

static int suffix_of(struct sink *s, const struct sl_grid_field *f, char **out, struct sl_error *err)
{
    char date[16];
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, SL_LAKE_PART_SUFFIX_MAX_BYTES);
    int rc = date_of(f->valid_s, date, err);
    rc = rc < 0 ? rc : sl_lake_part_folder("variable", f->variable, strlen(f->variable), &text, err);
    if (rc < 0)
        return rc;
    sl_buf_printf(&text, "/date=%s/part-0.parquet", date);
    rc = sl_buf_check(&text, "name of a part", err);
    if (rc == 0)
        *out = sl_arena_strdup(s->arena, text.data);
    return rc;
}

static int file_of(struct sink *s, const struct sl_grid_field *f, struct file **out, struct sl_error *err)
{
    char *suffix = NULL;
    int rc = suffix_of(s, f, &suffix, err);
    if (rc < 0)
        return rc;
    for (size_t i = s->n_files; i-- > 0;) /* most often the last one */
        if (!strcmp(s->files[i].suffix, suffix)) {
            *out = &s->files[i];
            return 0;
        }
    if (s->n_files == SL_LAKE_PARTS_MAX) {
        rc = sl_fail(err, SL_E_LIMIT, "the fields are of more than %d variables and days", SL_LAKE_PARTS_MAX);
        sl_error_hint(err, "submit them in several batches, or configure ClickHouse");
        return rc;
    }
    if (s->n_files == s->files_room) {
        s->files_room = s->files_room ? 2 * s->files_room : 64;
        s->files = sl_xrealloc(s->files, s->files_room * sizeof *s->files);
    }
    s->files[s->n_files] = (struct file){
        .suffix = suffix,
        .spool = sl_arena_printf(s->arena, "%s/%s-%zu.rows", s->load.folder, s->load.load_id, s->n_files)};
    *out = &s->files[s->n_files++];
    return 0;
}

static const char *kept(struct sink *s, const char *text)
{
    return sl_arena_strdup(s->arena, text ? text : "");
}

static void add_field(struct sink *s, const struct sl_grid_field *f)
{
    if (s->n_fields == s->fields_room) {
        s->fields_room = s->fields_room ? 2 * s->fields_room : 64;
        s->fields = sl_xrealloc(s->fields, s->fields_room * sizeof *s->fields);
    }
    s->fields[s->n_fields++] = (struct common){.units = kept(s, f->units),
                                               .level_type = kept(s, f->level_type),
                                               .step_type = kept(s, f->step_type),
                                               .param_id = f->param_id,
                                               .valid_time = f->valid_s,
                                               .reference_time = f->reference_s,
                                               .step_from = f->step_from_s,
                                               .step_to = f->step_to_s,
                                               .level = f->level,
                                               .member = (int32_t)f->member};
}

static int spool(struct sink *s, struct file *file, const struct sl_grid_field *f, struct sl_error *err)
{
    int fd = open(file->spool, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), rc = 0;
    if (fd < 0)
        return sl_fail_errno(err, errno, "cannot write %s", file->spool);
    for (size_t k = 0; rc == 0 && k < f->points->n;) {
        size_t n = sl_grid_sorted_rows(&s->sorted, f, &k, CHUNK_ROWS, s->cells, s->lats, s->lons, s->values);
        const struct chunk_head head = {.field = (uint32_t)s->n_fields, .rows = (uint32_t)n};
        if (!n)
            break;
        rc = sl_file_write_all(fd, &head, sizeof head, err);
        rc = rc < 0 ? rc : sl_file_write_all(fd, s->cells, n * sizeof *s->cells, err);
        rc = rc < 0 ? rc : sl_file_write_all(fd, s->lats, n * sizeof *s->lats, err);
        rc = rc < 0 ? rc : sl_file_write_all(fd, s->lons, n * sizeof *s->lons, err);
        rc = rc < 0 ? rc : sl_file_write_all(fd, s->values, n * sizeof *s->values, err);
        file->rows += rc == 0 ? (int64_t)n : 0;
    }
    if (close(fd) != 0 && rc == 0)
        rc = sl_fail_errno(err, errno, "cannot write %s", file->spool);
    return rc;
}

/* ---- back as Arrow ---- */

enum { COLUMNS = 17 };

/* What is the same in a whole chunk is a dictionary of one value, and indexes that are all 0. */
static const struct arrow_column {
    const char *name, *format;
    bool same;
} columns[COLUMNS] = {
    {"source", "u", true},       {"dataset", "u", true},    {"units", "u", true},          {"param_id", "l", true},
    {"timestamp", "tsu:", true}, {"valid_time", "l", true}, {"reference_time", "l", true}, {"level_type", "u", true},
    {"level", "g", true},        {"member", "i", true},     {"step_type", "u", true},      {"step_from", "l", true},
    {"step_to", "l", true},      {"cell", "S", false},      {"lat", "g", false},           {"lon", "g", false},
    {"value", "g", false},
};
static const int8_t zeros[CHUNK_ROWS];

struct schema {
    struct ArrowSchema items[COLUMNS], dictionaries[COLUMNS], *pointers[COLUMNS];
};

struct reading {
    struct sink *sink;
    FILE *file;
    char message[160];
    struct schema schema; /* of all who ask: DuckDB does not release every one that it gets */
};

static void release_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    struct schema *s = &((struct reading *)stream->private_data)->schema;
    for (int i = 0; i < COLUMNS; i++) {
        s->pointers[i] = &s->items[i];
        s->items[i] = (struct ArrowSchema){
            .format = columns[i].same ? "c" : columns[i].format, .name = columns[i].name, .release = release_schema};
        if (!columns[i].same)
            continue;
        s->dictionaries[i] = (struct ArrowSchema){.format = columns[i].format, .name = "", .release = release_schema};
        s->items[i].dictionary = &s->dictionaries[i];
    }
    *out = (struct ArrowSchema){
        .format = "+s", .name = "", .n_children = COLUMNS, .children = s->pointers, .release = release_schema};
    return 0;
}

struct chunk {
    struct ArrowArray items[COLUMNS], dictionaries[COLUMNS], *pointers[COLUMNS];
    const void *buffers[COLUMNS][3], *dictionary_buffers[COLUMNS][3], *none[1];
    int32_t offsets[COLUMNS][2];
    union {
        int64_t l;
        double g;
        int32_t i;
    } same[COLUMNS];
    void *rows[4];
};

static void release_child(struct ArrowArray *array)
{
    array->release = NULL;
}

static void release_chunk(struct ArrowArray *array)
{
    struct chunk *c = array->private_data;
    for (int i = 0; i < 4; i++)
        free(c->rows[i]);
    free(c);
    array->release = NULL;
}

static void set_text(struct chunk *c, int column, const char *text)
{
    c->offsets[column][1] = (int32_t)strlen(text);
    c->dictionary_buffers[column][1] = c->offsets[column];
    c->dictionary_buffers[column][2] = text;
}

static void fill_common(struct chunk *c, const struct sl_grid_load *load, const struct common *f)
{
    set_text(c, 0, load->source);
    set_text(c, 1, load->dataset);
    set_text(c, 2, f->units);
    c->same[3].l = f->param_id;
    c->same[4].l = f->valid_time * 1000000;
    c->same[5].l = f->valid_time;
    c->same[6].l = f->reference_time;
    set_text(c, 7, f->level_type);
    c->same[8].g = f->level;
    c->same[9].i = f->member;
    set_text(c, 10, f->step_type);
    c->same[11].l = f->step_from;
    c->same[12].l = f->step_to;
}

static void connect(struct chunk *c, int64_t rows, struct ArrowArray *out)
{
    for (int i = 0; i < COLUMNS; i++) {
        bool text = columns[i].format[0] == 'u';
        c->pointers[i] = &c->items[i];
        c->buffers[i][1] = columns[i].same ? (const void *)zeros : c->rows[i - (COLUMNS - 4)];
        c->items[i] =
            (struct ArrowArray){.length = rows, .n_buffers = 2, .buffers = c->buffers[i], .release = release_child};
        if (!columns[i].same)
            continue;
        if (!text)
            c->dictionary_buffers[i][1] = &c->same[i];
        c->dictionaries[i] = (struct ArrowArray){
            .length = 1, .n_buffers = text ? 3 : 2, .buffers = c->dictionary_buffers[i], .release = release_child};
        c->items[i].dictionary = &c->dictionaries[i];
    }
    *out = (struct ArrowArray){.length = rows,
                               .n_buffers = 1,
                               .buffers = c->none,
                               .n_children = COLUMNS,
                               .children = c->pointers,
                               .release = release_chunk,
                               .private_data = c};
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    static const size_t widths[4] = {sizeof(uint16_t), sizeof(double), sizeof(double), sizeof(double)};
    struct reading *r = stream->private_data;
    struct chunk_head head;
    memset(out, 0, sizeof *out);
    if (fread(&head, sizeof head, 1, r->file) != 1)
        return ferror(r->file) ? EIO : 0;
    struct chunk *c = sl_xcalloc(1, sizeof *c);
    bool whole = head.field < r->sink->n_fields && head.rows <= CHUNK_ROWS;
    for (int i = 0; whole && i < 4; i++) {
        c->rows[i] = sl_xmalloc(head.rows * widths[i]);
        whole = fread(c->rows[i], widths[i], head.rows, r->file) == head.rows;
    }
    out->private_data = c;
    if (!whole) {
        snprintf(r->message, sizeof r->message, "a file of the scratch folder was cut");
        release_chunk(out);
        return EIO;
    }
    fill_common(c, &r->sink->load, &r->sink->fields[head.field]);
    connect(c, head.rows, out);
    return 0;
}

static const char *last_error(struct ArrowArrayStream *stream)
{
    return ((struct reading *)stream->private_data)->message;
}

static void release_stream(struct ArrowArrayStream *stream)
{
    stream->release = NULL;
}

/* ---- files ---- */

static int copy_out(struct sl_duck *duck, const char *path, int64_t *rows, struct sl_error *err)
{
    struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "COPY (SELECT * FROM grid_rows) TO ");
    sl_sql_literal(&sql, path);
    sl_sql_text(&sql, " (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ");
    sl_sql_int(&sql, CHUNK_ROWS);
    sl_sql_text(&sql, ")");
    int rc = sl_sql_check(&sql, err);
    rc = rc < 0 ? rc : sl_duck_exec(duck, sql.buf.data, SL_E_DUCKDB, rows, err);
    sl_sql_free(&sql);
    return rc;
}

static int write_file(struct sink *s, struct sl_duck *duck, const struct file *file, struct sl_arena *arena,
                      size_t number, struct sl_grid_part *out, struct sl_error *err)
{
    struct reading r = {.sink = s, .file = fopen(file->spool, "rbe")};
    struct ArrowArrayStream stream = {.get_schema = get_schema,
                                      .get_next = get_next,
                                      .get_last_error = last_error,
                                      .release = release_stream,
                                      .private_data = &r};
    char *path = sl_arena_printf(arena, "%s/%s-%zu.parquet", s->load.folder, s->load.load_id, number);
    int64_t rows = 0;
    if (!r.file)
        return sl_fail_errno(err, errno, "cannot read %s", file->spool);
    int rc = sl_duck_arrow_view(duck, "grid_rows", &stream, err);
    rc = rc < 0 ? rc : copy_out(duck, path, &rows, err);
    rc = rc < 0 ? rc : sl_duck_exec(duck, "DROP VIEW grid_rows", SL_E_DUCKDB, NULL, err);
    fclose(r.file);
    unlink(file->spool);
    if (rc == 0 && rows != file->rows)
        rc = sl_fail(err, SL_E_ROWS_LOST, "%s has %" PRId64 " rows, %" PRId64 " were put", file->suffix, rows,
                     file->rows);
    *out = (struct sl_grid_part){.path = path, .suffix = sl_arena_strdup(arena, file->suffix), .rows = file->rows};
    return rc < 0 ? rc : sl_sha256_file(path, out->sha256_hex, &out->bytes, err);
}

static int by_suffix(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->suffix, ((const struct file *)b)->suffix);
}

/* ---- the port ---- */

static void forget(struct sink *s)
{
    for (size_t i = 0; i < s->n_files; i++)
        unlink(s->files[i].spool);
    free(s->fields);
    free(s->files);
    free(s->cells);
    free(s->lats);
    free(s->lons);
    free(s->values);
    s->fields = NULL;
    s->files = NULL;
    s->cells = NULL;
    s->lats = s->lons = s->values = NULL;
    s->n_fields = s->fields_room = s->n_files = s->files_room = 0;
    sl_arena_free(s->arena);
    s->arena = NULL;
    s->begun = false;
}

static int begin(struct sl_grid_sink *sink, const struct sl_grid_load *load, struct sl_error *err)
{
    struct sink *s = of(sink);
    if (s->begun)
        return sl_fail(err, SL_E_INTERNAL, "a load is begun already");
    int rc = sl_grid_check_load(load, err);
    if (rc < 0)
        return rc;
    s->load = *load;
    s->arena = sl_arena_new();
    s->loaded = (struct sl_grid_loaded){0};
    s->cells = sl_xmalloc(CHUNK_ROWS * sizeof *s->cells);
    s->lats = sl_xmalloc(CHUNK_ROWS * sizeof *s->lats);
    s->lons = sl_xmalloc(CHUNK_ROWS * sizeof *s->lons);
    s->values = sl_xmalloc(CHUNK_ROWS * sizeof *s->values);
    s->begun = true;
    return 0;
}

static int put(struct sl_grid_sink *sink, const struct sl_grid_field *f, const char *raw_file_id, struct sl_error *err)
{
    struct sink *s = of(sink);
    struct file *file = NULL;
    (void)raw_file_id;
    int rc = s->load.may_go_on ? s->load.may_go_on(s->load.data, err) : 0;
    rc = rc < 0 ? rc : sl_grid_check_field(f, err);
    rc = rc < 0 ? rc : file_of(s, f, &file, err);
    if (rc < 0)
        return rc;
    sl_grid_sorted_for(&s->sorted, f->points, false);
    int64_t before = file->rows;
    rc = spool(s, file, f, err);
    if (rc < 0)
        return rc;
    add_field(s, f);
    s->loaded.fields++;
    s->loaded.rows += file->rows - before;
    s->loaded.missing += (int64_t)f->points->n - (file->rows - before);
    return 0;
}

static int finish(struct sl_grid_sink *sink, struct sl_arena *arena, struct sl_grid_loaded *out, struct sl_error *err)
{
    struct sink *s = of(sink);
    const struct sl_duck_options options = {.threads = 1, .memory_bytes = MEMORY_BYTES, .temp_dir = s->load.folder};
    SL_CLEANUP(sl_duck_closep) struct sl_duck *duck = NULL;
    struct sl_grid_part *parts = sl_arena_array(arena, s->n_files + 1, sizeof *parts);
    size_t n = 0;
    if (s->n_files)
        qsort(s->files, s->n_files, sizeof *s->files, by_suffix);
    int rc = sl_duck_open(&options, &duck, err);
    for (size_t i = 0; rc == 0 && i < s->n_files; i++) {
        rc = s->load.may_go_on ? s->load.may_go_on(s->load.data, err) : 0;
        if (rc == 0 && s->files[i].rows)
            rc = write_file(s, duck, &s->files[i], arena, i, &parts[n++], err);
    }
    if (rc < 0)
        return rc;
    s->loaded.parts = parts;
    s->loaded.n_parts = n;
    *out = s->loaded;
    forget(s);
    return 0;
}

static void abandon(struct sl_grid_sink *sink)
{
    forget(of(sink));
}

static int drop(struct sl_grid_sink *sink, const char *load_id, struct sl_error *err)
{
    (void)sink, (void)load_id, (void)err;
    return 0;
}

static int sweep(struct sl_grid_sink *sink, const char *batch_id,
                 int (*visit)(void *data, const char *load_id, struct sl_error *err), void *data, struct sl_error *err)
{
    (void)sink, (void)batch_id, (void)visit, (void)data, (void)err;
    return 0;
}

static void close_sink(struct sl_grid_sink *sink)
{
    struct sink *s = of(sink);
    forget(s);
    sl_grid_sorted_free(&s->sorted);
    free(s);
}

static const struct sl_grid_sink_ops ops = {.name = "parquet",
                                            .begin = begin,
                                            .put = put,
                                            .finish = finish,
                                            .abandon = abandon,
                                            .drop = drop,
                                            .sweep = sweep,
                                            .close = close_sink};

int sl_grid_parquet(struct sl_grid_sink **out, struct sl_error *err)
{
    (void)err;
    struct sink *s = sl_xcalloc(1, sizeof *s);
    s->base.ops = &ops;
    *out = &s->base;
    return 0;
}
