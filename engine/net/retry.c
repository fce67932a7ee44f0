/* SPDX-License-Identifier: Apache-2.0 */
#include "net/retry.h"

#include "base/clock.h"

void sl_retry_begin(struct sl_retry *retry, const struct sl_retry_policy *policy)
{
    *retry = (struct sl_retry){.policy = policy, .began_ns = sl_clock_mono_ns()};
}
