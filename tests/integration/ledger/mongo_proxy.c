/* SPDX-License-Identifier: Apache-2.0 */
#include "mongo_proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/cm.h"

enum { LARGEST = 48 << 20 };

static int connect_to(int port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
        _exit(1);
    return fd;
}

static bool move_bytes(int fd, char *buffer, size_t n, ssize_t (*how)(int fd, void *buffer, size_t n))
{
    for (size_t done = 0; done < n;) {
        ssize_t k = how(fd, buffer + done, n - done);
        if (k <= 0)
            return false;
        done += (size_t)k;
    }
    return true;
}

static ssize_t write_some(int fd, void *buffer, size_t n)
{
    return write(fd, buffer, n);
}

/* One message: its first four bytes are its length. */
static bool pass_message(int from, int to, bool deliver)
{
    int32_t length;
    char head[4];
    if (!move_bytes(from, head, 4, read))
        return false;
    memcpy(&length, head, 4);
    if (length < 16 || length > LARGEST)
        return false;
    char *message = malloc((size_t)length);
    memcpy(message, head, 4);
    bool ok = move_bytes(from, message + 4, (size_t)length - 4, read) &&
              (!deliver || move_bytes(to, message, (size_t)length, write_some));
    free(message);
    return ok;
}

static void serve_client(int client, int server_port, struct mongo_proxy_state *state)
{
    int server = connect_to(server_port);
    for (;;) {
        struct pollfd one = {.fd = client, .events = POLLIN};
        if (poll(&one, 1, -1) < 0)
            break;
        int left = atomic_load(&state->left);
        if (left == 0)
            break;
        if (left > 0)
            atomic_store(&state->left, left - 1);
        bool lost = left == 1 && atomic_load(&state->drop_reply);
        if (!pass_message(client, server, true) || !pass_message(server, client, !lost) || lost)
            break;
    }
    close(server);
}

static _Noreturn void run(int listener, int server_port, struct mongo_proxy_state *state)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0)
            _exit(1);
        if (fork() == 0) { /* one a connection: a handle may open another while it has one */
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            serve_client(client, server_port, state);
            _exit(0);
        }
        close(client);
    }
}

void mongo_proxy_open(struct mongo_proxy *p, int server_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(listener >= 0 && bind(listener, (struct sockaddr *)&a, sizeof a) == 0 && listen(listener, 16) == 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &len), 0);
    p->port = ntohs(a.sin_port);
    p->state = mmap(NULL, sizeof *p->state, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(p->state != MAP_FAILED);
    atomic_store(&p->state->left, -1);
    if ((p->pid = fork()) == 0)
        run(listener, server_port, p->state);
    close(listener);
}

void mongo_proxy_close(struct mongo_proxy *p)
{
    if (p->pid > 0) {
        kill(p->pid, SIGKILL);
        waitpid(p->pid, NULL, 0);
        munmap(p->state, sizeof *p->state);
    }
}
