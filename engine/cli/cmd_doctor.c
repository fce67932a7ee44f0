/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/open.h"
#include "cli/progress.h"
#include "cli/show.h"
#include "json/json.h"
#include "run/doctor.h"

struct args {
    int64_t wait_s;
};

#define AT(member) offsetof(struct args, member)
static const struct sl_cli_option options[] = {
    {"wait", 0, "SECONDS", SL_CLI_INTEGER, AT(wait_s), "ask again until all is well, at most so long", NULL, 0},
};

/* One look, its lines as documents: with --wait only the last one is shown. */
struct look {
    struct sl_cli *cli;
    struct json_object *lines; /* NULL: shown as they come */
    struct sl_cli_stream stream;
};

static const char *const words[] = {"ok", "warn", "fail", "skipped"};

static struct json_object *line_json(const struct sl_doctor_line *line)
{
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "part", line->part);
    sl_json_put_str(o, "status", words[line->status]);
    sl_json_put_str(o, "detail", line->detail);
    if (line->status == SL_DOCTOR_FAIL)
        sl_json_put_str(o, "code", sl_code_name(line->code));
    if (line->hint)
        sl_json_put_str(o, "hint", line->hint);
    return o;
}

static void show(struct look *l, struct json_object *line)
{
    struct sl_cli *cli = l->cli;
    struct sl_arena *a = cli->arena;
    struct sl_out *out = &cli->out;
    const char *status = sl_json_str(line, "status", ""), *hint = sl_json_str(line, "hint", NULL);
    const char *word = status[0] == 'f' ? "FAIL" : status;
    if (cli->json) {
        sl_cli_stream_item(&l->stream, line);
        return;
    }
    sl_out_coloured(out, SL_BOLD, sl_arena_printf(a, "%-12s", sl_json_str(line, "part", "")));
    sl_out_coloured(out, sl_cli_status_colour(word), sl_arena_printf(a, "%-9s", word));
    sl_out_printf(out, "%s\n", sl_cli_member(a, line, "detail"));
    if (hint)
        sl_out_printf(out, "                     hint: %s\n", sl_out_escape(a, hint));
    sl_out_flush(out);
}

static void tell(void *data, const struct sl_doctor_line *line)
{
    struct look *l = data;
    struct json_object *o = line_json(line);
    if (l->lines) {
        json_object_array_add(l->lines, o);
        return;
    }
    show(l, o);
    json_object_put(o);
}

static int look_once(struct look *l, const struct sl_config *config)
{
    const struct sl_doctor_line read = {.part = "config", .detail = "read (sluice config show --origin)"};
    tell(l, &read);
    return sl_doctor(config, tell, l);
}

/* The lines of the last look are shown, whichever that is. */
static int look_until_well(struct look *l, const struct sl_config *config, int64_t wait_s)
{
    int64_t began = sl_clock_mono_ns(), until = began + wait_s * SL_NS_PER_S;
    struct sl_cli_progress progress;
    int rc;
    sl_cli_progress_begin(&progress, l->cli);
    for (;;) {
        l->lines = json_object_new_array();
        rc = look_once(l, config);
        if (rc == 0 || sl_clock_mono_ns() + SL_NS_PER_S > until)
            break;
        sl_cli_progress_text(&progress, sl_arena_printf(l->cli->arena, "doctor    waiting, %s",
                                                        sl_cli_took(l->cli->arena, sl_clock_mono_ns() - began)));
        json_object_put(l->lines);
        sl_clock_sleep_ns(SL_NS_PER_S);
    }
    sl_cli_progress_clear(&progress);
    struct json_object *lines = l->lines;
    l->lines = NULL;
    for (size_t i = 0; i < json_object_array_length(lines); i++)
        show(l, json_object_array_get_idx(lines, i));
    json_object_put(lines);
    return rc;
}

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct args *a = args;
    const struct sl_config *config = NULL;
    struct look l = {.cli = cli, .stream = {.cli = cli}};
    struct sl_error error = {0};
    (void)err;
    int rc = sl_cli_config(cli, &config, &error);
    if (rc) {
        const struct sl_doctor_line line = {.part = "config",
                                            .status = SL_DOCTOR_FAIL,
                                            .detail = error.message,
                                            .hint = error.hint[0] ? error.hint : NULL,
                                            .code = error.code};
        tell(&l, &line);
    } else {
        rc = a->wait_s ? look_until_well(&l, config, a->wait_s) : look_once(&l, config);
    }
    if (cli->json)
        sl_cli_stream_end(&l.stream);
    bool away = rc && sl_code_exit((enum sl_code)-rc) == SL_EXIT_UNAVAILABLE;
    cli->exit_code = !rc ? SL_EXIT_OK : away ? SL_EXIT_UNAVAILABLE : SL_EXIT_CONFIG;
    return 0;
}

const struct sl_command sl_cmd_doctor = {
    .name = "doctor",
    .summary = "is everything there that sluice needs, and does it work",
    .group = SL_GROUP_SETUP,
    .usage = "[--wait SECONDS]",
    .examples = "  sluice doctor\n"
                "  sluice doctor --wait 60\n"
                "  sluice doctor --json\n",
    .details = "One line a part: ok, warn or FAIL. Ends with 0 when nothing failed, with 75 when a service does\n"
               "not answer, with 78 when something is wrong that waiting does not cure. Starts the private\n"
               "PostGIS where it does not run, puts a probe object into each bucket and takes it away.\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct args),
    .run = run,
};
