/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "manifest/manifest.h"

static struct sl_manifest_checker *checker;

struct result {
    struct sl_arena *arena;
    struct sl_doc *doc;
    struct sl_violations violations;
    struct sl_manifest manifest;
    enum sl_code code;
    bool ok;
};

static struct result given(const char *text)
{
    struct result r = {.arena = sl_arena_new()};
    struct sl_error err = {0};
    r.violations.arena = r.arena;
    if (sl_json_parse("batch.json", text, strlen(text), &sl_json_limits_small, &r.doc, &err) != 0)
        fail_msg("%s", err.message);
    r.ok = sl_manifest_read(checker, r.doc, "landing-zone", r.arena, &r.violations, &r.code, &r.manifest);
    return r;
}

static void discard(struct result *r)
{
    sl_doc_free(r->doc);
    sl_arena_free(r->arena);
}

static const char three_problems[] = "{\n"
                                     "  \"batch_id\": \"b\",\n"
                                     "  \"uploader\": \"ana\",\n"
                                     "  \"intent\": \"ingest_vector\",\n"
                                     "  \"files\": [\n"
                                     "    {\n"
                                     "      \"path\": \"a.gpkg\",\n"
                                     "      \"type\": \"vector\",\n"
                                     "      \"crs\": \"ESPG:4326\"\n"
                                     "    },\n"
                                     "    {\n"
                                     "      \"type\": \"vector\",\n"
                                     "      \"path\": \"../secret.shp\"\n"
                                     "    }\n"
                                     "  ],\n"
                                     "  \"metadata\": {\"description\": \"x\"}\n"
                                     "}\n";

static void test_all_problems_are_described_with_their_lines(void **state)
{
    (void)state;
    struct result r = given(three_problems);
    struct sl_buf out;
    sl_buf_init(&out, 4096);
    assert_false(r.ok);
    assert_int_equal(r.code, SL_E_MANIFEST_SCHEMA);
    sl_manifest_describe(r.doc, &r.violations, &out);
    assert_string_equal(
        out.data,
        "batch.json is not a valid manifest (3 problems):\n"
        "  /files/0/crs       \"ESPG:4326\" is not a CRS: expected AUTHORITY:CODE, did you mean \"EPSG:4326\"?  line 9\n"
        "  /files/1/path      \"../secret.shp\" leaves the batch's folder                                     line 13\n"
        "  /metadata/project  is required                                                                   line 16\n");
    sl_buf_free(&out);
    discard(&r);
}

static void test_the_error_is_one_line_that_counts_the_others(void **state)
{
    (void)state;
    struct result r = given(three_problems);
    struct sl_error err = {0};
    assert_int_equal(sl_manifest_fail(r.doc, &r.violations, r.code, &err), -SL_E_MANIFEST_SCHEMA);
    assert_string_equal(err.message, "batch.json is not a valid manifest: /metadata/project is required (and 2 more)");
    discard(&r);
}

static void test_violations_as_json_have_places(void **state)
{
    (void)state;
    struct result r = given(three_problems);
    SL_CLEANUP(sl_json_putp) struct json_object *list = sl_manifest_violations_json(r.doc, &r.violations);
    assert_int_equal(json_object_array_length(list), 3);
    struct json_object *second = json_object_array_get_idx(list, 1);
    assert_string_equal(sl_json_str(second, "pointer", ""), "/files/0/crs");
    assert_int_equal(sl_json_int(second, "line", 0), 9);
    assert_int_equal(sl_json_int(second, "column", 0), 14);
    discard(&r);
}

static void test_a_manifest_is_read_into_the_model(void **state)
{
    (void)state;
    struct result r = given("{\"batch_id\":\"b1\",\"uploader\":\"ana\",\"intent\":\"i\",\"crs_policy\":\"fail\",\"files\":["
                            "{\"path\":\"a/b.shp\",\"type\":\"vector\",\"size\":12,\"sidecars\":[\"a/b.dbf\",\"s3://landing-zone/x/b.shx\"]},"
                            "{\"path\":\"s3://landing-zone/other/c.tif\",\"type\":\"raster\",\"crs\":{\"type\":\"ProjectedCRS\"}}],"
                            "\"params\":{\"t\":1},\"metadata\":{\"project\":\"P\"}}");
    assert_true(r.ok);
    const struct sl_manifest *m = &r.manifest;
    assert_string_equal(m->batch_id, "b1");
    assert_null(m->dataset);
    assert_string_equal(sl_json_str(m->metadata, "project", ""), "P");
    assert_int_equal(m->n_files, 2);
    assert_string_equal(m->files[0].key, "b1/a/b.shp");
    assert_int_equal(m->files[0].size, 12);
    assert_int_equal(m->files[0].n_sidecars, 2);
    assert_string_equal(m->files[0].sidecar_keys[0], "b1/a/b.dbf");
    assert_string_equal(m->files[0].sidecar_keys[1], "x/b.shx");
    assert_string_equal(m->files[1].key, "other/c.tif");
    assert_int_equal(m->files[1].size, -1);
    assert_null(m->files[1].crs);
    assert_non_null(m->files[1].crs_projjson);
    assert_int_equal(sl_json_int(m->params, "t", 0), 1);
    discard(&r);
}

static void test_the_hash_is_of_the_content_not_of_the_text(void **state)
{
    (void)state;
    struct result a = given("{\"batch_id\":\"b\",\"uploader\":\"u\",\"intent\":\"i\",\"files\":[{\"path\":\"p\",\"type\":\"grid\",\"size\":1}],\"metadata\":{\"project\":\"P\"}}");
    struct result b = given("{ \"metadata\":{\"project\":\"P\"}, \"intent\":\"i\", \"files\":[{\"size\":1.0,\"type\":\"grid\",\"path\":\"p\"}],\n\"uploader\":\"u\",\"batch_id\":\"b\"}");
    struct result c = given("{\"batch_id\":\"b\",\"uploader\":\"u\",\"intent\":\"i\",\"files\":[{\"path\":\"p\",\"type\":\"grid\",\"size\":2}],\"metadata\":{\"project\":\"P\"}}");
    assert_true(a.ok && b.ok && c.ok);
    assert_string_equal(a.manifest.content_hash, b.manifest.content_hash);
    assert_string_not_equal(a.manifest.content_hash, c.manifest.content_hash);
    assert_int_equal(strncmp(a.manifest.content_hash, "sha256:", 7), 0);
    discard(&a);
    discard(&b);
    discard(&c);
}

static void test_any_json_is_answered(void **state)
{
    (void)state;
    static const char *const odd[] = {"null", "1", "\"x\"", "[]", "{\"files\":1}", "{\"files\":[null,1,[],{\"path\":1}]}",
                                      "{\"files\":[{\"path\":\"a\",\"sidecars\":[1,null,{}],\"crs\":[]}],\"batch_id\":[]}"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        struct result r = given(odd[i]);
        assert_false(r.ok);
        assert_true(r.violations.n > 0);
        discard(&r);
    }
}

static int set_up(void **state)
{
    (void)state;
    return sl_manifest_checker_new(SLUICE_SOURCE_DIR "/schemas", &checker, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    sl_manifest_checker_free(checker);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_problems_are_described_with_their_lines),
        cmocka_unit_test(test_the_error_is_one_line_that_counts_the_others),
        cmocka_unit_test(test_violations_as_json_have_places),
        cmocka_unit_test(test_a_manifest_is_read_into_the_model),
        cmocka_unit_test(test_the_hash_is_of_the_content_not_of_the_text),
        cmocka_unit_test(test_any_json_is_answered),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
