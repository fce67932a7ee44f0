/* SPDX-License-Identifier: Apache-2.0 */
#include "geo/crs.h"

#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <proj.h>

#include "base/text.h"

enum {
    TEXT_MAX = 64,                /* of AUTHORITY:CODE */
    DEFINITION_MAX = 256 * 1024,  /* of PROJJSON and WKT; the largest in PROJ's database has less than 16 KiB */
    DEPTH_MAX = 32,               /* of PROJJSON */
    CONFIDENCE_MIN = 90,          /* of proj_identify: the same definition, whatever it is called */
    DENSIFY_POINTS = 21
};

/* What PROJ's database has systems of. Its other authorities (PROJ, DERIVED_FROM…) are for its own use. */
static const char *const authorities[] = {"EPSG", "OGC", "ESRI", "IGNF", "IAU_2015", "NKG"};
enum { N_AUTHORITIES = sizeof authorities / sizeof *authorities };

/* PROJ's first message is the cause of a failure. */
struct session {
    PJ_CONTEXT *ctx; /* of the thread */
    struct session *outer;
    char message[256];
};

/* A context is not shared between threads; each keeps its own, for a new one opens PROJ's database anew. */
struct context {
    PJ_CONTEXT *ctx;
    struct session *current;
};
static pthread_key_t contexts;
static pthread_once_t contexts_once = PTHREAD_ONCE_INIT;

static void context_free(void *data)
{
    struct context *c = data;
    proj_context_destroy(c->ctx);
    free(c);
}

static void make_key(void)
{
    if (pthread_key_create(&contexts, context_free) != 0)
        sl_oom();
}

static void keep_first(void *data, int level, const char *text)
{
    struct session *s = data;
    if (s && level == PJ_LOG_ERROR && !s->message[0])
        snprintf(s->message, sizeof s->message, "%s", text);
}

static struct context *context_of_thread(void)
{
    pthread_once(&contexts_once, make_key);
    struct context *c = pthread_getspecific(contexts);
    if (c)
        return c;
    c = sl_xcalloc(1, sizeof *c);
    c->ctx = proj_context_create();
    if (!c->ctx || pthread_setspecific(contexts, c) != 0)
        sl_oom();
    proj_context_set_enable_network(c->ctx, 0);
    return c;
}

static void session_begin(struct session *s)
{
    struct context *c = context_of_thread();
    s->message[0] = '\0';
    s->ctx = c->ctx;
    s->outer = c->current;
    c->current = s;
    proj_log_func(s->ctx, s, keep_first);
}

static void session_end(struct session *s)
{
    struct context *c = context_of_thread();
    c->current = s->outer;
    proj_log_func(s->ctx, s->outer, keep_first);
}

static void pj_free(PJ **pj)
{
    proj_destroy(*pj);
}

static void json_free(struct json_object **json)
{
    json_object_put(*json);
}

bool sl_crs_well_formed(const char *text)
{
    const char *colon = text ? strchr(text, ':') : NULL;
    if (!colon || strlen(text) > TEXT_MAX || colon == text || !colon[1] || !isalpha((unsigned char)text[0]))
        return false;
    for (const char *p = text; *p; p++)
        if (p != colon && !isalnum((unsigned char)*p) && *p != '_' && *p != '-')
            return false;
    return true;
}

/* ---- what a PROJ object is ---- */

/* The part that says where x and y are: a compound's first, what a bound one binds. Owned by the caller. */
static PJ *horizontal(struct session *s, const PJ *crs)
{
    PJ *part = proj_clone(s->ctx, crs);
    for (int i = 0; part && i < DEPTH_MAX; i++) {
        PJ_TYPE type = proj_get_type(part);
        PJ *next = type == PJ_TYPE_COMPOUND_CRS ? proj_crs_get_sub_crs(s->ctx, part, 0)
                   : type == PJ_TYPE_BOUND_CRS  ? proj_get_source_crs(s->ctx, part)
                                                : NULL;
        if (!next)
            break;
        proj_destroy(part);
        part = next;
    }
    return part;
}

