/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <sluice/error.h>

#include "geo/crs.h"

#define ARENA SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new()

static void assert_near(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%.17g is not %.17g within %g", value, expected, tolerance);
}

static struct sl_crs parsed(struct sl_arena *arena, const char *text)
{
    struct sl_crs crs = {0};
    struct sl_error err = {0};
    if (sl_crs_parse(text, arena, &crs, &err) < 0)
        fail_msg("%s: %s", text, err.message);
    return crs;
}

static struct sl_crs of_wkt(struct sl_arena *arena, const char *wkt)
{
    struct sl_crs crs = {0};
    struct sl_error err = {0};
    if (sl_crs_from_wkt(wkt, arena, &crs, &err) < 0)
        fail_msg("%s", err.message);
    return crs;
}

static int of_json(struct sl_arena *arena, const char *text, struct sl_crs *crs, struct sl_error *err)
{
    struct json_object *tree = json_tokener_parse(text);
    int rc = sl_crs_parse_projjson(tree, arena, crs, err);
    json_object_put(tree);
    return rc;
}

static void assert_refused(const char *text, const char *part_of_message)
{
    ARENA;
    struct sl_crs crs = {.name = "untouched"};
    struct sl_error err = {0};
    int rc = sl_crs_parse(text, arena, &crs, &err);
    if (rc != -(int)SL_E_CRS_UNKNOWN || !strstr(err.message, part_of_message))
        fail_msg("\"%s\": rc %d, message: %s", text, rc, err.message);
    assert_string_equal(crs.name, "untouched");
}

static void test_authority_and_code_are_read_from_the_database(void **state)
{
    (void)state;
    ARENA;
    struct sl_crs utm = parsed(arena, "EPSG:25833"), lonlat = parsed(arena, "ogc:CRS84"), ny = parsed(arena, "EPSG:2263");
    assert_string_equal(utm.id, "EPSG:25833");
    assert_string_equal(utm.name, "ETRS89 / UTM zone 33N");
    assert_string_equal(utm.unit, "metre");
    assert_false(utm.geographic);
    assert_non_null(strstr(utm.wkt, "PROJCRS[\"ETRS89 / UTM zone 33N\""));
    assert_null(strchr(utm.wkt, '\n'));
    assert_null(strchr(utm.projjson, '\n'));
    assert_string_equal(lonlat.id, "OGC:CRS84");
    assert_true(lonlat.geographic);
    assert_string_equal(lonlat.unit, "degree");
    assert_string_equal(ny.unit, "US survey foot");
    assert_string_equal(parsed(arena, "EPSG:5555").unit, "metre"); /* compound: UTM and heights */
}

static void test_a_mistyped_system_gets_the_one_that_was_meant(void **state)
{
    (void)state;
    assert_refused("ESPG:4326", "did you mean \"EPSG:4326\"?");
    assert_refused("EPSG:102100", "did you mean \"ESRI:102100\"?");
    assert_refused("EPSG:CRS84", "did you mean \"OGC:CRS84\"?");
    assert_refused("4326", "did you mean \"EPSG:4326\"?");
    assert_refused("EPSG4326", "did you mean \"EPSG:4326\"?");
    assert_refused("EPSG 4326", "did you mean \"EPSG:4326\"?");
    assert_refused("urn:ogc:def:crs:EPSG::25833", "did you mean \"EPSG:25833\"?");
    assert_refused("urn:ogc:def:crs:OGC:1.3:CRS84", "did you mean \"OGC:CRS84\"?");
    assert_refused("https://www.opengis.net/def/crs/EPSG/0/4326", "did you mean \"EPSG:4326\"?");
    assert_refused("EPSG:999999", "\"EPSG:999999\" does not exist: EPSG has no CRS with this code");
    assert_refused("NOBODY:77", "authority \"NOBODY\" is unknown");
    assert_refused("EPSG:5773", "a system of heights");
}

static void test_nothing_that_proj_could_open_is_taken(void **state)
{
    (void)state;
    static const char *const hostile[] = {
        "", ":", "EPSG:", ":4326", "EPSG:4326:1", "EPSG:4326+5773", "/etc/passwd", "file:///etc/passwd",
        "http://127.0.0.1/crs", "+proj=longlat +datum=WGS84", "+init=epsg:4326", "+proj=pipeline +step +proj=noop",
        "GEOGCS[\"x\"]", "{\"type\": \"GeographicCRS\"}", "@/etc/passwd", "EPSG:4326\n", " EPSG:4326", "EPSG:43 26",
        "../../etc:passwd", "init:file", "WGS 84", "PROJ:CRS", "4326:EPSG"};
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++)
        assert_refused(hostile[i], "is not a CRS");
    char longer[5000];
    memset(longer, 'A', sizeof longer);
    longer[4] = ':';
    longer[sizeof longer - 1] = '\0';
    assert_refused(longer, "is not a CRS");
    assert_false(sl_crs_well_formed("1EPSG:4326"));
    assert_false(sl_crs_well_formed(NULL));
    assert_true(sl_crs_well_formed("IAU_2015:30100"));
}

