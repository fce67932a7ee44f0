/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show.h - how values look everywhere: sizes, times, hashes, labels. Strings are made in the arena and printable.
 */
#ifndef SLUICE_CLI_SHOW_H
#define SLUICE_CLI_SHOW_H

#include "cli/cli.h"

/* "label     " and then the text; label "" goes on with the one above. Further lines are the caller's. */
void sl_cli_label(struct sl_out *out, const char *label);
void sl_cli_line(struct sl_out *out, const char *label, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

const char *sl_cli_time(struct sl_arena *arena, const char *iso8601);     /* "2026-11-21 09:14", "-" */
int64_t sl_cli_asset_bytes(struct json_object *doc); /* of the object, or of all its parts */
const char *sl_cli_size(struct sl_arena *arena, int64_t bytes);           /* "142 KB" */
const char *sl_cli_count(struct sl_arena *arena, int64_t n);              /* "500,000" */
const char *sl_cli_took(struct sl_arena *arena, int64_t ns);              /* "3.6 s" */
const char *sl_cli_plural(struct sl_arena *arena, int64_t n, const char *one, const char *many); /* "3 files" */
const char *sl_cli_hash(struct sl_arena *arena, const char *hash);        /* "sha256 9b0c2f1a…" */
const char *sl_cli_bounds(struct sl_arena *arena, struct json_object *b); /* "-180.0 -90.0 180.0 83.65", "-" */
/* A member as printable text, "-" when it is missing. */
const char *sl_cli_member(struct sl_arena *arena, struct json_object *doc, const char *key);
/* "data-lake/roads/v3/roads.parquet" */
const char *sl_cli_object(struct sl_arena *arena, struct json_object *asset);
enum sl_colour sl_cli_status_colour(const char *status);
/* Nanoseconds between two ISO 8601 times, -1 when one is missing. */
int64_t sl_cli_between(const char *from, const char *to);
/* One stage for people: "load 177 rows 0.1 s", "check". ns below 5 ms is not worth saying. */
/* "3 rows put aside in roads.quarantine v1: 2 valid_geometry, 1 not_null", of a run's output; NULL when it is none of these. */
const char *sl_cli_put_aside(struct sl_arena *arena, struct json_object *output);
const char *sl_cli_stage(struct sl_arena *arena, const char *name, int64_t rows, int64_t count, int64_t ns);

#endif
