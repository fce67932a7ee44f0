/* SPDX-License-Identifier: Apache-2.0 */
#include "grid/native.h"

#include <lz4.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/arena.h"

/* ---- blocks ---- */

enum { ROW_BYTES = sizeof(double) + 2 * sizeof(int32_t) + sizeof(uint16_t) };

void sl_grid_block_init(struct sl_grid_block *b, size_t rows_room)
{
    *b = (struct sl_grid_block){.rows_room = rows_room};
    /* Fresh pages, of which only those are memory that are filled. */
    void *pages = mmap(NULL, rows_room * ROW_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        sl_oom();
    b->values = pages;
    b->lats_e7 = (int32_t *)(b->values + rows_room);
    b->lons_e7 = b->lats_e7 + rows_room;
    b->cells = (uint16_t *)(b->lons_e7 + rows_room);
}

void sl_grid_block_free(struct sl_grid_block *b)
{
    sl_grid_block_clear(b);
    free(b->runs);
    if (b->values)
        munmap(b->values, b->rows_room * ROW_BYTES);
    *b = (struct sl_grid_block){0};
}

void sl_grid_block_clear(struct sl_grid_block *b)
{
    while (b->n_runs)
        sl_grid_block_unrun(b);
    b->n_rows = 0;
}

void sl_grid_block_unrun(struct sl_grid_block *b)
{
    struct sl_grid_run *run = &b->runs[--b->n_runs];
    free(run->variable);
    free(run->about);
}

struct sl_grid_run *sl_grid_block_run(struct sl_grid_block *b, const char *variable, const char *about)
{
    if (b->n_runs == SL_GRID_BLOCK_RUNS)
        return NULL;
    if (b->n_runs == b->runs_room) {
        b->runs_room = b->runs_room ? 2 * b->runs_room : 16;
        b->runs = sl_xrealloc(b->runs, b->runs_room * sizeof *b->runs);
    }
    b->runs[b->n_runs] = (struct sl_grid_run){.variable = sl_xstrdup(variable), .about = sl_xstrdup(about)};
    return &b->runs[b->n_runs++];
}

/* ---- columns ---- */

enum kind { TEXT, OF_RUN, OF_ROW };

#define RUN(n, t, f)                                                                                                   \
    {                                                                                                                  \
        .name = n, .type = t, .kind = OF_RUN, .width = sizeof((struct sl_grid_run *)0)->f,                             \
        .at = offsetof(struct sl_grid_run, f)                                                                          \
    }
#define ROW(n, t, f)                                                                                                   \
    {                                                                                                                  \
        .name = n, .type = t, .kind = OF_ROW, .width = sizeof *((struct sl_grid_block *)0)->f,                         \
        .at = offsetof(struct sl_grid_block, f)                                                                        \
    }
#define LOW(n, f)                                                                                                      \
    {                                                                                                                  \
        .name = n, .type = "LowCardinality(String)", .kind = TEXT, .at = offsetof(struct sl_grid_run, f)               \
    }

/* In the order of sl_grid_native_columns. */
static const struct column {
    const char *name, *type;
    enum kind kind;
    size_t width, at;
} columns[] = {
    LOW("variable", variable),
    RUN("timestamp", "DateTime('UTC')", timestamp),
    RUN("load", "UInt64", load),
    RUN("field", "UInt32", field),
    LOW("about", about),
    ROW("cell", "UInt16", cells),
    ROW("lat_e7", "Int32", lats_e7),
    ROW("lon_e7", "Int32", lons_e7),
    ROW("value", "Float64", values),
};
enum { COLUMNS = sizeof columns / sizeof *columns };

const char sl_grid_native_columns[] = "variable, timestamp, load, field, about, cell, lat_e7, lon_e7, value";

/* ---- a stream ---- */

enum {
    PAGE_BYTES = 4096,     /* of one value again and again */
    FRAME_BYTES = 1 << 20, /* of a compressed frame, before */
    FRAME_HEAD = 25,       /* 16 of a sum, the method, two sizes */
    METHOD_LZ4 = 0x82
};

struct sl_grid_native {
    const struct sl_grid_block *block;
    int column; /* at work; -1 before the first */
    struct head {
        unsigned char *data;
        size_t len, at, room;
    } head;            /* what stands before a column's data */
    size_t run, done;  /* bytes of the run (OF_RUN, TEXT) or of the column (OF_ROW) that are out */
    uint16_t *indexes; /* TEXT: of each run, in the column's dictionary */
    size_t width;      /* TEXT: of an index */
    unsigned char page[PAGE_BYTES];
    bool page_is_made;
    bool framed;
    unsigned char *plain, *frame;
    size_t frame_len, frame_at;
};

struct sl_grid_native *sl_grid_native_new(const struct sl_grid_block *block, bool framed)
{
    struct sl_grid_native *n = sl_xcalloc(1, sizeof *n);
    n->block = block;
    n->column = -1;
    n->indexes = sl_xcalloc(block->n_runs + 1, sizeof *n->indexes);
    n->framed = framed;
    if (framed) {
        n->plain = sl_xmalloc(FRAME_BYTES);
        n->frame = sl_xmalloc(FRAME_HEAD + (size_t)LZ4_compressBound(FRAME_BYTES));
    }
    return n;
}

void sl_grid_native_free(struct sl_grid_native *n)
{
    if (!n)
        return;
    free(n->head.data);
    free(n->indexes);
    free(n->plain);
    free(n->frame);
    free(n);
}

static void put(struct sl_grid_native *n, const void *data, size_t bytes)
{
    struct head *h = &n->head;
    if (h->len + bytes > h->room) {
        h->room = 2 * (h->len + bytes);
        h->data = sl_xrealloc(h->data, h->room);
    }
    memcpy(h->data + h->len, data, bytes);
    h->len += bytes;
}

static void put_varint(struct sl_grid_native *n, uint64_t value)
{
    unsigned char byte;
    do {
        byte = (unsigned char)(value & 0x7f);
        value >>= 7;
        byte |= value ? 0x80 : 0;
        put(n, &byte, 1);
    } while (value);
}

static void put_text(struct sl_grid_native *n, const char *text)
{
    size_t bytes = strlen(text);
    put_varint(n, bytes);
    put(n, text, bytes);
}

static void put_u64(struct sl_grid_native *n, uint64_t value)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(value >> (8 * i));
    put(n, bytes, sizeof bytes);
}

