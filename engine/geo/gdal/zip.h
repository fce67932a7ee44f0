/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zip.h - a ZIP archive looked at before anything opens it: its directory is whole, bounded and harmless.
 *
 * Nothing is unpacked. Refused: archives that are cut off, encrypted, compressed by another method than deflate, with
 * more than SL_ZIP_ENTRIES_MAX entries, with entries that overlap or lie about their size, that would unpack to more than
 * SL_ZIP_RATIO_MAX times their size, and names that leave a folder. Specification: PKWARE APPNOTE 6.3, 4.3 and 4.5.3.
 * Threads: any.
 */
#ifndef SLUICE_GEO_GDAL_ZIP_H
#define SLUICE_GEO_GDAL_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/error.h>

enum {
    SL_ZIP_ENTRIES_MAX = 10000,
    SL_ZIP_RATIO_MAX = 200,           /* tables of blanks reach 100 */
    SL_ZIP_SLACK_BYTES = 16 << 20,    /* small archives may unpack to as much whatever their ratio */
    SL_ZIP_NAME_MAX_BYTES = 1024,
    SL_ZIP_DIRECTORY_MAX_BYTES = 16 << 20
};

/* Does the file begin as a ZIP archive does? */
bool sl_zip_is(const char *path);
/* SL_E_FILE_TRUNCATED, SL_E_FILE_FORMAT or SL_E_LIMIT, naming the archive, when it is not to be opened. *entries is the
 * number of its entries. */
int sl_zip_check(const char *path, size_t *entries, struct sl_error *err);

#endif