static const char natural_earth[] =
    "GEOGCS[\"GCS_WGS_1984\",DATUM[\"D_WGS_1984\",SPHEROID[\"WGS_1984\",6378137.0,298.257223563]],"
    "PRIMEM[\"Greenwich\",0.0],UNIT[\"Degree\",0.0174532925199433]]";
static const char esri_utm[] =
    "PROJCS[\"WGS_1984_UTM_Zone_18N\",GEOGCS[\"GCS_WGS_1984\",DATUM[\"D_WGS_1984\",SPHEROID[\"WGS_1984\",6378137.0,"
    "298.257223563]],PRIMEM[\"Greenwich\",0.0],UNIT[\"Degree\",0.0174532925199433]],PROJECTION[\"Transverse_Mercator\"],"
    "PARAMETER[\"False_Easting\",500000.0],PARAMETER[\"False_Northing\",0.0],PARAMETER[\"Central_Meridian\",-75.0],"
    "PARAMETER[\"Scale_Factor\",0.9996],PARAMETER[\"Latitude_Of_Origin\",0.0],UNIT[\"Meter\",1.0]]";

/* A UTM with another central meridian, which claims to be EPSG:32618. */
static const char liar[] =
    "PROJCS[\"mine\",GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\",SPHEROID[\"WGS 84\",6378137,298.257223563]],"
    "PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433]],PROJECTION[\"Transverse_Mercator\"],"
    "PARAMETER[\"latitude_of_origin\",0],PARAMETER[\"central_meridian\",-74.123],PARAMETER[\"scale_factor\",0.9996],"
    "PARAMETER[\"false_easting\",500000],PARAMETER[\"false_northing\",0],UNIT[\"metre\",1],AUTHORITY[\"EPSG\",\"32618\"]]";

static void test_a_files_wkt_gets_its_authoritys_code(void **state)
{
    (void)state;
    ARENA;
    assert_string_equal(of_wkt(arena, natural_earth).id, "EPSG:4326");
    assert_string_equal(of_wkt(arena, esri_utm).id, "EPSG:32618");
    static const char *const ids[] = {"EPSG:4326", "EPSG:25833", "EPSG:2263", "EPSG:31468", "EPSG:3857", "EPSG:27700",
                                      "EPSG:2056", "ESRI:102008", "OGC:CRS84", "EPSG:5555", "EPSG:4979"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        struct sl_crs crs = parsed(arena, ids[i]);
        assert_string_equal(of_wkt(arena, crs.wkt).id, ids[i]);
    }
}

static void test_a_custom_system_has_no_code_and_a_false_code_is_not_believed(void **state)
{
    (void)state;
    ARENA;
    struct sl_crs crs = of_wkt(arena, liar);
    assert_null(crs.id);
    assert_string_equal(crs.name, "mine");
    assert_string_equal(crs.unit, "metre");
    struct sl_crs utm = parsed(arena, "EPSG:32618");
    assert_false(sl_crs_same(&crs, &utm));
}

static void test_wkt_that_is_no_system_is_refused(void **state)
{
    (void)state;
    ARENA;
    struct sl_crs crs;
    struct sl_error err = {0};
    assert_int_equal(sl_crs_from_wkt("nonsense", arena, &crs, &err), -(int)SL_E_CRS_UNKNOWN);
    assert_int_equal(sl_crs_from_wkt("", arena, &crs, &err), -(int)SL_E_CRS_UNKNOWN);
    assert_int_equal(sl_crs_from_wkt("ELLIPSOID[\"x\",1,2]", arena, &crs, &err), -(int)SL_E_CRS_UNKNOWN);
    char deep[60000];
    for (size_t i = 0; i + 2 < sizeof deep; i += 2)
        memcpy(deep + i, "A[", 2);
    deep[sizeof deep - 2] = '\0';
    assert_int_equal(sl_crs_from_wkt(deep, arena, &crs, &err), -(int)SL_E_CRS_UNKNOWN);
}

static void test_same_means_datum_projection_and_units(void **state)
{
    (void)state;
    ARENA;
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"EPSG:4326", "OGC:CRS84", true},   {"EPSG:2263", "EPSG:32118", false}, {"EPSG:25833", "EPSG:25832", false},
        {"EPSG:25833", "EPSG:32633", false}, {"EPSG:4326", "EPSG:4258", false},  {"EPSG:4326", "EPSG:4326", true},
        {"EPSG:4269", "OGC:CRS83", true},    {"EPSG:4326", "EPSG:4979", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_crs a = parsed(arena, cases[i].a), b = parsed(arena, cases[i].b);
        if (sl_crs_same(&a, &b) != cases[i].same || sl_crs_same(&b, &a) != cases[i].same)
            fail_msg("%s and %s", cases[i].a, cases[i].b);
    }
}

