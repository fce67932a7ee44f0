/* SPDX-License-Identifier: Apache-2.0 */
/* Orders that are the same every time: what a recipe sorts by, then all other columns, then the geometry's bytes. */
#include <string.h>

#include "step/cast.h"
#include "step/order.h"
#include "step/step.h"

/* Text sorts by its bytes; a type without an order of its own by its text. */
static void key(const struct sl_step_order *order, const char *name)
{
    const struct sl_step_context *context = order->context;
    struct sl_sql *out = order->out;
    const char *qualifier = order->qualifier ? order->qualifier : "";
    enum sl_cast_source source = sl_cast_source_of(sl_step_column(context, name));
    bool text = source == SL_SOURCE_TEXT || source == SL_SOURCE_OTHER;
    if (!strcmp(name, context->geometry)) {
        sl_sql_text(out, out->dialect == SL_DIALECT_DUCKDB ? "ST_AsWKB(" : "ST_AsEWKB(");
        sl_sql_text(out, qualifier);
        sl_sql_ident(out, name);
        sl_sql_text(out, ")");
        return;
    }
    sl_sql_text(out, source == SL_SOURCE_OTHER ? "CAST(" : "");
    sl_sql_text(out, qualifier);
    sl_sql_ident(out, name);
    sl_sql_text(out, source == SL_SOURCE_OTHER ? " AS text)" : "");
    /* DuckDB sorts texts by their bytes unless it is told otherwise. */
    sl_sql_text(out, text && out->dialect == SL_DIALECT_POSTGIS && sl_step_knows_columns(context) ? " COLLATE \"C\"" : "");
}

void sl_step_order_begin(struct sl_step_order *order, const struct sl_step_context *context, struct sl_sql *out)
{
    *order = (struct sl_step_order){.context = context, .out = out};
}

void sl_step_order_by(struct sl_step_order *order, const char *name, bool descending, bool nulls_first)
{
    sl_sql_text(order->out, order->n++ ? ", " : "");
    key(order, name);
    sl_sql_text(order->out, descending ? " DESC" : "");
    sl_sql_text(order->out, nulls_first ? " NULLS FIRST" : " NULLS LAST");
}

void sl_step_order_end(struct sl_step_order *order, const struct sl_names *done, bool reverse)
{
    const struct sl_step_context *c = order->context;
    if (!sl_step_knows_columns(c)) {
        sl_sql_text(order->out, order->n++ ? ", " : "");
        sl_step_put(c, order->out, c->no_geometry ? "/* the file's other columns */" : "/* the file's other columns, */ @");
        return;
    }
    for (int geometry = 0; geometry < 2; geometry++)
        for (size_t i = 0; i < c->input->n_columns; i++) {
            const char *name = c->input->columns[i].name;
            if (!strcmp(name, c->geometry) == (geometry == 1) && !(done && sl_step_names_has(done, name)))
                sl_step_order_by(order, name, reverse, reverse);
        }
}
