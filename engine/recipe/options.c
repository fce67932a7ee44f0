/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "geo/crs.h"
#include "recipe/binder.h"
#include "recipe/slot.h"
#include "recipe/template.h"

const struct sl_option *sl_options__find(const struct sl_options *table, const char *name)
{
    for (size_t i = 0; i < table->n; i++)
        if (!strcmp(table->items[i].name, name))
            return &table->items[i];
    return NULL;
}

/* ---- what is expected ---- */

static const char *range_text(struct sl_arena *arena, const struct sl_option *o)
{
    const char *least = o->above_minimum ? ">" : "≥";
    if (o->bounded_below && o->bounded_above && !o->above_minimum)
        return sl_arena_printf(arena, " from %.15g to %.15g", o->minimum, o->maximum);
    if (o->bounded_below && o->bounded_above)
        return sl_arena_printf(arena, " > %.15g and ≤ %.15g", o->minimum, o->maximum);
    if (o->bounded_below)
        return sl_arena_printf(arena, " %s %.15g", least, o->minimum);
    if (o->bounded_above)
        return sl_arena_printf(arena, " ≤ %.15g", o->maximum);
    return "";
}

const char *sl_slot__choices(struct sl_arena *arena, const struct sl_option *o)
{
    const char *text = "one of";
    for (size_t i = 0; o->choices[i]; i++)
        text = sl_arena_printf(arena, "%s%s %s", text, i ? "," : "", o->choices[i]);
    return text;
}

const char *sl_options__expects(struct sl_arena *arena, const struct sl_option *option)
{
    switch (option->type) {
    case SL_OPT_NUMBER:
        return sl_arena_printf(arena, "a number%s", range_text(arena, option));
    case SL_OPT_INTEGER:
        return sl_arena_printf(arena, "an integer%s", range_text(arena, option));
    case SL_OPT_BOOL:
        return "true or false";
    case SL_OPT_ENUM:
        return sl_slot__choices(arena, option);
    case SL_OPT_CRS:
        return "a CRS such as \"EPSG:4326\"";
    case SL_OPT_COLUMN:
        return "a column's name";
    case SL_OPT_COLUMNS:
        return "a list of columns' names";
    case SL_OPT_SQL:
        return "SQL text";
    case SL_OPT_STRING:
        return "a text";
    case SL_OPT_MAP:
        return option->choices ? sl_arena_printf(arena, "a mapping to %s", sl_slot__choices(arena, option))
                               : "a mapping of names";
    case SL_OPT_VALUES:
        return "a list of texts, numbers or booleans";
    case SL_OPT_BOUNDS:
        return "[xmin, ymin, xmax, ymax]";
    case SL_OPT_VERSION:
        return "latest or an integer ≥ 1";
    case SL_OPT_JSON:
        break;
    }
    return "a value";
}

/* ---- single values ---- */

enum sl_code sl_slot__wrong_code(const struct sl_slot *s)
{
    return s->from ? s->b->value_code : SL_E_RECIPE_OPTION;
}

const char *sl_slot__origin(const struct sl_slot *s)
{
    return s->from ? sl_arena_printf(s->b->arena, " (parameter \"%s\")", s->from) : "";
}

void sl_slot__expected(const struct sl_slot *s, struct json_object *value)
{
    struct sl_arena *arena = s->b->arena;
    sl_binder__problem(s->b, sl_slot__wrong_code(s), s->pointer, "%s: expected %s, found %s%s", s->option->name,
                       sl_options__expects(arena, s->option), sl_recipe__show(arena, value), sl_slot__origin(s));
}

static bool in_range(const struct sl_option *o, double v)
{
    if (o->bounded_below && (o->above_minimum ? v <= o->minimum : v < o->minimum))
        return false;
    return !o->bounded_above || v <= o->maximum;
}

bool sl_slot__number(const struct sl_slot *s, struct json_object *value)
{
    enum json_type type = json_object_get_type(value);
    double v = json_object_get_double(value);
    if ((type != json_type_int && type != json_type_double) || !isfinite(v) || !in_range(s->option, v)) {
        sl_slot__expected(s, value);
        return false;
    }
    memcpy(s->at, &v, sizeof v);
    return true;
}

static bool put_integer(const struct sl_slot *s, struct json_object *value)
{
    const double exact = 9007199254740992.0; /* 2^53: beyond it a double does not name one integer */
    enum json_type type = json_object_get_type(value);
    double v = json_object_get_double(value);
    bool whole = type == json_type_int || (type == json_type_double && fabs(v) <= exact && trunc(v) == v);
    if (!whole || !in_range(s->option, v)) {
        sl_slot__expected(s, value);
        return false;
    }
    int64_t i = type == json_type_int ? json_object_get_int64(value) : (int64_t)v;
    memcpy(s->at, &i, sizeof i);
    return true;
}

