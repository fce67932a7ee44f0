/* SPDX-License-Identifier: Apache-2.0 */
/* Plan and dedupe: which layers become which assets, and which of those exist already. */
#include <string.h>

#include "base/file.h"
#include "base/sha256.h"
#include "json/json.h"
#include "lake/lake.h"
#include "lake/outputs.h"
#include "run/batch.h"

enum { UNITS_MAX = 256, FINGERPRINT_MAX_BYTES = 4 * 1024 * 1024 };

static int find_format(struct sl_batch *b, const struct sl_input *in, const struct sl_format **out,
                       struct sl_error *err)
{
    enum sl_data_type type = SL_DATA_VECTOR;
    sl_data_type_by_name(in->file->type, &type);
    const char *name = in->file->format;
    const struct sl_format *format = name ? sl_format_by_name(name) : sl_format_by_path(in->landing_key, type);
    if (format && sl_format_suits(format, type)) {
        *out = format;
        return name || type != SL_DATA_VECTOR ? 0 : sl_vector_format_inside(in->local_path, out, err);
    }
    const char *near = name ? sl_format_nearest(name) : NULL;
    sl_fail(err, SL_E_FILE_FORMAT, "%s: %s%s%s is not a %s format that sluice reads", in->landing_key,
            name ? "\"" : "", name ? name : "its extension", name ? "\"" : "", in->file->type);
    if (near)
        sl_error_hint(err, "did you mean \"%s\"?", near);
    else
        sl_error_hint(err, "say \"format\" in the manifest, e.g. \"GPKG\" or \"GTiff\"");
    (void)b;
    return -SL_E_FILE_FORMAT;
}

static int add_unit(struct sl_batch *b, struct sl_input *in, const struct sl_format *format, const char *layer,
                    const char *stem, struct sl_error *err)
{
    if (b->n_units == UNITS_MAX)
        return sl_fail(err, SL_E_LIMIT, "batch %s has more than %d layers", b->lease.batch_id, UNITS_MAX);
    struct sl_unit *u = &b->units[b->n_units++];
    u->sources = sl_arena_array(b->arena, 1, sizeof *u->sources);
    u->sources[u->n_sources++] = (struct sl_source){.input = in, .format = format, .layer = layer};
    u->input = in;
    u->format = format;
    u->layer = layer;
    u->stem = stem;
    u->n_assets = b->bound.recipe->n_outputs;
    u->assets = sl_arena_array(b->arena, u->n_assets, sizeof *u->assets);
    return 0;
}

static const struct sl_recipe_role *role_of(const struct sl_batch *b, const struct sl_manifest_file *file)
{
    const struct sl_recipe *recipe = b->bound.recipe;
    return recipe->inputs.kind == SL_INPUTS_MERGE ? &recipe->inputs.roles[0] : sl_recipe_role(recipe, file->role);
}

static int one_layer_too_many(const struct sl_unit *u, const struct sl_source *s, struct sl_error *err)
{
    for (size_t i = 0; i < u->n_sources; i++) {
        if (u->sources[i].role != s->role || s->role->many)
            continue;
        sl_fail(err, SL_E_FILE_LAYER, "%s has the layers \"%s\" and \"%s\", and role \"%s\" takes one", s->input->landing_key,
                u->sources[i].layer ? u->sources[i].layer : "", s->layer ? s->layer : "", s->role->name);
        sl_error_hint(err, "name one \"layer\" in the manifest, or write `many: true` for the role in the recipe");
        return -SL_E_FILE_LAYER;
    }
    return 0;
}

/* The units so far, one for each layer, become one; what they have of the main table comes first in it. */
static int make_one(struct sl_batch *b, struct sl_error *err)
{
    if (b->bound.recipe->inputs.kind == SL_INPUTS_EACH)
        return 0;
    struct sl_unit one = b->units[0];
    one.sources = sl_arena_array(b->arena, b->n_units, sizeof *one.sources);
    one.n_sources = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < b->n_units; i++) {
        struct sl_source *s = &one.sources[one.n_sources];
        *s = b->units[i].sources[0];
        s->role = role_of(b, s->input->file);
        rc = one_layer_too_many(&one, s, err);
        one.n_sources++;
    }
    const struct sl_source *first = sl_unit_main(&one);
    bool merged = b->bound.recipe->inputs.kind == SL_INPUTS_MERGE;
    one.input = first->input;
    one.format = first->format;
    one.layer = one.n_sources == 1 ? first->layer : NULL;
    one.stem = merged ? b->bound.recipe->name : sl_path_stem(b->arena, first->input->landing_key);
    b->units[0] = one;
    b->n_units = 1;
    return rc;
}

