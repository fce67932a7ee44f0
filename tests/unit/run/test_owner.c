/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/engine.h"

static void test_this_process_is_alive_under_its_own_name(void **state)
{
    (void)state;
    char owner[SL_OWNER_BYTES];
    sl_owner_name(owner);
    assert_true(sl_owner_alive(owner));
}

static void test_a_child_is_alive_until_it_ends_also_while_it_waits_to_be_reaped(void **state)
{
    (void)state;
    char owner[SL_OWNER_BYTES];
    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    assert_true(pid > 0);
    sl_owner_of((int)pid, owner);
    assert_true(sl_owner_alive(owner));
    kill(pid, SIGKILL);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_false(sl_owner_alive(owner));
    waitpid(pid, NULL, 0);
    assert_false(sl_owner_alive(owner));
}

static void test_a_reused_process_id_is_another_owner(void **state)
{
    (void)state;
    char owner[SL_OWNER_BYTES], other[SL_OWNER_BYTES];
    sl_owner_name(owner);
    snprintf(other, sizeof other, "%.*s.1", (int)(strrchr(owner, '.') - owner), owner);
    assert_false(sl_owner_alive(other));
}

static void test_another_host_is_given_the_benefit_of_the_doubt(void **state)
{
    (void)state;
    assert_true(sl_owner_alive("elsewhere/01234567/1.1"));
    assert_true(sl_owner_alive("not an owner"));
}

static void test_the_same_host_after_a_restart_has_no_owner_alive(void **state)
{
    (void)state;
    char owner[SL_OWNER_BYTES], before[2 * SL_OWNER_BYTES];
    sl_owner_name(owner);
    snprintf(before, sizeof before, "%.*s/00000000/%d.1", (int)strcspn(owner, "/"), owner, (int)getpid());
    assert_false(sl_owner_alive(before));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_this_process_is_alive_under_its_own_name),
        cmocka_unit_test(test_a_child_is_alive_until_it_ends_also_while_it_waits_to_be_reaped),
        cmocka_unit_test(test_a_reused_process_id_is_another_owner),
        cmocka_unit_test(test_another_host_is_given_the_benefit_of_the_doubt),
        cmocka_unit_test(test_the_same_host_after_a_restart_has_no_owner_alive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
