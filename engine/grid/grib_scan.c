/* SPDX-License-Identifier: Apache-2.0 */
#include "grid/grib_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/arena.h"

enum {
    INDICATOR_1 = 8, /* octets of section 0 */
    INDICATOR_2 = 16,
    END_BYTES = 4,
    RELEASED_BYTES = 4 << 20, /* a larger message is not kept while its values are used */
    BULLETIN_BYTES = 128, /* of a line of the GTS before or behind a message */
    LARGE = 0x800000,     /* edition 1, more than 8 MB: the length counts 120 octets, and section 4 what is left over */
    LARGE_UNIT = 120,
    BITMAP_EARLIER = 254
};

static uint64_t number(const unsigned char *p, int bytes)
{
    uint64_t n = 0;
    for (int i = 0; i < bytes; i++)
        n = n << 8 | p[i];
    return n;
}

/* What there is of `bytes` at `at`; fewer at the end of the file. */
static int read_at(const struct sl_grib__scan *s, int64_t at, void *out, size_t bytes, size_t *got,
                   struct sl_error *err)
{
    size_t n = 0;
    while (n < bytes) {
        ssize_t k = pread(s->fd, (char *)out + n, bytes - n, at + (int64_t)n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return sl_fail_errno(err, errno, "cannot read the file at offset %" PRId64, at + (int64_t)n);
        if (k == 0)
            break;
        n += (size_t)k;
    }
    *got = n;
    return 0;
}

/* ---- between messages ---- */

static int fill(struct sl_grib__scan *s, int64_t at, struct sl_error *err)
{
    s->window_at = at;
    s->window_bytes = 0;
    return read_at(s, at, s->window, sizeof s->window, &s->window_bytes, err);
}

/* What lies before a message is fine when it is padding, or a little text and control characters, as the heading and
 * end lines that bulletins of the GTS are sent with. */
struct between {
    size_t letters;
    bool odd;
};

static void weigh(struct between *b, const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n && !b->odd; i++) {
        bool blank = strchr(" \t\r\n", p[i]) != NULL; /* the NUL that ends the list is one of them */
        b->letters += !blank;
        b->odd = b->letters > BULLETIN_BYTES || (!blank && p[i] != 1 && p[i] != 3 && (p[i] < ' ' || p[i] >= 0x7f));
    }
}

/* The next "GRIB" from `from` on; s->size when there is none. */
static int find_magic(struct sl_grib__scan *s, int64_t from, int64_t *at, struct between *before, struct sl_error *err)
{
    *before = (struct between){0};
    for (int64_t p = from; p < s->size;) {
        int rc = fill(s, p, err);
        if (rc < 0)
            return rc;
        const unsigned char *hit = s->window_bytes < 4 ? NULL : memmem(s->window, s->window_bytes, "GRIB", 4);
        bool last = s->window_bytes < sizeof s->window;
        /* The last three bytes are looked at again, for they may be the beginning of it. */
        size_t n = hit ? (size_t)(hit - s->window) : s->window_bytes - (last ? 0 : 3);
        weigh(before, s->window, n);
        p += (int64_t)n;
        if (hit || last) {
            *at = hit ? p : s->size;
            return 0;
        }
    }
    *at = s->size;
    return 0;
}

static int gap(struct sl_grib__scan *s, int64_t to, const struct between *before, bool *passable, struct sl_error *err)
{
    int64_t from = s->at;
    bool fine = s->lost || !before->odd;
    s->at = to;
    s->lost = false;
    if (fine)
        return 0;
    *passable = s->between = true;
    s->offset = from;
    return sl_fail(err, SL_E_FILE_DAMAGED, "%" PRId64 " bytes at offset %" PRId64 " are no GRIB message", to - from,
                   from);
}

/* ---- a message ---- */

/* Of edition 1 beyond 8 MB, where section 4's length says how many octets less it is. */
static int large_length(struct sl_grib__scan *s, int64_t at, int64_t *length, struct sl_error *err)
{
    unsigned char b[8] = {0};
    size_t got;
    int64_t p = at + INDICATOR_1;
    int rc = read_at(s, p, b, sizeof b, &got, err);
    bool has[3] = {true, (b[7] & 0x80) != 0, (b[7] & 0x40) != 0};
    for (int i = 0; rc == 0 && i < 3; i++) {
        if (!has[i])
            continue;
        rc = read_at(s, p, b, 3, &got, err);
        p += (int64_t)number(b, 3);
    }
    memset(b, 0, sizeof b);
    if (rc == 0)
        rc = read_at(s, p, b, 3, &got, err);
    int64_t rest = (int64_t)number(b, 3);
    if (rc == 0 && rest < LARGE_UNIT)
        *length = (*length & (LARGE - 1)) * LARGE_UNIT - rest + END_BYTES;
    return rc;
}

