/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "json/json.h"

enum { WORDS_MAX = 128, VALUE_MAX_BYTES = 64 << 10 };

#define GLOBAL(member) offsetof(struct sl_cli_globals, member)

static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};

const struct sl_cli_option sl_cli_global_options[] = {
    {"home", 0, "DIR", SL_CLI_TEXT, GLOBAL(home),
     "where sluice keeps its things (default: $SLUICE_HOME, ./.sluice)", NULL, 0},
    {"set-config", 'c', "KEY=VALUE", SL_CLI_LIST, GLOBAL(settings),
     "a setting for this time; may be repeated", NULL, 0},
    {"json", 0, NULL, SL_CLI_FLAG, GLOBAL(json), "the answer as JSON, exact values, a list as one array", NULL, 0},
    {"jsonl", 0, NULL, SL_CLI_FLAG, GLOBAL(jsonl), "the answer as JSON, one document a line", NULL, 0},
    {"no-color", 0, NULL, SL_CLI_FLAG, GLOBAL(no_color), "no colours (also: NO_COLOR=1)", NULL, 0},
    {"quiet", 'q', NULL, SL_CLI_FLAG, GLOBAL(quiet), "only the answer and errors", NULL, 0},
    {"log-level", 0, "LEVEL", SL_CLI_CHOICE, GLOBAL(log_level), "debug, info, warn or error", log_levels, 0},
    {"help", 'h', NULL, SL_CLI_FLAG, GLOBAL(help), "this text", NULL, 0},
    {"version", 0, NULL, SL_CLI_FLAG, GLOBAL(version), "which sluice this is", NULL, 0},
};
const size_t sl_n_cli_global_options = sizeof sl_cli_global_options / sizeof *sl_cli_global_options;

struct parser {
    struct sl_cli *cli;
    const struct sl_command *const *commands;
    const char *const *argv;
    size_t argc, at;
    void *args;
    bool only_operands;
};

struct found {
    const struct sl_cli_option *option;
    void *base;
};

static struct found find(struct parser *p, const char *name, size_t bytes, char letter)
{
    const struct sl_command *command = p->cli->command;
    const struct sl_cli_option *tables[] = {sl_cli_global_options, command ? command->options : NULL};
    size_t sizes[] = {sl_n_cli_global_options, command ? command->n_options : 0};
    void *bases[] = {&p->cli->globals, p->args};
    for (size_t t = 2; t-- > 0;)
        for (size_t i = 0; i < sizes[t]; i++) {
            const struct sl_cli_option *o = &tables[t][i];
            if (name ? !strncmp(o->name, name, bytes) && !o->name[bytes] : o->letter && o->letter == letter)
                return (struct found){o, bases[t]};
        }
    return (struct found){NULL, NULL};
}

static const char *path_of(const struct sl_cli *cli)
{
    const struct sl_command *c = cli->command;
    if (!c)
        return "sluice";
    return cli->parent ? sl_arena_printf(cli->arena, "sluice %s %s", cli->parent->name, c->name)
                       : sl_arena_printf(cli->arena, "sluice %s", c->name);
}

static int unknown_option(struct parser *p, const char *given, struct sl_error *err)
{
    const char *words[WORDS_MAX], *name = given;
    size_t n = 0;
    const struct sl_command *command = p->cli->command;
    while (*name == '-')
        name++;
    for (size_t i = 0; command && i < command->n_options && n < WORDS_MAX; i++)
        words[n++] = command->options[i].name;
    for (size_t i = 0; i < sl_n_cli_global_options && n < WORDS_MAX; i++)
        words[n++] = sl_cli_global_options[i].name;
    const char *near = given[1] == '-' ? sl_text_nearest(name, words, n) : NULL;
    int rc = near ? sl_fail(err, SL_E_USAGE, "unknown option %s, did you mean --%s?", given, near)
                  : sl_fail(err, SL_E_USAGE, "unknown option %s", given);
    if (command)
        sl_error_hint(err, "%s --help lists the options", path_of(p->cli));
    else
        sl_error_hint(err, "options of a verb follow the verb; sluice --help");
    return rc;
}

