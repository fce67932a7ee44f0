/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "manifest/internal.h"

enum { KEY_BYTES = 1024 };

/* The folders of the landing zone that are the engine's. */
static const char *const own_folders[] = {"manifests", "archive", "quarantine"};

const char *sl_manifest__batch_id(const char *id)
{
    size_t n = strlen(id);
    if (n == 0 || n > 128 || !isalnum((unsigned char)id[0]))
        return "must have 1 to 128 characters and begin with a letter or digit";
    for (const char *p = id; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
            return "may have letters, digits, \".\", \"_\" and \"-\" only";
    for (size_t i = 0; i < sizeof own_folders / sizeof *own_folders; i++)
        if (!strcasecmp(id, own_folders[i]))
            return "is the name of a folder of the landing zone";
    return NULL;
}

static bool has_control(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7F)
            return true;
    return false;
}

/* Each segment of a key; dots are judged before anything is joined. */
static const char *segments(const char *key, bool relative)
{
    while (true) {
        size_t n = strcspn(key, "/");
        if (n == 2 && key[0] == '.' && key[1] == '.')
            return relative ? "leaves the batch's folder" : "leaves the landing zone";
        if (n == 1 && key[0] == '.')
            return "must not have \".\" as a folder";
        if (n == 0)
            return key[0] == '/' ? "must not have an empty folder name" : "names a folder, not a file";
        if (n > 255)
            return "has a name longer than 255 bytes";
        if (!key[n])
            return NULL;
        key += n + 1;
    }
}

static const char *in_own_folder(const char *key)
{
    for (size_t i = 0; i < sizeof own_folders / sizeof *own_folders; i++) {
        size_t n = strlen(own_folders[i]);
        if (!strncasecmp(key, own_folders[i], n) && key[n] == '/')
            return "is in a folder that is not for assets";
    }
    return NULL;
}

/* "s3://bucket/key" or NULL; *inside is the key. */
static const char *of_bucket(const char *path, const char *bucket, const char **inside)
{
    const char *rest = path + strlen("s3://");
    size_t n = strcspn(rest, "/");
    if (strlen(bucket) != n || memcmp(rest, bucket, n) != 0)
        return "is not in the landing zone's bucket";
    if (!rest[n] || !rest[n + 1])
        return "names a bucket, not a file";
    *inside = rest + n + 1;
    return NULL;
}

static bool has_scheme(const char *path)
{
    size_t n = 0;
    while (isalnum((unsigned char)path[n]) || (path[n] && strchr("+-.", path[n])))
        n++;
    return n > 0 && path[n] == ':';
}

/* What another layer could take for something else than a name in the store. */
static const char *disguise(const char *path)
{
    if (has_control(path))
        return "must not have control characters";
    if (strchr(path, '\\'))
        return "must have \"/\" between folders, not \"\\\"";
    if (!strncasecmp(path, "/vsi", 4))
        return "must not begin with /vsi: it names a file of the landing zone";
    return NULL;
}

const char *sl_manifest_path(const char *path, const char *batch_id, const char *landing_bucket, struct sl_arena *arena,
                             const char **key)
{
    /* A "/vsi…" inside of a key is harmless: the store hands files to GDAL by names of its own. */
    const char *inside = path, *wrong = disguise(path);
    bool full = sl_text_starts(path, "s3://");
    if (wrong)
        return wrong;
    if (!full && path[0] == '/')
        return "is an absolute path: name the file by s3:// or relative to the batch's folder";
    if (!full && has_scheme(path))
        return "has a scheme other than s3://";
    wrong = full ? of_bucket(path, landing_bucket, &inside) : NULL;
    if (!wrong)
        wrong = segments(inside, !full);
    if (!wrong && full)
        wrong = in_own_folder(inside);
    if (wrong)
        return wrong;
    const char *whole = full ? sl_arena_strdup(arena, inside) : sl_arena_printf(arena, "%s/%s", batch_id, inside);
    if (strlen(whole) > KEY_BYTES)
        return "is longer than 1024 bytes with its folder";
    *key = whole;
    return NULL;
}
