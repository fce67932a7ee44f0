/* SPDX-License-Identifier: Apache-2.0 */
/* What a file's headers promise, compared with its size: GDAL takes a short file for a small one. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cpl_vsi.h>

#include "base/file.h"
#include "base/text.h"
#include "geo/gdal/vector_internal.h"

struct file {
    VSILFILE *stream;
    int64_t size_bytes;
};

static void close_file(struct file *f)
{
    if (f->stream)
        VSIFCloseL(f->stream);
}

static bool open_file(struct file *f, const char *path)
{
    VSIStatBufL st;
    if (VSIStatExL(path, &st, VSI_STAT_EXISTS_FLAG | VSI_STAT_SIZE_FLAG) != 0)
        return false;
    f->stream = VSIFOpenL(path, "rb");
    f->size_bytes = (int64_t)st.st_size;
    return f->stream != NULL;
}

static uint32_t le32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[0] << 24;
}

static int shorter(const char *path, int64_t size_bytes, int64_t promised_bytes, struct sl_error *err)
{
    int rc = sl_fail(err, SL_E_FILE_TRUNCATED, "\"%s\" is cut off: it has %lld bytes, its header promises %lld",
                     sl_path_base(path), (long long)size_bytes, (long long)promised_bytes);
    sl_error_hint(err, "upload the file again");
    return rc;
}

/* The SQLite file format, 1.3 "The Database Header": page size at 16, pages at 28, which count when 24 equals 92. */
static int check_sqlite(const char *path, struct sl_error *err)
{
    SL_CLEANUP(close_file) struct file f = {0};
    unsigned char head[100];
    if (!open_file(&f, path))
        return sl_fail_errno(err, errno, "cannot read \"%s\"", sl_path_base(path));
    if (VSIFReadL(head, 1, sizeof head, f.stream) != sizeof head || memcmp(head, "SQLite format 3", 16) != 0)
        return 0; /* the driver says what it is not */
    uint32_t page = (uint32_t)head[16] << 8 | head[17];
    int64_t promised = (int64_t)be32(head + 28) * (page == 1 ? 65536 : page);
    if (memcmp(head + 24, head + 92, 4) == 0 && f.size_bytes < promised)
        return shorter(path, f.size_bytes, promised, err);
    return 0;
}

/* ESRI Shapefile Technical Description, table 1: the length in 16-bit words, big endian, at byte 24. */
static int check_shape_file(const char *path, int64_t *size_bytes, struct sl_error *err)
{
    SL_CLEANUP(close_file) struct file f = {0};
    unsigned char head[100];
    if (!open_file(&f, path)) {
        int rc = sl_fail(err, SL_E_FILE_MISSING, "\"%s\" is missing", sl_path_base(path));
        sl_error_hint(err, "a Shapefile is .shp, .shx and .dbf together: upload all three");
        return rc;
    }
    *size_bytes = f.size_bytes;
    if (VSIFReadL(head, 1, sizeof head, f.stream) != sizeof head || be32(head) != 9994)
        return 0;
    int64_t promised = 2 * (int64_t)be32(head + 24);
    return f.size_bytes < promised ? shorter(path, f.size_bytes, promised, err) : 0;
}

/* dBASE: records at 4, the header's size at 8, a record's at 10; a record that begins with "*" is deleted. */
static int check_dbf(const char *path, int64_t *records, int64_t *live, struct sl_error *err)
{
    SL_CLEANUP(close_file) struct file f = {0};
    unsigned char head[32];
    if (!open_file(&f, path)) {
        int rc = sl_fail(err, SL_E_FILE_MISSING, "\"%s\" is missing", sl_path_base(path));
        sl_error_hint(err, "a Shapefile is .shp, .shx and .dbf together: upload all three");
        return rc;
    }
    if (VSIFReadL(head, 1, sizeof head, f.stream) != sizeof head)
        return shorter(path, f.size_bytes, (int64_t)sizeof head, err);
    int64_t n = le32(head + 4), begin = head[8] | head[9] << 8, step = head[10] | head[11] << 8;
    if (f.size_bytes < begin + n * step)
        return shorter(path, f.size_bytes, begin + n * step, err);
    int64_t deleted = 0;
    for (int64_t i = 0; i < n && step > 0; i++) {
        char mark = ' ';
        if (VSIFSeekL(f.stream, (vsi_l_offset)(begin + i * step), SEEK_SET) != 0 ||
            VSIFReadL(&mark, 1, 1, f.stream) != 1)
            return sl_fail_errno(err, errno, "cannot read \"%s\"", sl_path_base(path));
        deleted += mark == '*';
    }
    *records = n;
    *live = n - deleted;
    return 0;
}

static bool there(const char *path)
{
    VSIStatBufL st;
    return VSIStatExL(path, &st, VSI_STAT_EXISTS_FLAG) == 0;
}

/* The sidecar in the case that is there: upper-case Shapefiles are common. */
const char *sl_vector__beside(struct sl_arena *arena, const char *path, const char *lower, const char *upper)
{
    size_t stem = strlen(path) > 4 ? strlen(path) - 4 : 0;
    const char *first = sl_arena_printf(arena, "%.*s.%s", (int)stem, path, lower);
    const char *second = sl_arena_printf(arena, "%.*s.%s", (int)stem, path, upper);
    return !there(first) && there(second) ? second : first;
}

