/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <math.h>
#include <stdbool.h>

#include "support/cm.h"

#include <cpl_conv.h>
#include <cpl_string.h>
#include <gdal.h>
#include <ogr_srs_api.h>

#include "base/file.h"
#include "base/sha256.h"
#include "geo/gdal/gdal.h"
#include "geo/gdal/raster.h"

enum { WIDTH = 700, HEIGHT = 900, PATH = 512 };

static char dir[256];

static const char *in_dir(char *out, const char *name)
{
    snprintf(out, PATH, "%s/%s", dir, name);
    return out;
}

static int set_up(void **state)
{
    (void)state;
    struct sl_error err = {0};
    assert_ok(sl_gdal_setup(&err));
    cm_temp_dir(dir, sizeof dir, "raster");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    struct sl_error err;
    sl_dir_remove(dir, &err);
    return 0;
}

struct input {
    const char *name;
    GDALDataType type;
    int bands;
    bool no_crs, no_transform;
    const char *options[4];
    bool mask;
    const char *reference; /* metadata item OVERVIEW_FILE */
};

/* Hills with a pattern that compresses neither fully nor not at all. */
static void write_pixels(GDALDatasetH ds, int bands)
{
    float *row = malloc(WIDTH * sizeof *row);
    assert_non_null(row);
    for (int b = 1; b <= bands; b++)
        for (int y = 0; y < HEIGHT; y++) {
            for (int x = 0; x < WIDTH; x++)
                row[x] = (float)(100 + 90 * sin(x / 37.0 * b) * cos(y / 53.0) + (x * 7 + y * 13) % 5);
            assert_int_equal(
                GDALRasterIO(GDALGetRasterBand(ds, b), GF_Write, 0, y, WIDTH, 1, row, WIDTH, 1, GDT_Float32, 0, 0), CE_None);
        }
    free(row);
}

static const char *make(char *path, struct input in)
{
    char **options = NULL;
    for (size_t i = 0; i < 4 && in.options[i]; i++)
        options = CSLAddString(options, in.options[i]);
    in_dir(path, in.name);
    GDALDatasetH ds = GDALCreate(GDALGetDriverByName("GTiff"), path, WIDTH, HEIGHT, in.bands ? in.bands : 1,
                                 in.type ? in.type : GDT_Byte, options);
    assert_non_null(ds);
    CSLDestroy(options);
    double transform[6] = {500000, 30, 0, 5800000, 0, -30};
    if (!in.no_transform)
        GDALSetGeoTransform(ds, transform);
    if (!in.no_crs) {
        OGRSpatialReferenceH srs = OSRNewSpatialReference(NULL);
        OSRImportFromEPSG(srs, 32633);
        GDALSetSpatialRef(ds, srs);
        OSRDestroySpatialReference(srs);
    }
    if (in.reference)
        GDALSetMetadataItem(ds, "OVERVIEW_FILE", in.reference, "OVERVIEWS");
    write_pixels(ds, in.bands ? in.bands : 1);
    if (in.mask) {
        CPLSetThreadLocalConfigOption("GDAL_TIFF_INTERNAL_MASK", "YES");
        assert_int_equal(GDALCreateDatasetMaskBand(ds, GMF_PER_DATASET), CE_None);
        assert_int_equal(GDALFillRaster(GDALGetMaskBand(GDALGetRasterBand(ds, 1)), 255, 0), CE_None);
        CPLSetThreadLocalConfigOption("GDAL_TIFF_INTERNAL_MASK", NULL);
    }
    GDALClose(ds);
    return path;
}

static int open_as(const char *path, const char *format, struct sl_raster **out, struct sl_error *err)
{
    return sl_raster_open(path, sl_format_by_name(format), NULL, out, err);
}

static void cut(const char *path, double part)
{
    struct sl_error err = {0};
    struct sl_buf bytes;
    sl_buf_init(&bytes, 64 << 20);
    assert_ok(sl_file_read(path, &bytes, &err));
    assert_ok(sl_file_write_durable(path, bytes.data, (size_t)((double)bytes.len * part), 0600, &err));
    sl_buf_free(&bytes);
}

static void assert_dir_has_no(const char *name)
{
    char path[PATH];
    assert_false(sl_path_exists(in_dir(path, name)));
}

