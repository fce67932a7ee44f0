/* SPDX-License-Identifier: Apache-2.0 */
/* sluice.yaml: a key is written with dots (`run.workers: 4`) or as mappings (`run: {workers: 4}`). */
#include "config/settings.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "yaml/yaml.h"

struct flat {
    const char *name; /* of the file, for people */
    const char *base;
    const struct sl_doc *doc;
    struct sl_arena *arena;
    struct sl_raw *raws;
};

/* Of a value, or of the name before it. */
static char *place(const struct flat *f, const char *pointer, bool name)
{
    int line = 1, column = 1;
    if (name)
        sl_doc_where_key(f->doc, pointer, &line, &column);
    else
        sl_doc_where(f->doc, pointer, &line, &column);
    return sl_arena_printf(f->arena, "%s:%d:%d", f->name, line, column);
}

static bool is_group(const char *key)
{
    size_t n = strlen(key);
    for (size_t i = 0; i < sl_config__n_settings; i++)
        if (!strncmp(sl_config__settings[i].key, key, n) && sl_config__settings[i].key[n] == '.')
            return true;
    return false;
}

/* A list of folders, as the text that the environment would have. */
static char *join_list(const struct flat *f, struct json_object *list)
{
    char *text = sl_arena_strdup(f->arena, "");
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        if (!json_object_is_type(item, json_type_string))
            return NULL;
        text = sl_arena_printf(f->arena, "%s%s%s", text, i ? ":" : "", json_object_get_string(item));
    }
    return text;
}

static int take_value(struct flat *f, size_t i, const char *pointer, struct json_object *value, struct sl_error *err)
{
    const struct sl_setting *s = &sl_config__settings[i];
    struct sl_raw *raw = &f->raws[i];
    const char *at = place(f, pointer, false), *text = NULL;
    bool is_list = s->type == SL_SET_PATHS && json_object_is_type(value, json_type_array);
    if (raw->text)
        return sl_fail(err, SL_E_CONFIG_SYNTAX, "%s: %s is given twice (also at %s)", at, s->key, raw->origin);
    if (!value)
        return 0;
    if (is_list)
        text = join_list(f, value);
    else if (!json_object_is_type(value, json_type_array) && !json_object_is_type(value, json_type_object))
        text = json_object_get_string(value);
    if (!text)
        return sl_fail(err, SL_E_CONFIG_VALUE, "%s: %s expects one value", at, s->key);
    *raw = (struct sl_raw){.text = sl_arena_strdup(f->arena, text),
                           .origin = at,
                           .base = f->base,
                           .quoted = is_list || json_object_is_type(value, json_type_string),
                           .yaml = true};
    return 0;
}

static int flatten(struct flat *f, struct json_object *map, const char *prefix, const char *pointer,
                   struct sl_error *err)
{
    json_object_object_foreach(map, name, value)
    {
        struct sl_buf at;
        sl_buf_init(&at, 4096);
        sl_buf_puts(&at, pointer);
        sl_json_pointer_add(&at, name);
        char *here = sl_arena_strdup(f->arena, at.data);
        sl_buf_free(&at);
        char *key = sl_arena_printf(f->arena, "%s%s%s", prefix, *prefix ? "." : "", name);
        int rc, i = sl_config__find(key);
        if (i >= 0)
            rc = take_value(f, (size_t)i, here, value, err);
        else if (is_group(key) && json_object_is_type(value, json_type_object))
            rc = flatten(f, value, key, here, err);
        else if (is_group(key))
            rc = value ? sl_fail(err, SL_E_CONFIG_VALUE, "%s: %s expects a mapping", place(f, here, false), key) : 0;
        else
            rc = sl_config__unknown(place(f, here, true), key, err);
        if (rc)
            return rc;
    }
    return 0;
}

static char *folder_of(struct sl_arena *arena, const char *path)
{
    const char *base = sl_path_base(path);
    return base == path ? sl_arena_strdup(arena, ".") : sl_arena_strndup(arena, path, (size_t)(base - path));
}

/* What a reader of YAML says is right, but here it is the configuration that is wrong. */
static int as_config_error(int rc, struct sl_error *err)
{
    enum sl_code code = (enum sl_code)(-rc);
    if (code != SL_E_YAML_SYNTAX && code != SL_E_YAML_LIMIT && code != SL_E_YAML_DUPLICATE_KEY && code != SL_E_LIMIT &&
        code != SL_E_JSON_SIZE)
        return rc;
    if (err)
        err->code = SL_E_CONFIG_SYNTAX;
    return -SL_E_CONFIG_SYNTAX;
}

int sl_config__read_yaml(const char *path, bool must_exist, struct sl_arena *arena, struct sl_raw *raws,
                         struct sl_error *err)
{
    struct sl_doc *doc = NULL;
    if (!must_exist && !sl_path_exists(path))
        return 0;
    int rc = sl_yaml_parse_file(path, &sl_json_limits_small, &doc, err);
    if (rc == -SL_E_FILE_MISSING) {
        rc = sl_fail(err, SL_E_CONFIG_VALUE, "the file of settings %s does not exist", path);
        sl_error_hint(err, "it is named by SLUICE_CONFIG or the setting \"config\"");
    }
    if (rc)
        return as_config_error(rc, err);
    struct flat f = {sl_path_base(path), folder_of(arena, path), doc, arena, raws};
    if (doc->root && !json_object_is_type(doc->root, json_type_object))
        rc = sl_fail(err, SL_E_CONFIG_SYNTAX, "%s: expected a mapping of settings", f.name);
    else if (doc->root)
        rc = flatten(&f, doc->root, "", "", err);
    sl_doc_free(doc);
    return rc;
}
