/* SPDX-License-Identifier: Apache-2.0 */
/* What only a directory tree can get wrong: names, links, files that people put there, what crashes leave, a full disk. */
#include "support/cm.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/fs/fs.h"
#include "store/store.h"

static char root[256];
static struct sl_store *store;
static struct sl_arena *arena;
static struct sl_error err;

static int set_up(void **state)
{
    (void)state;
    arena = sl_arena_new();
    cm_temp_dir(root, sizeof root, "fs");
    return sl_store_fs_open(root, &store, &err) || sl_store_bucket_make(store, "lake", &err);
}

static int tear_down(void **state)
{
    (void)state;
    sl_store_free(store);
    sl_arena_free(arena);
    return sl_dir_remove(root, NULL);
}

static char *in_root(const char *rel)
{
    return sl_path_join(arena, root, rel);
}

static void drop_file(const char *rel, const char *text)
{
    int fd = open(in_root(rel), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_ok(sl_file_write_all(fd, text, strlen(text), &err));
    close(fd);
}

static void put(const char *key, const char *text, const char *which)
{
    struct sl_meta meta = {0};
    if (which)
        sl_meta_add(&meta, "which", which);
    assert_ok(sl_store_put(store, "lake", key, text, strlen(text), &(struct sl_put_options){.meta = &meta}, NULL, &err));
}

static struct sl_object_info head(const char *key, const char *which)
{
    struct sl_object_info info = {0};
    struct sl_meta meta;
    assert_ok(sl_store_head(store, "lake", key, &info, &meta, &err));
    const char *got = sl_meta_get(&meta, "which");
    assert_string_equal(got ? got : "none", which ? which : "none");
    return info;
}

static int append_key(void *data, const struct sl_list_entry *entry, struct sl_error *e)
{
    (void)e;
    sl_buf_printf(data, "%s ", entry->key);
    return 0;
}

static void assert_listed(const char *expected)
{
    struct sl_buf buf;
    sl_buf_init(&buf, 10000);
    assert_ok(sl_store_list(store, "lake", "", NULL, 0, append_key, &buf, &err));
    assert_string_equal(buf.data, expected);
    sl_buf_free(&buf);
}

static int64_t sweep(int64_t age_s)
{
    int64_t removed = -1;
    assert_ok(sl_store_sweep(store, age_s, false, &removed, &err));
    return removed;
}

/* --- names --- */
static void encoded_names_are_reversible_and_distinct(void **state)
{
    (void)state;
    static const char alphabet[] = "%+.25E07F\x01\x7f";
    const size_t a = sizeof alphabet - 1;
    char key[6], rel[SL_FS_REL_BYTES], back[64];
    for (size_t length = 1; length <= 5; length++) {
        size_t total = 1;
        for (size_t i = 0; i < length; i++)
            total *= a;
        for (size_t code = 0; code < total; code++) {
            for (size_t i = 0, c = code; i < length; i++, c /= a)
                key[i] = alphabet[c % a];
            key[length] = '\0';
            assert_true(sl_fs__encode(key, length, rel, sizeof rel));
            /* Reversible, hence distinct. */
            if (!sl_fs__decode(rel, back) || strcmp(back, key) != 0)
                fail_msg("\"%s\" became \"%s\"", key, rel);
            size_t n;
            if (!strcmp(rel, ".") || !strcmp(rel, "..") || strchr(rel, '/') || sl_fs__continues(rel, &n))
                fail_msg("\"%s\" became \"%s\"", key, rel);
        }
    }
}

static void normal_names_stay_as_they_are(void **state)
{
    (void)state;
    static const char *const keys[] = {"roads/v1/roads.parquet", "100%.tif", "Zürich Straße/a+b=c&d (1).gpkg",
                                       ".hidden", "a%20b", "...", "manifests/b-1.json"};
    char rel[SL_FS_REL_BYTES];
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        assert_true(sl_fs__encode(keys[i], strlen(keys[i]), rel, sizeof rel));
        assert_string_equal(rel, keys[i]);
    }
}

static void no_component_is_longer_than_a_file_system_takes(void **state)
{
    (void)state;
    char key[SL_KEY_MAX_BYTES + 1], rel[SL_FS_REL_BYTES];
    for (int filler = 0; filler < 3; filler++) {
        for (size_t n = 200; n <= SL_KEY_MAX_BYTES; n++) {
            for (size_t i = 0; i < n; i++)
                key[i] = filler == 0 ? 'x' : filler == 1 ? '\x01' : i % 2 ? '\xa9' : '\xc3';
            key[n] = '\0';
            assert_true(sl_fs__encode(key, n, rel, sizeof rel));
            for (const char *p = rel; *p; p += strcspn(p, "/") + (p[strcspn(p, "/")] == '/'))
                assert_in_range(strcspn(p, "/"), 1, 255);
        }
    }
}

