/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "manifest/internal.h"

/* Where a violation is: a member that is missing is told at the place of what should have it. */
static bool where(const struct sl_doc *doc, const char *pointer, int *line, int *column)
{
    SL_CLEANUP(sl_freep) char *at = sl_xstrdup(pointer);
    while (!sl_doc_where(doc, at, line, column)) {
        char *slash = strrchr(at, '/');
        if (!slash)
            return false;
        *slash = '\0';
    }
    return true;
}

int sl_manifest_fail(const struct sl_doc *doc, const struct sl_violations *violations, enum sl_code code,
                     struct sl_error *err)
{
    size_t more = violations->n + violations->dropped - (violations->n > 0);
    const struct sl_violation *first = violations->n ? &violations->items[0] : NULL;
    if (!first)
        return sl_fail(err, code, "%s is not a valid manifest", doc->name);
    const char *space = *first->instance_pointer ? " " : "";
    if (more == 0)
        return sl_fail(err, code, "%s is not a valid manifest: %s%s%s", doc->name, first->instance_pointer, space,
                       first->message);
    return sl_fail(err, code, "%s is not a valid manifest: %s%s%s (and %zu more)", doc->name, first->instance_pointer,
                   space, first->message, more);
}

static void pad(struct sl_buf *out, size_t columns, size_t width)
{
    for (; columns < width; columns++)
        sl_buf_putc(out, ' ');
}

static size_t widest(const struct sl_violations *v, bool pointers, size_t most)
{
    size_t width = 0;
    for (size_t i = 0; i < v->n; i++) {
        size_t n = sl_text_columns(pointers ? v->items[i].instance_pointer : v->items[i].message);
        if (n > width && n <= most)
            width = n;
    }
    return width;
}

static void put_escaped(struct sl_buf *out, const char *text)
{
    char line[1024];
    sl_text_escape(line, sizeof line, text);
    sl_buf_puts(out, line);
}

/* In the order of the text, so that a reader goes through the file once. */
static struct sl_violation *by_line(const struct sl_doc *doc, const struct sl_violations *violations)
{
    struct sl_violation *sorted = sl_xcalloc(violations->n, sizeof *sorted);
    int *lines = sl_xcalloc(violations->n, sizeof *lines);
    for (size_t i = 0; i < violations->n; i++) {
        int line = 0, column = 0;
        size_t at = i;
        where(doc, violations->items[i].instance_pointer, &line, &column);
        for (; at > 0 && lines[at - 1] > line; at--) {
            sorted[at] = sorted[at - 1];
            lines[at] = lines[at - 1];
        }
        sorted[at] = violations->items[i];
        lines[at] = line;
    }
    free(lines);
    return sorted;
}

void sl_manifest_describe(const struct sl_doc *doc, const struct sl_violations *violations, struct sl_buf *out)
{
    enum { POINTER_COLUMNS = 32, MESSAGE_COLUMNS = 80 };
    size_t n = violations->n + violations->dropped;
    size_t pointers = widest(violations, true, POINTER_COLUMNS), messages = widest(violations, false, MESSAGE_COLUMNS);
    SL_CLEANUP(sl_freep) struct sl_violation *sorted = by_line(doc, violations);
    put_escaped(out, doc->name);
    sl_buf_printf(out, " is not a valid manifest (%zu problem%s):\n", n, n == 1 ? "" : "s");
    for (size_t i = 0; i < violations->n; i++) {
        const struct sl_violation *v = &sorted[i];
        int line, column;
        sl_buf_puts(out, "  ");
        put_escaped(out, v->instance_pointer);
        pad(out, sl_text_columns(v->instance_pointer), pointers);
        sl_buf_printf(out, "  %s", v->message);
        if (where(doc, v->instance_pointer, &line, &column)) {
            pad(out, sl_text_columns(v->message), messages);
            sl_buf_printf(out, "  line %d", line);
        }
        sl_buf_putc(out, '\n');
    }
    if (violations->dropped)
        sl_buf_printf(out, "  and %zu more\n", violations->dropped);
}

struct json_object *sl_manifest_violations_json(const struct sl_doc *doc, const struct sl_violations *violations)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < violations->n; i++) {
        const struct sl_violation *v = &violations->items[i];
        struct json_object *o = json_object_new_object();
        int line, column;
        sl_json_put_str(o, "pointer", v->instance_pointer);
        sl_json_put_str(o, "message", v->message);
        sl_json_put_str(o, "keyword", v->keyword);
        sl_json_put_str(o, "schema_pointer", v->schema_pointer);
        if (where(doc, v->instance_pointer, &line, &column)) {
            sl_json_put_int(o, "line", line);
            sl_json_put_int(o, "column", column);
        }
        json_object_array_add(list, o);
    }
    return list;
}
