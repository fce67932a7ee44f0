/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include <cpl_error.h>
#include <gdal.h>

#include "geo/format.h"
#include "geo/gdal/gdal.h"

static int setup(void **state)
{
    (void)state;
    return sl_gdal_setup(NULL);
}

static void only_the_tables_drivers_are_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < sl_n_formats; i++)
        if (!(sl_formats[i].flags & SL_FORMAT_BY_DUCKDB))
            assert_non_null(GDALGetDriverByName(sl_formats[i].driver));
    static const char *const unwanted[] = {"VRT", "WMS", "HTTP", "PDF", "OGR_VRT", "WFS", "GMLAS", "LIBKML", "PostgreSQL",
                                           "DERIVED", "GTI", "SQLite", "CouchDB", "PostgisRaster"};
    for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++)
        assert_null(GDALGetDriverByName(unwanted[i]));
}

static void the_first_failure_is_kept(void **state)
{
    (void)state;
    struct sl_error err = {0};
    sl_gdal_errors_begin();
    CPLError(CE_Warning, CPLE_AppDefined, "a %s", "warning");
    CPLError(CE_Failure, CPLE_AppDefined, "the cause.\n");
    CPLError(CE_Failure, CPLE_AppDefined, "what followed");
    assert_true(sl_gdal_errors_end(SL_E_FILE_DAMAGED, &err));
    assert_int_equal(err.code, SL_E_FILE_DAMAGED);
    assert_string_equal(err.message, "gdal: the cause");
    const char *const *warnings;
    assert_int_equal(sl_gdal_warnings(&warnings), 1);
    assert_string_equal(warnings[0], "a warning");
}

static void a_quiet_stretch_is_no_failure(void **state)
{
    (void)state;
    struct sl_error err = {.code = SL_OK};
    CPLError(CE_Failure, CPLE_AppDefined, "before");
    sl_gdal_errors_begin();
    CPLError(CE_Debug, CPLE_AppDefined, "chatter");
    assert_false(sl_gdal_errors_end(SL_E_GDAL, &err));
    assert_int_equal(err.code, SL_OK);
}

static void full_disks_and_memory_get_their_codes(void **state)
{
    (void)state;
    struct sl_error err = {0};
    sl_gdal_errors_begin();
    CPLError(CE_Failure, CPLE_FileIO, "write: No space left on device");
    assert_true(sl_gdal_errors_end(SL_E_GDAL, &err));
    assert_int_equal(err.code, SL_E_DISK_FULL);
    sl_gdal_errors_begin();
    CPLError(CE_Failure, CPLE_OutOfMemory, "cannot allocate 5 bytes");
    assert_true(sl_gdal_errors_end(SL_E_GDAL, &err));
    assert_int_equal(err.code, SL_E_MEMORY);
}

static void warnings_are_bounded(void **state)
{
    (void)state;
    const char *const *warnings;
    sl_gdal_errors_begin();
    for (int i = 0; i < 1000; i++)
        CPLError(CE_Warning, CPLE_AppDefined, "warning %d", i);
    sl_gdal_errors_end(SL_E_GDAL, NULL);
    assert_int_equal(sl_gdal_warnings(&warnings), SL_GDAL_WARNINGS_MAX);
}

static void versions_look_like_versions(void **state)
{
    (void)state;
    const char *const versions[] = {sl_gdal_version(), sl_proj_version(), sl_geos_version()};
    for (size_t i = 0; i < 3; i++) {
        int major = 0, minor = 0;
        assert_int_equal(sscanf(versions[i], "%d.%d", &major, &minor), 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_tables_drivers_are_there),
        cmocka_unit_test(the_first_failure_is_kept),
        cmocka_unit_test(a_quiet_stretch_is_no_failure),
        cmocka_unit_test(full_disks_and_memory_get_their_codes),
        cmocka_unit_test(warnings_are_bounded),
        cmocka_unit_test(versions_look_like_versions),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