/* --- files that people put there --- */
static void objects_are_files_that_people_can_find(void **state)
{
    (void)state;
    struct sl_buf buf;
    sl_buf_init(&buf, 100);
    put("roads/v1/roads.parquet", "bytes", "x");
    assert_ok(sl_file_read(in_root("lake/roads/v1/roads.parquet"), &buf, &err));
    assert_string_equal(buf.data, "bytes");
    sl_buf_free(&buf);
}

static void file_dropped_in_a_bucket_is_an_object_without_metadata(void **state)
{
    (void)state;
    assert_ok(sl_dir_make(in_root("lake/batch"), 0755, &err));
    drop_file("lake/batch/a b.gpkg", "12345");
    assert_int_equal(head("batch/a b.gpkg", NULL).size_bytes, 5);
    assert_listed("batch/a b.gpkg ");
}

static void file_written_in_place_has_a_new_etag_and_no_metadata(void **state)
{
    (void)state;
    put("k", "one", "first");
    struct sl_object_info before = head("k", "first");
    drop_file("lake/k", "two");
    struct sl_object_info after = head("k", NULL);
    assert_string_not_equal(before.etag, after.etag);
    assert_fails(sl_store_put(store, "lake", "k", "x", 1, &(struct sl_put_options){.if_match = before.etag}, NULL, &err),
                 SL_E_STORE_PRECONDITION);
    assert_int_equal(sweep(0), 1);
    put("k", "three", "third");
    head("k", "third");
}

static void file_moved_over_an_object_with_its_size_and_time_has_a_new_etag(void **state)
{
    (void)state;
    struct stat st;
    put("k", "one", NULL);
    struct sl_object_info before = head("k", NULL);
    assert_int_equal(stat(in_root("lake/k"), &st), 0);
    drop_file("lake/other", "two");
    const struct timespec times[2] = {st.st_mtim, st.st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, in_root("lake/other"), times, 0), 0);
    assert_int_equal(rename(in_root("lake/other"), in_root("lake/k")), 0);
    assert_string_not_equal(before.etag, head("k", NULL).etag);
}

struct meddler {
    const char *how;
    size_t got;
    bool done;
};

static int meddle(void *data, const void *bytes, size_t n, struct sl_error *e)
{
    struct meddler *m = data;
    (void)bytes;
    (void)e;
    m->got += n;
    if (m->done)
        return 0;
    m->done = true;
    if (!strcmp(m->how, "truncate"))
        return truncate(in_root("lake/k"), 300000);
    int fd = open(in_root("lake/k"), O_WRONLY | (!strcmp(m->how, "append") ? O_APPEND : 0));
    int rc = fd < 0 || pwrite(fd, "XXXX", 4, 900000) != 4;
    close(fd);
    return rc;
}

static void writing_in_place_in_mid_read_is_noticed(void **state)
{
    (void)state;
    static const char *const ways[] = {"truncate", "append", "overwrite"};
    char *text = malloc(1000000);
    memset(text, 'A', 1000000);
    for (size_t i = 0; i < 3; i++) {
        struct meddler m = {.how = ways[i]};
        assert_ok(sl_store_put(store, "lake", "k", text, 1000000, NULL, NULL, &err));
        assert_fails(sl_store_get(store, "lake", "k", 0, -1, NULL, meddle, &m, NULL, &err), SL_E_STORE_CHANGED);
        m.done = false;
        assert_ok(sl_store_put(store, "lake", "k", text, 1000000, NULL, NULL, &err));
        assert_fails(sl_store_get(store, "lake", "k", 0, -1, head("k", NULL).etag, meddle, &m, NULL, &err),
                     SL_E_STORE_CHANGED);
    }
    free(text);
}