static bool is_geographic(PJ_TYPE type)
{
    return type == PJ_TYPE_GEOGRAPHIC_2D_CRS || type == PJ_TYPE_GEOGRAPHIC_3D_CRS || type == PJ_TYPE_GEOGRAPHIC_CRS;
}

static bool has_plane(PJ_TYPE type)
{
    return is_geographic(type) || type == PJ_TYPE_PROJECTED_CRS || type == PJ_TYPE_ENGINEERING_CRS ||
           type == PJ_TYPE_GEODETIC_CRS || type == PJ_TYPE_GEOCENTRIC_CRS || type == PJ_TYPE_OTHER_CRS;
}

static const char *unit_of(struct session *s, const PJ *part, struct sl_arena *arena)
{
    SL_CLEANUP(pj_free) PJ *axes = proj_crs_get_coordinate_system(s->ctx, part);
    const char *unit = NULL;
    if (!axes || !proj_cs_get_axis_info(s->ctx, axes, 0, NULL, NULL, NULL, NULL, &unit, NULL, NULL))
        return "unknown";
    return sl_arena_strdup(arena, unit && *unit ? unit : "unknown");
}

/* A definition may name grid files or a pipeline, which PROJ would open when it transforms. */
static bool opens_files(struct json_object *json, const char *key, int depth)
{
    if (depth > DEPTH_MAX)
        return true;
    if (json_object_is_type(json, json_type_string)) {
        const char *text = json_object_get_string(json);
        return !strcmp(key, "value") || strstr(text, "+proj=") || strstr(text, "proj=pipeline") ||
               strstr(text, "grids=") || strstr(text, "file=");
    }
    if (json_object_is_type(json, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(json); i++)
            if (opens_files(json_object_array_get_idx(json, i), key, depth + 1))
                return true;
    } else if (json_object_is_type(json, json_type_object)) {
        json_object_object_foreach(json, name, value)
        {
            if (opens_files(value, name, depth + 1))
                return true;
        }
    }
    return false;
}

/* Fills *out from a CRS; id (NULL: none) is what sluice calls it. `what` is for messages. */
static int describe(struct session *s, const PJ *crs, const char *id, const char *what, struct sl_arena *arena,
                    struct sl_crs *out, struct sl_error *err)
{
    static const char *const one_line[] = {"MULTILINE=NO", NULL};
    SL_CLEANUP(pj_free) PJ *part = horizontal(s, crs);
    PJ_TYPE type = part ? proj_get_type(part) : PJ_TYPE_UNKNOWN;
    if (!has_plane(type))
        return sl_fail(err, SL_E_CRS_UNKNOWN, "%s has no horizontal coordinates (%s)", what,
                       type == PJ_TYPE_VERTICAL_CRS ? "it is a system of heights" : "it is not a spatial system");
    const char *projjson = proj_as_projjson(s->ctx, crs, one_line);
    SL_CLEANUP(json_free) struct json_object *tree = projjson ? json_tokener_parse(projjson) : NULL;
    if (!tree)
        return sl_fail(err, SL_E_CRS_UNKNOWN, "%s cannot be written as PROJJSON%s%s", what, s->message[0] ? ": " : "",
                       s->message);
    if (opens_files(tree, "", 0))
        return sl_fail(err, SL_E_CRS_UNKNOWN, "%s refers to grid files or a PROJ pipeline, which is not allowed", what);
    struct sl_crs crs_out = {.geographic = is_geographic(type), .unit = unit_of(s, part, arena)};
    crs_out.projjson = sl_arena_strdup(arena, projjson);
    const char *wkt = proj_as_wkt(s->ctx, crs, PJ_WKT2_2019, one_line);
    if (!wkt)
        return sl_fail(err, SL_E_CRS_UNKNOWN, "%s cannot be written as WKT2%s%s", what, s->message[0] ? ": " : "",
                       s->message);
    crs_out.wkt = sl_arena_strdup(arena, wkt);
    const char *name = proj_get_name(crs);
    crs_out.name = sl_arena_strdup(arena, name && *name ? name : "unnamed");
    crs_out.id = sl_arena_strdup(arena, id);
    *out = crs_out;
    return 0;
}

