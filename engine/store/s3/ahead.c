/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes of parts, made by threads of their own ahead of the one that sends: where a processor has no instructions for
 * SHA-256, hashing takes as long as sending. The threads keep nothing but the hashes and a few blocks; what is sent is read
 * again, and the server compares it.
 *
 * Where the hash of the whole is wanted too, one thread reads and hashes the parts in order, and hands each block to a
 * second one, so that both hashes are of the same bytes.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/s3/s3.h"

enum { BLOCK_BYTES = 1024 * 1024, RING = 4, THREADS_MAX = 3 };

struct block {
    unsigned char *room; /* of a file */
    const void *bytes;
    size_t n; /* 0: free */
};

struct sl_s3_ahead {
    struct sl_s3_source source;
    int64_t part_bytes, n_parts;
    char (*hex)[SL_SHA256_HEX_BYTES]; /* of each part; "" until it is known */
    struct sl_sha256 *whole;          /* NULL: nobody asks for it */
    struct block ring[RING];
    pthread_t threads[THREADS_MAX];
    int n_threads;
    pthread_mutex_t lock; /* of what follows, hex, and the blocks' n */
    pthread_cond_t changed;
    int64_t next, most; /* the next part to hash; no part from here on is begun */
    size_t given, taken; /* blocks of the ring */
    bool stop, all_given, whole_done;
    int rc;
    struct sl_error error;
};

/* One read of at most a block; *got bytes. */
static int read_block(const struct sl_s3_source *source, int64_t offset, int64_t left, unsigned char *room,
                      const void **bytes, size_t *got, struct sl_error *err)
{
    size_t want = left < BLOCK_BYTES ? (size_t)left : BLOCK_BYTES;
    ssize_t n;
    *bytes = source->bytes ? source->bytes + offset : room;
    *got = want;
    if (source->bytes)
        return 0;
    do
        n = pread(source->fd, room, want, offset);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return sl_fail_errno(err, errno, "cannot read %s", source->name);
    if (n == 0)
        return sl_fail(err, SL_E_FILE_CHANGED, "%s became shorter while it was uploaded", source->name);
    *got = (size_t)n;
    return 0;
}

static bool over(struct sl_s3_ahead *a)
{
    pthread_mutex_lock(&a->lock);
    bool over = a->stop || a->rc;
    pthread_mutex_unlock(&a->lock);
    return over;
}

/* A block of the ring that the other thread is done with; NULL when all is to end. */
static struct block *free_block(struct sl_s3_ahead *a)
{
    pthread_mutex_lock(&a->lock);
    while (a->given - a->taken == RING && !a->stop)
        pthread_cond_wait(&a->changed, &a->lock);
    struct block *b = a->stop ? NULL : &a->ring[a->given % RING];
    pthread_mutex_unlock(&a->lock);
    return b;
}

