/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/env.h"

extern char **environ;

enum { KEPT = 4, FIRST_FREE_FD = 10 };

/* All that the child needs, made before fork: between fork and exec only async-signal-safe calls are allowed. */
struct plan {
    const struct sl_process_options *o;
    const char *program;
    char **envp;
    char **argv;
    int fds[KEPT]; /* what becomes 0, 1, 2, 3; -1: nothing */
    int report_fd; /* where the child says which errno stopped it */
    pid_t parent;
};

static const char *find_program(struct sl_arena *arena, const char *name)
{
    if (strchr(name, '/'))
        return name;
    const char *path = sl_env("PATH");
    for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
        size_t n = strcspn(p, ":");
        char *candidate = sl_arena_printf(arena, "%.*s/%s", (int)n, p, name);
        if (n && access(candidate, X_OK) == 0)
            return candidate;
        p += n + (p[n] == ':');
    }
    return NULL;
}

static bool overridden(const char *entry, const char *const *add)
{
    size_t n = strcspn(entry, "=") + 1;
    for (; add && *add; add++)
        if (!strncmp(entry, *add, n))
            return true;
    return false;
}

static char **make_environment(struct sl_arena *arena, const char *const *add)
{
    size_t n = 0, m = 0;
    while (environ && environ[n])
        n++;
    while (add && add[m])
        m++;
    char **envp = sl_arena_array(arena, n + m + 1, sizeof *envp);
    size_t out = 0;
    for (size_t i = 0; i < n; i++)
        if (!overridden(environ[i], add))
            envp[out++] = environ[i];
    for (size_t i = 0; i < m; i++)
        envp[out++] = sl_arena_strdup(arena, add[i]);
    return envp;
}

