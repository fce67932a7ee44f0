/* SPDX-License-Identifier: Apache-2.0 */
/* The files here are built byte by byte: a full image of 500 × 400, an overview of 250 × 200, tiles of 256 × 256. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <sluice/error.h>

#include "base/sha256.h"
#include "lake/cog/cog.h"

enum { TILE_BYTES = 16, FILE_MAX = 4096 };

struct layout {
    bool big_endian, bigtiff, mask, overview_last, no_overview, strips, one_tile_less, sparse, page, same_twice;
};

struct file {
    unsigned char bytes[FILE_MAX];
    size_t len;
    struct layout is;
};

static void put_at(struct file *f, size_t at, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        f->bytes[at + (f->is.big_endian ? bytes - 1 - i : i)] = (unsigned char)(v >> 8 * i);
}

static size_t put(struct file *f, uint64_t v, unsigned bytes)
{
    size_t at = f->len;
    assert_true(at + bytes <= FILE_MAX);
    put_at(f, at, v, bytes);
    f->len += bytes;
    return at;
}

static unsigned word(const struct file *f)
{
    return f->is.bigtiff ? 8 : 4;
}

static void put_entry(struct file *f, unsigned tag, unsigned type, uint64_t count, uint64_t v)
{
    unsigned bytes = type == 3 ? 2 : type == 16 ? 8 : 4;
    put(f, tag, 2);
    put(f, type, 2);
    put(f, count, word(f));
    size_t at = put(f, 0, word(f));
    put_at(f, at, v, count > 1 ? word(f) : bytes);
}

/* Returns where the link to the next directory stands; *offsets is where the tile offsets do. */
static size_t put_directory(struct file *f, unsigned subfile, unsigned width, unsigned height, unsigned tiles,
                            size_t *offsets)
{
    unsigned pointer_type = f->is.bigtiff ? 16 : 4;
    size_t start = f->len, bytes = (f->is.bigtiff ? 8 : 2) + 7 * (f->is.bigtiff ? 20u : 12u) + word(f);
    *offsets = start + bytes;
    put(f, 7, f->is.bigtiff ? 8 : 2);
    put_entry(f, 254, 4, 1, subfile);
    put_entry(f, 256, 3, 1, width);
    put_entry(f, 257, 3, 1, height);
    put_entry(f, 322, 3, 1, 256);
    put_entry(f, 323, 3, 1, 256);
    if (tiles == 1) { /* a single value stands in the entry itself */
        *offsets = f->len + 4 + word(f);
        put_entry(f, f->is.strips ? 273 : 324, pointer_type, 1, 0);
        put_entry(f, 325, 4, 1, TILE_BYTES);
        return put(f, 0, word(f));
    }
    put_entry(f, f->is.strips ? 273 : 324, pointer_type, tiles, *offsets);
    put_entry(f, 325, 4, tiles, *offsets + tiles * word(f));
    size_t link = put(f, 0, word(f));
    for (unsigned i = 0; i < tiles; i++)
        put(f, 0, word(f));
    for (unsigned i = 0; i < tiles; i++)
        put(f, TILE_BYTES, 4);
    return link;
}

static void put_tiles(struct file *f, size_t offsets, unsigned tiles)
{
    for (unsigned i = 0; i < tiles; i++) {
        put_at(f, offsets + i * word(f), f->len, word(f));
        for (int b = 0; b < TILE_BYTES; b++)
            put(f, 0xAB, 1);
    }
}

static struct file build(struct layout is)
{
    struct file f = {.is = is};
    size_t main_offsets, overview_offsets = 0, mask_offsets = 0, link;
    unsigned tiles = is.one_tile_less ? 3 : 4;
    memcpy(f.bytes, is.big_endian ? "MM" : "II", 2);
    f.len = 2;
    put(&f, is.bigtiff ? 43 : 42, 2);
    if (is.bigtiff) {
        put(&f, 8, 2);
        put(&f, 0, 2);
    }
    put(&f, is.bigtiff ? 16 : 8, word(&f));
    link = put_directory(&f, is.page ? 2 : 0, 500, 400, tiles, &main_offsets);
    if (is.mask) {
        put_at(&f, link, f.len, word(&f));
        link = put_directory(&f, 4, 500, 400, 4, &mask_offsets);
    }
    if (!is.no_overview) {
        put_at(&f, link, f.len, word(&f));
        link = is.same_twice ? put_directory(&f, 1, 500, 400, 4, &overview_offsets)
                             : put_directory(&f, 1, 250, 200, 1, &overview_offsets);
        if (!is.overview_last)
            put_tiles(&f, overview_offsets, is.same_twice ? 4 : 1);
    }
    if (is.sparse) {
        for (unsigned i = 0; i < 4; i++) {
            put_at(&f, main_offsets + i * word(&f), 0, word(&f));
            put_at(&f, main_offsets + 4 * word(&f) + i * 4, 0, 4);
        }
    } else {
        put_tiles(&f, main_offsets, tiles);
    }
    if (is.mask)
        put_tiles(&f, mask_offsets, 4);
    if (!is.no_overview && is.overview_last)
        put_tiles(&f, overview_offsets, 1);
    return f;
}

