/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/sensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "json/json.h"
#include "run/engine.h"
#include "run/manifest_place.h"
#include "sensor/enter.h"
#include "sensor/notice.h"
#include "sensor/seen.h"
#include "store/store.h"

enum {
    LISTING_MAX = 2000, /* new keys of one listing; the next goes on behind them */
    RELOOKS_MAX = 8,    /* known keys of one listing that are looked at once more */
    SLICE_MS = 100,
    DOUBTS_MAX = 64,
    SETTLE_MS = 300,
    GROWTH_MAX_S = 10
};

struct item {
    const char *key;
    uint64_t mark; /* of the listing; 0: heard of */
};

/* Keys to look at. */
struct queue {
    struct sl_arena *arena;
    struct item *items;
    size_t n, at;
};

/* A manifest that is no JSON: wrong when it has stayed as it was for a while, else still being written. */
struct doubt {
    char key[SL_KEY_MAX_BYTES + 1];
    char content_hash[SL_CONTENT_HASH_BYTES];
    int64_t first_ns, changed_ns, next_ns;
};

struct sl_sensor {
    struct sl_seen *seen;
    struct sl_notice *notice; /* NULL: it only polls */
    struct queue listed, heard;
    char cursor[SL_KEY_MAX_BYTES + 1]; /* where a listing that was cut goes on; "": it was whole */
    bool list_wanted;
    struct doubt doubts[DOUBTS_MAX];
    size_t n_doubts;
    int64_t listed_wall_ns, listing_ns, n_keys; /* of the last listing that began at the beginning */
};

static void empty(struct queue *q)
{
    sl_arena_free(q->arena);
    *q = (struct queue){0};
}

static bool has_items(const struct queue *q)
{
    return q->at < q->n;
}