/* Edition and length as the message says them; *length 0 for an edition that there is none of. */
static int look(struct sl_grib__scan *s, int64_t at, int *edition, int64_t *length, struct sl_error *err)
{
    unsigned char b[INDICATOR_2] = {0};
    size_t got;
    int rc = read_at(s, at, b, sizeof b, &got, err);
    *edition = got >= INDICATOR_1 ? b[7] : -1;
    *length = 0;
    if (rc == 0 && *edition == 1) {
        *length = (int64_t)number(b + 4, 3);
        if (*length & LARGE)
            rc = large_length(s, at, length, err);
    } else if (rc == 0 && *edition == 2) {
        uint64_t n = number(b + 8, 8);
        *length = n > INT64_MAX ? INT64_MAX : (int64_t)n;
    }
    return rc;
}

static void *grown(void *buffer, size_t *capacity, size_t bytes)
{
    if (*capacity >= bytes)
        return buffer;
    free(buffer);
    *capacity = bytes;
    return sl_xmalloc(bytes);
}

/* What the message claims, before memory is asked for. */
static int judge(const struct sl_grib__scan *s, int64_t at, int edition, int64_t length, struct sl_error *err)
{
    if (edition < 0)
        return sl_fail(err, SL_E_FILE_TRUNCATED, "the file ends within the first bytes of a message");
    if (edition != 1 && edition != 2)
        return sl_fail(err, SL_E_FILE_FORMAT, "it says that it is of edition %d, and there are 1 and 2", edition);
    if (length < (edition == 1 ? 40 : 60))
        return sl_fail(err, SL_E_FILE_DAMAGED, "it says that it has %" PRId64 " bytes, which is too few", length);
    if (length > s->size - at)
        return sl_fail(err, SL_E_FILE_TRUNCATED,
                       "it says that it has %" PRId64 " bytes, but the file ends after %" PRId64, length, s->size - at);
    if (length > SL_GRIB__MESSAGE_BYTES_MAX)
        return sl_fail(err, SL_E_LIMIT, "it has %" PRId64 " bytes, more than %" PRId64, length,
                       SL_GRIB__MESSAGE_BYTES_MAX);
    return 0;
}

static int take(struct sl_grib__scan *s, int64_t at, bool *passable, struct sl_error *err)
{
    int64_t length;
    size_t got = 0;
    int rc = look(s, at, &s->edition, &length, err);
    if (rc < 0)
        return rc;
    s->offset = at;
    s->at = at + 4; /* where the search goes on if nothing of it is true */
    s->lost = true;
    s->walked = 0;
    *passable = true;
    rc = judge(s, at, s->edition, length, err);
    if (rc < 0)
        return rc;
    s->message = grown(s->message, &s->message_capacity, (size_t)length);
    rc = read_at(s, at, s->message, (size_t)length, &got, err);
    if (rc < 0) {
        *passable = false;
        return rc;
    }
    if (got < (size_t)length || memcmp(s->message + length - END_BYTES, "7777", END_BYTES) != 0)
        return sl_fail(err, SL_E_FILE_DAMAGED, "its length of %" PRId64 " bytes does not lead to its end mark 7777",
                       length);
    *passable = false;
    s->at = at + length;
    s->lost = false;
    s->bytes = length;
    s->walked = s->edition == 1 ? INDICATOR_1 : INDICATOR_2;
    memset(s->sections, 0, sizeof s->sections);
    s->bitmap = (struct sl_grib__section){0};
    return 0;
}

/* ---- its sections ---- */

static int beyond(int section, int64_t says, struct sl_error *err)
{
    return sl_fail(err, SL_E_FILE_DAMAGED, "its section %d says that it has %" PRId64 " bytes, which is %s", section,
                   says, says < 5 ? "too few" : "more than the message has left");
}

static int walk_1(struct sl_grib__scan *s, struct sl_error *err)
{
    size_t p = INDICATOR_1, end = (size_t)s->bytes - END_BYTES;
    unsigned flags = 0;
    for (int k = 1; k <= 4; k++) {
        if ((k == 2 && !(flags & 0x80)) || (k == 3 && !(flags & 0x40)))
            continue;
        size_t least = k == 1 ? 28 : k == 4 ? 11 : 6;
        if (end - p < least)
            return beyond(k, (int64_t)least, err);
        size_t n = (size_t)number(s->message + p, 3);
        if (k == 4 && n < LARGE_UNIT && s->bytes > LARGE)
            n = end - p; /* the length of a large message is told through it */
        if (n < least || n > end - p)
            return beyond(k, (int64_t)n, err);
        if (k == 1)
            flags = s->message[p + 7];
        s->sections[k] = (struct sl_grib__section){.at = p, .bytes = n};
        p += n;
    }
    s->walked = end;
    return 1;
}