static bool put_version(const struct sl_slot *s, struct json_object *value)
{
    const char *text = sl_recipe__string(value);
    int64_t version = json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;
    if (version < 1 && !(text && !strcmp(text, "latest"))) {
        sl_slot__expected(s, value);
        return false;
    }
    memcpy(s->at, &version, sizeof version);
    return true;
}

static bool put_bool(const struct sl_slot *s, struct json_object *value)
{
    if (!json_object_is_type(value, json_type_boolean)) {
        sl_slot__expected(s, value);
        return false;
    }
    bool v = json_object_get_boolean(value);
    memcpy(s->at, &v, sizeof v);
    return true;
}

static bool put_enum(const struct sl_slot *s, struct json_object *value)
{
    const char *text = sl_recipe__string(value);
    int n = 0;
    for (; s->option->choices[n]; n++)
        if (text && !strcmp(s->option->choices[n], text)) {
            memcpy(s->at, &n, sizeof n);
            return true;
        }
    struct sl_arena *arena = s->b->arena;
    const char *meant = text ? sl_recipe__meant(arena, text, s->option->choices, (size_t)n) : "";
    sl_binder__problem(s->b, sl_slot__wrong_code(s), s->pointer, "%s: expected %s, found %s%s%s", s->option->name,
                       sl_options__expects(arena, s->option), sl_recipe__show(arena, value), meant, sl_slot__origin(s));
    return false;
}

static bool put_text(const struct sl_slot *s, const char *text)
{
    const char *copy = sl_arena_strdup(s->b->arena, text);
    memcpy(s->at, &copy, sizeof copy);
    return true;
}

static bool put_string(const struct sl_slot *s, struct json_object *value)
{
    const char *text = sl_recipe__string(value);
    if (!text) {
        sl_slot__expected(s, value);
        return false;
    }
    if (strlen(text) > SL_RECIPE__MAX_STRING) {
        sl_binder__problem(s->b, SL_E_LIMIT, s->pointer, "%s: the text is longer than %d bytes", s->option->name,
                           SL_RECIPE__MAX_STRING);
        return false;
    }
    return put_text(s, text);
}

static bool put_crs(const struct sl_slot *s, struct json_object *value)
{
    const char *text = sl_recipe__string(value);
    struct sl_crs crs;
    struct sl_error why;
    if (!text) {
        sl_slot__expected(s, value);
        return false;
    }
    if (sl_crs_parse(text, s->b->arena, &crs, &why) < 0) {
        sl_binder__problem(s->b, sl_slot__wrong_code(s), s->pointer, "%s: %s%s", s->option->name, why.message, sl_slot__origin(s));
        return false;
    }
    return put_text(s, text);
}

bool sl_slot__column_name(struct json_object *value)
{
    const char *text = sl_recipe__string(value);
    return text && *text && strlen(text) <= SL_RECIPE__MAX_COLUMN;
}

static bool put_column(const struct sl_slot *s, struct json_object *value)
{
    if (!sl_slot__column_name(value)) {
        sl_slot__expected(s, value);
        return false;
    }
    return put_text(s, json_object_get_string(value));
}

static bool put_sql(const struct sl_slot *s, struct json_object *value)
{
    struct sl_binder *b = s->b;
    const char *text = sl_recipe__string(value);
    const struct sl_template *template_ = NULL;
    struct sl_error why;
    if (!text) {
        sl_slot__expected(s, value);
        return false;
    }
    if (sl_template_parse(text, b->params, b->n_params, b->values_complete ? b->values : NULL, b->arena, &template_,
                          &why) < 0) {
        sl_binder__problem(b, why.code, s->pointer, "%s: %s", s->option->name, why.message);
        return false;
    }
    if (b->bare && sl_template_has_geometry(template_)) {
        sl_binder__problem(b, SL_E_RECIPE_OPTION, s->pointer, "%s: {{geom}}: the tables of type table have no geometry",
                           s->option->name);
        return false;
    }
    memcpy(s->at, &template_, sizeof template_);
    return true;
}

/* ---- parameters ---- */

enum { NO_HOLE, WHOLE_HOLE, BAD_HOLE, HOLES_INSIDE };

static size_t name_bytes(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
}

/* Is the text "${name}", does it hold such, or none? */
static int hole_kind(const char *text)
{
    const char *open = strstr(text, "${");
    if (!open)
        return NO_HOLE;
    bool whole = open == text;
    for (int n = 0; open; n++, open = strstr(open, "${")) {
        size_t bytes = name_bytes(open + 2);
        if (bytes == 0 || open[2 + bytes] != '}')
            return BAD_HOLE;
        open += bytes + 3;
        whole = whole && n == 0 && !*open;
    }
    return whole ? WHOLE_HOLE : HOLES_INSIDE;
}

