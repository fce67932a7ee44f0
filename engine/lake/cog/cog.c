/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/cog/cog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/sha256.h"

enum {
    DIRECTORIES_MAX = 128, /* 31 halvings of 2^31 pixels, each with a mask, make 62 */
    ENTRIES_MAX = 4096,
    CHUNK_VALUES = 4096,
    SIDE_MAX = 0x7fffffff
};

enum { SUBFILE_REDUCED = 1, SUBFILE_PAGE = 2, SUBFILE_MASK = 4 };

struct tiff {
    int fd;
    uint64_t size;
    bool big_endian, bigtiff;
};

/* Where the values of one tag stand. */
struct values {
    uint64_t at, count;
    unsigned item_bytes;
};

/* One image of the file: the full resolution, an overview, or the mask of one. */
struct image {
    uint64_t directory, directory_end; /* with the arrays that belong to it */
    uint64_t width, height, tile_width, tile_height, samples, planar, subfile;
    struct values tile_offsets, tile_sizes;
    bool strips;
    uint64_t data_first, data_end; /* of its tiles; data_end 0: every tile is empty */
};

static int broken(struct sl_error *err, const char *rule)
{
    return sl_fail(err, SL_E_OUTPUT_INVALID, "not a cloud optimized GeoTIFF: %s", rule);
}

