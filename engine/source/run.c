/* SPDX-License-Identifier: Apache-2.0 */
/* Windows of a source, one after the other; each page is a checkpoint. */
#include "source/source.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/sha256.h"
#include "recipe/binder.h"
#include "source/internal.h"
#include "source/values.h"
#include "store/store.h"

enum { SAME_PAGES_MAX = 3, SETTLED_AT_ONCE = 1000 };

const char *sl_source_job(struct sl_arena *arena, const struct sl_source_spec *spec)
{
    return sl_arena_printf(arena, "source:%s", spec->name);
}

/* ---- parameters and windows ---- */

/* All of them with their values. */
static int bind_params(const struct sl_source_spec *spec, struct json_object *given, struct sl_arena *arena,
                       struct json_object **out, struct sl_error *err)
{
    struct json_object *values = sl_recipe__keep(arena, json_object_new_object());
    for (size_t i = 0; i < spec->n_params; i++) {
        const struct sl_recipe_param *p = &spec->params[i];
        struct json_object *value = NULL;
        if (!json_object_object_get_ex(given, p->name, &value) && !json_object_object_get_ex(p->schema, "default", &value)) {
            int rc = sl_fail(err, SL_E_MANIFEST_PARAM, "source %s needs a value for its parameter \"%s\"", spec->name, p->name);
            sl_error_hint(err, "--set %s=…", p->name);
            return rc;
        }
        const char *wrong = sl_param__check(p, value, arena);
        if (wrong)
            return sl_fail(err, SL_E_MANIFEST_PARAM, "parameter \"%s\": %s", p->name, wrong);
        sl_json_put(values, p->name, json_object_get(value));
    }
    if (given) {
        json_object_object_foreach(given, name, value)
        {
            (void)value;
            if (!sl_param__find(spec->params, spec->n_params, name))
                return sl_fail(err, SL_E_MANIFEST_PARAM, "source %s has no parameter \"%s\"%s", spec->name, name,
                               sl_param__meant(arena, spec->params, spec->n_params, name));
        }
    }
    *out = values;
    return 0;
}

struct span {
    int64_t since, until; /* of the whole; SL_SOURCE_NO_TIME: no such end */
};

static int given_time(const char *text, const char *option, int64_t *ms, struct sl_error *err)
{
    if (!text || sl_source_time(text, NULL, ms))
        return 0;
    return sl_fail(err, SL_E_USAGE, "--%s: expected a time such as 2024-01-01 or 2024-01-01T06:00:00Z, found \"%s\"", option, text);
}

/* What is to be fetched now. */
static int find_span(const struct sl_source_options *o, const char *watermark, struct span *out, struct sl_error *err)
{
    const struct sl_source_incremental *i = &o->spec->incremental;
    struct span s = {SL_SOURCE_NO_TIME, SL_SOURCE_NO_TIME};
    int64_t mark;
    if (o->spec->has_incremental) {
        s.since = i->start_ms;
        s.until = sl_clock_wall_ns() / SL_NS_PER_MS - i->lag_ms;
        if (watermark && sl_source_time(watermark, NULL, &mark))
            s.since = mark - i->overlap_ms > i->start_ms ? mark - i->overlap_ms : i->start_ms;
        if (watermark && !o->since && mark >= s.until)
            s.since = s.until; /* an overlap alone is nothing new */
    }
    int rc = given_time(o->since, "since", &s.since, err);
    if (rc == 0)
        rc = given_time(o->until, "until", &s.until, err);
    if (rc == 0 && s.since != SL_SOURCE_NO_TIME && s.until != SL_SOURCE_NO_TIME && s.since > s.until && o->since)
        rc = sl_fail(err, SL_E_USAGE, "the window begins after its end");
    if (rc == 0)
        *out = s;
    return rc;
}

/* The first window of a span; what is left of it stays. false: there is none. */
static bool next_window(const struct sl_source_spec *spec, struct span *span, struct span *out)
{
    bool ends = span->since != SL_SOURCE_NO_TIME && span->until != SL_SOURCE_NO_TIME;
    if (ends && span->since >= span->until)
        return false;
    *out = *span;
    if (ends && spec->incremental.window_ms && span->until - span->since > spec->incremental.window_ms)
        out->until = span->since + spec->incremental.window_ms;
    span->since = ends ? out->until : SL_SOURCE_NO_TIME;
    return true;
}