static void say_left_out(struct sl_batch *b, const struct sl_input *in, const char *layer, bool tables)
{
    json_object_array_add(b->warnings,
                          json_object_new_string(sl_arena_printf(
                              b->arena, "%s: layer \"%s\" has %s geometry and was left out", in->landing_key, layer, tables ? "a" : "no")));
}

/* A vector file of several layers, none of them named, is a unit for each that has geometry. */
static int add_units(struct sl_batch *b, struct sl_input *in, struct sl_error *err)
{
    const struct sl_format *format = NULL;
    int rc = find_format(b, in, &format, err);
    if (rc < 0)
        return rc;
    const char *stem = sl_path_stem(b->arena, in->landing_key);
    bool tables = sl_recipe_is_table(b->bound.recipe);
    if ((format->type != SL_DATA_VECTOR && format->type != SL_DATA_TABLE) || in->file->layer)
        return add_unit(b, in, format, in->file->layer, stem, err);
    struct sl_vector_layer *layers = NULL;
    size_t n = 0;
    rc = sl_vector_layers(in->local_path, format, b->arena, &layers, &n, err);
    if (rc < 0) {
        sl_error_prefix(err, "%s", in->landing_key);
        return rc;
    }
    if (n <= 1)
        return add_unit(b, in, format, NULL, stem, err);
    size_t fitting = 0;
    for (size_t i = 0; i < n; i++)
        fitting += layers[i].has_geometry != tables;
    /* Without any that fits the first is taken, and refused by its name. */
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (layers[i].has_geometry != tables || (fitting == 0 && i == 0))
            rc = add_unit(b, in, format, layers[i].name, sl_arena_printf(b->arena, "%s_%s", stem, layers[i].name), err);
        else
            say_left_out(b, in, layers[i].name, tables);
    }
    return rc;
}

static int unique_datasets(struct sl_batch *b, struct sl_error *err)
{
    for (size_t i = 0; i < b->n_units; i++)
        for (size_t k = 0; k < b->units[i].n_assets; k++)
            for (size_t j = 0; j <= i; j++)
                for (size_t l = 0; l < (j == i ? k : b->units[j].n_assets); l++) {
                    if (strcmp(b->units[i].assets[k].dataset_id, b->units[j].assets[l].dataset_id) != 0)
                        continue;
                    sl_fail(err, SL_E_MANIFEST_SCHEMA, "%s and %s of one batch both give the dataset \"%s\"",
                            b->units[j].layer ? b->units[j].layer : b->units[j].input->landing_key,
                            b->units[i].layer ? b->units[i].layer : b->units[i].input->landing_key,
                            b->units[i].assets[k].dataset_id);
                    sl_error_hint(err, "leave \"dataset\" out, name one \"layer\", or submit a batch for each file");
                    return -SL_E_MANIFEST_SCHEMA;
                }
    return 0;
}

static bool puts_aside(const struct sl_batch *b)
{
    for (size_t i = 0; i < b->bound.recipe->n_checks; i++)
        if (b->bound.checks[i].on_fail == SL_ON_FAIL_QUARANTINE)
            return true;
    return false;
}

static void add_asides(struct sl_batch *b)
{
    size_t n = b->n_units;
    for (size_t i = 0; i < n && puts_aside(b); i++) {
        struct sl_unit *u = &b->units[i], *aside = &b->units[b->n_units++];
        *aside = *u;
        aside->of = u;
        aside->n_assets = 1;
        aside->assets = sl_arena_array(b->arena, 1, sizeof *aside->assets);
        aside->reasons = json_object_new_object();
        u->aside = aside;
    }
}

void sl_batch_no_assets(struct sl_unit *u)
{
    for (size_t k = 0; k < u->n_assets; k++) {
        json_object_put(u->assets[k].linked);
        json_object_put(u->assets[k].before);
    }
    u->n_assets = 0;
}

static const struct sl_output *output_of(struct sl_batch *b, const struct sl_unit *u, size_t k)
{
    if (!u->of)
        return &b->bound.outputs[k];
    struct sl_output *o = sl_arena_alloc(b->arena, sizeof *o);
    o->kind = &sl_output_quarantine;
    o->options = sl_arena_alloc(b->arena, sizeof sl_output_quarantine_options);
    memcpy(o->options, &sl_output_quarantine_options, sizeof sl_output_quarantine_options);
    return o;
}

