/* SPDX-License-Identifier: Apache-2.0 */
/* CSV: RFC 4180 with lines that end in a line feed. An empty field is NULL, "" is an empty text. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lake/features/features_internal.h"

enum { NAME_BYTES = 16 };

static void put_field(struct sl_text_file *f, const char *bytes, size_t n)
{
    const char special[] = {'"', '\n', '\r', f->options->delimiter};
    bool quoted = n == 0 || bytes[0] == ' ' || bytes[n - 1] == ' ';
    for (size_t i = 0; !quoted && i < sizeof special; i++)
        quoted = memchr(bytes, special[i], n) != NULL;
    if (!quoted) {
        sl_buf_add(&f->record, bytes, n);
        return;
    }
    sl_buf_putc(&f->record, '"');
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '"')
            sl_buf_putc(&f->record, '"');
        sl_buf_putc(&f->record, bytes[i]);
    }
    sl_buf_putc(&f->record, '"');
}

static bool taken(const struct sl_text_file *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (i != f->at && !strcasecmp(f->columns[i].name, name))
            return true;
    return false;
}

/* "x", or the first of x_1, x_2, … when a column has that name. */
static void put_axis(struct sl_text_file *f, const char *axis)
{
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s", axis);
    for (int i = 1; taken(f, name); i++)
        snprintf(name, sizeof name, "%s_%d", axis, i);
    sl_buf_puts(&f->record, name);
}

static void end_field(struct sl_text_file *f, bool *first)
{
    if (!*first)
        sl_buf_putc(&f->record, f->options->delimiter);
    *first = false;
}

static void put_header(struct sl_text_file *f)
{
    bool first = true;
    for (size_t i = 0; i < f->n; i++) {
        if (i == f->at && f->options->geometry == SL_FEATURES_NO_GEOMETRY)
            continue;
        end_field(f, &first);
        if (i == f->at && f->options->geometry == SL_FEATURES_XY) {
            static const char *const axes[] = {"x", "y", "z"};
            for (int k = 0; k < 2 + f->high; k++) {
                if (k)
                    sl_buf_putc(&f->record, f->options->delimiter);
                put_axis(f, axes[k]);
            }
        } else {
            put_field(f, f->columns[i].name, strlen(f->columns[i].name));
        }
    }
    sl_buf_putc(&f->record, '\n');
}

static int begin(void *data, const struct sl_value_column *columns, size_t n, struct sl_error *err)
{
    struct sl_text_file *f = data;
    int rc = sl_features__begin(f, columns, n, err);
    if (rc < 0 || !f->options->header)
        return rc;
    put_header(f);
    return sl_features__flush(f, err);
}

static void put_number(struct sl_text_file *f, double value)
{
    const struct sl_value v = {.real = value};
    sl_value_text(&v, SL_VALUE_DOUBLE, &f->record);
}

static int put_point(struct sl_text_file *f, const struct sl_value *g, struct sl_error *err)
{
    double xyz[3];
    int n = 0;
    int rc = g->null ? 0 : sl_geometry_text_point(g->bytes, g->n, xyz, &n, err);
    if (rc < 0)
        return rc;
    for (int k = 0; k < 2 + f->high; k++) {
        if (k)
            sl_buf_putc(&f->record, f->options->delimiter);
        if (k < n)
            put_number(f, xyz[k]);
    }
    return 0;
}

static int put_geometry(struct sl_text_file *f, const struct sl_value *g, struct sl_error *err)
{
    struct sl_buf wkt;
    if (f->options->geometry == SL_FEATURES_XY)
        return put_point(f, g, err);
    if (g->null)
        return 0;
    sl_buf_init(&wkt, f->record.max_bytes);
    int rc = sl_geometry_text_wkt(f->wkb, g->bytes, g->n, &wkt, err);
    if (rc == 0)
        rc = sl_buf_check(&wkt, "a geometry's text", err);
    if (rc == 0)
        put_field(f, wkt.data, wkt.len);
    sl_buf_free(&wkt);
    return rc;
}

static void put_value(struct sl_text_file *f, size_t i, const struct sl_value *v)
{
    enum sl_value_type type = f->types[i];
    if (v->null)
        return;
    if (type == SL_VALUE_TEXT || type == SL_VALUE_JSON)
        put_field(f, v->bytes, v->n);
    else if (type == SL_VALUE_BYTES && v->n == 0)
        put_field(f, "", 0);
    else
        sl_value_text(v, type, &f->record);
}

static int row(void *data, const struct sl_value *values, struct sl_error *err)
{
    struct sl_text_file *f = data;
    bool first = true;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < f->n; i++) {
        if (i == f->at && f->options->geometry == SL_FEATURES_NO_GEOMETRY)
            continue;
        end_field(f, &first);
        if (i == f->at)
            rc = put_geometry(f, &values[i], err);
        else
            put_value(f, i, &values[i]);
    }
    sl_buf_putc(&f->record, '\n');
    return rc < 0 ? rc : sl_features__flush(f, err);
}

struct sl_rows_sink sl_features__csv(struct sl_text_file *file)
{
    return (struct sl_rows_sink){.begin = begin, .row = row, .data = file};
}