static int bad_value(const struct sl_cli_option *o, const char *expected, const char *value, struct sl_error *err)
{
    return sl_fail(err, SL_E_USAGE, "--%s: expected %s, found \"%s\"", o->name, expected, value);
}

static int set_integer(const struct sl_cli_option *o, const char *value, int64_t *out, struct sl_error *err)
{
    char *end;
    errno = 0;
    long long n = strtoll(value, &end, 10);
    if (errno || end == value || *end || n < 0)
        return bad_value(o, "a whole number", value, err);
    *out = n;
    return 0;
}

static int set_duration(const struct sl_cli_option *o, const char *value, int64_t *out, struct sl_error *err)
{
    char *end;
    errno = 0;
    long long n = strtoll(value, &end, 10);
    int64_t unit = *end == 's' || !*end ? 1 : *end == 'm' ? 60 : *end == 'h' ? 3600 : *end == 'd' ? 86400 : 0;
    if (errno || end == value || !unit || (*end && end[1]) || n < 0 || n > INT64_C(1000000000))
        return bad_value(o, "a time such as 45s, 30m, 12h or 7d", value, err);
    *out = n * unit;
    return 0;
}

static int set_choice(const struct sl_cli_option *o, const char *value, const char **out, struct sl_error *err)
{
    size_t n = 0;
    char list[256] = "";
    for (; o->choices[n]; n++) {
        if (!strcmp(o->choices[n], value)) {
            *out = o->choices[n];
            return 0;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", n ? ", " : "", o->choices[n]);
    }
    const char *near = sl_text_nearest(value, o->choices, n);
    if (near)
        return sl_fail(err, SL_E_USAGE, "--%s: \"%s\" is not one of %s, did you mean \"%s\"?", o->name, value, list,
                       near);
    return sl_fail(err, SL_E_USAGE, "--%s: \"%s\" is not one of %s", o->name, value, list);
}

static void list_add(struct sl_arena *arena, struct sl_cli_list *list, const char *item)
{
    if ((list->n & (list->n - 1)) == 0) {
        const char **items = sl_arena_array(arena, list->n ? 2 * list->n : 1, sizeof *items);
        if (list->n)
            memcpy(items, list->items, list->n * sizeof *items);
        list->items = items;
    }
    list->items[list->n++] = item;
}

static int set(struct parser *p, struct found f, const char *value, struct sl_error *err)
{
    void *at = (char *)f.base + f.option->offset;
    switch (f.option->type) {
    case SL_CLI_FLAG:
        *(bool *)at = true;
        return 0;
    case SL_CLI_TEXT:
        *(const char **)at = value;
        return 0;
    case SL_CLI_INTEGER:
        return set_integer(f.option, value, at, err);
    case SL_CLI_DURATION:
        return set_duration(f.option, value, at, err);
    case SL_CLI_CHOICE:
        return set_choice(f.option, value, at, err);
    case SL_CLI_LIST:
        list_add(p->cli->arena, at, value);
        return 0;
    }
    return 0;
}

static int next_value(struct parser *p, const struct sl_cli_option *o, const char **out, struct sl_error *err)
{
    if (p->at >= p->argc)
        return sl_fail(err, SL_E_USAGE, "--%s needs a value: --%s %s", o->name, o->name, o->argument);
    *out = p->argv[p->at++];
    return 0;
}

static int long_option(struct parser *p, const char *arg, struct sl_error *err)
{
    const char *equals = strchr(arg, '='), *value = equals ? equals + 1 : NULL;
    size_t bytes = equals ? (size_t)(equals - arg) - 2 : strlen(arg) - 2;
    struct found f = find(p, arg + 2, bytes, 0);
    if (!f.option)
        return unknown_option(p, sl_arena_strndup(p->cli->arena, arg, bytes + 2), err);
    if (f.option->type == SL_CLI_FLAG && value)
        return sl_fail(err, SL_E_USAGE, "--%s takes no value", f.option->name);
    if (f.option->type != SL_CLI_FLAG && !value) {
        int rc = next_value(p, f.option, &value, err);
        if (rc)
            return rc;
    }
    return set(p, f, value, err);
}

static int short_options(struct parser *p, const char *arg, struct sl_error *err)
{
    for (const char *c = arg + 1; *c; c++) {
        struct found f = find(p, NULL, 0, *c);
        const char *value = NULL;
        if (!f.option)
            return unknown_option(p, arg[2] ? arg : sl_arena_strndup(p->cli->arena, arg, 2), err);
        if (f.option->type != SL_CLI_FLAG) {
            value = c + 1;
            int rc = *value ? 0 : next_value(p, f.option, &value, err);
            return rc ? rc : set(p, f, value, err);
        }
        int rc = set(p, f, value, err);
        if (rc)
            return rc;
    }
    return 0;
}

const struct sl_command *sl_cli_find(const struct sl_command *const *commands, const char *name)
{
    for (size_t i = 0; commands[i]; i++)
        if (!strcmp(commands[i]->name, name))
            return commands[i];
    return NULL;
}

int sl_cli_unknown_verb(const struct sl_command *const *commands, const struct sl_command *parent, const char *name,
                        struct sl_error *err)
{
    const char *words[WORDS_MAX];
    size_t n = 0;
    for (size_t i = 0; commands[i] && n < WORDS_MAX; i++)
        if (commands[i]->group != SL_GROUP_HIDDEN)
            words[n++] = commands[i]->name;
    const char *near = sl_text_nearest(name, words, n), *space = parent ? " " : "", *group = parent ? parent->name : "";
    int rc = near ? sl_fail(err, SL_E_USAGE, "unknown verb \"%s%s%s\", did you mean \"%s%s%s\"?", group, space, name,
                            group, space, near)
                  : sl_fail(err, SL_E_USAGE, "unknown verb \"%s%s%s\"", group, space, name);
    if (parent)
        sl_error_hint(err, "sluice help %s", parent->name);
    else
        sl_error_hint(err, "sluice help --all lists every verb");
    return rc;
}

static int operand(struct parser *p, const char *arg, struct sl_error *err)
{
    struct sl_cli *cli = p->cli;
    bool nested = cli->command && cli->command->verbs;
    if (cli->command && !nested) {
        list_add(cli->arena, &cli->operands, arg);
        return 0;
    }
    const struct sl_command *const *commands = nested ? cli->command->verbs : p->commands;
    const struct sl_command *found = sl_cli_find(commands, arg);
    if (!found)
        return sl_cli_unknown_verb(commands, nested ? cli->command : NULL, arg, err);
    cli->parent = nested ? cli->command : NULL;
    cli->command = found;
    p->args = sl_arena_alloc(cli->arena, found->args_bytes ? found->args_bytes : 1);
    for (size_t i = 0; i < found->n_options; i++)
        if (found->options[i].type == SL_CLI_INTEGER || found->options[i].type == SL_CLI_DURATION)
            *(int64_t *)(void *)((char *)p->args + found->options[i].offset) = found->options[i].initial;
    return 0;
}

static int check_operands(const struct sl_cli *cli, struct sl_error *err)
{
    const struct sl_command *c = cli->command;
    if (!c || cli->globals.help || cli->globals.version)
        return 0;
    int rc = 0;
    if (c->verbs && !c->run) {
        char list[256] = "";
        for (size_t i = 0; c->verbs[i]; i++) {
            size_t used = strlen(list);
            snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", c->verbs[i]->name);
        }
        rc = sl_fail(err, SL_E_USAGE, "\"%s\" needs a verb: %s", c->name, list);
    } else if (cli->operands.n < c->least) {
        rc = sl_fail(err, SL_E_USAGE, "something is missing: %s %s", path_of(cli), c->usage);
    } else if (cli->operands.n > c->most) {
        rc = sl_fail(err, SL_E_USAGE, "\"%s\" is too much: %s %s", cli->operands.items[c->most], path_of(cli), c->usage);
    }
    if (rc)
        sl_error_hint(err, "%s --help", path_of(cli));
    return rc;
}

static int one(struct parser *p, const char *arg, struct sl_error *err)
{
    if (p->only_operands || arg[0] != '-' || !arg[1])
        return operand(p, arg, err);
    if (!strcmp(arg, "--")) {
        p->only_operands = true;
        return 0;
    }
    return arg[1] == '-' ? long_option(p, arg, err) : short_options(p, arg, err);
}

int sl_cli_parse(struct sl_cli *cli, const struct sl_command *const *commands, size_t argc, const char *const *argv,
                 void **args, struct sl_error *err)
{
    struct parser p = {.cli = cli, .commands = commands, .argv = argv, .argc = argc};
    int rc = 0;
    while (!rc && p.at < p.argc)
        rc = one(&p, p.argv[p.at++], err);
    if (!rc)
        rc = check_operands(cli, err);
    /* The error is to be printed in the form that was asked for, also when that is said after the mistake. */
    for (; rc && p.at < p.argc; p.at++) {
        cli->globals.json |= !strcmp(p.argv[p.at], "--json");
        cli->globals.jsonl |= !strcmp(p.argv[p.at], "--jsonl");
    }
    cli->jsonl = cli->globals.jsonl;
    cli->json = cli->globals.json || cli->globals.jsonl;
    cli->quiet = cli->globals.quiet;
    if (rc && !cli->globals.help)
        return rc;
    *args = p.args;
    return 0;
}

/* The value as JSON when it is JSON and not a string; NULL: as text. */
static struct json_object *typed(const char *value, bool *is_null)
{
    struct sl_doc *doc = NULL;
    struct sl_error ignored;
    *is_null = false;
    if (sl_json_parse("value", value, strlen(value), &sl_json_limits_small, &doc, &ignored))
        return NULL;
    *is_null = !doc->root;
    struct json_object *root = json_object_is_type(doc->root, json_type_string) ? NULL : json_object_get(doc->root);
    sl_doc_free(doc);
    return root;
}

int sl_cli_assign(struct json_object *obj, const char *assignment, const char *option, struct sl_error *err)
{
    const char *equals = strchr(assignment, '=');
    if (!equals || equals == assignment)
        return sl_fail(err, SL_E_USAGE, "--%s: expected NAME=VALUE, found \"%s\"", option, assignment);
    if (strlen(assignment) > VALUE_MAX_BYTES)
        return sl_fail(err, SL_E_USAGE, "--%s: a value of more than %d bytes", option, VALUE_MAX_BYTES);
    if (!sl_utf8_valid(assignment, strlen(assignment)))
        return sl_fail(err, SL_E_USAGE, "--%s: \"%s\" is not UTF-8", option, assignment);
    char *name = sl_xstrdup(assignment);
    name[equals - assignment] = '\0';
    bool is_null;
    struct json_object *value = typed(equals + 1, &is_null);
    if (value || is_null)
        sl_json_put(obj, name, value);
    else
        sl_json_put_str(obj, name, equals + 1);
    free(name);
    return 0;
}

int sl_cli_not_found(enum sl_code code, const char *what, const char *name, const char *const *words, size_t n_words,
                     struct sl_error *err)
{
    const char *near = sl_text_nearest(name, words, n_words);
    return near ? sl_fail(err, code, "%s \"%s\" does not exist, did you mean \"%s\"?", what, name, near)
                : sl_fail(err, code, "%s \"%s\" does not exist", what, name);
}
