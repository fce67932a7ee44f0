/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Features into Arrow arrays. GDAL has a stream of its own, but that of 3.6 drops the zones of times, loops for ever on
 * FlatGeobuf files with empty geometries, and takes text that is not UTF-8; this one costs little more than reading.
 * Specification: the Arrow C data interface and columnar format, version 1.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "geo/gdal/gdal.h"
#include "geo/gdal/vector_internal.h"
#include "geo/wkb.h"

enum {
    BATCH_ROWS = 16384,
    BATCH_BYTES = 16 << 20,      /* a batch ends when it has as many */
    VALUE_MAX_BYTES = 1 << 30,   /* PostgreSQL's own limit of a value */
    COLUMN_MAX_BYTES = INT32_MAX /* of Arrow's 32-bit offsets */
};

struct column {
    struct sl_vector__type type;
    void *recode; /* of a text; may be NULL */
    struct sl_buf validity, offsets, values;
    struct sl_buf item_offsets; /* of a list of texts */
    int64_t length, nulls, items;
    struct ArrowArray array, item;
    const void *buffers[3], *item_buffers[3];
    struct ArrowArray *children[1];
};

/* Where a column was before a row. */
struct mark {
    size_t validity, offsets, values, item_offsets;
    int64_t nulls, items;
};

struct batch {
    struct column *columns;
    struct mark *marks; /* as many; NULL: no row is taken back */
    struct ArrowArray **arrays;
    size_t n;
    int64_t rows;
    size_t bytes;
};

static bool offsets_needed(enum sl_vector__kind kind)
{
    return kind == SL_KIND_TEXT || kind == SL_KIND_BINARY;
}

static void put_offset(struct sl_buf *offsets, size_t value)
{
    int32_t offset = (int32_t)value;
    sl_buf_add(offsets, &offset, sizeof offset);
}

static void column_init(struct column *c, struct sl_vector__type type)
{
    c->type = type;
    struct sl_buf *buffers[] = {&c->validity, &c->offsets, &c->values, &c->item_offsets};
    for (size_t i = 0; i < 4; i++)
        sl_buf_init(buffers[i], COLUMN_MAX_BYTES);
    if (type.list || offsets_needed(type.kind))
        put_offset(&c->offsets, 0);
    if (type.list && type.kind == SL_KIND_TEXT)
        put_offset(&c->item_offsets, 0);
}

static void batch_free(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        sl_buf_free(&b->columns[i].validity);
        sl_buf_free(&b->columns[i].offsets);
        sl_buf_free(&b->columns[i].values);
        sl_buf_free(&b->columns[i].item_offsets);
    }
    free(b->columns);
    free(b->marks);
    free(b->arrays);
    free(b);
}

static struct batch *batch_new(const struct sl_vector *v)
{
    struct batch *b = sl_xcalloc(1, sizeof *b);
    b->n = v->info.n_fields + (v->info.has_geometry ? 1 : 0);
    b->columns = sl_xcalloc(b->n ? b->n : 1, sizeof *b->columns);
    b->arrays = sl_xcalloc(b->n ? b->n : 1, sizeof(struct ArrowArray *));
    if (v->skip_bad_rows)
        b->marks = sl_xcalloc(b->n ? b->n : 1, sizeof *b->marks);
    for (size_t i = 0; i < v->info.n_fields; i++)
        column_init(&b->columns[i], v->types[i]);
    for (size_t i = 0; i < v->info.n_fields; i++)
        b->columns[i].recode = v->recode;
    if (v->info.has_geometry)
        column_init(&b->columns[b->n - 1], (struct sl_vector__type){SL_KIND_BINARY, false});
    return b;
}

/* Bits are packed eight to a byte, lowest first. */
static void put_bit(struct sl_buf *bits, int64_t index, bool on)
{
    if (index % 8 == 0)
        sl_buf_putc(bits, 0);
    if (on && bits->len > 0)
        bits->data[bits->len - 1] = (char)(bits->data[bits->len - 1] | 1 << (index % 8));
}

/* ---- one value ------------------------------------------------------------------------------------------------- */