/* ---- AUTHORITY:CODE ---- */

static PJ *from_database(struct session *s, const char *authority, const char *code)
{
    return proj_create_from_database(s->ctx, authority, code, PJ_CATEGORY_CRS, 0, NULL);
}

static bool exists(struct session *s, const char *authority, const char *code)
{
    SL_CLEANUP(pj_free) PJ *crs = from_database(s, authority, code);
    return crs != NULL;
}

static const char *known_authority(const char *text, size_t bytes)
{
    for (size_t i = 0; i < N_AUTHORITIES; i++)
        if (strlen(authorities[i]) == bytes && !strncasecmp(authorities[i], text, bytes))
            return authorities[i];
    return NULL;
}

/* What a text with these parts may have been meant to be; false when nothing near exists. */
static bool suggest(struct session *s, const char *authority, const char *code, char *buf, size_t bytes)
{
    const char *near = sl_text_nearest(authority, authorities, N_AUTHORITIES);
    if (near && exists(s, near, code)) {
        snprintf(buf, bytes, "%s:%s", near, code);
        return true;
    }
    /* The code of another authority: EPSG:102100 is ESRI's, EPSG:CRS84 is OGC's. */
    for (size_t i = 0; i < N_AUTHORITIES; i++)
        if (exists(s, authorities[i], code)) {
            snprintf(buf, bytes, "%s:%s", authorities[i], code);
            return true;
        }
    return false;
}

/* "4326", "EPSG4326", "urn:ogc:def:crs:EPSG::4326", "http://www.opengis.net/def/crs/EPSG/0/4326": the last word is the
 * code and an authority stands somewhere before it. */
static bool suggest_from_other_forms(struct session *s, const char *text, char *buf, size_t bytes)
{
    size_t n = strlen(text), end = n;
    if (n > 2 * TEXT_MAX)
        return false;
    while (n > 0 && isalnum((unsigned char)text[n - 1]))
        n--;
    char code[TEXT_MAX + 1], authority[TEXT_MAX + 1] = "EPSG";
    if (end - n == 0 || end - n > TEXT_MAX)
        return false;
    memcpy(code, text + n, end - n);
    code[end - n] = '\0';
    for (size_t i = 0; i < N_AUTHORITIES; i++)
        if (n > 0 && strcasestr(text, authorities[i]))
            snprintf(authority, sizeof authority, "%s", authorities[i]);
    size_t letters = strcspn(code, "0123456789");
    const char *stuck = n == 0 && letters > 0 ? known_authority(code, letters) : NULL;
    return stuck ? suggest(s, stuck, code + letters, buf, bytes) : suggest(s, authority, code, buf, bytes);
}

static int fail_shape(struct session *s, const char *text, struct sl_error *err)
{
    char shown[2 * TEXT_MAX], meant[2 * TEXT_MAX];
    sl_text_escape(shown, sizeof shown, text);
    if (suggest_from_other_forms(s, text, meant, sizeof meant))
        return sl_fail(err, SL_E_CRS_UNKNOWN, "\"%s\" is not a CRS: expected AUTHORITY:CODE, did you mean \"%s\"?", shown,
                       meant);
    sl_fail(err, SL_E_CRS_UNKNOWN, "\"%s\" is not a CRS: expected AUTHORITY:CODE", shown);
    sl_error_hint(err, "write it like \"EPSG:25833\", or as PROJJSON");
    return -(int)SL_E_CRS_UNKNOWN;
}

