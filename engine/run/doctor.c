/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor: what is on this machine. */
#include "run/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "geo/duckdb/duck.h"
#include "geo/gdal/gdal.h"

#define FREE_LEAST_BYTES (INT64_C(1) << 30)

/* ---- telling ---- */

void sl_doctor_ok(struct sl_doctor *d, const char *part, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const struct sl_doctor_line line = {.part = part, .detail = sl_arena_vprintf(d->arena, fmt, ap)};
    va_end(ap);
    d->tell(d->data, &line);
}

void sl_doctor_warn(struct sl_doctor *d, const char *part, const char *hint, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const struct sl_doctor_line line = {
        .part = part, .status = SL_DOCTOR_WARN, .detail = sl_arena_vprintf(d->arena, fmt, ap), .hint = hint};
    va_end(ap);
    d->tell(d->data, &line);
}

/* What waiting does not cure counts most. */
static void note(struct sl_doctor *d, enum sl_code code)
{
    if (d->worst == SL_OK || sl_code_exit(d->worst) == SL_EXIT_UNAVAILABLE)
        d->worst = code;
}

void sl_doctor_fail(struct sl_doctor *d, const char *part, const struct sl_error *error)
{
    bool itself = !strcmp(error->hint, "sluice doctor");
    const struct sl_doctor_line line = {.part = part,
                                        .status = SL_DOCTOR_FAIL,
                                        .detail = error->message,
                                        .hint = error->hint[0] && !itself ? error->hint : NULL,
                                        .code = error->code};
    note(d, error->code);
    d->tell(d->data, &line);
}

const char *sl_doctor_skew(struct sl_doctor *d, int64_t clock_ns, int64_t asked_ns)
{
    int64_t skew = clock_ns - asked_ns, most = skew < 0 ? -skew : skew;
    if (most < 2 * SL_NS_PER_S)
        return "same clock";
    char text[32];
    sl_text_duration(text, sizeof text, most);
    return sl_arena_printf(d->arena, "its clock %s %s", text, skew > 0 ? "ahead" : "behind");
}

static void skip(struct sl_doctor *d, const char *part, const char *why)
{
    const struct sl_doctor_line line = {.part = part, .status = SL_DOCTOR_SKIPPED, .detail = why};
    d->tell(d->data, &line);
}

/* ---- folders ---- */

static const char *bytes_text(struct sl_doctor *d, int64_t bytes)
{
    char text[16];
    return sl_arena_strdup(d->arena, sl_text_bytes(text, sizeof text, bytes));
}

/* The folder itself, or the nearest above it that is there. */
static const char *existing(struct sl_doctor *d, const char *path)
{
    char *at = sl_arena_strdup(d->arena, path), *slash;
    while (!sl_path_exists(at) && (slash = strrchr(at, '/')) && slash != at)
        *slash = '\0';
    return sl_path_exists(at) ? at : "/";
}

static void look_folder(struct sl_doctor *d, const char *part, const char *folder, const char *kept, const char *setting)
{
    struct statvfs fs;
    struct sl_error error = {0};
    const char *at = existing(d, folder);
    if (access(at, W_OK | X_OK) != 0) {
        sl_fail(&error, SL_E_CONFIG_HOME, "%s can't be written by this user", at);
        sl_error_hint(&error, "change its owner, or choose another: %s", setting);
        sl_doctor_fail(d, part, &error);
    } else if (statvfs(at, &fs) != 0) {
        sl_fail_errno(&error, errno, "%s: how much is free is not known", at);
        sl_doctor_fail(d, part, &error);
    } else {
        int64_t free_bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
        if (free_bytes < FREE_LEAST_BYTES)
            sl_doctor_warn(d, part, sl_arena_printf(d->arena, "free some space: %s", kept), "%s: only %s free", folder,
                           bytes_text(d, free_bytes));
        else
            sl_doctor_ok(d, part, "%s, writable, %s free", folder, bytes_text(d, free_bytes));
    }
}

static bool look_home(struct sl_doctor *d)
{
    struct sl_error error = {0};
    const char *home = d->config->home;
    if (sl_path_exists(home)) {
        look_folder(d, "home", home, "raw files and outputs may be kept there", "--home, SLUICE_HOME");
        return true;
    }
    if (!sl_engine_needs_cluster(d->config) && strcmp(d->config->store_backend, "fs") != 0) {
        sl_doctor_ok(d, "home", "%s is not there, and everything is elsewhere", home);
        return true;
    }
    sl_fail(&error, SL_E_CONFIG_HOME, "%s does not exist", home);
    sl_error_hint(&error, "sluice init makes it");
    sl_doctor_fail(d, "home", &error);
    return false;
}

/* ---- libraries ---- */

