/* SPDX-License-Identifier: Apache-2.0 */
/* grib_internal.h - one GRIB field by ecCodes: what it is, where its points are. */
#ifndef SLUICE_GRID_GRIB_INTERNAL_H
#define SLUICE_GRID_GRIB_INTERNAL_H

#include <eccodes.h>

#include "grid/grib_scan.h"
#include "grid/reader_internal.h"

/* ---- eccodes.c ---- */

/* The library's context, set up once: its messages are collected and not printed, a failed assertion of it is an error,
 * and no variable of the environment turns it to other tables. */
codes_context *sl_grib__context(void);
/* From here on what ecCodes reports on this thread is collected. */
void sl_grib__begin(void);
/* Fills err by ecCodes' code, or by a failed assertion, which makes any code a failure; 0: neither. */
int sl_grib__check(int code, const char *what, struct sl_error *err);

/* ---- grib_header.c ---- */

/* All of *out but points and values; strings live in the arena. *short_name: the variable before what tells its kinds
 * apart. */
int sl_grib__header(codes_handle *h, int edition, struct sl_arena *arena, struct sl_grid_field *out,
                    const char **short_name, struct sl_error *err);
/* false where the message has no such key, or has it as missing. */
bool sl_grib__long(codes_handle *h, const char *key, long *out);
bool sl_grib__text(codes_handle *h, const char *key, char *out, size_t out_bytes);

/* ---- grib_points.c ---- */

/* How many values the message gives, checked against its grid and what there is of data. */
int sl_grib__count(codes_handle *h, const struct sl_grib__piece *piece, size_t *n, struct sl_error *err);
/* Hash of what the points follow from. */
void sl_grib__definition(const struct sl_grib__piece *piece, size_t n, char hex[65]);
/* A global reduced Gaussian grid by its rows. 1: it is one, and *out has them; 0: it is none. */
int sl_grib__reduced(codes_handle *h, const char *type, size_t n, struct sl_grid__full *out, struct sl_error *err);
int sl_grib__points(codes_handle *h, size_t n, struct sl_grid__full *out, struct sl_error *err);
/* Rows of which every second one runs backwards are turned, so that values come as sl_grib__points has their places. */
int sl_grib__straighten(codes_handle *h, double *values, size_t n, struct sl_error *err);

#endif
