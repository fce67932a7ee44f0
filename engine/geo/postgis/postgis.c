/* SPDX-License-Identifier: Apache-2.0 */
#include "geo/postgis/postgis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "geo/gdal/gdal.h"
#include "geo/postgis/postgis_internal.h"

enum { DEFAULT_TIMEOUT_MS = 3600000 };

static void forget(struct sl_postgis *p)
{
    sl_pg_close(p->admin);
    p->admin = NULL;
    p->knows_versions = false;
    p->n_srids = 0;
}

static int look_around(struct sl_postgis *p, struct sl_pg *pg, struct sl_error *err)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *result = NULL;
    int rc = sl_pg_query(pg,
                         "SELECT n.nspname, current_database() FROM pg_extension e JOIN pg_namespace n "
                         "ON n.oid = e.extnamespace WHERE e.extname = 'postgis'",
                         0, NULL, &result, err);
    if (rc)
        return rc;
    if (PQntuples(result) != 1) {
        rc = sl_fail(err, SL_E_POSTGRES, "postgres at %s has no extension postgis in this database", sl_pg_name(pg));
        sl_error_hint(err, "CREATE EXTENSION postgis, as a superuser");
        return rc;
    }
    snprintf(p->extension_schema, sizeof p->extension_schema, "%s", PQgetvalue(result, 0, 0));
    snprintf(p->database, sizeof p->database, "%s", PQgetvalue(result, 0, 1));
    return 0;
}

int sl_postgis__admin(struct sl_postgis *p, struct sl_pg **out, struct sl_error *err)
{
    if (p->admin && !sl_pg_still_there(p->admin))
        forget(p);
    if (!p->admin) {
        SL_CLEANUP(sl_pg_closep) struct sl_pg *pg = NULL;
        int rc = sl_pg_open(&p->options.target, "sluice", &pg, err);
        /* Schemas and roles of runs are swept when a crash brings them back: they need not wait for the disk. */
        if (rc == 0)
            rc = sl_pg_exec(pg, "SET synchronous_commit = off", err);
        if (rc == 0)
            rc = look_around(p, pg, err);
        if (rc)
            return rc;
        p->admin = pg;
        pg = NULL;
    }
    *out = p->admin;
    return 0;
}

static int ask_versions(struct sl_pg *pg, struct sl_compute_versions *v, struct sl_error *err)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *result = NULL;
    int rc = sl_pg_query(pg,
                         "SELECT postgis_lib_version(), split_part(current_setting('server_version'), ' ', 1), "
                         "split_part(postgis_geos_version(), '-', 1), split_part(postgis_proj_version(), ' ', 1)",
                         0, NULL, &result, err);
    if (rc)
        return rc;
    snprintf(v->postgis, sizeof v->postgis, "%s", PQgetvalue(result, 0, 0));
    snprintf(v->postgres, sizeof v->postgres, "%s", PQgetvalue(result, 0, 1));
    snprintf(v->geos, sizeof v->geos, "%s", PQgetvalue(result, 0, 2));
    snprintf(v->proj, sizeof v->proj, "%s", PQgetvalue(result, 0, 3));
    snprintf(v->duckdb, sizeof v->duckdb, "%s", sl_duck_version());
    return 0;
}

static int versions(struct sl_compute *compute, struct sl_compute_versions *out, struct sl_error *err)
{
    struct sl_postgis *p = (struct sl_postgis *)(void *)compute;
    struct sl_pg *pg = NULL;
    int rc = sl_postgis__admin(p, &pg, err);
    if (rc == 0 && !p->knows_versions)
        rc = ask_versions(pg, &p->versions, err);
    if (rc)
        return rc;
    p->knows_versions = true;
    *out = p->versions;
    return 0;
}

static void free_compute(struct sl_compute *compute)
{
    struct sl_postgis *p = (struct sl_postgis *)(void *)compute;
    if (!p)
        return;
    sl_postgis__discard(p->idle);
    sl_pg_close(p->admin);
    sl_arena_free(p->arena);
    free(p);
}

static const struct sl_compute_ops ops = {
    .name = "postgis",
    .dialect = SL_DIALECT_POSTGIS,
    .keeps_schema = true,
    .versions = versions,
    .begin = sl_postgis__begin,
    .load = sl_postgis__load,
    .load_parquet = sl_postgis__load_parquet,
    .describe = sl_postgis__describe,
    .describe_query = sl_postgis__describe_query,
    .transform = sl_postgis__transform,
    .execute = sl_postgis__execute,
    .query_int = sl_postgis__query_int,
    .geometry_facts = sl_postgis__geometry_facts,
    .relation = sl_postgis__relation,
    .srid = sl_postgis__srid,
    .end = sl_postgis__end,
    .sweep = sl_postgis__sweep,
    .free = free_compute,
};

static void copy_options(struct sl_postgis *p, const struct sl_postgis_options *options)
{
    struct sl_pg_target *t = &p->options.target;
    p->options = *options;
    if (p->options.statement_timeout_ms <= 0)
        p->options.statement_timeout_ms = DEFAULT_TIMEOUT_MS;
    const char **strings[] = {&t->dsn, &t->host, &t->database, &t->user, &t->password, &t->sslmode,
                              &p->options.duck.extensions_dir};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        *strings[i] = sl_arena_strdup(p->arena, *strings[i]);
    p->options.duck.temp_dir = NULL;
}

int sl_postgis_open(const struct sl_postgis_options *options, struct sl_compute **out, struct sl_error *err)
{
    struct sl_pg *pg = NULL;
    struct sl_postgis *p = sl_xcalloc(1, sizeof *p);
    p->compute.ops = &ops;
    p->arena = sl_arena_new();
    copy_options(p, options);
    int rc = sl_postgis__admin(p, &pg, err);
    if (rc) {
        free_compute(&p->compute);
        return rc;
    }
    *out = &p->compute;
    return 0;
}