static void test_projjson_comes_back_as_the_same_system_and_the_same_bytes(void **state)
{
    (void)state;
    ARENA;
    static const char *const ids[] = {"EPSG:4326", "EPSG:25833", "EPSG:2263", "OGC:CRS84", "EPSG:5555", "ESRI:102008"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        struct sl_crs crs = parsed(arena, ids[i]), again;
        struct sl_error err = {0};
        assert_int_equal(of_json(arena, crs.projjson, &again, &err), 0);
        assert_string_equal(again.id, ids[i]);
        assert_string_equal(again.projjson, crs.projjson);
        assert_string_equal(again.wkt, crs.wkt);
    }
    struct sl_crs custom = of_wkt(arena, liar), again;
    struct sl_error err = {0};
    assert_int_equal(of_json(arena, custom.projjson, &again, &err), 0);
    assert_true(sl_crs_same(&custom, &again));
    assert_string_equal(again.projjson, custom.projjson);
}

static void test_projjson_that_is_no_plain_system_is_refused(void **state)
{
    (void)state;
    ARENA;
    static const char *const bad[] = {
        "[]", "\"EPSG:4326\"", "null", "{}", "{\"type\": 4}", "{\"type\": \"Ellipsoid\", \"name\": \"x\"}",
        "{\"type\": \"GeographicCRS\"}", "{\"type\": \"NoSuchCRS\", \"name\": \"x\"}",
        "{\"type\": \"ProjectedCRS\", \"name\": \"x\", \"conversion\": {\"method\": {\"name\": \"PROJ +proj=pipeline\"}}}",
        "{\"type\": \"BoundCRS\", \"transformation\": {\"parameters\": [{\"name\": \"f\", \"value\": \"/etc/passwd\"}]}}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sl_crs crs;
        struct sl_error err = {0};
        if (of_json(arena, bad[i], &crs, &err) != -(int)SL_E_CRS_UNKNOWN)
            fail_msg("taken: %s", bad[i]);
    }
}

static void test_a_transformation_tied_to_a_files_system_is_dropped(void **state)
{
    (void)state;
    ARENA;
    struct sl_crs crs = of_wkt(
        arena, "GEOGCS[\"DHDN\",DATUM[\"Deutsches_Hauptdreiecksnetz\",SPHEROID[\"Bessel 1841\",6377397.155,299.1528128],"
               "EXTENSION[\"PROJ4_GRIDS\",\"/etc/passwd\"]],PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433]]");
    assert_null(strstr(crs.wkt, "passwd"));
    assert_null(strstr(crs.projjson, "passwd"));
}

static void test_the_policy_decides_where_file_and_manifest_differ(void **state)
{
    (void)state;
    ARENA;
    struct sl_crs file = parsed(arena, "EPSG:2263"), manifest = parsed(arena, "EPSG:4326");
    const struct sl_crs *used = NULL;
    const char *source = NULL;
    struct sl_error err = {0};
    assert_int_equal(sl_crs_decide(SL_CRS_FAIL, "parcels.shp", &file, &manifest, &used, &source, &err),
                     -(int)SL_E_CRS_MISMATCH);
    assert_string_equal(err.message, "manifest says EPSG:4326 (degree), parcels.shp says EPSG:2263 (US survey foot)");
    assert_non_null(strstr(err.hint, "trust_file"));
    assert_null(used);
    assert_int_equal(sl_crs_decide(SL_CRS_TRUST_FILE, "f", &file, &manifest, &used, &source, &err), 0);
    assert_ptr_equal(used, &file);
    assert_string_equal(source, "file");
    assert_int_equal(sl_crs_decide(SL_CRS_TRUST_MANIFEST, "f", &file, &manifest, &used, &source, &err), 0);
    assert_ptr_equal(used, &manifest);
    assert_string_equal(source, "manifest");
}

static void test_one_statement_is_enough_and_none_is_an_error(void **state)
{
    (void)state;
    ARENA;
    struct sl_crs lonlat = parsed(arena, "OGC:CRS84"), latlon = parsed(arena, "EPSG:4326");
    const struct sl_crs *used = NULL;
    const char *source = NULL;
    struct sl_error err = {0};
    assert_int_equal(sl_crs_decide(SL_CRS_TRUST_MANIFEST, "f", &lonlat, NULL, &used, &source, &err), 0);
    assert_string_equal(source, "file");
    assert_int_equal(sl_crs_decide(SL_CRS_TRUST_FILE, "f", NULL, &lonlat, &used, &source, &err), 0);
    assert_string_equal(source, "manifest");
    assert_int_equal(sl_crs_decide(SL_CRS_FAIL, "f", &lonlat, &latlon, &used, &source, &err), 0);
    assert_string_equal(source, "both");
    assert_ptr_equal(used, &latlon);
    assert_int_equal(sl_crs_decide(SL_CRS_FAIL, "f.shp", NULL, NULL, &used, &source, &err), -(int)SL_E_CRS_MISSING);
    assert_non_null(strstr(err.message, "f.shp"));
}

