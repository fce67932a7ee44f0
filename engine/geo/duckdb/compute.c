/* SPDX-License-Identifier: Apache-2.0 */
#include "geo/duckdb/compute.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "geo/duckdb/compute_internal.h"

enum { DEFAULT_TIMEOUT_MS = 3600000 };

static int versions(struct sl_compute *compute, struct sl_compute_versions *out, struct sl_error *err)
{
    (void)err;
    *out = ((struct sl_duckdb *)(void *)compute)->versions;
    return 0;
}

/* Its geometry has none. */
static int srid(struct sl_compute *compute, const struct sl_crs *crs, int *out, struct sl_error *err)
{
    (void)compute;
    (void)crs;
    (void)err;
    *out = 0;
    return 0;
}

/* A run's tables end with its scratch folder. */
static int sweep(struct sl_compute *compute, int (*orphan)(void *data, const char *run_id, struct sl_error *err),
                 void *data, bool dry_run, int64_t *dropped, int64_t *foreign, struct sl_error *err)
{
    (void)compute;
    (void)orphan;
    (void)data;
    (void)dry_run;
    (void)err;
    *dropped = 0;
    if (foreign)
        *foreign = 0;
    return 0;
}

static void free_compute(struct sl_compute *compute)
{
    struct sl_duckdb *d = (struct sl_duckdb *)(void *)compute;
    if (!d)
        return;
    sl_arena_free(d->arena);
    free(d);
}

static const struct sl_compute_ops ops = {
    .name = "duckdb",
    .dialect = SL_DIALECT_DUCKDB,
    .versions = versions,
    .begin = sl_duckdb__begin,
    .load = sl_duckdb__load,
    .load_view = sl_duckdb__load_view,
    .load_view_end = sl_duckdb__load_view_end,
    .load_parquet = sl_duckdb__load_parquet,
    .describe = sl_duckdb__describe,
    .describe_query = sl_duckdb__describe_query,
    .transform = sl_duckdb__transform,
    .execute = sl_duckdb__execute,
    .query_int = sl_duckdb__query_int,
    .geometry_facts = sl_duckdb__geometry_facts,
    .relation = sl_duckdb__relation,
    .srid = srid,
    .end = sl_duckdb__end,
    .sweep = sweep,
    .free = free_compute,
};

static int read_versions(void *data, const char *const *values, size_t n, struct sl_error *err)
{
    struct sl_compute_versions *v = data;
    if (n != 2 || !values[0] || !values[1])
        return sl_fail(err, SL_E_DUCKDB, "duckdb's extension spatial does not tell its versions");
    snprintf(v->proj, sizeof v->proj, "%s", values[0]);
    snprintf(v->spatial, sizeof v->spatial, "%s", values[1]);
    return 0;
}

static bool look_at_file(const struct sl_duckdb *d, struct stat *out)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    const char *dir = d->options.duck.extensions_dir;
    return stat(sl_arena_printf(arena, "%s/spatial.duckdb_extension", dir ? dir : ""), out) == 0;
}

bool sl_duckdb__checked(const struct sl_duckdb *d)
{
    struct stat now;
    const struct stat *then = &d->checked;
    return look_at_file(d, &now) && then->st_size > 0 && now.st_dev == then->st_dev && now.st_ino == then->st_ino &&
           now.st_size == then->st_size && now.st_mtim.tv_sec == then->st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == then->st_mtim.tv_nsec && now.st_ctim.tv_sec == then->st_ctim.tv_sec &&
           now.st_ctim.tv_nsec == then->st_ctim.tv_nsec;
}

/* GEOS within the extension does not tell its version: the extension's own stands for it. */
static int look_up_versions(struct sl_duckdb *d, struct sl_error *err)
{
    SL_CLEANUP(sl_duck_closep) struct sl_duck *duck = NULL;
    struct sl_duck_options options = d->options.duck;
    options.threads = 1;
    struct stat before = {0};
    bool there = look_at_file(d, &before);
    int rc = sl_duck_open(&options, &duck, err);
    if (rc == 0)
        rc = sl_duck_load(duck, "spatial", err);
    if (rc == 0)
        rc = sl_duck_query(duck,
                           "SELECT duckdb_proj_version(), extension_version FROM duckdb_extensions() "
                           "WHERE extension_name = 'spatial'",
                           read_versions, &d->versions, err);
    if (rc == 0 && there)
        d->checked = before;
    snprintf(d->versions.duckdb, sizeof d->versions.duckdb, "%s", sl_duck_version());
    return rc;
}

static struct sl_duckdb *new_compute(const struct sl_duckdb_options *options)
{
    struct sl_duckdb *d = sl_xcalloc(1, sizeof *d);
    d->compute.ops = &ops;
    d->arena = sl_arena_new();
    d->options = *options;
    if (d->options.statement_timeout_ms <= 0)
        d->options.statement_timeout_ms = DEFAULT_TIMEOUT_MS;
    d->options.duck.extensions_dir = sl_arena_strdup(d->arena, options->duck.extensions_dir);
    d->options.duck.temp_dir = NULL;
    d->options.duck.database = NULL;
    return d;
}

int sl_duckdb_open(const struct sl_duckdb_options *options, struct sl_compute **out, struct sl_error *err)
{
    struct sl_duckdb *d = new_compute(options);
    int rc = look_up_versions(d, err);
    if (rc) {
        free_compute(&d->compute);
        return rc;
    }
    *out = &d->compute;
    return 0;
}

int sl_duckdb_open_bare(const struct sl_duckdb_options *options, struct sl_compute **out, struct sl_error *err)
{
    (void)err;
    struct sl_duckdb *d = new_compute(options);
    struct sl_compute_ops *own = sl_arena_alloc(d->arena, sizeof *own);
    *own = ops;
    sl_duckdb__make_bare(own);
    d->compute.ops = own;
    d->bare = true;
    snprintf(d->versions.duckdb, sizeof d->versions.duckdb, "%s", sl_duck_version());
    *out = &d->compute;
    return 0;
}
