/* SPDX-License-Identifier: Apache-2.0 */
/* mongo_proxy.h - between a client and a server of MongoDB's wire protocol: breaks the line after so many requests. */
#ifndef SLUICE_TESTS_INTEGRATION_LEDGER_MONGO_PROXY_H
#define SLUICE_TESTS_INTEGRATION_LEDGER_MONGO_PROXY_H

#include <stdatomic.h>
#include <sys/types.h>

struct mongo_proxy {
    pid_t pid;
    int port;
    struct mongo_proxy_state {
        atomic_int left;       /* requests that pass; negative: all do */
        atomic_int drop_reply; /* the last one that passes is done, but its answer is lost */
    } *state; /* shared with the process */
};

void mongo_proxy_open(struct mongo_proxy *p, int server_port);
void mongo_proxy_close(struct mongo_proxy *p);

#endif
