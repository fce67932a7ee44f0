/* SPDX-License-Identifier: Apache-2.0 */
/* find: what each filter gives was worked out by hand from MongoDB's manual, on the documents below. */
#include "conformance/ledger_fixture.h"

static const char *const documents[] = {
    /* a */ "{'n':1,'s':'Alpha','flag':true,'tags':['red','green'],'nested':{'x':1},'nothing':null}",
    /* b */ "{'n':2.5,'s':'beta','flag':false,'tags':[],'items':[{'x':1,'y':1},{'x':2,'y':2}],'scores':[1,9]}",
    /* c */ "{'n':'2','s':'beta gamma','tags':'red','items':[{'x':1,'y':2},{'x':3}],'scores':[4]}",
    /* d */ "{'n':10,'nested':{'x':{'y':[{'z':7}]}},'scores':[],'line':'one\\ntwo'}",
};

struct filter_case {
    const char *filter;   /* with ' for " */
    const char *expected; /* letters of the documents, in their order */
};

static const struct filter_case cases[] = {
    {"{}", "abcd"},
    /* equality: numbers with numbers, whatever their spelling; elements of arrays; missing is null */
    {"{'metadata.n':1}", "a"},
    {"{'metadata.n':1.0}", "a"},
    {"{'metadata.n':'2'}", "c"},
    {"{'metadata.n':2}", ""},
    {"{'metadata.s':'beta'}", "b"},
    {"{'metadata.flag':true}", "a"},
    {"{'metadata.tags':'red'}", "ac"},
    {"{'metadata.tags':['red','green']}", "a"},
    {"{'metadata.tags':['green','red']}", ""},
    {"{'metadata.tags':[]}", "b"},
    {"{'metadata.nested':{'x':1}}", "a"},
    {"{'metadata.nothing':null}", "abcd"},
    {"{'metadata.flag':null}", "cd"},
    {"{'metadata.n':{'$eq':10}}", "d"},
    /* dotted paths through arrays, by element and by index */
    {"{'metadata.items.x':1}", "bc"},
    {"{'metadata.items.x':3}", "c"},
    {"{'metadata.items.1.x':2}", "b"},
    {"{'metadata.items.0':{'x':1,'y':2}}", "c"},
    {"{'metadata.items.5.x':1}", ""},
    {"{'metadata.nested.x.y.z':7}", "d"},
    {"{'metadata.tags.0':'red'}", "a"},
    {"{'metadata.scores.0':4}", "c"},
    {"{'metadata.items.y':null}", "acd"},
    {"{'metadata.s.t':null}", "abcd"},
    /* order: only within a type */
    {"{'metadata.n':{'$gt':1}}", "bd"},
    {"{'metadata.n':{'$gte':1}}", "abd"},
    {"{'metadata.n':{'$lt':10}}", "ab"},
    {"{'metadata.n':{'$lte':10}}", "abd"},
    {"{'metadata.n':{'$gt':'1'}}", "c"},
    {"{'metadata.s':{'$gt':'Z'}}", "bc"},
    {"{'metadata.s':{'$lt':'Z'}}", "a"},
    {"{'metadata.flag':{'$gte':false}}", "ab"},
    {"{'metadata.flag':{'$lt':true}}", "b"},
    {"{'metadata.nothing':{'$gte':null}}", "abcd"},
    {"{'metadata.nothing':{'$gt':null}}", ""},
    {"{'metadata.n':{'$gt':1,'$lt':10}}", "b"},
    /* several operators on an array may hold for different elements; $elemMatch wants one element */
    {"{'metadata.scores':{'$gt':3,'$lt':5}}", "bc"},
    {"{'metadata.scores':{'$elemMatch':{'$gt':3,'$lt':5}}}", "c"},
    {"{'metadata.items':{'$elemMatch':{'x':1,'y':2}}}", "c"},
    {"{'metadata.items.x':1,'metadata.items.y':2}", "bc"},
    {"{'metadata.items':{'$elemMatch':{'x':{'$gt':1},'y':{'$exists':false}}}}", "c"},
    {"{'metadata.tags':{'$elemMatch':{'$eq':'red'}}}", "a"},
    {"{'metadata.tags':{'$elemMatch':{'$in':['green','blue']}}}", "a"},
    {"{'metadata.items':{'$elemMatch':{'$or':[{'x':3},{'y':1}]}}}", "bc"},
    /* lists */
    {"{'metadata.n':{'$in':[1,10,'2']}}", "acd"},
    {"{'metadata.n':{'$in':[]}}", ""},
    {"{'metadata.tags':{'$in':['green']}}", "a"},
    {"{'metadata.flag':{'$in':[null,true]}}", "acd"},
    {"{'metadata.n':{'$nin':[1,10]}}", "bc"},
    {"{'metadata.tags':{'$nin':['red']}}", "bd"},
    {"{'metadata.flag':{'$nin':[null]}}", "ab"},
    /* negation is of the whole, and a missing member is not equal */
    {"{'metadata.n':{'$ne':1}}", "bcd"},
    {"{'metadata.tags':{'$ne':'red'}}", "bd"},
    {"{'metadata.flag':{'$ne':null}}", "ab"},
    {"{'metadata.items.x':{'$ne':2}}", "acd"},
    {"{'metadata.n':{'$not':{'$gt':1}}}", "ac"},
    {"{'metadata.s':{'$not':{'$regex':'^beta'}}}", "ad"},
    {"{'metadata.n':{'$not':{'$exists':true}}}", ""},
    /* presence */
    {"{'metadata.flag':{'$exists':true}}", "ab"},
    {"{'metadata.flag':{'$exists':false}}", "cd"},
    {"{'metadata.nothing':{'$exists':true}}", "a"},
    {"{'metadata.items.y':{'$exists':true}}", "bc"},
    {"{'metadata.tags':{'$exists':true}}", "abc"},
    {"{'metadata.items.x':{'$exists':1}}", "bc"},
    /* patterns */
    {"{'metadata.s':{'$regex':'^beta'}}", "bc"},
    {"{'metadata.s':{'$regex':'^ALPHA$','$options':'i'}}", "a"},
    {"{'metadata.tags':{'$regex':'^gr'}}", "a"},
    {"{'metadata.n':{'$regex':'2'}}", "c"},
    {"{'metadata.line':{'$regex':'^two$'}}", ""},
    {"{'metadata.line':{'$regex':'^two$','$options':'m'}}", "d"},
    {"{'metadata.line':{'$regex':'one.two'}}", ""},
    {"{'metadata.line':{'$regex':'one.two','$options':'s'}}", "d"},
    {"{'metadata.s':{'$regex':'be ta','$options':'x'}}", "bc"},
    /* logic */
    {"{'$or':[{'metadata.n':1},{'metadata.n':10}]}", "ad"},
    {"{'$and':[{'metadata.n':{'$gt':1}},{'metadata.n':{'$lt':10}}]}", "b"},
    {"{'$or':[{'metadata.n':1},{'$and':[{'metadata.s':'beta'},{'metadata.flag':false}]}]}", "ab"},
    {"{'metadata.n':10,'$or':[{'metadata.flag':true},{'metadata.flag':null}]}", "d"},
    /* the columns of the ledger itself, and hostile names and values */
    {"{'_id':'b'}", "b"},
    {"{'dataset_id':'d1'}", "b"},
    {"{'dataset_id':{'$in':['d0','d3']},'version':1}", "ad"},
    {"{'metadata.s':'x\\' OR true --'}", ""},
    {"{'metadata.a\\\"}b':1}", ""},
    {"{'metadata.\\\\':null}", "abcd"},
    {"{'metadata.s':{'$gt':''}}", "abc"},
};