static const struct sl_recipe_param *declared(const struct sl_slot *s, const char *name)
{
    struct sl_binder *b = s->b;
    const struct sl_recipe_param *param = sl_param__find(b->params, b->n_params, name);
    if (!param)
        sl_binder__problem(b, SL_E_RECIPE_PARAM, s->pointer, "%s: parameter \"%s\" is not declared%s",
                           s->option->name, name, sl_param__meant(b->arena, b->params, b->n_params, name));
    return param;
}

/* May an option take a parameter of this type? A bit for each option type. */
static bool fits(enum sl_option_type option, enum sl_param_type param)
{
    static const unsigned takes[] = {
        [SL_PARAM_NUMBER] = 1u << SL_OPT_NUMBER | 1u << SL_OPT_BOUNDS,
        [SL_PARAM_INTEGER] = 1u << SL_OPT_NUMBER | 1u << SL_OPT_INTEGER | 1u << SL_OPT_BOUNDS | 1u << SL_OPT_VERSION,
        [SL_PARAM_STRING] = 1u << SL_OPT_STRING | 1u << SL_OPT_ENUM | 1u << SL_OPT_CRS | 1u << SL_OPT_COLUMN |
                            1u << SL_OPT_COLUMNS | 1u << SL_OPT_MAP | 1u << SL_OPT_VERSION,
        [SL_PARAM_BOOLEAN] = 1u << SL_OPT_BOOL,
        [SL_PARAM_CRS] = 1u << SL_OPT_STRING | 1u << SL_OPT_CRS,
        [SL_PARAM_COLUMN] = 1u << SL_OPT_STRING | 1u << SL_OPT_COLUMN | 1u << SL_OPT_COLUMNS | 1u << SL_OPT_MAP,
    };
    return option == SL_OPT_JSON || option == SL_OPT_VALUES || (takes[param] & 1u << option) != 0;
}

/* "${name}" becomes the parameter's value. *known false: it has none yet. */
static bool whole_value(struct sl_slot *s, const char *text, struct json_object **value, bool *known)
{
    struct sl_binder *b = s->b;
    const char *name = sl_arena_strndup(b->arena, text + 2, name_bytes(text + 2));
    const struct sl_recipe_param *param = declared(s, name);
    if (!param)
        return false;
    if (param->type && !fits(s->option->type, sl_param__type(param))) {
        sl_binder__problem(b, SL_E_RECIPE_PARAM, s->pointer, "%s: expected %s, found parameter \"%s\" of type %s",
                           s->option->name, sl_options__expects(b->arena, s->option), name, param->type);
        return false;
    }
    *known = b->values && json_object_object_get_ex(b->values, name, value);
    s->from = name;
    return true;
}

/* Text with "${name}" in it, for options of type string only. */
static bool substituted(struct sl_slot *s, const char *text, struct json_object **value, bool *known)
{
    struct sl_binder *b = s->b;
    SL_CLEANUP(sl_buf_free) struct sl_buf out;
    sl_buf_init(&out, SL_RECIPE__MAX_STRING);
    *known = true;
    for (const char *open; (open = strstr(text, "${")); text = open + 3 + name_bytes(open + 2)) {
        struct json_object *v = NULL;
        const char *name = sl_arena_strndup(b->arena, open + 2, name_bytes(open + 2));
        if (!declared(s, name))
            return false;
        sl_buf_add(&out, text, (size_t)(open - text));
        if (b->values && json_object_object_get_ex(b->values, name, &v))
            sl_buf_puts(&out, json_object_get_string(v));
        else
            *known = false;
        s->from = name;
    }
    sl_buf_puts(&out, text);
    if (out.overflow) {
        sl_binder__problem(b, SL_E_LIMIT, s->pointer, "%s: the text is longer than %d bytes", s->option->name,
                           SL_RECIPE__MAX_STRING);
        return false;
    }
    *value = sl_recipe__keep(b->arena, json_object_new_string(out.data));
    return true;
}

/* Puts parameters' values in place of ${name}. SQL has its own way: its holes stay. */
bool sl_slot__resolve(struct sl_slot *s, struct json_object **value, bool *known)
{
    const char *text = sl_recipe__string(*value);
    *known = true;
    if (!text || s->option->type == SL_OPT_SQL || s->b->literal)
        return true;
    switch (hole_kind(text)) {
    case NO_HOLE:
        return true;
    case WHOLE_HOLE:
        return s->option->type == SL_OPT_STRING ? substituted(s, text, value, known)
                                                : whole_value(s, text, value, known);
    case HOLES_INSIDE:
        if (s->option->type == SL_OPT_STRING)
            return substituted(s, text, value, known);
        sl_binder__problem(s->b, SL_E_RECIPE_PARAM, s->pointer, "%s: a parameter has to be the whole value, found %s",
                           s->option->name, sl_recipe__show(s->b->arena, *value));
        return false;
    default:
        sl_binder__problem(s->b, SL_E_RECIPE_PARAM, s->pointer, "%s: expected ${name}, found %s", s->option->name,
                           sl_recipe__show(s->b->arena, *value));
        return false;
    }
}

