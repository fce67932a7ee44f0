/* SPDX-License-Identifier: Apache-2.0 */
#include <sluice/error.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

struct code_info {
    const char *name;
    enum sl_error_class class_;
    int exit;
};

static const struct code_info codes[SL_CODE_COUNT] = {
    [SL_OK] = {"ok", SL_CLASS_BUG, SL_EXIT_OK},
#define SL_X(code, name, class, exit) [SL_E_##code] = {name, SL_CLASS_##class, SL_EXIT_##exit},
    SL_ERRORS(SL_X)
#undef SL_X
};

static const struct code_info *info(enum sl_code code)
{
    return (int)code >= 0 && code < SL_CODE_COUNT ? &codes[code] : &codes[SL_E_INTERNAL];
}

const char *sl_code_name(enum sl_code code)
{
    return info(code)->name;
}

enum sl_error_class sl_code_class(enum sl_code code)
{
    return info(code)->class_;
}

int sl_code_exit(enum sl_code code)
{
    return info(code)->exit;
}

const char *sl_class_name(enum sl_error_class class_)
{
    switch (class_) {
    case SL_CLASS_BUG:
        return "bug";
    case SL_CLASS_INPUT:
        return "input";
    case SL_CLASS_TRANSIENT:
        return "transient";
    case SL_CLASS_REFUSED:
        return "refused";
    }
    return "bug";
}

enum sl_code sl_code_by_name(const char *name)
{
    for (int i = 0; i < SL_CODE_COUNT; i++)
        if (name && !strcmp(codes[i].name, name))
            return (enum sl_code)i;
    return SL_E_INTERNAL;
}

int sl_vfail(struct sl_error *err, enum sl_code code, const char *fmt, va_list ap)
{
    if (err) {
        char raw[2 * SL_ERROR_MESSAGE_BYTES];
        vsnprintf(raw, sizeof raw, fmt, ap);
        err->code = code;
        err->hint[0] = '\0';
        sl_text_escape(err->message, sizeof err->message, raw);
    }
    return -(int)code;
}

int sl_fail(struct sl_error *err, enum sl_code code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int rc = sl_vfail(err, code, fmt, ap);
    va_end(ap);
    return rc;
}

int sl_fail_errno(struct sl_error *err, int saved_errno, const char *fmt, ...)
{
    char what[SL_ERROR_MESSAGE_BYTES], reason[128];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    const char *text = strerror_r(saved_errno, reason, sizeof reason);
    bool full = saved_errno == ENOSPC || saved_errno == EDQUOT;
    int rc = sl_fail(err, full ? SL_E_DISK_FULL : SL_E_IO, "%s: %s", what, text);
    if (full)
        sl_error_hint(err, "free some space, then run again: nothing is lost");
    return rc;
}

void sl_error_hint(struct sl_error *err, const char *fmt, ...)
{
    if (!err)
        return;
    char raw[2 * SL_ERROR_HINT_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(raw, sizeof raw, fmt, ap);
    va_end(ap);
    sl_text_escape(err->hint, sizeof err->hint, raw);
}

void sl_error_prefix(struct sl_error *err, const char *fmt, ...)
{
    if (!err)
        return;
    char prefix[SL_ERROR_MESSAGE_BYTES], raw[2 * SL_ERROR_MESSAGE_BYTES + 3];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(prefix, sizeof prefix, fmt, ap);
    va_end(ap);
    snprintf(raw, sizeof raw, "%s: %s", prefix, err->message);
    sl_text_escape(err->message, sizeof err->message, raw);
}

void sl_error_clear(struct sl_error *err)
{
    if (err) {
        err->code = SL_OK;
        err->message[0] = err->hint[0] = '\0';
    }
}