static void test_what_a_raster_is_can_be_asked_before_reading_it(void **state)
{
    (void)state;
    char path[PATH];
    struct sl_error err = {0};
    struct sl_raster *raster = NULL;
    make(path, (struct input){.name = "info.tif", .type = GDT_Float32, .bands = 2});
    assert_ok(open_as(path, "GeoTIFF", &raster, &err));
    const struct sl_raster_info *info = sl_raster_info(raster);
    assert_int_equal(info->width, WIDTH);
    assert_int_equal(info->height, HEIGHT);
    assert_int_equal(info->n_bands, 2);
    assert_string_equal(info->bands[1].data_type, "Float32");
    assert_false(info->bands[0].has_nodata);
    assert_string_equal(info->crs->id, "EPSG:32633");
    assert_true(info->has_transform);
    const double bounds[4] = {500000, 5800000 - 30.0 * HEIGHT, 500000 + 30.0 * WIDTH, 5800000};
    assert_memory_equal(info->bounds, bounds, sizeof bounds);
    sl_raster_close(raster);
}

static void test_a_raster_without_crs_or_place_says_so(void **state)
{
    (void)state;
    char path[PATH];
    struct sl_error err = {0};
    struct sl_raster *raster = NULL;
    make(path, (struct input){.name = "nowhere.tif", .no_crs = true, .no_transform = true});
    assert_ok(open_as(path, "GTiff", &raster, &err));
    assert_null(sl_raster_info(raster)->crs);
    assert_false(sl_raster_info(raster)->has_transform);
    sl_raster_close(raster);
}

static void test_a_file_is_opened_as_what_it_was_declared_and_nothing_else(void **state)
{
    (void)state;
    char path[PATH], real[PATH], vrt[2 * PATH];
    struct sl_error err = {0};
    struct sl_raster *raster = NULL;
    make(real, (struct input){.name = "real.tif"});
    snprintf(vrt, sizeof vrt,
             "<VRTDataset rasterXSize=\"700\" rasterYSize=\"900\"><VRTRasterBand dataType=\"Byte\" band=\"1\"><SimpleSource>"
             "<SourceFilename>%s</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>",
             real);
    assert_ok(sl_file_write_durable(in_dir(path, "dressed.tif"), vrt, strlen(vrt), 0600, &err));
    assert_fails(open_as(path, "GTiff", &raster, &err), SL_E_FILE_FORMAT);
    assert_string_equal(err.message, "dressed.tif is not a GTiff file");
    assert_fails(open_as(real, "PNG", &raster, &err), SL_E_FILE_FORMAT);
    assert_ok(sl_file_write_durable(in_dir(path, "empty.tif"), "", 0, 0600, &err));
    assert_fails(open_as(path, "GTiff", &raster, &err), SL_E_FILE_FORMAT);
    assert_fails(open_as(in_dir(path, "absent.tif"), "GTiff", &raster, &err), SL_E_FILE_MISSING);
    assert_fails(open_as("/vsizip/x.zip/y.tif", "GTiff", &raster, &err), SL_E_FILE_FORMAT);
    assert_null(raster);
}

static void test_a_file_that_refers_to_another_is_refused(void **state)
{
    (void)state;
    char path[PATH];
    struct sl_error err = {0};
    struct sl_raster *raster = NULL;
    make(path, (struct input){.name = "refers.tif", .reference = "/etc/passwd"});
    assert_fails(open_as(path, "GTiff", &raster, &err), SL_E_FILE_FORMAT);
    assert_contains(err.message, "OVERVIEW_FILE");
}

static void test_a_file_of_several_images_is_refused(void **state)
{
    (void)state;
    char path[PATH];
    struct sl_error err = {0};
    struct sl_raster *raster = NULL;
    make(path, (struct input){.name = "pages.tif"});
    make(path, (struct input){.name = "pages.tif", .options = {"APPEND_SUBDATASET=YES"}});
    assert_fails(open_as(path, "GTiff", &raster, &err), SL_E_FILE_LAYER);
    assert_contains(err.message, "holds 2 images");
}

