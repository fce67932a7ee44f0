/* SPDX-License-Identifier: Apache-2.0 */
#include "geo/gdal/zip.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/text.h"

enum {
    END_BYTES = 22,         /* of the record that ends an archive, without its comment */
    COMMENT_MAX_BYTES = 65535,
    ENTRY_BYTES = 46,       /* of an entry in the directory, without its name */
    LOCAL_BYTES = 30,       /* of what stands before an entry's data, without its name */
    LOCATOR_BYTES = 20,     /* of ZIP64's pointer, before the end record */
    END64_BYTES = 56,
    STORED = 0,
    DEFLATED = 8
};

struct archive {
    const char *name; /* for messages */
    FILE *stream;
    int64_t size_bytes;
    unsigned char *directory;
    int64_t entries, directory_bytes, directory_at;
};

struct entry {
    const char *name; /* not ended by NUL */
    size_t name_bytes;
    unsigned flags, method;
    uint64_t packed_bytes, bytes;
};

static uint64_t le(const unsigned char *p, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes; i-- > 0;)
        value = value << 8 | p[i];
    return value;
}

static void archive_close(struct archive *a)
{
    if (a->stream)
        fclose(a->stream);
    free(a->directory);
}

static int refuse(const struct archive *a, const char *what, struct sl_error *err)
{
    int rc = sl_fail(err, SL_E_FILE_FORMAT, "archive \"%s\" %s", a->name, what);
    sl_error_hint(err, "make the archive anew with a usual program, or upload the files without one");
    return rc;
}

static int cut_off(const struct archive *a, struct sl_error *err)
{
    int rc = sl_fail(err, SL_E_FILE_TRUNCATED, "archive \"%s\" is cut off: it does not end with its directory", a->name);
    sl_error_hint(err, "upload the file again");
    return rc;
}

static bool read_at(const struct archive *a, int64_t at, void *out, size_t bytes)
{
    return at >= 0 && at <= a->size_bytes - (int64_t)bytes && fseeko(a->stream, at, SEEK_SET) == 0 &&
           fread(out, 1, bytes, a->stream) == bytes;
}

bool sl_zip_is(const char *path)
{
    unsigned char head[4];
    FILE *stream = fopen(path, "rbe");
    bool is = stream && fread(head, 1, sizeof head, stream) == sizeof head &&
              (!memcmp(head, "PK\3\4", 4) || !memcmp(head, "PK\5\6", 4));
    if (stream)
        fclose(stream);
    return is;
}

/* Where the archive is too large for the end record's fields, a second one before it has them with 64 bits. */
static int read_end64(struct archive *a, int64_t end_at, struct sl_error *err)
{
    unsigned char locator[LOCATOR_BYTES], end[END64_BYTES];
    if (!read_at(a, end_at - LOCATOR_BYTES, locator, sizeof locator) || memcmp(locator, "PK\6\7", 4) != 0)
        return 0;
    uint64_t at = le(locator + 8, 8);
    if (at > INT64_MAX || !read_at(a, (int64_t)at, end, sizeof end) || memcmp(end, "PK\6\6", 4) != 0)
        return refuse(a, "has a damaged directory", err);
    a->entries = (int64_t)(le(end + 32, 8) & INT64_MAX);
    a->directory_bytes = (int64_t)(le(end + 40, 8) & INT64_MAX);
    a->directory_at = (int64_t)(le(end + 48, 8) & INT64_MAX);
    return 0;
}

static int find_end(struct archive *a, struct sl_error *err)
{
    int64_t look = a->size_bytes < END_BYTES + COMMENT_MAX_BYTES ? a->size_bytes : END_BYTES + COMMENT_MAX_BYTES;
    if (look < END_BYTES)
        return cut_off(a, err);
    unsigned char *tail = sl_xmalloc((size_t)look);
    int64_t found = -1, begin = a->size_bytes - look;
    if (read_at(a, begin, tail, (size_t)look)) {
        for (int64_t i = look - END_BYTES; i >= 0 && found < 0; i--)
            if (!memcmp(tail + i, "PK\5\6", 4) && i + END_BYTES + (int64_t)le(tail + i + 20, 2) == look)
                found = i;
    }
    if (found >= 0) {
        a->entries = (int64_t)le(tail + found + 10, 2);
        a->directory_bytes = (int64_t)le(tail + found + 12, 4);
        a->directory_at = (int64_t)le(tail + found + 16, 4);
    }
    free(tail);
    return found < 0 ? cut_off(a, err) : read_end64(a, begin + found, err);
}

static int read_directory(struct archive *a, struct sl_error *err)
{
    if (a->entries > SL_ZIP_ENTRIES_MAX || a->directory_bytes > SL_ZIP_DIRECTORY_MAX_BYTES)
        return sl_fail(err, SL_E_LIMIT, "archive \"%s\" has %" PRId64 " entries, at most %d are taken", a->name,
                       a->entries, SL_ZIP_ENTRIES_MAX);
    a->directory = sl_xmalloc((size_t)a->directory_bytes + 1);
    return read_at(a, a->directory_at, a->directory, (size_t)a->directory_bytes)
               ? 0
               : refuse(a, "has a damaged directory", err);
}

/* ZIP64: sizes that do not fit into 32 bits stand in the extra field 1, in this order. */
static void read_large_sizes(const unsigned char *extra, size_t bytes, struct entry *e)
{
    for (size_t at = 0; at + 4 <= bytes;) {
        size_t n = (size_t)le(extra + at + 2, 2);
        if (n > bytes - at - 4)
            return;
        if (le(extra + at, 2) == 1) {
            const unsigned char *p = extra + at + 4, *end = p + n;
            if (e->bytes == UINT32_MAX && end - p >= 8) {
                e->bytes = le(p, 8);
                p += 8;
            }
            if (e->packed_bytes == UINT32_MAX && end - p >= 8)
                e->packed_bytes = le(p, 8);
            return;
        }
        at += 4 + n;
    }
}