/* Days since 1970-01-01 in the proleptic Gregorian calendar: years begin in March, so that the leap day is the last. */
static int64_t days_of(int64_t year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool valid_date(const OGRField *f)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int month = f->Date.Month, day = f->Date.Day, year = f->Date.Year;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] && (month != 2 || day < 29 || leap);
}

/* Microseconds; GDAL keeps seconds as a float, good for milliseconds. */
static bool time_of(const OGRField *f, int64_t *us)
{
    double seconds = (double)f->Date.Second;
    if (f->Date.Hour > 23 || f->Date.Minute > 59 || !(seconds >= 0 && seconds < 61))
        return false;
    *us = ((int64_t)f->Date.Hour * 3600 + (int64_t)f->Date.Minute * 60) * 1000000 + llround(seconds * 1000) * 1000;
    return true;
}

static const char *put_time(struct column *c, const OGRField *f)
{
    int64_t us = 0;
    bool dated = c->type.kind != SL_KIND_TIME, timed = c->type.kind != SL_KIND_DATE;
    if ((dated && !valid_date(f)) || (timed && !time_of(f, &us)))
        return dated ? "has a date that does not exist" : "has a time that does not exist";
    int64_t days = dated ? days_of(f->Date.Year, f->Date.Month, f->Date.Day) : 0;
    if (c->type.kind == SL_KIND_DATE) {
        int32_t day = (int32_t)days;
        sl_buf_add(&c->values, &day, sizeof day);
        return NULL;
    }
    us += days * 86400 * 1000000;
    /* OGR's flag: 100 is UTC, each step a quarter of an hour. */
    if (c->type.kind == SL_KIND_INSTANT && f->Date.TZFlag > 1)
        us -= ((int64_t)f->Date.TZFlag - 100) * 15 * 60 * 1000000;
    sl_buf_add(&c->values, &us, sizeof us);
    return NULL;
}

static const char *check_text(const char *s, size_t bytes)
{
    if (bytes > VALUE_MAX_BYTES)
        return "is larger than 1 GB";
    return sl_utf8_valid(s, bytes) ? NULL : "is not valid utf-8";
}

static const char *put_value(struct column *c, const OGRField *f)
{
    switch (c->type.kind) {
    case SL_KIND_BOOL:
        put_bit(&c->values, c->length, f->Integer != 0);
        return NULL;
    case SL_KIND_INT16: {
        int16_t small = (int16_t)f->Integer;
        sl_buf_add(&c->values, &small, sizeof small);
        return small == f->Integer ? NULL : "does not fit into 16 bits";
    }
    case SL_KIND_INT32:
        sl_buf_add(&c->values, &f->Integer, sizeof f->Integer);
        return NULL;
    case SL_KIND_INT64:
        sl_buf_add(&c->values, &f->Integer64, sizeof f->Integer64);
        return NULL;
    case SL_KIND_FLOAT: {
        float single = (float)f->Real;
        sl_buf_add(&c->values, &single, sizeof single);
        return NULL;
    }
    case SL_KIND_DOUBLE:
        sl_buf_add(&c->values, &f->Real, sizeof f->Real);
        return NULL;
    case SL_KIND_TEXT: {
        size_t bytes = strlen(f->String);
        if (c->recode)
            return bytes > VALUE_MAX_BYTES ? "is larger than 1 GB"
                                           : sl_vector__recode(c->recode, f->String, bytes, &c->values);
        sl_buf_add(&c->values, f->String, bytes);
        return check_text(f->String, bytes);
    }
    case SL_KIND_BINARY:
        sl_buf_add(&c->values, f->Binary.paData, (size_t)f->Binary.nCount);
        return f->Binary.nCount > VALUE_MAX_BYTES ? "is larger than 1 GB" : NULL;
    default:
        return put_time(c, f);
    }
}