static int read_at(const struct tiff *t, uint64_t at, void *buf, size_t bytes, struct sl_error *err)
{
    if (at > t->size || bytes > t->size - at)
        return broken(err, "an offset points beyond the end of the file");
    for (size_t got = 0; got < bytes;) {
        ssize_t n = pread(t->fd, (char *)buf + got, bytes - got, (off_t)(at + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sl_fail_errno(err, errno, "reading the written file");
        if (n == 0)
            return broken(err, "the file became shorter while it was read");
        got += (size_t)n;
    }
    return 0;
}

static uint64_t number(const struct tiff *t, const unsigned char *p, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++)
        v = v << 8 | p[t->big_endian ? i : bytes - 1 - i];
    return v;
}

/* Only unsigned integers (BYTE, SHORT, LONG, IFD, LONG8, IFD8) can be sizes and offsets; 0 for other types. */
static unsigned item_bytes(uint64_t type)
{
    switch (type) {
    case 1:
        return 1;
    case 3:
        return 2;
    case 4:
    case 13:
        return 4;
    case 16:
    case 18:
        return 8;
    default:
        return 0;
    }
}

static int value(const struct tiff *t, const struct values *v, uint64_t *out, struct sl_error *err)
{
    unsigned char raw[8];
    int rc = v->count ? read_at(t, v->at, raw, v->item_bytes, err) : broken(err, "a tag has no value");
    if (rc == 0)
        *out = number(t, raw, v->item_bytes);
    return rc;
}

/* One entry of a directory; tags that don't matter here are passed over. */
static int read_entry(const struct tiff *t, uint64_t at, const unsigned char *entry, struct image *image,
                      struct sl_error *err)
{
    unsigned word = t->bigtiff ? 8 : 4;
    struct values v = {.count = number(t, entry + 4, word), .item_bytes = item_bytes(number(t, entry + 2, 2))};
    uint64_t *single = NULL;
    struct values *array = NULL;
    switch (number(t, entry, 2)) {
    case 254:
        single = &image->subfile;
        break;
    case 256:
        single = &image->width;
        break;
    case 257:
        single = &image->height;
        break;
    case 273:
        image->strips = true;
        return 0;
    case 277:
        single = &image->samples;
        break;
    case 284:
        single = &image->planar;
        break;
    case 322:
        single = &image->tile_width;
        break;
    case 323:
        single = &image->tile_height;
        break;
    case 324:
        array = &image->tile_offsets;
        break;
    case 325:
        array = &image->tile_sizes;
        break;
    default:
        return 0;
    }
    if (v.item_bytes == 0)
        return broken(err, "a size or an offset is not an unsigned integer");
    if (v.count > t->size / v.item_bytes)
        return broken(err, "a directory promises more values than the file has bytes");
    bool is_inline = v.count * v.item_bytes <= word;
    v.at = is_inline ? at + 4 + word : number(t, entry + 4 + word, word);
    if (v.at > t->size || v.count * v.item_bytes > t->size - v.at)
        return broken(err, "an offset points beyond the end of the file");
    if (v.at + v.count * v.item_bytes > image->directory_end)
        image->directory_end = v.at + v.count * v.item_bytes;
    if (array)
        *array = v;
    return single ? value(t, &v, single, err) : 0;
}

static int read_directory(const struct tiff *t, uint64_t at, struct image *image, uint64_t *next, struct sl_error *err)
{
    unsigned count_bytes = t->bigtiff ? 8 : 2, entry_bytes = t->bigtiff ? 20 : 12, word = t->bigtiff ? 8 : 4;
    unsigned char raw[20];
    int rc = read_at(t, at, raw, count_bytes, err);
    if (rc < 0)
        return rc;
    uint64_t n = number(t, raw, count_bytes);
    if (n == 0 || n > ENTRIES_MAX)
        return broken(err, "a directory is empty or too long");
    *image = (struct image){.directory = at, .samples = 1, .planar = 1};
    uint64_t entry_at = at + count_bytes;
    image->directory_end = entry_at + n * entry_bytes + word;
    for (uint64_t i = 0; i < n && rc == 0; i++, entry_at += entry_bytes) {
        rc = read_at(t, entry_at, raw, entry_bytes, err);
        rc = rc < 0 ? rc : read_entry(t, entry_at, raw, image, err);
    }
    rc = rc < 0 ? rc : read_at(t, entry_at, raw, word, err);
    if (rc == 0)
        *next = number(t, raw, word);
    return rc;
}

static int check_shape(const struct image *image, struct sl_error *err)
{
    if (image->strips || image->tile_offsets.count == 0)
        return broken(err, "an image is in strips, not in tiles");
    if (image->width == 0 || image->height == 0 || image->width > SIDE_MAX || image->height > SIDE_MAX)
        return broken(err, "an image has no size");
    if (image->tile_width == 0 || image->tile_height == 0 || image->tile_width > SIDE_MAX ||
        image->tile_height > SIDE_MAX)
        return broken(err, "a tile has no size");
    if (image->samples == 0 || image->samples > UINT16_MAX || image->planar < 1 || image->planar > 2)
        return broken(err, "an image has no samples");
    uint64_t across = (image->width + image->tile_width - 1) / image->tile_width;
    uint64_t down = (image->height + image->tile_height - 1) / image->tile_height;
    uint64_t planes = image->planar == 2 ? image->samples : 1, tiles = 0;
    if (__builtin_mul_overflow(across * down, planes, &tiles) || tiles != image->tile_offsets.count ||
        tiles != image->tile_sizes.count)
        return broken(err, "the number of tiles does not fit the size of the image");
    return 0;
}

/* Arrays of millions of tiles are read in pieces. */
static int check_tiles(const struct tiff *t, struct image *image, struct sl_error *err)
{
    SL_CLEANUP(sl_freep) unsigned char *raw = sl_xmalloc(2 * CHUNK_VALUES * 8);
    unsigned char *raw_sizes = raw + CHUNK_VALUES * 8;
    const struct values *offsets = &image->tile_offsets, *sizes = &image->tile_sizes;
    image->data_first = UINT64_MAX;
    for (uint64_t done = 0; done < offsets->count;) {
        uint64_t left = offsets->count - done, n = left < CHUNK_VALUES ? left : CHUNK_VALUES;
        int rc = read_at(t, offsets->at + done * offsets->item_bytes, raw, n * offsets->item_bytes, err);
        rc = rc < 0 ? rc : read_at(t, sizes->at + done * sizes->item_bytes, raw_sizes, n * sizes->item_bytes, err);
        if (rc < 0)
            return rc;
        for (uint64_t i = 0; i < n; i++) {
            uint64_t at = number(t, raw + i * offsets->item_bytes, offsets->item_bytes);
            uint64_t bytes = number(t, raw_sizes + i * sizes->item_bytes, sizes->item_bytes);
            if (at == 0 && bytes == 0)
                continue; /* nothing but nodata: not stored */
            if (at == 0 || bytes == 0 || at > t->size || bytes > t->size - at)
                return broken(err, "a tile is not inside of the file");
            image->data_first = at < image->data_first ? at : image->data_first;
            image->data_end = at + bytes > image->data_end ? at + bytes : image->data_end;
        }
        done += n;
    }
    return 0;
}

static int read_images(const struct tiff *t, uint64_t first, struct image *images, size_t *n, struct sl_error *err)
{
    uint64_t at = first, before = 0;
    for (*n = 0; at != 0; (*n)++) {
        if (*n == DIRECTORIES_MAX)
            return broken(err, "it has too many directories");
        if (at <= before)
            return broken(err, "a directory stands before the one that leads to it");
        before = at;
        struct image *image = &images[*n];
        int rc = read_directory(t, at, image, &at, err);
        rc = rc < 0 ? rc : check_shape(image, err);
        rc = rc < 0 ? rc : check_tiles(t, image, err);
        if (rc < 0)
            return rc;
    }
    return *n ? 0 : broken(err, "it has no directory");
}

static bool same_size(const struct image *a, const struct image *b)
{
    return a->width == b->width && a->height == b->height;
}

/* A mask's tiles stand between those of the image that it masks, so that both count as one level. */
static int fold_masks(struct image *images, size_t n, size_t *levels, struct sl_error *err)
{
    *levels = 0;
    for (size_t i = 0; i < n; i++) {
        if (images[i].subfile & SUBFILE_PAGE)
            return broken(err, "it has more than one page");
        if (!(images[i].subfile & SUBFILE_MASK)) {
            images[(*levels)++] = images[i];
            continue;
        }
        struct image *owner = NULL;
        for (size_t k = 0; k < *levels && !owner; k++)
            owner = same_size(&images[k], &images[i]) ? &images[k] : NULL;
        if (!owner)
            return broken(err, "a mask belongs to no image");
        if (images[i].data_first < owner->data_first)
            owner->data_first = images[i].data_first;
        if (images[i].data_end > owner->data_end)
            owner->data_end = images[i].data_end;
    }
    return 0;
}

static int check_levels(const struct image *levels, size_t n, bool overviews, struct sl_error *err)
{
    if (n == 0 || levels[0].subfile & SUBFILE_REDUCED)
        return broken(err, "the first directory is not the full resolution");
    uint64_t data_below = UINT64_MAX; /* where the data of the next larger level begins */
    for (size_t i = 0; i < n; i++) {
        const struct image *level = &levels[i];
        if (i > 0 && !(level->subfile & SUBFILE_REDUCED))
            return broken(err, "it has more than one image of full resolution");
        if (i > 0 && (level->width > levels[i - 1].width || level->height > levels[i - 1].height ||
                      same_size(level, &levels[i - 1])))
            return broken(err, "overviews don't become smaller");
        if (level->data_end == 0)
            continue;
        if (level->data_end > data_below)
            return broken(err, "the data of an overview stands behind the data of a larger level");
        data_below = level->data_first;
    }
    const struct image *last = &levels[n - 1];
    if (!overviews)
        return n == 1 ? 0 : broken(err, "it has overviews, and none were asked for");
    if (last->width > last->tile_width || last->height > last->tile_height)
        return broken(err, "overviews don't go down to one block");
    return 0;
}

static int check_directories_first(const struct image *images, size_t n, struct sl_error *err)
{
    uint64_t data_first = UINT64_MAX;
    for (size_t i = 0; i < n; i++)
        if (images[i].data_end && images[i].data_first < data_first)
            data_first = images[i].data_first;
    for (size_t i = 0; i < n; i++)
        if (images[i].directory_end > data_first)
            return broken(err, "a directory stands behind data");
    return 0;
}

static int check_header(struct tiff *t, uint64_t *first, struct sl_error *err)
{
    unsigned char h[16];
    if (t->size < sizeof h)
        return broken(err, "it is too short");
    int rc = read_at(t, 0, h, sizeof h, err);
    if (rc < 0)
        return rc;
    if (memcmp(h, "II", 2) != 0 && memcmp(h, "MM", 2) != 0)
        return broken(err, "it is not a TIFF");
    t->big_endian = h[0] == 'M';
    uint64_t version = number(t, h + 2, 2);
    t->bigtiff = version == 43;
    if (version != 42 && (version != 43 || number(t, h + 4, 2) != 8 || number(t, h + 6, 2) != 0))
        return broken(err, "it is not a TIFF");
    *first = t->bigtiff ? number(t, h + 8, 8) : number(t, h + 4, 4);
    return 0;
}

static int check_structure(struct tiff *t, bool overviews, struct sl_cog_facts *facts, struct sl_error *err)
{
    SL_CLEANUP(sl_freep) struct image *images = sl_xcalloc(DIRECTORIES_MAX, sizeof *images);
    size_t n = 0, levels = 0;
    uint64_t first = 0;
    int rc = check_header(t, &first, err);
    rc = rc < 0 ? rc : read_images(t, first, images, &n, err);
    rc = rc < 0 ? rc : check_directories_first(images, n, err);
    rc = rc < 0 ? rc : fold_masks(images, n, &levels, err);
    rc = rc < 0 ? rc : check_levels(images, levels, overviews, err);
    if (rc == 0) {
        facts->width = (int64_t)images[0].width;
        facts->height = (int64_t)images[0].height;
        facts->overviews = (int64_t)levels - 1;
    }
    return rc;
}

int sl_cog_check(const char *path, bool overviews, struct sl_cog_facts *facts, struct sl_error *err)
{
    struct tiff t = {.fd = open(path, O_RDONLY | O_CLOEXEC)};
    struct sl_cog_facts found = {0};
    struct stat st;
    if (t.fd < 0)
        return errno == ENOENT ? sl_fail(err, SL_E_FILE_MISSING, "\"%s\" does not exist", path)
                               : sl_fail_errno(err, errno, "opening \"%s\"", path);
    int rc = fstat(t.fd, &st) < 0 ? sl_fail_errno(err, errno, "looking at \"%s\"", path) : 0;
    if (rc == 0) {
        t.size = (uint64_t)st.st_size;
        rc = check_structure(&t, overviews, &found, err);
    }
    close(t.fd);
    rc = rc < 0 ? rc : sl_sha256_file(path, found.sha256_hex, &found.size_bytes, err);
    if (rc == 0 && facts)
        *facts = found;
    return rc;
}
