/* SPDX-License-Identifier: Apache-2.0 */
#include <expat.h>
#include <string.h>

#include "base/buf.h"
#include "store/s3/s3.h"

enum { MAX_DEPTH = 8, MAX_PATH = 256, MAX_TEXT = 8 * 1024, MAX_ELEMENTS = 65536 };

struct reading {
    XML_Parser parser;
    int (*element)(void *data, const char *path, const char *text, struct sl_error *err);
    void *data;
    struct sl_error *err;
    char path[MAX_PATH];
    size_t ends[MAX_DEPTH]; /* of the path, level by level */
    int depth, elements, rc;
    struct sl_buf text;
};

static void stop(struct reading *r, int rc)
{
    if (r->rc == 0)
        r->rc = rc;
    XML_StopParser(r->parser, XML_FALSE);
}

static void on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
    struct reading *r = user;
    (void)attributes;
    const char *colon = strchr(name, ':');
    const char *plain = colon ? colon + 1 : name;
    size_t at = r->depth ? r->ends[r->depth - 1] : 0, n = strlen(plain);
    if (r->depth == MAX_DEPTH || at + n + 2 > sizeof r->path || ++r->elements > MAX_ELEMENTS) {
        stop(r, sl_fail(r->err, SL_E_NET, "the server's answer is XML beyond its limits"));
        return;
    }
    if (r->depth)
        r->path[at++] = '/';
    memcpy(r->path + at, plain, n + 1);
    r->ends[r->depth++] = at + n;
    sl_buf_clear(&r->text);
}

static void on_end(void *user, const XML_Char *name)
{
    struct reading *r = user;
    (void)name;
    if (r->rc)
        return;
    int rc = r->text.overflow
                 ? sl_fail(r->err, SL_E_NET, "the server's answer has a text of more than %d bytes", MAX_TEXT)
                 : r->element(r->data, r->path, r->text.data, r->err);
    if (rc) {
        stop(r, rc);
        return;
    }
    r->depth--;
    r->path[r->depth ? r->ends[r->depth - 1] : 0] = '\0';
    sl_buf_clear(&r->text);
}

static void on_text(void *user, const XML_Char *text, int n)
{
    struct reading *r = user;
    sl_buf_add(&r->text, text, (size_t)n);
}

static void on_doctype(void *user, const XML_Char *name, const XML_Char *system, const XML_Char *public_, int internal)
{
    struct reading *r = user;
    (void)name;
    (void)system;
    (void)public_;
    (void)internal;
    stop(r, sl_fail(r->err, SL_E_NET, "the server's answer has a document type, which is not read"));
}

int sl_s3__xml(const char *text, size_t n,
               int (*element)(void *data, const char *path, const char *text, struct sl_error *err), void *data,
               struct sl_error *err)
{
    struct reading r = {.element = element, .data = data, .err = err};
    if (n > SL_S3_LIST_BYTES)
        return sl_fail(err, SL_E_NET, "the server's answer is larger than %d bytes", SL_S3_LIST_BYTES);
    r.parser = XML_ParserCreate("UTF-8");
    if (!r.parser)
        sl_oom();
    sl_buf_init(&r.text, MAX_TEXT);
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, on_start, on_end);
    XML_SetCharacterDataHandler(r.parser, on_text);
    XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
    enum XML_Status status = XML_Parse(r.parser, text, (int)n, XML_TRUE);
    if (r.rc == 0 && status != XML_STATUS_OK)
        r.rc =
            sl_fail(err, SL_E_NET, "the server's answer is not XML: %s", XML_ErrorString(XML_GetErrorCode(r.parser)));
    XML_ParserFree(r.parser);
    sl_buf_free(&r.text);
    return r.rc;
}
