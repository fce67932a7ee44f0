/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events: entered with the server's time as this process knows it, and read in the order of that time. Clocks of several
 * processes agree within milliseconds, and an insert takes some: a reader looks at the last seconds again each time, and
 * knows what it has seen of them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/uuid7.h"
#include "ledger/mongo/mongo.h"

enum { PAGE = 500 };
static const int64_t window_us = 3000000;

static int encode(struct sl_ledger_mongo *l, struct json_object *event, int64_t now_us, bson_t **out, struct sl_error *err)
{
    char now[SL_LEDGER_ISO_BYTES];
    sl_json_put_str(event, "entered_at", sl_ledger_mongo__iso(now, now_us));
    return sl_ledger_mongo__checked(l, "events", event, out, err);
}

/* Whoever was held up between the time and the insert enters them again, with a time that readers still look at. */
static int stamp_again(struct sl_ledger_mongo *l, struct json_object *const *events, size_t n, int64_t stamped_us,
                       struct sl_error *err)
{
    int64_t now = 0;
    int rc = sl_ledger_mongo__now(l, &now, err);
    if (rc < 0 || now - stamped_us < window_us / 2)
        return rc;
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *b = BCON_NEW("entered_at", BCON_DATE_TIME(now / 1000));
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = sl_ledger_mongo__set(l, "events", sl_json_str(events[i], "_id", ""), NULL, b, false, NULL, err);
    return rc;
}

int sl_ledger_mongo__events(struct sl_ledger_mongo *l, struct json_object *const *events, size_t n, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *a = sl_arena_new();
    bson_t **docs = sl_arena_array(a, n, sizeof *docs);
    int64_t now = 0;
    size_t made = 0;
    int there = 0, rc = sl_ledger_mongo__now(l, &now, err);
    for (; rc == 0 && made < n; made += rc == 0)
        rc = encode(l, events[made], now, &docs[made], err);
    if (rc == 0)
        rc = sl_ledger_mongo__insert_all(l, "events", docs, n, &there, err);
    for (size_t i = 0; i < made; i++)
        bson_destroy(docs[i]);
    return rc < 0 ? rc : stamp_again(l, events, n, now, err);
}

int sl_ledger_mongo__event_begins(struct sl_ledger_mongo *l, struct json_object *doc, bool *first, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *event = sl_ledger_event_batch(doc);
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *b = NULL;
    int64_t now = 0;
    bool there = false;
    int rc = sl_ledger_mongo__now(l, &now, err);
    if (rc < 0 || (rc = encode(l, event, now, &b, err)) < 0 ||
        (rc = sl_ledger_mongo__insert(l, "events", b, &there, NULL, err)) < 0)
        return rc;
    *first = !there;
    return there ? 0 : stamp_again(l, &event, 1, now, err);
}

int sl_ledger_mongo__event_decides(struct sl_ledger_mongo *l, struct json_object *event, bool *won, struct sl_error *err)
{
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *b = NULL;
    int64_t now = 0;
    bool there = false, repeated = false;
    int rc = sl_ledger_mongo__now(l, &now, err);
    if (rc < 0 || (rc = encode(l, event, now, &b, err)) < 0 ||
        (rc = sl_ledger_mongo__insert(l, "events", b, &there, &repeated, err)) < 0)
        return rc;
    if (there && repeated) { /* the answer was lost: it may be this one */
        SL_CLEANUP(sl_json_putp) struct json_object *found = NULL;
        rc = sl_ledger_mongo__get(l, "events", sl_json_str(event, "_id", ""), &found, err);
        there = strcmp(sl_json_str(sl_json_get(found, "change"), "by", ""),
                       sl_json_str(sl_json_get(event, "change"), "by", "-")) != 0;
    }
    *won = !there;
    return rc < 0 || there ? rc : stamp_again(l, &event, 1, now, err);
}

int sl_ledger_mongo__add_event(struct sl_ledger *ledger, struct json_object *event, struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    SL_CLEANUP(sl_json_putp) struct json_object *nothing = json_object_new_object();
    SL_CLEANUP(sl_json_putp) struct json_object *doc = sl_ledger_merge(event, nothing);
    char now[SL_LEDGER_ISO_BYTES];
    int64_t us = 0;
    int rc = sl_ledger_mongo__now(l, &us, err);
    if (rc < 0)
        return rc;
    sl_ledger_fill_event(doc, sl_ledger_mongo__iso(now, us));
    return sl_ledger_mongo__events(l, &doc, 1, err);
}

/* ---- following ---- */

/* FNV-1a, 64 bits (Fowler, Noll, Vo; draft-eastlake-fnv). */
static uint64_t hash_of(const char *id, int64_t entered_us)
{
    uint64_t h = UINT64_C(14695981039346656037) ^ (uint64_t)entered_us;
    for (const char *p = id; *p; p++)
        h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
    return h ? h : 1;
}

