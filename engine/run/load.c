/* SPDX-License-Identifier: Apache-2.0 */
/* Load: the files of a unit become its tables, one file open at a time. */
#include <string.h>

#include "base/file.h"
#include "json/json.h"
#include "run/batch.h"

static void note(struct sl_batch *b, const char *text)
{
    json_object_array_add(b->warnings, json_object_new_string(text));
}

int sl_batch_open_source(struct sl_batch *b, struct sl_source *s, struct sl_vector **out, struct sl_error *err)
{
    const struct sl_vector_options options = {.format = s->format,
                                              .layer = s->layer,
                                              .encoding = s->input->file->encoding,
                                              .geometry_column = b->bound.recipe->geometry_column,
                                              .as_table = sl_recipe_is_table(b->bound.recipe),
                                              .skip_bad_rows = b->skip_bad_rows};
    const char *key = s->input->landing_key;
    struct sl_vector *v = NULL;
    int rc = sl_vector_open(s->input->local_path, &options, &v, err);
    if (rc < 0) {
        sl_error_prefix(err, "%s", key);
        return rc;
    }
    const struct sl_vector_info *info = sl_vector_info(v);
    if (options.as_table && info->has_geometry) {
        rc = sl_fail(err, SL_E_FILE_LAYER, "%s: layer \"%s\" has a geometry, and the recipe is for tables", key, info->layer);
        sl_error_hint(err, "say \"type\": \"vector\" in the manifest, or name a layer without geometry");
    } else if (options.as_table) {
        rc = 0;
    } else if (info->has_geometry) {
        rc = sl_batch_decide_source_crs(b, s, info->crs, err);
    } else if (!s->role || s->role->main) {
        rc = sl_fail(err, SL_E_FILE_LAYER, "%s: layer \"%s\" has no geometry", key, info->layer);
        sl_error_hint(err, "a table of attributes only is not vector data: give it coordinates, or name the layer that has a geometry");
    }
    if (rc < 0)
        sl_vector_close(v);
    else
        *out = v;
    return rc;
}

/* The file's names of columns that had to be called otherwise: for the ledger. */
static void keep_names(struct sl_batch *b, struct sl_unit *unit, const struct sl_vector_info *info)
{
    struct sl_renamed *kept = sl_arena_array(b->arena, info->n_fields, sizeof *kept);
    for (size_t i = 0; i < info->n_fields; i++)
        if (info->fields[i].source_name)
            kept[unit->n_renamed++] = (struct sl_renamed){sl_arena_strdup(b->arena, info->fields[i].name),
                                                          sl_arena_strdup(b->arena, info->fields[i].source_name)};
    unit->renamed = kept;
}

/* What is known of a file when it has been read to its end. Rows that were passed over came in, too. */
static void take_facts(struct sl_batch *b, struct sl_unit *unit, struct sl_source *s, const struct sl_vector *v,
                       int64_t rows)
{
    const struct sl_vector_info *info = sl_vector_info(v);
    for (size_t i = 0; i < info->n_notes; i++)
        note(b, sl_arena_printf(b->arena, "%s: %s", s->input->landing_key, info->notes[i]));
    if (s == sl_unit_main(unit))
        keep_names(b, unit, info);
    s->input->rows = (s->input->rows < 0 ? 0 : s->input->rows) + rows + info->bad_rows;
    if (info->bad_rows == 0 || (s->role && !s->role->main))
        return; /* rows of the other tables are not counted as rows in */
    unit->bad_rows += info->bad_rows;
    sl_json_put_int(b->dropped, "bad_row", sl_json_int(b->dropped, "bad_row", 0) + info->bad_rows);
}

/* first: already open; NULL: is opened here. */
static int load_part(struct sl_batch *b, struct sl_unit *unit, struct sl_work *w, struct sl_source *s,
                     struct sl_vector *first, struct sl_merge_part *part, struct sl_error *err)
{
    SL_CLEANUP(sl_vector_closep) struct sl_vector *own = NULL;
    const char *base = sl_path_base(s->input->landing_key);
    part->name = s->layer ? sl_arena_printf(b->arena, "%s (layer %s)", base, s->layer) : base;
    part->source = base;
    int rc = first ? 0 : sl_batch_open_source(b, s, &own, err);
    if (rc < 0)
        return rc;
    rc = sl_work_load_part(w, first ? first : own, s->crs, part, err);
    if (rc < 0)
        sl_error_prefix(err, "%s", s->input->landing_key);
    else
        take_facts(b, unit, s, first ? first : own, part->table.rows);
    return rc;
}

static void tell_crs(struct sl_batch *b, const struct sl_source *s, const struct sl_crs *crs)
{
    if (s->crs && crs && !sl_crs_same(s->crs, crs))
        note(b, sl_arena_printf(b->arena, "%s: brought from %s to %s, the CRS of the first file", s->input->landing_key,
                                s->crs->id ? s->crs->id : s->crs->name, crs->id ? crs->id : crs->name));
}

