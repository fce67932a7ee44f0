/* SPDX-License-Identifier: Apache-2.0 */
#include "geo/gdal/gdal.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <cpl_conv.h>
#include <cpl_error.h>
#include <gdal.h>
#include <ogr_api.h>
#include <ogr_srs_api.h>
#include <proj.h>

#include "base/text.h"
#include "geo/format.h"

enum { BLOCK_CACHE_BYTES = 128 << 20, TEXT_BYTES = 512 };

/* What this thread's GDAL calls reported since begin. */
struct collector {
    bool on, failed;
    CPLErrorNum number;
    char text[TEXT_BYTES];
    char warnings[SL_GDAL_WARNINGS_MAX][TEXT_BYTES];
    const char *warning_list[SL_GDAL_WARNINGS_MAX];
    size_t n_warnings;
};
static _Thread_local struct collector collector;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *missing_driver;

static void copy_message(char *out, size_t out_bytes, const char *message)
{
    size_t n = strlen(message);
    while (n > 0 && (isspace((unsigned char)message[n - 1]) || message[n - 1] == '.'))
        n--;
    snprintf(out, out_bytes, "%.*s", (int)(n < out_bytes ? n : out_bytes), message);
}

static void CPL_STDCALL collect(CPLErr class_, CPLErrorNum number, const char *message)
{
    struct collector *c = &collector;
    if (!c->on)
        return;
    if (class_ >= CE_Failure && !c->failed) {
        c->failed = true;
        c->number = number;
        copy_message(c->text, sizeof c->text, message);
    } else if (class_ == CE_Warning && c->n_warnings < SL_GDAL_WARNINGS_MAX) {
        copy_message(c->warnings[c->n_warnings], TEXT_BYTES, message);
        c->warning_list[c->n_warnings] = c->warnings[c->n_warnings];
        c->n_warnings++;
    }
}

static bool wanted(const char *driver)
{
    /* COG and MEM are what the engine writes with. */
    static const char *const own[] = {"COG", "MEM"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (!strcmp(own[i], driver))
            return true;
    for (size_t i = 0; i < sl_n_formats; i++)
        if (!strcmp(sl_formats[i].driver, driver))
            return true;
    return false;
}

static void set_options(void)
{
    static const char *const options[][2] = {
        {"GDAL_DRIVER_PATH", "disable"},             /* no plug-ins */
        {"GDAL_DISABLE_READDIR_ON_OPEN", "TRUE"},    /* sidecars are looked for by name only */
        {"GDAL_PAM_ENABLED", "NO"},                  /* no .aux.xml is read or written beside an input */
        {"CPL_VSIL_CURL_ALLOWED_FILENAME", "none"},  /* /vsicurl and its like open nothing */
        {"CPL_ALLOW_VSISTDIN", "NO"},
        {"OGR_GPKG_NUM_THREADS", "1"},               /* else its errors are reported on a thread of its own */
        {"OGR_SQLITE_LOAD_EXTENSIONS", ""},
        {"GML_SKIP_RESOLVE_ELEMS", "ALL"},           /* no xlink:href is followed */
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        CPLSetConfigOption(options[i][0], options[i][1]);
    OSRSetPROJEnableNetwork(0);
    GDALSetCacheMax64(BLOCK_CACHE_BYTES);
}

static void setup(void)
{
    CPLSetErrorHandler(collect);
    set_options();
    GDALAllRegister();
    for (int i = GDALGetDriverCount() - 1; i >= 0; i--) {
        GDALDriverH driver = GDALGetDriver(i);
        if (!wanted(GDALGetDriverShortName(driver))) {
            GDALDeregisterDriver(driver);
            GDALDestroyDriver(driver);
        }
    }
    static const char *const needed[] = {"GPKG", "ESRI Shapefile", "GeoJSON", "FlatGeobuf", "GTiff", "COG"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!GDALGetDriverByName(needed[i]))
            missing_driver = needed[i];
}

int sl_gdal_setup(struct sl_error *err)
{
    pthread_once(&once, setup);
    if (missing_driver) {
        int rc = sl_fail(err, SL_E_GDAL, "gdal %s has no driver \"%s\"", sl_gdal_version(), missing_driver);
        sl_error_hint(err, "install a gdal that has it");
        return rc;
    }
    return 0;
}

void sl_gdal_errors_begin(void)
{
    CPLErrorReset();
    collector.on = true;
    collector.failed = false;
    collector.text[0] = '\0';
    collector.n_warnings = 0;
}

bool sl_gdal_errors_end(enum sl_code code, struct sl_error *err)
{
    struct collector *c = &collector;
    c->on = false;
    CPLErrorReset();
    if (!c->failed)
        return false;
    if (c->number == CPLE_OutOfMemory)
        code = SL_E_MEMORY;
    else if (strstr(c->text, "No space left on device") || strstr(c->text, "disk is full"))
        code = SL_E_DISK_FULL;
    sl_fail(err, code, "gdal: %s", c->text[0] ? c->text : "failed without a reason");
    return true;
}

size_t sl_gdal_warnings(const char *const **out)
{
    *out = collector.warning_list;
    return collector.n_warnings;
}

size_t sl_gdal_reported(void)
{
    return collector.n_warnings + collector.failed;
}

const char *sl_gdal_version(void)
{
    return GDALVersionInfo("RELEASE_NAME");
}

const char *sl_proj_version(void)
{
    return proj_info().version;
}

const char *sl_proj_search_path(void)
{
    const char *path = proj_info().searchpath;
    return path ? path : "";
}

static char geos_version[32];

static void read_geos_version(void)
{
    int major = 0, minor = 0, micro = 0;
    if (OGRGetGEOSVersion(&major, &minor, &micro))
        snprintf(geos_version, sizeof geos_version, "%d.%d.%d", major, minor, micro);
}

const char *sl_geos_version(void)
{
    static pthread_once_t geos_once = PTHREAD_ONCE_INIT;
    pthread_once(&geos_once, read_geos_version);
    return geos_version;
}
