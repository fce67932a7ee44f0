/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/text.h"
#include "step/cast.h"
#include "step/kinds.h"
#include "step/order.h"
#include "step/other.h"
#include "step/step.h"

enum how { HOW_LEFT, HOW_INNER };
enum predicate { ANYWHERE, INTERSECTS, WITHIN, CONTAINS, NEAREST };
enum matches { ONE, MANY, LARGEST };
enum unit { UNIT_METRES, UNIT_CRS };

struct options {
    struct sl_step_other other;
    struct sl_names on, to, columns;
    int predicate, how, matches, unit;
    double max_distance; /* 0: not given */
    const char *prefix, *distance_column;
};

static const char *const hows[] = {[HOW_LEFT] = "left", [HOW_INNER] = "inner", NULL};
static const char *const predicates[] = {[ANYWHERE] = "none", [INTERSECTS] = "intersects", [WITHIN] = "within",
                                         [CONTAINS] = "contains", [NEAREST] = "nearest", NULL};
static const char *const matchings[] = {[ONE] = "one", [MANY] = "many", [LARGEST] = "largest", NULL};
static const char *const units[] = {[UNIT_METRES] = "metres", [UNIT_CRS] = "crs", NULL};

static const struct sl_option items[] = {
    SL_STEP__OTHER(options),
    {.name = "on",
     .type = SL_OPT_COLUMNS,
     .default_json = "null",
     .offset = offsetof(struct options, on),
     .help = "Rows belong together that have the same values in these columns. No value equals no other."},
    {.name = "to",
     .type = SL_OPT_COLUMNS,
     .default_json = "null",
     .offset = offsetof(struct options, to),
     .help = "The names that the columns of on have in the other table, in the same order; without it the same names."},
    {.name = "predicate",
     .type = SL_OPT_ENUM,
     .default_json = "\"none\"",
     .offset = offsetof(struct options, predicate),
     .choices = predicates,
     .help = "Rows belong together by place: the row's geometry intersects, is within, or contains the other one; nearest: the "
             "other one is the nearest within max_distance. none: only on decides."},
    {.name = "max_distance",
     .type = SL_OPT_NUMBER,
     .default_json = "null",
     .offset = offsetof(struct options, max_distance),
     .bounded_below = true,
     .above_minimum = true,
     .minimum = 0,
     .help = "For nearest: how far away the other one may be."},
    {.name = "unit",
     .type = SL_OPT_ENUM,
     .default_json = "\"metres\"",
     .offset = offsetof(struct options, unit),
     .choices = units,
     .help = "Of max_distance and distance_column. metres: in the plane of the CRS, which has to be a projected one; crs: the "
             "units of the geometry's CRS."},
    {.name = "distance_column",
     .type = SL_OPT_COLUMN,
     .default_json = "null",
     .offset = offsetof(struct options, distance_column),
     .help = "For nearest: a new column with the distance."},
    {.name = "how",
     .type = SL_OPT_ENUM,
     .default_json = "\"left\"",
     .offset = offsetof(struct options, how),
     .choices = hows,
     .help = "What becomes of a row without a match. left: it stays, without values in the new columns; inner: it is dropped "
             "under the policy \"join\"."},
    {.name = "matches",
     .type = SL_OPT_ENUM,
     .default_json = "\"one\"",
     .offset = offsetof(struct options, matches),
     .choices = matchings,
     .help = "one: a row has one match at most, else the batch ends; many: it becomes a row for each, and the run counts those "
             "added; largest: of several that with the largest common area, of lines length."},
    {.name = "columns",
     .type = SL_OPT_COLUMNS,
     .default_json = "null",
     .offset = offsetof(struct options, columns),
     .help = "The columns to take from the other table; without it all but the geometry and those of on."},
    {.name = "prefix",
     .type = SL_OPT_STRING,
     .default_json = "null",
     .offset = offsetof(struct options, prefix),
     .help = "Before the names of the columns that are taken."},
};

