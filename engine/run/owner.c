/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "run/engine.h"

static void read_line(const char *path, char *out, size_t bytes)
{
    struct sl_buf buf;
    sl_buf_init(&buf, 4096);
    out[0] = '\0';
    if (sl_file_read(path, &buf, NULL) == 0)
        snprintf(out, bytes, "%s", buf.data);
    out[strcspn(out, "\n")] = '\0';
    sl_buf_free(&buf);
}

/* Field 22 of /proc/<pid>/stat, counted behind the last ")": a command's name may hold anything. 0: no such process, or
 * one that has ended and only waits to be reaped. */
static unsigned long long start_time(int pid)
{
    char path[64], line[1024], state = 0;
    unsigned long long start = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    read_line(path, line, sizeof line);
    const char *p = strrchr(line, ')');
    if (!p || sscanf(p + 1, " %c", &state) != 1 || state == 'Z' || state == 'X')
        return 0;
    p++;
    for (int field = 3; *p; field++) {
        while (*p == ' ')
            p++;
        if (field == 22) {
            start = strtoull(p, NULL, 10);
            break;
        }
        while (*p && *p != ' ')
            p++;
    }
    return start;
}

static void place(char *out, size_t bytes)
{
    char host[65] = "", boot[64];
    gethostname(host, sizeof host - 1);
    for (char *c = host; *c; c++)
        if (*c == '/' || !isgraph((unsigned char)*c))
            *c = '_';
    read_line("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
    snprintf(out, bytes, "%.40s/%.8s", host, boot);
}

void sl_owner_of(int pid, char out[SL_OWNER_BYTES])
{
    char where[80];
    place(where, sizeof where);
    snprintf(out, SL_OWNER_BYTES, "%s/%d.%llu", where, pid, start_time(pid));
}

void sl_owner_name(char out[SL_OWNER_BYTES])
{
    sl_owner_of((int)getpid(), out);
}

bool sl_owner_alive(const char *owner)
{
    char where[80], host_part[SL_OWNER_BYTES];
    int pid = 0;
    unsigned long long start = 0;
    const char *slash = strrchr(owner, '/');
    if (!slash || sscanf(slash + 1, "%d.%llu", &pid, &start) != 2)
        return true;
    snprintf(host_part, sizeof host_part, "%.*s", (int)(slash - owner), owner);
    place(where, sizeof where);
    if (!strcmp(host_part, where))
        return start_time(pid) == start;
    /* The same host after a restart: nothing of before lives. */
    size_t host = strcspn(where, "/");
    return strncmp(host_part, where, host + 1) != 0;
}
