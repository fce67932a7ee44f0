/* SPDX-License-Identifier: Apache-2.0 */
/* scan.h - the state of one reading of a JSON text, shared by the parts of the reader. */
#ifndef SLUICE_JSON_SCAN_H
#define SLUICE_JSON_SCAN_H

#include "json/doc.h"

struct sl_json__scan {
    const char *name;
    const char *p, *end;
    const struct sl_json_limits *limits;
    struct sl_doc *doc;
    struct sl_buf text; /* of the string that was read last */
    int depth;
    size_t values;
    /* A place counted already, so that counting never starts over: places are asked for in the order of the text. */
    const char *counted;
    struct sl_doc_pos pos;
    struct sl_error *err;
};

/* Where `at` is; not before what was asked last. */
struct sl_doc_pos sl_json__pos(struct sl_json__scan *s, const char *at);
/* Fails with "name:line:column: …" at a place. */
int sl_json__fail(struct sl_json__scan *s, struct sl_doc_pos pos, enum sl_code code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same at s->p. */
int sl_json__fail_here(struct sl_json__scan *s, enum sl_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* What stands at s->p, for messages: "'x'", "the end of the text". Uses `buf` of 16 bytes. */
const char *sl_json__found(const struct sl_json__scan *s, char *buf);

/* Each reads what starts at s->p and moves s->p past it. */
int sl_json__string(struct sl_json__scan *s, bool is_key); /* into s->text */
int sl_json__number(struct sl_json__scan *s, struct json_object **out);

#endif
