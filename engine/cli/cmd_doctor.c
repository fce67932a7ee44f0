/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/uuid7.h"
#include "cli/commands.h"
#include "cli/open.h"
#include "cli/show.h"
#include "config/config.h"
#include "geo/duckdb/duck.h"
#include "geo/gdal/gdal.h"
#include "json/json.h"
#include "store/store.h"

#define FREE_LEAST_BYTES (INT64_C(1) << 30)

enum outcome { OK, PROBLEM, SKIPPED };

/* One part looked at: what it says of itself, or the error. */
struct look {
    enum outcome outcome;
    const char *detail;
    struct sl_error error;
};

struct doctor {
    struct sl_cli *cli;
    const struct sl_config *config; /* NULL when it does not load */
    bool has_home;
    struct sl_cli_stream stream;
    int64_t problems;
};

struct part {
    const char *name;
    bool needs_home;
    int (*look)(struct doctor *d, struct look *look);
};

static struct sl_arena *arena(const struct doctor *d)
{
    return d->cli->arena;
}

static int look_config(struct doctor *d, struct look *l)
{
    int rc = sl_cli_config(d->cli, &d->config, &l->error);
    if (rc)
        return rc;
    d->has_home = sl_path_exists(d->config->home);
    l->detail = "read (sluice config show --origin)";
    return 0;
}

static int look_home(struct doctor *d, struct look *l)
{
    struct statvfs fs;
    const char *home = d->config->home;
    if (!d->has_home) {
        int rc = sl_fail(&l->error, SL_E_CONFIG_HOME, "%s does not exist", home);
        sl_error_hint(&l->error, "sluice init makes it");
        return rc;
    }
    if (access(home, W_OK | X_OK) != 0) {
        int rc = sl_fail(&l->error, SL_E_CONFIG_HOME, "%s can't be written by this user", home);
        sl_error_hint(&l->error, "change its owner, or choose another with --home");
        return rc;
    }
    if (statvfs(home, &fs) != 0)
        return sl_fail(&l->error, SL_E_IO, "%s: how much is free is not known", home);
    int64_t free_bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
    if (free_bytes < FREE_LEAST_BYTES) {
        int rc = sl_fail(&l->error, SL_E_DISK_FULL, "%s: only %s free", home, sl_cli_size(arena(d), free_bytes));
        sl_error_hint(&l->error, "free some space: raw files and outputs are kept there");
        return rc;
    }
    l->detail = sl_arena_printf(arena(d), "%s, writable, %s free", home, sl_cli_size(arena(d), free_bytes));
    return 0;
}

/* A second conditional put of the same key must be refused: claims and versions rest on it. */
static int conditional_put(struct sl_store *store, const char *bucket, const char *key, struct sl_error *err)
{
    struct sl_put_options once = {.if_absent = true};
    int rc = sl_store_put(store, bucket, key, "doctor", 6, &once, NULL, err);
    if (rc)
        return rc;
    rc = sl_store_put(store, bucket, key, "doctor", 6, &once, NULL, err);
    struct sl_error ignored;
    int removed = sl_store_remove(store, bucket, key, rc == -(int)SL_E_STORE_PRECONDITION ? err : &ignored);
    if (rc == -(int)SL_E_STORE_PRECONDITION)
        return removed;
    if (rc == 0)
        rc = sl_fail(err, SL_E_INTERNAL, "the store overwrites an object that a put may only make");
    return rc;
}

static int look_store(struct doctor *d, struct look *l)
{
    struct sl_engine *e = NULL;
    char id[SL_UUID_TEXT_BYTES];
    int rc = sl_engine_open(d->config, SL_NEEDS_STORE, &e, &l->error);
    if (rc)
        return rc;
    sl_uuid7(id);
    const char *key = sl_arena_printf(arena(d), ".doctor/%s", id);
    rc = conditional_put(e->store, d->config->landing_bucket, key, &l->error);
    if (!rc)
        l->detail = sl_arena_printf(arena(d), "%s, writable, puts are conditional", e->store->ops->name);
    sl_engine_close(e);
    return rc;
}

