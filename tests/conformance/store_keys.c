/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and buckets that somebody chose: each key is one object of its own and comes back as it was, or is refused. */
#include "conformance/store_suite.h"

#include "store/store.h"

/* Cases' names hold the key in printable form; a key of its own case is "k …". */
struct key_case {
    const char *name, *key;
};

#define X50  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X250 X50 X50 X50 X50 X50
#define X255 X250 "xxxxx"
#define E10  "éééééééééé"
#define E100 E10 E10 E10 E10 E10 E10 E10 E10 E10 E10

static const struct key_case good_keys[] = {
    {"key: plain", "roads.gpkg"},
    {"key: folders", "roads/v1/roads.parquet"},
    {"key: deep", "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p"},
    {"key: one dot", "."},
    {"key: two dots", ".."},
    {"key: three dots", "..."},
    {"key: parent at the front", "../secret"},
    {"key: parent inside", "a/../b"},
    {"key: parents far up", "../../../../../../etc/passwd"},
    {"key: parent at the end", "a/.."},
    {"key: self inside", "a/./b"},
    {"key: hidden file", ".profile"},
    {"key: the store's own folder", ".sluice/meta/x"},
    {"key: leading slash", "/etc/passwd"},
    {"key: only a slash", "/"},
    {"key: only slashes", "///"},
    {"key: trailing slash", "folder/"},
    {"key: two trailing slashes", "folder//"},
    {"key: empty component", "a//b"},
    {"key: percent", "%"},
    {"key: two percent", "%%"},
    {"key: percent in a name", "100%.tif"},
    {"key: encoded slash", "a%2Fb"},
    {"key: encoded dot", "%2E%2E/x"},
    {"key: encoded percent", "a%25b"},
    {"key: encoded NUL", "a%00b"},
    {"key: lower-case escape", "a%0ab"},
    {"key: upper-case escape", "a%0Ab"},
    {"key: ends in percent", "a%"},
    {"key: ends in a mark", "a%+"},
    {"key: starts with a mark", "%+a"},
    {"key: mark as a folder", "a%+/%+b"},
    {"key: only a mark", "%+"},
    {"key: space", " "},
    {"key: spaces around", " a b "},
    {"key: newline", "a\nb"},
    {"key: carriage return and escape", "a\r\x1b[31mb"},
    {"key: tab and DEL", "a\tb\x7f"},
    {"key: all of the shell", "$(rm -rf *);`x`|&<>'\"\\?*[]{}~!#"},
    {"key: backslashes", "..\\..\\x"},
    {"key: equals and plus", "a=b+c&d"},
    {"key: colon", "C:con"},
    {"key: umlauts", "Zürich/Straße.gpkg"},
    {"key: combining accent", "Zu\xcc\x88rich"},
    {"key: other scripts", "東京/Москва/القاهرة"},
    {"key: emoji", "🗺️.tif"},
    {"key: right-to-left override", "a\xe2\x80\xae" "fig.exe"},
    {"key: highest code point", "\xf4\x8f\xbf\xbf"},
    {"key: C1 control", "a\xc2\x85z"},
    {"key: component of 255 bytes", X255},
    {"key: component of 256 bytes", X255 "y"},
    {"key: component of 600 bytes", X250 X250 X50 X50},
    {"key: long component that ends in dots", X250 "xxx" ".."},
    {"key: long component with a name below", X250 X50 "/name"},
    {"key: long component of two-byte characters", E100 E100 "/" E10},
    {"key: long component of percent signs", "%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%"
                                             "%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%"
                                             "%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%"
                                             "%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%"},
};

/* A key that the server behind the store cannot hold: refused everywhere in the same words, and nothing has happened. */
static void expect_refused(const char *key)
{
    struct sl_object_info info;
    assert_false(sl_store_has(suite_store, SL_STORE_ANY_KEY));
    assert_int_equal(err.code, SL_E_STORE_KEY);
    assert_true(err.hint[0]);
    assert_true(sl_store_head(suite_store, SUITE_BUCKET, key, &info, NULL, &err) != 0);
    assert_string_equal(suite_keys("", NULL, 0), "bystander\n");
}

