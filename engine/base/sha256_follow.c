/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sha256_follow.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"

enum { BLOCK = 256 * 1024, PAUSE_NS = 4000000 };

struct sl_sha256_follow {
    char *path;
    pthread_t thread;
    bool threaded;
    atomic_bool whole, abandoned;
    bool failed; /* by the follower: then the file is read again, which tells why */
    int fd;
    int64_t bytes;
    struct sl_sha256 *hash;
};

/* All that is there by now. */
static void take(struct sl_sha256_follow *f, char *block)
{
    if (f->fd < 0)
        f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    while (f->fd >= 0 && !atomic_load(&f->abandoned)) {
        ssize_t n = read(f->fd, block, BLOCK);
        if (n < 0 && errno == EINTR)
            continue;
        f->failed = n < 0;
        if (n <= 0)
            return;
        sl_sha256_update(f->hash, block, (size_t)n);
        f->bytes += n;
    }
}

static void *follow(void *data)
{
    struct sl_sha256_follow *f = data;
    char *block = sl_xmalloc(BLOCK);
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    bool last = false;
    while (!last && !f->failed && !atomic_load(&f->abandoned)) {
        last = atomic_load(&f->whole); /* asked before reading: what was written before it is read below */
        take(f, block);
        if (!last)
            nanosleep(&pause, NULL);
    }
    free(block);
    return NULL;
}

struct sl_sha256_follow *sl_sha256_follow_begin(const char *path)
{
    struct sl_sha256_follow *f = sl_xcalloc(1, sizeof *f);
    f->path = sl_xstrdup(path);
    f->fd = -1;
    f->hash = sl_sha256_new();
    atomic_init(&f->whole, false);
    atomic_init(&f->abandoned, false);
    f->threaded = pthread_create(&f->thread, NULL, follow, f) == 0;
    return f;
}

static void join(struct sl_sha256_follow *f)
{
    if (f->threaded)
        pthread_join(f->thread, NULL);
    f->threaded = false;
}

/* What was followed is what lies there now, to its end. */
static bool is_the_file(const struct sl_sha256_follow *f)
{
    struct stat followed, there;
    return f->fd >= 0 && !f->failed && fstat(f->fd, &followed) == 0 && stat(f->path, &there) == 0 &&
           followed.st_ino == there.st_ino && followed.st_dev == there.st_dev && there.st_size == f->bytes;
}

int sl_sha256_follow_end(struct sl_sha256_follow *f, char hex[SL_SHA256_HEX_BYTES], int64_t *bytes, struct sl_error *err)
{
    int rc = 0;
    atomic_store(&f->whole, true);
    join(f);
    if (!is_the_file(f)) {
        rc = sl_sha256_file(f->path, hex, bytes, err);
    } else {
        sl_sha256_final(f->hash, hex);
        if (bytes)
            *bytes = f->bytes;
    }
    sl_sha256_follow_free(f);
    return rc;
}

void sl_sha256_follow_freep(struct sl_sha256_follow **f)
{
    sl_sha256_follow_free(*f);
}

void sl_sha256_follow_free(struct sl_sha256_follow *f)
{
    if (!f)
        return;
    atomic_store(&f->abandoned, true);
    join(f);
    if (f->fd >= 0)
        close(f->fd);
    sl_sha256_free(f->hash);
    free(f->path);
    free(f);
}
