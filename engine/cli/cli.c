/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/env.h"
#include "cli/open.h"
#include "json/json.h"

struct json_object *sl_cli_error_json(const struct sl_error *error)
{
    struct json_object *outer = json_object_new_object(), *inner = json_object_new_object();
    sl_json_put_str(inner, "code", sl_code_name(error->code));
    sl_json_put_str(inner, "message", error->message);
    sl_json_put_str(inner, "hint", error->hint[0] ? error->hint : NULL);
    sl_json_put(outer, "error", inner);
    return outer;
}

void sl_cli_print_error(struct sl_cli *cli, const struct sl_error *error)
{
    sl_out_coloured(&cli->err, SL_RED, error->message[0] ? error->message : sl_code_name(error->code));
    sl_out_text(&cli->err, "\n");
    if (error->hint[0]) {
        sl_out_coloured(&cli->err, SL_BOLD, "hint:");
        sl_out_printf(&cli->err, " %s\n", error->hint);
    }
    sl_out_flush(&cli->err);
}

void sl_cli_json(struct sl_cli *cli, struct json_object *value)
{
    sl_out_json(&cli->out, value, !cli->jsonl);
}

void sl_cli_stream_item(struct sl_cli_stream *stream, struct json_object *item)
{
    struct sl_cli *cli = stream->cli;
    if (!cli->jsonl)
        sl_out_text(&cli->out, stream->n ? ",\n" : "[\n");
    if (cli->jsonl) {
        sl_out_json(&cli->out, item, false);
    } else {
        sl_out_json(&cli->out, item, true);
        cli->out.buf.len -= cli->out.buf.len > 0; /* the comma or bracket goes on the item's last line */
    }
    stream->n++;
}

void sl_cli_stream_end(struct sl_cli_stream *stream)
{
    if (!stream->cli->jsonl)
        sl_out_text(&stream->cli->out, stream->n ? "\n]\n" : "[]\n");
}

/* The path of this binary: workers are started with the same one, whatever PATH says. */
static const char *program_path(struct sl_arena *arena)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    return n > 0 ? sl_arena_strndup(arena, path, (size_t)n) : "sluice";
}

static bool colours_wanted(size_t argc, const char *const *argv)
{
    const char *term = sl_env("TERM");
    if (sl_env("NO_COLOR") || !term || !strcmp(term, "dumb"))
        return false;
    for (size_t i = 0; i < argc; i++)
        if (!strcmp(argv[i], "--no-color"))
            return false;
    return true;
}

static int dispatch(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    if (cli->globals.help && cli->command) {
        sl_cli_help_verb(cli->parent, cli->command, &cli->out);
        return 0;
    }
    if (cli->globals.help) {
        sl_cli_help_first(&cli->out);
        return 0;
    }
    if (cli->globals.version && (!cli->command || cli->command->verbs)) {
        sl_out_text(&cli->out, "sluice " SLUICE_VERSION "\n");
        return 0;
    }
    if (!cli->command) {
        sl_cli_help_first(&cli->err);
        cli->exit_code = SL_EXIT_USAGE;
        return 0;
    }
    return cli->command->run(cli, args, err);
}

/* A reader that has seen enough is no failure; a full disk behind stdout is. */
static void finish_output(struct sl_cli *cli)
{
    sl_out_flush(&cli->out);
    if (cli->out.error && cli->out.error != EPIPE) {
        struct sl_error err = {0};
        sl_fail_errno(&err, cli->out.error, "standard output");
        sl_cli_print_error(cli, &err);
        if (cli->exit_code == SL_EXIT_OK)
            cli->exit_code = SL_EXIT_FAILURE;
    }
    sl_out_flush(&cli->err);
}

static void report(struct sl_cli *cli, int rc, struct sl_error *err)
{
    if (err->code == SL_OK)
        sl_fail(err, (enum sl_code)-rc, "%s", sl_code_name((enum sl_code)-rc));
    bool cut = cli->out.error == EPIPE && err->code == SL_E_CANCELLED; /* stopped because nobody reads any more */
    if (cut)
        return;
    if (cli->json && !cli->out.any) {
        struct json_object *object = sl_cli_error_json(err);
        sl_cli_json(cli, object);
        json_object_put(object);
    }
    sl_out_flush(&cli->out);
    sl_cli_print_error(cli, err);
    cli->exit_code = sl_code_exit(err->code);
}

int sl_cli_main(int argc, char **argv)
{
    struct sl_arena *arena = sl_arena_new();
    struct sl_cli cli = {.arena = arena};
    struct sl_error err = {0};
    size_t n = argc > 1 ? (size_t)argc - 1 : 0;
    const char **words = sl_arena_array(arena, n + 1, sizeof *words);
    for (size_t i = 0; i < n; i++)
        words[i] = argv[i + 1];
    signal(SIGPIPE, SIG_IGN);
    bool colour = colours_wanted(n, words);
    sl_out_init(&cli.out, STDOUT_FILENO, colour);
    sl_out_init(&cli.err, STDERR_FILENO, colour);
    cli.program = program_path(arena);

    void *args = NULL;
    int rc = sl_cli_parse(&cli, sl_commands, n, words, &args, &err);
    if (!rc)
        rc = dispatch(&cli, args, &err);
    if (rc)
        report(&cli, rc, &err);
    sl_cli_close(&cli);
    finish_output(&cli);
    sl_out_free(&cli.out);
    sl_out_free(&cli.err);
    sl_arena_free(arena);
    return cli.exit_code;
}
