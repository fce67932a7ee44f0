/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every setting from the first source that has it: flags, environment, .env, sluice.yaml, default. "home" and "config"
 * come first, since they say where the file is.
 */
#include "config/settings.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/env.h"
#include "base/file.h"
#include "base/text.h"

enum { SECRET_FILE_MAX_BYTES = 64 * 1024 };

struct loader {
    struct sl_config *config;
    struct sl_arena *arena;
    const struct sl_config_flag *flags;
    size_t n_flags;
    struct sl_dotenv dotenv;
    struct sl_raw file[SL_CONFIG_MAX_SETTINGS];
    const char *cwd, *data_dir, *duckdb_dir;
};

/* A name in the environment (or in .env) with what it says. */
static bool look_up(struct loader *l, const char *name, bool dotenv, struct sl_raw *out)
{
    const struct sl_dotenv_pair *pair = dotenv ? sl_dotenv_find(&l->dotenv, name) : NULL;
    const char *text = dotenv ? (pair ? pair->value : NULL) : sl_env(name);
    if (!text)
        return false;
    const char *origin = pair ? sl_arena_printf(l->arena, ".env:%d", pair->line)
                              : sl_arena_printf(l->arena, "environment %s", name);
    *out = (struct sl_raw){.text = text, .origin = origin, .base = l->cwd};
    return true;
}

static int read_secret(struct loader *l, const char *name, struct sl_raw *raw, struct sl_error *err)
{
    struct sl_buf buf;
    sl_buf_init(&buf, SECRET_FILE_MAX_BYTES);
    const char *path = sl_config__absolute(l->arena, raw->base, raw->text);
    int rc = sl_file_read(path, &buf, err);
    if (rc == 0 && strlen(buf.data) != buf.len)
        rc = sl_fail(err, SL_E_CONFIG_VALUE, "it has a NUL byte");
    if (rc) {
        if (err)
            err->code = SL_E_CONFIG_VALUE;
        sl_error_prefix(err, "%s (%s): %s", name, raw->origin, path);
        rc = -SL_E_CONFIG_VALUE;
    } else {
        size_t n = buf.len && buf.data[buf.len - 1] == '\n' ? buf.len - 1 : buf.len;
        if (n < buf.len && n && buf.data[n - 1] == '\r')
            n--;
        raw->text = sl_arena_strndup(l->arena, buf.data, n);
    }
    explicit_bzero(buf.data, buf.capacity);
    sl_buf_free(&buf);
    return rc;
}

/* From the environment, or from .env. */
static int from_environment(struct loader *l, const struct sl_setting *s, bool dotenv, struct sl_raw *out,
                            struct sl_error *err)
{
    char names[SL_CONFIG_MAX_ENV][SL_CONFIG_ENV_BYTES], in_file[SL_CONFIG_ENV_BYTES + 8];
    size_t n = sl_config__env_names(s, names);
    for (size_t i = 0; i < n; i++) {
        struct sl_raw file;
        bool plain = look_up(l, names[i], dotenv, out);
        snprintf(in_file, sizeof in_file, "%s_FILE", names[i]);
        if (s->secret && look_up(l, in_file, dotenv, &file)) {
            if (plain)
                return sl_fail(err, SL_E_CONFIG_VALUE, "%s and %s are both set", names[i], in_file);
            *out = file;
            return read_secret(l, in_file, out, err);
        }
        if (plain)
            return 0;
    }
    return 0;
}

static const char *fallback_text(struct loader *l, const struct sl_setting *s)
{
    static const struct {
        const char *mark;
        size_t which;
    } marks[] = {{"<home>", 0}, {"<data>", 1}, {"<duckdb>", 2}};
    const char *places[] = {l->config->home, l->data_dir, l->duckdb_dir};
    char *out = sl_arena_strdup(l->arena, "");
    for (const char *p = s->fallback; *p;) {
        size_t m = 0;
        while (m < 3 && !sl_text_starts(p, marks[m].mark))
            m++;
        if (m < 3) {
            out = sl_arena_printf(l->arena, "%s%s", out, places[marks[m].which]);
            p += strlen(marks[m].mark);
        } else {
            out = sl_arena_printf(l->arena, "%s%c", out, *p++);
        }
    }
    return out;
}

static int find_raw(struct loader *l, size_t i, struct sl_raw *raw, struct sl_error *err)
{
    const struct sl_setting *s = &sl_config__settings[i];
    *raw = (struct sl_raw){0};
    for (size_t f = l->n_flags; f-- > 0 && !raw->text;) /* the last one counts */
        if (!strcmp(l->flags[f].key, s->key))
            *raw = (struct sl_raw){.text = l->flags[f].value, .origin = "flag", .base = l->cwd};
    int rc = 0;
    if (!raw->text)
        rc = from_environment(l, s, false, raw, err);
    if (rc == 0 && !raw->text)
        rc = from_environment(l, s, true, raw, err);
    if (rc == 0 && !raw->text)
        *raw = l->file[i];
    if (rc == 0 && !raw->text)
        *raw = (struct sl_raw){.text = fallback_text(l, s), .origin = "default", .base = l->cwd};
    return rc;
}

static int resolve(struct loader *l, size_t i, struct sl_error *err)
{
    const struct sl_setting *s = &sl_config__settings[i];
    struct sl_raw raw;
    const char *shown = NULL;
    int rc = find_raw(l, i, &raw, err);
    if (rc == 0)
        rc = sl_config__set(l->config, s, &raw, l->arena, &shown, err);
    if (rc)
        return rc;
    if (s->dsn && *shown)
        shown = sl_config__mask_dsn(l->arena, shown);
    else if (s->secret && *shown)
        shown = "********";
    l->config->origins->of[i].shown = shown;
    l->config->origins->of[i].origin = sl_arena_strdup(l->arena, raw.origin);
    return 0;
}