static int validate(const void *data, struct sl_error *err)
{
    const struct options *o = data;
    int rc = sl_step_other_validate(&o->other, err);
    if (rc < 0)
        return rc;
    if (o->on.n == 0 && o->predicate == ANYWHERE)
        return sl_fail(err, SL_E_RECIPE_OPTION, "needs on, predicate, or both");
    if (o->to.n > 0 && o->to.n != o->on.n)
        return sl_fail(err, SL_E_RECIPE_OPTION, "to has %zu columns and on has %zu", o->to.n, o->on.n);
    if ((o->predicate == NEAREST) != (o->max_distance > 0))
        return sl_fail(err, SL_E_RECIPE_OPTION, "max_distance goes with predicate: nearest, which needs it");
    if (o->distance_column && o->predicate != NEAREST)
        return sl_fail(err, SL_E_RECIPE_OPTION, "distance_column goes with predicate: nearest");
    if (o->predicate == NEAREST && o->matches != ONE)
        return sl_fail(err, SL_E_RECIPE_OPTION, "predicate: nearest always has one match");
    if (o->matches == LARGEST && o->predicate == ANYWHERE)
        return sl_fail(err, SL_E_RECIPE_OPTION, "matches: largest needs a predicate");
    return 0;
}

/* ---- the columns that are taken ---- */

struct joining {
    const struct sl_step_context *context;
    const struct options *o;
    struct sl_other_table other;
    struct sl_step_context right;             /* the other table as if it were an input */
    struct { const char *name, *as; } *taken;
    size_t n;
    double distance; /* max_distance in the units of the CRS */
    double metres;   /* of one unit of distance_column in those */
    struct sl_sql *out;
};

static const char *name_in_other(const struct options *o, size_t i)
{
    return o->to.n ? o->to.items[i] : o->on.items[i];
}

static bool in_use(const struct joining *j, const char *name)
{
    for (size_t i = 0; i < j->n; i++)
        if (!strcasecmp(j->taken[i].as, name))
            return true;
    if (j->o->distance_column && !strcasecmp(j->o->distance_column, name))
        return true;
    return sl_step_require_new_column(j->context, "join", name, NULL, NULL) < 0;
}

/* As for columns of files: cut at a character, and the first free number behind it. */
static const char *free_name(const struct joining *j, const char *base)
{
    const char *name = base;
    for (size_t k = 0; in_use(j, name); k++) {
        const char *suffix = k ? sl_arena_printf(j->context->arena, "_%zu", k) : "";
        size_t n = strlen(base), most = SL_STEP_COLUMN_BYTES - strlen(suffix);
        if (n > most)
            for (n = most; n > 0 && ((unsigned char)base[n] & 0xC0) == 0x80;)
                n--;
        name = sl_arena_printf(j->context->arena, "%.*s%s", (int)n, base, suffix);
    }
    return name;
}

static void take(struct joining *j, const char *name)
{
    struct sl_arena *arena = j->context->arena;
    const char *wanted = j->o->prefix ? sl_arena_printf(arena, "%s%s", j->o->prefix, name) : name;
    const char *as = free_name(j, wanted);
    if (strcmp(as, wanted) != 0 && j->context->note)
        j->context->note(j->context->other_data, sl_arena_printf(arena, "step join: column \"%s\" of %s is \"%s\" here", name,
                                                                 j->other.name, as));
    j->taken[j->n].name = name;
    j->taken[j->n++].as = as;
}

static bool is_key(const struct options *o, const char *name)
{
    for (size_t i = 0; i < o->on.n; i++)
        if (!strcmp(name_in_other(o, i), name))
            return true;
    return false;
}

static int take_columns(struct joining *j, struct sl_error *err)
{
    const struct sl_table *t = j->other.table;
    const struct sl_names *named = &j->o->columns;
    int rc = sl_step_require_columns(&j->right, named, err);
    if (rc < 0) {
        sl_error_prefix(err, "join: %s", j->other.name);
        return rc;
    }
    j->taken = sl_arena_array(j->context->arena, named->n + t->n_columns + 1, sizeof *j->taken);
    for (size_t i = 0; i < named->n; i++)
        take(j, named->items[i]);
    for (size_t i = 0; named->n == 0 && t->columns && i < t->n_columns; i++)
        if (!t->columns[i].geometry && !is_key(j->o, t->columns[i].name))
            take(j, t->columns[i].name);
    return 0;
}