static int parse_id(struct session *s, const char *text, struct sl_arena *arena, struct sl_crs *out,
                    struct sl_error *err)
{
    if (!sl_crs_well_formed(text))
        return fail_shape(s, text, err);
    char head[TEXT_MAX + 1], meant[2 * TEXT_MAX];
    const char *colon = strchr(text, ':'), *code = colon + 1;
    snprintf(head, sizeof head, "%.*s", (int)(colon - text), text);
    const char *authority = known_authority(text, (size_t)(colon - text));
    SL_CLEANUP(pj_free) PJ *crs = authority ? from_database(s, authority, code) : NULL;
    if (crs) {
        char id[2 * TEXT_MAX], what[3 * TEXT_MAX];
        snprintf(id, sizeof id, "%s:%s", authority, code);
        snprintf(what, sizeof what, "\"%s\"", id);
        return describe(s, crs, id, what, arena, out, err);
    }
    if (suggest(s, head, code, meant, sizeof meant))
        sl_fail(err, SL_E_CRS_UNKNOWN,
                authority ? "\"%s\" does not exist, did you mean \"%s\"?"
                          : "\"%s\" is not a CRS: expected AUTHORITY:CODE, did you mean \"%s\"?",
                text, meant);
    else if (authority)
        sl_fail(err, SL_E_CRS_UNKNOWN, "\"%s\" does not exist: %s has no CRS with this code", text, authority);
    else
        sl_fail(err, SL_E_CRS_UNKNOWN,
                "\"%s\" is not a CRS: authority \"%s\" is unknown (EPSG, OGC, ESRI, IGNF, IAU_2015, NKG)", text, head);
    return -(int)SL_E_CRS_UNKNOWN;
}

int sl_crs_parse(const char *text, struct sl_arena *arena, struct sl_crs *out, struct sl_error *err)
{
    struct session s;
    session_begin(&s);
    int rc = parse_id(&s, text ? text : "", arena, out, err);
    session_end(&s);
    return rc;
}

/* ---- identity ---- */

/* As sluice has coordinates in memory: easting or longitude first. NULL where PROJ cannot (then the axes stay). */
static bool equivalent(struct session *s, const PJ *a, const PJ *b)
{
    SL_CLEANUP(pj_free) PJ *na = proj_normalize_for_visualization(s->ctx, a);
    SL_CLEANUP(pj_free) PJ *nb = proj_normalize_for_visualization(s->ctx, b);
    return proj_is_equivalent_to_with_ctx(s->ctx, na ? na : a, nb ? nb : b,
                                          PJ_COMP_EQUIVALENT_EXCEPT_AXIS_ORDER_GEOGCRS) != 0;
}

/* The database's object of an authority and code that the definition itself names, unless it says something else. */
static PJ *by_own_id(struct session *s, const PJ *crs, char *id, size_t id_bytes)
{
    const char *auth = proj_get_id_auth_name(crs, 0), *code = proj_get_id_code(crs, 0);
    const char *authority = auth ? known_authority(auth, strlen(auth)) : NULL;
    if (!authority || !code || strlen(code) > TEXT_MAX)
        return NULL;
    PJ *known = from_database(s, authority, code);
    if (known && !equivalent(s, crs, known)) {
        proj_destroy(known);
        return NULL;
    }
    snprintf(id, id_bytes, "%s:%s", authority, code);
    return known;
}

static PJ *by_match(struct session *s, const PJ *crs, const char *authority, char *id, size_t id_bytes, int *sure)
{
    int *confidence = NULL;
    PJ *best = NULL;
    PJ_OBJ_LIST *found = proj_identify(s->ctx, crs, authority, NULL, &confidence);
    int n = found ? proj_list_get_count(found) : 0;
    for (int i = 0; i < n && !best && confidence && confidence[i] >= CONFIDENCE_MIN; i++) {
        PJ *candidate = proj_list_get(s->ctx, found, i);
        const char *code = candidate ? proj_get_id_code(candidate, 0) : NULL;
        if (code && strlen(code) <= TEXT_MAX && equivalent(s, crs, candidate)) {
            snprintf(id, id_bytes, "%s:%s", authority, code);
            *sure = confidence[i];
            best = candidate;
        } else {
            proj_destroy(candidate);
        }
    }
    proj_int_list_destroy(confidence);
    proj_list_destroy(found);
    return best;
}