/* The first output that has no dataset of its own takes the unit's; another one's is that of the first output with its
 * format behind a point: a dataset has one object a version. */
static const char *dataset_of(struct sl_batch *b, const struct sl_unit *u, size_t k)
{
    if (u->of)
        return sl_arena_printf(b->arena, "%s.quarantine", u->of->assets[0].dataset_id);
    const struct sl_output *o = &b->bound.outputs[k];
    const char *plain = b->manifest.dataset ? b->manifest.dataset : sl_dataset_id_from(b->arena, u->stem);
    const char *first = b->bound.outputs[0].dataset ? b->bound.outputs[0].dataset : plain;
    if (o->dataset || k == 0)
        return o->dataset ? o->dataset : plain;
    return sl_arena_printf(b->arena, "%s.%s", first, o->kind->name);
}

static int name_assets(struct sl_batch *b, struct sl_error *err)
{
    for (size_t i = 0; i < b->n_units; i++) {
        struct sl_unit *u = &b->units[i];
        for (size_t k = 0; k < u->n_assets; k++) {
            struct sl_planned_asset *a = &u->assets[k];
            char id[SL_UUID_TEXT_BYTES];
            sl_uuid7(id);
            a->unit = u;
            a->output = output_of(b, u, k);
            a->asset_id = sl_arena_strdup(b->arena, id);
            a->dataset_id = dataset_of(b, u, k);
            if (sl_dataset_id_valid(a->dataset_id))
                continue;
            sl_fail(err, SL_E_MANIFEST_SCHEMA, "\"%s\" is too long for a dataset's name", a->dataset_id);
            sl_error_hint(err, "give output %s a \"dataset\"%s in the recipe",
                          u->of ? u->of->assets[0].output->kind->name : a->output->kind->name, u->of ? " with a shorter name" : "");
            return -SL_E_MANIFEST_SCHEMA;
        }
    }
    return 0;
}

int sl_batch_plan(struct sl_batch *b, struct sl_error *err)
{
    b->units = sl_arena_array(b->arena, 2 * (size_t)UNITS_MAX, sizeof *b->units);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < b->n_inputs; i++)
        if (!strcmp(b->inputs[i].role, "main"))
            rc = add_units(b, &b->inputs[i], err);
    if (rc == 0)
        rc = make_one(b, err);
    if (rc == 0)
        rc = sl_batch_find_datasets(b, err);
    if (rc < 0)
        return rc;
    add_asides(b);
    rc = name_assets(b, err);
    return rc < 0 ? rc : unique_datasets(b, err);
}

/* Of a unit made of several: each in its order. Where a file's name is a value, it counts too. */
static struct json_object *sources_json(const struct sl_batch *b, const struct sl_unit *u)
{
    struct json_object *list = json_object_new_array();
    for (size_t k = 0; k < u->n_sources; k++) {
        const struct sl_source *s = &u->sources[k];
        struct json_object *o = json_object_new_object(), *hashes = json_object_new_array();
        for (size_t i = 0; i < b->n_inputs; i++)
            if (b->inputs[i].file == s->input->file)
                json_object_array_add(hashes, json_object_new_string(b->inputs[i].content_hash));
        sl_json_put(o, "inputs", hashes);
        sl_json_put_str(o, "role", s->role ? s->role->name : NULL);
        sl_json_put_str(o, "layer", s->layer);
        sl_json_put_str(o, "format", s->format->name);
        sl_json_put_str(o, "crs", s->input->file->crs);
        sl_json_put(o, "crs_projjson", json_object_get(s->input->file->crs_projjson));
        sl_json_put_str(o, "encoding", s->input->file->encoding);
        if (s->role && s->role->source_column)
            sl_json_put_str(o, "name", sl_path_base(s->input->landing_key));
        json_object_array_add(list, o);
    }
    return list;
}

static struct json_object *dataset_hashes(const struct sl_batch *b)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < b->n_datasets; i++)
        json_object_array_add(list, json_object_new_string(sl_json_str(b->datasets[i].asset, "content_hash", "")));
    return list;
}

