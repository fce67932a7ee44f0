/* SPDX-License-Identifier: Apache-2.0 */
/*
 * internal.h - what the parts of the validator share.
 *
 * A document added to a set becomes, when it is first needed, a graph of nodes: one node a (sub)schema, found by its
 * json-c object. Nodes know their resource (the nearest $id), in which references and anchors are resolved. Compilation
 * works through the nodes that can be reached and turns their members into keywords, each a kind (constant description)
 * with its data. Evaluation walks nodes and instance together and reads compiled data only.
 */
#ifndef SLUICE_SCHEMA_INTERNAL_H
#define SLUICE_SCHEMA_INTERNAL_H

#include <stdint.h>

#include "base/buf.h"
#include "json/json.h"
#include "schema/map.h"
#include "schema/pattern.h"
#include "schema/schema.h"

struct sl_schema__text {
    const char *name, *text;
    size_t bytes;
};
extern const struct sl_schema__text sl_schema__metaschemas[]; /* ends with a NULL name */

#define SL_SCHEMA__DRAFT "https://json-schema.org/draft/2020-12/"

enum {
    VOCAB_CORE = 1,
    VOCAB_APPLICATOR = 2,
    VOCAB_UNEVALUATED = 4,
    VOCAB_VALIDATION = 8,
    VOCAB_FORMAT = 16,
    VOCAB_FORMAT_ASSERTION = 32,
    VOCAB_ALL = 31
};

struct anchor {
    struct node *node;
    bool dynamic;
};

struct resource {
    const char *uri; /* absolute where anything was, without fragment */
    struct node *root;
    struct sl_schema__map anchors; /* name to struct anchor */
    unsigned vocabularies;
};

struct keyword;
struct frame;
struct compiler;

/* Where a keyword's subschemas are in its value. */
enum shape { SHAPE_NONE, SHAPE_ONE, SHAPE_LIST, SHAPE_MAP };

struct keyword_kind {
    const char *name;
    unsigned vocabulary;
    enum shape shape;
    /* May be absent: then the keyword is only a place of subschemas, or an annotation. */
    int (*compile)(struct compiler *c, struct keyword *kw, struct sl_error *err);
    /* false: the instance is not valid, and when violations are wanted they were reported. */
    bool (*check)(const struct frame *f, const struct keyword *kw);
};
/* In the order of evaluation; ends with a NULL name. */
extern const struct keyword_kind *const sl_schema__kinds[];

struct keyword {
    const struct keyword_kind *kind;
    const struct node *node;
    struct json_object *value;
    void *data; /* of the kind, in the set's arena */
};

struct node {
    struct resource *resource;
    struct json_object *json;
    const char *pointer; /* within its document */
    struct keyword *keywords;
    size_t n_keywords;
    bool is_boolean, allow; /* a boolean schema */
    bool queued, compiled;
    bool tracks; /* has unevaluatedItems or unevaluatedProperties */
    struct node *next; /* in the queue */
};

struct document {
    const char *uri;
    struct json_object *json; /* referenced */
    struct sl_doc *doc;       /* of a metaschema: owns json */
    struct resource *resource; /* NULL: not read yet */
};

struct sl_schema_set {
    struct sl_schema_options options;
    struct sl_arena *arena;
    struct document *documents;
    size_t n_documents, capacity;
    struct sl_schema__map by_uri;  /* documents and resources: URI to struct resource */
    struct sl_schema__map by_json; /* json-c object to struct node */
    struct node **dynamic;         /* nodes with a $dynamicAnchor */
    size_t n_dynamic, dynamic_capacity;
};

struct sl_schema {
    const struct node *node;
    bool assert_format;
    int max_depth;
};

struct compiler {
    struct sl_schema_set *set;
    struct node *queue;
};

/* node.c */
int sl_schema__node_new(struct sl_schema_set *set, struct json_object *json, struct resource *parent,
                        const char *pointer, struct node **out, struct sl_error *err);
struct node *sl_schema__node_of(struct sl_schema_set *set, struct json_object *json);
int sl_schema__document_read(struct sl_schema_set *set, size_t index, struct sl_error *err);

/* refs.c */
int sl_schema__resource(struct sl_schema_set *set, const char *uri, struct resource **out, struct sl_error *err);
int sl_schema__resolve(struct sl_schema_set *set, const char *base, const char *ref, struct node **out,
                       const char **anchor, struct sl_error *err);