static size_t of_role(const struct sl_unit *unit, const struct sl_recipe_role *role)
{
    size_t n = 0;
    for (size_t i = 0; i < unit->n_sources; i++)
        n += unit->sources[i].role == role;
    return n;
}

/* All layers of one role, or of the batch. *crs: that of the first with geometry, unless it is given. */
static int load_parts(struct sl_batch *b, struct sl_unit *unit, struct sl_work *w, const struct sl_recipe_role *role,
                      struct sl_vector *first, const struct sl_crs **crs, struct sl_merge_part *parts, struct sl_error *err)
{
    size_t n = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < unit->n_sources; i++) {
        struct sl_source *s = &unit->sources[i];
        if (s->role != role)
            continue;
        rc = sl_batch_mine(b, err);
        if (rc == 0)
            rc = load_part(b, unit, w, s, n == 0 ? first : NULL, &parts[n], err);
        n++;
        if (rc < 0)
            break;
        *crs = *crs ? *crs : s->crs;
        tell_crs(b, s, *crs);
    }
    return rc;
}

static int merge_main(struct sl_batch *b, struct sl_unit *unit, struct sl_work *w, struct sl_vector *first,
                      const struct sl_recipe_role *role, struct sl_error *err)
{
    struct sl_merge_part *parts = sl_arena_array(b->arena, unit->n_sources, sizeof *parts);
    const struct sl_crs *crs = unit->crs;
    int rc = load_parts(b, unit, w, role, first, &crs, parts, err);
    return rc < 0 ? rc : sl_work_merge_main(w, role, parts, of_role(unit, role), err);
}

static int load_one(struct sl_batch *b, struct sl_unit *unit, struct sl_source *s, struct sl_work *w,
                    struct sl_work_table *other, struct sl_error *err)
{
    SL_CLEANUP(sl_vector_closep) struct sl_vector *vector = NULL;
    int rc = sl_batch_open_source(b, s, &vector, err);
    if (rc < 0)
        return rc;
    rc = sl_work_load_other(w, vector, s->crs, other, err);
    if (rc < 0)
        sl_error_prefix(err, "%s", s->input->landing_key);
    else
        take_facts(b, unit, s, vector, other->table.rows);
    return rc;
}

static int load_role(struct sl_batch *b, struct sl_unit *unit, struct sl_work *w, const struct sl_recipe_role *role,
                     struct sl_work_table *other, struct sl_error *err)
{
    size_t n = of_role(unit, role);
    other->ref = (struct sl_table_ref){.role = role->name};
    other->name = sl_arena_printf(b->arena, "role %s", role->name);
    other->absent = n == 0;
    for (size_t i = 0; n == 1 && !role->source_column && i < unit->n_sources; i++)
        if (unit->sources[i].role == role)
            return load_one(b, unit, &unit->sources[i], w, other, err);
    struct sl_merge_part *parts = sl_arena_array(b->arena, n + 1, sizeof *parts);
    int rc = n ? load_parts(b, unit, w, role, NULL, &other->crs, parts, err) : 0;
    return rc < 0 || n == 0 ? rc : sl_work_merge_other(w, role, parts, n, other, err);
}

int sl_batch_load_others(struct sl_batch *b, struct sl_unit *unit, struct sl_work *w, struct sl_error *err)
{
    const struct sl_recipe_inputs *inputs = &b->bound.recipe->inputs;
    struct sl_work_tables *others = sl_work_tables(w);
    int rc = 0;
    others->items = sl_arena_array(b->arena, inputs->n_roles + b->n_datasets + 1, sizeof *others->items);
    for (size_t i = 0; rc == 0 && i < inputs->n_roles; i++)
        if (!inputs->roles[i].main)
            rc = load_role(b, unit, w, &inputs->roles[i], &others->items[others->n++], err);
    for (size_t i = 0; rc == 0 && i < b->n_datasets; i++)
        rc = sl_batch_load_dataset(b, &b->datasets[i], w, &others->items[others->n++], err);
    return rc;
}

int sl_batch_load(struct sl_batch *b, struct sl_unit *unit, struct sl_work *w, struct sl_vector *first, struct sl_error *err)
{
    struct sl_source *s = sl_unit_main(unit);
    bool merges = s->role && (of_role(unit, s->role) > 1 || s->role->source_column);
    int rc = merges ? merge_main(b, unit, w, first, s->role, err) : sl_work_load(w, first, err);
    if (rc < 0 && !merges)
        sl_error_prefix(err, "%s", s->input->landing_key);
    else if (rc == 0 && !merges)
        take_facts(b, unit, s, first, w->table.rows);
    return rc < 0 ? rc : sl_batch_load_others(b, unit, w, err);
}
