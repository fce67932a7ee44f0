/* SPDX-License-Identifier: Apache-2.0 */
/* file.h - files and folders of this machine: whole reads with a maximum, durable writes, trees. */
#ifndef SLUICE_BASE_FILE_H
#define SLUICE_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <sluice/error.h>

#include "base/arena.h"
#include "base/buf.h"

/* Reads a file into buf (which bounds it: SL_E_LIMIT). SL_E_FILE_MISSING when there is none. */
int sl_file_read(const char *path, struct sl_buf *buf, struct sl_error *err);
/* Writes a file so that it is there whole or not at all: temporary file beside it, fsync, rename, fsync of the folder. */
int sl_file_write_durable(const char *path, const void *data, size_t bytes, mode_t mode, struct sl_error *err);
/* write(2) until all is written. */
int sl_file_write_all(int fd, const void *data, size_t bytes, struct sl_error *err);
/* mkdir -p; an existing folder is fine. */
int sl_dir_make(const char *path, mode_t mode, struct sl_error *err);
/* rm -r, never following links out of it, never crossing into "/" ; a missing path is fine. */
int sl_dir_remove(const char *path, struct sl_error *err);
int sl_dir_fsync(const char *path, struct sl_error *err);
bool sl_path_exists(const char *path);
/* The names in a folder, sorted bytewise, without "." and ".."; *n of them, in the arena. */
int sl_dir_list(const char *path, struct sl_arena *arena, char ***names, size_t *n, struct sl_error *err);
/* "a/b" from parts; the arena owns it. */
char *sl_path_join(struct sl_arena *arena, const char *a, const char *b);
const char *sl_path_base(const char *path); /* what follows the last slash */
/* Lower-case extension without the dot ("gpkg"), "" when there is none; the arena owns it. */
char *sl_path_ext(struct sl_arena *arena, const char *path);
/* The name without folder and extension. */
char *sl_path_stem(struct sl_arena *arena, const char *path);

#endif