enum { SLOTS = 4 * SL_GRID_BLOCK_RUNS };

static size_t slot_of(const char *text)
{
    uint64_t hash = 1469598103934665603u; /* FNV-1a */
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return (size_t)(hash ^ hash >> 32) % SLOTS;
}

/* A dictionary of its own for the block, then indexes into it. The first key is the type's default, as ClickHouse has
 * it. */
static void put_dictionary(struct sl_grid_native *n, size_t at)
{
    enum { VERSION = 1, HAS_KEYS = 1 << 9, NEW_DICTIONARY = 1 << 10 };
    const struct sl_grid_block *b = n->block;
    const char **keys = sl_xmalloc((b->n_runs + 1) * sizeof *keys);
    uint16_t *slots = sl_xcalloc(SLOTS, sizeof *slots); /* 0: nothing there; the first key needs no slot */
    size_t n_keys = 1;
    keys[0] = "";
    for (size_t r = 0; r < b->n_runs; r++) {
        const char *text = *(char *const *)(const void *)((const char *)&b->runs[r] + at);
        size_t slot = slot_of(text);
        while (slots[slot] && strcmp(keys[slots[slot]], text) != 0)
            slot = (slot + 1) % SLOTS;
        if (!slots[slot] && *text) {
            keys[n_keys] = text;
            slots[slot] = (uint16_t)n_keys++;
        }
        n->indexes[r] = slots[slot];
    }
    n->width = n_keys <= 256 ? 1 : 2;
    put_u64(n, VERSION);
    put_u64(n, (n->width == 1 ? 0u : 1u) | HAS_KEYS | NEW_DICTIONARY);
    put_u64(n, n_keys);
    for (size_t k = 0; k < n_keys; k++)
        put_text(n, keys[k]);
    put_u64(n, b->n_rows);
    free(slots);
    free(keys);
}