static void key_is_an_object_of_its_own(void **state)
{
    const struct key_case *c = *state;
    char line[SL_KEY_MAX_BYTES + 2];
    struct sl_meta meta = {0}, got;
    struct sl_object_info info;
    sl_meta_add(&meta, "a", "1");
    const struct sl_put_options o = {.meta = &meta};
    suite_put("bystander", "here");
    int rc = sl_store_put(suite_store, SUITE_BUCKET, c->key, "text", 4, &o, NULL, &err);
    if (rc == -SL_E_STORE_KEY) {
        expect_refused(c->key);
        print_message("          refused, as this store may: %s\n", c->name);
        return;
    }
    assert_ok(rc);
    suite_expect(c->key, "text");
    assert_ok(sl_store_head(suite_store, SUITE_BUCKET, c->key, &info, &got, &err));
    assert_int_equal(info.size_bytes, 4);
    assert_string_equal(sl_meta_get(&got, "a"), "1");
    snprintf(line, sizeof line, "%s\n", c->key);
    assert_string_equal(suite_keys(c->key, NULL, 0), line);
    assert_ok(sl_store_copy(suite_store, SUITE_BUCKET, c->key, SUITE_OTHER, c->key, NULL, NULL, &err));
    assert_ok(sl_store_remove(suite_store, SUITE_BUCKET, c->key, &err));
    assert_fails(sl_store_head(suite_store, SUITE_BUCKET, c->key, &info, NULL, &err), SL_E_STORE_NOT_FOUND);
    assert_ok(sl_store_head(suite_store, SUITE_OTHER, c->key, &info, NULL, &err));
    assert_string_equal(suite_keys("", NULL, 0), "bystander\n");
}

/* Pairs that a careless encoding would take for the same. */
static void similar_keys_stay_apart(void **state)
{
    (void)state;
    static const char *const keys[] = {"a%2Fb", "a%2fb", "A%2Fb", "%2E", "%2E%2E", "%", "%25", "%2525", "%0A",  "%0a",
                                       "\n",    "%7F",   "\x7f",  "%+",  "%25+",   "a", "a ",  "A",     "a\\b", "..a",
                                       "Z\xc3\xbc", "Zu\xcc\x88", ".", "..", "%+x", "x%+", X255, X255 "x", X255 "y"};
    const char *held[sizeof keys / sizeof *keys];
    size_t n = 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (suite_try_put(keys[i], keys[i]))
            held[n++] = keys[i];
    assert_true(n >= 20);
    for (size_t i = 0; i < n; i++)
        suite_expect(held[i], held[i]);
    for (size_t i = 0; i < n; i++) {
        assert_ok(sl_store_remove(suite_store, SUITE_BUCKET, held[i], &err));
        for (size_t k = i + 1; k < n; k++)
            suite_expect(held[k], held[k]);
    }
    assert_string_equal(suite_keys("", NULL, 0), "");
}

/* Each slash-separated part has `part` bytes. */
static void fill_key(char key[SL_KEY_MAX_BYTES + 1], size_t part)
{
    for (size_t i = 0; i < SL_KEY_MAX_BYTES; i++)
        key[i] = (i + 1) % (part + 1) ? 'k' : '/';
    key[SL_KEY_MAX_BYTES - 1] = 'k';
    key[SL_KEY_MAX_BYTES] = '\0';
}

static void longest_key_is_taken_and_one_byte_more_refused(void **state)
{
    (void)state;
    static char key[SL_KEY_MAX_BYTES + 2];
    static const size_t parts[] = {SL_KEY_MAX_BYTES, 250, 1};
    for (size_t i = 0; i < 3; i++) {
        fill_key(key, parts[i]);
        if (!suite_try_put(key, "text")) {
            assert_true(i != 1);
            continue;
        }
        suite_expect(key, "text");
        assert_int_equal(strlen(suite_keys("k", NULL, 0)), SL_KEY_MAX_BYTES + 1);
        assert_ok(sl_store_remove(suite_store, SUITE_BUCKET, key, &err));
    }
    key[SL_KEY_MAX_BYTES] = 'k';
    assert_fails(sl_store_put(suite_store, SUITE_BUCKET, key, "x", 1, NULL, NULL, &err), SL_E_STORE_KEY);
}

static void longest_key_of_controls_is_taken(void **state)
{
    (void)state;
    static char key[SL_KEY_MAX_BYTES + 1];
    memset(key, 1, SL_KEY_MAX_BYTES);
    bool taken = suite_try_put(key, "text");
    assert_int_equal(strlen(suite_keys("", NULL, 0)), taken ? SL_KEY_MAX_BYTES + 1 : 0);
}

/* Where a server cannot tell them apart, it must not be asked to. */
static void leading_slash_is_no_second_name_of_a_key(void **state)
{
    (void)state;
    suite_put("etc/x", "plain");
    if (suite_try_put("/etc/x", "slash"))
        suite_expect("/etc/x", "slash");
    suite_expect("etc/x", "plain");
    (void)sl_store_remove(suite_store, SUITE_BUCKET, "/etc/x", &err);
    suite_expect("etc/x", "plain");
}

static const struct key_case bad_keys[] = {
    {"bad key: empty", ""},
    {"bad key: stray continuation byte", "a\x80"},
    {"bad key: Latin-1", "Z\xfcrich"},
    {"bad key: overlong slash", "a\xc0\xaf" "b"},
    {"bad key: surrogate", "\xed\xa0\x80"},
    {"bad key: cut character", "a\xe2\x82"},
    {"bad key: beyond Unicode", "\xf4\x90\x80\x80"},
};