static void links_lead_nowhere(void **state)
{
    (void)state;
    struct sl_object_info info;
    char out[4096];
    char outside[256];
    cm_temp_dir(outside, sizeof outside, "outside");
    assert_ok(sl_file_write_durable(sl_path_join(arena, outside, "secret"), "secret", 6, 0600, &err));
    assert_int_equal(symlink(outside, in_root("lake/folder")), 0);
    assert_int_equal(symlink(sl_path_join(arena, outside, "secret"), in_root("lake/file")), 0);
    assert_int_equal(symlink(outside, in_root("linked-bucket")), 0);
    assert_fails(sl_store_head(store, "lake", "folder/secret", &info, NULL, &err), SL_E_STORE_NOT_FOUND);
    assert_fails(sl_store_head(store, "lake", "file", &info, NULL, &err), SL_E_STORE_NOT_FOUND);
    assert_fails(sl_store_hash(store, "lake", "file", NULL, out, NULL, &err), SL_E_STORE_NOT_FOUND);
    assert_fails(store->ops->local_path(store, "lake", "folder/secret", out, sizeof out, &err), SL_E_STORE_NOT_FOUND);
    assert_fails(sl_store_put(store, "lake", "folder/new", "x", 1, NULL, NULL, &err), SL_E_STORE_KEY);
    assert_true(sl_store_head(store, "linked-bucket", "secret", &info, NULL, &err) != 0);
    assert_true(sl_store_bucket_make(store, "linked-bucket", &err) != 0);
    assert_ok(sl_store_remove(store, "lake", "folder/secret", &err));
    assert_listed("");
    /* A put over a link replaces the link. */
    put("file", "new", NULL);
    assert_listed("file ");
    struct sl_buf buf;
    sl_buf_init(&buf, 100);
    assert_ok(sl_file_read(sl_path_join(arena, outside, "secret"), &buf, &err));
    assert_string_equal(buf.data, "secret");
    sl_buf_free(&buf);
    sl_dir_remove(outside, NULL);
}

static void pipes_and_folders_are_not_objects(void **state)
{
    (void)state;
    char hex[SL_SHA256_HEX_BYTES];
    assert_int_equal(mkfifo(in_root("lake/pipe"), 0644), 0);
    assert_ok(sl_dir_make(in_root("lake/folder"), 0755, &err));
    assert_fails(sl_store_hash(store, "lake", "pipe", NULL, hex, NULL, &err), SL_E_STORE_NOT_FOUND);
    assert_fails(sl_store_hash(store, "lake", "folder", NULL, hex, NULL, &err), SL_E_STORE_NOT_FOUND);
    assert_listed("");
}

static void names_of_no_key_are_not_listed(void **state)
{
    (void)state;
    assert_ok(sl_dir_make(in_root("lake/a%+"), 0755, &err));
    drop_file("lake/a%+/%+b", "would be a second name of ab");
    drop_file("lake/a%+/c", "in a folder of a name that goes on");
    drop_file("lake/x%2Ey", "would be a second name of x.y");
    drop_file("lake/bad\xff", "not UTF-8");
    drop_file("lake/%0A", "the key of a newline");
    drop_file("lake/ok", "");
    assert_listed("\n ok ");
}

/* --- folders --- */
static void remove_takes_empty_folders_along(void **state)
{
    (void)state;
    put("a/b/c/d", "x", NULL);
    put("a/e", "x", NULL);
    assert_ok(sl_store_remove(store, "lake", "a/b/c/d", &err));
    assert_false(sl_path_exists(in_root("lake/a/b")));
    assert_true(sl_path_exists(in_root("lake/a/e")));
    assert_ok(sl_store_remove(store, "lake", "a/e", &err));
    assert_false(sl_path_exists(in_root("lake/a")));
    assert_true(sl_path_exists(in_root("lake")));
}

static void empty_folder_in_the_way_makes_room(void **state)
{
    (void)state;
    assert_ok(sl_dir_make(in_root("lake/k"), 0755, &err));
    assert_ok(sl_store_put(store, "lake", "k", "x", 1, &(struct sl_put_options){.if_absent = true}, NULL, &err));
    assert_listed("k ");
}

/* --- crashes --- */
static void metadata_without_their_bytes_are_not_seen_and_are_swept(void **state)
{
    (void)state;
    /* As after a crash before the rename: metadata of bytes that never came. */
    put("k", "old", "old");
    put("new", "bytes", "new");
    assert_int_equal(unlink(in_root("lake/new")), 0);
    struct sl_object_info info;
    assert_fails(sl_store_head(store, "lake", "new", &info, NULL, &err), SL_E_STORE_NOT_FOUND);
    assert_int_equal(sweep(3600), 0);
    int64_t would;
    assert_ok(sl_store_sweep(store, 0, true, &would, &err));
    assert_int_equal(would, 1);
    assert_int_equal(sweep(0), 1);
    assert_int_equal(sweep(0), 0);
    head("k", "old");
}