static bool read_entry(const struct archive *a, size_t *at, struct entry *e)
{
    const unsigned char *p = a->directory + *at;
    size_t left = (size_t)a->directory_bytes - *at;
    if (left < ENTRY_BYTES || memcmp(p, "PK\1\2", 4) != 0)
        return false;
    size_t name = (size_t)le(p + 28, 2), extra = (size_t)le(p + 30, 2), comment = (size_t)le(p + 32, 2);
    if (left - ENTRY_BYTES < name + extra + comment)
        return false;
    *e = (struct entry){.name = (const char *)p + ENTRY_BYTES,
                        .name_bytes = name,
                        .flags = (unsigned)le(p + 8, 2),
                        .method = (unsigned)le(p + 10, 2),
                        .packed_bytes = le(p + 20, 4),
                        .bytes = le(p + 24, 4)};
    read_large_sizes(p + ENTRY_BYTES + name, extra, e);
    *at += ENTRY_BYTES + name + extra + comment;
    return true;
}

/* Folders are separated by either slash: some programs write the other one. */
static bool harmless_name(const struct entry *e)
{
    if (e->name_bytes == 0 || e->name_bytes > SL_ZIP_NAME_MAX_BYTES || e->name[0] == '/' || e->name[0] == '\\')
        return false;
    for (size_t i = 0, part = 0; i <= e->name_bytes; i++) {
        unsigned char c = i < e->name_bytes ? (unsigned char)e->name[i] : '/';
        if (c < 0x20 || c == 0x7F)
            return false;
        if (c != '/' && c != '\\')
            continue;
        if (i - part == 2 && e->name[part] == '.' && e->name[part + 1] == '.')
            return false;
        part = i + 1;
    }
    return true;
}

static int check_entry(const struct archive *a, const struct entry *e, struct sl_error *err)
{
    char raw[SL_ZIP_NAME_MAX_BYTES + 1], name[128];
    snprintf(raw, sizeof raw, "%.*s", (int)(e->name_bytes < sizeof raw ? e->name_bytes : sizeof raw - 1), e->name);
    sl_text_escape(name, sizeof name, raw);
    if (e->flags & 1)
        return refuse(a, "is encrypted", err);
    if (!harmless_name(e)) {
        int rc = sl_fail(err, SL_E_FILE_FORMAT, "archive \"%s\" has an entry of the name \"%s\"", a->name, name);
        sl_error_hint(err, "names within an archive are relative, without \"..\" and control characters");
        return rc;
    }
    if (e->method == STORED || e->method == DEFLATED)
        return 0;
    int rc = sl_fail(err, SL_E_FILE_FORMAT, "archive \"%s\": \"%s\" is compressed by method %u", a->name, name, e->method);
    sl_error_hint(err, "make the archive anew with the usual compression (deflate)");
    return rc;
}

/* More than the file has in all means that entries overlap: how small archives unpack to petabytes. */
static int check_sizes(const struct archive *a, uint64_t packed, uint64_t unpacked, struct sl_error *err)
{
    uint64_t size = (uint64_t)a->size_bytes;
    if (packed > size)
        return refuse(a, "has entries that overlap", err);
    if (unpacked <= SL_ZIP_SLACK_BYTES || unpacked / SL_ZIP_RATIO_MAX <= size)
        return 0;
    int rc = sl_fail(err, SL_E_LIMIT, "archive \"%s\" of %" PRIu64 " bytes would unpack to %" PRIu64, a->name, size,
                     unpacked);
    sl_error_hint(err, "at most %d times its size is taken: upload the files without an archive", SL_ZIP_RATIO_MAX);
    return rc;
}

static int check_entries(const struct archive *a, struct sl_error *err)
{
    uint64_t packed = 0, unpacked = 0;
    size_t at = 0;
    int rc = 0;
    for (int64_t i = 0; rc == 0 && i < a->entries; i++) {
        struct entry e;
        if (!read_entry(a, &at, &e))
            return refuse(a, "has a damaged directory", err);
        rc = check_entry(a, &e, err);
        if (e.packed_bytes > INT64_MAX / SL_ZIP_ENTRIES_MAX || e.bytes > INT64_MAX / SL_ZIP_ENTRIES_MAX ||
            (e.method == STORED && e.bytes != e.packed_bytes))
            return rc ? rc : refuse(a, "has a damaged directory", err);
        packed += e.packed_bytes + LOCAL_BYTES;
        unpacked += e.bytes;
    }
    return rc ? rc : check_sizes(a, packed, unpacked, err);
}

int sl_zip_check(const char *path, size_t *entries, struct sl_error *err)
{
    SL_CLEANUP(archive_close) struct archive a = {.name = sl_path_base(path)};
    struct stat st;
    a.stream = fopen(path, "rbe");
    if (!a.stream || fstat(fileno(a.stream), &st) != 0)
        return sl_fail_errno(err, errno, "cannot read \"%s\"", a.name);
    a.size_bytes = st.st_size;
    int rc = find_end(&a, err);
    if (rc == 0)
        rc = read_directory(&a, err);
    if (rc == 0)
        rc = check_entries(&a, err);
    if (rc == 0)
        *entries = (size_t)a.entries;
    return rc;
}