static int check_bytes(const void *bytes, size_t len, struct sl_cog_facts *facts, struct sl_error *err)
{
    char path[] = "/tmp/sluice-cog-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
    int rc = sl_cog_check(path, true, facts, err);
    unlink(path);
    return rc;
}

static void assert_broken(struct layout is, const char *rule)
{
    struct file f = build(is);
    struct sl_cog_facts facts = {.width = 7};
    struct sl_error err = {0};
    int rc = check_bytes(f.bytes, f.len, &facts, &err);
    if (rc != -(int)SL_E_OUTPUT_INVALID || !strstr(err.message, rule))
        fail_msg("rc %d, \"%s\" is not about: %s", rc, err.message, rule);
    assert_int_equal(facts.width, 7);
}

static void test_a_sound_file_gives_its_facts_in_every_dialect_of_tiff(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        struct file f = build((struct layout){.big_endian = i & 1, .bigtiff = i & 2, .mask = i & 4});
        struct sl_cog_facts facts;
        struct sl_error err = {0};
        char hex[SL_SHA256_HEX_BYTES];
        if (check_bytes(f.bytes, f.len, &facts, &err) < 0)
            fail_msg("dialect %d: %s", i, err.message);
        sl_sha256_of(f.bytes, f.len, hex);
        assert_int_equal(facts.width, 500);
        assert_int_equal(facts.height, 400);
        assert_int_equal(facts.overviews, 1);
        assert_int_equal(facts.size_bytes, f.len);
        assert_string_equal(facts.sha256_hex, hex);
    }
}

static void test_tiles_that_are_not_stored_are_sound(void **state)
{
    (void)state;
    struct file f = build((struct layout){.sparse = true});
    struct sl_cog_facts facts;
    struct sl_error err = {0};
    if (check_bytes(f.bytes, f.len, &facts, &err) < 0)
        fail_msg("%s", err.message);
}

static void test_each_broken_rule_is_named(void **state)
{
    (void)state;
    assert_broken((struct layout){.overview_last = true}, "the data of an overview stands behind");
    assert_broken((struct layout){.no_overview = true}, "overviews don't go down to one block");
    assert_broken((struct layout){.strips = true}, "in strips");
    assert_broken((struct layout){.one_tile_less = true}, "the number of tiles");
    assert_broken((struct layout){.page = true}, "more than one page");
    assert_broken((struct layout){.same_twice = true}, "overviews don't become smaller");
}

static void test_what_is_no_tiff_is_said_to_be_none(void **state)
{
    (void)state;
    struct sl_error err = {0};
    assert_int_equal(check_bytes("", 0, NULL, &err), -(int)SL_E_OUTPUT_INVALID);
    assert_int_equal(check_bytes("<VRTDataset rasterXSize=\"1\">", 27, NULL, &err), -(int)SL_E_OUTPUT_INVALID);
    assert_non_null(strstr(err.message, "it is not a TIFF"));
    assert_int_equal(sl_cog_check("/nonexistent/x.tif", true, NULL, &err), -(int)SL_E_FILE_MISSING);
}

static void test_a_chain_of_directories_that_turns_back_is_refused(void **state)
{
    (void)state;
    struct file f = build((struct layout){.no_overview = true});
    put_at(&f, 8 + 2 + 7 * 12, 8, 4);
    struct sl_error err = {0};
    assert_int_equal(check_bytes(f.bytes, f.len, NULL, &err), -(int)SL_E_OUTPUT_INVALID);
    assert_non_null(strstr(err.message, "stands before"));
}

static void test_every_shorter_file_is_refused(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++) {
        struct file f = build((struct layout){.bigtiff = big, .mask = true});
        for (size_t len = 0; len < f.len; len++) {
            struct sl_error err = {0};
            if (check_bytes(f.bytes, len, NULL, &err) != -(int)SL_E_OUTPUT_INVALID)
                fail_msg("taken at %zu of %zu bytes", len, f.len);
        }
    }
}

/* Nothing is claimed of the verdict, which may be "sound"; the sanitizers watch. */
static void test_flipped_bytes_are_read_within_bounds(void **state)
{
    (void)state;
    static const unsigned char flips[] = {0x01, 0x80, 0xFF};
    for (int big = 0; big < 2; big++) {
        struct file f = build((struct layout){.bigtiff = big, .mask = true});
        for (size_t i = 0; i < f.len; i++)
            for (size_t k = 0; k < sizeof flips; k++) {
                struct sl_error err = {0};
                f.bytes[i] ^= flips[k];
                int rc = check_bytes(f.bytes, f.len, NULL, &err);
                assert_true(rc == 0 || rc == -(int)SL_E_OUTPUT_INVALID);
                f.bytes[i] ^= flips[k];
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sound_file_gives_its_facts_in_every_dialect_of_tiff),
        cmocka_unit_test(test_tiles_that_are_not_stored_are_sound),
        cmocka_unit_test(test_each_broken_rule_is_named),
        cmocka_unit_test(test_what_is_no_tiff_is_said_to_be_none),
        cmocka_unit_test(test_a_chain_of_directories_that_turns_back_is_refused),
        cmocka_unit_test(test_every_shorter_file_is_refused),
        cmocka_unit_test(test_flipped_bytes_are_read_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