static void fill(void)
{
    struct sl_lease lease = ledger_running("b1", "w1", "r1");
    struct json_object *assets[4];
    for (int i = 0; i < 4; i++) {
        char id[2] = {(char)('a' + i), '\0'}, dataset[8];
        snprintf(dataset, sizeof dataset, "d%d", i);
        assets[i] = ledger_asset(id, dataset, 1, "b1", "r1");
        sl_json_put(assets[i], "metadata", ledger_json(documents[i]));
    }
    assert_ok(CALL(commit, &lease, "r1", assets, 4, NULL, &err));
    for (int i = 0; i < 4; i++)
        json_object_put(assets[i]);
}

struct found {
    char ids[64];
    size_t n, most;
};

static int note(void *data, struct json_object *doc, struct sl_error *e)
{
    struct found *f = data;
    const char *id = sl_json_str(doc, "_id", "?");
    assert_true(f->n < sizeof f->ids - 1);
    f->ids[f->n++] = id[0];
    f->ids[f->n] = '\0';
    return f->most && f->n == f->most ? sl_fail(e, SL_E_CANCELLED, "enough") : 0;
}

/* The cases use ' for "; an escaped \' stays a quote of the text. */
static struct json_object *filter_of(const char *text)
{
    char copy[1024];
    size_t n = 0;
    for (const char *p = text; *p && n < sizeof copy - 1; p++) {
        if (p[0] == '\\' && p[1] == '\'') {
            copy[n++] = '\'';
            p++;
        } else if (p[0] == '\\' && p[1] && n < sizeof copy - 2) {
            copy[n++] = *p++;
            copy[n++] = *p;
        } else {
            copy[n++] = *p == '\'' ? '"' : *p;
        }
    }
    copy[n] = '\0';
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = NULL;
    assert_ok(sl_json_parse("filter", copy, n, &sl_json_limits_small, &doc, &err));
    return json_object_get(doc->root);
}