static char **copy_argv(struct sl_arena *arena, const char *const *argv)
{
    size_t n = 0;
    while (argv[n])
        n++;
    char **copy = sl_arena_array(arena, n + 1, sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = sl_arena_strdup(arena, argv[i]);
    return copy;
}

static bool become_user(const struct sl_process_options *o)
{
    if (!o->set_user || (geteuid() == o->uid && getegid() == o->gid))
        return true;
    return setgroups(1, &o->gid) == 0 && setgid(o->gid) == 0 && setuid(o->uid) == 0;
}

static void reset_signals(void)
{
    for (int s = 1; s < NSIG; s++) {
        struct sigaction a = {.sa_handler = SIG_DFL};
        sigaction(s, &a, NULL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool place_fds(const struct plan *p)
{
    unsigned first = 3;
    for (int i = 0; i < KEPT; i++) {
        if (p->fds[i] < 0)
            continue;
        if (dup2(p->fds[i], i) < 0)
            return false;
        if (i == 3)
            first = 4;
    }
    /* Only marked, so that report_fd is there until exec succeeds. */
    return close_range(first, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
}

static bool limit_memory(int64_t bytes)
{
    struct rlimit limit = {.rlim_cur = (rlim_t)bytes, .rlim_max = (rlim_t)bytes};
    return bytes <= 0 || setrlimit(RLIMIT_AS, &limit) == 0;
}

static _Noreturn void run_child(const struct plan *p)
{
    const struct sl_process_options *o = p->o;
    bool ok = true;
    if (o->new_group)
        ok = setpgid(0, 0) == 0;
    ok = ok && become_user(o) && (!o->chdir || chdir(o->chdir) == 0) && place_fds(p);
    /* After the change of user, which clears it. The parent may be gone already: then nobody would send the signal. */
    if (ok && o->die_with_parent)
        ok = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == p->parent;
    if (ok) {
        reset_signals();
        if (limit_memory(o->address_space_bytes))
            execve(p->program, p->argv, p->envp);
    }
    int saved = errno;
    ssize_t n = write(p->report_fd, &saved, sizeof saved);
    (void)n;
    _exit(127);
}

static int dup_high(int fd)
{
    return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
}

static void close_all(int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* The caller's descriptors, moved out of the way of 0 to 3, whatever numbers they have. */
static int gather_fds(const struct sl_process_options *o, int fds[KEPT], struct sl_error *err)
{
    int given[KEPT] = {o->stdin_fd, o->stdout_fd, o->stderr_fd, o->keep_fd};
    int null_fd = -1;
    if (given[0] < 0)
        given[0] = null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int rc = given[0] < 0 ? sl_fail_errno(err, errno, "cannot open /dev/null") : 0;
    for (int i = 0; i < KEPT; i++)
        fds[i] = -1;
    for (int i = 0; rc == 0 && i < KEPT; i++) {
        fds[i] = dup_high(given[i]);
        if (given[i] >= 0 && fds[i] < 0)
            rc = sl_fail_errno(err, errno, "cannot start %s", o->argv[0]);
    }
    if (null_fd >= 0)
        close(null_fd);
    if (rc)
        close_all(fds, KEPT);
    return rc;
}

static int fork_plan(struct plan *p, pid_t *pid, struct sl_error *err)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0)
        return sl_fail_errno(err, errno, "cannot start %s", p->o->argv[0]);
    p->report_fd = dup_high(report[1]);
    close(report[1]);
    p->parent = getpid();
    /* The parent's handlers must not run in the child. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t child = fork();
    if (child == 0)
        run_child(p);
    int saved = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(p->report_fd);
    int rc = child < 0 ? sl_fail_errno(err, saved, "cannot start %s", p->o->argv[0]) : 0;
    int failed = 0;
    ssize_t n = 0;
    while (rc == 0 && (n = read(report[0], &failed, sizeof failed)) < 0 && errno == EINTR)
        ;
    close(report[0]);
    if (rc == 0 && n > 0) {
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            ;
        rc = sl_fail(err, SL_E_PROCESS, "cannot start %s: %s", p->o->argv[0], strerror(failed));
    }
    if (rc == 0)
        *pid = child;
    return rc;
}

int sl_process_start(const struct sl_process_options *options, pid_t *pid, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct plan plan = {.o = options, .program = find_program(arena, options->argv[0])};
    if (!plan.program)
        return sl_fail(err, SL_E_PROCESS, "cannot start %s: it is not on PATH", options->argv[0]);
    plan.envp = make_environment(arena, options->env_add);
    plan.argv = copy_argv(arena, options->argv);
    int rc = gather_fds(options, plan.fds, err);
    if (rc)
        return rc;
    rc = fork_plan(&plan, pid, err);
    close_all(plan.fds, KEPT);
    return rc;
}

static int open_pidfd(pid_t pid, struct sl_error *err)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return sl_fail_errno(err, errno, "cannot watch process %d", (int)pid);
    return fd;
}

static int remaining_ms(int64_t deadline_ns)
{
    if (deadline_ns < 0)
        return -1;
    int64_t left = deadline_ns - sl_clock_mono_ns();
    if (left <= 0)
        return 0;
    int64_t ms = (left + SL_NS_PER_MS - 1) / SL_NS_PER_MS;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

static int64_t deadline_of(int timeout_ms)
{
    return timeout_ms < 0 ? -1 : sl_clock_mono_ns() + timeout_ms * SL_NS_PER_MS;
}

static int reap(pid_t pid, struct sl_process_result *result, struct sl_error *err)
{
    int status;
    pid_t got;
    while ((got = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
        ;
    if (got < 0)
        return sl_fail_errno(err, errno, "cannot wait for process %d", (int)pid);
    *result = (struct sl_process_result){.exited = WIFEXITED(status)};
    if (result->exited)
        result->exit_code = WEXITSTATUS(status);
    else
        result->signal = WTERMSIG(status);
    return 0;
}

int sl_process_wait(pid_t pid, int timeout_ms, bool *done, struct sl_process_result *result, struct sl_error *err)
{
    int fd = open_pidfd(pid, err);
    if (fd < 0)
        return fd;
    int64_t deadline = deadline_of(timeout_ms);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int n;
    while ((n = poll(&p, 1, remaining_ms(deadline))) < 0 && errno == EINTR)
        ;
    int rc = n < 0 ? sl_fail_errno(err, errno, "cannot watch process %d", (int)pid) : 0;
    close(fd);
    if (rc == 0 && n > 0)
        rc = reap(pid, result, err);
    if (rc == 0)
        *done = n > 0;
    return rc;
}

struct stream {
    int read_fd, write_fd; /* -1: none */
    struct sl_buf *buf;
};

static int open_stream(struct stream *s, struct sl_buf *buf, struct sl_error *err)
{
    int ends[2];
    if (!buf)
        return 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return sl_fail_errno(err, errno, "cannot make a pipe");
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *s = (struct stream){ends[0], ends[1], buf};
    return 0;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Takes what is there now, at most a few pipes full, so that a child that never stops writing still meets its deadline.
 * What the buffer refuses is thrown away, so that the child never blocks on us. */
static void drain(struct stream *s)
{
    enum { BLOCKS = 256 };
    char block[8192];
    for (int i = 0; i < BLOCKS && s->read_fd >= 0; i++) {
        ssize_t n = read(s->read_fd, block, sizeof block);
        if (n < 0 && errno != EINTR)
            return;
        if (n > 0)
            sl_buf_add(s->buf, block, (size_t)n);
        if (n == 0)
            close_fd(&s->read_fd);
    }
}

/* Until the child has ended, not until its pipes are closed: a daemon that it leaves behind may hold them for ever. */
static bool collect(int pidfd, struct stream streams[2], int64_t deadline)
{
    for (;;) {
        struct pollfd p[3] = {{.fd = pidfd, .events = POLLIN},
                              {.fd = streams[0].read_fd, .events = POLLIN},
                              {.fd = streams[1].read_fd, .events = POLLIN}};
        int n = poll(p, 3, remaining_ms(deadline));
        if (n == 0)
            return false;
        if (n < 0)
            continue;
        bool ended = p[0].revents != 0;
        drain(&streams[0]);
        drain(&streams[1]);
        if (ended)
            return true;
    }
}

static int finish(const struct sl_process_options *o, pid_t pid, int timeout_ms, struct stream streams[2],
                  struct sl_process_result *result, struct sl_error *err)
{
    struct sl_process_result r = {0};
    int pidfd = open_pidfd(pid, err);
    if (pidfd < 0) {
        int rc = pidfd;
        kill(pid, SIGKILL);
        (void)reap(pid, &r, NULL);
        return rc;
    }
    bool ended = collect(pidfd, streams, deadline_of(timeout_ms));
    if (!ended)
        kill(o->new_group ? -pid : pid, SIGKILL);
    close(pidfd);
    int rc = reap(pid, &r, err);
    if (rc)
        return rc;
    if (!ended)
        return sl_fail(err, SL_E_PROCESS, "%s did not end in %d ms and was killed", o->argv[0], timeout_ms);
    if (!r.exited)
        return sl_fail(err, SL_E_PROCESS, "%s was ended by signal %d (%s)", o->argv[0], r.signal,
                       strsignal(r.signal));
    if (result)
        *result = r;
    return 0;
}

int sl_process_run(const struct sl_process_options *options, int timeout_ms, struct sl_buf *out, struct sl_buf *errout,
                   struct sl_process_result *result, struct sl_error *err)
{
    struct stream streams[2] = {{-1, -1, NULL}, {-1, -1, NULL}};
    struct sl_process_options o = *options;
    pid_t pid = -1;
    int rc = open_stream(&streams[0], out, err);
    if (rc == 0)
        rc = open_stream(&streams[1], errout, err);
    if (rc == 0) {
        o.stdout_fd = out ? streams[0].write_fd : o.stdout_fd;
        o.stderr_fd = errout ? streams[1].write_fd : o.stderr_fd;
        rc = sl_process_start(&o, &pid, err);
    }
    close_fd(&streams[0].write_fd);
    close_fd(&streams[1].write_fd);
    if (rc == 0)
        rc = finish(&o, pid, timeout_ms, streams, result, err);
    close_fd(&streams[0].read_fd);
    close_fd(&streams[1].read_fd);
    return rc;
}
