/* SPDX-License-Identifier: Apache-2.0 */
/* schema: the columns are those that the recipe names, or those of the dataset's last version. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/text.h"
#include "step/cast.h"
#include "step/kinds.h"
#include "step/step.h"

enum policy { POLICY_EVOLVE, POLICY_FREEZE, POLICY_WARN };

struct options {
    struct sl_map columns;
    int policy;
};

static const char *const types[] = {"any",  "text", "boolean", "integer", "number", "date", "time",
                                    "timestamp", "uuid", "json",    "binary",  "list",   "geometry", NULL};
static const char *const policies[] = {
    [POLICY_EVOLVE] = "evolve", [POLICY_FREEZE] = "freeze", [POLICY_WARN] = "warn", NULL};

static const struct sl_option items[] = {
    {.name = "columns",
     .type = SL_OPT_MAP,
     .default_json = "null",
     .offset = offsetof(struct options, columns),
     .choices = types,
     .help = "The columns and what each holds. Without it they are compared with those of the dataset's last version; the "
             "first version has none to be compared with, which the run says."},
    {.name = "policy",
     .type = SL_OPT_ENUM,
     .default_json = "\"evolve\"",
     .offset = offsetof(struct options, policy),
     .choices = policies,
     .help = "evolve: a column that is missing or of another type breaks the rule, a new one does not, and the run names it; "
             "freeze: any difference breaks it; warn: none does, and the run names all."},
};

static const char *class_of(const struct sl_column *c)
{
    static const char *const names[] = {[SL_SOURCE_TEXT] = "text",     [SL_SOURCE_BOOLEAN] = "boolean",
                                        [SL_SOURCE_INTEGER] = "integer", [SL_SOURCE_NUMBER] = "number",
                                        [SL_SOURCE_DATE] = "date",     [SL_SOURCE_TIMESTAMP] = "timestamp",
                                        [SL_SOURCE_INSTANT] = "timestamp"};
    static const struct {
        const char *start, *name;
    } others[] = {{"json", "json"}, {"bytea", "binary"}, {"blob", "binary"}, {"time", "time"}, {"uuid", "uuid"}};
    size_t n = strlen(c->type);
    if (c->geometry || !strncasecmp(c->type, "geometry", strlen("geometry")))
        return "geometry";
    if (n > 2 && !strcmp(c->type + n - 2, "[]"))
        return "list";
    enum sl_cast_source source = sl_cast_source_of(c);
    if (source != SL_SOURCE_OTHER)
        return names[source];
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strncasecmp(c->type, others[i].start, strlen(others[i].start)))
            return others[i].name;
    return "any";
}

/* ---- differences ---- */

struct expected {
    const char *name, *type;
};

struct differences {
    size_t missing, changed, added;
    char text[384]; /* of those that are told, cut to fit */
    size_t used;
};

static void tell(struct differences *d, const char *name, const char *what, const char *type, const char *instead)
{
    if (d->used >= sizeof d->text)
        return;
    d->used += (size_t)snprintf(d->text + d->used, sizeof d->text - d->used, "%s\"%s\" %s%s%s%s", d->used ? ", " : "", name,
                                what, type, *instead ? ", not " : "", instead);
}

/* What is expected: the recipe's list, or the last version's columns; *n 0: nothing to compare with. */
static const struct expected *expected_of(const struct sl_step_context *context, const struct options *o, size_t *n)
{
    const struct sl_previous *p = context->previous;
    bool own = o->columns.n > 0;
    *n = own ? o->columns.n : p ? p->n_columns : 0;
    struct expected *list = sl_arena_array(context->arena, *n + 1, sizeof *list);
    for (size_t i = 0; i < *n; i++)
        list[i] = own ? (struct expected){o->columns.items[i].name, o->columns.items[i].value}
                      : (struct expected){p->columns[i].name, class_of(&p->columns[i])};
    return list;
}

static bool fits(const char *type, const char *expected)
{
    return !strcmp(expected, "any") || !strcmp(type, expected) || (!strcmp(expected, "number") && !strcmp(type, "integer"));
}

static const struct expected *find(const struct expected *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(list[i].name, name))
            return &list[i];
    return NULL;
}

/* tell_kept, tell_new: which of them the text names. A recipe's list need not name the geometry, which is always there. */
static void compare(const struct sl_step_context *context, const struct options *o, bool tell_kept, bool tell_new,
                    struct differences *d)
{
    size_t n;
    const struct expected *list = expected_of(context, o, &n);
    bool own = o->columns.n > 0;
    for (size_t i = 0; i < n; i++) {
        const struct sl_column *c = sl_step_column(context, list[i].name);
        const char *type = c ? class_of(c) : NULL;
        d->missing += !c;
        d->changed += c && !(own ? fits(type, list[i].type) : !strcmp(type, list[i].type));
        if (tell_kept && !c)
            tell(d, list[i].name, "is missing", "", "");
        else if (tell_kept && c && !(own ? fits(type, list[i].type) : !strcmp(type, list[i].type)))
            tell(d, list[i].name, "is ", type, list[i].type);
    }
    for (size_t i = 0; n > 0 && i < context->input->n_columns; i++) {
        const struct sl_column *c = &context->input->columns[i];
        if (find(list, n, c->name) || (own && c->geometry))
            continue;
        d->added++;
        if (tell_new)
            tell(d, c->name, "is new", "", "");
    }
}

static const char *compared_with(const struct sl_step_context *context, const struct options *o)
{
    return o->columns.n > 0 ? "the recipe's columns"
                            : sl_arena_printf(context->arena, "%s v%lld", context->previous->dataset_id,
                                              (long long)context->previous->version);
}

static int64_t judge(const struct sl_step_context *context, const void *data)
{
    const struct options *o = data;
    struct differences d = {0};
    compare(context, o, false, false, &d);
    return o->policy == POLICY_WARN     ? 0
           : o->policy == POLICY_FREEZE ? (int64_t)(d.missing + d.changed + d.added)
                                        : (int64_t)(d.missing + d.changed);
}

static void sentence(const struct sl_step_context *context, const void *data, int64_t broken, char *out, size_t out_bytes)
{
    const struct options *o = data;
    struct differences d = {0};
    (void)broken;
    compare(context, o, true, o->policy == POLICY_FREEZE, &d);
    snprintf(out, out_bytes, "compared with %s %s", compared_with(context, o), d.text);
}

static void note(const struct sl_step_context *context, const void *data, char *out, size_t out_bytes)
{
    const struct options *o = data;
    struct differences d = {0};
    if (o->columns.n == 0 && context->previous && context->previous->version == 0) {
        snprintf(out, out_bytes, "%s has no earlier version to compare with", context->previous->dataset_id);
        return;
    }
    compare(context, o, o->policy == POLICY_WARN, o->policy != POLICY_FREEZE, &d);
    if (d.used > 0)
        snprintf(out, out_bytes, "compared with %s %s", compared_with(context, o), d.text);
}

const struct sl_check_kind sl_check__schema = {
    .name = "schema",
    .summary = "The columns and their types are those expected.",
    .help = "Types are compared by what they hold: text, boolean, integer of any size, number (with a fraction; an expected "
            "number may be an integer), date, time, timestamp with or without a zone, uuid, json, binary, list, geometry. The "
            "order of columns does not count.",
    .example = "- schema: {columns: {name: text, lanes: integer}, policy: freeze}",
    .dialects = SL_STEP__BOTH,
    .compares = true,
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .judge = judge,
    .sentence = sentence,
    .note = note,
};
