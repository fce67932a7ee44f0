/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cli/cmd_recipe.h"
#include "cli/open.h"
#include "json/json.h"

struct args {
    const char *type, *to;
    bool print;
};

static const struct sl_cli_option options[] = {
    {"type", 't', "TYPE", SL_CLI_TEXT, offsetof(struct args, type), "vector (without it) or raster", NULL, 0},
    {"to", 'o', "FILE", SL_CLI_TEXT, offsetof(struct args, to),
     "where it is written; without it recipes/NAME.yaml in the home", NULL, 0},
    {"print", 0, NULL, SL_CLI_FLAG, offsetof(struct args, print), "write it to the terminal only", NULL, 0},
};

static const char vector_text[] =
    "# yaml-language-server: $schema=%s\n"
    "apiVersion: sluice/v1\n"
    "kind: Recipe\n"
    "name: %s\n"
    "# Counts up whenever the results change: versions of a dataset say which one made them.\n"
    "version: 1\n"
    "description: What comes in, what comes out.\n"
    "intents: [%s]\n"
    "type: vector\n"
    "\n"
    "params:\n"
    "  # What a manifest may set; written ${tolerance} below.\n"
    "  tolerance: {type: number, default: 0.00001, minimum: 0, description: \"How far a line may move, in degrees.\"}\n"
    "\n"
    "steps: # sluice step list\n"
    "  - normalize_crs: {to: \"EPSG:4326\"}\n"
    "  - make_valid: {}\n"
    "  - simplify: {tolerance: \"${tolerance}\"}\n"
    "\n"
    "checks: # on_fail: fail ends the batch, warn is written into the run\n"
    "  - not_empty: {}\n"
    "  - valid_geometry: {}\n"
    "\n"
    "outputs:\n"
    "  - geoparquet: {sort: hilbert}\n"
    "\n"
    "tests: # sluice recipe test %s\n"
    "  - name: a line keeps its name, and loses the point that lies on it\n"
    "    input:\n"
    "      - properties: {name: a}\n"
    "        geometry: {type: LineString, coordinates: [[0, 0], [0.5, 0], [1, 0]]}\n"
    "    expect:\n"
    "      - properties: {name: a}\n"
    "        geometry: {type: LineString, coordinates: [[0, 0], [1, 0]]}\n"
    "  - name: a file without rows is refused\n"
    "    input: []\n"
    "    fails: check.failed\n";

static const char raster_text[] =
    "# yaml-language-server: $schema=%s\n"
    "apiVersion: sluice/v1\n"
    "kind: Recipe\n"
    "name: %s\n"
    "# Counts up whenever the results change: versions of a dataset say which one made them.\n"
    "version: 1\n"
    "description: What comes in, what comes out.\n"
    "intents: [%s]\n"
    "type: raster\n"
    "engine: none\n"
    "\n"
    "outputs:\n"
    "  - cog: {compression: deflate, resampling: auto}\n";

static bool good_name(const char *name)
{
    size_t n = strlen(name);
    return n > 0 && n <= 63 && *name >= 'a' && *name <= 'z' && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

/* A raster's text has one hole less; the last argument is then not used. */
static const char *text_of(struct sl_cli *cli, const char *type, const char *schema, const char *name)
{
    return !strcmp(type, "raster") ? sl_arena_printf(cli->arena, raster_text, schema, name, name)
                                   : sl_arena_printf(cli->arena, vector_text, schema, name, name, name);
}

/* A mistake in what is written here would be ours: the linter has the last word. */
static int write_new(struct sl_cli *cli, const char *path, const char *text, struct sl_error *err)
{
    if (sl_path_exists(path)) {
        int rc = sl_fail(err, SL_E_USAGE, "\"%s\" is there already", path);
        sl_error_hint(err, "choose another name, or --to another file");
        return rc;
    }
    const char *folder = sl_arena_printf(cli->arena, "%.*s", (int)(sl_path_base(path) - path), path);
    int rc = *folder ? sl_dir_make(folder, 0755, err) : 0;
    return rc < 0 ? rc : sl_file_write_durable(path, text, strlen(text), 0644, err);
}

static int check_arguments(const char *name, const char *type, struct sl_error *err)
{
    if (!good_name(name))
        return sl_fail(err, SL_E_USAGE, "\"%s\" is not a recipe's name: 1 to 63 of a-z, 0-9 and \"_\", a letter first", name);
    if (strcmp(type, "vector") != 0 && strcmp(type, "raster") != 0)
        return sl_fail(err, SL_E_USAGE, "--type: expected vector or raster, found \"%s\"", type);
    return 0;
}

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct args *a = args;
    const char *name = cli->operands.items[0], *type = a->type ? a->type : "vector";
    const struct sl_config *config;
    int rc = check_arguments(name, type, err);
    if (rc == 0)
        rc = sl_cli_config(cli, &config, err);
    if (rc < 0)
        return rc;
    const char *schema = sl_arena_printf(cli->arena, "%s/recipe.schema.json", config->schemas_path);
    const char *text = text_of(cli, type, schema, name);
    if (a->print) {
        sl_out_text(&cli->out, text);
        return 0;
    }
    const char *path = a->to ? a->to
                             : sl_arena_printf(cli->arena, "%s/recipes/%s.yaml", config->home, name);
    rc = write_new(cli, path, text, err);
    if (rc < 0)
        return rc;
    if (cli->json) {
        SL_CLEANUP(sl_json_putp) struct json_object *o = json_object_new_object();
        sl_json_put_str(o, "path", path);
        sl_cli_json(cli, o);
        return 0;
    }
    sl_out_safe(&cli->out, path);
    sl_out_printf(&cli->out, " written\n\nNext:\n  sluice recipe lint %s\n", sl_out_escape(cli->arena, path));
    if (strcmp(type, "raster") != 0)
        sl_out_printf(&cli->out, "  sluice recipe test %s\n", sl_out_escape(cli->arena, path));
    sl_out_printf(&cli->out, "  sluice submit --intent %s --type %s FILE\n", name, type);
    return 0;
}

const struct sl_command sl_cmd_recipe_new = {
    .name = "new",
    .summary = "a recipe to begin with",
    .group = SL_GROUP_SETUP,
    .usage = "[--type TYPE] [--to FILE | --print] NAME",
    .examples = "  sluice recipe new ingest_parks\n"
                "  sluice recipe new ingest_parks --to recipes/parks.yaml\n"
                "  sluice recipe new ingest_parks --print\n",
    .details = "The recipe has an intent of its own name, and tests; it never overwrites a file.\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct args),
    .least = 1,
    .most = 1,
    .run = run,
};
