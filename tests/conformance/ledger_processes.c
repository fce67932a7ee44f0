/* SPDX-License-Identifier: Apache-2.0 */
/* Several processes at once: each works on the ledger by a connection of its own. */
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "conformance/ledger_fixture.h"
#include "ledger/ledger.h"

enum { PROCESSES = 8, BATCHES = 200 };

/* Claims until nothing is left; each claimed batch is closed. The exit code is the number of claims, 255 for an error. */
static _Noreturn void claim_all(int number)
{
    struct sl_ledger *own = NULL;
    char owner[16];
    int n = 0;
    snprintf(owner, sizeof owner, "p%d", number);
    int rc = ledger_backend->open(ledger_backend->data, &own, NULL);
    while (rc == 0) {
        struct sl_lease lease;
        bool claimed = false;
        rc = own->ops->claim(own, CLAIM(NULL, owner, LEDGER_MINUTE), &claimed, &lease, NULL, NULL);
        if (rc < 0 || !claimed)
            break;
        if (lease.attempt != 1)
            rc = -1;
        n++;
        if (rc == 0)
            rc = own->ops->close_batch(own, &lease, SL_BATCH_SUCCEEDED, NULL, NULL, NULL);
    }
    sl_ledger_free(own);
    _exit(rc < 0 ? 255 : n);
}

static void test_concurrent_claims_take_each_batch_once(void **state)
{
    (void)state;
    for (int i = 0; i < BATCHES; i++) {
        char id[16];
        snprintf(id, sizeof id, "b%03d", i);
        ledger_register(id);
    }
    pid_t pids[PROCESSES];
    int total = 0;
    for (int i = 0; i < PROCESSES; i++)
        if ((pids[i] = fork()) == 0)
            claim_all(i);
    for (int i = 0; i < PROCESSES; i++) {
        int status = 0;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 255);
        total += WEXITSTATUS(status);
    }
    assert_int_equal(total, BATCHES);
}

static _Noreturn void reserve_and_commit(int number)
{
    struct sl_ledger *own = NULL;
    struct sl_lease lease = {.attempt = 1};
    int64_t version = 0;
    char asset_id[16], run_id[16];
    snprintf(lease.batch_id, sizeof lease.batch_id, "b%d", number);
    snprintf(lease.owner, sizeof lease.owner, "p%d", number);
    snprintf(asset_id, sizeof asset_id, "a%d", number);
    snprintf(run_id, sizeof run_id, "r%d", number);
    int rc = ledger_backend->open(ledger_backend->data, &own, NULL);
    if (rc == 0)
        rc = own->ops->reserve_version(own, &lease, "roads", &version, NULL);
    if (rc == 0) {
        struct json_object *asset = ledger_asset(asset_id, "roads", version, lease.batch_id, run_id);
        rc = own->ops->commit(own, &lease, run_id, &asset, 1, NULL, NULL);
        json_object_put(asset);
    }
    sl_ledger_free(own);
    _exit(rc < 0 ? 255 : (int)version);
}

static void test_concurrent_batches_get_different_versions_without_gaps(void **state)
{
    (void)state;
    pid_t pids[PROCESSES];
    unsigned seen = 0;
    for (int i = 0; i < PROCESSES; i++) {
        char batch[16], owner[16], run[16];
        snprintf(batch, sizeof batch, "b%d", i);
        snprintf(owner, sizeof owner, "p%d", i);
        snprintf(run, sizeof run, "r%d", i);
        ledger_running(batch, owner, run);
    }
    for (int i = 0; i < PROCESSES; i++)
        if ((pids[i] = fork()) == 0)
            reserve_and_commit(i);
    for (int i = 0; i < PROCESSES; i++) {
        int status = 0;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) >= 1 && WEXITSTATUS(status) <= PROCESSES);
        seen |= 1u << WEXITSTATUS(status);
    }
    assert_int_equal(seen, ((1u << PROCESSES) - 1) << 1);
}

