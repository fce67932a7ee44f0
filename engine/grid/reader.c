/* SPDX-License-Identifier: Apache-2.0 */
#include "grid/reader.h"

#include <string.h>

#include "grid/reader_internal.h"

int sl_grid_open(const char *path, const struct sl_grid_options *options, struct sl_grid_reader **out,
                 struct sl_error *err)
{
    const char *format = options->format ? options->format->name : "";
    if (!strcmp(format, "GRIB"))
        return sl_grid__open_grib(path, options, out, err);
    if (!strcmp(format, "NetCDF"))
        return sl_grid__open_netcdf(path, options, out, err);
    return sl_fail(err, SL_E_FILE_FORMAT, "\"%s\" is no format of weather fields", format);
}

void sl_grid_close(struct sl_grid_reader *reader)
{
    if (reader)
        reader->ops->close(reader);
}

void sl_grid_closep(struct sl_grid_reader **reader)
{
    sl_grid_close(*reader);
    *reader = NULL;
}

static void pass_over(struct sl_grid_reader *reader, const struct sl_error *why)
{
    if (reader->n_skipped < SL_GRID_SKIPPED_KEPT)
        reader->skipped[reader->n_skipped] =
            (struct sl_grid_skipped){.index = reader->index, .offset = reader->offset, .why = *why};
    reader->n_skipped++;
}

static int next(struct sl_grid_reader *reader, bool decode, const struct sl_grid_field **out, struct sl_error *err)
{
    const struct sl_grid_field *field = NULL;
    for (;;) {
        bool passable = false;
        struct sl_error why = {0};
        int rc = reader->ops->next(reader, decode, &field, &passable, &why);
        if (rc < 0 && passable && reader->options.skip_undecodable) {
            pass_over(reader, &why);
            continue;
        }
        if (rc < 0) {
            if (err)
                *err = why;
            return rc;
        }
        *out = rc ? field : NULL;
        return 0;
    }
}

int sl_grid_next(struct sl_grid_reader *reader, const struct sl_grid_field **out, struct sl_error *err)
{
    return next(reader, true, out, err);
}

int sl_grid_next_header(struct sl_grid_reader *reader, const struct sl_grid_field **out, struct sl_error *err)
{
    return next(reader, false, out, err);
}

struct sl_grid_left_out sl_grid_left_out(const struct sl_grid_reader *reader)
{
    return reader->left_out;
}

const struct sl_grid_skipped *sl_grid_skipped(const struct sl_grid_reader *reader, size_t *n)
{
    *n = reader->n_skipped;
    return reader->skipped;
}
