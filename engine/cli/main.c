/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/cli.h"

/* libmongoc makes counters in shared memory before this begins. Without their name they end with the process, also when it
 * is killed; else the next process with its number would say on stderr that they are there. */
static void forget_counters(void)
{
    char name[32];
    snprintf(name, sizeof name, "/mongoc-%d", (int)getpid());
    (void)shm_unlink(name); /* they need not be there */
}

int main(int argc, char **argv)
{
    forget_counters();
    return sl_cli_main(argc, argv);
}