static int64_t count_grids(struct sl_doctor *d)
{
    char *path = sl_arena_strdup(d->arena, sl_proj_search_path()), *save = NULL;
    int64_t n = 0;
    for (char *folder = strtok_r(path, ":", &save); folder; folder = strtok_r(NULL, ":", &save)) {
        char **names = NULL;
        size_t n_names = 0;
        if (!sl_path_exists(folder) || sl_dir_list(folder, d->arena, &names, &n_names, NULL) < 0)
            continue;
        for (size_t i = 0; i < n_names; i++)
            n += sl_text_ends(names[i], ".tif");
    }
    return n;
}

static void look_libraries(struct sl_doctor *d)
{
    struct sl_error error = {0};
    const char *duckdb = sl_duck_version();
    if (sl_gdal_setup(&error) < 0) {
        sl_doctor_fail(d, "libraries", &error);
        return;
    }
    sl_doctor_ok(d, "libraries", "GDAL %s, PROJ %s, GEOS %s, DuckDB %s", sl_gdal_version(), sl_proj_version(),
                 sl_geos_version(), duckdb + (duckdb[0] == 'v'));
    int64_t grids = count_grids(d);
    if (grids)
        sl_doctor_ok(d, "grids", "%lld datum grids of PROJ", (long long)grids);
    else
        sl_doctor_warn(d, "grids", "Debian has them in the package proj-data",
                       "PROJ has no datum grids: between some datums it is less exact");
}

static void look_extensions(struct sl_doctor *d)
{
    struct sl_error error = {0};
    struct sl_duck *duck = NULL;
    const struct sl_duck_options options = {.extensions_dir = d->config->duckdb_extensions};
    int rc = sl_duck_open(&options, &duck, &error);
    if (rc == 0)
        rc = sl_duck_load(duck, "postgres_scanner", &error);
    sl_duck_close(duck);
    if (rc == 0) {
        sl_doctor_ok(d, "extensions", "postgres_scanner loads from %s", d->config->duckdb_extensions);
        return;
    }
    if (!error.hint[0])
        sl_error_hint(&error, "scripts/setup.sh installs the extensions; duckdb.extensions names their folder");
    sl_doctor_fail(d, "extensions", &error);
}

static void look_recipes(struct sl_doctor *d)
{
    struct sl_error error = {0};
    SL_CLEANUP(sl_engine_closep) struct sl_engine *e = NULL;
    int rc = sl_engine_open(d->config, SL_NEEDS_RECIPES | SL_NEEDS_MANIFESTS, &e, &error);
    const struct sl_lints *lints = rc ? NULL : sl_recipe_set_lints(e->recipes);
    for (size_t i = 0; !rc && i < lints->n; i++)
        if (lints->items[i].error) {
            rc = sl_fail(&error, SL_E_RECIPE_SCHEMA, "%s:%d:%d: %s", lints->items[i].path, lints->items[i].line,
                         lints->items[i].column, lints->items[i].message);
            sl_error_hint(&error, "sluice recipe lint %s", lints->items[i].path);
        }
    if (!rc && sl_recipe_set_count(e->recipes) == 0)
        rc = sl_fail(&error, SL_E_RECIPE_NOT_FOUND, "there is no recipe");
    if (rc)
        sl_doctor_fail(d, "recipes", &error);
    else
        sl_doctor_ok(d, "recipes", "%zu without errors; the schemas load", sl_recipe_set_count(e->recipes));
}

/* ---- the whole ---- */

int sl_doctor(const struct sl_config *config, void (*tell)(void *data, const struct sl_doctor_line *line), void *data)
{
    static const struct {
        const char *part;
        void (*look)(struct sl_doctor *d);
    } services[] = {{"store", sl_doctor_store},
                    {"postgres", sl_doctor_postgres},
                    {"ledger", sl_doctor_ledger},
                    {"catalog", sl_doctor_catalog},
                    {"clickhouse", sl_doctor_clickhouse},
                    {"iceberg", sl_doctor_iceberg},
                    {"trino", sl_doctor_trino}};
    struct sl_config once = *config; /* whoever asks wants to know now; --wait asks again */
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_doctor d = {.config = &once, .arena = arena, .tell = tell, .data = data};
    once.run_retries = 1;
    once.minio_retries = once.minio_retries > 1 ? 1 : once.minio_retries;
    bool home = look_home(&d);
    look_folder(&d, "scratch", config->run_scratch, "runs unpack and spill there", "run.scratch");
    look_libraries(&d);
    look_extensions(&d);
    look_recipes(&d);
    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        if (home)
            services[i].look(&d);
        else
            skip(&d, services[i].part, "there is no home yet");
    }
    return -(int)d.worst;
}
