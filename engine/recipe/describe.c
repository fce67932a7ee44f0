/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/text.h"
#include "recipe/binder.h"

enum { WIDTH = 96, INDENT = 4 };

/* Words of a paragraph, wrapped. */
static void wrap(struct sl_buf *out, const char *text, size_t indent)
{
    size_t column = 0;
    while (*text) {
        size_t n = strcspn(text, " ");
        SL_CLEANUP(sl_freep) char *word = sl_xmalloc(n + 1);
        memcpy(word, text, n);
        word[n] = '\0';
        size_t width = sl_text_columns(word);
        if (column > 0 && column + 1 + width > WIDTH) {
            sl_buf_putc(out, '\n');
            column = 0;
        }
        if (column == 0)
            sl_buf_printf(out, "%*s%s", (int)indent, "", word);
        else
            sl_buf_printf(out, " %s", word);
        column = column == 0 ? indent + width : column + 1 + width;
        text += n + strspn(text + n, " ");
    }
    sl_buf_putc(out, '\n');
}

static void option(struct sl_buf *out, struct sl_arena *arena, const struct sl_option *o)
{
    const char *given = !o->default_json                        ? "required"
                        : strcmp(o->default_json, "null") != 0 ? sl_arena_printf(arena, "default %s", o->default_json)
                                                                : "optional";
    const char *head = sl_arena_printf(arena, "%s: %s (%s)", o->name, sl_options__expects(arena, o), given);
    if (sl_text_columns(head) <= WIDTH)
        sl_buf_printf(out, "  %s\n", head);
    else
        wrap(out, head, INDENT / 2);
    wrap(out, o->help, INDENT);
}

static void lines(struct sl_buf *out, const char *text, const char *prefix)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        sl_buf_puts(out, n ? prefix : "");
        sl_buf_add(out, text, n);
        sl_buf_putc(out, '\n');
        text += n + (text[n] == '\n');
    }
}

static void paragraphs(struct sl_buf *out, const char *text)
{
    while (text && *text) {
        size_t n = strcspn(text, "\n");
        SL_CLEANUP(sl_freep) char *one = sl_xmalloc(n + 1);
        memcpy(one, text, n);
        one[n] = '\0';
        sl_buf_putc(out, '\n');
        wrap(out, one, 0);
        text += n + (text[n] == '\n');
    }
}

static void describe(struct sl_buf *out, const char *noun, const char *name, const char *summary, const char *help,
                     const char *example, const struct sl_options *own, const struct sl_options *common)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    const struct sl_options *tables[] = {own, common};
    sl_buf_printf(out, "%s (%s)\n", name, noun);
    wrap(out, summary, 0);
    paragraphs(out, help);
    if (own->n || common) {
        sl_buf_puts(out, "\nOptions:\n");
        for (size_t t = 0; t < 2; t++)
            for (size_t i = 0; tables[t] && i < tables[t]->n; i++)
                option(out, arena, &tables[t]->items[i]);
    }
    if (example) {
        sl_buf_puts(out, "\nExample:\n");
        lines(out, example, "  ");
    }
}

void sl_recipe_describe_step(const struct sl_step_kind *kind, struct sl_buf *out)
{
    describe(out, kind->class_ == SL_STEP_INDEX ? "index step" : kind->data_type ? "step for rasters" : "step", kind->name, kind->summary, kind->help,
             kind->example, &kind->options, NULL);
}

void sl_recipe_describe_check(const struct sl_check_kind *kind, struct sl_buf *out)
{
    describe(out, "check", kind->name, kind->summary, kind->help, kind->example, &kind->options, sl_check__common(kind));
}

void sl_recipe_describe_output(const struct sl_output_kind *kind, struct sl_buf *out)
{
    describe(out, "output", kind->name, kind->summary, kind->help, kind->example, &kind->options, &sl_output__common);
}

static const char *type_name(enum sl_option_type type)
{
    static const char *const names[] = {
        [SL_OPT_STRING] = "string", [SL_OPT_NUMBER] = "number", [SL_OPT_INTEGER] = "integer",
        [SL_OPT_BOOL] = "boolean",  [SL_OPT_ENUM] = "enum",     [SL_OPT_CRS] = "crs",
        [SL_OPT_COLUMN] = "column", [SL_OPT_COLUMNS] = "columns", [SL_OPT_SQL] = "sql",
        [SL_OPT_JSON] = "json",     [SL_OPT_MAP] = "map",         [SL_OPT_VALUES] = "values",
        [SL_OPT_BOUNDS] = "bounds", [SL_OPT_VERSION] = "version",
    };
    return names[type];
}

struct json_object *sl_recipe_options_json(const struct sl_options *options)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < options->n; i++) {
        const struct sl_option *o = &options->items[i];
        struct json_object *one = json_object_new_object();
        sl_json_put_str(one, "name", o->name);
        sl_json_put_str(one, "type", type_name(o->type));
        sl_json_put(one, "required", json_object_new_boolean(!o->default_json));
        if (o->default_json)
            sl_json_put(one, "default", json_tokener_parse(o->default_json));
        if (o->bounded_below)
            sl_json_put(one, o->above_minimum ? "exclusive_minimum" : "minimum", sl_json_double(o->minimum));
        if (o->bounded_above)
            sl_json_put(one, "maximum", sl_json_double(o->maximum));
        if (o->choices) {
            struct json_object *choices = json_object_new_array();
            for (size_t c = 0; o->choices[c]; c++)
                json_object_array_add(choices, json_object_new_string(o->choices[c]));
            sl_json_put(one, "choices", choices);
        }
        sl_json_put_str(one, "help", o->help);
        json_object_array_add(list, one);
    }
    return list;
}