/* ---- tables ---- */

static bool put_json(const struct sl_slot *s, struct json_object *value)
{
    memcpy(s->at, &value, sizeof value);
    return true;
}

static bool put(const struct sl_slot *s, struct json_object *value)
{
    static bool (*const by_type[])(const struct sl_slot *, struct json_object *) = {
        [SL_OPT_STRING] = put_string, [SL_OPT_NUMBER] = sl_slot__number, [SL_OPT_INTEGER] = put_integer,
        [SL_OPT_BOOL] = put_bool,     [SL_OPT_ENUM] = put_enum,     [SL_OPT_CRS] = put_crs,
        [SL_OPT_COLUMN] = put_column, [SL_OPT_COLUMNS] = sl_slot__columns, [SL_OPT_SQL] = put_sql,
        [SL_OPT_JSON] = put_json,     [SL_OPT_MAP] = sl_slot__map,       [SL_OPT_VALUES] = sl_slot__values,
        [SL_OPT_BOUNDS] = sl_slot__bounds, [SL_OPT_VERSION] = put_version,
    };
    return by_type[s->option->type](s, value);
}

static bool optional(const struct sl_option *option)
{
    return option->default_json && !strcmp(option->default_json, "null");
}

static bool bind_default(const struct sl_slot *s, const char *what)
{
    if (!s->option->default_json) {
        sl_binder__problem(s->b, SL_E_RECIPE_OPTION, s->pointer, "%s needs \"%s\": %s", what, s->option->name,
                           sl_options__expects(s->b->arena, s->option));
        return false;
    }
    if (optional(s->option))
        return true;
    struct json_object *value = json_tokener_parse(s->option->default_json);
    return put(s, sl_recipe__keep(s->b->arena, value));
}

static bool bind_option(struct sl_binder *b, const struct sl_binder_part *part, const struct sl_option *option,
                        struct json_object *given, const char *pointer, const char *what)
{
    struct json_object *value = NULL;
    bool known, there = given && json_object_object_get_ex(given, option->name, &value);
    struct sl_slot s = {.b = b, .option = option, .pointer = pointer, .at = (char *)part->out + option->offset};
    if (!there || (!value && optional(option)))
        return bind_default(&s, what);
    s.pointer = sl_recipe__pointer(b->arena, pointer, option->name);
    if (!sl_slot__resolve(&s, &value, &known))
        return false;
    b->incomplete = b->incomplete || !known;
    return !known || put(&s, value);
}

static void unknown_option(struct sl_binder *b, const struct sl_binder_part *parts, size_t n_parts, const char *name,
                           const char *pointer, const char *what)
{
    const char *names[64];
    size_t n = 0;
    for (size_t p = 0; p < n_parts; p++)
        for (size_t i = 0; i < parts[p].table->n && n < sizeof names / sizeof *names; i++)
            names[n++] = parts[p].table->items[i].name;
    sl_binder__problem_at_key(b, SL_E_RECIPE_OPTION, sl_recipe__pointer(b->arena, pointer, name),
                              "%s has no option \"%s\"%s", what, name, sl_recipe__meant(b->arena, name, names, n));
}

bool sl_options__bind(struct sl_binder *b, const struct sl_binder_part *parts, size_t n_parts,
                      struct json_object *given, const char *pointer, const char *what)
{
    bool ok = true;
    b->incomplete = false;
    if (given && !json_object_is_type(given, json_type_object)) {
        sl_binder__problem(b, SL_E_RECIPE_OPTION, pointer, "%s: expected its options as a mapping, found %s", what,
                           sl_recipe__show(b->arena, given));
        return false;
    }
    for (size_t p = 0; p < n_parts; p++)
        for (size_t i = 0; i < parts[p].table->n; i++)
            ok &= bind_option(b, &parts[p], &parts[p].table->items[i], given, pointer, what);
    if (!given)
        return ok;
    json_object_object_foreach(given, key, value)
    {
        bool known = false;
        (void)value;
        for (size_t p = 0; p < n_parts; p++)
            known = known || sl_options__find(parts[p].table, key);
        if (!known) {
            unknown_option(b, parts, n_parts, key, pointer, what);
            ok = false;
        }
    }
    return ok;
}