/* The definition of the database where there is one (its bytes are the same whatever the file's dialect of WKT). */
static int identify(struct session *s, const PJ *crs, const char *what, struct sl_arena *arena, struct sl_crs *out,
                    struct sl_error *err)
{
    char id[3 * TEXT_MAX];
    int confidence = 0;
    SL_CLEANUP(pj_free) PJ *known = by_own_id(s, crs, id, sizeof id);
    for (size_t i = 0; i < N_AUTHORITIES && !known; i++)
        known = by_match(s, crs, authorities[i], id, sizeof id, &confidence);
    s->message[0] = '\0';
    int rc = known ? describe(s, known, id, what, arena, out, err) : describe(s, crs, NULL, what, arena, out, err);
    if (rc == 0)
        out->confidence = confidence;
    return rc;
}

/* A bound CRS is one with a transformation to another tied to it (TOWGS84): PROJ chooses the transformation itself. */
static PJ *unbound(struct session *s, PJ *crs)
{
    for (int i = 0; crs && i < DEPTH_MAX && proj_get_type(crs) == PJ_TYPE_BOUND_CRS; i++) {
        PJ *source = proj_get_source_crs(s->ctx, crs);
        proj_destroy(crs);
        crs = source;
    }
    return crs;
}

static int from_wkt(struct session *s, const char *wkt, struct sl_arena *arena, struct sl_crs *out,
                    struct sl_error *err)
{
    if (strlen(wkt) > DEFINITION_MAX)
        return sl_fail(err, SL_E_LIMIT, "the file's CRS has more than %d bytes of WKT", DEFINITION_MAX);
    SL_CLEANUP(pj_free) PJ *crs = unbound(s, proj_create_from_wkt(s->ctx, wkt, NULL, NULL, NULL));
    if (!crs || !proj_is_crs(crs))
        return sl_fail(err, SL_E_CRS_UNKNOWN, "the file's CRS cannot be understood: \"%.200s\"", wkt);
    return identify(s, crs, "the file's CRS", arena, out, err);
}

int sl_crs_from_wkt(const char *wkt, struct sl_arena *arena, struct sl_crs *out, struct sl_error *err)
{
    struct session s;
    session_begin(&s);
    int rc = from_wkt(&s, wkt ? wkt : "", arena, out, err);
    session_end(&s);
    return rc;
}

static int from_projjson(struct session *s, struct json_object *projjson, struct sl_arena *arena, struct sl_crs *out,
                         struct sl_error *err)
{
    struct json_object *type = NULL;
    if (!json_object_is_type(projjson, json_type_object) || !json_object_object_get_ex(projjson, "type", &type) ||
        !json_object_is_type(type, json_type_string))
        return sl_fail(err, SL_E_CRS_UNKNOWN, "the CRS is not PROJJSON: expected an object with a \"type\"");
    const char *name = json_object_get_string(type);
    if (!sl_text_ends(name, "CRS"))
        return sl_fail(err, SL_E_CRS_UNKNOWN, "the PROJJSON is of type \"%.64s\", which is not a CRS", name);
    /* PROJ sees text that begins with "{", so it takes it for nothing else. */
    const char *text = json_object_to_json_string_ext(projjson, JSON_C_TO_STRING_PLAIN);
    if (strlen(text) > DEFINITION_MAX)
        return sl_fail(err, SL_E_LIMIT, "the PROJJSON has more than %d bytes", DEFINITION_MAX);
    if (opens_files(projjson, "", 0))
        return sl_fail(err, SL_E_CRS_UNKNOWN,
                       "the PROJJSON refers to grid files or a PROJ pipeline, or nests too deeply");
    SL_CLEANUP(pj_free) PJ *crs = unbound(s, proj_create(s->ctx, text));
    if (!crs || !proj_is_crs(crs))
        return sl_fail(err, SL_E_CRS_UNKNOWN, "the PROJJSON is not a valid CRS%s%s", s->message[0] ? ": " : "",
                       s->message);
    return identify(s, crs, "the PROJJSON", arena, out, err);
}

