/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/commands.h"

struct args {
    bool all;
};

static const struct sl_cli_option options[] = {
    {"all", 0, NULL, SL_CLI_FLAG, offsetof(struct args, all),
     "every verb, the options that all have, exit codes", NULL, 0},
};

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct args *a = args;
    const struct sl_command *const *commands = sl_commands;
    const struct sl_command *parent = NULL, *command = NULL;
    for (size_t i = 0; i < cli->operands.n; i++) {
        parent = command;
        command = commands ? sl_cli_find(commands, cli->operands.items[i]) : NULL;
        if (!command)
            return commands ? sl_cli_unknown_verb(commands, parent, cli->operands.items[i], err)
                            : sl_fail(err, SL_E_USAGE, "\"%s\" has no verbs of its own", parent->name);
        commands = command->verbs;
    }
    if (command)
        sl_cli_help_verb(parent, command, &cli->out);
    else if (a->all)
        sl_cli_help_all(sl_commands, &cli->out);
    else
        sl_cli_help_first(&cli->out);
    return 0;
}

const struct sl_command sl_cmd_help = {
    .name = "help",
    .summary = "this text, or that of one verb",
    .group = SL_GROUP_SETUP,
    .usage = "[--all] [VERB [VERB]]",
    .examples = "  sluice help submit\n"
                "  sluice help batch show\n"
                "  sluice help --all\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct args),
    .most = 2,
    .run = run,
};
