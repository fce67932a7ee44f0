/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli.h - the program: a verb is one constant description (struct sl_command), and parser, help and suggestions come
 * from its tables.
 *
 * A verb's options are bound by offset into a struct of its own, which lives in the invocation's arena. A verb prints
 * its answer to cli->out (people's form, or JSON when cli->json), everything else to cli->err, and returns 0 or a
 * negative code with err filled; the core prints the error and makes the exit code of it. A verb that has said all
 * itself sets cli->exit_code and returns 0.
 */
#ifndef SLUICE_CLI_CLI_H
#define SLUICE_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>
#include <sluice/error.h>

#include "base/arena.h"
#include "cli/out.h"
#include "cli/table.h"

enum sl_cli_type {
    SL_CLI_FLAG,     /* (bool) */
    SL_CLI_TEXT,     /* (const char *) */
    SL_CLI_INTEGER,  /* (int64_t) 0 or more */
    SL_CLI_DURATION, /* (int64_t) seconds, from "45s", "30m", "12h", "7d" */
    SL_CLI_CHOICE,   /* (const char *) one of choices */
    SL_CLI_LIST      /* (struct sl_cli_list) may be repeated */
};

struct sl_cli_list {
    const char **items;
    size_t n;
};

struct sl_cli_option {
    const char *name;     /* "dry-run" for --dry-run */
    char letter;          /* 'o' for -o; 0: none */
    const char *argument; /* "DIR"; NULL for a flag */
    enum sl_cli_type type;
    size_t offset;        /* of the value in the verb's struct */
    const char *help;     /* a few words, lower case; NULL: not listed */
    const char *const *choices; /* of a choice; NULL-ended */
    int64_t initial;            /* of a number or time that is not given */
};

enum sl_cli_group { SL_GROUP_WORK, SL_GROUP_LOOK, SL_GROUP_KEEP, SL_GROUP_SETUP, SL_GROUP_HIDDEN };

struct sl_cli;

struct sl_command {
    const char *name;     /* "submit" */
    const char *summary;  /* for lists: what it does, lower case */
    enum sl_cli_group group;
    const char *usage;    /* what follows the name: "[OPTIONS] FILE…" */
    const char *examples; /* lines, two spaces in front */
    const char *details;  /* paragraphs for its help; may be NULL */
    const struct sl_cli_option *options;
    size_t n_options, args_bytes;
    size_t least, most;   /* operands */
    bool logs;            /* it runs for long: a log unless stderr is a terminal */
    const struct sl_command *const *verbs; /* nested ones, NULL-ended; run is then what it does without one, or NULL */
    int (*run)(struct sl_cli *cli, const void *args, struct sl_error *err);
};

#define SL_CLI_OPTIONS(table) .options = (table), .n_options = sizeof(table) / sizeof *(table)
#define SL_CLI_ANY ((size_t)-1)

extern const struct sl_command *const sl_commands[]; /* NULL-ended, in order of help */

/* Options that every verb has. */
struct sl_cli_globals {
    const char *home, *log_level;
    struct sl_cli_list settings; /* KEY=VALUE */
    bool json, jsonl, no_color, quiet, help, version;
};
extern const struct sl_cli_option sl_cli_global_options[];
extern const size_t sl_n_cli_global_options;

struct sl_config;
struct sl_engine;

struct sl_cli {
    struct sl_arena *arena;
    struct sl_out out, err;
    struct sl_cli_globals globals;
    bool json, jsonl;         /* jsonl implies json */
    bool quiet;
    const struct sl_command *command, *parent; /* parent: of a nested verb */
    struct sl_cli_list operands;
    const char *program;      /* this binary, to start workers with */
    struct sl_config *config; /* by sl_cli_config */
    struct sl_engine *engine; /* by sl_cli_engine */
    void (*close_engine)(struct sl_cli *cli);
    int exit_code;
};

/* The whole program. Returns the exit code. */
int sl_cli_main(int argc, char **argv);

/* -- parse.c -- */

/* argv without the program's name. Fills command, parent, operands and globals; *args is the verb's struct. With
 * --help before the mistake there is no mistake. */
int sl_cli_parse(struct sl_cli *cli, const struct sl_command *const *commands, size_t argc, const char *const *argv,
                 void **args, struct sl_error *err);
const struct sl_command *sl_cli_find(const struct sl_command *const *commands, const char *name);
/* "unknown verb …" with the nearest; parent may be NULL. */
int sl_cli_unknown_verb(const struct sl_command *const *commands, const struct sl_command *parent, const char *name,
                        struct sl_error *err);
/* One "NAME=VALUE" of --set or --param into obj: the value as JSON when it is a number, true, false, null, an array or
 * an object, else as a string. */
int sl_cli_assign(struct json_object *obj, const char *assignment, const char *option, struct sl_error *err);
/* SL_E_<code> `no such thing "name"` with the nearest of words. */
int sl_cli_not_found(enum sl_code code, const char *what, const char *name, const char *const *words, size_t n_words,
                     struct sl_error *err);

/* -- help.c -- */
void sl_cli_help_first(struct sl_out *out);
void sl_cli_help_all(const struct sl_command *const *commands, struct sl_out *out);
void sl_cli_help_verb(const struct sl_command *parent, const struct sl_command *command, struct sl_out *out);

/* -- cli.c -- */
/* The message and its hint on stderr. */
void sl_cli_print_error(struct sl_cli *cli, const struct sl_error *error);
struct json_object *sl_cli_error_json(const struct sl_error *error); /* {error: {code, message, hint}} */
/* One document as the answer. */
void sl_cli_json(struct sl_cli *cli, struct json_object *value);

/* A list as the answer, item by item: one array, or with --jsonl one item a line. */
struct sl_cli_stream {
    struct sl_cli *cli;
    int64_t n;
};
void sl_cli_stream_item(struct sl_cli_stream *stream, struct json_object *item);
void sl_cli_stream_end(struct sl_cli_stream *stream);

#endif
