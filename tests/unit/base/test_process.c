/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"

static struct sl_buf out, errout;
static struct sl_error err;

static int set_up(void **state)
{
    (void)state;
    sl_buf_init(&out, 1 << 20);
    sl_buf_init(&errout, 1 << 20);
    err = (struct sl_error){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sl_buf_free(&out);
    sl_buf_free(&errout);
    return 0;
}

static struct sl_process_options shell(const char *const argv[4])
{
    return (struct sl_process_options){
        .argv = argv, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .keep_fd = -1};
}

#define SHELL(name, script)                                                                                           \
    const char *const name##_argv[] = {"sh", "-c", script, NULL};                                                     \
    struct sl_process_options name = shell(name##_argv)

static void test_output_and_exit_code_come_back(void **state)
{
    (void)state;
    struct sl_process_result result;
    SHELL(o, "cat; echo out; echo err >&2; exit 7");
    assert_ok(sl_process_run(&o, -1, &out, &errout, &result, &err));
    assert_true(result.exited);
    assert_int_equal(result.exit_code, 7);
    assert_string_equal(out.data, "out\n");
    assert_string_equal(errout.data, "err\n");
}

static void test_environment_is_added_and_folder_changed(void **state)
{
    (void)state;
    setenv("SLUICE_TEST_A", "old", 1);
    const char *const add[] = {"SLUICE_TEST_A=new", "SLUICE_TEST_B=b", NULL};
    SHELL(o, "echo $SLUICE_TEST_A $SLUICE_TEST_B $(env | grep -c ^SLUICE_TEST_A) $PWD");
    o.env_add = add;
    o.chdir = "/";
    assert_ok(sl_process_run(&o, -1, &out, NULL, NULL, &err));
    unsetenv("SLUICE_TEST_A");
    assert_string_equal(out.data, "new b 1 /\n");
}

static void test_program_that_does_not_exist_is_an_error(void **state)
{
    (void)state;
    const char *const argv[] = {"/nonexistent/program", NULL}, *const on_path[] = {"sluice-no-such-program", NULL};
    struct sl_process_options o = {argv, NULL, NULL, -1, -1, -1, -1, 0, 0, 0, false, false, false};
    pid_t pid = -5;
    assert_fails(sl_process_start(&o, &pid, &err), SL_E_PROCESS);
    assert_contains(err.message, "/nonexistent/program");
    o.argv = on_path;
    assert_fails(sl_process_start(&o, &pid, &err), SL_E_PROCESS);
    assert_contains(err.message, "not on PATH");
    assert_int_equal(pid, -5);
}

static void test_death_by_signal_is_an_error_of_run(void **state)
{
    (void)state;
    SHELL(o, "kill -9 $$");
    assert_fails(sl_process_run(&o, -1, &out, NULL, NULL, &err), SL_E_PROCESS);
    assert_contains(err.message, "signal 9");
}

static void test_too_long_a_run_is_killed(void **state)
{
    (void)state;
    SHELL(o, "echo started; exec sleep 1000");
    assert_fails(sl_process_run(&o, 200, &out, NULL, NULL, &err), SL_E_PROCESS);
    assert_contains(err.message, "did not end in 200 ms");
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_endless_output_meets_the_deadline_and_the_maximum(void **state)
{
    (void)state;
    sl_buf_free(&out);
    sl_buf_init(&out, 100);
    SHELL(o, "exec cat /dev/zero");
    assert_fails(sl_process_run(&o, 100, &out, NULL, NULL, &err), SL_E_PROCESS);
    assert_true(out.overflow);
}

static void test_a_daemon_that_keeps_the_pipe_does_not_hang_run(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    /* The background shell ends when our end of its input is closed. */
    SHELL(o, "(cat <&3 >/dev/null) & echo left; exit 0");
    o.keep_fd = fds[0];
    assert_ok(sl_process_run(&o, 60000, &out, NULL, NULL, &err));
    assert_string_equal(out.data, "left\n");
    close(fds[0]);
    close(fds[1]);
}

static void test_only_the_kept_descriptor_is_inherited(void **state)
{
    (void)state;
    int leaked = open("/dev/null", O_RDONLY), kept[2];
    assert_int_equal(pipe(kept), 0);
    /* ls itself, without a pipeline whose ends the shell would hold for a moment; 4 is the folder that ls reads. */
    SHELL(o, "echo kept >&3; exec ls /proc/self/fd");
    o.keep_fd = kept[1];
    assert_ok(sl_process_run(&o, -1, &out, NULL, NULL, &err));
    char text[8] = "";
    assert_int_equal(read(kept[0], text, sizeof text - 1), 5);
    assert_string_equal(text, "kept\n");
    assert_string_equal(out.data, "0\n1\n2\n3\n4\n");
    close(leaked);
    close(kept[0]);
    close(kept[1]);
}

static void test_wait_says_when_it_still_runs(void **state)
{
    (void)state;
    SHELL(o, "exec sleep 1000");
    o.new_group = true;
    pid_t pid;
    bool done = true;
    struct sl_process_result result = {.exited = true};
    assert_ok(sl_process_start(&o, &pid, &err));
    assert_ok(sl_process_wait(pid, 0, &done, &result, &err));
    assert_false(done);
    assert_int_equal(getpgid(pid), pid);
    kill(pid, SIGTERM);
    assert_ok(sl_process_wait(pid, -1, &done, &result, &err));
    assert_true(done);
    assert_false(result.exited);
    assert_int_equal(result.signal, SIGTERM);
}

static void test_address_space_is_limited(void **state)
{
    (void)state;
    SHELL(o, "ulimit -v");
    o.address_space_bytes = INT64_C(512) << 20;
    assert_ok(sl_process_run(&o, -1, &out, NULL, NULL, &err));
    assert_string_equal(out.data, "524288\n");
}

static void test_ignored_signals_are_not_inherited(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    SHELL(o, "grep -E '^Sig(Ign|Blk)' /proc/self/status | tr -d '0\\t\\n'");
    assert_ok(sl_process_run(&o, -1, &out, NULL, NULL, &err));
    signal(SIGPIPE, SIG_DFL);
    assert_string_equal(out.data, "SigBlk:SigIgn:");
}

static void test_child_dies_with_its_parent(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t parent = fork();
    if (parent == 0) {
        SHELL(o, "echo up >&3; exec sleep 1000");
        o.keep_fd = fds[1];
        o.die_with_parent = true;
        pid_t pid;
        if (sl_process_start(&o, &pid, NULL) != 0)
            _exit(1);
        close(fds[1]);
        char c;
        _exit(read(fds[0], &c, 1) == 1 ? 0 : 1);
    }
    close(fds[1]);
    int status;
    assert_int_equal(waitpid(parent, &status, 0), parent);
    assert_int_equal(status, 0);
    char rest[16];
    while (read(fds[0], rest, sizeof rest) > 0)
        ; /* ends only when the grandchild's end is closed too */
    close(fds[0]);
}

static void test_other_user_when_root(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: only root can change the user\n");
        skip();
    }
    SHELL(o, "id -u; id -g; id -G");
    o.set_user = true;
    o.uid = o.gid = 65534;
    assert_ok(sl_process_run(&o, -1, &out, NULL, NULL, &err));
    assert_string_equal(out.data, "65534\n65534\n65534\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(test_output_and_exit_code_come_back),
        T(test_environment_is_added_and_folder_changed),
        T(test_program_that_does_not_exist_is_an_error),
        T(test_death_by_signal_is_an_error_of_run),
        T(test_too_long_a_run_is_killed),
        T(test_endless_output_meets_the_deadline_and_the_maximum),
        T(test_a_daemon_that_keeps_the_pipe_does_not_hang_run),
        T(test_only_the_kept_descriptor_is_inherited),
        T(test_wait_says_when_it_still_runs),
        T(test_address_space_is_limited),
        T(test_ignored_signals_are_not_inherited),
        T(test_child_dies_with_its_parent),
        T(test_other_user_when_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
