/* SPDX-License-Identifier: Apache-2.0 */
/*
 * APIs that work for a while (the Copernicus data stores: OGC API Processes): a job is asked for once, its id kept in the
 * catalog, and asked about until it is over; then its file is downloaded. A run that was ended asks about the same job.
 */
#include <string.h>

#include "base/clock.h"
#include "source/internal.h"
#include "source/values.h"

enum { REPLY_BYTES = 1 << 20, BODY_BYTES = 1 << 20, ID_BYTES = 128, POLL_MAX_MS = 30000 };

struct job_reply {
    struct sl_doc *document;
};

static int judge_json(void *data, const struct sl_http_response *reply, struct sl_error *err)
{
    struct job_reply *r = data;
    struct sl_error why;
    sl_doc_free(r->document);
    r->document = NULL;
    if (sl_json_parse("the reply", reply->body.data ? reply->body.data : "", reply->body.len, &sl_json_limits_small, &r->document,
                      &why) < 0)
        return sl_fail(err, SL_E_NET, "%s", why.message);
    if (!json_object_is_type(r->document->root, json_type_object))
        return sl_fail(err, SL_E_NET, "the reply is no object");
    return 0;
}

static int ask(struct sl_window *w, const char *method, const char *url, const char *body, struct job_reply *out,
               struct sl_error *err)
{
    struct sl_http_response reply = {0};
    const struct sl_fetch_call call = {
        .method = method, .url = url, .body = body, .max_body = REPLY_BYTES, .judge = judge_json, .data = out};
    int rc = sl_fetch_call(w->fetch, &call, &reply, err);
    sl_http_response_free(&reply);
    return rc;
}

/* ---- asking for it ---- */

struct json_object *sl_job__body(struct json_object *template_, struct json_object *values, struct sl_error *err)
{
    enum json_type type = json_object_get_type(template_);
    if (type == json_type_object) {
        struct json_object *o = json_object_new_object();
        json_object_object_foreach(template_, key, member)
        {
            struct json_object *value = sl_job__body(member, values, err);
            if (!value) {
                json_object_put(o);
                return NULL;
            }
            sl_json_put(o, key, value);
        }
        return o;
    }
    if (type == json_type_array) {
        struct json_object *list = json_object_new_array();
        for (size_t i = 0; i < json_object_array_length(template_); i++) {
            struct json_object *value = sl_job__body(json_object_array_get_idx(template_, i), values, err);
            if (!value) {
                json_object_put(list);
                return NULL;
            }
            json_object_array_add(list, value);
        }
        return list;
    }
    if (type != json_type_string)
        return template_ ? json_object_get(template_) : json_object_new_string("");
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, BODY_BYTES);
    return sl_source_expand(json_object_get_string(template_), values, &text, err) < 0 ? NULL : json_object_new_string(text.data);
}

static bool id_fits(const char *id)
{
    static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t n = strlen(id);
    return n > 0 && n < ID_BYTES && *id != '.' && strspn(id, word) == n;
}

/* The id is kept before anything else is done: whoever goes on asks about this job and no second one. */
static int ask_for(struct sl_window *w, const char **id, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *body = sl_job__body(w->spec->request.body, w->values, err);
    SL_CLEANUP(sl_json_putp) struct json_object *kept = json_object_new_object();
    struct job_reply reply = {0};
    if (!body)
        return -SL_E_INTERNAL;
    int rc = ask(w, "POST", NULL, json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN), &reply, err);
    const char *given = rc < 0 ? "" : sl_json_str(reply.document->root, "jobID", "");
    if (rc == 0 && !id_fits(given))
        rc = sl_fail(err, SL_E_SOURCE_REPLY, "the reply has no jobID");
    if (rc == 0) {
        *id = sl_arena_strdup(w->arena, given);
        sl_json_put_str(kept, "id", given);
        rc = sl_catalog_set_source_job(w->ports->catalog, w->run.id, json_object_to_json_string(kept), err);
    }
    sl_doc_free(reply.document);
    return rc;
}

