/* SPDX-License-Identifier: Apache-2.0 */
/* fake.h - an engine whose store and ledger are lists in memory, which count what they are asked. */
#ifndef SLUICE_TESTS_UNIT_SENSOR_FAKE_H
#define SLUICE_TESTS_UNIT_SENSOR_FAKE_H

#include "run/run.h"

enum { FAKE_MAX = 16384 };

struct fake_object {
    char *key, *text;
    char etag[32];
    int64_t modified_ns;
};

struct fake {
    struct sl_engine engine;
    struct sl_config *config;
    struct fake_object objects[FAKE_MAX];
    size_t n_objects;
    bool unsorted;
    struct json_object *batches; /* batch_id → document */
    int lists, gets, heads, puts, registered;
    enum sl_code list_fails;   /* SL_OK: it does not */
    const char *get_fails_for; /* a key */
    enum sl_code get_fails;
    const char *goes_after_get; /* a key: somebody removes it as soon as it was read */
};

/* Recipes and schemas are those of the sources. extra: one more setting, may be NULL. */
struct fake *fake_new(const char *extra_key, const char *extra_value);
void fake_free(struct fake *fake);
/* Puts an object: new bytes or not, its ETag is of the bytes, its time is new. */
void fake_put(struct fake *fake, const char *key, const char *text);
/* A valid manifest of one file. */
void fake_put_manifest(struct fake *fake, const char *batch_id, const char *intent);
bool fake_has(const struct fake *fake, const char *key);
/* The status of a batch; "" when there is none. */
const char *fake_status(const struct fake *fake, const char *batch_id);

#endif
