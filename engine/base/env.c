/* SPDX-License-Identifier: Apache-2.0 */
#include "base/env.h"

#include <stdlib.h>
#include <string.h>

static const char *const *replaced;

void sl_env_set(const char *const *pairs)
{
    replaced = pairs;
}

const char *sl_env(const char *name)
{
    const char *value = NULL;
    if (!replaced)
        value = getenv(name);
    for (const char *const *p = replaced; p && *p; p += 2)
        if (!strcmp(p[0], name))
            value = p[1];
    return value && *value ? value : NULL;
}