/* Nothing, for NULL: a slot where slots are fixed. */
static void put_nothing(struct column *c)
{
    static const char zeros[8];
    static const size_t widths[] = {[SL_KIND_INT16] = 2, [SL_KIND_INT32] = 4, [SL_KIND_INT64] = 8,
                                    [SL_KIND_FLOAT] = 4, [SL_KIND_DOUBLE] = 8, [SL_KIND_DATE] = 4,
                                    [SL_KIND_TIME] = 8, [SL_KIND_TIMESTAMP] = 8, [SL_KIND_INSTANT] = 8};
    if (c->type.list)
        return;
    if (c->type.kind == SL_KIND_BOOL)
        put_bit(&c->values, c->length, false);
    else
        sl_buf_add(&c->values, zeros, widths[c->type.kind]);
}

static const char *put_text_items(struct column *c, const OGRField *f)
{
    const char *wrong = NULL;
    for (int i = 0; i < f->StringList.nCount && !wrong; i++) {
        const char *s = f->StringList.paList[i];
        size_t bytes = strlen(s);
        wrong = check_text(s, bytes);
        sl_buf_add(&c->values, s, bytes);
        put_offset(&c->item_offsets, c->values.len);
    }
    c->items += f->StringList.nCount;
    return wrong;
}

static const char *put_integer_items(struct column *c, const OGRField *f)
{
    for (int i = 0; i < f->IntegerList.nCount; i++, c->items++) {
        int value = f->IntegerList.paList[i];
        int16_t small = (int16_t)value;
        if (c->type.kind == SL_KIND_BOOL)
            put_bit(&c->values, c->items, value != 0);
        else if (c->type.kind == SL_KIND_INT32)
            sl_buf_add(&c->values, &value, sizeof value);
        else if (small != value)
            return "does not fit into 16 bits";
        else
            sl_buf_add(&c->values, &small, sizeof small);
    }
    return NULL;
}

static const char *put_list(struct column *c, const OGRField *f)
{
    switch (c->type.kind) {
    case SL_KIND_TEXT:
        return put_text_items(c, f);
    case SL_KIND_INT64:
        sl_buf_add(&c->values, f->Integer64List.paList, (size_t)f->Integer64List.nCount * sizeof(GIntBig));
        c->items += f->Integer64List.nCount;
        return NULL;
    case SL_KIND_DOUBLE:
        sl_buf_add(&c->values, f->RealList.paList, (size_t)f->RealList.nCount * sizeof(double));
        c->items += f->RealList.nCount;
        return NULL;
    case SL_KIND_FLOAT:
        for (int i = 0; i < f->RealList.nCount; i++, c->items++) {
            float single = (float)f->RealList.paList[i];
            sl_buf_add(&c->values, &single, sizeof single);
        }
        return NULL;
    default:
        return put_integer_items(c, f);
    }
}

static void end_value(struct column *c, bool there)
{
    put_bit(&c->validity, c->length, there);
    c->nulls += !there;
    if (c->type.list)
        put_offset(&c->offsets, (size_t)c->items);
    else if (offsets_needed(c->type.kind))
        put_offset(&c->offsets, c->values.len);
    c->length++;
}

/* ---- geometry -------------------------------------------------------------------------------------------------- */

static bool only_surfaces(OGRwkbGeometryType flat)
{
    return flat == wkbPolyhedralSurface || flat == wkbTIN || flat == wkbTriangle;
}

/* A geometry of the seven simple types instead of one that is not: curves as lines, surfaces as polygons. NULL when it
 * is simple already; else the caller owns it. */
static OGRGeometryH simplified_type(struct sl_vector *v, OGRGeometryH geometry)
{
    OGRwkbGeometryType flat = OGR_GT_Flatten(OGR_G_GetGeometryType(geometry));
    if (flat <= wkbMultiPolygon)
        return NULL;
    if (only_surfaces(flat)) {
        v->surfaces++;
        return OGR_G_ForceToMultiPolygon(OGR_G_Clone(geometry));
    }
    if (!OGR_G_HasCurveGeometry(geometry, FALSE))
        return NULL;
    v->curves++;
    return OGR_G_GetLinearGeometry(geometry, 0, NULL);
}

