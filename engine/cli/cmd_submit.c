/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/env.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/invalid.h"
#include "cli/open.h"
#include "cli/progress.h"
#include "cli/show.h"
#include "geo/format.h"
#include "json/json.h"

struct args {
    const char *intent, *type, *dataset, *crs, *crs_policy, *layer, *project, *description, *batch_id, *uploader,
        *format;
    struct sl_cli_list params;
    bool dry_run;
};

static const char *const types[] = {"vector", "raster", "grid", "table", NULL};
static const char *const policies[] = {"fail", "trust_file", "trust_manifest", NULL};

#define AT(member) offsetof(struct args, member)
static const struct sl_cli_option options[] = {
    {"intent", 0, "INTENT", SL_CLI_TEXT, AT(intent), "what is wanted; selects the recipe", NULL, 0},
    {"type", 0, "TYPE", SL_CLI_CHOICE, AT(type), "vector, raster, grid or table", types, 0},
    {"format", 0, "FORMAT", SL_CLI_TEXT, AT(format), "of the files (default: by their names)", NULL, 0},
    {"dataset", 0, "NAME", SL_CLI_TEXT, AT(dataset), "the dataset (default: the recipe's, or the file's name)", NULL,
     0},
    {"layer", 0, "LAYER", SL_CLI_TEXT, AT(layer), "of a file that has several", NULL, 0},
    {"crs", 0, "CODE", SL_CLI_TEXT, AT(crs), "AUTHORITY:CODE (default: read from the file)", NULL, 0},
    {"crs-policy", 0, "POLICY", SL_CLI_CHOICE, AT(crs_policy), "fail, trust_file or trust_manifest, when they differ",
     policies, 0},
    {"param", 0, "NAME=VALUE", SL_CLI_LIST, AT(params), "a parameter of the recipe; may be repeated", NULL, 0},
    {"project", 0, "NAME", SL_CLI_TEXT, AT(project), "for the ledger", NULL, 0},
    {"description", 0, "TEXT", SL_CLI_TEXT, AT(description), "for the ledger", NULL, 0},
    {"batch-id", 0, "ID", SL_CLI_TEXT, AT(batch_id), "unique name (default: file, date and four random digits)", NULL,
     0},
    {"batch", 0, "ID", SL_CLI_TEXT, AT(batch_id), NULL, NULL, 0}, /* as run has it */
    {"uploader", 0, "NAME", SL_CLI_TEXT, AT(uploader), "who (default: your user name)", NULL, 0},
    {"dry-run", 0, NULL, SL_CLI_FLAG, AT(dry_run), "check, print the manifest and what would be uploaded", NULL, 0},
};

struct upload {
    struct sl_cli *cli;
    struct sl_cli_progress progress;
    char file[256];
};

static void show_progress(void *data, const char *file, int64_t done, int64_t total)
{
    struct upload *u = data;
    const char *name = sl_path_base(file);
    if (strncmp(u->file, name, sizeof u->file - 1)) {
        sl_cli_progress_clear(&u->progress);
        sl_cli_progress_begin(&u->progress, u->cli);
        snprintf(u->file, sizeof u->file, "%s", name);
    }
    sl_cli_progress_bytes(&u->progress, "upload", name, done, total);
}

static const char *user_name(struct sl_arena *arena)
{
    const struct passwd *user = getpwuid(geteuid());
    const char *name = sl_env("SUDO_USER");
    name = name ? name : user ? user->pw_name : "unknown";
    return sl_arena_strdup(arena, name);
}

static int wrong_use(struct sl_error *err, const char *message)
{
    int rc = sl_fail(err, SL_E_USAGE, "%s", message);
    sl_error_hint(err, "sluice submit MANIFEST, or sluice submit --intent INTENT --type TYPE FILE…");
    return rc;
}

/* Exactly one manifest and nothing said beside it. */
static int from_manifest(struct sl_cli *cli, const struct args *a, struct sl_submit *s, struct sl_error *err)
{
    const char *path = cli->operands.items[0];
    if (a->type || a->dataset || a->layer || a->crs || a->crs_policy || a->params.n || a->project || a->description ||
        a->batch_id || a->uploader || a->format)
        return wrong_use(err, "these options describe files: they need --intent; a manifest says all itself");
    if (cli->operands.n > 1)
        return wrong_use(err, "one manifest at a time; several files need --intent");
    if (strcmp(sl_path_ext(cli->arena, path), "json")) {
        sl_fail(err, SL_E_USAGE, "\"%s\" is not a manifest (.json), and a file needs --intent", path);
        sl_error_hint(err, "sluice submit --intent ingest_vector --type vector %s", path);
        return -(int)SL_E_USAGE;
    }
    s->manifest_path = path;
    return 0;
}

static const char *type_of(const char *path)
{
    for (int t = SL_DATA_VECTOR; t <= SL_DATA_TABLE; t++)
        if (sl_format_by_path(path, (enum sl_data_type)t))
            return sl_data_type_name((enum sl_data_type)t);
    return NULL;
}