/* ---- pages ---- */

static void tell(struct sl_window *w, bool done)
{
    struct sl_fetch_counts counts = w->fetch ? sl_fetch_counts(w->fetch) : (struct sl_fetch_counts){0};
    w->state.requests = counts.requests;
    w->state.retries = counts.retries;
    if (!done && w->intake.spec) {
        w->state.records = w->intake.records;
        w->state.bad = w->intake.bad;
    }
    if (w->options->progress)
        w->options->progress(w->options->data, &w->state, done);
}

/* Cursors and links that come again: compared with that of the last power of two, which finds every circle (R. Brent, An
 * improved Monte Carlo factorization algorithm, BIT 20, 1980). */
static int check_loop(struct sl_window *w, const struct sl_paging *next, struct sl_error *err)
{
    const char *at = next->cursor ? next->cursor : next->url;
    if (at && w->loop_mark && !strcmp(at, w->loop_mark))
        return sl_fail(err, SL_E_SOURCE_REPLY, "the pages go round in a circle: page %" PRId64 " leads back to \"%.60s\"",
                       w->state.pages, at);
    if (at && (w->state.pages & (w->state.pages - 1)) == 0)
        w->loop_mark = at;
    return 0;
}

static void note_page(struct sl_window *w, const char *id, const char *key, const char *content_hash)
{
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "raw_file_id", id);
    sl_json_put_str(o, "key", key);
    sl_json_put_str(o, "sha256", content_hash + strlen("sha256:"));
    json_object_array_add(w->pages, o);
    w->state.pages++;
}

/* A server that does not understand its paging gives the first page for ever. */
static int check_same(struct sl_window *w, const char *content_hash, int64_t records, struct sl_error *err)
{
    bool same = records > 0 && !strcmp(w->last_hash, content_hash);
    w->same_pages = same ? w->same_pages + 1 : 0;
    snprintf(w->last_hash, sizeof w->last_hash, "%s", content_hash);
    if (w->same_pages < SAME_PAGES_MAX)
        return 0;
    int rc = sl_fail(err, SL_E_SOURCE_REPLY, "the server gives the same page again and again, %d times so far", SAME_PAGES_MAX + 1);
    sl_error_hint(err, "does the source's pagination fit the server?");
    return rc;
}

/* A page that an earlier process has fetched. */
static int read_back(void *data, const struct sl_source_page *page, struct sl_error *err)
{
    struct sl_window *w = data;
    SL_CLEANUP(sl_fetched_free) struct sl_fetched f = {.fetched_ms = page->fetched_ms};
    char hex[SL_SHA256_HEX_BYTES];
    sl_buf_init(&f.body, SL_SOURCE_PAGE_BYTES);
    int rc = sl_store_read(w->ports->store, w->ports->config->raw_bucket, page->s3_key, &f.body, NULL, err);
    if (rc == 0) {
        sl_sha256_of(f.body.data, f.body.len, hex);
        if (strcmp(hex, page->content_hash + strlen("sha256:")) != 0)
            rc = sl_fail(err, SL_E_FILE_CHANGED, "%s is not what was fetched: its sha256 differs from the catalog's", page->s3_key);
    }
    if (rc == 0)
        rc = sl_fetch_parse(w->spec, page->s3_key, &f, err);
    if (rc == 0)
        rc = sl_paging_read(page->next, w->arena, &w->next, err);
    if (rc == 0)
        rc = check_same(w, page->content_hash, f.n_records, err);
    if (rc < 0)
        return rc;
    note_page(w, page->raw_file_id, page->s3_key, page->content_hash);
    w->state.kept_pages++;
    rc = check_loop(w, &w->next, err);
    if (rc == 0)
        rc = sl_intake__page(&w->intake, &f, page->number, err);
    if (rc == 0)
        tell(w, false);
    return rc;
}

