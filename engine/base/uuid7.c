/* SPDX-License-Identifier: Apache-2.0 */
#include "base/uuid7.h"

#include <pthread.h>
#include <string.h>
#include <uuid/uuid.h>

#include "base/clock.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t last; /* milliseconds << 12 | fraction of the newest id */

void sl_uuid7(char out[SL_UUID_TEXT_BYTES])
{
    int64_t wall_ns = sl_clock_wall_ns();
    uint64_t ms = (uint64_t)(wall_ns / SL_NS_PER_MS);
    uint64_t fraction = (uint64_t)(wall_ns % SL_NS_PER_MS) * 4096 / (uint64_t)SL_NS_PER_MS;
    uint64_t stamp = ms << 12 | fraction;
    pthread_mutex_lock(&lock);
    if (stamp <= last)
        stamp = last + 1;
    last = stamp;
    pthread_mutex_unlock(&lock);

    uuid_t u;
    sl_clock_random(u, sizeof u);
    for (int i = 0; i < 6; i++)
        u[i] = (unsigned char)(stamp >> (12 + 8 * (5 - i)));
    u[6] = (unsigned char)(0x70 | ((stamp >> 8) & 0x0F));
    u[7] = (unsigned char)stamp;
    u[8] = (unsigned char)(0x80 | (u[8] & 0x3F));
    uuid_unparse_lower(u, out);
}

bool sl_uuid_valid(const char *text)
{
    uuid_t u;
    return strlen(text) == SL_UUID_TEXT_BYTES - 1 && uuid_parse(text, u) == 0;
}

int64_t sl_uuid7_unix_ms(const char *text)
{
    uuid_t u;
    if (!sl_uuid_valid(text) || uuid_parse(text, u) != 0 || u[6] >> 4 != 7)
        return -1;
    int64_t ms = 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | u[i];
    return ms;
}