/* On to the next section 7 of edition 2. */
static int walk_2(struct sl_grib__scan *s, struct sl_error *err)
{
    size_t p = s->walked, end = (size_t)s->bytes - END_BYTES;
    while (p < end) {
        if (end - p < 5)
            return beyond(s->message[p], (int64_t)(end - p), err);
        size_t n = (size_t)number(s->message + p, 4);
        int k = s->message[p + 4];
        if (n < 5 || n > end - p)
            return beyond(k, (int64_t)n, err);
        if (k < 1 || k > 7)
            return sl_fail(err, SL_E_FILE_DAMAGED, "it has a section of number %d", k);
        s->sections[k] = (struct sl_grib__section){.at = p, .bytes = n};
        if (k == 6 && n > 5 && s->message[p + 5] != BITMAP_EARLIER)
            s->bitmap = s->sections[k];
        p += n;
        if (k == 7) {
            s->walked = p;
            return 1;
        }
    }
    s->walked = 0;
    return 0;
}

/* Mandatory ones that a field of edition 2 needs, with room for what is read out of them. */
static int complete_2(const struct sl_grib__scan *s, struct sl_error *err)
{
    static const size_t least[SL_GRIB__SECTIONS] = {0, 21, 0, 14, 9, 11, 6, 5};
    for (int k = 1; k < SL_GRIB__SECTIONS; k++)
        if (s->sections[k].bytes < least[k])
            return sl_fail(err, SL_E_FILE_DAMAGED,
                           s->sections[k].bytes ? "its section %d is too short" : "it has no section %d", k);
    const unsigned char *bitmap = s->message + s->sections[6].at;
    if (bitmap[5] == BITMAP_EARLIER && !s->bitmap.bytes)
        return sl_fail(err, SL_E_FILE_DAMAGED, "it refers to a bitmap of an earlier field, and there is none");
    return 0;
}

/* The field's sections put together as a message; the bitmap of an earlier field becomes its own. */
static void assemble(struct sl_grib__scan *s, struct sl_grib__piece *out)
{
    if (s->message[s->sections[6].at + 5] == BITMAP_EARLIER)
        s->sections[6] = s->bitmap;
    size_t total = INDICATOR_2 + END_BYTES, p = INDICATOR_2;
    for (int k = 1; k < SL_GRIB__SECTIONS; k++)
        total += s->sections[k].bytes;
    s->single = grown(s->single, &s->single_capacity, total);
    memcpy(s->single, s->message, INDICATOR_2);
    for (int i = 0; i < 8; i++)
        s->single[8 + i] = (unsigned char)((uint64_t)total >> (56 - 8 * i));
    for (int k = 1; k < SL_GRIB__SECTIONS; k++) {
        memcpy(s->single + p, s->message + s->sections[k].at, s->sections[k].bytes);
        out->sections[k] = (struct sl_grib__section){.at = p, .bytes = s->sections[k].bytes};
        p += s->sections[k].bytes;
    }
    memcpy(s->single + p, "7777", END_BYTES);
    out->data = s->single;
    out->bytes = total;
}

static bool is_whole(const struct sl_grib__scan *s)
{
    size_t sum = INDICATOR_2 + END_BYTES;
    for (int k = 1; k < SL_GRIB__SECTIONS; k++)
        sum += s->sections[k].bytes;
    return sum == (size_t)s->bytes && s->message[s->sections[6].at + 5] != BITMAP_EARLIER;
}

/* The next field of the present message; 0: it has no more. */
static int piece(struct sl_grib__scan *s, struct sl_grib__piece *out, struct sl_error *err)
{
    if (!s->walked || s->walked == (size_t)s->bytes - END_BYTES) {
        s->walked = 0;
        return 0;
    }
    int rc = s->edition == 1 ? walk_1(s, err) : walk_2(s, err);
    if (rc > 0 && s->edition == 2 && complete_2(s, err) < 0)
        rc = -SL_E_FILE_DAMAGED;
    if (rc < 0)
        s->walked = 0; /* its other fields cannot be told apart any more */
    if (rc <= 0)
        return rc;
    *out = (struct sl_grib__piece){.data = s->message,
                                   .bytes = (size_t)s->bytes,
                                   .edition = s->edition,
                                   .offset = s->offset,
                                   .message_bytes = s->bytes};
    memcpy(out->sections, s->sections, sizeof out->sections);
    if (s->edition == 2 && !is_whole(s))
        assemble(s, out);
    return 1;
}

