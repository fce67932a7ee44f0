/* SPDX-License-Identifier: Apache-2.0 */
/*
 * step.h - the registry of step and check kinds, and what builders share. One file per kind.
 *
 * A builder appends to `out` for out->dialect; what comes from outside it quotes by sl_sql or prints by sl_template.
 * Outputs have the other columns in their order, then the geometry under its own name. Threads: all of it is constant.
 */
#ifndef SLUICE_STEP_STEP_H
#define SLUICE_STEP_STEP_H

#include <sluice/sys/step.h>

#include "geo/sql.h"
#include "geo/table.h"

extern const struct sl_step_kind *const sl_steps[];   /* ended by NULL, in order of name; of two with one name that for
                                                         vectors is the first */
extern const struct sl_check_kind *const sl_checks[];

const struct sl_step_kind *sl_step_by_name(const char *name); /* NULL when unknown */
bool sl_step_is_for_rasters(const struct sl_step_kind *kind);
const struct sl_check_kind *sl_check_by_name(const char *name);

/* The transform's SELECT or the index's statement. SL_E_RECIPE_STEP when the kind has no form for out->dialect. */
int sl_step_sql(const struct sl_step_kind *kind, const void *options, const struct sl_step_context *context,
                struct sl_sql *out, struct sl_error *err);
const char *sl_on_fail_name(enum sl_on_fail on_fail); /* "fail", "warn", "quarantine" */
/* The only column of a check `unique`, NULL when it has several. */
const char *sl_check_unique_column(const void *options);
/* The check's SELECT of one number; only a comment for one with judge. */
int sl_check_sql(const struct sl_check_kind *kind, const void *options, const struct sl_step_context *context,
                 struct sl_sql *out, struct sl_error *err);

/* ---- for builders (builder.c) ---- */

/* Are the input's columns known? Not while a recipe is explained without a file. */
bool sl_step_knows_columns(const struct sl_step_context *context);
/* Appends every column of the input but the geometry, each quoted and followed by ", "; where the columns are not known
 * yet, a comment in their place. */
void sl_step_other_columns(const struct sl_step_context *context, struct sl_sql *out);
/* SL_E_RECIPE_OPTION when the input has no such column (with the nearest); fine while the columns are not known. */
int sl_step_require_column(const struct sl_step_context *context, const char *column, struct sl_error *err);
int sl_step_require_columns(const struct sl_step_context *context, const struct sl_names *columns, struct sl_error *err);
enum { SL_STEP_COLUMN_BYTES = 63 };
/* SL_E_RECIPE_OPTION when no column of this name can be made: it is there already (but for `except`, which the step
 * replaces; NULL: none), also when only its case differs, is reserved, or is no name. */
int sl_step_require_new_column(const struct sl_step_context *context, const char *kind, const char *name,
                               const char *except, struct sl_error *err);
/* `base`, or with a number behind it, so that no column of the input has the name. In the context's arena. */
const char *sl_step_free_name(const struct sl_step_context *context, const char *base);
const struct sl_column *sl_step_column(const struct sl_step_context *context, const char *name); /* NULL when not known */
bool sl_step_names_has(const struct sl_names *names, const char *name);
/* SL_E_GEOMETRY_CONTRACT when the input has no geometry column; fine while the columns are not known. */
int sl_step_require_geometry(const struct sl_step_context *context, const char *kind, struct sl_error *err);
/* Has the input a geometry column, as far as is known? */
bool sl_step_has_geometry(const struct sl_step_context *context);
void sl_step_geometry(const struct sl_step_context *context, struct sl_sql *out); /* "geom" */
/* The end of a list of columns, each followed by ", ": the geometry, or nothing (and no comma) where the tables have none. */
void sl_step_last_column(const struct sl_step_context *context, const char *qualifier, struct sl_sql *out);
void sl_step_table(const struct sl_step_context *context, struct sl_sql *out);    /* "schema"."table", or (query) */
/* Ends a query in FROM (…) whose expressions are to be computed once, however often the query around it names them. */
void sl_step_fence(struct sl_sql *out);
/* A literal of the engine's source in which each @ is the geometry column, quoted. */
void sl_step_put(const struct sl_step_context *context, struct sl_sql *out, const char *trusted);
/* The geometry for a function that refuses curves, which only PostGIS has: for sl_step_put. */
const char *sl_step_lines(const struct sl_sql *out);
/* The error of a builder that has no form for out->dialect. */
int sl_step_no_dialect(const char *kind, const struct sl_sql *out, struct sl_error *err);
/* "name, kind" for sentences, cut to fit. */
void sl_step_names(const struct sl_names *names, char *out, size_t out_bytes);

/* SELECT <other columns>, <before>"geom"<after> AS "geom" FROM <input>: the shape of a step that only changes the
 * geometry by one function. */
void sl_step_select_begin(const struct sl_step_context *context, struct sl_sql *out);
void sl_step_select_end(const struct sl_step_context *context, struct sl_sql *out);
/* All of that: `trusted` is the geometry's new value, for sl_step_put. */
int sl_step_geometry_only(const struct sl_step_context *context, const char *kind, const char *trusted, struct sl_sql *out,
                          struct sl_error *err);

/* ---- coordinate systems (builder_crs.c) ---- */

/* SL_E_CRS_MISSING when the geometry's CRS is not known; fine while the columns are not known. */
int sl_step_require_crs(const struct sl_step_context *context, const char *kind, const struct sl_sql *out,
                        struct sl_error *err);
/* The engine's SRID of a CRS, SL_E_CRS_UNKNOWN when it has none. While a recipe is explained EPSG's code is it. */
int sl_step_srid(const struct sl_step_context *context, const char *kind, const char *crs, int *srid, struct sl_error *err);
/* DuckDB's literal for the input's CRS; a comment while it is not known. */
void sl_step_crs_literal(const struct sl_step_context *context, struct sl_sql *out);
/* Is the input's CRS longitude and latitude on WGS 84 (EPSG:4326, OGC:CRS84)? */
bool sl_step_is_lonlat(const struct sl_step_context *context);
/* The expression, for sl_step_put, transformed to longitude and latitude on WGS 84. */
void sl_step_lonlat(const struct sl_step_context *context, struct sl_sql *out, const char *trusted);

#endif
