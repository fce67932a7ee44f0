/* SPDX-License-Identifier: Apache-2.0 */
/* What a field's rows have in common, in the two forms that ClickHouse gets it: a row of grid_fields, and `about`. */
#include <inttypes.h>
#include <math.h>

#include "grid/clickhouse_internal.h"

/* Of the tab-separated form. */
static void add_text(struct sl_buf *b, const char *text)
{
    for (const char *p = text ? text : ""; *p; p++) {
        if (*p == '\t' || *p == '\n' || *p == '\\')
            sl_buf_putc(b, '\\');
        sl_buf_putc(b, *p == '\t' ? 't' : *p == '\n' ? 'n' : *p);
    }
    sl_buf_putc(b, '\t');
}

static void add_number(struct sl_buf *b, double value)
{
    sl_clickhouse_number(b, value);
    sl_buf_putc(b, '\t');
}

const char sl_clickhouse__field_columns[] =
    "load_id, load, batch_id, field, variable, name, standard_name, units, param_id, source, dataset, valid_time, "
    "reference_time,"
    " step_type, step_from, step_to, level_type, level, level_top, level_bottom, member, grid_type, grid_id, spacing, "
    "regular,"
    " points, missing, rows, min, max, sum, raw_file_id, message, offset, bytes, edition, centre";

void sl_clickhouse__field_row(struct sl_buf *b, const struct sl_grid_load *load, size_t number,
                              const struct sl_grid_field *f, double spacing, const char *raw_file_id,
                              const struct sl_grid_sums *sums)
{
    add_text(b, load->load_id);
    sl_buf_printf(b, "%" PRIu64 "\t", sl_clickhouse_load(load->load_id));
    add_text(b, load->batch_id);
    sl_buf_printf(b, "%zu\t", number);
    add_text(b, f->variable);
    add_text(b, f->name);
    add_text(b, f->standard_name);
    add_text(b, f->units);
    sl_buf_printf(b, "%" PRId64 "\t", f->param_id);
    add_text(b, load->source);
    add_text(b, load->dataset);
    sl_buf_printf(b, "%" PRId64 "\t%" PRId64 "\t", f->valid_s, f->reference_s);
    add_text(b, f->step_type);
    sl_buf_printf(b, "%" PRId64 "\t%" PRId64 "\t", f->step_from_s, f->step_to_s);
    add_text(b, f->level_type);
    add_number(b, f->level);
    add_number(b, f->level_top);
    add_number(b, f->level_bottom);
    sl_buf_printf(b, "%" PRId64 "\t", f->member);
    add_text(b, f->points->type);
    add_text(b, f->points->id);
    add_number(b, spacing);
    sl_buf_printf(b, "%d\t%zu\t%" PRId64 "\t%" PRId64 "\t", f->points->n_rows != 0, f->points->n, sums->missing,
                  sums->rows);
    add_number(b, sums->min);
    add_number(b, sums->max);
    add_number(b, sums->sum);
    add_text(b, raw_file_id);
    sl_buf_printf(b, "%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%d\t", f->index, f->offset, f->bytes, f->edition);
    add_text(b, f->centre);
    b->data[b->len - 1] = '\n';
}

/* Every quotation mark is escaped, so that what looks like a member in a value is none. */
static void add_member(struct sl_buf *b, const char *name, const char *text)
{
    sl_buf_printf(b, "%s\"%s\":\"", b->len > 1 ? "," : "", name);
    for (const char *p = text ? text : ""; *p; p++)
        if (*p == '"' || *p == '\\' || (unsigned char)*p < 0x20)
            sl_buf_printf(b, "\\u%04x", (unsigned)(unsigned char)*p);
        else
            sl_buf_putc(b, *p);
    sl_buf_putc(b, '"');
}

static void add_int(struct sl_buf *b, const char *name, int64_t value)
{
    sl_buf_printf(b, ",\"%s\":%" PRId64, name, value);
}

void sl_clickhouse__about(struct sl_buf *b, const struct sl_grid_load *load, const struct sl_grid_field *f,
                          const char *raw_file_id)
{
    sl_buf_clear(b);
    sl_buf_putc(b, '{');
    add_member(b, "load_id", load->load_id);
    add_member(b, "raw_file_id", raw_file_id);
    add_member(b, "source", load->source);
    add_member(b, "dataset", load->dataset);
    add_member(b, "level_type", f->level_type);
    add_member(b, "step_type", f->step_type);
    if (isfinite(f->level))
        sl_buf_printf(b, ",\"level\":%.17g", f->level);
    add_int(b, "member", f->member);
    add_int(b, "valid_time", f->valid_s);
    add_int(b, "reference_time", f->reference_s);
    add_int(b, "step_from", f->step_from_s);
    add_int(b, "step_to", f->step_to_s);
    sl_buf_putc(b, '}');
}
