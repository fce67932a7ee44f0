/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/wait.h>
#include <unistd.h>

#include "catalog/catalog.h"
#include "support/cluster.h"
#include "support/cm.h"

#define ID_1 "01890a5d-ac96-774b-bcce-b302099a8057"
#define ID_2 "01890a5d-ac96-774b-bcce-b302099a8058"
#define HASH "sha256:77aa000000000000000000000000000000000000000000000000000000000000"

static struct test_cluster cluster;
static struct sl_error err;
static struct sl_catalog *catalog;

static int set_up(void **state)
{
    (void)state;
    if (test_cluster_open(&cluster, NULL, true, &err) == 0 && sl_catalog_open(&cluster.target, &catalog, &err) == 0)
        return 0;
    print_error("%s (%s)\n", err.message, err.hint);
    return -1;
}

static int tear_down(void **state)
{
    (void)state;
    sl_catalog_close(catalog);
    test_cluster_close(&cluster);
    return 0;
}

static void run_sql(const char *sql)
{
    struct sl_pg *pg = NULL;
    assert_ok(sl_pg_open(&cluster.target, "test", &pg, &err));
    assert_ok(sl_pg_exec(pg, sql, &err));
    sl_pg_close(pg);
}

static int64_t ask(const char *sql)
{
    struct sl_pg *pg = NULL;
    int64_t value = -1;
    assert_ok(sl_pg_open(&cluster.target, "test", &pg, &err));
    assert_ok(sl_pg_query_int(pg, sql, 0, NULL, -1, &value, &err));
    sl_pg_close(pg);
    return value;
}

static void test_processes_that_migrate_at_once_apply_each_migration_once(void **state)
{
    (void)state;
    enum { PROCESSES = 6 };
    pid_t pids[PROCESSES];
    int total = 0;
    for (int i = 0; i < PROCESSES; i++) {
        if ((pids[i] = fork()) == 0) {
            struct sl_catalog *own = NULL;
            int applied = 100;
            if (sl_catalog_open(&cluster.target, &own, NULL) == 0 && sl_catalog_migrate(own, &applied, NULL) < 0)
                applied = 101;
            sl_catalog_close(own);
            _exit(applied);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status = 0;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status));
        total += WEXITSTATUS(status);
    }
    assert_int_equal(total, ask("SELECT count(*) FROM catalog.migrations"));
    assert_true(total > 0);
    int applied = -1;
    assert_ok(sl_catalog_migrate(catalog, &applied, &err));
    assert_int_equal(applied, 0);
}

static void test_raw_files_has_the_columns_that_operators_know(void **state)
{
    (void)state;
    assert_int_equal(ask("SELECT count(*) FROM information_schema.columns WHERE table_schema = 'catalog'"
                         " AND table_name = 'raw_files'"),
                     6);
    assert_int_equal(ask("SELECT count(*) FROM information_schema.columns WHERE table_schema = 'catalog'"
                         " AND table_name = 'raw_files' AND is_nullable = 'NO' AND (column_name, data_type) IN"
                         " (('id','uuid'),('source','text'),('dataset','text'),('date','date'),('s3_key','text'),"
                         "('created_at','timestamp with time zone'))"),
                     6);
}

static void test_a_changed_or_unknown_migration_is_refused(void **state)
{
    (void)state;
    run_sql("UPDATE catalog.migrations SET sha256 = repeat('0', 64) || sha256 WHERE number = 1");
    assert_fails(sl_catalog_migrate(catalog, NULL, &err), SL_E_POSTGRES);
    assert_contains(err.message, "0001_catalog.sql");
    run_sql("UPDATE catalog.migrations SET sha256 = right(sha256, 64) WHERE number = 1;"
            "INSERT INTO catalog.migrations (number, name, sha256) VALUES (9999, '9999_later.sql', 'x')");
    assert_fails(sl_catalog_migrate(catalog, NULL, &err), SL_E_POSTGRES);
    assert_contains(err.message, "9999_later.sql");
    run_sql("DELETE FROM catalog.migrations WHERE number = 9999");
    assert_ok(sl_catalog_migrate(catalog, NULL, &err));
}

