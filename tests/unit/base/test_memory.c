/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include "base/arena.h"
#include "base/buf.h"

static void test_arena_memory_is_zeroed_and_aligned(void **state)
{
    (void)state;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    for (size_t bytes = 1; bytes < 300; bytes += 7) {
        unsigned char *p = sl_arena_alloc(arena, bytes);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < bytes; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xAA, bytes);
    }
}

static void test_arena_pieces_do_not_overlap(void **state)
{
    (void)state;
    enum { N = 400 };
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    unsigned char *p[N];
    size_t bytes[N];
    for (size_t i = 0; i < N; i++) {
        bytes[i] = i % 50 == 0 ? 40000 : 1 + i;
        p[i] = sl_arena_alloc(arena, bytes[i]);
        memset(p[i], (int)(i & 0xFF), bytes[i]);
    }
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < bytes[i]; k++)
            assert_int_equal(p[i][k], i & 0xFF);
}

static void test_arena_strings_are_copies(void **state)
{
    (void)state;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    char source[] = "parcel";
    char *copy = sl_arena_strdup(arena, source), *part = sl_arena_strndup(arena, source, 3);
    char *made = sl_arena_printf(arena, "%s-%d", source, 7);
    source[0] = 'X';
    assert_string_equal(copy, "parcel");
    assert_string_equal(part, "par");
    assert_string_equal(made, "parcel-7");
    assert_null(sl_arena_strdup(arena, NULL));
}

static char order[8];

static void note(void *data)
{
    strcat(order, data);
}

static void test_deferred_calls_run_last_registered_first(void **state)
{
    (void)state;
    struct sl_arena *arena = sl_arena_new();
    char a[] = "a", b[] = "b", c[] = "c";
    order[0] = '\0';
    sl_arena_defer(arena, note, a);
    sl_arena_defer(arena, note, b);
    sl_arena_defer(arena, note, c);
    assert_string_equal(order, "");
    sl_arena_free(arena);
    assert_string_equal(order, "cba");
    sl_arena_free(NULL);
}

static void test_buffer_takes_exactly_its_maximum(void **state)
{
    (void)state;
    struct sl_buf buf;
    struct sl_error err = {0};
    sl_buf_init(&buf, 10);
    assert_string_equal(buf.data, "");
    sl_buf_puts(&buf, "01234");
    sl_buf_printf(&buf, "%s", "56789");
    assert_false(buf.overflow);
    assert_ok(sl_buf_check(&buf, "b", &err));
    assert_string_equal(buf.data, "0123456789");
    sl_buf_putc(&buf, 'x');
    assert_true(buf.overflow);
    assert_int_equal(buf.len, 10);
    assert_fails(sl_buf_check(&buf, "the manifest", &err), SL_E_LIMIT);
    assert_string_equal(err.message, "the manifest is larger than 10 bytes");
    sl_buf_free(&buf);
}

static void test_buffer_stays_overflowed_until_cleared(void **state)
{
    (void)state;
    struct sl_buf buf;
    sl_buf_init(&buf, 4);
    sl_buf_puts(&buf, "abcdef");
    sl_buf_puts(&buf, "x");
    sl_buf_printf(&buf, "%d", 1);
    assert_int_equal(buf.len, 0);
    assert_true(buf.overflow);
    sl_buf_clear(&buf);
    sl_buf_puts(&buf, "abcd");
    assert_false(buf.overflow);
    assert_string_equal(buf.data, "abcd");
    sl_buf_free(&buf);
    assert_int_equal(buf.capacity, 0);
}

static void test_buffer_holds_nul_bytes_and_hands_over(void **state)
{
    (void)state;
    struct sl_buf buf;
    sl_buf_init(&buf, 1 << 20);
    for (int i = 0; i < 1000; i++)
        sl_buf_add(&buf, "a\0b", 3);
    assert_int_equal(buf.len, 3000);
    assert_int_equal(buf.data[3000], 0);
    char *data = sl_buf_detach(&buf);
    assert_memory_equal(data + 2997, "a\0b", 4);
    assert_int_equal(buf.len, 0);
    free(data);
    data = sl_buf_detach(&buf);
    assert_string_equal(data, "");
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_memory_is_zeroed_and_aligned),
        cmocka_unit_test(test_arena_pieces_do_not_overlap),
        cmocka_unit_test(test_arena_strings_are_copies),
        cmocka_unit_test(test_deferred_calls_run_last_registered_first),
        cmocka_unit_test(test_buffer_takes_exactly_its_maximum),
        cmocka_unit_test(test_buffer_stays_overflowed_until_cleared),
        cmocka_unit_test(test_buffer_holds_nul_bytes_and_hands_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
