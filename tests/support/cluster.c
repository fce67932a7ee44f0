/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cluster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

int test_cluster_open(struct test_cluster *c, const char *under, bool start, struct sl_error *err)
{
    *c = (struct test_cluster){.arena = sl_arena_new()};
    /* scripts/test.sh stops what an interrupted test leaves under its own TMPDIR. */
    const char *temporary = getenv("TMPDIR");
    snprintf(c->home, sizeof c->home, "%s/sluice-test-XXXXXX", under ? under : temporary && *temporary ? temporary : "/tmp");
    if (!mkdtemp(c->home))
        return sl_fail_errno(err, errno, "cannot make %s", c->home);
    /* Another account runs the server when the tests run as root. */
    chmod(c->home, under ? 0700 : 0755);
    c->options.home = c->home;
    int rc = start ? sl_cluster_start(&c->options, &c->status, err) : 0;
    return rc < 0 ? rc : sl_cluster_target(&c->options, c->arena, &c->target, err);
}

void test_cluster_close(struct test_cluster *c)
{
    struct sl_cluster_status status = {0};
    if (sl_cluster_stop(&c->options, true, &status, NULL) == 0) {
        char *end = strstr(status.data_dir, "/data");
        if (end && end[strlen("/data")] == '\0') {
            *end = '\0';
            sl_dir_remove(status.data_dir, NULL);
        }
        if (!strncmp(status.socket_dir, "/tmp/sluice-", strlen("/tmp/sluice-")))
            sl_dir_remove(status.socket_dir, NULL);
    }
    sl_dir_remove(c->home, NULL);
    sl_arena_free(c->arena);
}