static struct sl_raw_file raw(const char *id, const char *key)
{
    return (struct sl_raw_file){.id = id, .source = "ana", .dataset = "roads", .date = "2026-11-21", .s3_key = key,
                                .bucket = "raw-vault", .content_hash = HASH, .size_bytes = 180, .batch_id = "b-1",
                                .run_id = ID_1, .landing_path = "b-1/roads.GPKG", .role = "main"};
}

static int count_files(void *data, const struct sl_raw_file *file, struct sl_error *e)
{
    (void)e;
    assert_string_equal(file->date, "2026-11-21");
    assert_int_equal(file->size_bytes, 180);
    ++*(int *)data;
    return 0;
}

static void test_a_raw_file_is_entered_once(void **state)
{
    (void)state;
    struct sl_raw_file file = raw(ID_1, "ana/roads/2026-11-21/1.gpkg"), other = raw(ID_2, "ana/x/2026-11-21/2");
    assert_ok(sl_catalog_put_raw_file(catalog, &file, &err));
    assert_ok(sl_catalog_put_raw_file(catalog, &file, &err));
    file.content_hash = "sha256:other";
    assert_fails(sl_catalog_put_raw_file(catalog, &file, &err), SL_E_POSTGRES_CONFLICT);
    file = raw(ID_2, "ana/roads/2026-11-21/1.gpkg");
    assert_fails(sl_catalog_put_raw_file(catalog, &file, &err), SL_E_POSTGRES_CONFLICT);
    other.batch_id = "b-2";
    assert_ok(sl_catalog_put_raw_file(catalog, &other, &err));
    int n = 0;
    assert_ok(sl_catalog_list_raw_files(catalog, NULL, count_files, &n, &err));
    assert_int_equal(n, 2);
    assert_ok(sl_catalog_list_raw_files(catalog, "b-1", count_files, &n, &err));
    assert_int_equal(n, 3);
}

static void test_a_raw_file_is_found_by_hash_size_and_extension(void **state)
{
    (void)state;
    struct sl_raw_file found_file = {0};
    bool found = false;
    assert_ok(sl_catalog_find_raw_file(catalog, HASH, 180, "gpkg", cluster.arena, &found, &found_file, &err));
    assert_true(found);
    assert_string_equal(found_file.id, ID_1);
    assert_ok(sl_catalog_find_raw_file(catalog, HASH, 180, "", cluster.arena, &found, &found_file, &err));
    assert_true(found);
    assert_string_equal(found_file.id, ID_2);
    assert_ok(sl_catalog_find_raw_file(catalog, HASH, 181, "gpkg", cluster.arena, &found, &found_file, &err));
    assert_false(found);
    assert_ok(sl_catalog_find_raw_file(catalog, HASH, 180, "pkg", cluster.arena, &found, &found_file, &err));
    assert_false(found);
}

static int see_asset(void *data, const struct sl_catalog_asset *asset, struct sl_error *e)
{
    (void)e;
    ++*(int *)data;
    assert_string_equal(asset->created_at, "2026-11-21T09:14:03.123456Z");
    if (asset->version == 1) {
        assert_true(asset->bounds && asset->bounds[3] > 83.64 && asset->bounds[3] < 83.66);
        assert_int_equal(asset->row_count, 177);
        assert_string_equal(asset->media_type, "application/vnd.apache.parquet");
    } else {
        assert_null(asset->bounds);
        assert_int_equal(asset->row_count, -1);
        assert_null(asset->crs);
    }
    return 0;
}

