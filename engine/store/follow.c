/* SPDX-License-Identifier: Apache-2.0 */
#include "store/follow.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"

enum { BLOCK_BYTES = 1024 * 1024 };

struct sl_follow {
    int fd;
    struct sl_sha256 *hash;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    int64_t there;
    bool ended, given_up;
    int rc; /* the thread's, read after it has ended */
    struct sl_error error;
};

/* How many bytes from `at` on can be hashed; 0: there will be no more. */
static int64_t await_bytes(struct sl_follow *f, int64_t at)
{
    pthread_mutex_lock(&f->lock);
    while (f->there == at && !f->ended)
        pthread_cond_wait(&f->changed, &f->lock);
    int64_t n = f->given_up ? 0 : f->there - at;
    pthread_mutex_unlock(&f->lock);
    return n;
}

static void *work(void *data)
{
    struct sl_follow *f = data;
    char *block = sl_xmalloc(BLOCK_BYTES);
    int64_t at = 0;
    for (int64_t n; f->rc == 0 && (n = await_bytes(f, at)) > 0;) {
        ssize_t got = pread(f->fd, block, n < BLOCK_BYTES ? (size_t)n : BLOCK_BYTES, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            f->rc = sl_fail_errno(&f->error, errno, "cannot read back what was written");
        else if (got == 0)
            f->rc = sl_fail(&f->error, SL_E_FILE_CHANGED, "a file became shorter while it was written");
        if (f->rc)
            break;
        sl_sha256_update(f->hash, block, (size_t)got);
        at += got;
    }
    free(block);
    return NULL;
}

static void release(struct sl_follow *f)
{
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->changed);
    sl_sha256_free(f->hash);
    free(f);
}

int sl_follow_new(int fd, struct sl_follow **out, struct sl_error *err)
{
    struct sl_follow *f = sl_xcalloc(1, sizeof *f);
    sigset_t all, before;
    f->fd = fd;
    f->hash = sl_sha256_new();
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the caller's */
    int e = pthread_create(&f->thread, NULL, work, f);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (e) {
        release(f);
        return sl_fail_errno(err, e, "cannot start a thread that hashes a file");
    }
    *out = f;
    return 0;
}

void sl_follow_written(void *follow, int64_t bytes)
{
    struct sl_follow *f = follow;
    pthread_mutex_lock(&f->lock);
    f->there = bytes;
    pthread_cond_signal(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

int sl_follow_end(struct sl_follow *f, char *hex, struct sl_error *err)
{
    pthread_mutex_lock(&f->lock);
    f->ended = true;
    f->given_up = !hex;
    pthread_cond_signal(&f->changed);
    pthread_mutex_unlock(&f->lock);
    pthread_join(f->thread, NULL);
    int rc = hex ? f->rc : 0;
    if (rc && err)
        *err = f->error;
    if (rc == 0 && hex)
        sl_sha256_final(f->hash, hex);
    release(f);
    return rc;
}
