/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema.h - JSON Schema, draft 2020-12, compiled once and used often.
 *
 * Nothing is ever fetched: a $ref reaches what was added to the set, or compilation fails (schema.ref). Vocabularies:
 * core, applicator, unevaluated, validation, meta-data; format is an annotation unless asserted; content is an
 * annotation. `pattern` is matched by PCRE2 (UTF mode, ECMA-compatible settings) with match limits. A compiled schema is
 * read-only and may be used from several threads.
 */
#ifndef SLUICE_SCHEMA_SCHEMA_H
#define SLUICE_SCHEMA_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>
#include <sluice/error.h>

#include "base/arena.h"

struct sl_schema_set; /* documents that may refer to each other */
struct sl_schema;     /* one compiled, owned by its set */

struct sl_schema_options {
    bool assert_format;
    int max_depth; /* of evaluation; 0: 256 */
};

/* A set knows the 2020-12 metaschemas from the start. */
struct sl_schema_set *sl_schema_set_new(const struct sl_schema_options *options);
void sl_schema_set_free(struct sl_schema_set *set);
/* Adds a document under a URI (its own $id wins for references to it); keeps a reference to `schema`. */
int sl_schema_set_add(struct sl_schema_set *set, const char *uri, struct json_object *schema, struct sl_error *err);
/* Compiles what `uri` (with an optional fragment) names. */
int sl_schema_compile(struct sl_schema_set *set, const char *uri, const struct sl_schema **out, struct sl_error *err);

struct sl_violation {
    const char *instance_pointer; /* "/files/0/crs"; "" is the whole document */
    const char *schema_pointer;   /* "/properties/files/items/…/pattern" */
    const char *keyword;          /* "pattern" */
    const char *message;          /* a sentence about the value, without its pointer: "is required" */
};

struct sl_violations {
    struct sl_violation *items;
    size_t n, capacity;
    size_t max;      /* further ones are counted, not kept; 0: 100 */
    size_t dropped;
    struct sl_arena *arena; /* owns the strings and items; set by the caller */
};

/* All violations at once; true when the instance is valid. For a failed anyOf/oneOf the branch that came nearest is
 * told. A member that is missing is told at the member's own pointer ("/metadata/project": "is required"). */
bool sl_schema_check(const struct sl_schema *schema, struct json_object *instance, struct sl_violations *violations);

/* For checks made outside of a schema (path rules), so that all violations come in one list. */
void sl_violation_add(struct sl_violations *violations, const char *instance_pointer, const char *schema_pointer,
                      const char *keyword, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#endif
