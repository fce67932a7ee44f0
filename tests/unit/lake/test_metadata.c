/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"
#include "support/lake_facts.h"

#include "json/json.h"
#include "lake/iso.h"
#include "lake/stac.h"

static struct json_object *at(struct json_object *root, const char *pointer)
{
    struct json_object *found = NULL;
    if (!sl_json_pointer_get(root, pointer, &found))
        fail_msg("nothing at %s in %s", pointer, json_object_to_json_string(root));
    return found;
}

static void assert_json(struct json_object *root, const char *pointer, const char *expected)
{
    const char *found = json_object_to_json_string_ext(at(root, pointer), JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    if (strcmp(found, expected) != 0)
        fail_msg("%s is %s, expected %s", pointer, found, expected);
}

static void assert_absent(struct json_object *root, const char *pointer)
{
    assert_false(sl_json_pointer_get(root, pointer, NULL));
}

struct both {
    struct sl_arena *arena;
    struct json_object *stac, *iso;
};

static struct both make(enum sample sample)
{
    struct both b = {.arena = sl_arena_new()};
    struct sl_lake_facts facts = sample_facts(sample, b.arena);
    b.stac = sl_stac_item(&facts);
    b.iso = sl_iso_metadata(&facts);
    return b;
}

static void drop(struct both *b)
{
    json_object_put(b->stac);
    json_object_put(b->iso);
    sl_arena_free(b->arena);
}

static void test_a_vector_asset_says_where_what_and_from_what(void **state)
{
    (void)state;
    SL_CLEANUP(drop) struct both b = make(SAMPLE_VECTOR);
    assert_json(b.stac, "/id", "\"roads-v3\"");
    assert_json(b.stac, "/stac_version", "\"1.0.0\"");
    assert_json(b.stac, "/bbox", "[15,52.1,15.3125,52.35]");
    assert_json(b.stac, "/geometry/coordinates", "[[[15,52.1],[15.3125,52.1],[15.3125,52.35],[15,52.35],[15,52.1]]]");
    assert_json(b.stac, "/properties/datetime", "\"2026-11-21T09:14:03.000000Z\"");
    assert_json(b.stac, "/properties/proj:epsg", "25833");
    assert_json(b.stac, "/properties/proj:projjson/name", "\"ETRS89 / UTM zone 33N\"");
    assert_json(b.stac, "/properties/table:row_count", "499988");
    assert_json(b.stac, "/properties/table:primary_geometry", "\"geom\"");
    assert_json(b.stac, "/properties/sluice:inputs/0/content_hash", "\"sha256:77aa\"");
    assert_json(b.stac, "/assets/data/file:checksum",
                "\"12209b0c000000000000000000000000000000000000000000000000000000000000\"");
    assert_json(b.stac, "/assets/data/href", "\"roads.parquet\"");
    assert_absent(b.stac, "/properties/proj:shape");
    assert_json(b.iso, "/identificationInfo/0/extent/0/geographicElement/0/westBoundLongitude", "15");
    assert_json(b.iso, "/identificationInfo/0/spatialRepresentationType", "[\"vector\"]");
    assert_json(b.iso, "/referenceSystemInfo/0/referenceSystemIdentifier/code", "\"25833\"");
    assert_json(b.iso, "/spatialRepresentationInfo/0/geometricObjects/0/geometricObjectCount", "499988");
    assert_json(b.iso, "/resourceLineage/0/source/0/sourceCitation/identifier/0/code",
                "\"ana/roads/2026-11-21/0199a3c4.gpkg\"");
    assert_json(b.iso, "/resourceLineage/0/processStep/0/processingInformation/softwareReference/1/edition", "\"3.6.2\"");
    assert_json(b.iso, "/distributionInfo/0/transferOptions/0/transferSize", "68");
}

static void test_a_raster_has_shape_transform_and_bands(void **state)
{
    (void)state;
    SL_CLEANUP(drop) struct both b = make(SAMPLE_RASTER);
    assert_json(b.stac, "/properties/proj:shape", "[900,700]");
    assert_json(b.stac, "/properties/proj:transform", "[30,0,500000,0,-30,5800000]");
    assert_json(b.stac, "/assets/data/raster:bands", "[{\"data_type\":\"uint8\",\"nodata\":0},"
                                                     "{\"data_type\":\"float32\",\"nodata\":\"nan\"}]");
    assert_absent(b.stac, "/properties/table:columns");
    assert_json(b.iso, "/spatialRepresentationInfo/0/axisDimensionProperties/0/resolution", "30");
    assert_json(b.iso, "/contentInfo/0/attributeGroup/1/description", "\"height\"");
}

static void test_without_bounds_there_is_no_geometry(void **state)
{
    (void)state;
    SL_CLEANUP(drop) struct both b = make(SAMPLE_EMPTY);
    assert_json(b.stac, "/geometry", "null");
    assert_absent(b.stac, "/bbox");
    assert_absent(b.iso, "/identificationInfo/0/extent");
}

static void test_over_the_antimeridian_there_are_two_halves(void **state)
{
    (void)state;
    SL_CLEANUP(drop) struct both b = make(SAMPLE_PACIFIC);
    assert_json(b.stac, "/geometry/type", "\"MultiPolygon\"");
    assert_json(b.stac, "/geometry/coordinates/0/0/1", "[180,-10]");
    assert_json(b.stac, "/geometry/coordinates/1/0/0", "[-180,-10]");
    assert_json(b.stac, "/bbox", "[170,-10,-170,10]");
}

static void test_a_table_has_no_place(void **state)
{
    (void)state;
    SL_CLEANUP(drop) struct both b = make(SAMPLE_TABLE);
    assert_absent(b.stac, "/properties/proj:epsg");
    assert_absent(b.iso, "/referenceSystemInfo");
    assert_absent(b.iso, "/spatialRepresentationInfo");
    assert_json(b.iso, "/identificationInfo/0/spatialRepresentationType", "[\"textTable\"]");
}

static void test_a_system_without_a_code_is_written_out(void **state)
{
    (void)state;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_lake_facts facts = sample_facts(SAMPLE_VECTOR, arena);
    struct sl_crs crs = *facts.crs;
    crs.id = NULL;
    facts.crs = &crs;
    SL_CLEANUP(sl_json_putp) struct json_object *stac = sl_stac_item(&facts);
    SL_CLEANUP(sl_json_putp) struct json_object *iso = sl_iso_metadata(&facts);
    assert_json(stac, "/properties/proj:epsg", "null");
    assert_json(iso, "/referenceSystemInfo/0/referenceSystemIdentifier/codeSpace", "\"WKT2:2019\"");
}

static void test_numbers_are_short_and_come_back_the_same(void **state)
{
    (void)state;
    static const double values[] = {0.1, 52.35, 1.0 / 3, 5e-324, -180, 1e300, 123456789.123456789};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        SL_CLEANUP(sl_json_putp) struct json_object *number = sl_lake_number(values[i]);
        assert_true(strtod(json_object_to_json_string(number), NULL) == values[i]);
    }
    SL_CLEANUP(sl_json_putp) struct json_object *tenth = sl_lake_number(0.1);
    assert_string_equal(json_object_to_json_string(tenth), "0.1");
    assert_null(sl_lake_number(NAN));
    assert_null(sl_lake_number(INFINITY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_vector_asset_says_where_what_and_from_what),
        cmocka_unit_test(test_a_raster_has_shape_transform_and_bands),
        cmocka_unit_test(test_without_bounds_there_is_no_geometry),
        cmocka_unit_test(test_over_the_antimeridian_there_are_two_halves),
        cmocka_unit_test(test_a_table_has_no_place),
        cmocka_unit_test(test_a_system_without_a_code_is_written_out),
        cmocka_unit_test(test_numbers_are_short_and_come_back_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