/* What the bytes of an asset depend on, as one canonical text. */
static int fingerprint(struct sl_batch *b, struct sl_planned_asset *a, struct sl_error *err)
{
    struct json_object *o = json_object_new_object(), *inputs = json_object_new_array();
    for (size_t i = 0; i < b->n_inputs; i++)
        if (b->inputs[i].file == a->unit->input->file)
            json_object_array_add(inputs, json_object_new_string(b->inputs[i].content_hash));
    sl_json_put(o, "inputs", inputs);
    sl_json_put_str(o, "layer", a->unit->layer);
    sl_json_put_str(o, "format", a->unit->format->name);
    sl_json_put_str(o, "crs", a->unit->input->file->crs);
    sl_json_put(o, "crs_projjson", json_object_get(a->unit->input->file->crs_projjson));
    sl_json_put_str(o, "crs_policy", sl_crs_policy_name(b->crs_policy));
    sl_json_put(o, "skip_bad_rows", json_object_new_boolean(b->skip_bad_rows));
    sl_json_put_str(o, "encoding", a->unit->input->file->encoding);
    if (b->bound.recipe->inputs.kind != SL_INPUTS_EACH)
        sl_json_put(o, "sources", sources_json(b, a->unit));
    if (b->n_datasets)
        sl_json_put(o, "datasets", dataset_hashes(b));
    sl_json_put_str(o, "recipe", b->bound.recipe->hash);
    sl_json_put(o, "params", json_object_get(b->bound.params));
    sl_json_put_str(o, "dataset", a->dataset_id);
    sl_json_put_int(o, "output", a->unit->of ? -1 : a->output - b->bound.outputs);
    sl_json_put_str(o, "engine", b->bound.recipe->engine);
    sl_json_put(o, "versions", json_object_get(b->versions));
    struct sl_buf text;
    sl_buf_init(&text, FINGERPRINT_MAX_BYTES);
    sl_json_canonical(o, &text);
    json_object_put(o);
    int rc = sl_buf_check(&text, "the fingerprint of an asset", err);
    memcpy(a->fingerprint, "sha256:", sizeof "sha256:");
    sl_sha256_of(text.data, text.len, a->fingerprint + strlen("sha256:"));
    sl_buf_free(&text);
    return rc;
}

/* A replay computes always, and compares with what the batch made before. */
static int look_before(struct sl_batch *b, struct sl_planned_asset *a, struct sl_error *err)
{
    struct sl_ledger *ledger = b->engine->ledger;
    if (!b->replay)
        return b->force ? 0 : ledger->ops->get_asset_by_fingerprint(ledger, a->fingerprint, &a->linked, err);
    struct json_object *ids = sl_json_get(sl_json_get(b->doc, "replay"), b->into_version ? "into" : "assets");
    size_t n = ids ? json_object_array_length(ids) : 0;
    for (size_t i = 0; i < n && !a->before; i++) {
        struct json_object *doc = NULL;
        const char *id = json_object_get_string(json_object_array_get_idx(ids, i));
        int rc = ledger->ops->get_asset(ledger, id, &doc, err);
        if (rc < 0)
            return rc;
        if (doc && !strcmp(sl_json_str(doc, "dataset_id", ""), a->dataset_id))
            a->before = doc;
        else
            json_object_put(doc);
    }
    return 0;
}

/* A run's assets are committed together: where all others are there, and no rows put aside, there were none. */
static void follow_linked(struct sl_batch *b)
{
    for (size_t i = 0; i < b->n_units; i++) {
        struct sl_unit *u = &b->units[i];
        bool all = u->of != NULL && !u->assets[0].linked;
        for (size_t k = 0; all && k < u->of->n_assets; k++)
            all = u->of->assets[k].linked != NULL;
        if (all)
            sl_batch_no_assets(u);
    }
}

int sl_batch_dedupe(struct sl_batch *b, struct sl_error *err)
{
    struct sl_stage stage;
    sl_stage_begin(b, &stage, "dedupe");
    int rc = 0;
    int64_t linked = 0;
    for (size_t i = 0; rc == 0 && i < b->n_units; i++)
        for (size_t k = 0; rc == 0 && k < b->units[i].n_assets; k++) {
            struct sl_planned_asset *a = &b->units[i].assets[k];
            rc = fingerprint(b, a, err);
            if (rc == 0)
                rc = look_before(b, a, err);
            linked += a->linked != NULL;
        }
    follow_linked(b);
    stage.count = linked;
    return rc < 0 ? rc : sl_stage_end(b, &stage, err);
}
