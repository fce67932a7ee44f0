/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - inside of source/: one window at work. */
#ifndef SLUICE_SOURCE_INTERNAL_H
#define SLUICE_SOURCE_INTERNAL_H

#include <stdio.h>

#include "base/uuid7.h"
#include "schema/schema.h"
#include "source/fetch.h"
#include "source/normalise.h"
#include "source/rows.h"
#include "source/source.h"

/* What becomes of records: rows, or lines of the quarantine. */
struct sl_intake {
    const struct sl_source_spec *spec;
    struct sl_rows *rows;
    struct sl_schema_set *schemas;
    const struct sl_schema *schema; /* NULL: none */
    struct sl_arena *arena;         /* of reasons, until the next one */
    FILE *refused;                  /* JSON lines */
    int64_t page, index;            /* of the record at hand, from 1 and from 0 */
    int64_t records, bad;           /* records: those that operations gave */
};

int sl_intake__open(const struct sl_source_spec *spec, const char *scratch, const char *refused_path, struct sl_intake *out,
                    struct sl_error *err);
int sl_intake__page(struct sl_intake *in, const struct sl_fetched *page, int64_t number, struct sl_error *err);
/* SL_E_SOURCE_RECORDS where there are more bad ones than the source allows. */
int sl_intake__judge(const struct sl_intake *in, struct sl_error *err);
void sl_intake__close(struct sl_intake *in); /* also when all zero */

struct sl_window {
    const struct sl_source_ports *ports;
    const struct sl_source_options *options;
    const struct sl_source_spec *spec;
    struct sl_arena *arena;
    struct sl_source_run run;   /* as the catalog has it */
    struct json_object *values; /* of ${name} */
    struct json_object *pages;  /* [{raw_file_id, key, sha256}] */
    struct sl_source_state state;
    struct sl_intake intake;
    struct sl_fetch *fetch; /* NULL until something is fetched */
    struct sl_paging next;
    char last_hash[72];
    int64_t same_pages;
    const char *loop_mark; /* where the page of the last power of two led to */
    const char *scratch, *date, *watermark;
    bool moves_watermark;
};

/* vault.c: raw files of the run. */
struct sl_vault_file {
    const char *id, *key, *role; /* "page", "quarantine", "pages", "result" */
    const char *path;            /* a local file, or */
    const void *bytes;
    size_t n;
    char content_hash[72]; /* filled */
    int64_t size_bytes;    /* filled */
};
const char *sl_vault__key(struct sl_window *w, const char *id, const char *ext);
/* Puts and enters it; one that is there must be the same. */
int sl_vault__put(struct sl_window *w, struct sl_vault_file *file, struct sl_error *err);

/* job.c: an API that works for a while and then has a file. Asks for it, waits, downloads it to *path in the scratch. */
int sl_job__fetch(struct sl_window *w, const char **path, struct sl_error *err);
/* submit.c: that file as a batch. */
int sl_window__submit_file(struct sl_window *w, const char *path, struct sl_error *err);
/* The request's body with its ${name}. The caller owns it. */
struct json_object *sl_job__body(struct json_object *template_, struct json_object *values, struct sl_error *err);

/* submit.c: the batch. *already: it is there, and the state's counts are those of its manifest. */
int sl_window__look_before(struct sl_window *w, bool *already, struct sl_error *err);
int sl_window__submit(struct sl_window *w, struct sl_error *err);
const char *sl_window__batch_id(const struct sl_window *w);

#endif
