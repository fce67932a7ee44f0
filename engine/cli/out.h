/* SPDX-License-Identifier: Apache-2.0 */
/*
 * out.h - where the program writes: buffered, with colours only on a terminal, and a reader that goes away noticed.
 *
 * A write that fails is remembered and everything after it is dropped; whoever produces much asks sl_out_gone and
 * stops. Text from outside goes through sl_out_safe or sl_out_escape, never through a format of its own. Threads: one.
 */
#ifndef SLUICE_CLI_OUT_H
#define SLUICE_CLI_OUT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/arena.h"
#include "base/buf.h"

enum sl_colour { SL_PLAIN, SL_BOLD, SL_DIM, SL_RED, SL_GREEN, SL_YELLOW };

struct sl_out {
    int fd;         /* -1: everything stays in buf (tests) */
    bool terminal, colour;
    int width;      /* columns that a line may take: the terminal's, else 100 */
    int error;      /* errno of the write that failed, 0 */
    bool any;       /* something was written */
    struct sl_buf buf;
};

/* colour: false switches it off whatever the descriptor is. */
void sl_out_init(struct sl_out *out, int fd, bool colour);
void sl_out_free(struct sl_out *out);
void sl_out_flush(struct sl_out *out);
bool sl_out_gone(const struct sl_out *out);

void sl_out_text(struct sl_out *out, const char *text);
void sl_out_printf(struct sl_out *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Text from outside, made one printable line. */
void sl_out_safe(struct sl_out *out, const char *text);
/* The same as a string of the arena; NULL gives "-". */
const char *sl_out_escape(struct sl_arena *arena, const char *text);
void sl_out_coloured(struct sl_out *out, enum sl_colour colour, const char *text);
void sl_out_spaces(struct sl_out *out, size_t n);

/* One JSON value and a line break; pretty: over several lines. What a terminal could act on is written as \uNNNN. */
void sl_out_json(struct sl_out *out, struct json_object *value, bool pretty);

#endif
