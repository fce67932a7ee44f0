/* SPDX-License-Identifier: Apache-2.0 */
/* judge.h - one manifest read and judged, without a change to anything. Internal to sensor/. */
#ifndef SLUICE_SENSOR_JUDGE_H
#define SLUICE_SENSOR_JUDGE_H

#include "run/run.h"

enum { SL_CONTENT_HASH_BYTES = 72 /* "sha256:" and 64 digits */ };

enum sl_verdict {
    SL_VERDICT_GOOD,     /* to be entered, as far as its text goes */
    SL_VERDICT_BAD,      /* to be refused: `why` */
    SL_VERDICT_UNFINISHED /* not JSON: it is wrong, or still being written */
};

struct sl_found {
    struct sl_arena *arena; /* of this manifest; owns what is below but text, doc, violations */
    const char *key;
    char etag[SL_ETAG_BYTES], content_hash[SL_CONTENT_HASH_BYTES];
    int64_t size_bytes, modified_ns; /* the store's clock; it may know only whole seconds */
    struct sl_buf text;
    bool too_large;
    struct sl_doc *doc; /* NULL: not JSON */
    struct sl_manifest manifest; /* when good */
    const char *said_id; /* the batch_id that it says, when it says one; may be NULL */
    struct sl_error why;
    struct json_object *violations; /* may be NULL */
};

/* One GET, hashed on the way. SL_E_STORE_NOT_FOUND when it is gone. found is released by the caller in any case. */
int sl_found_read(struct sl_engine *engine, const char *key, struct sl_found *found, struct sl_error *err);
enum sl_verdict sl_found_judge(struct sl_engine *engine, struct sl_found *found);
void sl_found_release(struct sl_found *found);

/* The batch_id under which a refused manifest is entered, so that the corrected one may have the one that it says. */
const char *sl_found_refused_id(const struct sl_found *found);

#endif