static void give_block(struct sl_s3_ahead *a, const void *bytes, size_t n)
{
    pthread_mutex_lock(&a->lock);
    a->ring[a->given % RING].bytes = bytes;
    a->ring[a->given % RING].n = n;
    a->given++;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

static int hash_part(struct sl_s3_ahead *a, int64_t number, struct sl_sha256 *hash, unsigned char *room,
                     struct sl_error *err)
{
    int64_t offset = number * a->part_bytes, end = offset + a->part_bytes;
    if (end > a->source.total)
        end = a->source.total;
    while (offset < end && !over(a)) {
        const void *bytes;
        size_t n;
        struct block *b = a->whole ? free_block(a) : NULL;
        if (a->whole && !b)
            return 0;
        int rc = read_block(&a->source, offset, end - offset, b ? b->room : room, &bytes, &n, err);
        if (rc)
            return rc;
        if (b)
            give_block(a, bytes, n);
        sl_sha256_update(hash, bytes, n);
        offset += (int64_t)n;
    }
    return 0;
}

/* The next part's number, or -1 when there is none for this thread any more. */
static int64_t take_number(struct sl_s3_ahead *a)
{
    pthread_mutex_lock(&a->lock);
    while (!a->stop && !a->rc && a->next < a->n_parts && a->next >= a->most)
        pthread_cond_wait(&a->changed, &a->lock);
    int64_t number = a->stop || a->rc || a->next >= a->n_parts ? -1 : a->next++;
    if (number < 0) {
        a->all_given = true; /* with a whole, this thread is the only one that gives */
        pthread_cond_broadcast(&a->changed);
    }
    pthread_mutex_unlock(&a->lock);
    return number;
}

static void *hash_parts(void *data)
{
    struct sl_s3_ahead *a = data;
    struct sl_sha256 *hash = sl_sha256_new();
    unsigned char *room = a->whole || a->source.bytes ? NULL : sl_xmalloc(BLOCK_BYTES);
    for (int64_t number; (number = take_number(a)) >= 0;) {
        struct sl_error err = {0};
        char hex[SL_SHA256_HEX_BYTES];
        int rc = hash_part(a, number, hash, room, &err);
        sl_sha256_final(hash, hex);
        pthread_mutex_lock(&a->lock);
        if (rc && !a->rc) {
            a->rc = rc;
            a->error = err;
        } else if (rc == 0 && !a->stop) {
            memcpy(a->hex[number], hex, sizeof hex);
        }
        pthread_cond_broadcast(&a->changed);
        pthread_mutex_unlock(&a->lock);
    }
    free(room);
    sl_sha256_free(hash);
    return NULL;
}

static void *hash_whole(void *data)
{
    struct sl_s3_ahead *a = data;
    pthread_mutex_lock(&a->lock);
    for (;;) {
        while (a->given == a->taken && !a->all_given && !a->stop)
            pthread_cond_wait(&a->changed, &a->lock);
        if (a->stop || a->given == a->taken)
            break;
        struct block b = a->ring[a->taken % RING];
        pthread_mutex_unlock(&a->lock);
        sl_sha256_update(a->whole, b.bytes, b.n);
        pthread_mutex_lock(&a->lock);
        a->taken++;
        pthread_cond_broadcast(&a->changed);
    }
    a->whole_done = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

static int start(struct sl_s3_ahead *a, void *(*work)(void *), struct sl_error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the caller's */
    int e = pthread_create(&a->threads[a->n_threads], NULL, work, a);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (e)
        return sl_fail_errno(err, e, "cannot start a thread that hashes %s", a->source.name ? a->source.name : "the object");
    a->n_threads++;
    return 0;
}

int sl_s3__ahead_new(const struct sl_s3_source *source, int64_t part_bytes, int64_t n_parts, int window, bool whole,
                     struct sl_s3_ahead **out, struct sl_error *err)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int workers = whole || cores < 2 ? 1 : cores < THREADS_MAX ? (int)cores : THREADS_MAX, rc = 0;
    struct sl_s3_ahead *a = sl_xcalloc(1, sizeof *a);
    a->source = *source;
    a->part_bytes = part_bytes;
    a->n_parts = n_parts;
    a->most = window;
    a->hex = sl_xcalloc((size_t)n_parts, sizeof *a->hex);
    a->whole = whole ? sl_sha256_new() : NULL;
    for (int i = 0; whole && !source->bytes && i < RING; i++)
        a->ring[i].room = sl_xmalloc(BLOCK_BYTES);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    for (int i = 0; rc == 0 && i < workers; i++)
        rc = start(a, hash_parts, err);
    if (rc == 0 && whole)
        rc = start(a, hash_whole, err);
    if (rc) {
        sl_s3__ahead_free(a);
        return rc;
    }
    *out = a;
    return 0;
}

void sl_s3__ahead_free(struct sl_s3_ahead *a)
{
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    a->stop = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    for (int i = 0; i < a->n_threads; i++)
        pthread_join(a->threads[i], NULL);
    for (int i = 0; i < RING; i++)
        free(a->ring[i].room);
    pthread_mutex_destroy(&a->lock);
    pthread_cond_destroy(&a->changed);
    sl_sha256_free(a->whole);
    free(a->hex);
    free(a);
}

int sl_s3__ahead_part(struct sl_s3_ahead *a, int64_t index, int window, bool wait, char hex[SL_SHA256_HEX_BYTES],
                      struct sl_error *err)
{
    pthread_mutex_lock(&a->lock);
    if (a->most < index + window) {
        a->most = index + window;
        pthread_cond_broadcast(&a->changed);
    }
    while (wait && !a->rc && !a->hex[index][0])
        pthread_cond_wait(&a->changed, &a->lock);
    int rc = a->rc;
    if (rc && err)
        *err = a->error;
    memcpy(hex, a->hex[index], SL_SHA256_HEX_BYTES);
    pthread_mutex_unlock(&a->lock);
    return rc;
}

int sl_s3__ahead_whole(struct sl_s3_ahead *a, char hex[SL_SHA256_HEX_BYTES], struct sl_error *err)
{
    pthread_mutex_lock(&a->lock);
    while (!a->rc && !a->whole_done)
        pthread_cond_wait(&a->changed, &a->lock);
    int rc = a->rc;
    if (rc && err)
        *err = a->error;
    if (rc == 0)
        sl_sha256_final(a->whole, hex);
    pthread_mutex_unlock(&a->lock);
    return rc;
}
