/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include "base/clock.h"
#include "base/text.h"
#include "cli/show.h"

enum { BAR_COLUMNS = 20, NAME_COLUMNS = 24 };
#define REDRAW_NS     (100 * SL_NS_PER_MS)
#define RATE_AFTER_NS (200 * SL_NS_PER_MS) /* before, it says nothing */

void sl_cli_progress_begin(struct sl_cli_progress *p, struct sl_cli *cli)
{
    bool seen = cli->err.terminal && !cli->quiet;
    *p = (struct sl_cli_progress){.out = seen ? &cli->err : NULL, .arena = cli->arena, .started_ns = sl_clock_mono_ns()};
}

static bool due(struct sl_cli_progress *p, bool always)
{
    int64_t now = sl_clock_mono_ns();
    if (!p->out || (!always && p->drawn && now - p->drawn_ns < REDRAW_NS))
        return false;
    p->drawn_ns = now;
    return true;
}

static void draw(struct sl_cli_progress *p, const char *text)
{
    sl_out_printf(p->out, "\r\x1b[K%s", text);
    sl_out_flush(p->out);
    p->drawn = true;
}

static const char *bar(struct sl_arena *arena, int64_t done, int64_t total)
{
    struct sl_buf buf;
    sl_buf_init(&buf, 256);
    int64_t full = done >= total ? BAR_COLUMNS : done * BAR_COLUMNS / total;
    for (int64_t i = 0; i < BAR_COLUMNS; i++)
        sl_buf_puts(&buf, i < full ? "█" : "░");
    const char *text = sl_arena_strdup(arena, buf.data);
    sl_buf_free(&buf);
    return text;
}

void sl_cli_progress_bytes(struct sl_cli_progress *p, const char *label, const char *what, int64_t done, int64_t total)
{
    if (!due(p, total > 0 && done >= total))
        return;
    struct sl_arena *a = sl_arena_new();
    int64_t ns = p->drawn_ns - p->started_ns;
    const char *name = sl_cli_shorten(a, sl_out_escape(a, what), NAME_COLUMNS), *rate = "";
    if (ns > RATE_AFTER_NS && done > 0)
        rate = sl_arena_printf(a, "  %s/s", sl_cli_size(a, (int64_t)((double)done * 1e9 / (double)ns)));
    if (total > 0)
        draw(p, sl_arena_printf(a, "%-9s %s  %s  %s %3d %%%s", label, name, sl_cli_size(a, total), bar(a, done, total),
                                (int)(done >= total ? 100 : done * 100 / total), rate));
    else
        draw(p, sl_arena_printf(a, "%-9s %s  %s%s", label, name, sl_cli_size(a, done), rate));
    sl_arena_free(a);
}

void sl_cli_progress_text(struct sl_cli_progress *p, const char *text)
{
    if (!due(p, false))
        return;
    struct sl_arena *a = sl_arena_new();
    draw(p, sl_cli_shorten(a, text, (size_t)p->out->width - 1));
    sl_arena_free(a);
}

void sl_cli_progress_keep(struct sl_cli_progress *p)
{
    if (p->out && p->drawn) {
        sl_out_text(p->out, "\n");
        sl_out_flush(p->out);
    }
    p->drawn = false;
}

void sl_cli_progress_clear(struct sl_cli_progress *p)
{
    if (p->out && p->drawn) {
        sl_out_text(p->out, "\r\x1b[K");
        sl_out_flush(p->out);
    }
    p->drawn = false;
}