int sl_grib__scan_next(struct sl_grib__scan *s, struct sl_grib__piece *out, bool *passable, struct sl_error *err)
{
    for (;;) {
        s->between = false;
        int rc = piece(s, out, err);
        *passable = rc < 0;
        if (rc != 0)
            return rc;
        int64_t at;
        struct between before;
        rc = find_magic(s, s->at, &at, &before, err);
        if (rc == 0)
            rc = gap(s, at, &before, passable, err);
        if (rc < 0 || at == s->size)
            return rc;
        rc = take(s, at, passable, err);
        if (rc < 0)
            return rc;
    }
}

/* ---- the file ---- */

static const char *looks_like(const unsigned char *head, size_t n)
{
    if (n >= 4 && !memcmp(head, "BUFR", 4))
        return "BUFR";
    if (n >= 4 && (!memcmp(head, "CDF\1", 4) || !memcmp(head, "CDF\2", 4) || !memcmp(head, "\x89HDF", 4)))
        return "NetCDF";
    if (n >= 4 && !memcmp(head, "PK\3\4", 4))
        return "a ZIP archive";
    if (n >= 2 && !memcmp(head, "\x1f\x8b", 2))
        return "compressed by gzip";
    if (n && head[0] == '<')
        return "HTML or XML, as a server sends instead of a file";
    size_t printable = 0;
    while (printable < n && ((head[printable] >= ' ' && head[printable] < 0x7f) || head[printable] == '\t' || head[printable] == '\r' || head[printable] == '\n'))
        printable++;
    if (n && printable == n)
        return "text";
    return NULL;
}

static int no_grib(const struct sl_grib__scan *s, const char *path, struct sl_error *err)
{
    unsigned char head[8] = {0};
    size_t got = 0;
    if (read_at(s, 0, head, sizeof head, &got, NULL) < 0)
        got = 0;
    const char *like = looks_like(head, got);
    int rc = sl_fail(err, SL_E_FILE_FORMAT, "\"%s\" has no GRIB message in it%s%s", sl_path_base(path),
                     like ? ", it looks like " : "", like ? like : "");
    if (like && !strcmp(like, "NetCDF"))
        sl_error_hint(err, "declare its format as NetCDF");
    return rc;
}

int sl_grib__scan_open(struct sl_grib__scan *scan, const char *path, struct sl_error *err)
{
    struct stat st;
    int64_t at = 0;
    struct between before;
    *scan = (struct sl_grib__scan){.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (scan->fd < 0)
        return errno == ENOENT ? sl_fail(err, SL_E_FILE_MISSING, "\"%s\" does not exist", path)
                               : sl_fail_errno(err, errno, "cannot open \"%s\"", path);
    int rc = fstat(scan->fd, &st) < 0 ? sl_fail_errno(err, errno, "cannot look at \"%s\"", path) : 0;
    if (rc == 0 && !S_ISREG(st.st_mode))
        rc = sl_fail(err, SL_E_FILE_FORMAT, "\"%s\" is %s and no file", path,
                     S_ISDIR(st.st_mode) ? "a folder" : "a device");
    scan->size = rc == 0 ? (int64_t)st.st_size : 0;
    if (rc == 0 && scan->size == 0)
        rc = sl_fail(err, SL_E_FILE_FORMAT, "\"%s\" is empty", sl_path_base(path));
    if (rc == 0)
        rc = find_magic(scan, 0, &at, &before, err);
    if (rc == 0 && at == scan->size)
        rc = no_grib(scan, path, err);
    if (rc < 0)
        sl_grib__scan_close(scan);
    return rc;
}

void sl_grib__scan_close(struct sl_grib__scan *scan)
{
    if (scan->fd >= 0)
        close(scan->fd);
    free(scan->message);
    free(scan->single);
    *scan = (struct sl_grib__scan){.fd = -1};
}

void sl_grib__scan_release(struct sl_grib__scan *s)
{
    if (s->message_capacity <= RELEASED_BYTES || (s->walked && s->walked != (size_t)s->bytes - END_BYTES))
        return;
    free(s->message);
    free(s->single);
    s->message = s->single = NULL;
    s->message_capacity = s->single_capacity = 0;
}
