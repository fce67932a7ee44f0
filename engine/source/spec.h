/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec.h - a source as its YAML says it: read, linted and bound by the tables of options that recipes are bound by.
 *
 * `kind: Source` has what is asked of an API (request), what becomes of each record (normalise, columns, drift, schema), and
 * what a run covers (incremental). A spec is read-only and lives in its set. Text of a request may hold ${name}: a parameter,
 * or what the window gives (sl_source_builtins). Secrets are named, never written: a name of the environment or of .env.
 */
#ifndef SLUICE_SOURCE_SPEC_H
#define SLUICE_SOURCE_SPEC_H

#include "recipe/recipe.h"

enum {
    SL_SOURCE_MAX_OPS = 64,
    SL_SOURCE_MAX_COLUMNS = 512, /* of a table, with those that records bring */
    SL_SOURCE_MAX_MEMBERS = 64,  /* of query and headers */
    SL_SOURCE_MAX_PAGES = 1000000,
    SL_SOURCE_NAME_BYTES = 64
};

struct sl_normalise_kind;

struct sl_normalise_op {
    const struct sl_normalise_kind *kind;
    void *options;
};

enum sl_source_kind { SL_SOURCE_PAGES, SL_SOURCE_JOB };
enum sl_source_paging { SL_PAGING_NONE, SL_PAGING_OFFSET, SL_PAGING_PAGE, SL_PAGING_CURSOR, SL_PAGING_LINK };
enum sl_source_auth { SL_AUTH_NONE, SL_AUTH_HEADER, SL_AUTH_QUERY, SL_AUTH_BASIC, SL_AUTH_BEARER };
enum sl_drift { SL_DRIFT_EVOLVE, SL_DRIFT_FREEZE, SL_DRIFT_DISCARD_VALUE, SL_DRIFT_DISCARD_ROW };
extern const char *const sl_source_drifts[]; /* in that order, NULL-ended */

/* Of a column of the table. */
enum sl_source_type {
    SL_TYPE_BIGINT,
    SL_TYPE_DOUBLE,
    SL_TYPE_VARCHAR,
    SL_TYPE_BOOLEAN,
    SL_TYPE_TIMESTAMP, /* UTC, microseconds */
    SL_TYPE_LISTS,     /* + one of the first four: a list of it */
    SL_TYPE_COUNT = SL_TYPE_LISTS + 4
};
extern const char *const sl_source_types[]; /* "bigint", …, "bigint[]", …, NULL */

struct sl_source_paging_options { /* of all kinds; what one does not have is zero */
    int64_t limit, first;
    const char *limit_param, *at_param; /* NULL or "": not sent */
    const char *total; /* JSON Pointer; NULL: the server does not say */
    const char *next;  /* JSON Pointer of a cursor */
};

struct sl_source_auth_options {
    int kind; /* enum sl_source_auth, without none */
    const char *name, *secret, *user, *user_from;
    bool optional;
};

struct sl_source_request {
    int kind; /* enum sl_source_kind */
    const char *base_url, *base_url_from, *path;
    struct json_object *query, *headers, *auth_json, *pagination, *rate_json, *retry_json, *body;
    const char *records, *timeout;
    const char *jobs, *file, *format, *wait; /* of a job */
    int64_t wait_ms;
    int64_t max_pages;
    enum sl_source_paging paging;
    struct sl_source_paging_options page;
    struct sl_source_auth_options auth;
    bool has_auth;
    struct {
        double per_second;
        int64_t per_day;
    } rate;
    struct {
        int64_t attempts;
        const char *base, *max;
        int64_t base_ms, max_ms;
    } retry;
    int64_t timeout_ms;
};

struct sl_source_incremental {
    const char *start, *window, *overlap, *lag;
    int64_t start_ms, window_ms, overlap_ms, lag_ms; /* window 0: all at once */
};

struct sl_source_drift {
    int fallback; /* enum sl_drift */
    struct sl_map fields;
};

struct sl_source_spec {
    const char *name;
    int64_t version;
    const char *description, *dataset, *intent, *project, *zone;
    int64_t max_bad;       /* records; -1: any number */
    double max_bad_share;
    struct json_object *params_json, *request_json, *incremental_json, *normalise, *drift_json, *schema;
    struct sl_map columns_map;
    struct sl_names key;
    const char *api_version, *kind_word;
    /* What is made of these: */
    struct sl_recipe_param *params;
    size_t n_params;
    struct sl_source_request request;
    bool has_incremental;
    struct sl_source_incremental incremental;
    struct sl_source_drift drift;
    struct sl_normalise_op *ops;
    size_t n_ops;
    const char *path;
    char hash[65]; /* of the canonical JSON */
    const struct sl_doc *doc;
};

struct sl_source_set;

/* Reads every *.yaml of the folders (NULL-ended; one that is not there is skipped); of two sources of one name the earlier
 * folder's counts. A file with errors is left out and its lints kept. */
int sl_source_set_load(const char *const *folders, struct sl_source_set **out, struct sl_error *err);
void sl_source_set_free(struct sl_source_set *set); /* NULL is allowed */
size_t sl_source_set_count(const struct sl_source_set *set);
const struct sl_source_spec *sl_source_set_at(const struct sl_source_set *set, size_t i); /* by name */
const struct sl_lints *sl_source_set_lints(const struct sl_source_set *set);
/* SL_E_SOURCE_NOT_FOUND with the nearest name. */
int sl_source_by_name(const struct sl_source_set *set, const char *name, const struct sl_source_spec **out,
                      struct sl_error *err);
/* One file: all its problems in lints (arena set by the caller, which outlives *out); *out NULL when it has errors. */
int sl_source_lint_file(const char *path, struct sl_lints *lints, const struct sl_source_spec **out, struct sl_error *err);
/* schemas/source.schema.json, for editors. The caller owns it. */
struct json_object *sl_source_schema(void);

/* The type's index by its name, or -1. */
int sl_source_type_by_name(const char *name);

#endif