static int find_job(struct sl_window *w, const char **id, struct sl_error *err)
{
    SL_CLEANUP(sl_doc_freep) struct sl_doc *kept = NULL;
    if (!w->run.job)
        return ask_for(w, id, err);
    int rc = sl_json_parse("the checkpoint", w->run.job, strlen(w->run.job), &sl_json_limits_small, &kept, err);
    if (rc == 0)
        *id = sl_arena_strdup(w->arena, sl_json_str(kept->root, "id", ""));
    return rc;
}

/* ---- waiting for it ---- */

static int failed(const struct sl_window *w, const char *id, const char *status, struct json_object *root, struct sl_error *err)
{
    const char *why = sl_json_str(root, "message", sl_json_str(root, "detail", ""));
    return sl_fail(err, SL_E_SOURCE_REPLY, "job %s of source %s is %s%s%.200s", id, w->spec->name, status, *why ? ": " : "", why);
}

static int wait_for(struct sl_window *w, const char *id, struct sl_error *err)
{
    const char *url = sl_arena_printf(w->arena, "%s/%s", w->spec->request.jobs, id);
    int64_t began = sl_clock_mono_ns();
    for (int attempt = 1;; attempt++) {
        struct job_reply reply = {0};
        int rc = ask(w, "GET", url, NULL, &reply, err);
        const char *status = rc < 0 ? "" : sl_json_str(reply.document->root, "status", "");
        bool ready = !strcmp(status, "successful"), busy = !strcmp(status, "accepted") || !strcmp(status, "running");
        if (rc == 0 && !ready && !busy)
            rc = failed(w, id, *status ? status : "without a status", reply.document->root, err);
        sl_doc_free(reply.document);
        if (rc < 0 || ready)
            return rc;
        if (sl_clock_mono_ns() - began > w->spec->request.wait_ms * SL_NS_PER_MS) {
            rc = sl_fail(err, SL_E_NET, "job %s of source %s is not ready after %s", id, w->spec->name, w->spec->request.wait);
            sl_error_hint(err, "the next `sluice source run %s` asks about it again", w->spec->name);
            return rc;
        }
        sl_clock_sleep_ns(sl_clock_backoff_ns(attempt < 16 ? attempt : 16, w->spec->request.retry.base_ms * SL_NS_PER_MS,
                                              POLL_MAX_MS * SL_NS_PER_MS));
    }
}

static int download(struct sl_window *w, const char *id, const char *path, struct sl_error *err)
{
    struct job_reply reply = {0};
    struct json_object *asset = NULL;
    int rc = ask(w, "GET", sl_arena_printf(w->arena, "%s/%s/results", w->spec->request.jobs, id), NULL, &reply, err);
    if (rc == 0 && !sl_json_pointer_get(reply.document->root, "/asset/value", &asset))
        rc = sl_fail(err, SL_E_SOURCE_REPLY, "the results of job %s have no /asset/value", id);
    const char *href = rc < 0 ? "" : sl_json_str(asset, "href", "");
    bool http = !strncmp(href, "https://", 8) || !strncmp(href, "http://", 7);
    if (rc == 0 && !http)
        rc = sl_fail(err, SL_E_SOURCE_REPLY, "the result of job %s has no address: \"%.100s\"", id, href);
    if (rc == 0)
        rc = sl_fetch_file(w->fetch, href, sl_json_int(asset, "file:size", -1), path, err);
    sl_doc_free(reply.document);
    return rc;
}

int sl_job__fetch(struct sl_window *w, const char **path, struct sl_error *err)
{
    const char *id = NULL, *to = sl_arena_printf(w->arena, "%s/result", w->scratch);
    int rc = sl_fetch_open(w->spec, w->ports->config, w->ports->catalog, w->values, &w->fetch, err);
    if (rc == 0)
        rc = find_job(w, &id, err);
    if (rc == 0)
        rc = wait_for(w, id, err);
    if (rc == 0)
        rc = download(w, id, to, err);
    w->state.records = 0;
    if (rc == 0)
        *path = to;
    return rc;
}