static void test_limits_are_checked_before_a_pixel_is_read(void **state)
{
    (void)state;
    char path[PATH];
    struct sl_error err = {0};
    struct sl_raster *raster = NULL;
    struct sl_raster_limits limits = {.max_pixels = WIDTH * HEIGHT * 3};
    make(path, (struct input){.name = "three.tif", .bands = 3});
    assert_ok(sl_raster_open(path, sl_format_by_name("GTiff"), &limits, &raster, &err));
    sl_raster_close(raster);
    limits.max_pixels--;
    assert_fails(sl_raster_open(path, sl_format_by_name("GTiff"), &limits, &raster, &err), SL_E_LIMIT);
    /* A few kilobytes that promise 1e12 pixels, in blocks of 4 GiB. */
    char **sparse = CSLTokenizeString2("SPARSE_OK=TRUE TILED=YES BLOCKXSIZE=65536 BLOCKYSIZE=65536", " ", 0);
    GDALDatasetH ds = GDALCreate(GDALGetDriverByName("GTiff"), in_dir(path, "huge.tif"), 1000000, 1000000, 1, GDT_Byte,
                                 sparse);
    CSLDestroy(sparse);
    assert_non_null(ds);
    GDALClose(ds);
    limits.max_pixels = 1000000000;
    assert_fails(sl_raster_open(path, sl_format_by_name("GTiff"), &limits, &raster, &err), SL_E_LIMIT);
    assert_contains(err.message, "1000000 x 1000000");
    assert_fails(sl_raster_open(path, sl_format_by_name("GTiff"), NULL, &raster, &err), SL_E_LIMIT);
    assert_contains(err.message, "blocks");
}

static void test_the_bytes_are_the_same_whatever_the_threads(void **state)
{
    (void)state;
    static const GDALDataType types[] = {GDT_Byte, GDT_Float32};
    static const int threads[] = {1, 2, 4, 0};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        char path[PATH], output[PATH], first[SL_SHA256_HEX_BYTES] = "", hex[SL_SHA256_HEX_BYTES];
        make(path, (struct input){.name = "threads.tif", .type = types[t], .bands = 2});
        for (size_t k = 0; k < sizeof threads / sizeof *threads; k++) {
            struct sl_error err = {0};
            struct sl_raster *raster = NULL;
            struct sl_cog_options options = {.threads = threads[k], .block_size = 128};
            assert_ok(open_as(path, "GTiff", &raster, &err));
            assert_ok(sl_raster_write_cog(raster, in_dir(output, "threads-out.tif"), &options, &err));
            sl_raster_close(raster);
            assert_ok(sl_sha256_file(output, hex, NULL, &err));
            if (!first[0])
                memcpy(first, hex, sizeof first);
            assert_string_equal(hex, first);
        }
    }
}

static void test_another_crs_than_the_files_can_be_written(void **state)
{
    (void)state;
    char path[PATH], output[PATH];
    struct sl_error err = {0};
    struct sl_raster *raster = NULL;
    struct sl_arena *arena = sl_arena_new();
    struct sl_crs crs;
    assert_ok(sl_crs_parse("EPSG:25833", arena, &crs, &err));
    for (int no_crs = 0; no_crs < 2; no_crs++) {
        make(path, (struct input){.name = "crs.tif", .no_crs = no_crs, .bands = 2, .mask = true});
        assert_ok(open_as(path, "GTiff", &raster, &err));
        struct sl_cog_options options = {.crs = &crs};
        assert_ok(sl_raster_write_cog(raster, in_dir(output, "crs-out.tif"), &options, &err));
        sl_raster_close(raster);
        assert_ok(open_as(output, "GTiff", &raster, &err));
        assert_string_equal(sl_raster_info(raster)->crs->id, "EPSG:25833");
        assert_int_equal(sl_raster_info(raster)->n_bands, 2);
        sl_raster_close(raster);
        GDALDatasetH ds = GDALOpen(output, GA_ReadOnly);
        assert_int_equal(GDALGetMaskFlags(GDALGetRasterBand(ds, 1)), GMF_PER_DATASET);
        GDALClose(ds);
    }
    assert_dir_has_no("crs.tif.aux.xml");
    /* Not even then is a VRT something that can be opened. */
    assert_null(GDALGetDriverByName("VRT"));
    sl_arena_free(arena);
}

static void test_a_file_that_ends_early_is_truncated_wherever_it_ends(void **state)
{
    (void)state;
    static const char *const compressions[] = {"COMPRESS=NONE", "COMPRESS=LZW", "COMPRESS=DEFLATE", "COMPRESS=JPEG"};
    static const double parts[] = {0.05, 0.5, 0.95, 0.999};
    for (size_t c = 0; c < 4; c++)
        for (size_t p = 0; p < 4; p++) {
            char path[PATH], output[PATH];
            struct sl_error err = {0};
            struct sl_raster *raster = NULL;
            /* The directory first, as it is in files that were written in one go. */
            make(path, (struct input){.name = "cut.tif", .options = {compressions[c], "TILED=YES"}});
            cut(path, parts[p]);
            int rc = open_as(path, "GTiff", &raster, &err);
            if (rc == 0)
                rc = sl_raster_write_cog(raster, in_dir(output, "cut-out.tif"), NULL, &err);
            sl_raster_close(raster);
            if (rc != -(int)SL_E_FILE_TRUNCATED && rc != -(int)SL_E_FILE_DAMAGED)
                fail_msg("%s cut to %g: %s (%s)", compressions[c], parts[p], rc ? sl_code_name(err.code) : "taken", err.message);
            assert_dir_has_no("cut-out.tif");
        }
}