static int keep_page(struct sl_window *w, const struct sl_fetched *f, struct sl_error *err)
{
    char id[SL_UUID_TEXT_BYTES];
    sl_uuid7(id);
    struct sl_vault_file file = {.id = sl_arena_strdup(w->arena, id), .role = "page", .bytes = f->body.data, .n = f->body.len};
    file.key = sl_vault__key(w, id, "json");
    int rc = sl_vault__put(w, &file, err);
    if (rc < 0)
        return rc;
    SL_CLEANUP(sl_json_putp) struct json_object *next = sl_paging_json(&f->next);
    const struct sl_source_page page = {.number = w->state.pages + 1,
                                        .raw_file_id = file.id,
                                        .s3_key = file.key,
                                        .content_hash = file.content_hash,
                                        .records = f->n_records,
                                        .next = json_object_to_json_string_ext(next, JSON_C_TO_STRING_PLAIN),
                                        .fetched_ms = f->fetched_ms};
    rc = sl_catalog_put_source_page(w->ports->catalog, w->run.id, &page, err);
    if (rc == 0)
        rc = check_same(w, file.content_hash, f->n_records, err);
    if (rc == 0)
        note_page(w, file.id, file.key, file.content_hash);
    return rc;
}

static int fetch_next(struct sl_window *w, struct sl_error *err)
{
    SL_CLEANUP(sl_fetched_free) struct sl_fetched f = {0};
    if (w->state.pages == w->spec->request.max_pages) {
        int rc = sl_fail(err, SL_E_LIMIT, "source %s has more than %" PRId64 " pages", w->spec->name, w->spec->request.max_pages);
        sl_error_hint(err, "fetch smaller windows, or raise request.max_pages");
        return rc;
    }
    int rc = w->fetch ? 0 : sl_fetch_open(w->spec, w->ports->config, w->ports->catalog, w->values, &w->fetch, err);
    if (rc == 0)
        rc = sl_fetch_page(w->fetch, &w->next, w->arena, &f, err);
    if (rc == 0)
        rc = keep_page(w, &f, err);
    if (rc == 0)
        rc = check_loop(w, &f.next, err);
    if (rc == 0)
        rc = sl_intake__page(&w->intake, &f, w->state.pages, err);
    w->next = f.next;
    if (rc == 0)
        tell(w, false);
    return rc;
}

static int fetch_all(struct sl_window *w, struct sl_error *err)
{
    sl_paging_first(w->spec, &w->next);
    int rc = sl_catalog_list_source_pages(w->ports->catalog, w->run.id, read_back, w, err);
    while (rc == 0 && !w->next.done)
        rc = fetch_next(w, err);
    return rc == 0 ? sl_intake__judge(&w->intake, err) : rc;
}

/* ---- a window ---- */

static int prepare(struct sl_window *w, struct sl_error *err)
{
    SL_CLEANUP(sl_doc_freep) struct sl_doc *params = NULL;
    int64_t since = SL_SOURCE_NO_TIME, until = SL_SOURCE_NO_TIME;
    char date[SL_ISO8601_BYTES];
    int rc = sl_json_parse("the parameters", w->run.params, strlen(w->run.params), &sl_json_limits_small, &params, err);
    if (rc < 0)
        return rc;
    w->values = sl_recipe__keep(w->arena, json_object_get(params->root));
    if (w->run.since)
        sl_source_time(w->run.since, NULL, &since);
    if (w->run.until)
        sl_source_time(w->run.until, NULL, &until);
    sl_source_add_builtins(w->values, since, until);
    w->state.since = sl_source_time_text(w->arena, since);
    w->state.until = sl_source_time_text(w->arena, until);
    snprintf(w->state.run_id, sizeof w->state.run_id, "%s", w->run.id);
    w->date = sl_arena_strdup(w->arena, sl_clock_date(date, sl_uuid7_unix_ms(w->run.id) * SL_NS_PER_MS));
    w->pages = sl_recipe__keep(w->arena, json_object_new_array());
    w->scratch = sl_arena_printf(w->arena, "%s/.source-%s", w->ports->config->run_scratch, w->run.id);
    rc = sl_dir_remove(w->scratch, err);
    return rc < 0 ? rc : sl_dir_make(w->scratch, 0700, err);
}