static void begin_column(struct sl_grid_native *n)
{
    n->head.len = n->head.at = 0;
    n->run = n->done = 0;
    n->page_is_made = false;
    if (++n->column == 0) {
        put_varint(n, COLUMNS);
        put_varint(n, n->block->n_rows);
    }
    if (n->column == COLUMNS)
        return;
    put_text(n, columns[n->column].name);
    put_text(n, columns[n->column].type);
    if (columns[n->column].kind == TEXT)
        put_dictionary(n, columns[n->column].at);
    else
        n->width = columns[n->column].width;
}

/* The value of the run at work, again and again. Like the server's, our numbers have their low byte first: the engine
 * runs on x86 and ARM. */
static void make_page(struct sl_grid_native *n)
{
    const struct sl_grid_run *run = &n->block->runs[n->run];
    const struct column *c = &columns[n->column];
    const void *value = c->kind == TEXT ? (const void *)&n->indexes[n->run] : (const char *)run + c->at;
    for (size_t at = 0; at < PAGE_BYTES; at += n->width)
        memcpy(n->page + at, value, n->width);
    n->page_is_made = true;
}

static size_t of_runs(struct sl_grid_native *n, unsigned char *out, size_t room)
{
    size_t written = 0;
    while (written < room && n->run < n->block->n_runs) {
        size_t all = n->block->runs[n->run].rows * n->width;
        if (n->done == all) {
            n->run++;
            n->done = 0;
            n->page_is_made = false;
            continue;
        }
        if (!n->page_is_made)
            make_page(n);
        size_t from = n->done % PAGE_BYTES, bytes = PAGE_BYTES - from;
        bytes = bytes < all - n->done ? bytes : all - n->done;
        bytes = bytes < room - written ? bytes : room - written;
        memcpy(out + written, n->page + from, bytes);
        n->done += bytes;
        written += bytes;
    }
    return written;
}

static size_t of_rows(struct sl_grid_native *n, unsigned char *out, size_t room)
{
    const char *const *data = (const void *)((const char *)n->block + columns[n->column].at);
    size_t left = n->block->n_rows * n->width - n->done, bytes = left < room ? left : room;
    memcpy(out, *data + n->done, bytes);
    n->done += bytes;
    return bytes;
}

static size_t plain(struct sl_grid_native *n, unsigned char *out, size_t room)
{
    size_t written = 0;
    while (written < room && n->column < COLUMNS) {
        size_t left = n->head.len - n->head.at, bytes;
        if (left) {
            bytes = left < room - written ? left : room - written;
            memcpy(out + written, n->head.data + n->head.at, bytes);
            n->head.at += bytes;
        } else if (n->column < 0) {
            bytes = 0;
        } else if (columns[n->column].kind == OF_ROW) {
            bytes = of_rows(n, out + written, room - written);
        } else {
            bytes = of_runs(n, out + written, room - written);
        }
        written += bytes;
        if (!bytes)
            begin_column(n);
    }
    return written;
}

static void put_size(unsigned char *at, size_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

/* Sum (not checked, see sl_clickhouse_insert), method, size with this head of 9 bytes, size before. */
static bool next_frame(struct sl_grid_native *n)
{
    size_t bytes = plain(n, n->plain, FRAME_BYTES);
    if (!bytes)
        return false;
    int made = LZ4_compress_default((const char *)n->plain, (char *)n->frame + FRAME_HEAD, (int)bytes,
                                    LZ4_compressBound(FRAME_BYTES));
    memset(n->frame, 0, 16);
    n->frame[16] = METHOD_LZ4;
    put_size(n->frame + 17, (size_t)made + 9);
    put_size(n->frame + 21, bytes);
    n->frame_len = FRAME_HEAD + (size_t)made;
    n->frame_at = 0;
    return true;
}

int64_t sl_grid_native_read(void *native, void *out, size_t room, struct sl_error *err)
{
    struct sl_grid_native *n = native;
    size_t written = 0;
    (void)err;
    if (!n->framed)
        return (int64_t)plain(n, out, room);
    while (written < room && (n->frame_at < n->frame_len || next_frame(n))) {
        size_t left = n->frame_len - n->frame_at, bytes = left < room - written ? left : room - written;
        memcpy((unsigned char *)out + written, n->frame + n->frame_at, bytes);
        n->frame_at += bytes;
        written += bytes;
    }
    return (int64_t)written;
}
