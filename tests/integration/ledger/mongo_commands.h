/* SPDX-License-Identifier: Apache-2.0 */
/* mongo_commands.h - how many commands the MongoDB ledger sends; after the suite, with its backend. */
#ifndef SLUICE_TESTS_INTEGRATION_LEDGER_MONGO_COMMANDS_H
#define SLUICE_TESTS_INTEGRATION_LEDGER_MONGO_COMMANDS_H

int mongo_commands_run(void); /* the number of failed tests */

#endif
