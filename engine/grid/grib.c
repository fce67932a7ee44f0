/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "grid/grib_internal.h"

struct grib_reader {
    struct sl_grid_reader base;
    struct sl_grib__scan scan;
    int64_t n_met;          /* fields until now, also those that are damaged */
    struct sl_arena *arena; /* of the present field */
    struct sl_grid_field field;
    struct sl_grid__views views;
    double *values;
    size_t capacity;
};

static void handle_free(codes_handle **h)
{
    if (*h)
        codes_handle_delete(*h);
}

/* Bitmap, or the marks of complex packing. */
static bool may_miss_values(codes_handle *h)
{
    long bitmap = 0, marks = 0;
    sl_grib__long(h, "bitmapPresent", &bitmap);
    sl_grib__long(h, "missingValueManagementUsed", &marks);
    return bitmap != 0 || marks != 0;
}

/* What the bitmap leaves out becomes NAN, whatever number the message has for it: a value may be that number. */
static int get_values(codes_handle *h, double *values, size_t n, struct sl_error *err)
{
    size_t got = n;
    int rc = may_miss_values(h)
                 ? sl_grib__check(codes_set_double(h, "missingValue", NAN), "its missing values cannot be told", err)
                 : 0;
    if (rc == 0)
        rc = sl_grib__check(codes_get_double_array(h, "values", values, &got), "its values cannot be decoded", err);
    if (rc == 0 && got != n)
        rc = sl_fail(err, SL_E_FILE_DAMAGED, "it has %zu values for %zu points", got, n);
    for (size_t i = 0; rc == 0 && i < n; i++)
        values[i] =
            fabs(values[i]) <= DBL_MAX ? values[i] : NAN; /* IEEE packing can hold infinity, which is no value */
    return rc;
}

static int find_points(struct grib_reader *r, codes_handle *h, const struct sl_grib__piece *piece, size_t n,
                       const struct sl_grid__view **out, struct sl_error *err)
{
    char definition[65];
    struct sl_grid__full full;
    sl_grib__definition(piece, n, definition);
    *out = sl_grid__views_find(&r->views, definition);
    if (*out)
        return 0;
    free(r->values); /* so that points and values never need their memory at the same time while points are found */
    r->values = NULL;
    r->capacity = 0;
    int rc = sl_grib__points(h, n, &full, err);
    if (rc < 0)
        return rc;
    struct sl_grid__view *view = sl_grid__view_new(&full, definition, &r->base.options.select);
    sl_grid__views_add(&r->views, definition, view);
    *out = view;
    return 0;
}

static int decode(struct grib_reader *r, codes_handle *h, const struct sl_grib__piece *piece, struct sl_error *err)
{
    size_t n;
    const struct sl_grid__view *view = NULL;
    int rc = sl_grib__count(h, piece, &n, err);
    if (rc == 0)
        rc = find_points(r, h, piece, n, &view, err);
    if (rc < 0)
        return rc;
    if (r->capacity < n) {
        free(r->values);
        r->values = sl_xmalloc(n * sizeof *r->values);
        r->capacity = n;
    }
    rc = get_values(h, r->values, n, err);
    if (rc == 0)
        rc = sl_grib__straighten(h, r->values, n, err);
    if (rc < 0)
        return rc;
    sl_grid__view_apply(view, r->values, &r->field.n_missing);
    r->field.points = &view->points;
    r->field.values = r->values;
    r->base.left_out.points += (int64_t)(view->n_all - view->points.n);
    return 0;
}

/* What a field has that nobody wants, by its own word: it may be one that cannot be decoded. */
static void leave_out(struct grib_reader *r, codes_handle *h)
{
    long points = 0;
    r->base.left_out.fields++;
    if (sl_grib__long(h, "numberOfDataPoints", &points) && points > 0 && points <= SL_GRID_MAX_POINTS)
        r->base.left_out.points += points;
}

/* 1: *r->field is wanted; 0: it is not. */
static int read_field(struct grib_reader *r, const struct sl_grib__piece *piece, bool with_values, struct sl_error *err)
{
    const char *short_name = NULL;
    sl_grib__begin();
    codes_context *context = sl_grib__context();
    SL_CLEANUP(handle_free) codes_handle *h = codes_handle_new_from_message(context, piece->data, piece->bytes);
    int rc = sl_grib__check(h ? CODES_SUCCESS : CODES_DECODING_ERROR, "it cannot be read", err);
    if (rc < 0)
        return rc;
    sl_arena_free(r->arena);
    r->arena = sl_arena_new();
    r->field = (struct sl_grid_field){.index = r->base.index, .offset = piece->offset, .bytes = piece->message_bytes};
    rc = sl_grib__header(h, piece->edition, r->arena, &r->field, &short_name, err);
    if (rc == 0)
        rc = sl_grib__check(CODES_SUCCESS, "its header cannot be read", err);
    if (rc < 0)
        return rc;
    if (!sl_grid__wanted(&r->base.options.select, &r->field, short_name)) {
        leave_out(r, h);
        return 0;
    }
    rc = with_values ? decode(r, h, piece, err) : 0;
    return rc < 0 ? rc : 1;
}

static int next(struct sl_grid_reader *base, bool with_values, const struct sl_grid_field **out, bool *passable,
                struct sl_error *err)
{
    struct grib_reader *r = (struct grib_reader *)base;
    struct sl_grib__piece piece;
    for (;;) {
        base->index = r->n_met;
        int rc = sl_grib__scan_next(&r->scan, &piece, passable, err);
        base->offset = r->scan.offset;
        r->n_met += !r->scan.between;
        if (rc == 0)
            return 0;
        if (rc > 0) {
            rc = read_field(r, &piece, with_values, err);
            sl_grib__scan_release(&r->scan);
            *passable = rc < 0 && err->code != SL_E_MEMORY;
        }
        if (rc < 0 && *passable && !r->scan.between)
            sl_error_prefix(err, "message %" PRId64 " at offset %" PRId64, base->index, base->offset);
        if (rc < 0)
            return rc;
        if (rc > 0) {
            *out = &r->field;
            return 1;
        }
    }
}

static void close_reader(struct sl_grid_reader *base)
{
    struct grib_reader *r = (struct grib_reader *)base;
    sl_grib__scan_close(&r->scan);
    sl_grid__views_clear(&r->views);
    sl_arena_free(r->arena);
    free(r->values);
    free(r);
}

static const struct sl_grid__ops ops = {.next = next, .close = close_reader};

int sl_grid__open_grib(const char *path, const struct sl_grid_options *options, struct sl_grid_reader **out,
                       struct sl_error *err)
{
    struct grib_reader *r = sl_xcalloc(1, sizeof *r);
    r->base = (struct sl_grid_reader){.ops = &ops, .options = *options};
    int rc = sl_grib__scan_open(&r->scan, path, err);
    if (rc < 0) {
        free(r);
        return rc;
    }
    *out = &r->base;
    return 0;
}
