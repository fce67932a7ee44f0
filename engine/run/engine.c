/* SPDX-License-Identifier: Apache-2.0 */
#include "run/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "geo/duckdb/compute.h"
#include "geo/gdal/gdal.h"
#include "geo/postgis/postgis.h"
#include "geo/sql.h"
#include "lake/outputs.h"
#include "ledger/ledger.h"
#include "step/step.h"
#include "store/store.h"

static struct sl_cluster_options cluster_options(const struct sl_config *c)
{
    return (struct sl_cluster_options){
        .home = c->home, .bin_dir = c->postgres_bin_dir, .os_user = c->postgres_os_user, .database = c->postgres_db};
}

static const char *or_null(const char *s)
{
    return s && *s ? s : NULL;
}

/* Where PostgreSQL is for one purpose: its own connection string, else the configured server, else the private cluster. */
static struct sl_pg_target target_of(const struct sl_config *c, const char *dsn, const struct sl_pg_target *cluster)
{
    if (or_null(dsn))
        return (struct sl_pg_target){.dsn = dsn};
    if (!or_null(c->postgres_host))
        return *cluster;
    return (struct sl_pg_target){.host = c->postgres_host,
                                 .port = (int)c->postgres_port,
                                 .database = or_null(c->postgres_db),
                                 .user = or_null(c->postgres_user),
                                 .password = or_null(c->postgres_password),
                                 .sslmode = or_null(c->postgres_sslmode)};
}

static bool ledger_is_mongo(const struct sl_config *c)
{
    return !strcmp(c->ledger_backend, "mongo");
}

bool sl_engine_needs_cluster(const struct sl_config *c)
{
    bool all_elsewhere = (ledger_is_mongo(c) || or_null(c->ledger_dsn)) && or_null(c->catalog_dsn) && or_null(c->compute_dsn);
    return !or_null(c->postgres_host) && !all_elsewhere;
}

static int find_servers(struct sl_engine *e, struct sl_error *err)
{
    struct sl_pg_target cluster = {0};
    const struct sl_cluster_options options = cluster_options(e->config);
    if (sl_engine_needs_cluster(e->config)) {
        int rc = sl_cluster_start(&options, &e->cluster, err);
        if (rc == 0)
            rc = sl_cluster_target(&options, e->arena, &cluster, err);
        if (rc < 0)
            return rc;
    }
    e->ledger_target = target_of(e->config, e->config->ledger_dsn, &cluster);
    e->catalog_target = target_of(e->config, e->config->catalog_dsn, &cluster);
    e->compute_target = target_of(e->config, e->config->compute_dsn, &cluster);
    e->ledger_target.silence_ms = e->catalog_target.silence_ms = e->config->postgres_timeout_ms;
    e->compute_target.silence_ms = e->config->postgres_timeout_ms + e->config->compute_statement_timeout_ms;
    return 0;
}

static int open_s3(const struct sl_config *c, struct sl_store **out, struct sl_error *err)
{
    char url[512];
    bool own_keys = or_null(c->minio_access_key);
    snprintf(url, sizeof url, "%s://%s", c->minio_use_ssl ? "https" : "http", c->minio_endpoint);
    /* The default region is no answer when a profile may have one. */
    bool region_said = own_keys || strcmp(c->minio_region, "us-east-1") != 0;
    const struct sl_store_s3_options options = {
        .endpoint = or_null(c->minio_endpoint_url) ? c->minio_endpoint_url : or_null(c->minio_endpoint) ? url : NULL,
        .access_key = own_keys ? c->minio_access_key : NULL,
        .secret_key = or_null(c->minio_secret_key),
        .session_token = or_null(c->minio_session_token),
        .profile = or_null(c->minio_profile),
        .region = region_said ? or_null(c->minio_region) : NULL,
        .ca_file = or_null(c->minio_ca_file),
        .style = !strcmp(c->minio_url_style, "path") ? 1 : !strcmp(c->minio_url_style, "virtual") ? 2 : 0,
        .parallel = (int)c->minio_parallel,
        .part_bytes = c->minio_part_bytes,
        .retries = (int)c->minio_retries,
        .timeout_ms = c->minio_timeout_ms,
        .retry_deadline_ms = c->minio_retry_deadline_ms,
    };
    return sl_store_s3_open(&options, out, err);
}

int sl_engine_open_store(struct sl_engine *e, struct sl_store **out, struct sl_error *err)
{
    const struct sl_config *c = e->config;
    return strcmp(c->store_backend, "s3") ? sl_store_fs_open(c->store_root, out, err) : open_s3(c, out, err);
}

static int open_store(struct sl_engine *e, struct sl_error *err)
{
    int rc = sl_engine_open_store(e, &e->store, err);
    const char *const buckets[] = {e->config->landing_bucket, e->config->lake_bucket, e->config->raw_bucket};
    for (size_t i = 0; rc == 0 && i < 3; i++)
        rc = sl_store_bucket_make(e->store, buckets[i], err);
    if (rc < 0) {
        sl_store_free(e->store);
        e->store = NULL;
    }
    return rc;
}

