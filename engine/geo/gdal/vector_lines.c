/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GeoJSON features one a line, of which one is broken: the driver then takes nothing of the file and does not say which
 * line it is. Only looked at after it has failed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cpl_vsi.h>
#include <json-c/json.h>

#include "base/file.h"
#include "base/text.h"
#include "geo/gdal/vector_internal.h"

enum { RECORD_MAX_BYTES = 64 << 20, DEPTH_MAX = 64, BLOCK_BYTES = 65536, SEPARATOR = 0x1E };

struct lines {
    VSILFILE *in, *out; /* out: NULL when nothing is to be passed over */
    struct sl_vector *v;
    struct sl_buf record;
    int64_t line, record_line, bad, good;
    bool sequence; /* RFC 8142: a record begins with the separator and may have several lines */
};

static void close_lines(struct lines *l)
{
    sl_buf_free(&l->record);
    if (l->in)
        VSIFCloseL(l->in);
    if (l->out)
        VSIFCloseL(l->out);
}

static bool blank(const struct sl_buf *text)
{
    for (size_t i = 0; i < text->len; i++)
        if (!strchr(" \t\r\n\x1e", text->data[i]))
            return false;
    return true;
}

/* NULL, or what is wrong. */
static const char *wrong_with(const struct sl_buf *record)
{
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
    if (!tokener)
        sl_oom();
    const char *from = record->data;
    size_t n = record->len;
    for (; n > 0 && strchr("\x1e \t\r\n", *from); from++)
        n--;
    struct json_object *root = json_tokener_parse_ex(tokener, from, (int)n);
    enum json_tokener_error error = json_tokener_get_error(tokener);
    const char *wrong = error == json_tokener_continue              ? "ends within an object"
                        : error != json_tokener_success             ? json_tokener_error_desc(error)
                        : !json_object_is_type(root, json_type_object) ? "is not a JSON object"
                                                                    : NULL;
    json_object_put(root);
    json_tokener_free(tokener);
    return wrong;
}

static int fail_cut(const struct lines *l, struct sl_error *err)
{
    int rc = sl_fail(err, SL_E_FILE_TRUNCATED, "\"%s\" is cut off: it ends within line %lld", l->v->base_name,
                     (long long)l->record_line);
    sl_error_hint(err, "upload the file again");
    return rc;
}

static int end_record(struct lines *l, bool last, struct sl_error *err)
{
    if (l->record.overflow)
        return sl_fail(err, SL_E_LIMIT, "\"%s\": line %lld has more than %d bytes", l->v->base_name, (long long)l->record_line,
                       RECORD_MAX_BYTES);
    const char *wrong = blank(&l->record) ? NULL : wrong_with(&l->record);
    int rc = 0;
    if (wrong && last) {
        rc = fail_cut(l, err);
    } else if (wrong) {
        l->bad++;
        rc = sl_fail(err, SL_E_FILE_DAMAGED, "\"%s\": line %lld: %s", l->v->base_name, (long long)l->record_line, wrong);
        sl_error_hint(err, "correct the line, or let bad rows be passed over: \"bad_rows\": \"skip\" in the manifest");
        if (l->out && l->bad <= SL_VECTOR_BAD_ROWS_NAMED && err)
            sl_vector__note(l->v, "passed over: %s", err->message);
        if (l->out && l->bad <= SL_VECTOR_BAD_ROWS_MAX)
            rc = 0;
    } else {
        l->good += !blank(&l->record);
        if (l->out && VSIFWriteL(l->record.data, 1, l->record.len, l->out) != l->record.len)
            rc = sl_fail_errno(err, errno, "cannot write beside \"%s\"", l->v->base_name);
    }
    sl_buf_clear(&l->record);
    return rc;
}

static int take_byte(struct lines *l, char byte, struct sl_error *err)
{
    bool ends = l->sequence ? byte == SEPARATOR : byte == '\n';
    int rc = 0;
    l->line += byte == '\n';
    if (ends && !l->sequence)
        sl_buf_putc(&l->record, byte);
    if (ends) {
        rc = end_record(l, false, err);
        l->record_line = l->line;
    }
    if (!ends || l->sequence)
        sl_buf_putc(&l->record, byte);
    return rc;
}

static int go_through(struct lines *l, struct sl_error *err)
{
    char block[BLOCK_BYTES];
    int rc = 0;
    l->line = l->record_line = 1;
    for (size_t got; rc == 0 && (got = VSIFReadL(block, 1, sizeof block, l->in)) > 0;) {
        if (l->line == 1 && l->record.len == 0)
            l->sequence = block[0] == SEPARATOR;
        for (size_t i = 0; rc == 0 && i < got; i++)
            rc = take_byte(l, block[i], err);
    }
    return rc ? rc : end_record(l, true, err);
}

int sl_vector__mend_lines(struct sl_vector *v, const char *beside, const char **mended, struct sl_error *err)
{
    SL_CLEANUP(close_lines) struct lines l = {.v = v};
    struct sl_error why = {0};
    const char *path = sl_arena_printf(v->arena, "%s.mended", beside);
    sl_buf_init(&l.record, RECORD_MAX_BYTES);
    l.in = VSIFOpenL(v->place.path, "rb");
    l.out = v->skip_bad_rows ? VSIFOpenL(path, "wb") : NULL;
    if (!l.in || (v->skip_bad_rows && !l.out))
        return 0;
    int rc = go_through(&l, &why);
    if (rc && err)
        *err = why;
    if (rc || l.bad == 0 || l.good == 0)
        return rc;
    v->bad_lines = l.bad;
    *mended = path;
    return 0;
}