/* Written where it stays: geometries are most of what is read. */
static const char *put_wkb(struct column *c, OGRGeometryH geometry, int srid)
{
    size_t bytes = (size_t)OGR_G_WkbSize(geometry), at = c->values.len, extra = srid > 0 ? 4 : 0;
    if (bytes == 0 || bytes > VALUE_MAX_BYTES)
        return "is larger than 1 GB";
    unsigned char *to = sl_buf_extend(&c->values, bytes + extra);
    if (!to)
        return "does not fit";
    unsigned char *wkb = to + extra;
    bool failed = OGR_G_ExportToIsoWkb(geometry, wkbNDR, wkb) != OGRERR_NONE;
    const char *wrong = failed ? "cannot be read" : sl_wkb_walk(wkb, bytes, NULL);
    if (wrong) {
        c->values.len = at;
    } else if (extra) {
        /* EWKB: the flag of the SRID in the type's highest byte, the SRID after the type. PostGIS takes ISO's types. */
        memmove(to, wkb, 5);
        to[4] |= 0x20;
        for (size_t i = 0; i < 4; i++)
            to[5 + i] = (unsigned char)((unsigned)srid >> (8 * i));
    }
    return wrong;
}

/* In place: the feature is read once. */
static void leave_measure(struct sl_vector *v, OGRGeometryH geometry)
{
    if (!OGR_G_IsMeasured(geometry))
        return;
    OGR_G_SetMeasured(geometry, FALSE);
    v->info.measured_left++;
}

static const char *put_geometry(struct sl_vector *v, struct column *c, OGRFeatureH feature)
{
    OGRGeometryH geometry = OGR_F_GetGeometryRef(feature);
    const char *wrong = NULL;
    if (geometry) {
        OGRGeometryH simple = simplified_type(v, geometry);
        if (v->leave_measures)
            leave_measure(v, simple ? simple : geometry);
        wrong = put_wkb(c, simple ? simple : geometry, v->srid);
        if (simple)
            OGR_G_DestroyGeometry(simple);
    }
    end_value(c, geometry != NULL);
    return wrong;
}

/* ---- rows and batches ------------------------------------------------------------------------------------------ */

/* "row 3 (feature 17)": by the order in the file, and by the id that desktop programs show. */
static const char *row_name(const struct sl_vector *v, OGRFeatureH feature, char buf[64])
{
    GIntBig fid = OGR_F_GetFID(feature);
    int64_t row = v->rows + v->info.bad_rows + 1;
    if (fid == OGRNullFID)
        snprintf(buf, 64, "row %lld", (long long)row);
    else
        snprintf(buf, 64, "row %lld (feature %lld)", (long long)row, (long long)fid);
    return buf;
}

static int fail_value(const struct sl_vector *v, OGRFeatureH feature, const char *column, const char *wrong,
                      struct sl_error *err)
{
    char row[64];
    int rc = sl_fail(err, SL_E_FILE_DAMAGED, "\"%s\": %s, \"%s\": the value %s", v->base_name,
                     row_name(v, feature, row), column, wrong);
    if (strstr(wrong, "utf-8"))
        sl_error_hint(err, "name the file's encoding in the manifest");
    else
        sl_error_hint(err, "correct the row, or let bad rows be passed over: \"bad_rows\": \"skip\" in the manifest");
    return rc;
}

static int fail_geometry(const struct sl_vector *v, OGRFeatureH feature, const char *wrong, struct sl_error *err)
{
    char row[64];
    int rc = sl_fail(err, SL_E_FILE_DAMAGED, "\"%s\": %s: the geometry is damaged: %s", v->base_name,
                     row_name(v, feature, row), wrong);
    sl_error_hint(err, "repair the file, for example with ogr2ogr -makevalid, or pass bad rows over: \"bad_rows\": "
                       "\"skip\" in the manifest");
    return rc;
}