static void test_pixels_that_cannot_be_decoded_are_damage_of_the_input(void **state)
{
    (void)state;
    char path[PATH], output[PATH];
    struct sl_error err = {0};
    struct sl_buf bytes;
    struct sl_raster *raster = NULL;
    make(path, (struct input){.name = "bad.tif", .options = {"COMPRESS=DEFLATE", "TILED=YES"}});
    sl_buf_init(&bytes, 64 << 20);
    assert_ok(sl_file_read(path, &bytes, &err));
    memset(bytes.data + bytes.len / 2, 0xA5, 400);
    assert_ok(sl_file_write_durable(path, bytes.data, bytes.len, 0600, &err));
    sl_buf_free(&bytes);
    assert_ok(open_as(path, "GTiff", &raster, &err));
    assert_fails(sl_raster_write_cog(raster, in_dir(output, "bad-out.tif"), NULL, &err), SL_E_FILE_DAMAGED);
    assert_contains(err.message, "bad.tif");
    sl_raster_close(raster);
    assert_dir_has_no("bad-out.tif");
    assert_dir_has_no("bad-out.tif.ovr.tmp");
}

static int stop_half_way(void *data, double fraction)
{
    *(double *)data = fraction;
    return fraction < 0.5;
}

static void test_progress_can_stop_the_writing(void **state)
{
    (void)state;
    char path[PATH], output[PATH];
    struct sl_error err = {0};
    struct sl_raster *raster = NULL;
    double reached = 0;
    struct sl_cog_options options = {.block_size = 128, .progress = stop_half_way, .progress_data = &reached};
    make(path, (struct input){.name = "stop.tif", .bands = 3});
    assert_ok(open_as(path, "GTiff", &raster, &err));
    assert_fails(sl_raster_write_cog(raster, in_dir(output, "stop-out.tif"), &options, &err), SL_E_CANCELLED);
    assert_true(reached >= 0.5);
    sl_raster_close(raster);
    assert_dir_has_no("stop-out.tif");
}

static void test_options_that_do_not_exist_or_fit_are_named(void **state)
{
    (void)state;
    static const struct {
        struct sl_cog_options options;
        const char *part;
    } cases[] = {
        {{.compression = "DEFLAT"}, "did you mean \"DEFLATE\""}, {{.resampling = "averge"}, "did you mean \"average\""},
        {{.block_size = 100}, "multiple of 16"},                 {{.compression = "JPEG"}, "type Byte"},
        {{.threads = -1}, "threads"},
    };
    char path[PATH], output[PATH];
    make(path, (struct input){.name = "options.tif", .type = GDT_Float32});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_error err = {0};
        struct sl_raster *raster = NULL;
        assert_ok(open_as(path, "GTiff", &raster, &err));
        assert_fails(sl_raster_write_cog(raster, in_dir(output, "options-out.tif"), &cases[i].options, &err),
                     SL_E_RECIPE_OPTION);
        assert_contains(err.message, cases[i].part);
        sl_raster_close(raster);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_raster_is_can_be_asked_before_reading_it),
        cmocka_unit_test(test_a_raster_without_crs_or_place_says_so),
        cmocka_unit_test(test_a_file_is_opened_as_what_it_was_declared_and_nothing_else),
        cmocka_unit_test(test_a_file_that_refers_to_another_is_refused),
        cmocka_unit_test(test_a_file_of_several_images_is_refused),
        cmocka_unit_test(test_limits_are_checked_before_a_pixel_is_read),
        cmocka_unit_test(test_the_bytes_are_the_same_whatever_the_threads),
        cmocka_unit_test(test_another_crs_than_the_files_can_be_written),
        cmocka_unit_test(test_a_file_that_ends_early_is_truncated_wherever_it_ends),
        cmocka_unit_test(test_pixels_that_cannot_be_decoded_are_damage_of_the_input),
        cmocka_unit_test(test_progress_can_stop_the_writing),
        cmocka_unit_test(test_options_that_do_not_exist_or_fit_are_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
