/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include <strings.h>

#include "geo/format.h"

static void names_and_aliases_are_found_in_any_case(void **state)
{
    (void)state;
    assert_string_equal(sl_format_by_name("gpkg")->driver, "GPKG");
    assert_string_equal(sl_format_by_name("geopackage")->name, "GPKG");
    assert_string_equal(sl_format_by_name("esri shapefile")->name, "Shapefile");
    assert_string_equal(sl_format_by_name("GeoTIFF")->driver, "GTiff");
    assert_null(sl_format_by_name("VRT"));
    assert_null(sl_format_by_name(""));
    assert_null(sl_format_by_name(NULL));
}

static void no_name_means_two_formats(void **state)
{
    (void)state;
    for (size_t i = 0; i < sl_n_formats; i++) {
        assert_ptr_equal(sl_format_by_name(sl_formats[i].name), &sl_formats[i]);
        for (const char *const *alias = sl_formats[i].aliases; *alias; alias++)
            assert_ptr_equal(sl_format_by_name(*alias), &sl_formats[i]);
        assert_non_null(sl_formats[i].extensions[0]);
        assert_non_null(sl_formats[i].media_type);
    }
}

static void an_extension_is_looked_for_within_its_type(void **state)
{
    (void)state;
    assert_string_equal(sl_format_by_path("a/b.c/ROADS.GPKG", SL_DATA_VECTOR)->name, "GPKG");
    assert_string_equal(sl_format_by_path("x.json", SL_DATA_VECTOR)->name, "GeoJSON");
    assert_string_equal(sl_format_by_path("x.topo.json", SL_DATA_VECTOR)->name, "TopoJSON");
    assert_string_equal(sl_format_by_path("sample.osm.pbf", SL_DATA_VECTOR)->name, "OSM");
    assert_string_equal(sl_format_by_path("roads.ZIP", SL_DATA_VECTOR)->name, "Shapefile");
    assert_string_equal(sl_format_by_path("city.gdb.zip", SL_DATA_VECTOR)->name, "OpenFileGDB");
    assert_ptr_equal(sl_format_by_path("x.csv", SL_DATA_VECTOR), sl_format_by_path("x.csv", SL_DATA_TABLE));
    assert_null(sl_format_by_path("x.zip", SL_DATA_RASTER));
    assert_null(sl_format_by_path("x.gpkg", SL_DATA_RASTER));
    assert_null(sl_format_by_path("x", SL_DATA_VECTOR));
    assert_null(sl_format_by_path("folder/.gpkg", SL_DATA_VECTOR));
    assert_null(sl_format_by_path("gpkg", SL_DATA_VECTOR));
}

static void a_mistyped_format_gets_the_nearest(void **state)
{
    (void)state;
    assert_string_equal(sl_format_nearest("GeoJOSN"), "GeoJSON");
    assert_string_equal(sl_format_nearest("gpgk"), "GPKG");
    assert_null(sl_format_nearest("completely other"));
}

static void types_have_names_both_ways(void **state)
{
    (void)state;
    enum sl_data_type type = SL_DATA_GRID;
    assert_true(sl_data_type_by_name("raster", &type));
    assert_int_equal(type, SL_DATA_RASTER);
    assert_false(sl_data_type_by_name("pictures", &type));
    assert_int_equal(type, SL_DATA_RASTER);
    assert_string_equal(sl_data_type_name(SL_DATA_TABLE), "table");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_aliases_are_found_in_any_case),
        cmocka_unit_test(no_name_means_two_formats),
        cmocka_unit_test(an_extension_is_looked_for_within_its_type),
        cmocka_unit_test(a_mistyped_format_gets_the_nearest),
        cmocka_unit_test(types_have_names_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
