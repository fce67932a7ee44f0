/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/graph.h"

#include <string.h>

#include "json/json.h"

struct graph {
    struct sl_out *out;
    struct sl_arena *arena;
    size_t nodes;
};

/* A label of quoted text: everything but letters, digits and a few signs is Mermaid's entity #<code>;. */
static const char *label(struct sl_arena *arena, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-./,:()=+";
    SL_CLEANUP(sl_buf_free) struct sl_buf buf;
    sl_buf_init(&buf, 65536);
    const char *printable = sl_out_escape(arena, text);
    for (const char *p = printable; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c >= 0x80 || strchr(plain, c))
            sl_buf_putc(&buf, *p);
        else
            sl_buf_printf(&buf, "#%d;", c);
    }
    return sl_arena_strdup(arena, buf.overflow ? "" : buf.data);
}

/* shape: "[]", "([])", "[()]", "{{}}": what stands around the label, its first half and its second. */
static size_t node(struct graph *g, const char *open, const char *text, const char *close)
{
    size_t id = g->nodes++;
    sl_out_printf(g->out, "  n%zu%s\"%s\"%s\n", id, open, label(g->arena, text), close);
    return id;
}

static void edge(struct graph *g, size_t from, size_t to, const char *text)
{
    if (text)
        sl_out_printf(g->out, "  n%zu -->|\"%s\"| n%zu\n", from, label(g->arena, text), to);
    else
        sl_out_printf(g->out, "  n%zu --> n%zu\n", from, to);
}

static size_t length(struct json_object *list)
{
    return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

/* Steps and checks stand in a row. */
static size_t chain(struct graph *g, struct json_object *list, size_t from, const char *open, const char *close)
{
    for (size_t i = 0; i < length(list); i++) {
        size_t id = node(g, open, sl_json_str(json_object_array_get_idx(list, i), "name", ""), close);
        edge(g, from, id, NULL);
        from = id;
    }
    return from;
}

static void unit(struct graph *g, struct json_object *u)
{
    const char *file = sl_json_str(u, "file", NULL), *layer = sl_json_str(u, "layer", NULL);
    const char *input = !file  ? "file"
                        : layer ? sl_arena_printf(g->arena, "%s, layer %s", file, layer)
                                : file;
    size_t last = node(g, "([", input, "])");
    last = chain(g, sl_json_get(u, "steps"), last, "[", "]");
    last = chain(g, sl_json_get(u, "checks"), last, "{{", "}}");
    struct json_object *outputs = sl_json_get(u, "outputs");
    for (size_t i = 0; i < length(outputs); i++) {
        struct json_object *o = json_object_array_get_idx(outputs, i);
        size_t id = node(g, "[(", sl_json_str(o, "key", ""), ")]");
        edge(g, last, id, sl_json_str(o, "kind", NULL));
    }
}

void sl_cli_mermaid(struct sl_out *out, struct sl_arena *arena, struct json_object *plan)
{
    struct graph g = {.out = out, .arena = arena};
    struct json_object *units = sl_json_get(plan, "units");
    sl_out_text(out, "flowchart TD\n");
    for (size_t i = 0; i < length(units); i++)
        unit(&g, json_object_array_get_idx(units, i));
}