static void bad_key_is_refused(void **state)
{
    const struct key_case *c = *state;
    struct sl_object_info info;
    assert_fails(sl_store_put(suite_store, SUITE_BUCKET, c->key, "x", 1, NULL, NULL, &err), SL_E_STORE_KEY);
    assert_fails(sl_store_head(suite_store, SUITE_BUCKET, c->key, &info, NULL, &err), SL_E_STORE_KEY);
    assert_fails(sl_store_remove(suite_store, SUITE_BUCKET, c->key, &err), SL_E_STORE_KEY);
    suite_put("good", "x");
    assert_fails(sl_store_copy(suite_store, SUITE_BUCKET, "good", SUITE_BUCKET, c->key, NULL, NULL, &err),
                 SL_E_STORE_KEY);
    assert_string_equal(suite_keys("", NULL, 0), "good\n");
}

static const struct key_case bad_buckets[] = {
    {"bad bucket: empty", ""},
    {"bad bucket: short", "ab"},
    {"bad bucket: long", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    {"bad bucket: parent", "../x"},
    {"bad bucket: dots", "..."},
    {"bad bucket: hidden", ".sluice"},
    {"bad bucket: slash", "a/b"},
    {"bad bucket: upper case", "Data"},
    {"bad bucket: space", "a b"},
    {"bad bucket: two dots inside", "a..b"},
    {"bad bucket: not ASCII", "z\xc3\xbcrich"},
    {"bad bucket: hyphen at the end", "data-"},
};

static void bad_bucket_is_refused(void **state)
{
    const struct key_case *c = *state;
    struct sl_object_info info;
    assert_fails(sl_store_bucket_make(suite_store, c->key, &err), SL_E_STORE_KEY);
    assert_fails(sl_store_put(suite_store, c->key, "k", "x", 1, NULL, NULL, &err), SL_E_STORE_KEY);
    assert_fails(sl_store_head(suite_store, c->key, "k", &info, NULL, &err), SL_E_STORE_KEY);
}

static bool holds_both(void)
{
    return sl_store_has(suite_store, SL_STORE_PREFIX_KEYS);
}

static void key_below_an_object_is_kept_or_refused_clearly(void **state)
{
    (void)state;
    suite_put("a", "one");
    int rc = sl_store_put(suite_store, SUITE_BUCKET, "a/b", "two", 3, NULL, NULL, &err);
    if (holds_both()) {
        assert_ok(rc);
        suite_expect("a/b", "two");
    } else {
        assert_fails(rc, SL_E_STORE_KEY);
        assert_true(err.hint[0]);
        assert_string_equal(suite_keys("", NULL, 0), "a\n");
    }
    suite_expect("a", "one");
}

static void key_above_objects_is_kept_or_refused_clearly(void **state)
{
    (void)state;
    suite_put("a/b", "one");
    int rc = sl_store_put(suite_store, SUITE_BUCKET, "a", "two", 3, NULL, NULL, &err);
    if (holds_both()) {
        assert_ok(rc);
        suite_expect("a", "two");
    } else {
        assert_fails(rc, SL_E_STORE_KEY);
        assert_true(err.hint[0]);
        assert_string_equal(suite_keys("", NULL, 0), "a/b\n");
    }
    suite_expect("a/b", "one");
}

static void reading_below_an_object_is_not_found(void **state)
{
    (void)state;
    struct sl_object_info info;
    suite_put("a", "one");
    assert_fails(sl_store_head(suite_store, SUITE_BUCKET, "a/b", &info, NULL, &err), SL_E_STORE_NOT_FOUND);
    assert_fails(sl_store_head(suite_store, SUITE_BUCKET, "a/", &info, NULL, &err), SL_E_STORE_NOT_FOUND);
    assert_ok(sl_store_remove(suite_store, SUITE_BUCKET, "a/b", &err));
    suite_expect("a", "one");
    assert_string_equal(suite_keys("a/", NULL, 0), "");
}

void suite_add_keys(struct CMUnitTest *tests, size_t *n)
{
    for (size_t i = 0; i < sizeof good_keys / sizeof *good_keys; i++)
        suite_add(tests, n, good_keys[i].name, key_is_an_object_of_its_own, &good_keys[i]);
    for (size_t i = 0; i < sizeof bad_keys / sizeof *bad_keys; i++)
        suite_add(tests, n, bad_keys[i].name, bad_key_is_refused, &bad_keys[i]);
    for (size_t i = 0; i < sizeof bad_buckets / sizeof *bad_buckets; i++)
        suite_add(tests, n, bad_buckets[i].name, bad_bucket_is_refused, &bad_buckets[i]);
    SUITE_CASE(similar_keys_stay_apart);
    SUITE_CASE(longest_key_is_taken_and_one_byte_more_refused);
    SUITE_CASE(longest_key_of_controls_is_taken);
    SUITE_CASE(leading_slash_is_no_second_name_of_a_key);
    SUITE_CASE(key_below_an_object_is_kept_or_refused_clearly);
    SUITE_CASE(key_above_objects_is_kept_or_refused_clearly);
    SUITE_CASE(reading_below_an_object_is_not_found);
}
