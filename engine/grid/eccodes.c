/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grid/grib_internal.h"

enum { TEXT_BYTES = 256 };

static _Thread_local struct {
    char text[TEXT_BYTES]; /* the first error that it told of, most often the cause */
    char assertion[TEXT_BYTES];
} told;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static codes_context *context;
static char version[32];

static void collect(const codes_context *c, int level, const char *message)
{
    (void)c;
    if ((level == GRIB_LOG_ERROR || level == GRIB_LOG_FATAL) && !told.text[0])
        snprintf(told.text, sizeof told.text, "%s", message);
}

static void failed_assertion(const char *message)
{
    if (!told.assertion[0])
        snprintf(told.assertion, sizeof told.assertion, "%s", message);
}

/* What a field means must not hang on who started the process: other tables, other samples, tracing to the terminal. */
static void setup(void)
{
    static const char *const names[] = {"DEFINITION_PATH",
                                        "EXTRA_DEFINITION_PATH",
                                        "SAMPLES_PATH",
                                        "DEBUG",
                                        "LOG_STREAM",
                                        "NO_ABORT",
                                        "FAIL_IF_LOG_MESSAGE",
                                        "GRIBEX_MODE_ON",
                                        "IEEE_PACKING",
                                        "NO_BIG_GROUP_SPLIT",
                                        "NO_SPD",
                                        "KEEP_MATRIX",
                                        "GRIB_WRITE_ON_FAIL",
                                        "LARGE_CONSTANT_FIELDS",
                                        "GRIB_DUMP_JPG_FILE",
                                        "GRIB_GEOCALC",
                                        "IO_BUFFER_SIZE"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[64];
        snprintf(name, sizeof name, "ECCODES_%s", names[i]);
        unsetenv(name);
        snprintf(name, sizeof name, "GRIB_%s", names[i]);
        unsetenv(name);
    }
    codes_set_codes_assertion_failed_proc(failed_assertion);
    context = codes_context_get_default();
    codes_context_set_logging_proc(context, collect);
    codes_grib_multi_support_off(context); /* grib_scan.c hands out the fields */
    long v = codes_get_api_version();
    snprintf(version, sizeof version, "%ld.%ld.%ld", v / 10000, v / 100 % 100, v % 100);
}

const char *sl_grid_eccodes_version(void)
{
    pthread_once(&once, setup);
    return version;
}

codes_context *sl_grib__context(void)
{
    pthread_once(&once, setup);
    return context;
}

void sl_grib__begin(void)
{
    told.text[0] = told.assertion[0] = '\0';
}

int sl_grib__check(int code, const char *what, struct sl_error *err)
{
    if (told.assertion[0])
        return sl_fail(err, SL_E_FILE_DAMAGED, "%s: eccodes stopped at \"%s\"", what, told.assertion);
    if (code == CODES_SUCCESS)
        return 0;
    enum sl_code as = code == CODES_OUT_OF_MEMORY ? SL_E_MEMORY : SL_E_FILE_DAMAGED;
    return sl_fail(err, as, "%s: %s%s%s%s", what, codes_get_error_message(code), told.text[0] ? " (" : "", told.text,
                   told.text[0] ? ")" : "");
}