static int check_flags(const struct loader *l, struct sl_error *err)
{
    for (size_t i = 0; i < l->n_flags; i++)
        if (sl_config__find(l->flags[i].key) < 0)
            return sl_config__unknown("", l->flags[i].key, err);
    return 0;
}

/* Names that start with SLUICE_ are ours: one that means nothing is a mistake. Others in .env are other programs'. */
static int check_dotenv(const struct loader *l, struct sl_error *err)
{
    char (*known)[SL_CONFIG_ENV_BYTES + 8] =
        sl_arena_array(l->arena, 2 * SL_CONFIG_MAX_SETTINGS, sizeof *known);
    const char *list[2 * SL_CONFIG_MAX_SETTINGS];
    size_t n = 0;
    for (size_t i = 0; i < sl_config__n_settings; i++) {
        char names[SL_CONFIG_MAX_ENV][SL_CONFIG_ENV_BYTES];
        sl_config__env_names(&sl_config__settings[i], names);
        memcpy(known[n], names[0], sizeof names[0]);
        list[n] = known[n];
        n++;
        if (sl_config__settings[i].secret) {
            snprintf(known[n], sizeof known[n], "%s_FILE", names[0]);
            list[n] = known[n];
            n++;
        }
    }
    for (size_t i = 0; i < l->dotenv.n; i++) {
        const struct sl_dotenv_pair *p = &l->dotenv.pairs[i];
        bool found = !sl_text_starts(p->name, "SLUICE_");
        for (size_t k = 0; !found && k < n; k++)
            found = !strcmp(p->name, list[k]);
        if (found)
            continue;
        int rc = sl_fail(err, SL_E_CONFIG_KEY, ".env:%d: there is no setting %s", p->line, p->name);
        const char *nearest = sl_text_nearest(p->name, list, n);
        if (nearest)
            sl_error_hint(err, "did you mean %s?", nearest);
        return rc;
    }
    return 0;
}

static int read_file(struct loader *l, size_t home, size_t config, struct sl_error *err)
{
    bool named = strcmp(l->config->origins->of[config].origin, "default") != 0;
    int rc = sl_config__read_yaml(l->config->config_file, named, l->arena, l->file, err);
    if (rc)
        return rc;
    if (l->file[config].text)
        return sl_fail(err, SL_E_CONFIG_KEY, "%s: \"config\" cannot be set in the file that it names",
                       l->file[config].origin);
    if (l->file[home].text && !named) {
        rc = sl_fail(err, SL_E_CONFIG_KEY, "%s: \"home\" cannot be set in a file that lies in it",
                     l->file[home].origin);
        sl_error_hint(err, "use SLUICE_HOME, or name another file by SLUICE_CONFIG");
        return rc;
    }
    return resolve(l, home, err);
}

static int load(struct loader *l, struct sl_error *err)
{
    char cwd[PATH_MAX];
    if (!getcwd(cwd, sizeof cwd))
        return sl_fail(err, SL_E_CONFIG_HOME, "the working folder is gone");
    l->cwd = sl_arena_strdup(l->arena, cwd);
    l->data_dir = sl_config__data_dir(l->arena);
    l->duckdb_dir = sl_config__duckdb_dir(l->arena);
    const size_t home = (size_t)sl_config__find("home"), config = (size_t)sl_config__find("config");
    int rc = check_flags(l, err);
    if (rc == 0)
        rc = sl_dotenv_read(".env", l->arena, &l->dotenv, err);
    l->config->origins->dotenv = &l->dotenv;
    l->config->origins->cwd = l->cwd;
    if (rc == 0)
        rc = check_dotenv(l, err);
    if (rc == 0)
        rc = resolve(l, home, err);
    if (rc == 0)
        rc = resolve(l, config, err);
    if (rc == 0)
        rc = read_file(l, home, config, err);
    for (size_t i = 0; rc == 0 && i < sl_config__n_settings; i++)
        if (i != home && i != config)
            rc = resolve(l, i, err);
    if (rc == 0 && !*l->config->home)
        rc = sl_fail(err, SL_E_CONFIG_HOME, "the home is empty");
    return rc;
}

int sl_config_load(const struct sl_config_flag *flags, size_t n_flags, struct sl_config **out, struct sl_error *err)
{
    struct sl_arena *arena = sl_arena_new();
    struct loader *l = sl_arena_alloc(arena, sizeof *l);
    l->arena = arena;
    l->flags = flags;
    l->n_flags = n_flags;
    l->config = sl_arena_alloc(arena, sizeof *l->config);
    l->config->origins = sl_arena_alloc(arena, sizeof *l->config->origins);
    l->config->origins->arena = arena;
    int rc = load(l, err);
    if (rc)
        sl_arena_free(arena);
    else
        *out = l->config;
    return rc;
}

int sl_config_named(const struct sl_config *config, const char *name, const char **out, struct sl_error *err)
{
    struct sl_config_origins *o = config->origins;
    struct loader l = {.arena = o->arena, .cwd = o->cwd, .dotenv = *o->dotenv};
    const char *in_file = sl_arena_printf(o->arena, "%s_FILE", name);
    struct sl_raw raw = {0};
    for (int dotenv = 0; dotenv < 2; dotenv++) {
        if (look_up(&l, name, dotenv, &raw))
            break;
        if (!look_up(&l, in_file, dotenv, &raw))
            continue;
        int rc = read_secret(&l, in_file, &raw, err);
        if (rc < 0)
            return rc;
        break;
    }
    *out = raw.text && *raw.text ? raw.text : NULL;
    return 0;
}

void sl_config_free(struct sl_config *config)
{
    if (config)
        sl_arena_free(config->origins->arena);
}
