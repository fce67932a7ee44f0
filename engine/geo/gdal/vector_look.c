/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second look at a text file that its driver reads without a word: what it promises, where it is cut, and what it has
 * that the driver passes over. Each file is gone through once, in blocks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cpl_vsi.h>

#include "base/text.h"
#include "geo/gdal/vector_internal.h"

enum { BLOCK_BYTES = 65536, WORD_MAX_BYTES = 64 };

/* ---- CSV ------------------------------------------------------------------------------------------------------- */

/* One delimiter's view of the rows. */
struct csv {
    VSILFILE *stream;
    char delimiter;
    bool quoted;           /* within quotes */
    int64_t row, opened;   /* rows so far, the header among them; the row of the last quote that was opened */
    int64_t fields, bytes; /* of the row at hand; bytes without quotes */
    int64_t header, shorter, last_fields;
    bool ended;            /* the last row has its line's end */
};

static void end_row(struct csv *c)
{
    bool empty = c->fields == 1 && c->bytes == 0;
    if (!empty) {
        c->row++;
        if (c->row == 1)
            c->header = c->fields;
        else
            c->shorter += c->fields < c->header;
        c->last_fields = c->fields;
    }
    c->fields = 1;
    c->bytes = 0;
}

static void take(struct csv *c, char byte)
{
    if (byte == '"') {
        /* Doubled within quotes it stands for itself: it then closes and opens at once. */
        c->quoted = !c->quoted;
        if (c->quoted)
            c->opened = c->row;
        return;
    }
    c->ended = !c->quoted && (byte == '\n' || byte == '\r');
    if (c->ended)
        end_row(c);
    else if (byte == c->delimiter && !c->quoted)
        c->fields++;
    else
        c->bytes++;
}

static int go_through(struct csv *c, char delimiter)
{
    char *block = malloc(BLOCK_BYTES);
    *c = (struct csv){.stream = c->stream, .delimiter = delimiter, .fields = 1, .ended = true};
    if (!block)
        sl_oom();
    VSIRewindL(c->stream);
    for (size_t got; (got = VSIFReadL(block, 1, BLOCK_BYTES, c->stream)) > 0;)
        for (size_t i = 0; i < got; i++)
            take(c, block[i]);
    if (!c->ended)
        end_row(c);
    free(block);
    return 0;
}

/* The first line in the driver's way: the delimiter is the one that gives as many columns as it found. */
static char delimiter_of(struct csv *c, int64_t fields)
{
    static const char candidates[] = ",;\t| ";
    char head[BLOCK_BYTES / 8];
    VSIRewindL(c->stream);
    size_t n = VSIFReadL(head, 1, sizeof head, c->stream);
    for (const char *d = candidates; *d; d++) {
        struct csv try = {.delimiter = *d, .fields = 1};
        for (size_t i = 0; i < n && try.row == 0; i++)
            take(&try, head[i]);
        if (try.row == 0)
            end_row(&try);
        if (try.header == fields)
            return *d;
    }
    return '\0';
}

static int cut_off(const struct sl_vector *v, const char *what, int64_t row, struct sl_error *err)
{
    int rc = sl_fail(err, SL_E_FILE_TRUNCATED, "\"%s\" is cut off: %s row %lld", v->base_name, what, (long long)row);
    sl_error_hint(err, "upload the file again");
    return rc;
}

static int judge_csv(struct sl_vector *v, const struct csv *c, bool has_header, struct sl_error *err)
{
    if (c->quoted)
        return cut_off(v, "nothing closes the quote of", c->opened + 1 - has_header, err);
    if (!c->delimiter)
        return 0;
    if (!c->ended && c->row > 1 && c->last_fields < c->header)
        return cut_off(v, "it ends within", c->row - has_header, err);
    if (c->shorter)
        sl_vector__note(v, "%lld row%s fewer values than the first line: the others are NULL", (long long)c->shorter,
                        c->shorter == 1 ? " has" : "s have");
    if (has_header && v->info.promised_rows < 0)
        v->info.promised_rows = c->row > 0 ? c->row - 1 : 0;
    return 0;
}