int sl_crs_parse_projjson(struct json_object *projjson, struct sl_arena *arena, struct sl_crs *out,
                          struct sl_error *err)
{
    struct session s;
    session_begin(&s);
    int rc = from_projjson(&s, projjson, arena, out, err);
    session_end(&s);
    return rc;
}

static PJ *reopen(struct session *s, const struct sl_crs *crs)
{
    return proj_create_from_wkt(s->ctx, crs->wkt, NULL, NULL, NULL);
}

bool sl_crs_same(const struct sl_crs *a, const struct sl_crs *b)
{
    if (a == b || (a->id && b->id && !strcmp(a->id, b->id)))
        return true;
    struct session s;
    session_begin(&s);
    PJ *pa = reopen(&s, a), *pb = reopen(&s, b);
    bool same = pa && pb && equivalent(&s, pa, pb);
    proj_destroy(pa);
    proj_destroy(pb);
    session_end(&s);
    return same;
}

/* ---- bounds ---- */

/* Longitudes of a grid from 0 to 360 brought to -180…180, where a box over the antimeridian has xmin > xmax. */
static void wrap(double b[4])
{
    if (b[0] >= -180 && b[2] <= 180)
        return;
    if (b[2] - b[0] >= 360) {
        b[0] = -180;
        b[2] = 180;
        return;
    }
    for (int i = 0; i < 4; i += 2)
        b[i] -= 360 * floor((b[i] + 180) / 360);
    if (b[2] == -180)
        b[2] = 180;
}

/* Degrees that are none on earth were metres. Grids of cells whose centres are the poles and datasets that go on beyond the
 * antimeridian are usual. */
static bool on_earth(double b[4])
{
    const double beyond_pole = 1, beyond_antimeridian = 360;
    bool is = b[1] >= -90 - beyond_pole && b[3] <= 90 + beyond_pole && b[0] >= -180 - beyond_antimeridian &&
              b[2] <= 180 + beyond_antimeridian;
    b[1] = fmax(b[1], -90);
    b[3] = fmin(b[3], 90);
    return is;
}

static bool transform_bounds(struct session *s, const struct sl_crs *crs, const double in[4], double b[4])
{
    SL_CLEANUP(pj_free) PJ *from = reopen(s, crs);
    SL_CLEANUP(pj_free) PJ *to = from_database(s, "EPSG", "4326");
    if (!from || !to)
        return false;
    if (equivalent(s, from, to)) {
        memcpy(b, in, 4 * sizeof *b);
        bool is = on_earth(b);
        wrap(b);
        return is;
    }
    SL_CLEANUP(pj_free) PJ *any = proj_create_crs_to_crs_from_pj(s->ctx, from, to, NULL, NULL);
    SL_CLEANUP(pj_free) PJ *op = any ? proj_normalize_for_visualization(s->ctx, any) : NULL;
    return op && proj_trans_bounds(s->ctx, op, PJ_FWD, in[0], in[1], in[2], in[3], &b[0], &b[1], &b[2], &b[3],
                                   DENSIFY_POINTS);
}

int sl_crs_bounds_to_wgs84(const struct sl_crs *crs, const double in[4], double out[4], struct sl_error *err)
{
    struct session s;
    double b[4] = {HUGE_VAL, HUGE_VAL, HUGE_VAL, HUGE_VAL};
    session_begin(&s);
    bool done = transform_bounds(&s, crs, in, b);
    session_end(&s);
    for (int i = 0; i < 4; i++)
        done = done && isfinite(b[i]) && isfinite(in[i]);
    if (!done) {
        sl_fail(err, SL_E_CRS_MISMATCH, "bounds [%g, %g, %g, %g] have no place on earth in %s", in[0], in[1], in[2],
                in[3], crs->id ? crs->id : crs->name);
        sl_error_hint(err, "the coordinates and the CRS don't belong together: is the CRS right?");
        return -(int)SL_E_CRS_MISMATCH;
    }
    memcpy(out, b, sizeof b);
    return 0;
}
