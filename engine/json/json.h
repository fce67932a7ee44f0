/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - strict reading of JSON, and small helpers on json-c.
 *
 * A document is a json-c tree and, beside it, where each value stands in its text, found by JSON Pointer. The tree is
 * read-only once parsed. YAML (yaml/yaml.h) is read into the same struct sl_doc.
 */
#ifndef SLUICE_JSON_JSON_H
#define SLUICE_JSON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>
#include <sluice/error.h>

#include "base/arena.h"
#include "base/buf.h"

struct sl_doc {
    struct json_object *root; /* owned by the document; may be NULL for the JSON value null */
    const char *name;         /* for messages: a file's path or an object's key */
    struct sl_doc_marks *marks;
};

struct sl_json_limits {
    size_t max_bytes; /* of the text */
    int max_depth;
    size_t max_values;
    bool allow_nul; /* "\u0000" in strings (never in keys): only for callers that use lengths, not C strings */
};
/* 1 MiB, 64, 100,000: manifests and recipes. */
extern const struct sl_json_limits sl_json_limits_small;

/*
 * Reads strictly (RFC 8259, I-JSON's rules of RFC 7493 for keys): duplicate keys, trailing data, comments, bad UTF-8,
 * lone surrogates, NaN, too deep or too large are refused with line and column in the message
 * ("b.json:9:17: duplicate key \"crs\""). Codes json.*. Integers beyond int64/uint64 become doubles with their text kept.
 */
int sl_json_parse(const char *name, const char *text, size_t bytes, const struct sl_json_limits *limits,
                  struct sl_doc **out, struct sl_error *err);
int sl_json_parse_file(const char *path, const struct sl_json_limits *limits, struct sl_doc **out,
                       struct sl_error *err);
void sl_doc_free(struct sl_doc *doc); /* NULL is allowed */
void sl_doc_freep(struct sl_doc **doc);

/* Where the value at a JSON Pointer starts (1-based); false when that is not known. For the place of a missing member
 * ask for its parent. */
bool sl_doc_where(const struct sl_doc *doc, const char *pointer, int *line, int *column);
/* Where a member's name starts; false for what is no member of an object. */
bool sl_doc_where_key(const struct sl_doc *doc, const char *pointer, int *line, int *column);

/* Members by name. _str, _int, … return the fallback when the member is missing or of another type. Borrowed. */
struct json_object *sl_json_get(struct json_object *obj, const char *key);
const char *sl_json_str(struct json_object *obj, const char *key, const char *fallback);
int64_t sl_json_int(struct json_object *obj, const char *key, int64_t fallback);
double sl_json_num(struct json_object *obj, const char *key, double fallback);
bool sl_json_bool(struct json_object *obj, const char *key, bool fallback);
/* Puts a string (NULL: JSON null), taking nothing over. */
void sl_json_put_str(struct json_object *obj, const char *key, const char *value);
void sl_json_put_int(struct json_object *obj, const char *key, int64_t value);
/* Puts a value and takes the reference over; NULL puts JSON null. */
void sl_json_put(struct json_object *obj, const char *key, struct json_object *value);

/* Canonical text for hashing: members sorted by key (bytewise), no white space, numbers as json-c prints them except
 * that 1.0 and 1 are alike ("1"). Appends to out. */
void sl_json_canonical(struct json_object *value, struct sl_buf *out);

enum { SL_JSON_DOUBLE_BYTES = 32 };
/* The shortest decimal that reads back as the same double ("0.1"), into out of SL_JSON_DOUBLE_BYTES; returns out. */
char *sl_json_double_text(char *out, double value);
/* A number that prints so; JSON null for NaN and infinities. The caller owns it. */
struct json_object *sl_json_double(double value);

/* One reference token appended to a pointer, "~" and "/" escaped (RFC 6901). */
void sl_json_pointer_add(struct sl_buf *pointer, const char *token);
/* The value at an RFC 6901 pointer; false when there is none. *out is borrowed and may be NULL for null. */
bool sl_json_pointer_get(struct json_object *root, const char *pointer, struct json_object **out);

/* For SL_CLEANUP on a struct json_object *. */
void sl_json_putp(struct json_object **obj);

#endif
