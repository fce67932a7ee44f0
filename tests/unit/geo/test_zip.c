/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "geo/gdal/zip.h"

/* Archives built by hand: one that is well, and what hostile ones change in it. */
static const char PATH[] = "zip-test.zip";

struct made {
    unsigned char bytes[4096];
    size_t n, directory;
    unsigned entries;
};

static void put(struct made *m, const void *data, size_t n)
{
    memcpy(m->bytes + m->n, data, n);
    m->n += n;
}

static void put_le(struct made *m, unsigned long long value, int bytes)
{
    for (int i = 0; i < bytes; i++, value >>= 8)
        m->bytes[m->n++] = (unsigned char)value;
}

static void entry(struct made *m, const char *name, unsigned flags, unsigned method, unsigned packed, unsigned bytes)
{
    put(m, "PK\1\2", 4);
    put_le(m, 20, 2);
    put_le(m, 20, 2);
    put_le(m, flags, 2);
    put_le(m, method, 2);
    put_le(m, 0, 8);
    put_le(m, packed, 4);
    put_le(m, bytes, 4);
    put_le(m, strlen(name), 2);
    put_le(m, 0, 16);
    put(m, name, strlen(name));
    m->entries++;
}

static void begin(struct made *m)
{
    *m = (struct made){.n = 0};
    put(m, "PK\3\4", 4);
    m->n = 200; /* room for what the entries say they have */
    m->directory = m->n;
}

static void end(struct made *m)
{
    size_t bytes = m->n - m->directory;
    put(m, "PK\5\6", 4);
    put_le(m, 0, 4);
    put_le(m, m->entries, 2);
    put_le(m, m->entries, 2);
    put_le(m, bytes, 4);
    put_le(m, m->directory, 4);
    put_le(m, 0, 2);
}

static int check(const struct made *m, size_t n, struct sl_error *err)
{
    size_t entries = 0;
    FILE *f = fopen(PATH, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(m->bytes, 1, n, f), n);
    fclose(f);
    sl_error_clear(err);
    int rc = sl_zip_check(PATH, &entries, err);
    unlink(PATH);
    if (rc == 0)
        assert_int_equal(entries, m->entries);
    return rc;
}

static void a_plain_archive_passes(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct made m;
    begin(&m);
    entry(&m, "a/b.shp", 0, 8, 10, 90);
    entry(&m, "a/..b.dbf", 0, 0, 10, 10);
    end(&m);
    assert_int_equal(check(&m, m.n, &err), 0);
}

static void every_cut_is_noticed(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct made m;
    begin(&m);
    entry(&m, "a.shp", 0, 8, 10, 90);
    end(&m);
    for (size_t n = 0; n < m.n; n++)
        assert_int_equal(check(&m, n, &err), -SL_E_FILE_TRUNCATED);
}

static void names_that_leave_a_folder_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"../a", "a/../b", "a/..", "..", "/a", "\\a", "a\\..\\b", "a\nb", "", "a\x7f"};
    struct sl_error err = {0};
    struct made m;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        begin(&m);
        entry(&m, names[i], 0, 8, 1, 1);
        end(&m);
        assert_int_equal(check(&m, m.n, &err), -SL_E_FILE_FORMAT);
        assert_null(strchr(err.message, '\n'));
    }
}

static void encrypted_and_strange_methods_are_refused(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct made m;
    begin(&m);
    entry(&m, "a", 1, 8, 1, 1);
    end(&m);
    assert_int_equal(check(&m, m.n, &err), -SL_E_FILE_FORMAT);
    begin(&m);
    entry(&m, "a", 0, 12, 1, 1);
    end(&m);
    assert_int_equal(check(&m, m.n, &err), -SL_E_FILE_FORMAT);
    assert_non_null(strstr(err.message, "method 12"));
}

static void bombs_are_refused(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct made m;
    begin(&m);
    entry(&m, "large", 0, 8, 10, 4000000000U);
    end(&m);
    assert_int_equal(check(&m, m.n, &err), -SL_E_LIMIT);
    begin(&m);
    for (int i = 0; i < 10; i++)
        entry(&m, "overlapping", 0, 8, 150, 150);
    end(&m);
    assert_int_equal(check(&m, m.n, &err), -SL_E_FILE_FORMAT);
    begin(&m);
    entry(&m, "stored", 0, 0, 10, 20);
    end(&m);
    assert_int_equal(check(&m, m.n, &err), -SL_E_FILE_FORMAT);
}

static void no_byte_of_the_directory_makes_the_check_read_elsewhere(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct made m, changed;
    begin(&m);
    entry(&m, "a.shp", 0, 8, 10, 90);
    entry(&m, "a.dbf", 0, 8, 10, 90);
    end(&m);
    static const unsigned char values[] = {0, 1, 0x7F, 0x80, 0xFF};
    int refused = 0;
    for (size_t at = m.directory; at < m.n; at++) {
        for (size_t k = 0; k < sizeof values; k++) {
            changed = m;
            changed.bytes[at] = values[k];
            size_t entries = 0;
            FILE *f = fopen(PATH, "wb");
            assert_non_null(f);
            assert_int_equal(fwrite(changed.bytes, 1, changed.n, f), changed.n);
            fclose(f);
            refused += sl_zip_check(PATH, &entries, &err) != 0;
            unlink(PATH);
        }
    }
    assert_true(refused > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_archive_passes),
        cmocka_unit_test(every_cut_is_noticed),
        cmocka_unit_test(names_that_leave_a_folder_are_refused),
        cmocka_unit_test(encrypted_and_strange_methods_are_refused),
        cmocka_unit_test(bombs_are_refused),
        cmocka_unit_test(no_byte_of_the_directory_makes_the_check_read_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
