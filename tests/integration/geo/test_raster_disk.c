/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that becomes full, which is a file system in memory of 256 KiB: mounting it needs a mount namespace. */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/mount.h>

#include "support/cm.h"

#include <gdal.h>

#include "base/file.h"
#include "geo/gdal/gdal.h"
#include "geo/gdal/raster.h"

static bool mount_small(const char *folder)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", folder, "tmpfs", 0, "size=256k") == 0;
}

/* Noise does not compress: a megabyte stays one. */
static void write_noise(const char *path)
{
    enum { SIDE = 1024 };
    unsigned char *pixels = malloc(SIDE * SIDE);
    uint32_t x = 1;
    assert_non_null(pixels);
    for (size_t i = 0; i < SIDE * SIDE; i++) {
        x = x * 1664525 + 1013904223;
        pixels[i] = (unsigned char)(x >> 24);
    }
    GDALDatasetH ds = GDALCreate(GDALGetDriverByName("GTiff"), path, SIDE, SIDE, 1, GDT_Byte, NULL);
    assert_non_null(ds);
    assert_int_equal(GDALRasterIO(GDALGetRasterBand(ds, 1), GF_Write, 0, 0, SIDE, SIDE, pixels, SIDE, SIDE, GDT_Byte, 0, 0),
                     CE_None);
    GDALClose(ds);
    free(pixels);
}

static void test_a_full_disk_is_said_to_be_full_and_nothing_is_left_on_it(void **state)
{
    (void)state;
    char dir[256], small[300], input[300], output[400];
    struct sl_error err = {0};
    cm_temp_dir(dir, sizeof dir, "disk");
    snprintf(small, sizeof small, "%s/small", dir);
    snprintf(input, sizeof input, "%s/noise.tif", dir);
    snprintf(output, sizeof output, "%s/out.tif", small);
    assert_ok(sl_dir_make(small, 0700, &err));
    if (!mount_small(small)) {
        fprintf(stderr, "skipped: mounting a small file system is not allowed here (%s)\n", strerror(errno));
        sl_dir_remove(dir, &err);
        skip();
    }
    assert_ok(sl_gdal_setup(&err));
    write_noise(input);
    struct sl_raster *raster = NULL;
    assert_ok(sl_raster_open(input, sl_format_by_name("GTiff"), NULL, &raster, &err));
    assert_fails(sl_raster_write_cog(raster, output, NULL, &err), SL_E_DISK_FULL);
    sl_raster_close(raster);
    DIR *left = opendir(small);
    struct dirent *entry;
    while ((entry = readdir(left)))
        if (entry->d_name[0] != '.')
            fail_msg("left behind: %s", entry->d_name);
    closedir(left);
    assert_int_equal(umount(small), 0);
    sl_dir_remove(dir, &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_full_disk_is_said_to_be_full_and_nothing_is_left_on_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