static void test_filters_mean_what_they_mean_to_mongodb(void **state)
{
    (void)state;
    int wrong = 0;
    fill();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SL_CLEANUP(sl_json_putp) struct json_object *filter = filter_of(cases[i].filter);
        struct sl_find find = {.collection = "assets", .filter = filter};
        struct found found = {0};
        int rc = CALL(find, &find, note, &found, &err);
        if (rc < 0 || strcmp(found.ids, cases[i].expected) != 0) {
            print_error("%s gave \"%s\", expected \"%s\" %s\n", cases[i].filter, found.ids, cases[i].expected,
                        rc < 0 ? err.message : "");
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void test_filters_that_cannot_be_understood_say_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *filter, *message, *hint;
    } bad[] = {
        {"{'n':{'$gtt':1}}", "$gtt", "$gt"},
        {"{'n':{'$where':'1'}}", "$where", ""},
        {"{'$nor':[{'n':1}]}", "$nor", "$or"},
        {"{'$adn':[{'n':1}]}", "$adn", "$and"},
        {"{'n':{'$gt':1,'x':2}}", "x", ""},
        {"{'n':{'x':2,'$gt':1}}", "x", ""},
        {"{'$or':[]}", "$or", ""},
        {"{'$or':{'n':1}}", "$or", ""},
        {"{'$and':[1]}", "object", ""},
        {"{'n':{'$in':1}}", "$in", ""},
        {"{'n':{'$gt':[1]}}", "$gt", ""},
        {"{'n':{'$exists':'yes'}}", "$exists", ""},
        {"{'n':{'$regex':1}}", "$regex", ""},
        {"{'n':{'$regex':'('}}", "$regex", ""},
        {"{'n':{'$regex':'a','$options':'g'}}", "$options", ""},
        {"{'n':{'$options':'i'}}", "$options", ""},
        {"{'n':{'$not':1}}", "$not", ""},
        {"{'n':{'$elemMatch':1}}", "$elemMatch", ""},
        {"{'a..b':1}", "a..b", ""},
        {"{'':1}", "path", ""},
        {"[1]", "object", ""},
    };
    fill();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        SL_CLEANUP(sl_json_putp) struct json_object *filter = filter_of(bad[i].filter);
        struct sl_find find = {.collection = "assets", .filter = filter};
        struct found found = {0};
        sl_error_clear(&err);
        int rc = CALL(find, &find, note, &found, &err);
        if (rc != -SL_E_LEDGER_FILTER || !strstr(err.message, bad[i].message) || !strstr(err.hint, bad[i].hint))
            fail_msg("%s: %d %s (%s)", bad[i].filter, rc, err.message, err.hint);
    }
    struct sl_find find = {.collection = "asets"};
    assert_fails(CALL(find, &find, note, NULL, &err), SL_E_LEDGER_FILTER);
    assert_contains(err.hint, "assets");
}

