/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where GDAL finds the data of a file: the file itself, or what a ZIP archive has of the declared format. An archive is
 * read in place, by the name of an entry; its directory has been checked before (zip.h).
 */
#include <string.h>
#include <strings.h>

#include <cpl_string.h>
#include <cpl_vsi.h>

#include "base/file.h"
#include "base/text.h"
#include "geo/gdal/gdal.h"
#include "geo/gdal/vector_internal.h"
#include "geo/gdal/zip.h"

static const char GDB_FIRST_TABLE[] = "a00000001.gdbtable";

struct names {
    const char **items;
    size_t n;
};

static const char *base_of(const char *entry)
{
    const char *slash = strrchr(entry, '/'), *other = strrchr(entry, '\\');
    return slash || other ? (other > slash ? other : slash) + 1 : entry;
}

/* What macOS and desktop programs leave in archives, and folders. */
static bool is_junk(const char *entry)
{
    const char *base = base_of(entry);
    return !*base || *base == '.' || !strncmp(entry, "__MACOSX/", 9) || strstr(entry, "/__MACOSX/");
}

static int list_entries(const char *path, struct sl_arena *arena, struct names *out, struct sl_error *err)
{
    size_t n = 0;
    int rc = sl_gdal_setup(err);
    if (rc == 0)
        rc = sl_zip_check(path, &n, err);
    if (rc)
        return rc;
    sl_gdal_errors_begin();
    char **list = VSIReadDirRecursive(sl_arena_printf(arena, "/vsizip/{%s}", path));
    sl_gdal_errors_end(SL_E_FILE_FORMAT, NULL);
    size_t count = (size_t)CSLCount(list);
    out->items = sl_arena_array(arena, count, sizeof *out->items);
    out->n = 0;
    for (size_t i = 0; i < count; i++)
        if (!is_junk(list[i]))
            out->items[out->n++] = sl_arena_strdup(arena, list[i]);
    CSLDestroy(list);
    return 0;
}

static bool is_gdb(const struct sl_format *format)
{
    return !strcmp(format->driver, "OpenFileGDB");
}

/* A database's folder, without the slash, by the table that each has. */
static const char *gdb_folder(const char *entry, struct sl_arena *arena)
{
    const char *base = base_of(entry);
    if (strcasecmp(base, GDB_FIRST_TABLE) != 0 || base == entry)
        return NULL;
    const char *folder = sl_arena_strndup(arena, entry, (size_t)(base - entry - 1));
    return sl_format_has_extension(folder, "gdb") ? folder : NULL;
}

static const char *member_of(const char *entry, const struct sl_format *format, struct sl_arena *arena)
{
    if (is_gdb(format))
        return gdb_folder(entry, arena);
    for (const char *const *e = format->extensions; *e; e++)
        if (sl_format_has_extension(entry, *e) && !sl_format_archive_name(entry))
            return entry;
    return NULL;
}

static void find_members(const struct names *entries, const struct sl_format *format, struct sl_arena *arena,
                         struct names *out)
{
    out->items = sl_arena_array(arena, entries->n, sizeof *out->items);
    out->n = 0;
    for (size_t i = 0; i < entries->n; i++) {
        const char *member = member_of(entries->items[i], format, arena);
        if (member)
            out->items[out->n++] = member;
    }
}

static int fail_empty(const char *path, const struct names *entries, const struct sl_format *format,
                      struct sl_error *err)
{
    bool nested = false;
    for (size_t i = 0; i < entries->n; i++)
        nested |= sl_format_archive_name(entries->items[i]);
    int rc = sl_fail(err, SL_E_FILE_FORMAT, "archive \"%s\" has no %s file", sl_path_base(path), format->name);
    if (nested)
        sl_error_hint(err, "archives within an archive are not opened: upload each by itself");
    else if (is_gdb(format))
        sl_error_hint(err, "put the folder itself, with its name in .gdb, into the archive");
    else
        sl_error_hint(err, "declare the format that it has, or upload the right archive");
    return rc;
}

static bool shared_stem(const struct names *members, size_t i, struct sl_arena *arena)
{
    const char *stem = sl_path_stem(arena, base_of(members->items[i]));
    for (size_t k = 0; k < members->n; k++)
        if (k != i && !strcasecmp(sl_path_stem(arena, base_of(members->items[k])), stem))
            return true;
    return false;
}

