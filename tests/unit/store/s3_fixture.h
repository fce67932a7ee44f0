/* SPDX-License-Identifier: Apache-2.0 */
/* s3_fixture.h - the S3 backend before a server that plays a script, with a clock that sleeping moves. */
#ifndef SLUICE_TESTS_UNIT_STORE_S3_FIXTURE_H
#define SLUICE_TESTS_UNIT_STORE_S3_FIXTURE_H

#include "support/cm.h"

#include "store/s3/s3.h"
#include "store/store.h"
#include "support/httpd.h"

#define XML_ERROR(code) "<?xml version=\"1.0\"?>\n<Error><Code>" code "</Code><Message>words</Message></Error>"
#define TEXT(s)         .body = (s), .n = sizeof(s) - 1
#define MIB             (1024 * 1024)

extern struct sl_error err;
extern struct test_httpd *s3_server;
extern struct sl_store *s3_store;
extern int64_t s3_skipped_ns; /* slept so far */

struct sl_store_s3_options s3_options(void);
void s3_open_with(struct sl_store_s3_options options);
#define S3_SERVE(script)                                                                                               \
    do {                                                                                                               \
        s3_server = test_httpd_start(script, sizeof(script) / sizeof *(script));                                       \
        s3_open_with(s3_options());                                                                                    \
    } while (0)

int s3_set_up(void **state);
int s3_tear_down(void **state);
int s3_put_abc(const struct sl_put_options *options);

#endif