static bool was_seen(const struct sl_ledger_mongo__stream *s, uint64_t hash)
{
    for (size_t i = 0; i < SL_LEDGER_STREAM_RING; i++)
        if (s->ring[i] == hash)
            return true;
    return false;
}

/* The one that the cursor names, or a new one in the place of the oldest. */
static struct sl_ledger_mongo__stream *stream_of(struct sl_ledger_mongo *l, uint64_t number)
{
    struct sl_ledger_mongo__stream *oldest;
    if (!l->streams)
        l->streams = sl_xcalloc(SL_LEDGER_STREAMS, sizeof *l->streams);
    oldest = l->streams;
    for (size_t i = 0; i < SL_LEDGER_STREAMS; i++) {
        if (number && l->streams[i].number == number)
            return &l->streams[i];
        if (l->streams[i].number < oldest->number)
            oldest = &l->streams[i];
    }
    /* Numbers of several processes differ, so that a cursor handed over begins a stream of its own. */
    uint64_t random = 0;
    sl_clock_random(&random, sizeof random);
    *oldest = (struct sl_ledger_mongo__stream){.number = (++l->last_stream << 32) | (random & 0xffffffffu)};
    return oldest;
}

static int read_cursor(const char *cursor, int64_t *us, uint64_t *number, struct sl_error *err)
{
    char rest;
    *us = 0;
    *number = 0;
    if (!cursor[0])
        return 0;
    if (sscanf(cursor, "t%" SCNd64 ".%" SCNx64 "%c", us, number, &rest) != 2 || *us < 0)
        return sl_fail(err, SL_E_USAGE, "\"%s\" is not a place among the events of this ledger", cursor);
    return 0;
}

static void write_cursor(char cursor[SL_CURSOR_BYTES], int64_t us, uint64_t number)
{
    snprintf(cursor, SL_CURSOR_BYTES, "t%" PRId64 ".%" PRIx64, us, number);
}

static int list_from(struct sl_ledger_mongo *l, int64_t from_us, int64_t skip, struct json_object **out, struct sl_error *err)
{
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *command =
        BCON_NEW("find", BCON_UTF8("events"), "filter", "{", "entered_at", "{", "$gte", BCON_DATE_TIME(from_us / 1000), "}",
                 "}", "sort", "{", "entered_at", BCON_INT32(1), "_id", BCON_INT32(1), "}", "skip", BCON_INT64(skip), "limit",
                 BCON_INT64(PAGE));
    return sl_ledger_mongo__find_all(l, command, "events", out, err);
}

struct follow {
    struct sl_ledger_mongo__stream *stream;
    char *cursor;
    int64_t at_us; /* of the last one visited */
};

static int visit_page(struct follow *f, struct json_object *list, sl_ledger_visit visit, void *data, struct sl_error *err)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *doc = json_object_array_get_idx(list, i);
        int64_t us = 0;
        sl_clock_parse(sl_json_str(doc, "entered_at", ""), &us);
        uint64_t hash = hash_of(sl_json_str(doc, "_id", ""), us);
        if (was_seen(f->stream, hash))
            continue;
        int rc = visit(data, doc, err);
        if (rc < 0)
            return rc;
        f->stream->ring[f->stream->next++ % SL_LEDGER_STREAM_RING] = hash;
        if (us > f->at_us)
            f->at_us = us;
        write_cursor(f->cursor, f->at_us, f->stream->number);
    }
    return 0;
}

int sl_ledger_mongo__events_since(struct sl_ledger *ledger, char cursor[SL_CURSOR_BYTES], sl_ledger_visit visit,
                                  void *data, struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    int64_t now = 0, from = 0;
    uint64_t number = 0;
    if (!strcmp(cursor, "now")) {
        int rc = sl_ledger_mongo__now(l, &now, err);
        if (rc == 0)
            write_cursor(cursor, now, stream_of(l, 0)->number);
        return rc;
    }
    int rc = read_cursor(cursor, &from, &number, err);
    if (rc < 0)
        return rc;
    struct follow f = {.stream = stream_of(l, number), .cursor = cursor, .at_us = from};
    write_cursor(cursor, from, f.stream->number);
    int64_t start = from > window_us ? from - window_us : 0;
    for (int64_t skip = 0, n = PAGE; rc == 0 && n == PAGE; skip += n) {
        SL_CLEANUP(sl_json_putp) struct json_object *list = NULL;
        rc = list_from(l, start, skip, &list, err);
        n = rc == 0 ? (int64_t)json_object_array_length(list) : 0;
        if (rc == 0)
            rc = visit_page(&f, list, visit, data, err);
    }
    return rc;
}

/* ---- those of long ago ---- */

enum { SWEEP_IDS = 2000 };

struct sweep {
    struct json_object *open; /* the batches that are not over */
    struct json_object *ids;  /* to be removed in one command */
    char last[SL_BATCH_ID_BYTES + 64];
    bool dry_run;
    int64_t n;
};