static void test_policies_have_names(void **state)
{
    (void)state;
    enum sl_crs_policy policy = SL_CRS_FAIL;
    assert_true(sl_crs_policy_by_name("trust_manifest", &policy));
    assert_int_equal(policy, SL_CRS_TRUST_MANIFEST);
    assert_string_equal(sl_crs_policy_name(SL_CRS_TRUST_FILE), "trust_file");
    assert_false(sl_crs_policy_by_name("trust", &policy));
    assert_false(sl_crs_policy_by_name(NULL, &policy));
}

static void test_bounds_become_longitude_and_latitude(void **state)
{
    (void)state;
    ARENA;
    struct sl_error err = {0};
    double out[4];
    struct sl_crs utm = parsed(arena, "EPSG:32618"), wgs = parsed(arena, "EPSG:4326"), gk = parsed(arena, "EPSG:31468");
    const double landsat[4] = {101985, 2611485, 339315, 2826915};
    assert_int_equal(sl_crs_bounds_to_wgs84(&utm, landsat, out, &err), 0);
    assert_near(out[0], -78.9585, 1e-3);
    assert_near(out[1], 23.5650, 1e-3);
    assert_near(out[2], -76.5749, 1e-3);
    assert_near(out[3], 25.5509, 1e-3);
    /* Northing comes first in EPSG's own definition; in memory, easting does. */
    const double munich[4] = {4460000, 5330000, 4470000, 5340000};
    assert_int_equal(sl_crs_bounds_to_wgs84(&gk, munich, out, &err), 0);
    assert_true(out[0] > 11 && out[2] < 12 && out[1] > 48 && out[3] < 49);
    const double world[4] = {-180, -90, 180, 83.65}, shifted[4] = {0, -90, 360, 90}, pacific[4] = {170, -10, 190, 10};
    assert_int_equal(sl_crs_bounds_to_wgs84(&wgs, world, out, &err), 0);
    assert_memory_equal(out, world, sizeof out);
    assert_int_equal(sl_crs_bounds_to_wgs84(&wgs, shifted, out, &err), 0);
    assert_near(out[0], -180, 0);
    assert_near(out[2], 180, 0);
    assert_int_equal(sl_crs_bounds_to_wgs84(&wgs, pacific, out, &err), 0);
    assert_near(out[0], 170, 0);
    assert_near(out[2], -170, 0);
}

static void test_bounds_that_do_not_fit_the_system_are_an_error(void **state)
{
    (void)state;
    ARENA;
    struct sl_error err = {0};
    struct sl_crs utm = parsed(arena, "EPSG:25833");
    double out[4] = {7, 7, 7, 7};
    const double nowhere[4] = {1e30, 1e30, 2e30, 2e30}, nan[4] = {0, 0, NAN, 1};
    assert_int_equal(sl_crs_bounds_to_wgs84(&utm, nowhere, out, &err), -(int)SL_E_CRS_MISMATCH);
    assert_int_equal(sl_crs_bounds_to_wgs84(&utm, nan, out, &err), -(int)SL_E_CRS_MISMATCH);
    assert_near(out[0], 7, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_authority_and_code_are_read_from_the_database),
        cmocka_unit_test(test_a_mistyped_system_gets_the_one_that_was_meant),
        cmocka_unit_test(test_nothing_that_proj_could_open_is_taken),
        cmocka_unit_test(test_a_files_wkt_gets_its_authoritys_code),
        cmocka_unit_test(test_a_custom_system_has_no_code_and_a_false_code_is_not_believed),
        cmocka_unit_test(test_wkt_that_is_no_system_is_refused),
        cmocka_unit_test(test_same_means_datum_projection_and_units),
        cmocka_unit_test(test_projjson_comes_back_as_the_same_system_and_the_same_bytes),
        cmocka_unit_test(test_projjson_that_is_no_plain_system_is_refused),
        cmocka_unit_test(test_a_transformation_tied_to_a_files_system_is_dropped),
        cmocka_unit_test(test_the_policy_decides_where_file_and_manifest_differ),
        cmocka_unit_test(test_one_statement_is_enough_and_none_is_an_error),
        cmocka_unit_test(test_policies_have_names),
        cmocka_unit_test(test_bounds_become_longitude_and_latitude),
        cmocka_unit_test(test_bounds_that_do_not_fit_the_system_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
