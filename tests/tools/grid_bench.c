/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grid_bench - how long it takes to make rows of a GRIB file, without a server.
 *
 *   grid_bench eccodes FILE TIMES     ecCodes alone: each message's values as doubles
 *   grid_bench decode FILE TIMES      sluice's reader: fields with their values and places
 *   grid_bench blocks FILE TIMES      the same, and blocks of ClickHouse's Native format, in the table's order
 *   grid_bench native FILE OUT        those blocks in a file: what is inserted into grid_data
 *
 * Prints one JSON object: values, seconds of the processor, the most memory in MB, bytes. One thread.
 */
#include <eccodes.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "geo/format.h"
#include "grid/clickhouse_internal.h"
#include "grid/native.h"
#include "grid/reader.h"
#include "grid/sorted.h"

#define LOAD "0199a3c4-0000-7000-8000-0000000000be"

static struct sl_error err;

struct tally {
    int64_t values, bytes;
};

static void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, err.message);
    exit(1);
}

static void eccodes_alone(const char *path, struct tally *t)
{
    FILE *file = fopen(path, "rb");
    codes_handle *h;
    int rc = 0;
    double *values = NULL;
    if (!file)
        die(path);
    while ((h = codes_handle_new_from_file(NULL, file, PRODUCT_GRIB, &rc))) {
        size_t n = 0;
        if (codes_get_size(h, "values", &n))
            die("values");
        values = realloc(values, n * sizeof *values);
        if (!values || codes_get_double_array(h, "values", values, &n))
            die("values");
        t->values += (int64_t)n;
        codes_handle_delete(h);
    }
    free(values);
    fclose(file);
}

static void send(const struct sl_grid_block *block, FILE *out, struct tally *t)
{
    static unsigned char page[1 << 18];
    struct sl_grid_native *native = sl_grid_native_new(block, false);
    for (int64_t n; (n = sl_grid_native_read(native, page, sizeof page, &err)) > 0;) {
        t->bytes += n;
        if (out && fwrite(page, 1, (size_t)n, out) != (size_t)n)
            die("cannot write");
    }
    sl_grid_native_free(native);
}

static void field_blocks(const struct sl_grid_field *f, uint32_t number, struct sl_grid_sorted *sorted,
                         struct sl_grid_block *b, FILE *out, struct tally *t)
{
    const struct sl_grid_load load = {.load_id = LOAD, .batch_id = "bench", .source = "bench", .dataset = "bench"};
    SL_CLEANUP(sl_buf_free) struct sl_buf about;
    sl_buf_init(&about, 16384);
    sl_clickhouse__about(&about, &load, f, LOAD);
    sl_grid_sorted_for(sorted, f->points, true);
    for (size_t k = 0; k < f->points->n;) {
        sl_grid_block_clear(b);
        struct sl_grid_run *run = sl_grid_block_run(b, f->variable, about.data);
        run->timestamp = (uint32_t)sl_grid_timestamp(f->valid_s);
        run->load = sl_clickhouse_load(LOAD);
        run->field = number;
        run->rows = sl_grid_sorted_rows_e7(sorted, f, &k, b->rows_room, b->cells, b->lats_e7, b->lons_e7, b->values);
        b->n_rows = run->rows;
        if (b->n_rows)
            send(b, out, t);
    }
}

static void read_file(const char *path, bool blocks, FILE *out, struct tally *t)
{
    const struct sl_grid_options options = {.format = sl_format_by_name("GRIB")};
    struct sl_grid_sorted sorted = {0};
    struct sl_grid_block block;
    struct sl_grid_reader *reader;
    const struct sl_grid_field *f;
    uint32_t n = 0;
    sl_grid_block_init(&block, SL_GRID_BLOCK_ROWS);
    if (sl_grid_open(path, &options, &reader, &err) < 0)
        die(path);
    for (;;) {
        if (sl_grid_next(reader, &f, &err) < 0)
            die(path);
        if (!f)
            break;
        t->values += (int64_t)(f->points->n - f->n_missing);
        if (blocks)
            field_blocks(f, n++, &sorted, &block, out, t);
    }
    sl_grid_close(reader);
    sl_grid_sorted_free(&sorted);
    sl_grid_block_free(&block);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    const char *what = argv[1];
    struct tally t = {0};
    bool native = !strcmp(what, "native");
    FILE *out = native ? fopen(argv[3], "wb") : NULL;
    if (native && !out)
        die(argv[3]);
    for (int i = 0; i < (native ? 1 : atoi(argv[3])); i++)
        if (!strcmp(what, "eccodes"))
            eccodes_alone(argv[2], &t);
        else
            read_file(argv[2], strcmp(what, "decode") != 0, out, &t);
    if (out && fclose(out) != 0)
        die("cannot write");
    struct timespec used;
    struct rusage all;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    getrusage(RUSAGE_SELF, &all);
    printf("{\"values\": %" PRId64 ", \"seconds\": %.4f, \"memory_mb\": %ld, \"bytes\": %" PRId64 ", \"columns\": \"%s\"}\n",
           t.values, (double)used.tv_sec + (double)used.tv_nsec / 1e9, all.ru_maxrss / 1024, t.bytes,
           sl_grid_native_columns);
    return 0;
}
