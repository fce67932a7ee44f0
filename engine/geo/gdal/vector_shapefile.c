/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Shapefile's parts, whatever case their names have, and its index where there is none: .shx is only a list of where the
 * records of .shp begin (ESRI Shapefile Technical Description, tables 1 to 3), so that it is made again.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cpl_vsi.h>

#include "base/file.h"
#include "base/text.h"
#include "geo/gdal/alias.h"
#include "geo/gdal/vector_internal.h"

enum { HEAD_BYTES = 100, RECORD_HEAD_BYTES = 8, RECORDS_MAX = 16 << 20 };

/* The parts that are read; the first two are the ones that a file of shapes has to have. */
static const char *const parts[] = {"shp", "dbf", "shx", "prj", "cpg"};
enum { SHP, DBF, SHX, N_PARTS = sizeof parts / sizeof *parts };

static uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[0] << 24;
}

static void put_be32(unsigned char *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (unsigned char)(value >> (24 - 8 * i));
}

static int cut_off(const char *name, int64_t row, struct sl_error *err)
{
    int rc = sl_fail(err, SL_E_FILE_TRUNCATED, "\"%s\" is cut off within row %lld, and there is no .shx to tell how many there are",
                     name, (long long)row);
    sl_error_hint(err, "upload the file again");
    return rc;
}

/* Where each record begins and how long it is, both in words of 16 bits. */
static int list_records(VSILFILE *f, int64_t size, const char *name, struct sl_buf *out, struct sl_error *err)
{
    unsigned char head[RECORD_HEAD_BYTES], entry[RECORD_HEAD_BYTES];
    int64_t row = 0;
    for (int64_t at = HEAD_BYTES; at < size; row++) {
        if (row == RECORDS_MAX)
            return sl_fail(err, SL_E_LIMIT, "\"%s\" has no .shx and more than %d rows", name, RECORDS_MAX);
        if (VSIFSeekL(f, (vsi_l_offset)at, SEEK_SET) != 0 || VSIFReadL(head, 1, sizeof head, f) != sizeof head)
            return cut_off(name, row + 1, err);
        int64_t bytes = 2 * (int64_t)be32(head + 4);
        if (at + RECORD_HEAD_BYTES + bytes > size)
            return cut_off(name, row + 1, err);
        put_be32(entry, (uint32_t)(at / 2));
        memcpy(entry + 4, head + 4, 4);
        sl_buf_add(out, entry, sizeof entry);
        at += RECORD_HEAD_BYTES + bytes;
    }
    return sl_buf_check(out, "the index of a Shapefile", err);
}

static int make_index(const char *shp, const char *name, unsigned char **out, size_t *n, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf index;
    unsigned char head[HEAD_BYTES];
    VSIStatBufL st;
    sl_buf_init(&index, (size_t)HEAD_BYTES + (size_t)RECORDS_MAX * RECORD_HEAD_BYTES);
    VSILFILE *f = VSIFOpenL(shp, "rb");
    if (!f || VSIStatL(shp, &st) != 0 || VSIFReadL(head, 1, sizeof head, f) != sizeof head || be32(head) != 9994) {
        if (f)
            VSIFCloseL(f);
        int rc = sl_fail(err, SL_E_FILE_FORMAT, "\"%s\" is not a Shapefile", name);
        sl_error_hint(err, "declare the format that it has, or upload it again");
        return rc;
    }
    sl_buf_add(&index, head, sizeof head);
    int rc = list_records(f, (int64_t)st.st_size, name, &index, err);
    VSIFCloseL(f);
    if (rc)
        return rc;
    put_be32((unsigned char *)index.data + 24, (uint32_t)(index.len / 2));
    *n = index.len;
    *out = (unsigned char *)sl_buf_detach(&index);
    return 0;
}

