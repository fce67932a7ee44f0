/* SPDX-License-Identifier: Apache-2.0 */
#include "support/ferretdb.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

enum { LOOKS = 400, LOOK_MS = 25 };

static const char *binary(void)
{
    const char *given = getenv("SLUICE_FERRETDB_BINARY");
    return given && *given ? given : SLUICE_SOURCE_DIR "/.cache/go/bin/ferretdb-sqlite";
}

static struct sockaddr_in address_of(int port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int free_port(void)
{
    struct sockaddr_in a = address_of(0);
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0), port = -1;
    if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && getsockname(fd, (struct sockaddr *)&a, &len) == 0)
        port = ntohs(a.sin_port);
    if (fd >= 0)
        close(fd);
    return port;
}

static bool answers(int port)
{
    struct sockaddr_in a = address_of(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool ok = fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

static _Noreturn void become_server(const struct test_ferretdb *f)
{
    char address[32], url[160], log[160];
    snprintf(address, sizeof address, "127.0.0.1:%d", f->port);
    snprintf(url, sizeof url, "file:%s/", f->folder);
    snprintf(log, sizeof log, "%s/log", f->folder);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (fd >= 0) {
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
    }
    execl(binary(), "ferretdb-sqlite", address, url, (char *)NULL);
    _exit(127);
}

int test_ferretdb_start(struct test_ferretdb *f, struct sl_error *err)
{
    if ((f->pid = fork()) < 0)
        return sl_fail_errno(err, errno, "cannot start %s", binary());
    if (f->pid == 0)
        become_server(f);
    for (int i = 0; i < LOOKS; i++) {
        if (waitpid(f->pid, NULL, WNOHANG) == f->pid) {
            f->pid = 0;
            return sl_fail(err, SL_E_PROCESS, "%s ended at once, see %s/log", binary(), f->folder);
        }
        if (answers(f->port))
            return 0;
        sl_clock_sleep_ns(LOOK_MS * SL_NS_PER_MS);
    }
    test_ferretdb_stop(f);
    return sl_fail(err, SL_E_PROCESS, "%s does not answer on port %d", binary(), f->port);
}

int test_ferretdb_open(struct test_ferretdb *f, struct sl_error *err)
{
    const char *base = getenv("TMPDIR");
    *f = (struct test_ferretdb){.pid = 0};
    if (access(binary(), X_OK) != 0) {
        int rc = sl_fail(err, SL_E_PROCESS, "there is no MongoDB wire server at %s", binary());
        sl_error_hint(err, "scripts/setup.sh");
        return rc;
    }
    snprintf(f->folder, sizeof f->folder, "%s/sluice-test-mongo-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(f->folder))
        return sl_fail_errno(err, errno, "cannot make %s", f->folder);
    if ((f->port = free_port()) < 0)
        return sl_fail_errno(err, errno, "no port is free");
    return test_ferretdb_start(f, err);
}

void test_ferretdb_stop(struct test_ferretdb *f)
{
    if (f->pid <= 0)
        return;
    kill(f->pid, SIGKILL);
    waitpid(f->pid, NULL, 0);
    f->pid = 0;
}

void test_ferretdb_close(struct test_ferretdb *f)
{
    test_ferretdb_stop(f);
    if (f->folder[0])
        sl_dir_remove(f->folder, NULL);
}
