/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "geo/gdal/gdal.h"
#include "geo/gdal/vector_internal.h"

enum { NAME_MAX_BYTES = 63, MAX_FIELDS = 1500 };

/* Cuts at a character boundary. */
static void cut(char *name, size_t max_bytes)
{
    size_t n = strlen(name);
    if (n <= max_bytes)
        return;
    n = max_bytes;
    while (n > 0 && ((unsigned char)name[n] & 0xC0) == 0x80)
        n--;
    name[n] = '\0';
}

static char *cleaned(const char *name, struct sl_arena *arena)
{
    char *out = sl_arena_strdup(arena, *name ? name : "column");
    bool valid = sl_utf8_valid(out, strlen(out));
    for (char *p = out; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7F || (!valid && (unsigned char)*p >= 0x80))
            *p = '_';
    cut(out, NAME_MAX_BYTES);
    return out;
}

static bool reserved(const char *name, const char *geometry)
{
    static const char *const names[] = {"bbox", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"};
    if (!strcasecmp(name, geometry))
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcasecmp(name, names[i]))
            return true;
    return false;
}

static bool among(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (names[i] && !strcasecmp(name, names[i]))
            return true;
    return false;
}

void sl_vector_column_names(const char *const *names, size_t n, const char *geometry, struct sl_arena *arena,
                            const char **out)
{
    for (size_t i = 0; i < n; i++) {
        const char *name = cleaned(names[i], arena);
        bool same = !strcmp(name, names[i]);
        out[i] = same && !reserved(name, geometry) && !among(name, out, i) ? name : NULL;
    }
    for (size_t i = 0; i < n; i++) {
        if (out[i])
            continue;
        const char *base = cleaned(names[i], arena);
        /* A name that was only cleaned may stand as it is. */
        if (strcmp(base, names[i]) != 0 && !reserved(base, geometry) && !among(base, out, n)) {
            out[i] = base;
            continue;
        }
        char *name = sl_arena_alloc(arena, NAME_MAX_BYTES + 1);
        for (size_t k = 1; !out[i]; k++) {
            char suffix[24];
            int bytes = snprintf(suffix, sizeof suffix, "_%zu", k);
            snprintf(name, NAME_MAX_BYTES + 1, "%s", base);
            cut(name, (size_t)(NAME_MAX_BYTES - bytes));
            strcat(name, suffix);
            if (!reserved(name, geometry) && !among(name, out, n))
                out[i] = name;
        }
    }
}

static struct sl_vector__type type_of(OGRFieldDefnH field)
{
    OGRFieldSubType sub = OGR_Fld_GetSubType(field);
    enum sl_vector__kind integer = sub == OFSTBoolean ? SL_KIND_BOOL : sub == OFSTInt16 ? SL_KIND_INT16 : SL_KIND_INT32;
    enum sl_vector__kind real = sub == OFSTFloat32 ? SL_KIND_FLOAT : SL_KIND_DOUBLE;
    switch (OGR_Fld_GetType(field)) {
    case OFTInteger:
        return (struct sl_vector__type){integer, false};
    case OFTIntegerList:
        return (struct sl_vector__type){integer, true};
    case OFTInteger64:
        return (struct sl_vector__type){SL_KIND_INT64, false};
    case OFTInteger64List:
        return (struct sl_vector__type){SL_KIND_INT64, true};
    case OFTReal:
        return (struct sl_vector__type){real, false};
    case OFTRealList:
        return (struct sl_vector__type){real, true};
    case OFTStringList:
        return (struct sl_vector__type){SL_KIND_TEXT, true};
    case OFTBinary:
        return (struct sl_vector__type){SL_KIND_BINARY, false};
    case OFTDate:
        return (struct sl_vector__type){SL_KIND_DATE, false};
    case OFTTime:
        return (struct sl_vector__type){SL_KIND_TIME, false};
    case OFTDateTime:
        return (struct sl_vector__type){SL_KIND_TIMESTAMP, false};
    default:
        return (struct sl_vector__type){SL_KIND_TEXT, false};
    }
}

struct kind_names {
    const char *arrow, *sql;
};
static const struct kind_names kinds[] = {
    [SL_KIND_BOOL] = {"b", "boolean"},       [SL_KIND_INT16] = {"s", "smallint"},
    [SL_KIND_INT32] = {"i", "integer"},      [SL_KIND_INT64] = {"l", "bigint"},
    [SL_KIND_FLOAT] = {"f", "real"},         [SL_KIND_DOUBLE] = {"g", "double precision"},
    [SL_KIND_TEXT] = {"u", "text"},          [SL_KIND_BINARY] = {"z", "bytea"},
    [SL_KIND_DATE] = {"tdD", "date"},        [SL_KIND_TIME] = {"ttu", "time"},
    [SL_KIND_TIMESTAMP] = {"tsu:", "timestamp"}, [SL_KIND_INSTANT] = {"tsu:UTC", "timestamptz"},
};