static int note_open(void *data, struct json_object *doc, struct sl_error *err)
{
    (void)err;
    sl_json_put(data, sl_json_str(doc, "_id", ""), json_object_new_boolean(true));
    return 0;
}

static bool is_first(struct json_object *event, const char *batch_id)
{
    char first[SL_BATCH_ID_BYTES + 16];
    snprintf(first, sizeof first, "batch:%s:1", batch_id);
    return !strcmp(sl_json_str(event, "_id", ""), first);
}

static int note_old(void *data, struct json_object *event, struct sl_error *err)
{
    struct sweep *s = data;
    const char *id = sl_json_str(event, "_id", ""), *batch_id = sl_json_str(event, "batch_id", NULL);
    if (batch_id && (sl_json_get(s->open, batch_id) || is_first(event, batch_id)))
        return 0;
    if (s->dry_run) {
        s->n++;
        return 0;
    }
    snprintf(s->last, sizeof s->last, "%s", id);
    json_object_array_add(s->ids, json_object_new_string(id));
    return json_object_array_length(s->ids) < SWEEP_IDS ? 0 : sl_fail(err, SL_E_CANCELLED, "enough for one command");
}

static int remove_ids(struct sl_ledger_mongo *l, struct sweep *s, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *filter = json_object_new_object();
    struct json_object *in = json_object_new_object();
    sl_json_put(filter, "_id", in);
    if (!json_object_array_length(s->ids))
        return 0;
    s->n += (int64_t)json_object_array_length(s->ids);
    sl_json_put(in, "$in", json_object_get(s->ids));
    return sl_ledger_mongo__remove_all(l, "events", filter, err);
}

/* By _id, so that each round goes on where the last one ended. Nothing is removed while a cursor is open. */
static int sweep_round(struct sl_ledger *ledger, struct sweep *s, const char *before, bool *more, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *filter = json_object_new_object();
    struct json_object *at = json_object_new_object(), *id = json_object_new_object();
    const struct sl_find find = {.collection = "events", .filter = filter, .sort = "_id:1"};
    sl_json_put_str(at, "$lt", before);
    sl_json_put(filter, "at", at);
    sl_json_put_str(id, "$gt", s->last);
    sl_json_put(filter, "_id", id);
    s->ids = json_object_new_array();
    int rc = sl_ledger_mongo__find(ledger, &find, note_old, s, err);
    *more = rc == -SL_E_CANCELLED;
    if (*more) {
        sl_error_clear(err);
        rc = 0;
    }
    if (rc == 0)
        rc = remove_ids(sl_ledger_mongo_of(ledger), s, err);
    json_object_put(s->ids);
    return rc;
}

int sl_ledger_mongo__sweep_events(struct sl_ledger *ledger, int64_t age_s, bool dry_run, int64_t *n, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *open = json_object_new_object();
    SL_CLEANUP(sl_json_putp) struct json_object *states = json_tokener_parse("{\"status\":{\"$in\":[\"pending\",\"running\"]}}");
    const struct sl_find find = {.collection = "manifests", .filter = states};
    struct sweep s = {.open = open, .dry_run = dry_run};
    char before[SL_LEDGER_ISO_BYTES];
    int64_t now = 0;
    bool more = true;
    int rc = sl_ledger_mongo__now(sl_ledger_mongo_of(ledger), &now, err);
    if (rc == 0)
        rc = sl_ledger_mongo__find(ledger, &find, note_open, open, err);
    sl_ledger_mongo__iso(before, now - age_s * 1000000);
    while (rc == 0 && more)
        rc = sweep_round(ledger, &s, before, &more, err);
    if (rc == 0)
        *n = s.n;
    return rc;
}

/* ---- processes ---- */

int sl_ledger_mongo__announce(struct sl_ledger *ledger, const char *owner, struct json_object *doc, struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    SL_CLEANUP(sl_json_putp) struct json_object *members = json_object_new_object(), *whole = NULL;
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *b = NULL, *set = NULL;
    char now[SL_LEDGER_ISO_BYTES];
    int64_t us = 0;
    if (!doc)
        return sl_ledger_mongo__remove(l, "processes", owner, NULL, err);
    int rc = sl_ledger_mongo__now(l, &us, err);
    if (rc < 0)
        return rc;
    sl_json_put_str(members, "_id", owner);
    sl_json_put_str(members, "seen_at", sl_ledger_mongo__iso(now, us));
    whole = sl_ledger_merge(doc, members);
    if ((rc = sl_ledger_mongo__checked(l, "processes", whole, &b, err)) < 0)
        return rc;
    set = bson_new();
    bson_copy_to_excluding_noinit(b, set, "_id", NULL);
    return sl_ledger_mongo__set(l, "processes", owner, NULL, set, true, NULL, err);
}