static int carry_out(struct sl_window *w, struct sl_error *err)
{
    bool already = false;
    int rc = sl_window__look_before(w, &already, err);
    if (rc < 0 || already)
        return rc;
    if (w->spec->request.kind == SL_SOURCE_JOB) {
        const char *path = NULL;
        rc = sl_job__fetch(w, &path, err);
        return rc < 0 ? rc : sl_window__submit_file(w, path, err);
    }
    rc = sl_intake__open(w->spec, w->scratch, sl_arena_printf(w->arena, "%s/refused.jsonl", w->scratch), &w->intake, err);
    if (rc == 0)
        rc = fetch_all(w, err);
    w->state.records = w->intake.records;
    w->state.bad = w->intake.bad;
    if (rc < 0 || w->intake.records == 0)
        return rc;
    return sl_window__submit(w, err);
}

/* The watermark moves with what follows on it, not with what was asked for apart from it. */
static const char *new_watermark(const struct sl_window *w)
{
    int64_t since, mark = w->spec->incremental.start_ms;
    if (!w->spec->has_incremental || !w->state.until || !w->state.since)
        return NULL;
    if (w->watermark)
        sl_source_time(w->watermark, NULL, &mark);
    return sl_source_time(w->state.since, NULL, &since) && since <= mark ? w->state.until : NULL;
}

static int record(struct sl_window *w, struct sl_error *err)
{
    const char *mark = new_watermark(w);
    struct sl_source_run run = w->run;
    run.pages = w->state.pages;
    run.records = w->state.records;
    run.bad = w->state.bad;
    run.duplicates = w->state.duplicates;
    run.batch_id = *w->state.batch_id ? w->state.batch_id : NULL;
    return sl_catalog_submit_source_run(w->ports->catalog, &run, mark ? sl_source_job(w->arena, w->spec) : NULL, mark, err);
}

/* What another try will not help: the run is over, and the next one begins anew. */
static bool final(enum sl_code code)
{
    return code == SL_E_SOURCE_RECORDS || code == SL_E_SOURCE_REPLY || code == SL_E_LIMIT;
}

static int run_window(struct sl_window *w, struct sl_error *err)
{
    struct sl_error own, *e = err ? err : &own;
    int rc = prepare(w, e);
    if (rc == 0)
        rc = carry_out(w, e);
    if (rc == 0)
        rc = record(w, e);
    if (rc < 0 && final((enum sl_code)-rc))
        sl_catalog_end_source_run(w->ports->catalog, w->run.id, "failed", e->message, NULL);
    if (rc == 0)
        tell(w, true);
    sl_intake__close(&w->intake);
    sl_fetch_free(w->fetch);
    if (w->scratch)
        sl_dir_remove(w->scratch, NULL);
    return rc;
}

/* ---- all windows ---- */

static int begin(const struct sl_source_ports *ports, const struct sl_source_options *o, const struct span *span,
                 struct sl_arena *arena, struct sl_source_run *out, struct sl_error *err)
{
    char id[SL_UUID_TEXT_BYTES], quarantine[SL_UUID_TEXT_BYTES];
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    struct json_object *params = NULL;
    sl_buf_init(&text, sl_json_limits_small.max_bytes);
    int rc = bind_params(o->spec, o->params, arena, &params, err);
    if (rc < 0)
        return rc;
    sl_uuid7(id);
    sl_uuid7(quarantine);
    sl_json_canonical(params, &text);
    *out = (struct sl_source_run){.id = sl_arena_strdup(arena, id),
                                  .source = o->spec->name,
                                  .version = o->spec->version,
                                  .spec_hash = o->spec->hash,
                                  .params = sl_arena_strdup(arena, text.data),
                                  .since = sl_source_time_text(arena, span->since),
                                  .until = sl_source_time_text(arena, span->until),
                                  .quarantine_id = sl_arena_strdup(arena, quarantine)};
    rc = sl_buf_check(&text, "the parameters", err);
    return rc < 0 ? rc : sl_catalog_begin_source_run(ports->catalog, out, err);
}