static void test_assets_are_upserted_by_version_and_the_dataset_knows_its_latest(void **state)
{
    (void)state;
    static const double bounds[] = {-180, -90, 180, 83.65};
    struct sl_catalog_asset a = {.id = ID_1, .dataset_id = "roads", .version = 1, .batch_id = "b-1", .run_id = ID_1,
                                 .kind = "vector", .bucket = "data-lake", .s3_key = "roads/v1/roads.parquet",
                                 .media_type = "x", .content_hash = HASH, .crs = "EPSG:4326", .size_bytes = 1,
                                 .row_count = 177, .bounds = bounds, .created_at = "2026-11-21T09:14:03.123456Z"};
    assert_ok(sl_catalog_put_asset(catalog, &a, &err));
    a.media_type = "application/vnd.apache.parquet";
    assert_ok(sl_catalog_put_asset(catalog, &a, &err));
    a.id = ID_2;
    a.version = 2;
    assert_fails(sl_catalog_put_asset(catalog, &a, &err), SL_E_POSTGRES_CONFLICT); /* the key is taken */
    a.s3_key = "roads/v2/roads.parquet";
    a.bounds = NULL;
    a.row_count = -1;
    a.crs = NULL;
    assert_ok(sl_catalog_put_asset(catalog, &a, &err));
    int n = 0;
    assert_ok(sl_catalog_list_assets(catalog, see_asset, &n, &err));
    assert_int_equal(n, 2);
    assert_int_equal(ask("SELECT latest_version FROM catalog.datasets WHERE dataset_id = 'roads'"), 2);
    assert_ok(sl_catalog_remove_asset(catalog, ID_2, &err));
    assert_ok(sl_catalog_remove_asset(catalog, ID_2, &err));
    assert_int_equal(ask("SELECT latest_version FROM catalog.datasets WHERE dataset_id = 'roads'"), 1);
}

static void test_what_an_earlier_attempt_sends_late_does_not_overwrite_the_row_of_a_later_one(void **state)
{
    (void)state;
    struct sl_catalog_asset a = {.id = ID_1, .dataset_id = "rivers", .version = 1, .batch_id = "b-2", .run_id = ID_1,
                                 .kind = "vector", .bucket = "data-lake", .s3_key = "rivers/v1/rivers.parquet",
                                 .media_type = "x", .content_hash = HASH, .size_bytes = 1, .row_count = 2};
    assert_ok(sl_catalog_remove_asset(catalog, ID_1, &err));
    a.attempt = 2;
    assert_ok(sl_catalog_put_asset(catalog, &a, &err));
    a.size_bytes = 7;
    a.attempt = 1;
    assert_fails(sl_catalog_put_asset(catalog, &a, &err), SL_E_LEASE_LOST);
    assert_int_equal(ask("SELECT size_bytes FROM catalog.assets WHERE dataset_id = 'rivers'"), 1);
    a.attempt = 2;
    assert_ok(sl_catalog_put_asset(catalog, &a, &err));
    a.size_bytes = 8;
    a.attempt = 0; /* verify repairs whatever is there */
    assert_ok(sl_catalog_put_asset(catalog, &a, &err));
    a.batch_id = "b-3"; /* the number was given back, and another batch has it */
    a.attempt = 1;
    assert_ok(sl_catalog_put_asset(catalog, &a, &err));
    assert_int_equal(ask("SELECT size_bytes FROM catalog.assets WHERE dataset_id = 'rivers'"), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_processes_that_migrate_at_once_apply_each_migration_once),
        cmocka_unit_test(test_raw_files_has_the_columns_that_operators_know),
        cmocka_unit_test(test_a_changed_or_unknown_migration_is_refused),
        cmocka_unit_test(test_a_raw_file_is_entered_once),
        cmocka_unit_test(test_a_raw_file_is_found_by_hash_size_and_extension),
        cmocka_unit_test(test_assets_are_upserted_by_version_and_the_dataset_knows_its_latest),
        cmocka_unit_test(test_what_an_earlier_attempt_sends_late_does_not_overwrite_the_row_of_a_later_one),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
