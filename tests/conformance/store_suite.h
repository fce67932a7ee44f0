/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_suite.h - what every backend of the store port must do. It knows the port only; a backend registers by a
 * main of its own that calls store_suite_run with a factory.
 */
#ifndef SLUICE_TESTS_STORE_SUITE_H
#define SLUICE_TESTS_STORE_SUITE_H

#include "support/cm.h"

#include <sluice/sys/store.h>

struct store_backend {
    const char *name;
    /* Makes an empty store for one case; 0 or not. */
    int (*begin)(void);
    /* One more handle on it; also called in forked children. */
    int (*open)(struct sl_store **out, struct sl_error *err);
    void (*end)(void);
};

/* Runs all cases; returns the number of failures. A case that the backend's feature bits exclude is skipped. */
int store_suite_run(const struct store_backend *backend);

/* --- for the files of the suite --- */
extern struct sl_store *suite_store; /* the present case's first handle */
extern struct sl_error err;
#define SUITE_BUCKET "data-lake"
#define SUITE_OTHER  "raw-vault"

struct sl_store *suite_open(void);
void suite_put(const char *key, const char *text);
/* The same with options and what it says; the code is the caller's to judge. */
int suite_put_with(const char *key, const char *text, const struct sl_put_options *options, struct sl_object_info *info);
struct sl_object_info suite_head(const char *key);
/* The same for a key that not every server can hold: false when this store says so, as it may without SL_STORE_ANY_KEY. */
bool suite_try_put(const char *key, const char *text);
/* Fails unless the object holds this text. */
void suite_expect(const char *key, const char *text);
/* All keys of SUITE_BUCKET with the prefix, each followed by a newline; "" for none. */
const char *suite_keys(const char *prefix, const char *start_after, int64_t max_keys);

/* Tables of cases; each fills tests from *n on. */
enum { SUITE_MAX_CASES = 400 };
void suite_add_objects(struct CMUnitTest *tests, size_t *n);
void suite_add_conditions(struct CMUnitTest *tests, size_t *n);
void suite_add_copies(struct CMUnitTest *tests, size_t *n);
void suite_add_keys(struct CMUnitTest *tests, size_t *n);
void suite_add_lists(struct CMUnitTest *tests, size_t *n);
void suite_add_many(struct CMUnitTest *tests, size_t *n);
void suite_add_races(struct CMUnitTest *tests, size_t *n);
void suite_add(struct CMUnitTest *tests, size_t *n, const char *name, CMUnitTestFunction fn, const void *data);
#define SUITE_CASE(fn) suite_add(tests, n, #fn, fn, NULL)

#endif
