/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_fixture.h - documents and short hands for the ledger's conformance suite. */
#ifndef SLUICE_TESTS_CONFORMANCE_LEDGER_FIXTURE_H
#define SLUICE_TESTS_CONFORMANCE_LEDGER_FIXTURE_H

#include "conformance/ledger_suite.h"
#include "json/json.h"
#include "support/cm.h"

extern const struct ledger_backend *ledger_backend;
extern struct sl_ledger *ledger;
extern struct sl_error err;

#define CALL(verb, ...) ledger->ops->verb(ledger, __VA_ARGS__)
#define LEDGER_MINUTE 60000
#define CLAIM(id, by, ms) (&(const struct sl_claim){.batch_id = (id), .owner = (by), .lease_ms = (ms)})

int ledger_fixture_set_up(void **state); /* a fresh, empty ledger for each test */
int ledger_fixture_tear_down(void **state);

/* From JSON text with ' for ". */
struct json_object *ledger_json(const char *text);
struct json_object *ledger_manifest(const char *batch_id, char hash_digit, const char *created_at);
struct json_object *ledger_asset(const char *id, const char *dataset, int64_t version, const char *batch_id,
                                 const char *run_id);
void ledger_register(const char *batch_id);
/* Registers, claims for owner, begins the run `run_id`. */
struct sl_lease ledger_running(const char *batch_id, const char *owner, const char *run_id);
struct sl_lease ledger_claim(const char *batch_id, const char *owner, int64_t lease_ms);
/* A member by JSON Pointer equals a value. */
void ledger_expect_batch(const char *batch_id, const char *pointer, const char *expected_json);
void ledger_expect_run(const char *run_id, const char *pointer, const char *expected_json);
void ledger_let_expire(void);

#define LEDGER_TEST(name) cmocka_unit_test_setup_teardown(name, ledger_fixture_set_up, ledger_fixture_tear_down)

/* The parts of the suite; each returns the number of failed tests. */
int ledger_claim_suite_run(void);
int ledger_reservation_suite_run(void);
int ledger_event_suite_run(void);
int ledger_process_suite_run(void);
int ledger_find_suite_run(void);

#endif