static int one_window(const struct sl_source_ports *ports, const struct sl_source_options *o, const struct sl_source_run *run,
                      struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_window w = {.ports = ports, .options = o, .spec = o->spec, .arena = arena, .run = *run};
    int rc = sl_catalog_get_watermark(ports->catalog, sl_source_job(arena, o->spec), arena, &w.watermark, err);
    return rc < 0 ? rc : run_window(&w, err);
}

/* Runs that were ended; one of a source that was changed since is given up, its pages stay in the vault. */
static int go_on(const struct sl_source_ports *ports, const struct sl_source_options *o, bool *finished, struct sl_error *err)
{
    for (;;) {
        SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
        struct sl_source_run run;
        bool found = false;
        int rc = sl_catalog_open_source_run(ports->catalog, o->spec->name, arena, &found, &run, err);
        if (rc < 0 || !found)
            return rc;
        if (strcmp(run.spec_hash, o->spec->hash) != 0)
            rc = sl_catalog_end_source_run(ports->catalog, run.id, "failed", "given up: the source was changed", err);
        else if ((rc = one_window(ports, o, &run, err)) == 0)
            *finished = true;
        if (rc < 0)
            return rc;
    }
}

static int lock(const struct sl_source_ports *ports, const struct sl_source_spec *spec, struct sl_error *err)
{
    bool got = false;
    int rc = sl_catalog_lock_source(ports->catalog, spec->name, &got, err);
    if (rc < 0 || got)
        return rc;
    rc = sl_fail(err, SL_E_SOURCE_BUSY, "source %s is being run by another process", spec->name);
    sl_error_hint(err, "sluice source status %s", spec->name);
    return rc;
}

int sl_source_run(const struct sl_source_ports *ports, const struct sl_source_options *o, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct span span, window;
    struct json_object *params;
    const char *watermark = NULL;
    bool finished = false;
    int rc = bind_params(o->spec, o->params, arena, &params, err); /* before anything is fetched */
    if (rc == 0)
        rc = lock(ports, o->spec, err);
    if (rc == 0)
        rc = go_on(ports, o, &finished, err);
    /* Where each run fetches all, the one that was ended is the one that was asked for. */
    if (rc < 0 || (finished && !o->spec->has_incremental && !o->since && !o->until))
        return rc;
    if (rc == 0)
        rc = sl_catalog_get_watermark(ports->catalog, sl_source_job(arena, o->spec), arena, &watermark, err);
    if (rc == 0)
        rc = find_span(o, watermark, &span, err);
    while (rc == 0 && next_window(o->spec, &span, &window)) {
        struct sl_source_run run;
        rc = begin(ports, o, &window, arena, &run, err);
        if (rc == 0)
            rc = one_window(ports, o, &run, err);
        if (window.since == SL_SOURCE_NO_TIME || window.until == SL_SOURCE_NO_TIME)
            break;
    }
    return rc;
}

/* ---- a try ---- */

static struct json_object *read_refused(const char *path)
{
    enum { LINES = 10, LINE_BYTES = 65536 };
    struct json_object *list = json_object_new_array();
    char *line = sl_xmalloc(LINE_BYTES);
    FILE *f = fopen(path, "r");
    for (int i = 0; f && i < LINES && fgets(line, LINE_BYTES, f); i++) {
        struct json_object *o = json_tokener_parse(line);
        if (o)
            json_object_array_add(list, o);
    }
    if (f)
        fclose(f);
    free(line);
    return list;
}

static int try_page(struct sl_window *w, struct json_object **out, struct sl_error *err)
{
    SL_CLEANUP(sl_fetched_free) struct sl_fetched f = {0};
    const char *refused = sl_arena_printf(w->arena, "%s/refused.jsonl", w->scratch);
    struct json_object *rows = NULL;
    sl_paging_first(w->spec, &w->next);
    int rc = sl_intake__open(w->spec, w->scratch, refused, &w->intake, err);
    if (rc == 0)
        rc = sl_fetch_open(w->spec, w->ports->config, w->ports->catalog, w->values, &w->fetch, err);
    if (rc == 0)
        rc = sl_fetch_page(w->fetch, &w->next, w->arena, &f, err);
    if (rc == 0)
        rc = sl_intake__page(&w->intake, &f, 1, err);
    if (rc == 0)
        rc = sl_rows_peek(w->intake.rows, 10, &rows, err);
    if (rc < 0)
        return rc;
    fflush(w->intake.refused);
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "source", w->spec->name);
    sl_json_put_str(o, "since", w->state.since);
    sl_json_put_str(o, "until", w->state.until);
    sl_json_put_int(o, "records", w->intake.records);
    sl_json_put_int(o, "bad", w->intake.bad);
    sl_json_put(o, "more_pages", json_object_new_boolean(!f.next.done));
    sl_json_put(o, "rows", rows);
    sl_json_put(o, "refused", read_refused(refused));
    *out = o;
    return 0;
}