static int put_row(struct sl_vector *v, struct batch *b, OGRFeatureH feature, struct sl_error *err)
{
    size_t bytes = 0;
    for (size_t i = 0; i < v->info.n_fields; i++) {
        struct column *c = &b->columns[i];
        const OGRField *field =
            OGR_F_IsFieldSetAndNotNull(feature, (int)i) ? OGR_F_GetRawFieldRef(feature, (int)i) : NULL;
        const char *wrong = NULL;
        if (!field)
            put_nothing(c);
        else
            wrong = c->type.list ? put_list(c, field) : put_value(c, field);
        if (wrong)
            return fail_value(v, feature, v->info.fields[i].name, wrong, err);
        end_value(c, field != NULL);
        bytes += c->values.len + c->offsets.len;
        if (c->values.overflow)
            return fail_value(v, feature, v->info.fields[i].name, "is too large", err);
    }
    if (v->info.has_geometry) {
        struct column *c = &b->columns[b->n - 1];
        const char *wrong = put_geometry(v, c, feature);
        if (!wrong && v->geometry_field >= 0 && !OGR_F_GetGeometryRef(feature) &&
            *OGR_F_GetFieldAsString(feature, v->geometry_field))
            wrong = "its text is not WKT";
        if (wrong)
            return fail_geometry(v, feature, wrong, err);
        bytes += c->values.len;
    }
    b->bytes = bytes;
    return 0;
}

static void release_nothing(struct ArrowArray *array)
{
    array->release = NULL;
}

static void release_batch(struct ArrowArray *array)
{
    batch_free(array->private_data);
    array->release = NULL;
}

static void list_items(struct column *c)
{
    bool text = c->type.kind == SL_KIND_TEXT;
    c->item_buffers[0] = NULL;
    c->item_buffers[1] = text ? c->item_offsets.data : c->values.data;
    c->item_buffers[2] = c->values.data;
    c->item = (struct ArrowArray){.length = c->items,
                                  .n_buffers = text ? 3 : 2,
                                  .buffers = c->item_buffers,
                                  .release = release_nothing};
    c->children[0] = &c->item;
}

static struct ArrowArray *column_array(struct column *c)
{
    bool offsets = c->type.list || offsets_needed(c->type.kind);
    c->buffers[0] = c->nulls ? c->validity.data : NULL;
    c->buffers[1] = offsets ? c->offsets.data : c->values.data;
    c->buffers[2] = c->values.data;
    c->array = (struct ArrowArray){.length = c->length,
                                   .null_count = c->nulls,
                                   .n_buffers = c->type.list || !offsets ? 2 : 3,
                                   .buffers = c->buffers,
                                   .release = release_nothing};
    if (c->type.list) {
        list_items(c);
        c->array.children = c->children;
        c->array.n_children = 1;
    }
    return &c->array;
}

static void batch_export(struct batch *b, struct ArrowArray *out)
{
    static const void *no_buffer[1];
    for (size_t i = 0; i < b->n; i++)
        b->arrays[i] = column_array(&b->columns[i]);
    *out = (struct ArrowArray){.length = b->rows,
                               .n_buffers = 1,
                               .buffers = no_buffer,
                               .n_children = (int64_t)b->n,
                               .children = b->arrays,
                               .private_data = b,
                               .release = release_batch};
}

static int check_reading(struct sl_vector *v, struct sl_error *err)
{
    struct sl_error reason = {0};
    if (sl_gdal_errors_end(SL_E_FILE_DAMAGED, &reason)) {
        enum sl_code code =
            reason.code == SL_E_FILE_DAMAGED ? sl_vector__damage_code(reason.message) : reason.code;
        return sl_fail(err, code, "\"%s\": after row %lld: %s", v->base_name, (long long)v->rows, reason.message);
    }
    const char *const *warnings;
    size_t n = sl_gdal_warnings(&warnings);
    for (size_t i = 0; i < n; i++)
        if (sl_vector__lossy(warnings[i]))
            return sl_fail(err, sl_vector__damage_code(warnings[i]), "\"%s\": before row %lld: gdal: %s", v->base_name,
                           (long long)v->rows + 1, warnings[i]);
    return 0;
}

/* ---- bad rows -------------------------------------------------------------------------------------------------- */

static void mark_columns(struct batch *b)
{
    for (size_t i = 0; b->marks && i < b->n; i++) {
        const struct column *c = &b->columns[i];
        b->marks[i] = (struct mark){c->validity.len, c->offsets.len, c->values.len, c->item_offsets.len, c->nulls, c->items};
    }
}

static void cut_bits(struct sl_buf *bits, size_t len, int64_t n)
{
    bits->len = len;
    if (n % 8 && len > 0)
        bits->data[len - 1] = (char)(bits->data[len - 1] & ((1 << (n % 8)) - 1));
}

