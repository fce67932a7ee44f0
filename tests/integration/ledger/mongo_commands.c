/* SPDX-License-Identifier: Apache-2.0 */
#include "mongo_commands.h"

#include "conformance/ledger_fixture.h"
#include "ledger/mongo/mongo.h"

/* What one small batch costs the server, from its registration to the move of its manifest. */
static void test_a_batch_of_one_asset_takes_29_commands(void **state)
{
    (void)state;
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    ledger_register("first"); /* whatever is done once is done */
    ledger_claim("first", "w0", LEDGER_MINUTE);
    int64_t before = l->commands, version = 0;
    ledger_register("b1");
    struct sl_lease lease = ledger_claim(NULL, "w1", LEDGER_MINUTE);
    SL_CLEANUP(sl_json_putp) struct json_object *run = ledger_json("{'_id':'r1'}");
    assert_ok(CALL(begin_run, &lease, run, &err));
    assert_ok(CALL(reserve_version, &lease, "roads", &version, &err));
    SL_CLEANUP(sl_json_putp) struct json_object *asset = ledger_asset("a1", "roads", version, "b1", "r1");
    assert_ok(CALL(commit, &lease, "r1", &asset, 1, NULL, &err));
    assert_ok(CALL(move_manifest, "b1", "archive/b1.json", NULL, &err));
    assert_int_equal(l->commands - before, 29);
}

int mongo_commands_run(void)
{
    const struct CMUnitTest tests[] = {LEDGER_TEST(test_a_batch_of_one_asset_takes_29_commands)};
    return cmocka_run_group_tests_name("ledger, mongo's commands", tests, NULL, NULL);
}
