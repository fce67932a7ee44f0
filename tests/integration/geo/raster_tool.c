/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raster_tool - the raster functions one by one, for tests/integration/test_raster.py. Facts go to stdout as JSON, an
 * error's code and message to stderr with exit status 1.
 *   info FILE FORMAT | cog FILE FORMAT OUT [compression=|resampling=|block_size=|threads=|crs=VALUE]… | check FILE
 *   crs TEXT | wkt TEXT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "base/text.h"
#include "geo/crs.h"
#include "geo/gdal/raster.h"
#include "lake/cog/cog.h"

static int say(struct json_object *facts)
{
    puts(json_object_to_json_string_ext(facts, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(facts);
    return 0;
}

static struct json_object *text(const char *s)
{
    return s ? json_object_new_string(s) : NULL;
}

static int info(const char *path, const char *format, struct sl_error *err)
{
    SL_CLEANUP(sl_raster_closep) struct sl_raster *raster = NULL;
    int rc = sl_raster_open(path, sl_format_by_name(format), NULL, &raster, err);
    if (rc < 0)
        return rc;
    const struct sl_raster_info *i = sl_raster_info(raster);
    struct json_object *facts = json_object_new_object(), *bands = json_object_new_array(), *bounds = json_object_new_array();
    json_object_object_add(facts, "width", json_object_new_int64(i->width));
    json_object_object_add(facts, "height", json_object_new_int64(i->height));
    json_object_object_add(facts, "crs", i->crs ? text(i->crs->id ? i->crs->id : i->crs->name) : NULL);
    json_object_object_add(facts, "has_transform", json_object_new_boolean(i->has_transform));
    json_object_object_add(facts, "gcps", json_object_new_int64(i->gcps));
    json_object_object_add(facts, "overviews", json_object_new_int64(i->overviews));
    for (int k = 0; k < 4; k++)
        json_object_array_add(bounds, json_object_new_double(i->bounds[k]));
    json_object_object_add(facts, "bounds", bounds);
    for (size_t k = 0; k < i->n_bands; k++) {
        struct json_object *band = json_object_new_object();
        json_object_object_add(band, "type", text(i->bands[k].data_type));
        json_object_object_add(band, "color", text(i->bands[k].color_interpretation));
        json_object_object_add(band, "description", text(i->bands[k].description));
        json_object_object_add(band, "nodata", i->bands[k].has_nodata ? json_object_new_double(i->bands[k].nodata) : NULL);
        json_object_array_add(bands, band);
    }
    json_object_object_add(facts, "bands", bands);
    return say(facts);
}

static int cog(int argc, char **argv, struct sl_arena *arena, struct sl_error *err)
{
    struct sl_cog_options o = {0};
    struct sl_crs crs;
    int rc = 0;
    for (int i = 3; i < argc && rc == 0; i++) {
        char *value = strchr(argv[i], '=');
        if (!value)
            return sl_fail(err, SL_E_USAGE, "expected key=value, found \"%s\"", argv[i]);
        value++;
        if (sl_text_starts(argv[i], "compression="))
            o.compression = value;
        else if (sl_text_starts(argv[i], "resampling="))
            o.resampling = value;
        else if (sl_text_starts(argv[i], "block_size="))
            o.block_size = atoi(value);
        else if (sl_text_starts(argv[i], "threads="))
            o.threads = atoi(value);
        else if ((rc = sl_crs_parse(value, arena, &crs, err)) == 0)
            o.crs = &crs;
    }
    SL_CLEANUP(sl_raster_closep) struct sl_raster *raster = NULL;
    rc = rc < 0 ? rc : sl_raster_open(argv[0], sl_format_by_name(argv[1]), NULL, &raster, err);
    return rc < 0 ? rc : sl_raster_write_cog(raster, argv[2], &o, err);
}

static int check(const char *path, struct sl_error *err)
{
    struct sl_cog_facts f;
    int rc = sl_cog_check(path, true, &f, err);
    if (rc < 0)
        return rc;
    struct json_object *facts = json_object_new_object();
    json_object_object_add(facts, "width", json_object_new_int64(f.width));
    json_object_object_add(facts, "height", json_object_new_int64(f.height));
    json_object_object_add(facts, "overviews", json_object_new_int64(f.overviews));
    json_object_object_add(facts, "size_bytes", json_object_new_int64(f.size_bytes));
    json_object_object_add(facts, "sha256", text(f.sha256_hex));
    return say(facts);
}

static int crs(const char *kind, const char *what, struct sl_arena *arena, struct sl_error *err)
{
    struct sl_crs c;
    int rc = !strcmp(kind, "crs") ? sl_crs_parse(what, arena, &c, err) : sl_crs_from_wkt(what, arena, &c, err);
    if (rc < 0)
        return rc;
    struct json_object *facts = json_object_new_object();
    json_object_object_add(facts, "id", text(c.id));
    json_object_object_add(facts, "wkt", text(c.wkt));
    json_object_object_add(facts, "projjson", text(c.projjson));
    return say(facts);
}

int main(int argc, char **argv)
{
    struct sl_error err = {0};
    struct sl_arena *arena = sl_arena_new();
    int rc;
    if (argc == 4 && !strcmp(argv[1], "info"))
        rc = info(argv[2], argv[3], &err);
    else if (argc >= 5 && !strcmp(argv[1], "cog"))
        rc = cog(argc - 2, argv + 2, arena, &err);
    else if (argc == 3 && !strcmp(argv[1], "check"))
        rc = check(argv[2], &err);
    else if (argc == 3 && (!strcmp(argv[1], "crs") || !strcmp(argv[1], "wkt")))
        rc = crs(argv[1], argv[2], arena, &err);
    else
        rc = sl_fail(&err, SL_E_USAGE, "raster_tool info|cog|check|crs|wkt …");
    if (rc < 0)
        fprintf(stderr, "%s: %s\n", sl_code_name(err.code), err.message);
    sl_arena_free(arena);
    return rc < 0;
}