static void test_a_filter_is_bounded(void **state)
{
    (void)state;
    struct json_object *deep = ledger_json("{'n':1}");
    for (int i = 0; i < 40; i++) {
        struct json_object *list = json_object_new_array(), *outer = json_object_new_object();
        json_object_array_add(list, deep);
        sl_json_put(outer, "$and", list);
        deep = outer;
    }
    struct sl_find find = {.collection = "assets", .filter = deep};
    struct found found = {0};
    assert_fails(CALL(find, &find, note, &found, &err), SL_E_LEDGER_FILTER);
    json_object_put(deep);
    struct json_object *wide = json_object_new_object();
    for (int i = 0; i < 1000; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        sl_json_put_int(wide, name, i);
    }
    find.filter = wide;
    assert_fails(CALL(find, &find, note, &found, &err), SL_E_LEDGER_FILTER);
    json_object_put(wide);
}

static void expect_order(const char *sort, int64_t limit, int64_t skip, const char *expected)
{
    struct sl_find find = {.collection = "assets", .sort = sort, .limit = limit, .skip = skip};
    struct found found = {0};
    assert_ok(CALL(find, &find, note, &found, &err));
    if (strcmp(found.ids, expected) != 0)
        fail_msg("sort %s gave %s, expected %s", sort ? sort : "(none)", found.ids, expected);
}

static void test_sort_limit_and_skip(void **state)
{
    (void)state;
    fill();
    expect_order(NULL, 0, 0, "abcd");
    expect_order("_id:-1", 0, 0, "dcba");
    expect_order("metadata.n:1", 0, 0, "abdc"); /* numbers before texts */
    expect_order("metadata.n:-1", 0, 0, "cdba");
    expect_order("metadata.s:1", 0, 0, "dabc"); /* missing first, then by bytes */
    expect_order("metadata.flag:-1,_id:-1", 0, 0, "abdc");
    expect_order("version:1,dataset_id:-1", 0, 0, "dcba");
    expect_order(NULL, 2, 0, "ab");
    expect_order(NULL, 2, 3, "d");
    expect_order("_id:-1", 1, 1, "c");
    static const char *const bad[] = {"n:2", ":1", "n:", "a..b:1", "n:1:x", "a,b,c,d,e,f,g,h,i"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sl_find find = {.collection = "assets", .sort = bad[i]};
        struct found found = {0};
        assert_fails(CALL(find, &find, note, &found, &err), SL_E_LEDGER_FILTER);
    }
}

static int ask_again(void *data, struct json_object *doc, struct sl_error *e)
{
    struct json_object *asset = NULL;
    struct found inner = {0};
    struct sl_find find = {.collection = "assets", .limit = 1};
    int rc = ledger->ops->get_asset(ledger, sl_json_str(doc, "_id", ""), &asset, e);
    assert_non_null(asset);
    json_object_put(asset);
    ++*(int *)data;
    return rc < 0 ? rc : ledger->ops->find(ledger, &find, note, &inner, e);
}

static void test_a_visitor_may_use_the_ledger_and_may_stop(void **state)
{
    (void)state;
    int n = 0;
    fill();
    struct sl_find find = {.collection = "assets"};
    assert_ok(CALL(find, &find, ask_again, &n, &err));
    assert_int_equal(n, 4);
    struct found found = {.most = 2};
    assert_fails(CALL(find, &find, note, &found, &err), SL_E_CANCELLED);
    assert_string_equal(found.ids, "ab");
}

static void test_each_collection_can_be_searched(void **state)
{
    (void)state;
    fill();
    SL_CLEANUP(sl_json_putp) struct json_object *filter = ledger_json("{'batch_id':'b1','status':'succeeded'}");
    struct sl_find find = {.collection = "manifests", .filter = filter};
    struct found found = {0};
    assert_ok(CALL(find, &find, note, &found, &err));
    assert_string_equal(found.ids, "b");
    find.collection = "runs";
    assert_ok(CALL(find, &find, note, &found, &err));
    assert_string_equal(found.ids, "br");
}

int ledger_find_suite_run(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(test_filters_mean_what_they_mean_to_mongodb),
        LEDGER_TEST(test_filters_that_cannot_be_understood_say_what_is_wrong),
        LEDGER_TEST(test_a_filter_is_bounded),
        LEDGER_TEST(test_sort_limit_and_skip),
        LEDGER_TEST(test_a_visitor_may_use_the_ledger_and_may_stop),
        LEDGER_TEST(test_each_collection_can_be_searched),
    };
    return cmocka_run_group_tests_name("ledger find", tests, NULL, NULL);
}
