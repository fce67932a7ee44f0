/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a file of NetCDF's classic formats (CDF-1, -2, -5) is as long as its header says: the library reads zeros
 * beyond the end of a truncated one, and zeros are values. The layout is that of the NetCDF User Guide, "File Format
 * Specifications". Files in HDF5 say their length to that library, which refuses shorter ones.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "grid/netcdf_internal.h"

enum { DIMENSION = 10, VARIABLE = 11, ATTRIBUTE = 12, LIST_MAX = 1 << 16, RANK_MAX = 1024 };

struct header {
    FILE *file;
    int version;
    bool bad; /* the header itself ends too early, or makes no sense */
    uint64_t *dims;
    uint64_t n_dims, records;
    uint64_t end, record_begin, record_bytes, n_record_vars, last_vsize;
};

static uint64_t number(struct header *h, int bytes)
{
    uint64_t n = 0;
    for (int i = 0; i < bytes; i++) {
        int c = getc(h->file);
        h->bad = h->bad || c == EOF;
        n = n << 8 | (unsigned char)c;
    }
    return n;
}

static uint64_t count(struct header *h)
{
    return number(h, h->version == 5 ? 8 : 4);
}

static void skip(struct header *h, uint64_t bytes)
{
    bytes += (4 - bytes % 4) % 4;
    h->bad = h->bad || bytes > INT64_MAX / 2 || fseeko(h->file, (off_t)bytes, SEEK_CUR) != 0;
}

static uint64_t type_bytes(uint64_t type)
{
    static const uint8_t bytes[] = {0, 1, 1, 2, 4, 4, 8, 1, 2, 4, 8, 8};
    return type < sizeof bytes ? bytes[type] : 0;
}

/* Elements of a list with this tag; an empty one is written as zeros. */
static uint64_t list(struct header *h, uint64_t tag)
{
    uint64_t has = number(h, 4), n = count(h);
    h->bad = h->bad || n > LIST_MAX || (has != tag && (has != 0 || n != 0));
    return h->bad ? 0 : n;
}

static void attributes(struct header *h)
{
    uint64_t n = list(h, ATTRIBUTE);
    for (uint64_t i = 0; i < n && !h->bad; i++) {
        skip(h, count(h));
        uint64_t bytes = type_bytes(number(h, 4)), values = count(h);
        h->bad = h->bad || values > (uint64_t)1 << 40;
        skip(h, h->bad ? 0 : bytes * values);
    }
}

/* A product that stays where it is when it would overflow: the file is too short for it anyway. */
static uint64_t times(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) || product > INT64_MAX / 4 ? INT64_MAX / 4 : product;
}

static void variable(struct header *h)
{
    skip(h, count(h));
    uint64_t rank = count(h), bytes = 1;
    bool record = false;
    h->bad = h->bad || rank > RANK_MAX;
    for (uint64_t i = 0; i < rank && !h->bad; i++) {
        uint64_t dim = count(h);
        h->bad = h->bad || dim >= h->n_dims;
        if (h->bad)
            return;
        record = record || (i == 0 && h->dims[dim] == 0);
        bytes = record && i == 0 ? bytes : times(bytes, h->dims[dim]);
    }
    attributes(h);
    bytes = times(bytes, type_bytes(number(h, 4)));
    count(h); /* vsize: too small for large variables, and follows from the rest */
    uint64_t begin = number(h, h->version == 1 ? 4 : 8);
    h->bad = h->bad || begin > INT64_MAX / 4;
    if (h->bad)
        return;
    if (!record) {
        h->end = begin + bytes > h->end ? begin + bytes : h->end;
        return;
    }
    h->record_begin = h->n_record_vars == 0 || begin < h->record_begin ? begin : h->record_begin;
    h->record_bytes += bytes + (4 - bytes % 4) % 4;
    h->last_vsize = bytes;
    h->n_record_vars++;
}

static void read_header(struct header *h)
{
    h->records = count(h);
    h->n_dims = list(h, DIMENSION);
    h->dims = sl_xcalloc((size_t)h->n_dims + 1, sizeof *h->dims);
    for (uint64_t i = 0; i < h->n_dims && !h->bad; i++) {
        skip(h, count(h));
        h->dims[i] = count(h);
    }
    attributes(h);
    uint64_t n = list(h, VARIABLE);
    for (uint64_t i = 0; i < n && !h->bad; i++)
        variable(h);
    if (h->bad || h->n_record_vars == 0 || h->records == (h->version == 5 ? UINT64_MAX : UINT32_MAX) || h->records == 0)
        return;
    /* One record variable alone has no padding between its records; the last record may lack it. */
    uint64_t record = h->n_record_vars == 1 ? h->last_vsize : h->record_bytes;
    uint64_t end = h->record_begin + times(record, h->records);
    end -= h->n_record_vars == 1 || end < 4 ? 0 : 3;
    h->end = end > h->end ? end : h->end;
}

int sl_nc__check_whole(const char *path, struct sl_error *err)
{
    struct header h = {.file = fopen(path, "rb")};
    if (!h.file)
        return sl_fail(err, SL_E_FILE_MISSING, "\"%s\" cannot be opened", path);
    uint64_t magic = number(&h, 4);
    h.version = magic == 0x43444601 ? 1 : magic == 0x43444602 ? 2 : magic == 0x43444605 ? 5 : 0;
    if (h.version)
        read_header(&h);
    int64_t size = fseeko(h.file, 0, SEEK_END) == 0 ? (int64_t)ftello(h.file) : 0;
    fclose(h.file);
    free(h.dims);
    if (h.version && h.bad)
        return sl_fail(err, SL_E_FILE_DAMAGED, "the header of \"%s\" ends too early or makes no sense",
                       sl_path_base(path));
    if (h.version && (uint64_t)size < h.end)
        return sl_fail(err, SL_E_FILE_TRUNCATED, "\"%s\" has %" PRId64 " bytes, and its header says %" PRIu64, sl_path_base(path),
                       size, h.end);
    return 0;
}
