/* SPDX-License-Identifier: Apache-2.0 */
/* Where the files that come with sluice are: beside an installed program, or in the source tree of one just built. */
#include "config/settings.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

static char *program_folder(struct sl_arena *arena)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0)
        return NULL;
    path[n] = '\0';
    char *slash = strrchr(path, '/');
    return slash ? sl_arena_strndup(arena, path, (size_t)(slash - path)) : NULL;
}

static bool has_files(const char *folder, struct sl_arena *arena)
{
    return sl_path_exists(sl_path_join(arena, folder, "schemas"));
}

const char *sl_config__data_dir(struct sl_arena *arena)
{
    const char *program = program_folder(arena);
    if (program && sl_text_starts(program, SLUICE_BINARY_DIR "/"))
        return SLUICE_SOURCE_DIR;
    char *slash = program ? strrchr(program, '/') : NULL;
    if (slash) {
        char *beside = sl_arena_printf(arena, "%.*s/share/sluice", (int)(slash - program), program);
        if (has_files(beside, arena))
            return beside;
    }
    return has_files(SLUICE_DATA_DIR, arena) || !has_files(SLUICE_SOURCE_DIR, arena) ? SLUICE_DATA_DIR
                                                                                     : SLUICE_SOURCE_DIR;
}

const char *sl_config__duckdb_dir(struct sl_arena *arena)
{
    char *installed = sl_path_join(arena, sl_config__data_dir(arena), "duckdb/extensions");
    if (sl_path_exists(installed))
        return installed;
    size_t n = strlen(SLUICE_DUCKDB_LIB_DIR);
    while (n > 1 && SLUICE_DUCKDB_LIB_DIR[n - 1] != '/')
        n--;
    return sl_arena_printf(arena, "%.*sextensions", (int)n, SLUICE_DUCKDB_LIB_DIR);
}
