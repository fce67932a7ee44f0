/* SPDX-License-Identifier: Apache-2.0 */
/*
 * normalise.h - what is done to each record before it becomes a row: one table of operations.
 *
 * An operation changes a record (a JSON object) in place. One that cannot (a time that is none) makes the record a bad one,
 * with the reason. `explode` makes several of one, so that records are handed on by `emit`.
 */
#ifndef SLUICE_SOURCE_NORMALISE_H
#define SLUICE_SOURCE_NORMALISE_H

#include "source/spec.h"

struct sl_normalise {
    const struct sl_source_spec *spec;
    int64_t fetched_ms; /* of the page */
    /* Gets each record that comes out. */
    int (*emit)(void *data, struct json_object *record, struct sl_error *err);
    /* Gets each that is bad, as far as it came; err says why. */
    int (*refuse)(void *data, struct json_object *record, struct sl_error *err);
    void *data;
};

struct sl_normalise_kind {
    const char *name, *summary;
    struct sl_options options;
    /* 0; 1: the record is bad, `err` says why; negative: the run fails. NULL: explode. */
    int (*apply)(const struct sl_normalise *n, const void *options, struct json_object *record, struct sl_error *err);
    /* What options say of each other; may be NULL: "…" what is wrong. */
    const char *(*wrong)(const void *options);
};

extern const struct sl_normalise_kind *const sl_normalise_kinds[]; /* NULL-ended */

/* All operations. Negative: what emit or refuse said, or a limit. */
int sl_normalise_record(const struct sl_normalise *n, struct json_object *record, struct sl_error *err);

#endif