static int may(struct sl_pg *pg, const char *sql, const char *what, const char *hint, struct sl_error *err)
{
    int64_t yes = 0;
    int rc = sl_pg_query_int(pg, sql, 0, NULL, 0, &yes, err);
    if (rc || yes)
        return rc;
    rc = sl_fail(err, SL_E_POSTGRES_DENIED, "%s may not %s", sl_pg_name(pg), what);
    sl_error_hint(err, "%s", hint);
    return rc;
}

static int rights(const struct sl_engine *e, struct sl_error *err)
{
    SL_CLEANUP(sl_pg_closep) struct sl_pg *pg = NULL;
    int rc = sl_pg_open(&e->compute_target, "sluice doctor", &pg, err);
    if (!rc)
        rc = may(pg, "SELECT (rolsuper OR rolcreaterole)::int FROM pg_roles WHERE rolname = current_user", "make roles",
                 "ALTER ROLE … CREATEROLE: SQL of recipes runs under a role of its own", err);
    if (!rc)
        rc = may(pg, "SELECT has_database_privilege(current_database(), 'CREATE')::int", "make schemas",
                 "GRANT CREATE ON DATABASE …: every run has a schema of its own", err);
    return rc;
}

static int look_postgres(struct doctor *d, struct look *l)
{
    struct sl_engine *e = NULL;
    struct sl_compute_versions v = {0};
    int rc = sl_engine_open(d->config, SL_NEEDS_COMPUTE, &e, &l->error);
    if (!rc)
        rc = e->compute->ops->versions(e->compute, &v, &l->error);
    if (!rc && !v.postgis[0])
        rc = sl_fail(&l->error, SL_E_POSTGRES, "the extension postgis is missing");
    if (!rc)
        rc = rights(e, &l->error);
    if (!rc)
        l->detail = sl_arena_printf(arena(d), "%s, PostgreSQL %s, PostGIS %s, may make roles and schemas",
                                    e->cluster.exists ? "private cluster" : "server", v.postgres, v.postgis);
    sl_engine_close(e);
    return rc;
}

static int look_ledger(struct doctor *d, struct look *l)
{
    struct sl_engine *e = NULL;
    int64_t pending = 0, running = 0, due = 0;
    int rc = sl_engine_open(d->config, SL_NEEDS_LEDGER, &e, &l->error);
    if (!rc)
        rc = e->ledger->ops->outstanding(e->ledger, &pending, &running, &due, &l->error);
    if (!rc)
        l->detail = sl_arena_printf(arena(d), "%s, prepared, %s pending, %s running", e->ledger->ops->name,
                                    sl_cli_count(arena(d), pending), sl_cli_count(arena(d), running));
    sl_engine_close(e);
    return rc;
}

static int look_catalog(struct doctor *d, struct look *l)
{
    struct sl_engine *e = NULL;
    int rc = sl_engine_open(d->config, SL_NEEDS_CATALOG, &e, &l->error), applied = 0;
    if (!rc)
        rc = sl_catalog_migrate(e->catalog, &applied, &l->error);
    if (!rc)
        l->detail = "every migration is applied";
    sl_engine_close(e);
    return rc;
}

static int look_libraries(struct doctor *d, struct look *l)
{
    const char *duckdb = sl_duck_version();
    int rc = sl_gdal_setup(&l->error);
    l->detail = sl_arena_printf(arena(d), "GDAL %s, PROJ %s, GEOS %s, DuckDB %s", sl_gdal_version(), sl_proj_version(),
                                sl_geos_version(), duckdb + (duckdb[0] == 'v'));
    return rc;
}

static int look_extensions(struct doctor *d, struct look *l)
{
    static const char *const names[] = {"postgres_scanner"};
    struct sl_duck *duck = NULL;
    struct sl_duck_options options = {.extensions_dir = d->config->duckdb_extensions};
    int rc = sl_duck_open(&options, &duck, &l->error);
    for (size_t i = 0; !rc && i < sizeof names / sizeof *names; i++) {
        rc = sl_duck_load(duck, names[i], &l->error);
        if (rc && !l->error.hint[0])
            sl_error_hint(&l->error, "scripts/setup.sh installs the extensions; duckdb.extensions names their folder");
    }
    sl_duck_close(duck);
    l->detail = sl_arena_printf(arena(d), "postgres_scanner loads from %s", d->config->duckdb_extensions);
    return rc;
}