int sl_source_try(const struct sl_source_ports *ports, const struct sl_source_options *o, struct json_object **out,
                  struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_window w = {.ports = ports, .options = o, .spec = o->spec, .arena = arena};
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    struct json_object *params = NULL;
    struct span span, window;
    char id[SL_UUID_TEXT_BYTES];
    sl_buf_init(&text, sl_json_limits_small.max_bytes);
    int rc = bind_params(o->spec, o->params, arena, &params, err);
    if (rc == 0 && ports->catalog)
        rc = sl_catalog_get_watermark(ports->catalog, sl_source_job(arena, o->spec), arena, &w.watermark, err);
    if (rc == 0)
        rc = find_span(o, w.watermark, &span, err);
    if (rc < 0)
        return rc;
    if (!next_window(o->spec, &span, &window))
        return sl_fail(err, SL_E_USAGE, "source %s has been read up to now: --since and --until name a window to try", o->spec->name);
    if (o->spec->request.kind == SL_SOURCE_JOB)
        return sl_fail(err, SL_E_USAGE, "source %s asks a server to work: there is no page of it to look at", o->spec->name);
    sl_uuid7(id);
    sl_json_canonical(params, &text);
    w.run = (struct sl_source_run){.id = id,
                                   .params = text.data,
                                   .since = sl_source_time_text(arena, window.since),
                                   .until = sl_source_time_text(arena, window.until)};
    rc = prepare(&w, err);
    if (rc == 0)
        rc = try_page(&w, out, err);
    sl_intake__close(&w.intake);
    sl_fetch_free(w.fetch);
    if (w.scratch)
        sl_dir_remove(w.scratch, NULL);
    return rc;
}

/* ---- what became of them ---- */

struct settle {
    const struct sl_source_ports *ports;
    struct sl_arena *arena;
    const char **ids, **batches;
    size_t n;
};

static int note_submitted(void *data, const struct sl_source_run *run, struct sl_error *err)
{
    struct settle *s = data;
    (void)err;
    if (strcmp(run->status, "submitted") != 0 || !run->batch_id)
        return 0;
    s->ids[s->n] = sl_arena_strdup(s->arena, run->id);
    s->batches[s->n++] = sl_arena_strdup(s->arena, run->batch_id);
    return 0;
}

int sl_source_settle(const struct sl_source_ports *ports, const char *source, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct settle s = {.ports = ports, .arena = arena};
    s.ids = sl_arena_array(arena, SETTLED_AT_ONCE, sizeof *s.ids);
    s.batches = sl_arena_array(arena, SETTLED_AT_ONCE, sizeof *s.batches);
    int rc = sl_catalog_list_source_runs(ports->catalog, source, SETTLED_AT_ONCE, note_submitted, &s, err);
    for (size_t i = 0; rc == 0 && i < s.n; i++) {
        SL_CLEANUP(sl_json_putp) struct json_object *batch = NULL;
        rc = ports->ledger->ops->get_batch(ports->ledger, s.batches[i], &batch, err);
        const char *status = batch ? sl_json_str(batch, "status", "") : "";
        if (rc < 0 || !*status || !strcmp(status, "pending") || !strcmp(status, "running"))
            continue;
        bool good = !strcmp(status, "succeeded");
        rc = sl_catalog_end_source_run(ports->catalog, s.ids[i], good ? "succeeded" : "failed",
                                       good ? NULL : sl_json_str(sl_json_get(batch, "error"), "message", status), err);
    }
    return rc;
}
