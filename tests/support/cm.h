/* SPDX-License-Identifier: Apache-2.0 */
/* cm.h - cmocka with the headers that it wants before it, and the assertions that every test needs. */
#ifndef SLUICE_TESTS_CM_H
#define SLUICE_TESTS_CM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sluice/error.h>

/* Fails with the message of `err`, which the call must have been given. */
#define assert_ok(call)                                                                                               \
    do {                                                                                                              \
        int cm_rc = (call);                                                                                           \
        if (cm_rc != 0)                                                                                               \
            fail_msg("%s: %s: %s", #call, sl_code_name((enum sl_code)(-cm_rc)), err.message);                         \
    } while (0)

/* The call fails with this code and has filled `err` with it. */
#define assert_fails(call, wanted)                                                                                    \
    do {                                                                                                              \
        int cm_rc = (call);                                                                                           \
        if (cm_rc != -(int)(wanted) || err.code != (wanted) || !err.message[0])                                       \
            fail_msg("%s: gave %s (%s), expected %s", #call, cm_rc ? sl_code_name((enum sl_code)(-cm_rc)) : "success", \
                     err.message, sl_code_name(wanted));                                                              \
    } while (0)

#define assert_contains(text, part)                                                                                   \
    do {                                                                                                              \
        if (!strstr((text), (part)))                                                                                  \
            fail_msg("\"%s\" does not contain \"%s\"", (text), (part));                                               \
    } while (0)

/* A fresh folder under TMPDIR or /tmp; the caller removes it with sl_dir_remove. */
static inline char *cm_temp_dir(char *out, size_t bytes, const char *what)
{
    const char *base = getenv("TMPDIR");
    snprintf(out, bytes, "%s/sluice-test-%s-XXXXXX", base && *base ? base : "/tmp", what);
    char *made = mkdtemp(out);
    assert_non_null(made);
    return made;
}

#endif
