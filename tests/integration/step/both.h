/* SPDX-License-Identifier: Apache-2.0 */
/*
 * both.h - one step on PostGIS and on DuckDB's spatial extension: PostGIS against what is written out, DuckDB against
 * PostGIS. Same rows; attributes equal (numbers to nine digits); geometries of one type within a Hausdorff distance.
 */
#ifndef SLUICE_TESTS_STEP_BOTH_H
#define SLUICE_TESTS_STEP_BOTH_H

#include "support/cm.h"

#include "step/step.h"

int both_open(void **state);
int both_close(void **state);

enum { BOTH, ONLY_POSTGIS };

/* The table: columns (the last one "geom"), the CRS as EPSG code (0: none), rows as SQL's VALUES with geometry as WKT. */
void both_given(struct sl_column *columns, size_t n, int srid, const char *rows);
/* (name text, n integer, geom): what most steps need. */
void both_given_plain(int srid, const char *rows);
/* Another table, role zones: columns (the last one "geom"), in the CRS of the first. After both_given. */
void both_beside(struct sl_column *columns, size_t n, const char *rows);
/* `step` as YAML. expected: a line a row, sorted, "a | b | WKT". which: does DuckDB take part? */
void assert_both_give(const char *step, int which, double tolerance, const char *expected);
/* The same in DuckDB; PostGIS's rows are not written out. Returns how many there are. */
size_t assert_both_agree(const char *step, double tolerance);
/* The statement itself fails, on both, with this in its message. */
void assert_both_fail(const char *step, const char *message);
/* Checks as YAML lines: the rows that they put aside ("a | 1 | reason; reason | WKT", why a geometry is invalid left out) and
 * those that stay, on both. */
void assert_both_put_aside(const char *checks, const char *aside, const char *left);
/* The check counts so many rows, on both. */
void assert_both_break(const char *check, int64_t expected);

#endif
