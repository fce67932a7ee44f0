/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.h - children: started without a shell, limited, watched.
 */
#ifndef SLUICE_BASE_PROCESS_H
#define SLUICE_BASE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <sluice/error.h>

#include "base/buf.h"

struct sl_process_options {
    const char *const *argv;      /* argv[0] is the program, found on PATH when it has no slash; ends in NULL */
    const char *const *env_add;   /* "NAME=value", …, NULL; added to the caller's environment; may be NULL */
    const char *chdir;            /* may be NULL */
    int stdin_fd, stdout_fd, stderr_fd; /* -1: /dev/null for stdin, inherited for the others */
    int keep_fd;                  /* one more descriptor that stays open in the child under number 3; -1: none */
    int64_t address_space_bytes;  /* RLIMIT_AS; 0: no limit */
    uid_t uid;                    /* with gid: run as this user (setgroups, setgid, setuid); used when set_user */
    gid_t gid;
    bool set_user;
    bool die_with_parent;         /* PR_SET_PDEATHSIG SIGKILL */
    bool new_group;               /* a process group of its own */
};

/* All other descriptors are closed in the child. */
int sl_process_start(const struct sl_process_options *options, pid_t *pid, struct sl_error *err);

struct sl_process_result {
    bool exited;   /* else a signal ended it */
    int exit_code; /* when exited */
    int signal;    /* when not */
};

/* Waits at most timeout_ms (-1: for ever); *done false when it still runs. */
int sl_process_wait(pid_t pid, int timeout_ms, bool *done, struct sl_process_result *result, struct sl_error *err);

/* Starts, waits, collects stdout and stderr (either may be NULL; their own maximum bounds them). A program that does not
 * start, is ended by a signal or runs longer than timeout_ms (then it is killed) is an error; a non-zero exit code is
 * not. */
int sl_process_run(const struct sl_process_options *options, int timeout_ms, struct sl_buf *out, struct sl_buf *errout,
                   struct sl_process_result *result, struct sl_error *err);

#endif