static void test_preparing_again_and_at_once_is_fine(void **state)
{
    (void)state;
    pid_t pids[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        if ((pids[i] = fork()) == 0) {
            struct sl_ledger *own = NULL;
            int rc = ledger_backend->open(ledger_backend->data, &own, NULL);
            if (rc == 0)
                rc = own->ops->prepare(own, NULL);
            sl_ledger_free(own);
            _exit(rc < 0);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status = 0;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

static int count_running(void *data, struct json_object *doc, struct sl_error *e)
{
    int *seen = data;
    (void)e;
    seen[0]++;
    seen[1] += !strcmp(sl_json_str(doc, "intent", ""), "slow");
    return 0;
}

/* Claims within the limits until nothing is left; counts meanwhile what runs. */
static _Noreturn void claim_within_limits(int number)
{
    static const struct sl_intent_limit limits[] = {{"slow", 1}};
    struct sl_ledger *own = NULL;
    char owner[16];
    int n = 0, empty = 0;
    snprintf(owner, sizeof owner, "p%d", number);
    int rc = ledger_backend->open(ledger_backend->data, &own, NULL);
    const struct sl_claim claim = {
        .owner = owner, .lease_ms = LEDGER_MINUTE, .most_running = 3, .limits = limits, .n_limits = 1};
    while (rc == 0 && empty < 400) {
        struct sl_lease lease;
        bool claimed = false;
        int64_t pending = 0, running = 0, due = 0;
        rc = own->ops->claim(own, &claim, &claimed, &lease, NULL, NULL);
        if (rc == 0 && !claimed) {
            rc = own->ops->outstanding(own, &pending, &running, &due, NULL);
            if (rc == 0 && !pending)
                break;
            sl_clock_sleep_ns(5 * SL_NS_PER_MS);
            empty++;
            continue;
        }
        empty = 0;
        /* What this one holds has been counted, so no more than the limit may be there once it has it. */
        struct sl_find find = {.collection = "manifests"};
        struct json_object *filter = ledger_json("{'status':'running'}");
        int seen[2] = {0, 0};
        find.filter = filter;
        if (rc == 0)
            rc = own->ops->find(own, &find, count_running, seen, NULL);
        json_object_put(filter);
        if (rc == 0 && (seen[0] > 3 || seen[1] > 1))
            rc = -1;
        n++;
        if (rc == 0)
            rc = own->ops->close_batch(own, &lease, SL_BATCH_SUCCEEDED, NULL, NULL, NULL);
    }
    sl_ledger_free(own);
    _exit(rc < 0 ? 255 : n);
}

static void test_concurrent_claims_keep_the_limits(void **state)
{
    (void)state;
    enum { LIMITED = 40 };
    for (int i = 0; i < LIMITED; i++) {
        char id[16];
        enum sl_registered how;
        snprintf(id, sizeof id, "b%03d", i);
        SL_CLEANUP(sl_json_putp) struct json_object *doc = ledger_manifest(id, '1', NULL);
        sl_json_put_str(doc, "intent", i % 2 ? "slow" : "quick");
        assert_ok(CALL(register_batch, doc, &how, &err));
    }
    pid_t pids[PROCESSES];
    int total = 0;
    for (int i = 0; i < PROCESSES; i++)
        if ((pids[i] = fork()) == 0)
            claim_within_limits(i);
    for (int i = 0; i < PROCESSES; i++) {
        int status = 0;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 255);
        total += WEXITSTATUS(status);
    }
    assert_int_equal(total, LIMITED);
}

int ledger_process_suite_run(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(test_concurrent_claims_take_each_batch_once),
        LEDGER_TEST(test_concurrent_claims_keep_the_limits),
        LEDGER_TEST(test_concurrent_batches_get_different_versions_without_gaps),
        LEDGER_TEST(test_preparing_again_and_at_once_is_fine),
    };
    return cmocka_run_group_tests_name("ledger, several processes", tests, NULL, NULL);
}
