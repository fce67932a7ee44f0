/* SPDX-License-Identifier: Apache-2.0 */
/* What a failure of the driver or of the server means: another try, or no use in trying. */
#include "support/cm.h"

#include "ledger/mongo/mongo.h"

enum { CURSOR_NOT_FOUND = 43, CURSOR_KILLED = 237, WRITE_CONFLICT = 112, TIME_LIMIT = 262, NOT_PRIMARY = 10107, UNAUTHORIZED = 13,
       REFUSED_DOCUMENT = 121, BAD_VALUE = 2 };

static enum sl_code code_of(uint32_t domain, uint32_t code)
{
    struct sl_ledger_mongo l = {.place = "db1:27017"};
    struct sl_error err = {0};
    const bson_error_t error = {.domain = domain, .code = code, .message = "words of the server"};
    int rc = sl_ledger_mongo__fail(&l, &error, &err);
    assert_int_equal(rc, -(int)err.code);
    assert_non_null(strstr(err.message, "words of the server"));
    return err.code;
}

static void what_a_server_says_that_was_killed_or_restarted_is_worth_another_try(void **state)
{
    (void)state;
    static const uint32_t codes[] = {CURSOR_NOT_FOUND, CURSOR_KILLED, WRITE_CONFLICT, TIME_LIMIT, NOT_PRIMARY};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        assert_int_equal(code_of(MONGOC_ERROR_SERVER, codes[i]), SL_E_LEDGER_UNAVAILABLE);
    assert_int_equal(code_of(MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_SOCKET), SL_E_LEDGER_UNAVAILABLE);
    assert_int_equal(code_of(MONGOC_ERROR_PROTOCOL, MONGOC_ERROR_PROTOCOL_INVALID_REPLY), SL_E_LEDGER_UNAVAILABLE);
    assert_int_equal(code_of(MONGOC_ERROR_SERVER_SELECTION, MONGOC_ERROR_SERVER_SELECTION_FAILURE), SL_E_LEDGER_UNAVAILABLE);
}

static void what_stays_wrong_is_not_tried_again(void **state)
{
    (void)state;
    assert_int_equal(code_of(MONGOC_ERROR_SERVER, UNAUTHORIZED), SL_E_CONFIG_VALUE);
    assert_int_equal(code_of(MONGOC_ERROR_SERVER, REFUSED_DOCUMENT), SL_E_LEDGER_DOCUMENT);
    assert_int_equal(code_of(MONGOC_ERROR_SERVER, BAD_VALUE), SL_E_INTERNAL);
    assert_int_equal(code_of(MONGOC_ERROR_COMMAND, CURSOR_NOT_FOUND), SL_E_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_server_says_that_was_killed_or_restarted_is_worth_another_try),
        cmocka_unit_test(what_stays_wrong_is_not_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
