/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys/step.h - what a step, a check and an output are, for those who add one.
 *
 * A kind is one constant description: its name, the table of its options, and the function that builds its SQL for a
 * named dialect. The parser, `step list` and `step show`, the recipe's JSON Schema and the reference all come from that
 * table. An instance (struct sl_step and its like) is the kind and a struct of bound options. Builders see only what is
 * here; they quote through sl_sql and never paste.
 */
#ifndef SLUICE_SYS_STEP_H
#define SLUICE_SYS_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/error.h>
#include <sluice/sys/raster_step.h>

struct json_object;
struct sl_arena;
struct sl_column;
struct sl_crs;
struct sl_sql;
struct sl_table;

/* The C type at `offset` of the options' struct, in parentheses. */
enum sl_option_type {
    SL_OPT_STRING,  /* (const char *) */
    SL_OPT_NUMBER,  /* (double) finite */
    SL_OPT_INTEGER, /* (int64_t) */
    SL_OPT_BOOL,    /* (bool) */
    SL_OPT_ENUM,    /* (int) index into choices */
    SL_OPT_CRS,     /* (const char *) AUTHORITY:CODE */
    SL_OPT_COLUMN,  /* (const char *) a column's name */
    SL_OPT_COLUMNS, /* (struct sl_names) a list of columns' names */
    SL_OPT_SQL,     /* (const struct sl_template *) an SQL query or expression with {{input}}, {{geom}}, ${param} */
    SL_OPT_JSON,    /* (struct json_object *) borrowed */
    SL_OPT_MAP,     /* (struct sl_map) columns' names to texts, which are of `choices` where there are any */
    SL_OPT_VALUES,  /* (struct json_object *) a list of texts, numbers and booleans; borrowed */
    SL_OPT_BOUNDS,  /* (struct sl_bounds) [xmin, ymin, xmax, ymax] */
    SL_OPT_VERSION  /* (int64_t) of a dataset; 0: latest */
};

struct sl_names {
    const char *const *items;
    size_t n;
};

struct sl_pair {
    const char *name, *value;
};

struct sl_map {
    const struct sl_pair *items; /* in the order of writing, which means nothing: the recipe's hash does not have it */
    size_t n;
};

/* ymin ≤ ymax; xmin > xmax means over the antimeridian. */
struct sl_bounds {
    bool given;
    double xmin, ymin, xmax, ymax;
};

/* What becomes of columns of one name when tables are put under each other and their types have none in common. */
enum sl_mismatch { SL_MISMATCH_FAIL, SL_MISMATCH_TEXT };

struct sl_option {
    const char *name;
    enum sl_option_type type;
    const char *default_json; /* as JSON text: "0.0001", "\"hilbert\"", "null" (optional, zeroed); NULL: must be given */
    size_t offset;
    const char *help;         /* a sentence, with units */
    const char *const *choices; /* of an enum, or of a map's values; NULL-ended */
    bool bounded_below, bounded_above;
    double minimum, maximum;  /* when bounded */
    bool above_minimum;       /* the minimum itself is out */
};

struct sl_options {
    const struct sl_option *items;
    size_t n;
    size_t struct_bytes;
};

/* SQL with holes, parsed once: pieces of text, and references. Made by recipe/template.h, printed by step/. */
struct sl_template;

enum sl_step_class {
    SL_STEP_TRANSFORM, /* SELECT from the current table makes the next one */
    SL_STEP_INDEX      /* one statement on the current table */
};

enum sl_step_flags {
    SL_STEP_ROW_WISE = 1 << 0,   /* each row comes out of one row: neighbours can be fused */
    SL_STEP_KEEPS_ROWS = 1 << 1, /* as many rows out as in: anything else is rows.lost */
    SL_STEP_UNTRUSTED = 1 << 2,  /* its SQL is the recipe author's */
    SL_STEP_KEEPS_COLUMNS = 1 << 3,
    SL_STEP_SEARCHES = 1 << 5,   /* its query looks for rows by place, so that a spatial index on its input is of use */
    SL_STEP_PLACES = 1 << 7,     /* it is about the geometry: not for tables without any */
    SL_STEP_MERGES = 1 << 6,     /* of rasters: takes all of a batch at once */
    SL_STEP_ORDERS = 1 << 4      /* what it is for is the order of the rows: it is the output's when it is the last transform */
};

/* Another table than a step's input: of a role of the batch's files, or a dataset in the lake. */
struct sl_table_ref {
    const char *role;    /* NULL: a dataset */
    const char *dataset; /* NULL: a role */
    int64_t version;     /* of the dataset; 0: the latest */
};

enum { SL_STEP_TABLES_MAX = 32 }; /* that one step reads */

struct sl_other_table {
    const char *name;             /* in messages: "role zones", "districts v3" */
    const struct sl_table *table; /* columns NULL while a recipe is explained */
    const struct sl_crs *crs;     /* of its geometry; NULL: it has none, or it is not known */
    bool absent;                  /* a role that is not required, and the batch has no file of it */
};

/* The last committed version of the dataset that the table becomes a version of. */
struct sl_previous {
    const char *dataset_id;
    int64_t version; /* 0: there is none yet */
    int64_t rows;    /* -1: not known */
    const struct sl_column *columns;
    size_t n_columns;
};

/* What a builder knows. table.columns is NULL while nothing is loaded (`recipe explain` without a file): then a builder
 * that needs the other columns writes sl_step_other_columns, which prints a marked comment. */
