/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/chart.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { HEIGHT = 8, LABEL = 10, WIDTH_MOST = 72, EIGHTHS = 8 };

struct chart {
    double columns[WIDTH_MOST]; /* NAN: no sample */
    size_t width;
    double least, most;
};

static void fill(struct chart *c, const struct sl_cli_sample *samples, size_t n, size_t room)
{
    double sums[WIDTH_MOST] = {0}, first = samples[0].at, span = samples[n - 1].at - first;
    size_t counts[WIDTH_MOST] = {0};
    c->width = room < WIDTH_MOST ? room : WIDTH_MOST;
    for (size_t i = 0; i < n; i++) {
        size_t k = span > 0 ? (size_t)((samples[i].at - first) / span * (double)(c->width - 1) + 0.5) : 0;
        sums[k] += samples[i].value;
        counts[k]++;
    }
    c->least = INFINITY;
    c->most = -INFINITY;
    for (size_t k = 0; k < c->width; k++) {
        c->columns[k] = counts[k] ? sums[k] / (double)counts[k] : NAN;
        if (counts[k]) {
            c->least = fmin(c->least, c->columns[k]);
            c->most = fmax(c->most, c->columns[k]);
        }
    }
}

/* Columns between two samples go on with the one before, so that few samples are a line of steps. */
static void join(struct chart *c)
{
    for (size_t k = 1; k < c->width; k++)
        if (isnan(c->columns[k]))
            c->columns[k] = c->columns[k - 1];
}

static void line(struct sl_out *out, const struct chart *c, int row)
{
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double span = c->most - c->least;
    char label[LABEL * 2] = "";
    if (row == HEIGHT - 1 || row == 0)
        snprintf(label, sizeof label, "%.5g", row ? c->most : c->least);
    sl_out_printf(out, "%*s %s", LABEL, label, out->terminal ? "│" : "|");
    for (size_t k = 0; k < c->width; k++) {
        double part = span > 0 ? (c->columns[k] - c->least) / span : 0.5;
        int eighths = 1 + (int)lround(part * (HEIGHT * EIGHTHS - 1)) - row * EIGHTHS;
        eighths = eighths < 0 ? 0 : eighths > EIGHTHS ? EIGHTHS : eighths;
        if (out->terminal)
            sl_out_text(out, blocks[eighths]);
        else
            sl_out_text(out, eighths > EIGHTHS / 2 ? "#" : eighths ? "." : " ");
    }
    sl_out_text(out, "\n");
}

void sl_cli_chart(struct sl_out *out, const struct sl_cli_sample *samples, size_t n, const char *from, const char *to)
{
    struct chart c;
    size_t margin = LABEL + 2, ends = strlen(from) + strlen(to);
    if (n < 2 || out->width < (int)margin + 20)
        return;
    fill(&c, samples, n, (size_t)out->width - margin);
    join(&c);
    for (int row = HEIGHT - 1; row >= 0; row--)
        line(out, &c, row);
    sl_out_spaces(out, margin);
    sl_out_text(out, from);
    sl_out_spaces(out, c.width > ends ? c.width - ends : 1);
    sl_out_printf(out, "%s\n", to);
}
