/* SPDX-License-Identifier: Apache-2.0 */
/* As in engine/cli/main.c: the counters that libmongoc makes in shared memory lose their name at once, so that a test that is
 * killed leaves none behind, of which a later process with its number would speak on stderr. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static void __attribute__((constructor)) forget_counters(void)
{
    char name[32];
    snprintf(name, sizeof name, "/mongoc-%d", (int)getpid());
    (void)shm_unlink(name); /* they need not be there */
}
