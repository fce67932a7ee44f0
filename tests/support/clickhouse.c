/* SPDX-License-Identifier: Apache-2.0 */
#include "support/clickhouse.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

static int script(const struct test_clickhouse *c, const char *verb, struct sl_error *err)
{
    char command[600];
    snprintf(command, sizeof command, "'%s/services/clickhouse/dev/%s' '%s' >'%s/script.log' 2>&1", SLUICE_SOURCE_DIR,
             verb, c->folder, c->folder);
    int status = system(command);
    return status == 0
               ? 0
               : sl_fail(err, SL_E_PROCESS, "services/clickhouse/dev/%s failed, see %s/script.log", verb, c->folder);
}

/* The value of NAME= in a file of such lines. */
static void value_of(const char *text, const char *name, char *out, size_t bytes)
{
    const char *at = strstr(text, name);
    out[0] = '\0';
    if (at)
        snprintf(out, bytes, "%.*s", (int)strcspn(at + strlen(name), "\n"), at + strlen(name));
}

static int read_env(struct test_clickhouse *c, struct sl_error *err)
{
    char path[300], port[16];
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, 65536);
    snprintf(path, sizeof path, "%s/env", c->folder);
    int rc = sl_file_read(path, &text, err);
    if (rc < 0)
        return rc;
    value_of(text.data, "CLICKHOUSE_PORT=", port, sizeof port);
    value_of(text.data, "CLICKHOUSE_USER=", c->user, sizeof c->user);
    value_of(text.data, "CLICKHOUSE_PASSWORD=", c->password, sizeof c->password);
    snprintf(c->url, sizeof c->url, "http://127.0.0.1:%s", port);
    sl_buf_clear(&text);
    snprintf(path, sizeof path, "%s/service.pid", c->folder);
    rc = sl_file_read(path, &text, err);
    c->pid = rc == 0 ? (pid_t)atoi(text.data) : 0;
    return rc;
}

int test_clickhouse_revive(struct test_clickhouse *c, struct sl_error *err)
{
    int rc = script(c, "start", err);
    return rc < 0 ? rc : read_env(c, err);
}

int test_clickhouse_start(struct test_clickhouse *c, struct sl_error *err)
{
    const char *base = getenv("TMPDIR");
    *c = (struct test_clickhouse){.pid = 0};
    snprintf(c->folder, sizeof c->folder, "%s/sluice-test-clickhouse-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(c->folder))
        return sl_fail_errno(err, errno, "cannot make %s", c->folder);
    return test_clickhouse_revive(c, err);
}

void test_clickhouse_kill(struct test_clickhouse *c)
{
    if (c->pid > 0)
        kill(c->pid, SIGKILL);
    script(c, "stop", NULL); /* waits until it is gone */
    c->pid = 0;
}

void test_clickhouse_stop(struct test_clickhouse *c)
{
    if (!c->folder[0])
        return;
    test_clickhouse_kill(c);
    sl_dir_remove(c->folder, NULL);
    c->folder[0] = '\0';
}