/* As the driver would find it by itself: the stem as it is, the extension all in one case. */
static bool regular(const char *part, const char *shp, const char *extension)
{
    size_t stem = strlen(shp) - strlen(".shp");
    if (strncmp(part, shp, stem) != 0 || part[stem] != '.')
        return false;
    bool lower = true, upper = true;
    for (const char *p = part + stem + 1, *e = extension; *e; p++, e++) {
        lower &= *p == *e;
        upper &= *p == (*e & ~0x20);
    }
    return lower || upper;
}

static int under_one_stem(struct sl_vector__place *place, const char *const found[], struct sl_arena *arena,
                          struct sl_error *err)
{
    bool plain = found[SHX] != NULL;
    for (size_t i = 0; i < N_PARTS; i++)
        plain &= !found[i] || regular(found[i], found[SHP], parts[i]);
    if (plain)
        return 0;
    const char *stem = sl_path_stem(arena, found[SHP]), *path = NULL;
    int rc = sl_alias_new(&place->alias, err);
    for (size_t i = 0; rc == 0 && i < N_PARTS; i++) {
        const char *name = sl_arena_printf(arena, "%s.%s", stem, parts[i]);
        if (!found[i])
            continue;
        const char *alias = sl_alias_add(place->alias, name, found[i], arena);
        path = i == SHP ? alias : path;
    }
    if (rc == 0 && !found[SHX]) {
        unsigned char *index = NULL;
        size_t n = 0;
        rc = make_index(found[SHP], sl_path_base(found[SHP]), &index, &n, err);
        if (rc == 0)
            sl_alias_add_bytes(place->alias, sl_arena_printf(arena, "%s.shx", stem), index, n, arena);
        place->index_made = rc == 0;
    }
    if (rc == 0)
        place->path = path;
    return rc;
}

static bool is_part(const char *entry, const char *shp, const char *extension)
{
    size_t stem = strlen(shp) - strlen(".shp");
    return strlen(entry) == strlen(shp) && !strncasecmp(entry, shp, stem) && entry[stem] == '.' &&
           !strcasecmp(entry + stem + 1, extension);
}

int sl_vector__shapefile_in(struct sl_vector__place *place, const char *archive, const char *shp,
                            const char *const *entries, size_t n, struct sl_arena *arena, struct sl_error *err)
{
    const char *found[N_PARTS] = {0};
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < N_PARTS; k++)
            if (is_part(entries[i], shp, parts[k]) && (!found[k] || regular(entries[i], shp, parts[k])))
                found[k] = entries[i];
    if (!found[DBF]) {
        int rc = sl_fail(err, SL_E_FILE_FORMAT, "archive \"%s\" has \"%s\", but not its .dbf", sl_path_base(archive), shp);
        sl_error_hint(err, "a Shapefile is .shp, .shx and .dbf together: put all three into the archive");
        return rc;
    }
    for (size_t k = 0; k < N_PARTS; k++)
        found[k] = found[k] ? sl_arena_printf(arena, "/vsizip/{%s}/%s", archive, found[k]) : NULL;
    place->path = found[SHP];
    return under_one_stem(place, found, arena, err);
}

int sl_vector__shapefile_at(struct sl_vector__place *place, const char *path, struct sl_arena *arena,
                            struct sl_error *err)
{
    const char *found[N_PARTS] = {path};
    VSIStatBufL st;
    if (strlen(path) < sizeof ".shp" || path[strlen(path) - 4] != '.')
        return 0;
    for (size_t k = 1; k < N_PARTS; k++) {
        char upper[8] = "";
        for (size_t i = 0; parts[k][i]; i++)
            upper[i] = (char)(parts[k][i] & ~0x20);
        const char *beside = sl_vector__beside(arena, path, parts[k], upper);
        found[k] = VSIStatL(beside, &st) == 0 ? beside : NULL;
    }
    return found[DBF] ? under_one_stem(place, found, arena, err) : 0; /* without it the promise fails, by its name */
}

void sl_vector__place_end(struct sl_vector__place *place)
{
    sl_alias_free(place->alias);
    place->alias = NULL;
}