static void take_back(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        struct column *c = &b->columns[i];
        const struct mark *m = &b->marks[i];
        c->length = b->rows;
        c->nulls = m->nulls;
        c->items = m->items;
        cut_bits(&c->validity, m->validity, c->length);
        if (c->type.kind == SL_KIND_BOOL)
            cut_bits(&c->values, m->values, c->type.list ? c->items : c->length);
        c->values.len = m->values;
        c->offsets.len = m->offsets;
        c->item_offsets.len = m->item_offsets;
        c->values.overflow = false;
    }
}

/* Each feature of these stands for itself: what the driver says while it reads one is about that one, and it says it
 * every time. Of others a message may be about what lies ahead. */
static bool reads_one_by_one(const struct sl_format *format)
{
    static const char *const drivers[] = {"GPKG", "ESRI Shapefile", "OpenFileGDB"};
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++)
        if (!strcmp(format->driver, drivers[i]))
            return true;
    return false;
}

/* What the driver said of this feature, if that means damage. */
static int judge_feature(struct sl_vector *v, OGRFeatureH feature, struct sl_error *err)
{
    char row[64];
    struct sl_error said;
    if (!sl_gdal_reported())
        return 0;
    sl_error_clear(&said);
    int rc = check_reading(v, &said);
    sl_gdal_errors_begin();
    if (rc == 0)
        return 0;
    if (!reads_one_by_one(v->format)) {
        if (err)
            *err = said;
        return rc;
    }
    const char *reason = strstr(said.message, "gdal: ");
    reason = reason ? reason + strlen("gdal: ") : said.message;
    if (said.code == SL_E_FILE_DAMAGED)
        return fail_geometry(v, feature, reason, err);
    return sl_fail(err, said.code, "\"%s\": %s: %s", v->base_name, row_name(v, feature, row), reason);
}

/* A row that cannot be read is passed over, and said: the first of them each by its name. */
static int pass_over(struct sl_vector *v, struct batch *b, struct sl_error *err)
{
    take_back(b);
    if (v->info.bad_rows++ == 0)
        v->first_bad = *err;
    if (v->info.bad_rows <= SL_VECTOR_BAD_ROWS_NAMED)
        sl_vector__note(v, "passed over: %s", err->message);
    if (v->info.bad_rows <= SL_VECTOR_BAD_ROWS_MAX) {
        sl_error_clear(err);
        return 0;
    }
    sl_error_prefix(err, "more than %d rows cannot be read, the last of them", SL_VECTOR_BAD_ROWS_MAX);
    return -(int)err->code;
}

static int take_feature(struct sl_vector *v, struct batch *b, OGRFeatureH feature, struct sl_error *err)
{
    mark_columns(b);
    int rc = judge_feature(v, feature, err);
    if (rc && !reads_one_by_one(v->format))
        return rc;
    if (rc == 0)
        rc = put_row(v, b, feature, err);
    if (rc == 0 && (rc = judge_feature(v, feature, err)) && !reads_one_by_one(v->format))
        return rc;
    if (rc == 0) {
        b->rows++;
        v->rows++;
        return 0;
    }
    return v->skip_bad_rows && rc == -SL_E_FILE_DAMAGED ? pass_over(v, b, err) : rc;
}

int sl_vector__next_batch(struct sl_vector *v, struct ArrowArray *out, struct sl_error *err)
{
    struct batch *b = batch_new(v);
    int rc = 0;
    sl_gdal_errors_begin();
    while (rc == 0 && b->rows < BATCH_ROWS && b->bytes < BATCH_BYTES) {
        OGRFeatureH feature = OGR_L_GetNextFeature(v->layer);
        if (!feature) {
            v->ended = true;
            break;
        }
        rc = take_feature(v, b, feature, err);
        OGR_F_Destroy(feature);
    }
    if (rc)
        sl_gdal_errors_end(SL_E_FILE_DAMAGED, NULL);
    else
        rc = check_reading(v, err);
    if (rc || b->rows == 0)
        batch_free(b);
    else
        batch_export(b, out);
    return rc;
}