/* ---- what has to be so ---- */

static bool comparable(const struct sl_column *a, const struct sl_column *b)
{
    enum sl_cast_source x = sl_cast_source_of(a), y = sl_cast_source_of(b);
    bool numbers = (x == SL_SOURCE_INTEGER || x == SL_SOURCE_NUMBER) && (y == SL_SOURCE_INTEGER || y == SL_SOURCE_NUMBER);
    return !a || !b || numbers || (x == y && (x != SL_SOURCE_OTHER || !strcmp(a->type, b->type)));
}

static int check_keys(const struct joining *j, struct sl_error *err)
{
    int rc = sl_step_require_columns(j->context, &j->o->on, err);
    for (size_t i = 0; rc == 0 && i < j->o->on.n; i++) {
        const char *name = j->o->on.items[i], *there = name_in_other(j->o, i);
        rc = sl_step_require_column(&j->right, there, err);
        if (rc < 0) {
            sl_error_prefix(err, "join: %s", j->other.name);
            return rc;
        }
        const struct sl_column *a = sl_step_column(j->context, name), *b = sl_step_column(&j->right, there);
        if (comparable(a, b))
            continue;
        rc = sl_fail(err, SL_E_RECIPE_OPTION, "join: column \"%s\" is %s, and \"%s\" of %s is %s", name, a->type, there,
                     j->other.name, b->type);
        sl_error_hint(err, "give them one type with cast before");
    }
    return rc;
}

/* A unit of the CRS in metres; 0 when it is none of length. */
static double metres_of(const struct sl_crs *crs)
{
    static const struct {
        const char *name;
        double metres;
    } all[] = {{"metre", 1}, {"meter", 1}, {"kilometre", 1000}, {"foot", 0.3048}, {"US survey foot", 1200.0 / 3937}};
    for (size_t i = 0; crs->unit && i < sizeof all / sizeof *all; i++)
        if (!strcmp(crs->unit, all[i].name))
            return all[i].metres;
    return 0;
}

static int scale(struct joining *j, struct sl_error *err)
{
    const struct sl_crs *crs = j->context->crs;
    j->distance = j->o->max_distance;
    j->metres = 1;
    if (j->o->predicate != NEAREST || j->o->unit == UNIT_CRS || !crs)
        return 0;
    j->metres = metres_of(crs);
    if (j->metres > 0) {
        j->distance /= j->metres;
        return 0;
    }
    sl_fail(err, SL_E_RECIPE_OPTION, "join: metres in %s, whose unit is the %s", crs->id ? crs->id : crs->name,
            crs->unit ? crs->unit : "unknown one");
    sl_error_hint(err, "put a normalize_crs to a projected CRS before, or say unit: crs");
    return -SL_E_RECIPE_OPTION;
}

static int begin(struct joining *j, struct sl_error *err)
{
    const struct sl_step_context *c = j->context;
    bool by_place = j->o->predicate != ANYWHERE;
    int rc = by_place || !c->no_geometry ? sl_step_require_geometry(c, "join", err) : 0;
    if (rc == 0)
        rc = sl_step_other_find(c, &j->o->other, by_place, &j->other, err);
    if (rc < 0 || j->other.absent)
        return rc;
    j->right = (struct sl_step_context){.input = j->other.table, .arena = c->arena, .crs = j->other.crs,
                                        .geometry = j->other.table->geometry ? j->other.table->geometry : c->geometry};
    rc = check_keys(j, err);
    if (rc == 0 && j->o->distance_column)
        rc = sl_step_require_new_column(c, "join", j->o->distance_column, NULL, err);
    if (rc == 0)
        rc = scale(j, err);
    return rc < 0 ? rc : take_columns(j, err);
}

/* ---- SQL ---- */

static void column(struct joining *j, const char *side, const char *name)
{
    sl_sql_text(j->out, side);
    sl_sql_ident(j->out, name);
}