static int look_recipes(struct doctor *d, struct look *l)
{
    struct sl_engine *e = NULL;
    int rc = sl_engine_open(d->config, SL_NEEDS_RECIPES | SL_NEEDS_MANIFESTS, &e, &l->error);
    const struct sl_lints *lints = rc ? NULL : sl_recipe_set_lints(e->recipes);
    for (size_t i = 0; !rc && i < lints->n; i++)
        if (lints->items[i].error) {
            rc = sl_fail(&l->error, SL_E_RECIPE_SCHEMA, "%s:%d:%d: %s", lints->items[i].path, lints->items[i].line,
                         lints->items[i].column, lints->items[i].message);
            sl_error_hint(&l->error, "sluice recipe lint %s", lints->items[i].path);
        }
    if (!rc && sl_recipe_set_count(e->recipes) == 0)
        rc = sl_fail(&l->error, SL_E_RECIPE_NOT_FOUND, "there is no recipe");
    if (!rc)
        l->detail = sl_arena_printf(
            arena(d), "%s without errors",
            sl_cli_plural(arena(d), (int64_t)sl_recipe_set_count(e->recipes), "recipe", "recipes"));
    sl_engine_close(e);
    return rc;
}

static const struct part parts[] = {
    {"config", false, look_config},       {"home", false, look_home},         {"libraries", false, look_libraries},
    {"extensions", false, look_extensions}, {"recipes", true, look_recipes}, {"store", true, look_store},
    {"postgres", true, look_postgres},    {"ledger", true, look_ledger},      {"catalog", true, look_catalog},
};

static void tell_json(struct doctor *d, const struct part *part, const struct look *l)
{
    static const char *const words[] = {"ok", "problem", "skipped"};
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "part", part->name);
    sl_json_put_str(o, "status", words[l->outcome]);
    sl_json_put_str(o, "detail", l->outcome == PROBLEM ? l->error.message : l->detail);
    if (l->outcome == PROBLEM) {
        sl_json_put_str(o, "code", sl_code_name(l->error.code));
        sl_json_put_str(o, "hint", l->error.hint[0] ? l->error.hint : NULL);
    }
    sl_cli_stream_item(&d->stream, o);
    json_object_put(o);
}

static void tell(struct doctor *d, const struct part *part, const struct look *l)
{
    static const char *const words[] = {"ok", "problem", "skipped"};
    struct sl_out *out = &d->cli->out;
    if (d->cli->json) {
        tell_json(d, part, l);
        return;
    }
    sl_out_coloured(out, SL_BOLD, sl_arena_printf(arena(d), "%-12s", part->name));
    sl_out_coloured(out, sl_cli_status_colour(words[l->outcome]), sl_arena_printf(arena(d), "%-9s", words[l->outcome]));
    sl_out_printf(out, "%s\n", sl_out_escape(arena(d), l->outcome == PROBLEM ? l->error.message : l->detail));
    if (l->outcome == PROBLEM && l->error.hint[0])
        sl_out_printf(out, "                     hint: %s\n", l->error.hint);
    sl_out_flush(out);
}

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    (void)args, (void)err;
    struct doctor d = {.cli = cli, .stream = {.cli = cli}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct look l = {0};
        if (i > 0 && !d.config) {
            l.outcome = SKIPPED;
            l.detail = "the configuration comes first";
        } else if (parts[i].needs_home && !d.has_home) {
            l.outcome = SKIPPED;
            l.detail = "there is no home yet";
        } else if (parts[i].look(&d, &l)) {
            l.outcome = PROBLEM;
        }
        d.problems += l.outcome == PROBLEM;
        tell(&d, &parts[i], &l);
    }
    if (cli->json)
        sl_cli_stream_end(&d.stream);
    cli->exit_code = d.problems ? SL_EXIT_FAILURE : SL_EXIT_OK;
    return 0;
}

const struct sl_command sl_cmd_doctor = {
    .name = "doctor",
    .summary = "is everything there that sluice needs, and does it work",
    .group = SL_GROUP_SETUP,
    .usage = "",
    .examples = "  sluice doctor\n"
                "  sluice doctor --json\n",
    .details = "One line a part. Ends with 1 when there is a problem. Starts the private PostGIS where it\n"
               "does not run, and changes nothing else.\n",
    .run = run,
};
