/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"

static const char first_screen[] =
    "sluice turns uploaded spatial files into versioned datasets and records how.\n"
    "\n"
    "usage: sluice VERB [OPTIONS] [ARGUMENTS]\n"
    "\n"
    "Start with\n"
    "  sluice init                     make a home here, start what is needed\n"
    "  sluice submit --intent ingest_vector --type vector roads.gpkg\n"
    "                                  upload a file of yours\n"
    "  sluice run                      ingest what was uploaded\n"
    "  sluice asset list               what came out\n"
    "  sluice lineage roads            where a dataset comes from\n"
    "\n"
    "When something is wrong\n"
    "  sluice batch show ID            what happened to a batch, and what to do\n"
    "  sluice doctor                   is everything there that sluice needs\n"
    "\n"
    "More\n"
    "  sluice help --all               every verb\n"
    "  sluice help VERB                one verb, examples first\n"
    "\n"
    "Every verb takes --json. The home is --home DIR, else $SLUICE_HOME, else\n"
    "./.sluice.\n";

void sl_cli_help_first(struct sl_out *out)
{
    sl_out_text(out, first_screen);
}

static void line(struct sl_out *out, const char *left, const char *right)
{
    size_t used = sl_text_columns(left), column = 30;
    sl_out_text(out, "  ");
    sl_out_text(out, left);
    if (used + 2 > column) {
        sl_out_text(out, "\n  ");
        used = 0;
    }
    sl_out_spaces(out, column - used);
    sl_out_text(out, right);
    sl_out_text(out, "\n");
}

static void list_options(const struct sl_cli_option *options, size_t n, struct sl_out *out)
{
    for (size_t i = 0; i < n; i++) {
        const struct sl_cli_option *o = &options[i];
        char left[80], letter[8] = "";
        if (!o->help)
            continue;
        if (o->letter)
            snprintf(letter, sizeof letter, "-%c, ", o->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->argument ? " " : "",
                 o->argument ? o->argument : "");
        line(out, left, o->help);
    }
}

static void list_verbs(const struct sl_command *const *commands, const char *group, struct sl_out *out)
{
    for (size_t i = 0; commands[i]; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", group, *group ? " " : "", commands[i]->name);
        if (!commands[i]->verbs || commands[i]->run)
            line(out, left, commands[i]->summary);
        if (commands[i]->verbs)
            list_verbs(commands[i]->verbs, commands[i]->name, out);
    }
}

void sl_cli_help_all(const struct sl_command *const *commands, struct sl_out *out)
{
    static const char *const titles[] = {[SL_GROUP_WORK] = "Bring data in",
                                         [SL_GROUP_LOOK] = "See what there is",
                                         [SL_GROUP_KEEP] = "Keep it right",
                                         [SL_GROUP_SETUP] = "Set up and look up"};
    sl_out_text(out, "usage: sluice VERB [OPTIONS] [ARGUMENTS]\n");
    for (int g = SL_GROUP_WORK; g < SL_GROUP_HIDDEN; g++) {
        sl_out_printf(out, "\n%s\n", titles[g]);
        for (size_t i = 0; commands[i]; i++)
            if ((int)commands[i]->group == g)
                list_verbs((const struct sl_command *const[]){commands[i], NULL}, "", out);
    }
    sl_out_text(out, "\nOptions of every verb\n");
    list_options(sl_cli_global_options, sl_n_cli_global_options, out);
    sl_out_text(out, "\nExit codes: 0 ok, 1 failure, 2 usage, 3 invalid input, 4 not found, 5 conflict,\n"
                     "75 a service is down, 78 bad configuration.\n");
}

void sl_cli_help_verb(const struct sl_command *parent, const struct sl_command *command, struct sl_out *out)
{
    if (command->examples)
        sl_out_printf(out, "Examples\n%s\n", command->examples);
    sl_out_printf(out, "usage: sluice %s%s%s %s\n\n", parent ? parent->name : "", parent ? " " : "", command->name,
                  command->verbs && !command->run ? "VERB" : command->usage);
    if (command->verbs)
        list_verbs(command->verbs, command->name, out);
    else
        sl_out_printf(out, "%s%s.\n", (char[]){(char)(command->summary[0] & ~0x20), 0}, command->summary + 1);
    if (command->details)
        sl_out_printf(out, "\n%s", command->details);
    if (command->n_options)
        sl_out_text(out, "\nOptions\n");
    list_options(command->options, command->n_options, out);
    sl_out_text(out, "\nOptions of every verb: --home, -c, --json, --jsonl, --no-color, -q, --log-level, -h\n"
                     "(sluice help --all).\n");
}