static int look_at_csv(struct sl_vector *v, const char *path, struct sl_error *err)
{
    struct csv c = {.stream = VSIFOpenL(path, "rb")};
    OGRFeatureDefnH definition = OGR_L_GetLayerDefn(v->layer);
    int n = OGR_FD_GetFieldCount(definition);
    if (!c.stream || n == 0) {
        if (c.stream)
            VSIFCloseL(c.stream);
        return 0;
    }
    /* Names of the driver's own: the first line is a row already. */
    bool has_header = strcmp(OGR_Fld_GetNameRef(OGR_FD_GetFieldDefn(definition, 0)), "field_1") != 0;
    go_through(&c, delimiter_of(&c, n));
    VSIFCloseL(c.stream);
    return judge_csv(v, &c, has_header, err);
}

/* ---- XML ------------------------------------------------------------------------------------------------------- */

/* Does the word occur? Blocks overlap by its length. */
static bool has_word(const char *path, const char *word)
{
    size_t n = strlen(word), kept = 0;
    bool found = false;
    VSILFILE *f = VSIFOpenL(path, "rb");
    char *block = f ? malloc(BLOCK_BYTES + WORD_MAX_BYTES) : NULL;
    for (size_t got; block && !found && (got = VSIFReadL(block + kept, 1, BLOCK_BYTES, f)) > 0;) {
        size_t have = kept + got;
        found = memmem(block, have, word, n) != NULL;
        kept = have < n - 1 ? have : n - 1;
        memmove(block, block + have - kept, kept);
    }
    free(block);
    if (f)
        VSIFCloseL(f);
    return found;
}

static void look_at_kml(struct sl_vector *v, const char *path)
{
    static const char *const passed_over[][2] = {
        {"<ExtendedData", "its ExtendedData is not read: columns are Name and Description only"},
        {"<NetworkLink", "its NetworkLink is not followed: what it names is not in the data"},
        {"<GroundOverlay", "its GroundOverlay is not read: upload the picture as a raster"},
        {"<gx:Track", "its gx:Track is not read"}};
    for (size_t i = 0; i < sizeof passed_over / sizeof *passed_over; i++)
        if (has_word(path, passed_over[i][0]))
            sl_vector__note(v, "%s", passed_over[i][1]);
}

/* A service's reply says how many features it has: numberReturned in WFS 2.0, numberOfFeatures in 1.1. */
static void look_at_gml(struct sl_vector *v, const char *path)
{
    char head[8192] = "";
    VSILFILE *f = VSIFOpenL(path, "rb");
    if (!f)
        return;
    head[VSIFReadL(head, 1, sizeof head - 1, f)] = '\0';
    VSIFCloseL(f);
    const char *root = strstr(head, "FeatureCollection");
    const char *end = root ? strchr(root, '>') : NULL;
    const char *names[] = {" numberReturned=", " numberOfFeatures="};
    for (size_t i = 0; end && i < sizeof names / sizeof *names; i++) {
        const char *at = memmem(root, (size_t)(end - root), names[i], strlen(names[i]));
        const char *digits = at ? at + strlen(names[i]) + 1 : "";
        size_t n = strspn(digits, "0123456789");
        if (n > 0 && n <= 15 && (digits[n] == '"' || digits[n] == '\'') && GDALDatasetGetLayerCount(v->dataset) == 1)
            v->info.promised_rows = strtoll(digits, NULL, 10);
    }
}

/* ---- SQLite ---------------------------------------------------------------------------------------------------- */

/* Bytes 18 and 19 of the header are 2 where rows may be in a log beside the file. */
static void look_at_sqlite(struct sl_vector *v, const char *path)
{
    unsigned char head[20] = {0};
    VSILFILE *f = VSIFOpenL(path, "rb");
    if (!f)
        return;
    bool logged = VSIFReadL(head, 1, sizeof head, f) == sizeof head && (head[18] == 2 || head[19] == 2);
    VSIFCloseL(f);
    if (logged)
        sl_vector__note(v, "it was left in write-ahead mode: rows that are still in its -wal file are not in the data "
                           "(close it in the program that wrote it, or PRAGMA wal_checkpoint, and upload it again)");
}

int sl_vector__look(struct sl_vector *v, const char *path, struct sl_error *err)
{
    if (!strcmp(v->format->driver, "CSV"))
        return look_at_csv(v, path, err);
    if (!strcmp(v->format->driver, "KML"))
        look_at_kml(v, path);
    else if (!strcmp(v->format->driver, "GML"))
        look_at_gml(v, path);
    else if (!strcmp(v->format->driver, "GPKG"))
        look_at_sqlite(v, path);
    return 0;
}