int sl_engine_open_ledger(struct sl_engine *e, struct sl_ledger **out, struct sl_error *err)
{
    const struct sl_config *c = e->config;
    if (!ledger_is_mongo(c))
        return sl_ledger_postgres_open(&e->ledger_target, c->schemas_path, out, err);
    const struct sl_ledger_mongo_options options = {.uri = or_null(c->mongodb_uri),
                                                    .host = or_null(c->mongodb_host),
                                                    .port = (int)c->mongodb_port,
                                                    .user = or_null(c->mongodb_user),
                                                    .password = or_null(c->mongodb_password),
                                                    /* The default gives way to what the URI names. */
                                                    .database = strcmp(c->mongodb_database, "sluice") != 0
                                                                    ? or_null(c->mongodb_database)
                                                                    : NULL,
                                                    .ca_file = or_null(c->mongodb_ca_file),
                                                    .timeout_ms = c->mongodb_timeout_ms,
                                                    .schemas_dir = c->schemas_path};
    return sl_ledger_mongo_open(&options, out, err);
}

/* Said once a process, however often the connection is made anew. */
static void tell_of_validators(struct sl_engine *e)
{
    static bool told;
    struct sl_ledger_probe probe;
    if (told || !ledger_is_mongo(e->config) || e->ledger->ops->probe(e->ledger, &probe, NULL) < 0 || probe.validators)
        return;
    told = true;
    sl_log(SL_LOG_WARN, "ledger.validators", "server", probe.server, "message",
           "the server takes no validators: sluice alone checks each document", NULL);
}

static int open_ledger(struct sl_engine *e, struct sl_error *err)
{
    int rc = sl_engine_open_ledger(e, &e->ledger, err);
    if (rc == 0 && (rc = e->ledger->ops->prepare(e->ledger, err)) < 0) {
        sl_ledger_free(e->ledger);
        e->ledger = NULL;
    }
    if (rc == 0)
        tell_of_validators(e);
    return rc;
}

static int open_catalog(struct sl_engine *e, struct sl_error *err)
{
    int rc = sl_catalog_open(&e->catalog_target, &e->catalog, err);
    if (rc == 0 && (rc = sl_catalog_migrate(e->catalog, NULL, err)) < 0) {
        sl_catalog_close(e->catalog);
        e->catalog = NULL;
    }
    return rc;
}

static struct sl_duck_options duck_options(const struct sl_config *c)
{
    return (struct sl_duck_options){.threads = (int)c->compute_threads,
                                    .memory_bytes = c->compute_memory_bytes,
                                    .extensions_dir = c->duckdb_extensions};
}

static int open_compute(struct sl_engine *e, struct sl_error *err)
{
    const struct sl_postgis_options options = {
        .target = e->compute_target,
        .statement_timeout_ms = e->config->compute_statement_timeout_ms,
        .duck = duck_options(e->config),
    };
    return sl_postgis_open(&options, &e->compute, err);
}

static int open_duckdb(struct sl_engine *e, bool bare, struct sl_error *err)
{
    const struct sl_duckdb_options options = {
        .statement_timeout_ms = e->config->compute_statement_timeout_ms,
        .duck = duck_options(e->config),
    };
    return bare ? sl_duckdb_open_bare(&options, &e->none, err) : sl_duckdb_open(&options, &e->duckdb, err);
}

static int open_recipes(struct sl_engine *e, struct sl_error *err)
{
    return sl_recipe_set_load(e->config->recipes_path, &e->kinds, &e->recipes, err);
}

static int open_checker(struct sl_engine *e, struct sl_error *err)
{
    return sl_manifest_checker_new(e->config->schemas_path, &e->checker, err);
}

struct port {
    unsigned need;
    const char *what;
    int (*open)(struct sl_engine *e, struct sl_error *err);
};

static const struct port ports[] = {
    {SL_NEEDS_STORE, "store", open_store},       {SL_NEEDS_LEDGER, "ledger", open_ledger},
    {SL_NEEDS_CATALOG, "catalog", open_catalog}, {SL_NEEDS_COMPUTE, "compute", open_compute},
    {SL_NEEDS_RECIPES, "recipes", open_recipes}, {SL_NEEDS_MANIFESTS, "schemas", open_checker},
};