int sl_sensor_new(struct sl_engine *engine, bool notify, struct sl_sensor **out, struct sl_error *err)
{
    struct sl_sensor *s = sl_xcalloc(1, sizeof *s);
    struct sl_store *store = NULL;
    int rc = 0;
    s->seen = sl_seen_new();
    if (notify && sl_store_has(engine->store, SL_STORE_NOTIFY)) {
        rc = sl_engine_open_store(engine, &store, err);
        if (rc == 0)
            rc = sl_notice_start(store, engine->config->landing_bucket, SL_MANIFESTS_PREFIX, &s->notice, err);
    }
    if (rc < 0) {
        sl_sensor_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void sl_sensor_free(struct sl_sensor *s)
{
    if (!s)
        return;
    sl_notice_stop(s->notice);
    sl_seen_free(s->seen);
    empty(&s->listed);
    empty(&s->heard);
    free(s);
}

/* ---- listing ---- */

struct listing {
    struct sl_sensor *sensor;
    struct queue *queue;
    bool cut;
    int64_t stale_ns;
    int relooks;
};

/* A manifest that still lies there after a lease may be that of a worker which was killed between the commit and the move
 * to archive/: a few of those are looked at again, so that such a move is finished soon and a long queue costs little. */
static bool known(struct listing *l, const struct sl_list_entry *entry, uint64_t mark)
{
    struct sl_sensor *s = l->sensor;
    int64_t age_ns = sl_seen_age_ns(s->seen, mark);
    if (age_ns >= 0)
        return age_ns < l->stale_ns || l->relooks++ >= RELOOKS_MAX;
    if (!sl_seen_take(s->seen, sl_seen_etag_mark(entry->key, entry->info.etag)))
        return false;
    sl_seen_add(s->seen, mark); /* it was heard of before */
    return true;
}

static int collect(void *data, const struct sl_list_entry *entry, struct sl_error *err)
{
    struct listing *l = data;
    uint64_t mark = sl_seen_mark(entry->key, &entry->info);
    l->sensor->n_keys++;
    if (!sl_text_ends(entry->key, ".json") || known(l, entry, mark))
        return 0;
    if (l->queue->n == LISTING_MAX) {
        l->cut = true;
        return sl_fail(err, SL_E_CANCELLED, "more than %d new manifests", LISTING_MAX);
    }
    l->queue->items[l->queue->n++] = (struct item){sl_arena_strdup(l->queue->arena, entry->key), mark};
    return 0;
}

static int list(struct sl_sensor *s, struct sl_engine *engine, struct sl_error *err)
{
    struct queue *q = &s->listed;
    struct listing l = {
        .sensor = s, .queue = q, .stale_ns = engine->config->run_lease_ms * SL_NS_PER_MS};
    int64_t began = sl_clock_mono_ns();
    empty(q);
    q->arena = sl_arena_new();
    q->items = sl_arena_array(q->arena, LISTING_MAX, sizeof *q->items);
    s->list_wanted = false;
    if (!s->cursor[0])
        s->n_keys = 0;
    int rc = sl_store_list(engine->store, engine->config->landing_bucket, SL_MANIFESTS_PREFIX,
                           s->cursor[0] ? s->cursor : NULL, 0, collect, &l, err);
    if (l.cut)
        sl_error_clear(err);
    else if (rc < 0)
        return rc;
    snprintf(s->cursor, sizeof s->cursor, "%s", l.cut ? q->items[q->n - 1].key : "");
    s->listed_wall_ns = sl_clock_wall_ns();
    s->listing_ns = sl_clock_mono_ns() - began;
    return 0;
}

/* ---- one manifest ---- */

static struct doubt *doubt_of(struct sl_sensor *s, const char *key)
{
    for (size_t i = 0; i < s->n_doubts; i++)
        if (!strcmp(s->doubts[i].key, key))
            return &s->doubts[i];
    return NULL;
}

static void settle_doubt(struct sl_sensor *s, const char *key)
{
    struct doubt *d = doubt_of(s, key);
    if (d)
        *d = s->doubts[--s->n_doubts];
}

enum settled { SETTLED_WAIT, SETTLED_REFUSE, SETTLED_LEAVE };

static enum settled doubt(struct sl_sensor *s, const struct sl_run_options *options, struct sl_engine *engine,
                          const struct sl_found *f)
{
    int64_t now = sl_clock_mono_ns();
    struct doubt *d = doubt_of(s, f->key);
    int64_t most = options->forever ? engine->config->sensor_wait_limit_ms * SL_NS_PER_MS : GROWTH_MAX_S * SL_NS_PER_S;
    if (!d && s->n_doubts == DOUBTS_MAX)
        return SETTLED_WAIT; /* the next listing shows it again */
    if (!d) {
        d = &s->doubts[s->n_doubts++];
        *d = (struct doubt){.first_ns = now};
        snprintf(d->key, sizeof d->key, "%s", f->key);
    }
    if (strcmp(d->content_hash, f->content_hash) != 0) {
        snprintf(d->content_hash, sizeof d->content_hash, "%s", f->content_hash);
        d->changed_ns = now;
    }
    d->next_ns = now + SETTLE_MS * SL_NS_PER_MS;
    if (now - d->changed_ns >= SETTLE_MS * SL_NS_PER_MS)
        return SETTLED_REFUSE;
    if (now - d->first_ns <= most)
        return SETTLED_WAIT;
    return options->forever ? SETTLED_REFUSE : SETTLED_LEAVE;
}

/* *again: it is not to be taken as seen. */
static int decide(struct sl_sensor *s, struct sl_tick *t, struct sl_found *f, bool *again, struct sl_error *err)
{
    enum sl_verdict verdict = sl_found_judge(t->engine, f);
    if (verdict == SL_VERDICT_UNFINISHED) {
        enum settled settled = doubt(s, t->options, t->engine, f);
        *again = settled == SETTLED_WAIT;
        if (settled != SETTLED_REFUSE)
            return 0;
        verdict = SL_VERDICT_BAD;
    }
    return verdict == SL_VERDICT_GOOD ? sl_tick_enter(t, f, err) : sl_tick_refuse(t, f, err);
}

static int look_at(struct sl_sensor *s, struct sl_tick *t, const struct item *item, struct sl_error *err)
{
    struct sl_found f;
    bool again = false;
    int rc = sl_found_read(t->engine, item->key, &f, err);
    if (rc == 0)
        rc = decide(s, t, &f, &again, err);
    if (rc == 0 && !again)
        sl_seen_add(s->seen, item->mark ? item->mark : sl_seen_etag_mark(item->key, f.etag));
    if (!again)
        settle_doubt(s, item->key);
    sl_found_release(&f);
    if (rc == -SL_E_STORE_NOT_FOUND) { /* another sensor, or a worker, took it meanwhile */
        sl_error_clear(err);
        rc = 0;
    }
    return rc;
}

/* What goes wrong with one manifest must not keep the others from being looked at; a service that is away concerns all. */
static int look_at_next(struct sl_sensor *s, struct sl_tick *t, const struct item *item, struct sl_error *err)
{
    int rc = look_at(s, t, item, err);
    if (rc == 0 || !t->options->forever || sl_engine_lost((enum sl_code)-rc))
        return rc;
    sl_log_error(SL_LOG_ERROR, "sensor.failed", err, "manifest", item->key, NULL);
    sl_error_clear(err);
    return 0;
}

static int work_off(struct sl_sensor *s, struct sl_tick *t, struct queue *q, int64_t until_ns, struct sl_error *err)
{
    int rc = 0;
    while (rc == 0 && has_items(q) && sl_clock_mono_ns() < until_ns) {
        rc = look_at_next(s, t, &q->items[q->at], err);
        q->at += rc == 0 || !sl_engine_lost((enum sl_code)-rc);
    }
    if (!has_items(q))
        empty(q);
    return rc;
}

static int look_at_doubts(struct sl_sensor *s, struct sl_tick *t, struct sl_error *err)
{
    int rc = 0;
    for (size_t i = s->n_doubts; rc == 0 && i-- > 0;) { /* from the end: a settled one is replaced by the last */
        if (i >= s->n_doubts || s->doubts[i].next_ns > sl_clock_mono_ns())
            continue;
        char key[SL_KEY_MAX_BYTES + 1];
        snprintf(key, sizeof key, "%s", s->doubts[i].key);
        const struct item item = {.key = key};
        rc = look_at_next(s, t, &item, err);
    }
    return rc;
}

/* ---- looks ---- */

static void hear(struct sl_sensor *s)
{
    bool list_wanted = false;
    if (!s->notice || has_items(&s->heard))
        return;
    struct queue q = {.arena = sl_arena_new()};
    const char **keys;
    q.n = sl_notice_take(s->notice, q.arena, &keys, &list_wanted);
    q.items = sl_arena_array(q.arena, q.n + 1, sizeof *q.items);
    for (size_t i = 0; i < q.n; i++)
        q.items[i].key = keys[i];
    empty(&s->heard);
    s->heard = q;
    s->list_wanted |= list_wanted;
}

static int64_t next_look_ms(const struct sl_sensor *s)
{
    if (has_items(&s->heard) || has_items(&s->listed) || s->cursor[0] || s->list_wanted)
        return 0;
    int64_t now = sl_clock_mono_ns(), next_ms = -1;
    for (size_t i = 0; i < s->n_doubts; i++) {
        int64_t in_ms = s->doubts[i].next_ns > now ? (s->doubts[i].next_ns - now) / SL_NS_PER_MS + 1 : 0;
        next_ms = next_ms < 0 || in_ms < next_ms ? in_ms : next_ms;
    }
    return next_ms;
}

int sl_sensor_look(void *sensor, struct sl_engine *engine, const struct sl_run_options *options,
                   struct sl_run_summary *summary, bool poll, int64_t *again_ms, struct sl_error *err)
{
    struct sl_sensor *s = sensor;
    struct sl_tick t = {.engine = engine, .options = options, .summary = summary};
    int64_t until = sl_clock_mono_ns() + SLICE_MS * SL_NS_PER_MS;
    hear(s);
    s->list_wanted |= poll;
    int rc = work_off(s, &t, &s->heard, until, err);
    if (rc == 0 && !has_items(&s->listed) && (s->list_wanted || s->cursor[0]))
        rc = list(s, engine, err);
    if (rc == 0)
        rc = work_off(s, &t, &s->listed, until, err);
    if (rc == 0)
        rc = look_at_doubts(s, &t, err);
    if (rc == 0)
        *again_ms = next_look_ms(s);
    return rc;
}

static struct json_object *state(void *sensor)
{
    struct sl_sensor *s = sensor;
    char at[SL_ISO8601_BYTES];
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "mode", s->notice && sl_notice_live(s->notice) ? "notify" : "poll");
    sl_json_put_str(o, "listed_at", s->listed_wall_ns ? sl_clock_iso8601(at, s->listed_wall_ns) : NULL);
    sl_json_put_int(o, "listing_ms", s->listing_ns / SL_NS_PER_MS);
    sl_json_put_int(o, "keys", s->n_keys);
    sl_json_put_int(o, "to_look_at", (int64_t)(s->listed.n - s->listed.at + s->heard.n - s->heard.at + s->n_doubts));
    return o;
}

int sl_sensor_run(struct sl_engine *engine, const struct sl_run_options *options, struct sl_run_summary *summary,
                  struct sl_error *err)
{
    struct sl_sensor *sensor;
    int rc = sl_sensor_new(engine, options->forever && engine->config->sensor_notify, &sensor, err);
    if (rc < 0)
        return rc;
    const struct sl_run_source source = {.data = sensor,
                                         .wake_fd = sensor->notice ? sl_notice_fd(sensor->notice) : -1,
                                         .look = sl_sensor_look,
                                         .state = state};
    struct sl_run_options with = *options;
    with.source = &source;
    rc = sl_run_supervise(engine, &with, summary, err);
    sl_sensor_free(sensor);
    return rc;
}