/* f(l."geom", r."geom" */
static void of_both(struct joining *j, const char *function)
{
    sl_sql_text(j->out, function);
    column(j, "(l.", j->context->geometry);
    column(j, ", r.", j->right.geometry);
}

static void condition(struct joining *j)
{
    static const char *const functions[] = {[INTERSECTS] = "ST_Intersects", [WITHIN] = "ST_Within",
                                            [CONTAINS] = "ST_Contains", [NEAREST] = "ST_DWithin"};
    const struct options *o = j->o;
    for (size_t i = 0; i < o->on.n; i++) {
        sl_sql_text(j->out, i ? " AND " : "");
        column(j, "l.", o->on.items[i]);
        column(j, " = r.", name_in_other(o, i));
    }
    if (o->predicate == ANYWHERE)
        return;
    sl_sql_text(j->out, o->on.n ? " AND " : "");
    of_both(j, functions[o->predicate]);
    if (o->predicate == NEAREST) {
        sl_sql_text(j->out, ", ");
        sl_sql_double(j->out, j->distance);
    }
    sl_sql_text(j->out, ")");
}

/* The best match first; what is equal is put in order by the other table's columns. */
static void order(struct joining *j)
{
    struct sl_step_order by;
    if (j->o->predicate == NEAREST) {
        of_both(j, "ST_Distance");
        sl_sql_text(j->out, "), ");
    } else {
        of_both(j, "ST_Area(ST_Intersection");
        of_both(j, ")) DESC NULLS LAST, ST_Length(ST_Intersection");
        sl_sql_text(j->out, ")) DESC NULLS LAST, ");
    }
    sl_step_order_begin(&by, &j->right, j->out);
    by.qualifier = "r.";
    sl_step_order_end(&by, NULL, false);
}

static bool picks(const struct options *o)
{
    return o->predicate == NEAREST || o->matches == LARGEST;
}

static void left_side(struct joining *j)
{
    sl_sql_text(j->out, "(SELECT * FROM ");
    sl_step_table(j->context, j->out);
    sl_sql_text(j->out, ") AS l");
}

static void right_side(struct joining *j)
{
    sl_sql_table(j->out, j->other.table->schema, j->other.table->name);
    sl_sql_text(j->out, " AS r");
}

static const char *join_word(const struct joining *j)
{
    return j->o->how == HOW_INNER ? " JOIN " : " LEFT JOIN ";
}

/* Every column of the input but the geometry, those that are taken, the geometry; each with its name. */
static void select_list(struct joining *j)
{
    const struct sl_step_context *c = j->context;
    for (size_t i = 0; sl_step_knows_columns(c) && i < c->input->n_columns; i++) {
        if (!strcmp(c->input->columns[i].name, c->geometry))
            continue;
        column(j, "l.", c->input->columns[i].name);
        sl_sql_text(j->out, ", ");
    }
    if (!sl_step_knows_columns(c))
        sl_step_other_columns(c, j->out);
    if (!j->other.table->columns && j->o->columns.n == 0)
        sl_sql_text(j->out, "/* the other table's columns, */ ");
    for (size_t i = 0; i < j->n; i++) {
        column(j, "r.", j->taken[i].name);
        column(j, " AS ", j->taken[i].as);
        sl_sql_text(j->out, ", ");
    }
    if (j->o->distance_column) {
        of_both(j, "ST_Distance");
        sl_sql_text(j->out, ") * ");
        sl_sql_double(j->out, j->metres);
        column(j, " AS ", j->o->distance_column);
        sl_sql_text(j->out, ", ");
    }
    sl_step_last_column(c, "l.", j->out);
}

/* PostgreSQL looks the matches of each row up, by the index, and takes the best. */
static void pick_by_lateral(struct joining *j)
{
    sl_sql_text(j->out, "SELECT ");
    select_list(j);
    sl_sql_text(j->out, " FROM ");
    left_side(j);
    sl_sql_text(j->out, join_word(j));
    sl_sql_text(j->out, "LATERAL (SELECT r.* FROM ");
    right_side(j);
    sl_sql_text(j->out, " WHERE ");
    condition(j);
    sl_sql_text(j->out, " ORDER BY ");
    order(j);
    sl_sql_text(j->out, " LIMIT 1) AS r ON TRUE");
}