struct sl_step_context {
    const struct sl_table *input; /* schema, name, columns, geometry column, SRID */
    const char *geometry;         /* the geometry column's name, "geom" */
    bool no_geometry;             /* the recipe's tables have none */
    const struct sl_crs *crs;     /* of the input; NULL when unknown */
    const struct sl_previous *previous; /* NULL: not known, and nothing is compared */
    struct sl_arena *arena;
    /* The SRID that the engine has for a CRS, -1 when unknown. */
    int (*srid)(void *data, const char *crs, struct sl_error *err);
    void *srid_data;
    /* The table of a reference. placed: with its geometry in the CRS of the input, and fast to search by place; else as it
     * was loaded. NULL: there are none, every reference is unknown. */
    int (*other)(void *data, const struct sl_table_ref *ref, bool placed, struct sl_other_table *out, struct sl_error *err);
    /* May be NULL. A sentence for the run's warnings; again is free. */
    void (*note)(void *data, const char *sentence);
    void *other_data;
};

/* A name may have two kinds, one for each type of data. */
struct sl_step_kind {
    const char *name;    /* "simplify" */
    const char *data_type; /* "raster": has apply or vectorise, and nothing of SQL; NULL: for vector and table */
    const char *summary; /* one sentence for `step list` */
    const char *help;    /* paragraphs for `step show`; may be NULL */
    const char *example; /* YAML */
    enum sl_step_class class_;
    unsigned flags;      /* enum sl_step_flags */
    unsigned dialects;   /* 1u << enum sl_dialect for each that build knows */
    const char *drops;   /* name of the policy under which it may drop rows ("filter"); NULL: it never does */
    struct sl_options options;
    /* Must provide but for rasters. TRANSFORM: a SELECT of all columns of the output; INDEX: a statement. */
    int (*build)(const struct sl_step_context *context, const void *options, struct sl_sql *out, struct sl_error *err);
    sl_raster_apply *apply; /* must provide for rasters, or vectorise */
    /* See apply. The step's result is vectors: what comes after it in a recipe is for vectors. */
    sl_raster_vectorise *vectorise;
    /* May provide; if absent, options are fine when each is. Relations between options. */
    int (*validate)(const void *options, struct sl_error *err);
    /* May provide; if absent, the CRS stays. The CRS of the output, as AUTHORITY:CODE. */
    const char *(*crs_after)(const void *options);
    /* May provide; if absent, it reads its input only. The other tables that it reads; returns how many. */
    size_t (*reads)(const void *options, struct sl_table_ref out[SL_STEP_TABLES_MAX]);
    /* May provide; if absent, a step drops rows or adds some, never both. A SELECT of one number: how many of the input's rows
     * are in the output. Nothing appended: all of them. */
    int (*kept)(const struct sl_step_context *context, const void *options, struct sl_sql *out, struct sl_error *err);
    /* May provide. Whether the counts are what the options promise: rows of the input, those that are in the output, the
     * output's. */
    int (*judge)(const void *options, int64_t before, int64_t kept, int64_t after, struct sl_error *err);
};

enum sl_on_fail {
    SL_ON_FAIL_FAIL,
    SL_ON_FAIL_WARN,
    SL_ON_FAIL_QUARANTINE /* rows that break the rule are put aside; only where there is a predicate */
};

/* A rule about each row has a predicate and a reason; one about the table as a whole has build, or judge where it takes no
 * SQL. */
struct sl_check_kind {
    const char *name;
    const char *summary, *help, *example;
    unsigned dialects;
    bool counts;               /* its build only counts rows: SQL that needs no engine of the recipe's */
    bool compares;             /* it looks at context.previous */
    bool places;               /* it is about the geometry: not for tables without any */
    struct sl_options options; /* without on_fail, which every check has */
    /* Must provide, or build, or judge. A condition on the input's columns that holds for the rows that break the rule; where
     * it is NULL, a row does not. */
    int (*predicate)(const struct sl_step_context *context, const void *options, struct sl_sql *out, struct sl_error *err);
    /* Must provide with predicate. An expression of type text for a row that breaks it: "no value in name". */
    void (*reason)(const struct sl_step_context *context, const void *options, struct sl_sql *out);
    /* See predicate. A SELECT of one number: 0 when the table keeps the rule, else 1. */
    int (*build)(const struct sl_step_context *context, const void *options, struct sl_sql *out, struct sl_error *err);
    /* See predicate. 0 when the table keeps the rule, by what is known of it. */
    int64_t (*judge)(const struct sl_step_context *context, const void *options);
    /* May provide; if absent, options are fine when each is. Relations between options. */
    int (*validate)(const void *options, struct sl_error *err);
    /* Must provide. The sentence when `broken` of the input's rows do: "12 of 177 rows have an invalid geometry". */
    void (*sentence)(const struct sl_step_context *context, const void *options, int64_t broken, char *out, size_t out_bytes);
    /* May provide; if absent, nothing. What the run says although the rule is kept; out is "" before. */
    void (*note)(const struct sl_step_context *context, const void *options, char *out, size_t out_bytes);
};

struct sl_output_kind {
    const char *name;      /* "geoparquet", "cog" */
    const char *summary, *help, *example;
    const char *data_type; /* "vector", "raster", "table" */
    bool tables;           /* of type vector: also for tables, whose asset is then one */
    const char *asset_kind; /* "vector", "raster", "table" */
    const char *extension, *media_type;
    struct sl_options options; /* without `dataset`, which every output has */
    /* May provide; if absent, options are fine when each is. Relations between options, and what bounds cannot say. */
    int (*validate)(const void *options, struct sl_error *err);
};

/* All kinds, each list ended by NULL. Handed to recipe/, which may not include step/. */
struct sl_kinds {
    const struct sl_step_kind *const *steps;
    const struct sl_check_kind *const *checks;
    const struct sl_output_kind *const *outputs;
};

#endif
