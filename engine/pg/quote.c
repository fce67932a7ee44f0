/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pg/pg.h"

static void add_doubling(struct sl_buf *out, const char *s, const char *specials)
{
    for (; *s; s++) {
        if (strchr(specials, *s))
            sl_buf_putc(out, *s);
        sl_buf_putc(out, *s);
    }
}

void sl_pg_ident(struct sl_buf *out, const char *name)
{
    sl_buf_putc(out, '"');
    add_doubling(out, name, "\"");
    sl_buf_putc(out, '"');
}

void sl_pg_literal(struct sl_buf *out, const char *value)
{
    /* With a backslash the escape form is used, so that the text means the same whatever
     * standard_conforming_strings says. */
    bool escaped = strchr(value, '\\');
    sl_buf_puts(out, escaped ? " E'" : "'");
    add_doubling(out, value, escaped ? "'\\" : "'");
    sl_buf_putc(out, '\'');
}