/* DuckDB joins all matches, which it does fast, and ranks those of each row. */
static void pick_by_rank(struct joining *j)
{
    const char *row = sl_step_free_name(j->context, "sl_row");
    sl_sql_text(j->out, "SELECT ");
    select_list(j);
    sl_sql_text(j->out, " FROM (SELECT *, row_number() OVER () AS ");
    sl_sql_ident(j->out, row);
    sl_sql_text(j->out, " FROM ");
    sl_step_table(j->context, j->out);
    sl_sql_text(j->out, ") AS l");
    sl_sql_text(j->out, join_word(j));
    right_side(j);
    sl_sql_text(j->out, " ON ");
    condition(j);
    sl_sql_text(j->out, " QUALIFY row_number() OVER (PARTITION BY l.");
    sl_sql_ident(j->out, row);
    sl_sql_text(j->out, " ORDER BY ");
    order(j);
    sl_sql_text(j->out, ") = 1");
}

static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    struct joining j = {.context = context, .o = data, .out = out};
    int rc = begin(&j, err);
    if (rc < 0)
        return rc;
    if (j.other.absent) {
        sl_step_other_absent(context, out);
    } else if (picks(j.o)) {
        (out->dialect == SL_DIALECT_DUCKDB ? pick_by_rank : pick_by_lateral)(&j);
    } else {
        sl_sql_text(out, "SELECT ");
        select_list(&j);
        sl_sql_text(out, " FROM ");
        left_side(&j);
        sl_sql_text(out, join_word(&j));
        right_side(&j);
        sl_sql_text(out, " ON ");
        condition(&j);
    }
    return 0;
}

static int kept(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    struct joining j = {.context = context, .o = data, .out = out};
    if (j.o->how == HOW_LEFT)
        return 0;
    int rc = begin(&j, err);
    if (rc < 0 || j.other.absent)
        return rc;
    sl_sql_text(out, "SELECT count(*) FROM ");
    left_side(&j);
    sl_sql_text(out, " WHERE EXISTS (SELECT 1 FROM ");
    right_side(&j);
    sl_sql_text(out, " WHERE ");
    condition(&j);
    sl_sql_text(out, ")");
    return 0;
}

static int judge(const void *data, int64_t before, int64_t kept_rows, int64_t after, struct sl_error *err)
{
    const struct options *o = data;
    (void)before;
    if (o->matches == MANY || after <= kept_rows)
        return 0;
    sl_fail(err, SL_E_CHECK_FAILED, "step join: %" PRId64 " rows became %" PRId64 ", so that some have more than one match in %s \"%s\"",
            kept_rows, after, o->other.role ? "role" : "dataset", o->other.role ? o->other.role : o->other.dataset);
    sl_error_hint(err, "say matches: many for a row for each, matches: largest for the one with the most in common, or make the "
                       "other table's rows unique");
    return -SL_E_CHECK_FAILED;
}

static size_t reads(const void *data, struct sl_table_ref out[SL_STEP_TABLES_MAX])
{
    const struct options *o = data;
    return sl_step_other_reads(&o->other, out);
}

const struct sl_step_kind sl_step__join = {
    .name = "join",
    .summary = "Takes columns from another table's rows that belong to a row, by columns or by place.",
    .help = "The other table is that of a role of the recipe's inputs or a dataset in the lake. Where it is in another CRS its "
            "geometries are transformed, and searched by an index. Its columns come after those that are there, before the "
            "geometry; one whose name is taken (case does not count) or reserved gets the first free number behind it, and "
            "the run says so. Ties of nearest and largest are broken by all columns of the other table.",
    .example = "- join: {dataset: districts, predicate: within, columns: [name], prefix: district_}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_SEARCHES,
    .dialects = SL_STEP__BOTH,
    .drops = "join",
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .build = build,
    .validate = validate,
    .reads = reads,
    .kept = kept,
    .judge = judge,
};
