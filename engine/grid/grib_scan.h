/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grib_scan.h - where the messages of a GRIB file are, and the sections in them, by the bytes alone.
 *
 * A message's own word for its length is believed only as far as the file goes and the end mark "7777" stands there,
 * and a section's only within its message: so memory is never more than the file has bytes. A message of edition 2 may
 * hold many fields; each is handed out as a message of its own.
 */
#ifndef SLUICE_GRID_GRIB_SCAN_H
#define SLUICE_GRID_GRIB_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/error.h>

enum { SL_GRIB__WINDOW_BYTES = 64 * 1024, SL_GRIB__SECTIONS = 8 };
#define SL_GRIB__MESSAGE_BYTES_MAX ((int64_t)1 << 30)

/* A section within a message; bytes 0: there is none. */
struct sl_grib__section {
    size_t at, bytes;
};

struct sl_grib__scan {
    int fd;
    int64_t size, at; /* of the file; behind the last message */
    bool lost;        /* at is within something damaged, of which all is said */
    unsigned char window[SL_GRIB__WINDOW_BYTES];
    bool between; /* what is damaged lies between messages and is none */
    int64_t window_at;
    size_t window_bytes;

    unsigned char *message; /* the present one */
    size_t message_capacity;
    int64_t offset, bytes;
    int edition;
    size_t walked; /* where the next field's sections begin; 0: no message */
    struct sl_grib__section sections[SL_GRIB__SECTIONS];
    struct sl_grib__section bitmap; /* the one that a later field may refer to */
    unsigned char *single;          /* a field of many, as a message of its own */
    size_t single_capacity;
};

/* A field, as the bytes of a message with it alone; they live until the next call. */
struct sl_grib__piece {
    const unsigned char *data;
    size_t bytes;
    int edition;
    int64_t offset, message_bytes;                       /* of the message in the file */
    struct sl_grib__section sections[SL_GRIB__SECTIONS]; /* within data; of edition 1: 1 to 4 */
};

int sl_grib__scan_open(struct sl_grib__scan *scan, const char *path, struct sl_error *err);
void sl_grib__scan_close(struct sl_grib__scan *scan);
/* 1: a field; 0: the end; negative: what is damaged, at scan->offset, or, with *passable false, a failure to read. */
int sl_grib__scan_next(struct sl_grib__scan *scan, struct sl_grib__piece *out, bool *passable, struct sl_error *err);

/* Gives back the memory of a large message whose last field was handed out. */
void sl_grib__scan_release(struct sl_grib__scan *scan);

#endif
