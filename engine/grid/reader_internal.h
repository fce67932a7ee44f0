/* SPDX-License-Identifier: Apache-2.0 */
/* reader_internal.h - what the readers of the formats share: the vtable, the selection, damage that may be passed over.
 */
#ifndef SLUICE_GRID_READER_INTERNAL_H
#define SLUICE_GRID_READER_INTERNAL_H

#include "base/arena.h"
#include "grid/reader.h"

/* What a format must provide; all of them. A reader is closed by its format, which owns what follows `base`. */
struct sl_grid__ops {
    /* 1: *out is the next wanted field, 0: the end, negative: an error, of which *passable says whether the reading can
     * go on behind it. `decode` false: header only. */
    int (*next)(struct sl_grid_reader *reader, bool decode, const struct sl_grid_field **out, bool *passable,
                struct sl_error *err);
    void (*close)(struct sl_grid_reader *reader);
};

struct sl_grid_reader {
    const struct sl_grid__ops *ops;
    struct sl_grid_options options;
    int64_t index, offset; /* of what `next` is at, for those that are passed over */
    struct sl_grid_left_out left_out;
    struct sl_grid_skipped skipped[SL_GRID_SKIPPED_KEPT];
    size_t n_skipped;
};

int sl_grid__open_grib(const char *path, const struct sl_grid_options *options, struct sl_grid_reader **out,
                       struct sl_error *err);

int sl_grid__open_netcdf(const char *path, const struct sl_grid_options *options, struct sl_grid_reader **out,
                         struct sl_error *err);

/* ---- select.c ---- */

/* Does the header of a field meet the selection? `short_name` is the variable without what tells its kinds apart. */
bool sl_grid__wanted(const struct sl_grid_select *select, const struct sl_grid_field *field, const char *short_name);

/* The points of a grid that a selection leaves, and which of the values they are. */
struct sl_grid__view {
    struct sl_grid_points points; /* as the field shows them; its arrays are the view's own */
    size_t n_all;                 /* values that the file has */
    size_t all_rows, all_columns; /* of a grid of two axes */
    uint32_t *rows, *columns;     /* kept ones of the axes; NULL: all */
    uint32_t *kept;               /* of a grid without axes; NULL: all */
    double *lats, *lons;
    uint32_t *row_starts;
    char *type, *projjson;
    size_t bytes; /* of memory */
};

/* What a format's reader says of a grid, all of its points. lats, lons, row_starts, type, projjson become the view's. */
struct sl_grid__full {
    double *lats, *lons;
    uint32_t *row_starts; /* with n_reduced, as field.h says; NULL: it is none of those */
    size_t n_reduced;
    size_t n, n_rows, n_columns; /* n_rows 0: no axes */
    size_t width;                /* of a grid without axes whose points come in lines of so many, 0: none */
    bool columns_first;
    const char *type;
    const char *projjson;
    double dx, dy;
};

/* SHA-256 of the places themselves, for formats that have no definition of a grid. */
void sl_grid__points_hash(const struct sl_grid__full *full, char hex[65]);
/* Takes full->lats, full->lons, full->row_starts whatever happens. `definition` is the hash of what the points follow from. */
struct sl_grid__view *sl_grid__view_new(struct sl_grid__full *full, const char *definition,
                                        const struct sl_grid_select *select);
void sl_grid__view_free(struct sl_grid__view *view);
/* Brings the values of the kept points to the front; *n_missing counts the NANs among them. */
void sl_grid__view_apply(const struct sl_grid__view *view, double *values, size_t *n_missing);

/* The grids that were met last, by their definition. */
enum { SL_GRID__VIEWS = 4, SL_GRID__VIEW_BYTES = 64 << 20 };
struct sl_grid__views {
    struct sl_grid__view *items[SL_GRID__VIEWS]; /* the latest first */
    char definitions[SL_GRID__VIEWS][65];
};
const struct sl_grid__view *sl_grid__views_find(struct sl_grid__views *views, const char *definition);
void sl_grid__views_add(struct sl_grid__views *views, const char *definition, struct sl_grid__view *view);
/* Makes room: what is not needed for the next grid goes. */
void sl_grid__views_clear(struct sl_grid__views *views);

#endif
