/* SPDX-License-Identifier: Apache-2.0 */
#include "grid/lanes.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

enum { LANES = 2 };

struct lane {
    struct sl_grid_lanes *all;
    struct sl_clickhouse *ch;
    struct sl_grid_block block;
    pthread_t thread;
    bool started, full, quit;
    struct sl_error error;
};

struct sl_grid_lanes {
    const struct sl_clickhouse_target *target;
    char table[128];
    struct lane items[LANES];
    int at; /* the lane whose block is being filled */
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

struct sl_grid_lanes *sl_grid_lanes_new(const struct sl_clickhouse_target *target, const char *table)
{
    struct sl_grid_lanes *s = sl_xcalloc(1, sizeof *s);
    s->target = target;
    snprintf(s->table, sizeof s->table, "%s", table);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    return s;
}

static int send_block(struct lane *l, struct sl_error *err)
{
    struct sl_grid_lanes *s = l->all;
    char sql[512];
    struct sl_grid_native *native = sl_grid_native_new(&l->block, s->target->compress);
    snprintf(sql, sizeof sql, "INSERT INTO %s (%s) FORMAT Native", s->table, sl_grid_native_columns);
    int rc = sl_clickhouse_insert(l->ch, sql, sl_grid_native_read, native, s->target->compress, err);
    sl_grid_native_free(native);
    return rc;
}

static void *work(void *data)
{
    struct lane *l = data;
    struct sl_grid_lanes *s = l->all;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        while (!l->full && !l->quit)
            pthread_cond_wait(&s->changed, &s->lock);
        if (!l->full)
            break;
        pthread_mutex_unlock(&s->lock);
        struct sl_error error = {0};
        if (l->error.code == SL_OK && send_block(l, &error) < 0)
            l->error = error;
        sl_grid_block_clear(&l->block);
        pthread_mutex_lock(&s->lock);
        l->full = false;
        pthread_cond_broadcast(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static int start_lane(struct sl_grid_lanes *s, struct lane *l, struct sl_error *err)
{
    if (l->started)
        return 0;
    l->all = s;
    int rc = l->ch ? 0 : sl_clickhouse_open(s->target, &l->ch, err);
    if (rc < 0)
        return rc;
    sl_grid_block_init(&l->block, SL_GRID_BLOCK_ROWS);
    l->quit = false;
    int failed = pthread_create(&l->thread, NULL, work, l);
    if (failed)
        return sl_fail_errno(err, failed, "a thread for ClickHouse cannot be started");
    l->started = true;
    return 0;
}

static void await_lane(struct lane *l)
{
    pthread_mutex_lock(&l->all->lock);
    while (l->full)
        pthread_cond_wait(&l->all->changed, &l->all->lock);
    pthread_mutex_unlock(&l->all->lock);
}

static int lane_error(struct lane *l, struct sl_error *err)
{
    if (l->error.code == SL_OK)
        return 0;
    if (err)
        *err = l->error;
    return -(int)l->error.code;
}

/* The block that is being filled goes on its way, and the next lane's turn comes when its own has arrived. */
int sl_grid_lanes_flush(struct sl_grid_lanes *s, struct sl_error *err)
{
    struct lane *l = &s->items[s->at];
    if (!l->started || l->block.n_rows == 0)
        return 0;
    pthread_mutex_lock(&s->lock);
    l->full = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    s->at = (s->at + 1) % LANES;
    l = &s->items[s->at];
    int rc = start_lane(s, l, err);
    if (rc < 0)
        return rc;
    await_lane(l);
    return lane_error(l, err); /* that of the one still at work comes with the next */
}

int sl_grid_lanes_settle(struct sl_grid_lanes *s, struct sl_error *err)
{
    int rc = sl_grid_lanes_flush(s, err);
    for (int i = 0; i < LANES; i++) {
        if (!s->items[i].started)
            continue;
        await_lane(&s->items[i]);
        rc = rc < 0 ? rc : lane_error(&s->items[i], err);
    }
    return rc;
}

void sl_grid_lanes_free(struct sl_grid_lanes *s)
{
    if (!s)
        return;
    for (int i = 0; i < LANES; i++) {
        struct lane *l = &s->items[i];
        if (l->started) {
            pthread_mutex_lock(&s->lock);
            l->quit = true;
            pthread_cond_broadcast(&s->changed);
            pthread_mutex_unlock(&s->lock);
            pthread_join(l->thread, NULL);
        }
        sl_clickhouse_close(l->ch);
        sl_grid_block_free(&l->block);
    }
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    free(s);
}

int sl_grid_lanes_block(struct sl_grid_lanes *s, struct sl_grid_block **out, struct sl_error *err)
{
    int rc = start_lane(s, &s->items[s->at], err);
    if (rc == 0)
        *out = &s->items[s->at].block;
    return rc;
}
