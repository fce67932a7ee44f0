/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h - running a source: a robot that uploads.
 *
 * A run covers one window. Its pages go untouched into the raw vault, each with a checkpoint in the catalog; their records,
 * normalised and validated, become one Parquet file, which is put into the landing zone with a manifest of its own, like
 * anybody's upload: batch `{source}-{run id}`. A run that was ended, however, is gone on with by the next one: pages that are
 * in the vault are read from there. So a record is fetched at least once and lands exactly once. Threads: one.
 */
#ifndef SLUICE_SOURCE_SOURCE_H
#define SLUICE_SOURCE_SOURCE_H

#include <sluice/sys/ledger.h>
#include <sluice/sys/store.h>

#include "catalog/sources.h"
#include "config/config.h"
#include "source/spec.h"

struct sl_source_ports { /* all borrowed */
    const struct sl_config *config;
    struct sl_store *store;
    struct sl_ledger *ledger;
    struct sl_catalog *catalog;
};

/* One window, while it runs and at its end. */
struct sl_source_state {
    char run_id[40];
    char batch_id[SL_BATCH_ID_BYTES]; /* "" without records */
    const char *since, *until;        /* ISO 8601; NULL: no such end */
    int64_t pages, kept_pages;        /* kept: of these, read back from the vault */
    int64_t records, bad, duplicates, discarded;
    int64_t bytes;                    /* of the Parquet file */
    int64_t requests, retries;
    bool already;                     /* the batch was there before */
};

struct sl_source_options {
    const struct sl_source_spec *spec;
    const char *since, *until;  /* as people write times; NULL: as the source says */
    struct json_object *params; /* given ones; may be NULL */
    /* After each page, and once a window has its batch (`done`). May be NULL. */
    void (*progress)(void *data, const struct sl_source_state *state, bool done);
    void *data;
};

/* Every window up to now. A window without records has no batch. SL_E_SOURCE_BUSY when another process runs the source. */
int sl_source_run(const struct sl_source_ports *ports, const struct sl_source_options *options, struct sl_error *err);

/* The first page of the first window, nothing kept: {url, since, until, records, bad, rows: [the first ten], refused: [the first
 * ten {reason, record}]}. The caller owns it. catalog may be NULL. */
int sl_source_try(const struct sl_source_ports *ports, const struct sl_source_options *options, struct json_object **out,
                  struct sl_error *err);

/* Tells the catalog what became of the batches of submitted runs. source NULL: of all. */
int sl_source_settle(const struct sl_source_ports *ports, const char *source, struct sl_error *err);

/* "source:noaa_precip15": its watermark's name. */
const char *sl_source_job(struct sl_arena *arena, const struct sl_source_spec *spec);

#endif