/* A service that is just starting, or away for a moment, is asked again as often as a run is retried. */
static int open_patiently(struct sl_engine *e, const struct port *port, struct sl_error *err)
{
    const struct sl_config *c = e->config;
    int64_t began = sl_clock_mono_ns();
    for (int attempt = 1;; attempt++) {
        int rc = port->open(e, err);
        /* A store that is a server has its own patience. */
        bool transient = rc < 0 && rc != -SL_E_STORE_UNAVAILABLE && sl_code_class((enum sl_code)-rc) == SL_CLASS_TRANSIENT;
        if (!transient)
            return rc;
        if (attempt >= c->run_retries) {
            char took[32];
            if (err && attempt > 1) {
                struct sl_error last = *err;
                sl_text_duration(took, sizeof took, sl_clock_mono_ns() - began);
                sl_fail(err, last.code, "%s; tried %d times in %s", last.message, attempt, took);
                sl_error_hint(err, "%s", last.hint[0] ? last.hint : "sluice doctor");
            }
            return rc;
        }
        sl_clock_sleep_ns(sl_clock_backoff_ns(attempt, c->run_retry_base_ms * SL_NS_PER_MS,
                                              c->run_retry_max_ms * SL_NS_PER_MS));
    }
}

int sl_engine_compute(struct sl_engine *e, const char *name, struct sl_compute **out, struct sl_error *err)
{
    static const struct port postgis = {SL_NEEDS_COMPUTE, "compute", open_compute};
    bool duckdb = !strcmp(name, sl_dialect_name(SL_DIALECT_DUCKDB)), none = !strcmp(name, "none");
    int rc = 0;
    if (!duckdb && !none && strcmp(name, sl_dialect_name(SL_DIALECT_POSTGIS)) != 0)
        return sl_fail(err, SL_E_RECIPE_STEP, "there is no compute engine \"%s\"", name);
    if ((duckdb && !e->duckdb) || (none && !e->none))
        rc = open_duckdb(e, none, err);
    if (!duckdb && !none && !e->compute) {
        e->needs |= SL_NEEDS_COMPUTE; /* from now on, and to be opened again after a loss */
        rc = open_patiently(e, &postgis, err);
    }
    if (rc == 0)
        *out = duckdb ? e->duckdb : none ? e->none : e->compute;
    return rc;
}

static void close_ports(struct sl_engine *e)
{
    if (e->compute)
        e->compute->ops->free(e->compute);
    sl_catalog_close(e->catalog);
    sl_ledger_free(e->ledger);
    e->compute = NULL;
    e->catalog = NULL;
    e->ledger = NULL;
}

static int open_all(struct sl_engine *e, unsigned needs, struct sl_error *err)
{
    const unsigned kept_at_home = SL_NEEDS_STORE | SL_NEEDS_LEDGER | SL_NEEDS_CATALOG | SL_NEEDS_COMPUTE;
    int rc = needs & kept_at_home ? sl_dir_make(e->config->home, 0755, err) : 0;
    if (rc == 0)
        rc = sl_gdal_setup(err);
    if (rc == 0 && (needs & (SL_NEEDS_LEDGER | SL_NEEDS_CATALOG | SL_NEEDS_COMPUTE)))
        rc = find_servers(e, err);
    for (size_t i = 0; rc == 0 && i < sizeof ports / sizeof *ports; i++)
        if (needs & ports[i].need)
            rc = open_patiently(e, &ports[i], err);
    return rc;
}

int sl_engine_open(const struct sl_config *config, unsigned needs, struct sl_engine **out, struct sl_error *err)
{
    struct sl_engine *e = sl_xcalloc(1, sizeof *e);
    e->config = config;
    e->needs = needs;
    e->arena = sl_arena_new();
    e->kinds = (struct sl_kinds){sl_steps, sl_checks, sl_outputs};
    sl_owner_name(e->owner);
    int rc = sl_limits_read(config, e->arena, &e->limits, err);
    if (rc == 0)
        rc = open_all(e, needs, err);
    if (rc < 0) {
        sl_engine_close(e);
        return rc;
    }
    *out = e;
    return 0;
}

int sl_engine_reconnect(struct sl_engine *e, struct sl_error *err)
{
    const unsigned on_postgres = SL_NEEDS_LEDGER | SL_NEEDS_CATALOG | SL_NEEDS_COMPUTE;
    close_ports(e);
    int rc = find_servers(e, err);
    for (size_t i = 0; rc == 0 && i < sizeof ports / sizeof *ports; i++)
        if (e->needs & on_postgres & ports[i].need)
            rc = open_patiently(e, &ports[i], err);
    return rc;
}

bool sl_engine_lost_store(enum sl_code code)
{
    return code == SL_E_STORE_UNAVAILABLE || code == SL_E_NET;
}

bool sl_engine_lost(enum sl_code code)
{
    return code == SL_E_POSTGRES_UNAVAILABLE || code == SL_E_LEDGER_UNAVAILABLE || sl_engine_lost_store(code);
}

void sl_engine_close(struct sl_engine *e)
{
    if (!e)
        return;
    close_ports(e);
    if (e->duckdb)
        e->duckdb->ops->free(e->duckdb);
    if (e->none)
        e->none->ops->free(e->none);
    sl_store_free(e->store);
    sl_recipe_set_free(e->recipes);
    sl_manifest_checker_free(e->checker);
    sl_arena_free(e->arena);
    free(e);
}

void sl_engine_closep(struct sl_engine **engine)
{
    sl_engine_close(*engine);
}
