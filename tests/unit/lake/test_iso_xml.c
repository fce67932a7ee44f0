/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include <json-c/json.h>

#include "lake/collection.h"
#include "lake/iso.h"
#include "lake/iso_xml.h"
#include "support/lake_facts.h"

static const char *xml_of(struct sl_arena *arena, struct json_object *iso)
{
    struct sl_buf out;
    sl_buf_init(&out, 1 << 20);
    sl_iso_xml(iso, &out);
    assert_false(out.overflow);
    const char *text = sl_arena_strdup(arena, out.data);
    sl_buf_free(&out);
    return text;
}

static void every_sample_has_what_the_schema_demands(void **state)
{
    (void)state;
    struct sl_arena *arena = sl_arena_new();
    for (int s = 0; s < SAMPLES; s++) {
        struct sl_lake_facts facts = sample_facts((enum sample)s, arena);
        struct json_object *iso = sl_iso_metadata(&facts);
        const char *xml = xml_of(arena, iso);
        static const char *const demanded[] = {"<gmd:contact>", "<gmd:dateStamp>", "<gmd:abstract>", "<gmd:citation>",
                                               "<gmd:language gco:nilReason=\"missing\"/>", "<gmd:statement>",
                                               "</gmd:MD_Metadata>\n"};
        for (size_t i = 0; i < sizeof demanded / sizeof *demanded; i++)
            assert_contains(xml, demanded[i]);
        json_object_put(iso);
    }
    sl_arena_free(arena);
}

static void markup_and_characters_that_xml_has_not_are_no_markup(void **state)
{
    (void)state;
    struct sl_arena *arena = sl_arena_new();
    struct sl_lake_facts facts = sample_facts(SAMPLE_VECTOR, arena);
    facts.description = "a<b>&\"\x01\xef\xbf\xbf";
    struct json_object *iso = sl_iso_metadata(&facts);
    assert_contains(xml_of(arena, iso), ">a&lt;b&gt;&amp;&quot;\xef\xbf\xbd\xef\xbf\xbd<");
    json_object_put(iso);
    sl_arena_free(arena);
}

static void a_record_of_another_shape_is_still_a_document(void **state)
{
    (void)state;
    struct sl_arena *arena = sl_arena_new();
    static const char *const odd[] = {"{}", "[]", "7", "{\"identificationInfo\":7,\"dateInfo\":[7],\"contentInfo\":[[]]}",
                                      "{\"identificationInfo\":[{\"status\":[{}],\"extent\":[{\"geographicElement\":[7]}]}]}"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        struct json_object *iso = json_tokener_parse(odd[i]);
        assert_contains(xml_of(arena, iso), "<gmd:contact>");
        json_object_put(iso);
    }
    sl_arena_free(arena);
}

static const char *extent_of(struct json_object **collection, const char *first, const char *second)
{
    struct json_object *docs[] = {json_tokener_parse(first), json_tokener_parse(second)}, *extent, *spatial, *box;
    *collection = sl_stac_collection(docs, 2);
    json_object_put(docs[0]);
    json_object_put(docs[1]);
    json_object_object_get_ex(*collection, "extent", &extent);
    json_object_object_get_ex(extent, "spatial", &spatial);
    json_object_object_get_ex(spatial, "bbox", &box);
    return json_object_to_json_string_ext(box, JSON_C_TO_STRING_PLAIN);
}

static void the_extent_of_a_collection_holds_all_its_versions(void **state)
{
    (void)state;
    struct json_object *c = NULL;
    assert_string_equal(extent_of(&c, "{\"bounds\":[1,2,3,4]}", "{\"bounds\":[0,3,2,5]}"), "[[0,2,3,5]]");
    json_object_put(c);
    assert_string_equal(extent_of(&c, "{\"bounds\":[]}", "{\"bounds\":[0,3,2,5]}"), "[[0,3,2,5]]");
    json_object_put(c);
    assert_string_equal(extent_of(&c, "{\"bounds\":[]}", "{}"), "[[-180,-90,180,90]]");
    json_object_put(c);
    assert_string_equal(extent_of(&c, "{\"bounds\":[170,0,-175,1]}", "{\"bounds\":[175,0,-170,2]}"), "[[170,0,-170,2]]");
    json_object_put(c);
    assert_string_equal(extent_of(&c, "{\"bounds\":[170,0,-175,1]}", "{\"bounds\":[1,0,2,2]}"), "[[-180,0,180,2]]");
    json_object_put(c);
}

static void a_licence_that_is_no_identifier_is_proprietary_and_kept(void **state)
{
    (void)state;
    struct json_object *doc = json_tokener_parse("{\"dataset_id\":\"a\",\"stac\":{\"properties\":{\"license\":\"ask Ana\"}}}"), *v;
    struct json_object *c = sl_stac_collection(&doc, 1);
    assert_true(json_object_object_get_ex(c, "license", &v));
    assert_string_equal(json_object_get_string(v), "proprietary");
    assert_true(json_object_object_get_ex(c, "sluice:license", &v));
    assert_string_equal(json_object_get_string(v), "ask Ana");
    json_object_put(c);
    json_object_put(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_has_what_the_schema_demands),
        cmocka_unit_test(markup_and_characters_that_xml_has_not_are_no_markup),
        cmocka_unit_test(a_record_of_another_shape_is_still_a_document),
        cmocka_unit_test(the_extent_of_a_collection_holds_all_its_versions),
        cmocka_unit_test(a_licence_that_is_no_identifier_is_proprietary_and_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