/* Each .shp is a layer, named as it is; with its folder where another folder has the same. */
static void name_layers(const struct names *members, struct sl_arena *arena, struct sl_vector__place *out)
{
    out->layers = sl_arena_array(arena, members->n, sizeof *out->layers);
    out->n_layers = members->n;
    for (size_t i = 0; i < members->n; i++) {
        const char *entry = members->items[i];
        out->layers[i] = shared_stem(members, i, arena)
                             ? sl_arena_strndup(arena, entry, strlen(entry) - strlen(".shp"))
                             : sl_path_stem(arena, base_of(entry));
    }
}

static int choose(const char *path, const struct names *members, const struct sl_vector_options *options,
                  struct sl_vector__place *out, size_t *chosen, struct sl_error *err)
{
    bool shapefiles = out->n_layers > 0;
    *chosen = 0;
    if (members->n == 1 && (!options->layer || !shapefiles))
        return 0;
    if (!shapefiles) {
        int rc = sl_fail(err, SL_E_FILE_LAYER, "archive \"%s\" has %zu %s files, one is taken", sl_path_base(path),
                         members->n, options->format->name);
        sl_error_hint(err, "upload each by itself");
        return rc;
    }
    for (size_t i = 0; options->layer && i < out->n_layers; i++) {
        *chosen = i;
        if (!strcmp(out->layers[i], options->layer))
            return 0;
    }
    return sl_vector__fail_layer(path, options->layer, out->layers, out->n_layers, err);
}

static int place_in_archive(const char *path, const struct sl_vector_options *options, struct sl_arena *arena,
                            struct sl_vector__place *out, struct sl_error *err)
{
    struct names entries, members;
    if (!(options->format->flags & SL_FORMAT_ZIPPED)) {
        int rc = sl_fail(err, SL_E_FILE_FORMAT, "\"%s\" is an archive, and %s is not read within one",
                         sl_path_base(path), options->format->name);
        sl_error_hint(err, "upload the file without an archive");
        return rc;
    }
    int rc = list_entries(path, arena, &entries, err);
    if (rc)
        return rc;
    find_members(&entries, options->format, arena, &members);
    if (members.n == 0)
        return fail_empty(path, &entries, options->format, err);
    bool shapefiles = !strcmp(options->format->driver, "ESRI Shapefile");
    size_t chosen = 0;
    out->layer = options->layer;
    if (shapefiles)
        name_layers(&members, arena, out);
    if (shapefiles)
        out->layer = NULL;
    if (!options->any_layer)
        rc = choose(path, &members, options, out, &chosen, err);
    out->path = sl_arena_printf(arena, "/vsizip/{%s}/%s", path, members.items[chosen]);
    if (rc == 0 && shapefiles && !options->any_layer)
        rc = sl_vector__shapefile_in(out, path, members.items[chosen], entries.items, entries.n, arena, err);
    return rc;
}

int sl_vector__place(const char *path, const struct sl_vector_options *options, struct sl_arena *arena,
                     struct sl_vector__place *out, struct sl_error *err)
{
    *out = (struct sl_vector__place){.path = path, .layer = options->layer};
    if (sl_zip_is(path))
        return place_in_archive(path, options, arena, out, err);
    if (!sl_format_archive_name(path) || !sl_path_exists(path))
        return strcmp(options->format->driver, "ESRI Shapefile") || options->format->type != SL_DATA_VECTOR ? 0 : sl_vector__shapefile_at(out, path, arena, err);
    int rc = sl_fail(err, SL_E_FILE_FORMAT, "\"%s\" is not a ZIP archive", sl_path_base(path));
    sl_error_hint(err, "declare the format that it has, or upload it again");
    return rc;
}

int sl_vector_format_inside(const char *path, const struct sl_format **format, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct names entries, members;
    const struct sl_format *found = NULL;
    if (!sl_zip_is(path))
        return 0;
    int rc = list_entries(path, arena, &entries, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < sl_n_formats && !found; i++) {
        if (!(sl_formats[i].flags & SL_FORMAT_ZIPPED))
            continue;
        find_members(&entries, &sl_formats[i], arena, &members);
        found = members.n ? &sl_formats[i] : NULL;
    }
    if (found)
        *format = found;
    return 0;
}
