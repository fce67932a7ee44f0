/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OSM extracts: whole or cut, and where the driver keeps its nodes. Format: the OSM wiki's "PBF Format", a sequence of
 * (4 bytes of length, BlobHeader, Blob).
 */
#include <stdio.h>
#include <string.h>

#include <cpl_conv.h>
#include <cpl_vsi.h>

#include "base/file.h"
#include "base/text.h"
#include "geo/gdal/vector_internal.h"

enum {
    HEADER_MAX_BYTES = 64 * 1024, /* of a BlobHeader: the format's own limits */
    BLOB_MAX_BYTES = 32 << 20,
    DATASIZE = 3 << 3 /* tag of protocol buffers: the field's number and its kind */
};

struct blob {
    int64_t at, bytes;
};

/* A number of seven bits a byte. Returns past it, or NULL at the end. */
static const unsigned char *varint(const unsigned char *p, const unsigned char *end, uint64_t *out)
{
    *out = 0;
    for (int shift = 0; p && p < end && shift < 64; shift += 7) {
        *out |= (uint64_t)(*p & 0x7F) << shift;
        if (!(*p++ & 0x80))
            return p;
    }
    return NULL;
}

/* The number of one field of a message. */
static bool number(const unsigned char *p, size_t n, unsigned wanted, uint64_t *out)
{
    const unsigned char *end = p + n;
    while (p && p < end) {
        uint64_t tag = 0, value = 0;
        p = varint(p, end, &tag);
        p = varint(p, end, &value);
        bool text = (tag & 7) == 2;
        if (!p || (!text && (tag & 7) != 0) || (text && value > (uint64_t)(end - p)))
            return false;
        if (tag == wanted) {
            *out = value;
            return true;
        }
        p += text ? value : 0;
    }
    return false;
}

/* The next blob; 1: there is none, -1: the file ends within it or is no PBF. */
static int next_blob(VSILFILE *f, int64_t size, struct blob *b)
{
    unsigned char length[4], header[HEADER_MAX_BYTES];
    uint64_t datasize = 0;
    int64_t at = b->at + b->bytes;
    if (at == size)
        return 1;
    if (at > size - 4 || VSIFSeekL(f, (vsi_l_offset)at, SEEK_SET) != 0 || VSIFReadL(length, 1, 4, f) != 4)
        return -1;
    size_t n = (size_t)length[0] << 24 | (size_t)length[1] << 16 | (size_t)length[2] << 8 | length[3];
    if (n > sizeof header || VSIFReadL(header, 1, n, f) != n || !number(header, n, DATASIZE, &datasize) ||
        datasize > BLOB_MAX_BYTES)
        return -1;
    *b = (struct blob){at + 4 + (int64_t)n, (int64_t)datasize};
    return b->at + b->bytes > size ? -1 : 0;
}

static int cut_off(const char *path, int64_t at, struct sl_error *err)
{
    int rc = sl_fail(err, SL_E_FILE_TRUNCATED, "\"%s\" is cut off or damaged: what begins at byte %lld has no end",
                     sl_path_base(path), (long long)at);
    sl_error_hint(err, "upload the file again");
    return rc;
}

static int check_pbf(const char *path, VSILFILE *f, struct sl_error *err)
{
    VSIStatBufL st;
    struct blob b = {0, 0};
    int got = VSIStatL(path, &st) == 0 ? 0 : -1;
    while (got == 0)
        got = next_blob(f, (int64_t)st.st_size, &b);
    return got < 0 && b.at > 0 ? cut_off(path, b.at + b.bytes, err) : 0; /* no blob at all: the driver says what it is not */
}

int sl_vector__prepare_osm(const char *path, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    unsigned char first = '<';
    VSILFILE *f = VSIFOpenL(path, "rb");
    if (!f)
        return 0;
    size_t got = VSIFReadL(&first, 1, 1, f);
    int rc = got == 1 && first == 0 ? check_pbf(path, f, err) : 0;
    VSIFCloseL(f);
    /* The driver's own index of nodes wants ids that go up, and extracts whose header says that they do have been seen that
     * do not; the other index is slower and takes any. What does not fit into 100 MB goes into files beside the extract, in
     * the run's scratch folder. */
    const char *base = sl_path_base(path);
    CPLSetConfigOption("OSM_USE_CUSTOM_INDEXING", "NO");
    CPLSetConfigOption("OSM_MAX_TMPFILE_SIZE", "100");
    CPLSetConfigOption("CPL_TMPDIR", base > path ? sl_arena_strndup(arena, path, (size_t)(base - path)) : ".");
    return rc;
}

void sl_vector__end_osm(void)
{
    CPLSetConfigOption("CPL_TMPDIR", NULL);
}

void sl_vector__choose_osm_layer(GDALDatasetH dataset, const char *layer)
{
    /* Without it the others' features pile up in memory until the driver drops them. */
    char sql[128];
    snprintf(sql, sizeof sql, "SET interest_layers = %s", layer);
    GDALDatasetReleaseResultSet(dataset, GDALDatasetExecuteSQL(dataset, sql, NULL, NULL));
}
