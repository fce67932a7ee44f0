/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/notice.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "store/store.h"

enum { KEYS_MAX = 1024, RETRY_BASE_MS = 500, RETRY_MAX_MS = 30000, STOP_LOOK_MS = 100 };

struct sl_notice {
    struct sl_store *store;
    char *bucket, *prefix;
    pthread_t thread;
    int fd;
    atomic_bool stop, live;
    bool said_lost; /* of the thread */
    int attempt;    /* of the thread */
    pthread_mutex_t lock;
    char *keys[KEYS_MAX];
    size_t n_keys;
    bool list;
};

static void wake(struct sl_notice *n)
{
    uint64_t one = 1;
    ssize_t written = write(n->fd, &one, sizeof one); /* a counter that is full is readable as well */
    (void)written;
}

static void stream_stands(void *data)
{
    struct sl_notice *n = data;
    atomic_store(&n->live, true);
    if (n->said_lost)
        sl_log(SL_LOG_INFO, "sensor.notify_back", "bucket", n->bucket, NULL);
    n->said_lost = false;
    n->attempt = 0;
    pthread_mutex_lock(&n->lock);
    n->list = true;
    pthread_mutex_unlock(&n->lock);
    wake(n);
}

static bool is_to_stop(void *data)
{
    return atomic_load(&((struct sl_notice *)data)->stop);
}

static int heard(void *data, const struct sl_list_entry *entry, struct sl_error *err)
{
    struct sl_notice *n = data;
    (void)err;
    if (!sl_text_starts(entry->key, n->prefix))
        return 0;
    pthread_mutex_lock(&n->lock);
    if (n->n_keys < KEYS_MAX)
        n->keys[n->n_keys++] = sl_xstrdup(entry->key);
    else
        n->list = true;
    pthread_mutex_unlock(&n->lock);
    wake(n);
    return 0;
}

static void pause_before_retry(struct sl_notice *n)
{
    int64_t left = sl_clock_backoff_ns(++n->attempt, RETRY_BASE_MS * SL_NS_PER_MS, RETRY_MAX_MS * SL_NS_PER_MS);
    for (; left > 0 && !is_to_stop(n); left -= STOP_LOOK_MS * SL_NS_PER_MS)
        sl_clock_sleep_ns(left < STOP_LOOK_MS * SL_NS_PER_MS ? left : STOP_LOOK_MS * SL_NS_PER_MS);
}

static void *listen(void *data)
{
    struct sl_notice *n = data;
    while (!is_to_stop(n)) {
        struct sl_error err = {0};
        int rc = sl_store_notify(n->store, n->bucket, n->prefix, stream_stands, is_to_stop, heard, n, &err);
        atomic_store(&n->live, false);
        if (is_to_stop(n))
            break;
        bool passing = rc == 0 || sl_code_class((enum sl_code)-rc) == SL_CLASS_TRANSIENT;
        if (rc < 0 && !n->said_lost)
            sl_log_error(SL_LOG_WARN, passing ? "sensor.notify_lost" : "sensor.notify_none", &err, NULL);
        n->said_lost |= rc < 0;
        if (!passing)
            break;
        pause_before_retry(n);
    }
    return NULL;
}

static void release(struct sl_notice *n)
{
    for (size_t i = 0; i < n->n_keys; i++)
        free(n->keys[i]);
    if (n->fd >= 0)
        close(n->fd);
    sl_store_free(n->store);
    pthread_mutex_destroy(&n->lock);
    free(n->bucket);
    free(n->prefix);
    free(n);
}

int sl_notice_start(struct sl_store *store, const char *bucket, const char *prefix, struct sl_notice **out,
                    struct sl_error *err)
{
    struct sl_notice *n = sl_xcalloc(1, sizeof *n);
    n->store = store;
    n->bucket = sl_xstrdup(bucket);
    n->prefix = sl_xstrdup(prefix);
    pthread_mutex_init(&n->lock, NULL);
    n->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int e = n->fd < 0 ? errno : 0;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
    if (!e)
        e = pthread_create(&n->thread, NULL, listen, n);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (e) {
        release(n);
        return sl_fail_errno(err, e, "cannot listen to the store's notifications");
    }
    *out = n;
    return 0;
}

void sl_notice_stop(struct sl_notice *n)
{
    if (!n)
        return;
    atomic_store(&n->stop, true);
    pthread_join(n->thread, NULL);
    release(n);
}

int sl_notice_fd(const struct sl_notice *n)
{
    return n->fd;
}

size_t sl_notice_take(struct sl_notice *n, struct sl_arena *arena, const char ***keys, bool *list)
{
    pthread_mutex_lock(&n->lock);
    size_t count = n->n_keys;
    *keys = sl_arena_array(arena, count + 1, sizeof **keys);
    for (size_t i = 0; i < count; i++) {
        (*keys)[i] = sl_arena_strdup(arena, n->keys[i]);
        free(n->keys[i]);
    }
    n->n_keys = 0;
    *list = n->list;
    n->list = false;
    pthread_mutex_unlock(&n->lock);
    return count;
}

bool sl_notice_live(struct sl_notice *n)
{
    return atomic_load(&n->live);
}
