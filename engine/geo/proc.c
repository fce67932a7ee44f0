/* SPDX-License-Identifier: Apache-2.0 */
#include "geo/proc.h"

#include <stdio.h>
#include <string.h>

enum { UUID_CHARS = 36 };
static const char prefix[] = "proc_";

/* Copies a UUID, `from` between its groups becoming `to`; false when it is not one. */
static bool copy_uuid(const char *uuid, char from, char to, char *out)
{
    for (size_t i = 0; i < UUID_CHARS; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? uuid[i] != from : !uuid[i] || !strchr("0123456789abcdef", uuid[i]))
            return false;
        out[i] = dash ? to : uuid[i];
    }
    out[UUID_CHARS] = '\0';
    return uuid[UUID_CHARS] == '\0';
}

bool sl_proc_schema(const char *run_id, char *out, size_t out_bytes)
{
    char uuid[UUID_CHARS + 1];
    if (!copy_uuid(run_id, '-', '_', uuid) || out_bytes < sizeof prefix + UUID_CHARS)
        return false;
    snprintf(out, out_bytes, "%s%s", prefix, uuid);
    return true;
}

bool sl_proc_run_id(const char *schema, char *out, size_t out_bytes)
{
    char uuid[UUID_CHARS + 1];
    size_t n = sizeof prefix - 1;
    if (strncmp(schema, prefix, n) != 0 || !copy_uuid(schema + n, '_', '-', uuid) || out_bytes < sizeof uuid)
        return false;
    memcpy(out, uuid, sizeof uuid);
    return true;
}