const char *sl_vector__arrow_format(enum sl_vector__kind kind)
{
    return kinds[kind].arrow;
}

/*
 * GDAL 3.6 does not say of a field whether its times have zones, only each value does; so the values are looked at
 * once. A field where any value has a zone becomes instants, and values without one count as UTC.
 */
static void find_zones(struct sl_vector *v, OGRFeatureDefnH definition)
{
    size_t n = v->info.n_fields;
    const char **ignored = sl_arena_array(v->arena, n + 3, sizeof *ignored);
    size_t n_ignored = 0;
    for (size_t i = 0; i < n; i++)
        if (v->types[i].kind != SL_KIND_TIMESTAMP)
            ignored[n_ignored++] = OGR_Fld_GetNameRef(OGR_FD_GetFieldDefn(definition, (int)i));
    if (n_ignored == n)
        return;
    ignored[n_ignored++] = "OGR_GEOMETRY";
    ignored[n_ignored++] = "OGR_STYLE";
    sl_gdal_errors_begin();
    OGR_L_SetIgnoredFields(v->layer, ignored);
    OGR_L_ResetReading(v->layer);
    for (OGRFeatureH f; (f = OGR_L_GetNextFeature(v->layer)) != NULL; OGR_F_Destroy(f)) {
        for (size_t i = 0; i < n; i++) {
            bool time = v->types[i].kind == SL_KIND_TIMESTAMP && OGR_F_IsFieldSetAndNotNull(f, (int)i);
            if (time && OGR_F_GetRawFieldRef(f, (int)i)->Date.TZFlag > 1)
                v->types[i].kind = SL_KIND_INSTANT;
        }
    }
    OGR_L_SetIgnoredFields(v->layer, NULL);
    OGR_L_ResetReading(v->layer);
    sl_gdal_errors_end(SL_E_FILE_DAMAGED, NULL); /* the stream meets them again */
}

static const char *recoded(const struct sl_vector *v, const char *name)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf out;
    sl_buf_init(&out, 4096);
    if (!v->recode || sl_vector__recode(v->recode, name, strlen(name), &out))
        return name;
    return sl_arena_strdup(v->arena, out.data);
}

int sl_vector__describe_fields(struct sl_vector *v, struct sl_error *err)
{
    OGRFeatureDefnH definition = OGR_L_GetLayerDefn(v->layer);
    size_t n = (size_t)OGR_FD_GetFieldCount(definition);
    if (n > MAX_FIELDS)
        return sl_fail(err, SL_E_LIMIT, "\"%s\" has %zu fields, at most %d are taken", v->base_name, n, MAX_FIELDS);
    const char **sources = sl_arena_array(v->arena, n, sizeof *sources);
    const char **names = sl_arena_array(v->arena, n, sizeof *names);
    v->info.fields = sl_arena_array(v->arena, n, sizeof *v->info.fields);
    v->info.n_fields = n;
    v->types = sl_arena_array(v->arena, n, sizeof *v->types);
    for (size_t i = 0; i < n; i++) {
        OGRFieldDefnH field = OGR_FD_GetFieldDefn(definition, (int)i);
        sources[i] = recoded(v, OGR_Fld_GetNameRef(field));
        v->types[i] = type_of(field);
    }
    sl_vector_column_names(sources, n, v->geometry_column, v->arena, names);
    find_zones(v, definition);
    for (size_t i = 0; i < n; i++) {
        OGRFieldDefnH field = OGR_FD_GetFieldDefn(definition, (int)i);
        OGRFieldSubType sub = OGR_Fld_GetSubType(field);
        const char *type = OGR_GetFieldTypeName(OGR_Fld_GetType(field));
        const char *sql = kinds[v->types[i].kind].sql;
        v->info.fields[i] = (struct sl_vector_field){
            .name = names[i],
            .source_name = strcmp(names[i], sources[i]) ? sl_arena_strdup(v->arena, sources[i]) : NULL,
            .type = sub == OFSTNone ? sl_arena_strdup(v->arena, type)
                                    : sl_arena_printf(v->arena, "%s(%s)", type, OGR_GetFieldSubTypeName(sub)),
            .sql_type = v->types[i].list ? sl_arena_printf(v->arena, "%s[]", sql) : sql,
        };
    }
    return 0;
}
