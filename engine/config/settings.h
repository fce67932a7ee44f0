/* SPDX-License-Identifier: Apache-2.0 */
/* settings.h - the table of settings, and what the files of this folder share. Nobody outside includes it. */
#ifndef SLUICE_CONFIG_SETTINGS_H
#define SLUICE_CONFIG_SETTINGS_H

#include "base/arena.h"
#include "base/buf.h"
#include "config/config.h"

enum sl_setting_type {
    SL_SET_STRING,
    SL_SET_INT,
    SL_SET_BOOL,
    SL_SET_BYTES,    /* "400MB", "2 GiB", "1048576" */
    SL_SET_DURATION, /* "500ms", "60s", "10min", "1h": milliseconds */
    SL_SET_PATH,     /* made absolute */
    SL_SET_PATHS,    /* folders, separated by colons */
    SL_SET_ENUM
};

struct sl_setting {
    const char *key;
    const char *env; /* names in the environment besides SLUICE_<KEY>, separated by spaces, first one first */
    enum sl_setting_type type;
    /* "<home>/x": in the home; "<data>/x": with what is installed; "<duckdb>": with DuckDB. */
    const char *fallback;
    const char *choices; /* of an enum, separated by spaces */
    int64_t least, most; /* of a number */
    bool secret;
    bool dsn; /* secret only in part: shown with its passwords masked */
    size_t offset;
    const char *help;
};

extern const struct sl_setting sl_config__settings[];
extern const size_t sl_config__n_settings;
enum { SL_CONFIG_MAX_SETTINGS = 160, SL_CONFIG_ENV_BYTES = 96, SL_CONFIG_MAX_ENV = 6 };

/* Index of a key, or -1. */
int sl_config__find(const char *key);
/* "unknown setting" with the nearest real one as the hint; place may be "". */
int sl_config__unknown(const char *place, const char *key, struct sl_error *err);
/* The names in the environment of a setting, first one first; returns how many. */
size_t sl_config__env_names(const struct sl_setting *s, char names[SL_CONFIG_MAX_ENV][SL_CONFIG_ENV_BYTES]);

/* A value as somebody wrote it. */
struct sl_raw {
    const char *text;   /* NULL: not given */
    const char *origin; /* for people */
    const char *base;   /* folder that a relative path starts from */
    bool quoted;        /* from YAML: a string, not a number or a truth value */
    bool yaml;
};

struct sl_dotenv;
struct sl_config_origins {
    struct sl_arena *arena;
    const struct sl_dotenv *dotenv;
    const char *cwd; /* when it was loaded */
    struct {
        const char *shown, *origin;
    } of[SL_CONFIG_MAX_SETTINGS];
};

/* Parses raw into the setting's field of config; *shown is its normal form (not masked). */
int sl_config__set(struct sl_config *config, const struct sl_setting *s, const struct sl_raw *raw,
                   struct sl_arena *arena, const char **shown, struct sl_error *err);
/* Absolute, without "." and empty components. */
char *sl_config__absolute(struct sl_arena *arena, const char *base, const char *path);
/* A connection string with its passwords masked. */
char *sl_config__mask_dsn(struct sl_arena *arena, const char *dsn);

/* dotenv.c */
struct sl_dotenv_pair {
    const char *name, *value;
    int line;
};
struct sl_dotenv {
    struct sl_dotenv_pair *pairs;
    size_t n;
};
/* An absent file is an empty one. */
int sl_dotenv_read(const char *path, struct sl_arena *arena, struct sl_dotenv *out, struct sl_error *err);
int sl_dotenv_parse(const char *name, const char *text, struct sl_arena *arena, struct sl_dotenv *out,
                    struct sl_error *err);
const struct sl_dotenv_pair *sl_dotenv_find(const struct sl_dotenv *env, const char *name);

/* yaml_file.c: raws has one for each setting. must_exist: the user named it. */
int sl_config__read_yaml(const char *path, bool must_exist, struct sl_arena *arena, struct sl_raw *raws,
                         struct sl_error *err);

/* places.c */
const char *sl_config__data_dir(struct sl_arena *arena);
const char *sl_config__duckdb_dir(struct sl_arena *arena);

#endif