static int from_files(struct sl_cli *cli, const struct args *a, struct sl_submit *s, struct sl_error *err)
{
    size_t n = cli->operands.n;
    struct sl_submit_file *files = sl_arena_array(cli->arena, n, sizeof *files);
    for (size_t i = 0; i < n; i++)
        files[i] = (struct sl_submit_file){cli->operands.items[i], a->format};
    s->files = files;
    s->n_files = n;
    s->intent = a->intent;
    s->type = a->type ? a->type : type_of(files[0].path);
    if (!s->type) {
        int rc = sl_fail(err, SL_E_USAGE, "\"%s\": its name does not tell the type of its data", files[0].path);
        sl_error_hint(err, "add --type vector, raster, grid or table, and --format where the name is unusual");
        return rc;
    }
    s->dataset = a->dataset;
    s->layer = a->layer;
    s->crs = a->crs;
    s->crs_policy = a->crs_policy;
    s->project = a->project;
    s->description = a->description;
    s->batch_id = a->batch_id;
    s->uploader = a->uploader ? a->uploader : user_name(cli->arena);
    for (size_t i = 0; i < a->params.n; i++) {
        if (!s->params)
            s->params = json_object_new_object();
        int rc = sl_cli_assign(s->params, a->params.items[i], "param", err);
        if (rc)
            return rc;
    }
    return 0;
}

static const char *crs_of(struct json_object *manifest)
{
    struct json_object *files = sl_json_get(manifest, "files");
    if (!json_object_is_type(files, json_type_array) || json_object_array_length(files) == 0)
        return NULL;
    return sl_json_str(json_object_array_get_idx(files, 0), "crs", NULL);
}

static void answer_json(struct sl_cli *cli, const struct sl_submitted *done, bool dry_run)
{
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "batch_id", done->batch_id);
    sl_json_put_str(o, "status", done->already ? done->already_status : dry_run ? "not uploaded" : "pending");
    sl_json_put(o, "already", json_object_new_boolean(done->already));
    sl_json_put(o, "dry_run", json_object_new_boolean(dry_run));
    sl_json_put_int(o, "files", done->n_files);
    sl_json_put_int(o, "bytes", done->bytes);
    sl_json_put_str(o, "recipe", done->recipe);
    sl_json_put(o, "fallback", json_object_new_boolean(done->fallback));
    sl_json_put(o, "manifest", json_object_get(done->manifest));
    sl_cli_json(cli, o);
    json_object_put(o);
}

static void answer(struct sl_cli *cli, const struct args *a, const struct sl_submitted *done)
{
    struct sl_arena *arena = cli->arena;
    const char *id = sl_out_escape(arena, done->batch_id), *crs = crs_of(done->manifest);
    if (a->dry_run) {
        sl_out_json(&cli->out, done->manifest, true);
        if (done->already)
            sl_cli_line(&cli->err, "batch", "%s is there already (%s): nothing would be uploaded", id,
                        sl_out_escape(arena, done->already_status));
        else
            sl_cli_line(&cli->err, "batch", "%s is valid: %s (%s) would be uploaded, recipe %s%s; nothing was", id,
                        sl_cli_plural(arena, done->n_files, "file", "files"), sl_cli_size(arena, done->bytes),
                        sl_out_escape(arena, done->recipe), done->fallback ? " (no recipe has the intent)" : "");
        return;
    }
    if (done->already) {
        sl_cli_line(&cli->out, "batch", "%s is there already (%s): nothing was uploaded", id,
                    sl_out_escape(arena, done->already_status));
        return;
    }
    if (a->intent)
        sl_cli_line(&cli->out, "manifest", "%s written%s", id,
                    crs && !a->crs ? sl_arena_printf(arena, " (CRS %s read from the file)", sl_out_escape(arena, crs))
                                   : "");
    sl_cli_line(&cli->out, "upload", "%s, %s", sl_cli_plural(arena, done->n_files, "file", "files"),
                sl_cli_size(arena, done->bytes));
    sl_cli_line(&cli->out, "batch", "%s waiting", id);
    if (cli->out.terminal && !cli->quiet)
        sl_cli_line(&cli->err, "next", "sluice run");
}

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct args *a = args;
    struct upload upload = {.cli = cli};
    struct sl_submit submit = {.dry_run = a->dry_run, .progress = show_progress, .progress_data = &upload};
    struct sl_submitted done = {0};
    struct sl_violations violations = {.arena = cli->arena};
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = NULL;
    struct sl_engine *engine;
    sl_cli_progress_begin(&upload.progress, cli);
    int rc = a->intent ? from_files(cli, a, &submit, err) : from_manifest(cli, a, &submit, err);
    if (!rc)
        rc = sl_cli_engine(cli, SL_NEEDS_STORE | SL_NEEDS_LEDGER | SL_NEEDS_RECIPES | SL_NEEDS_MANIFESTS, &engine, err);
    if (!rc)
        rc = sl_submit(engine, &submit, &violations, &doc, &done, err);
    sl_cli_progress_clear(&upload.progress);
    if (!rc && cli->json)
        answer_json(cli, &done, a->dry_run);
    else if (!rc)
        answer(cli, a, &done);
    else
        rc = sl_cli_invalid(cli, rc, doc, &violations, &cli->err, "Nothing was uploaded.", err);
    json_object_put(done.manifest);
    json_object_put(submit.params);
    return rc;
}

const struct sl_command sl_cmd_submit = {
    .name = "submit",
    .summary = "upload files and the manifest that says what is wanted",
    .group = SL_GROUP_WORK,
    .usage = "MANIFEST | --intent INTENT [OPTIONS] FILE…",
    .examples = "  sluice submit --intent ingest_vector --type vector roads.gpkg\n"
                "  sluice submit --intent ingest_satellite_raster --dataset relief scene.tif\n"
                "  sluice submit batch.json\n"
                "  sluice submit --dry-run --intent ingest_vector roads.gpkg > batch.json\n",
    .details = "A manifest names files that lie beside it. With --intent the manifest is written from the\n"
               "options. A manifest that is not valid uploads nothing and ends with 3. The same batch again\n"
               "does nothing and says so; the same name with other content is a conflict (5).\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct args),
    .least = 1,
    .most = SL_CLI_ANY,
    .run = run,
};