static int check_shapefile(const char *path, int64_t *rows, struct sl_error *err)
{
    enum { SHX_HEAD_BYTES = 100, SHX_RECORD_BYTES = 8 };
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    int64_t shp_bytes = 0, shx_bytes = 0, records = 0, live = 0;
    int rc = check_shape_file(path, &shp_bytes, err);
    if (rc == 0)
        rc = check_shape_file(sl_vector__beside(arena, path, "shx", "SHX"), &shx_bytes, err);
    if (rc == 0)
        rc = check_dbf(sl_vector__beside(arena, path, "dbf", "DBF"), &records, &live, err);
    if (rc)
        return rc;
    int64_t shapes = (shx_bytes - SHX_HEAD_BYTES) / SHX_RECORD_BYTES;
    if (shapes != records)
        return sl_fail(err, SL_E_FILE_DAMAGED, "\"%s\" has %lld shapes, but %lld rows in its .dbf", sl_path_base(path),
                       (long long)shapes, (long long)records);
    *rows = live;
    return 0;
}

static int first_or_last(VSILFILE *stream, int64_t at, int step, int64_t end)
{
    for (; at != end; at += step) {
        unsigned char c;
        if (VSIFSeekL(stream, (vsi_l_offset)at, SEEK_SET) != 0 || VSIFReadL(&c, 1, 1, stream) != 1)
            return EOF;
        if (!strchr(" \t\r\n\x1e", c))
            return c;
    }
    return EOF;
}

/* Text that begins as an object ends as one: parsers differ in what they say of one that does not. */
static int check_json(const char *path, struct sl_error *err)
{
    enum { LOOK_BYTES = 4096 };
    SL_CLEANUP(close_file) struct file f = {0};
    if (!open_file(&f, path))
        return sl_fail_errno(err, errno, "cannot read \"%s\"", sl_path_base(path));
    int64_t look = f.size_bytes < LOOK_BYTES ? f.size_bytes : LOOK_BYTES;
    if (first_or_last(f.stream, 0, 1, look) != '{' ||
        first_or_last(f.stream, f.size_bytes - 1, -1, f.size_bytes - 1 - look) == '}')
        return 0;
    int rc = sl_fail(err, SL_E_FILE_TRUNCATED, "\"%s\" is cut off: it ends within an object", sl_path_base(path));
    sl_error_hint(err, "upload the file again");
    return rc;
}

/* Text up to the first element: a document type may name files and servers, and no format has one. */
static int check_xml(const char *path, const char *format, struct sl_error *err)
{
    enum { PROLOG_BYTES = 65536 };
    SL_CLEANUP(close_file) struct file f = {0};
    if (!open_file(&f, path))
        return sl_fail_errno(err, errno, "cannot read \"%s\"", sl_path_base(path));
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, PROLOG_BYTES);
    char block[4096];
    for (size_t got; !text.overflow && (got = VSIFReadL(block, 1, sizeof block, f.stream)) > 0;)
        sl_buf_add(&text, block, got);
    const char *p = text.len >= 3 && !memcmp(text.data, "\xEF\xBB\xBF", 3) ? text.data + 3 : text.data;
    for (;;) {
        p += strspn(p, " \t\r\n");
        const char *end = !strncmp(p, "<?", 2) ? strstr(p, "?>") : !strncmp(p, "<!--", 4) ? strstr(p, "-->") : NULL;
        if (!end)
            break;
        p = end + 2 + (p[1] == '!');
    }
    if (*p == '<' && ((p[1] | 0x20) >= 'a' && (p[1] | 0x20) <= 'z'))
        return 0;
    int rc = !strncmp(p, "<!", 2)
                 ? sl_fail(err, SL_E_FILE_FORMAT, "\"%s\" has a document type declaration", sl_path_base(path))
                 : sl_fail(err, SL_E_FILE_FORMAT, "\"%s\" is not %s in UTF-8", sl_path_base(path), format);
    sl_error_hint(err, "it may name other files: write the file without <!DOCTYPE …>, in UTF-8");
    return rc;
}

/* The last word of a drawing is EOF. */
static int check_dxf(const char *path, struct sl_error *err)
{
    SL_CLEANUP(close_file) struct file f = {0};
    char tail[65] = "";
    if (!open_file(&f, path))
        return sl_fail_errno(err, errno, "cannot read \"%s\"", sl_path_base(path));
    int64_t at = f.size_bytes > 64 ? f.size_bytes - 64 : 0;
    if (VSIFSeekL(f.stream, (vsi_l_offset)at, SEEK_SET) != 0 || VSIFReadL(tail, 1, sizeof tail - 1, f.stream) == 0)
        return sl_fail(err, SL_E_FILE_TRUNCATED, "\"%s\" is empty", sl_path_base(path));
    for (size_t n = strlen(tail); n > 0 && strchr(" \t\r\n\x1a", tail[n - 1]); n--)
        tail[n - 1] = '\0';
    if (sl_text_ends(tail, "EOF"))
        return 0;
    int rc = sl_fail(err, SL_E_FILE_TRUNCATED, "\"%s\" is cut off: it does not end with EOF", sl_path_base(path));
    sl_error_hint(err, "upload the file again");
    return rc;
}

static bool one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (!strcmp(name, *names))
            return true;
    return false;
}

static int check_shapes_or_dbf(const char *path, const struct sl_format *format, int64_t *rows, struct sl_error *err)
{
    int64_t records;
    return format->type == SL_DATA_VECTOR ? check_shapefile(path, rows, err) : check_dbf(path, &records, rows, err);
}

int sl_vector__promise(const char *path, const struct sl_format *format, int64_t *rows, struct sl_error *err)
{
    *rows = -1;
    if (!strcmp(format->driver, "GPKG"))
        return check_sqlite(path, err);
    if (!strcmp(format->driver, "ESRI Shapefile"))
        return check_shapes_or_dbf(path, format, rows, err);
    if (one_of(format->driver, (const char *const[]){"GML", "KML", "GPX", NULL}))
        return check_xml(path, format->name, err);
    if (!strcmp(format->driver, "DXF"))
        return check_dxf(path, err);
    return strstr(format->driver, "JSON") ? check_json(path, err) : 0;
}