static void old_temporary_files_are_swept_and_new_ones_kept(void **state)
{
    (void)state;
    drop_file(".sluice/tmp/left-by-a-crash", "x");
    assert_int_equal(sweep(3600), 0);
    assert_true(sl_path_exists(in_root(".sluice/tmp/left-by-a-crash")));
    assert_int_equal(sweep(0), 1);
    assert_false(sl_path_exists(in_root(".sluice/tmp/left-by-a-crash")));
}

static void failed_puts_leave_no_temporary_file(void **state)
{
    (void)state;
    char **names;
    size_t n;
    put("a/b", "x", NULL);
    assert_fails(sl_store_put(store, "lake", "a", "x", 1, NULL, NULL, &err), SL_E_STORE_KEY);
    assert_fails(sl_store_put(store, "lake", "a/b/c", "x", 1, NULL, NULL, &err), SL_E_STORE_KEY);
    assert_fails(sl_store_put(store, "lake", "a/b", "x", 1, &(struct sl_put_options){.if_absent = true}, NULL, &err),
                 SL_E_STORE_PRECONDITION);
    assert_ok(sl_dir_list(in_root(".sluice/tmp"), arena, &names, &n, &err));
    assert_int_equal(n, 0);
}

static void moved_tree_keeps_its_metadata(void **state)
{
    (void)state;
    put("k", "bytes", "x");
    sl_store_free(store);
    char *moved = sl_arena_printf(arena, "%s-moved", root);
    assert_int_equal(rename(root, moved), 0);
    snprintf(root, sizeof root, "%s", moved);
    assert_ok(sl_store_fs_open(root, &store, &err));
    head("k", "x");
}

static void root_that_is_a_file_does_not_open(void **state)
{
    (void)state;
    struct sl_store *s = NULL;
    drop_file("plain", "x");
    assert_fails(sl_store_fs_open(in_root("plain"), &s, &err), SL_E_IO);
    assert_null(s);
}

static void full_disk_is_said_and_loses_nothing(void **state)
{
    (void)state;
    char small[256];
    struct sl_store *s;
    cm_temp_dir(small, sizeof small, "full");
    if (geteuid() != 0 || mount("tmpfs", small, "tmpfs", 0, "size=2m") != 0) {
        print_message("skipped: a small file system to fill can only be mounted by root\n");
        rmdir(small);
        skip();
    }
    char *large = calloc(1, 4 << 20), hex[SL_SHA256_HEX_BYTES], old[SL_SHA256_HEX_BYTES];
    int opened = sl_store_fs_open(small, &s, &err) || sl_store_bucket_make(s, "lake", &err) ||
                 sl_store_put(s, "lake", "k", large, 1 << 20, NULL, NULL, &err);
    int rc = sl_store_put(s, "lake", "k", large, 4 << 20, NULL, NULL, &err);
    bool hint = err.hint[0];
    int read = sl_store_hash(s, "lake", "k", NULL, hex, NULL, NULL);
    int again = sl_store_put(s, "lake", "l", large, 512 << 10, NULL, NULL, NULL);
    sl_sha256_of(large, 1 << 20, old);
    free(large);
    sl_store_free(s);
    umount(small);
    rmdir(small);
    assert_int_equal(opened, 0);
    assert_int_equal(rc, -SL_E_DISK_FULL);
    assert_true(hint);
    assert_int_equal(read, 0);
    assert_string_equal(hex, old);
    assert_int_equal(again, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(encoded_names_are_reversible_and_distinct),
        T(normal_names_stay_as_they_are),
        T(no_component_is_longer_than_a_file_system_takes),
        T(objects_are_files_that_people_can_find),
        T(file_dropped_in_a_bucket_is_an_object_without_metadata),
        T(file_written_in_place_has_a_new_etag_and_no_metadata),
        T(file_moved_over_an_object_with_its_size_and_time_has_a_new_etag),
        T(writing_in_place_in_mid_read_is_noticed),
        T(links_lead_nowhere),
        T(pipes_and_folders_are_not_objects),
        T(names_of_no_key_are_not_listed),
        T(remove_takes_empty_folders_along),
        T(empty_folder_in_the_way_makes_room),
        T(metadata_without_their_bytes_are_not_seen_and_are_swept),
        T(old_temporary_files_are_swept_and_new_ones_kept),
        T(failed_puts_leave_no_temporary_file),
        T(moved_tree_keeps_its_metadata),
        T(root_that_is_a_file_does_not_open),
        T(full_disk_is_said_and_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