/* set.c, for the kinds' compile functions */
const struct node *sl_schema__sub(struct compiler *c, struct json_object *json); /* queues it */
void sl_schema__queue(struct compiler *c, struct node *node);
/* schema.invalid: "<uri>#<pointer>/<keyword> must be …" */
int sl_schema__invalid(const struct keyword *kw, struct sl_error *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int sl_schema__need(const struct keyword *kw, enum json_type type, const char *what, struct sl_error *err);
int sl_schema__need_count(const struct keyword *kw, uint64_t *out, struct sl_error *err);
struct json_object *sl_schema__sibling(const struct keyword *kw, const char *name);

/* unevaluated.c: which members or items of one instance have been evaluated. */
struct seen {
    unsigned char *done;
    size_t n;
};
void sl_schema__seen_init(struct seen *seen, struct json_object *instance);
void sl_schema__seen_free(struct seen *seen);
void sl_schema__seen_mark(struct seen *seen, size_t index); /* seen may be NULL */
void sl_schema__seen_mark_all(struct seen *seen);
void sl_schema__seen_merge(struct seen *into, const struct seen *from);

/* evaluate.c */
struct path {
    const struct path *parent;
    const char *key; /* NULL: an index */
    size_t index;
};

struct scope {
    const struct scope *outer;
    const struct resource *resource;
};

struct context {
    struct sl_violations *violations; /* NULL: only the answer is wanted */
    struct sl_schema__match *match;
    bool assert_format;
    bool too_deep;
    int depth, max_depth;
};

struct frame {
    struct context *ctx;
    const struct node *node;
    struct json_object *instance;
    const struct path *path;
    const struct scope *scope;
    struct seen *seen;     /* may be NULL: nobody asks */
    bool *branch_failed;   /* set where a failed branch leaves members unevaluated */
};

/* The same instance by another schema. */
bool sl_schema__apply(const struct frame *f, const struct node *node, struct seen *seen);
/* The same, without any report. */
bool sl_schema__try(const struct frame *f, const struct node *node, struct seen *seen);
/* A member or an item. */
bool sl_schema__apply_member(const struct frame *f, const struct node *node, const char *key, struct json_object *value);
bool sl_schema__apply_item(const struct frame *f, const struct node *node, size_t index, struct json_object *value);
bool sl_schema__try_item(const struct frame *f, const struct node *node, size_t index, struct json_object *value);
/* Whether to go on after a failure. */
bool sl_schema__wants_all(const struct frame *f);

/* violations.c; each returns false. */
bool sl_schema__report(const struct frame *f, const struct keyword *kw, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool sl_schema__report_member(const struct frame *f, const struct keyword *kw, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
bool sl_schema__report_item(const struct frame *f, const struct keyword *kw, size_t index, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Without a keyword: a boolean schema, or a limit of the evaluation. */
bool sl_schema__report_node(const struct frame *f, const char *keyword, const char *message);
void sl_schema__violations_copy(struct sl_violations *into, const struct sl_violations *from);
/* "did you mean …" of the nearest word, or nothing. */
void sl_schema__suggest(struct sl_buf *out, const char *word, const char *const *words, size_t n);

/* value.c */
enum { TYPE_NULL = 1, TYPE_BOOLEAN = 2, TYPE_INTEGER = 4, TYPE_NUMBER = 8, TYPE_STRING = 16, TYPE_ARRAY = 32,
       TYPE_OBJECT = 64 };
unsigned sl_schema__types_of(struct json_object *value); /* an integer is also a number */
unsigned sl_schema__type_by_name(const char *name);      /* 0: no such type */
void sl_schema__type_names(struct sl_buf *out, unsigned types);
bool sl_schema__is_number(struct json_object *value);
int sl_schema__compare(struct json_object *a, struct json_object *b); /* numbers, exactly */
bool sl_schema__multiple(struct json_object *value, struct json_object *of);
bool sl_schema__equal(struct json_object *a, struct json_object *b);
uint64_t sl_schema__hash(struct json_object *value); /* alike for values that are equal */
/* A value for a message: canonical text, cut. Appends. */
void sl_schema__show(struct sl_buf *out, struct json_object *value);

/* format.c */
typedef bool (*sl_schema__format_fn)(const char *text, size_t bytes);
sl_schema__format_fn sl_schema__format(const char *name); /* NULL: unknown, always valid */

/* keywords_object.c: "is not a known member", with the nearest name that the schema has. Returns false. */
bool sl_schema__unknown_member(const struct frame *f, const struct keyword *kw, const char *key);

extern const struct keyword_kind sl_schema__ref, sl_schema__dynamic_ref, sl_schema__defs, sl_schema__all_of,
    sl_schema__any_of, sl_schema__one_of, sl_schema__not, sl_schema__if, sl_schema__then, sl_schema__else,
    sl_schema__dependent_schemas, sl_schema__properties, sl_schema__pattern_properties,
    sl_schema__additional_properties, sl_schema__property_names, sl_schema__required, sl_schema__dependent_required,
    sl_schema__min_properties, sl_schema__max_properties, sl_schema__prefix_items, sl_schema__items,
    sl_schema__contains, sl_schema__min_items, sl_schema__max_items, sl_schema__unique_items, sl_schema__type,
    sl_schema__const, sl_schema__enum, sl_schema__minimum, sl_schema__maximum, sl_schema__exclusive_minimum,
    sl_schema__exclusive_maximum, sl_schema__multiple_of, sl_schema__min_length, sl_schema__max_length,
    sl_schema__pattern, sl_schema__format_kw, sl_schema__unevaluated_items, sl_schema__unevaluated_properties;

#endif
