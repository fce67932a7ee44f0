/* SPDX-License-Identifier: Apache-2.0 */
/* The connection, the server's clock and what the server is. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ledger/mongo/mongo.h"

#define APPLICATION "sluice"

enum { DEFAULT_TIMEOUT_MS = 10000, DEFAULT_PORT = 27017 };
static const int64_t clock_good_ns = 60 * SL_NS_PER_S;

char *sl_ledger_mongo__iso(char out[SL_LEDGER_ISO_BYTES], int64_t us)
{
    int64_t s = us / 1000000, rest = us % 1000000;
    if (rest < 0) {
        rest += 1000000;
        s--;
    }
    time_t t = (time_t)s;
    struct tm tm;
    gmtime_r(&t, &tm);
    size_t n = strftime(out, SL_LEDGER_ISO_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
    if (n + sizeof ".000000Z" > SL_LEDGER_ISO_BYTES)
        n = 0; /* a year that no text of ours has */
    snprintf(out + n, SL_LEDGER_ISO_BYTES - n, ".%06dZ", (int)(rest % 1000000));
    return out;
}

static void ledger_free(struct sl_ledger *ledger)
{
    if (!ledger)
        return;
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    if (l->client)
        mongoc_client_destroy(l->client);
    if (l->uri)
        mongoc_uri_destroy(l->uri);
    sl_ledger_schemas_free(l->schemas);
    json_object_put(l->candidates);
    json_object_put(l->run);
    free(l->streams);
    sl_arena_free(l->arena);
    free(l);
}

static const struct sl_ledger_ops ops = {
    .name = "mongo",
    .prepare = sl_ledger_mongo__prepare,
    .register_batch = sl_ledger_mongo__register_batch,
    .claim = sl_ledger_mongo__claim,
    .renew = sl_ledger_mongo__renew,
    .hand_back = sl_ledger_mongo__hand_back,
    .close_batch = sl_ledger_mongo__close_batch,
    .abandon = sl_ledger_mongo__abandon,
    .leases = sl_ledger_mongo__leases,
    .reopen = sl_ledger_mongo__reopen,
    .get_batch = sl_ledger_mongo__get_batch,
    .move_manifest = sl_ledger_mongo__move_manifest,
    .left_manifest = sl_ledger_mongo__left_manifest,
    .outstanding = sl_ledger_mongo__outstanding,
    .begin_run = sl_ledger_mongo__begin_run,
    .update_run = sl_ledger_mongo__update_run,
    .get_run = sl_ledger_mongo__get_run,
    .reserve_version = sl_ledger_mongo__reserve_version,
    .release_versions = sl_ledger_mongo__release_versions,
    .reservations = sl_ledger_mongo__reservations,
    .drop_reservation = sl_ledger_mongo__drop_reservation,
    .commit = sl_ledger_mongo__commit,
    .get_asset = sl_ledger_mongo__get_asset,
    .get_latest_asset = sl_ledger_mongo__get_latest_asset,
    .get_asset_version = sl_ledger_mongo__get_asset_version,
    .get_asset_by_key = sl_ledger_mongo__get_asset_by_key,
    .get_asset_by_fingerprint = sl_ledger_mongo__get_asset_by_fingerprint,
    .get_next_version = sl_ledger_mongo__get_next_version,
    .asset_exists = sl_ledger_mongo__asset_exists,
    .add_event = sl_ledger_mongo__add_event,
    .events_since = sl_ledger_mongo__events_since,
    .sweep_events = sl_ledger_mongo__sweep_events,
    .announce = sl_ledger_mongo__announce,
    .probe = sl_ledger_mongo__probe,
    .find = sl_ledger_mongo__find,
    .free = ledger_free,
};

/* ---- the server ---- */

static int64_t date_of(const bson_t *reply, const char *name)
{
    bson_iter_t it;
    return bson_iter_init_find(&it, reply, name) && BSON_ITER_HOLDS_DATE_TIME(&it) ? bson_iter_date_time(&it) : 0;
}

static int hello(struct sl_ledger_mongo *l, struct sl_error *err)
{
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *command = BCON_NEW("hello", BCON_INT32(1));
    bson_t reply;
    bson_iter_t it;
    bson_error_t error = {0};
    int64_t before = sl_clock_mono_ns();
    l->commands++;
    bool ok = mongoc_client_command_simple(l->client, "admin", command, NULL, &reply, &error);
    int64_t after = sl_clock_mono_ns();
    if (ok) {
        l->measured_ns = before + (after - before) / 2;
        int64_t ms = date_of(&reply, "localTime");
        l->server_us = ms ? ms * 1000 : sl_clock_wall_ns() / 1000;
        l->replicas = bson_iter_init_find(&it, &reply, "setName");
    }
    bson_destroy(&reply);
    return ok ? 0 : sl_ledger_mongo__fail(l, &error, err);
}

static int build_info(struct sl_ledger_mongo *l, struct sl_error *err)
{
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *command = BCON_NEW("buildInfo", BCON_INT32(1));
    bson_t reply;
    bson_iter_t it, child;
    bson_error_t error = {0};
    const char *version = "?", *name = "MongoDB";
    l->commands++;
    bool ok = mongoc_client_command_simple(l->client, "admin", command, NULL, &reply, &error);
    if (ok) {
        if (bson_iter_init_find(&it, &reply, "version") && BSON_ITER_HOLDS_UTF8(&it))
            version = bson_iter_utf8(&it, NULL);
        l->ferret = bson_iter_init_find(&it, &reply, "ferretdbVersion") || bson_iter_init_find(&it, &reply, "ferretdb");
        if (l->ferret) {
            name = "FerretDB";
            if (BSON_ITER_HOLDS_UTF8(&it))
                version = bson_iter_utf8(&it, NULL);
            else if (bson_iter_recurse(&it, &child) && bson_iter_find(&child, "version") && BSON_ITER_HOLDS_UTF8(&child))
                version = bson_iter_utf8(&child, NULL);
        }
        /* Embedded in another program it does not know its own version. */
        bool known = strcmp(version, "unknown") != 0;
        snprintf(l->server, sizeof l->server, "%s %.60s", name, !known ? "(embedded)" : version[0] == 'v' ? version + 1 : version);
    }
    bson_destroy(&reply);
    return ok ? 0 : sl_ledger_mongo__fail(l, &error, err);
}

int sl_ledger_mongo__connect(struct sl_ledger_mongo *l, struct sl_error *err)
{
    bson_error_t error = {0};
    if (l->client)
        mongoc_client_destroy(l->client);
    l->client = mongoc_client_new_from_uri_with_error(l->uri, &error);
    if (!l->client) /* the message may quote the address, never the password: that is parsed off by then */
        return sl_fail(err, SL_E_CONFIG_VALUE, "mongodb at %s: %s", l->place, error.message);
    mongoc_client_set_error_api(l->client, MONGOC_ERROR_API_VERSION_2);
    return hello(l, err);
}

int sl_ledger_mongo__now(struct sl_ledger_mongo *l, int64_t *us, struct sl_error *err)
{
    if (sl_clock_mono_ns() - l->measured_ns > clock_good_ns) {
        int64_t before_us = l->server_us + (sl_clock_mono_ns() - l->measured_ns) / 1000;
        int rc = hello(l, NULL) < 0 ? sl_ledger_mongo__connect(l, err) : 0;
        if (rc < 0)
            return rc;
        /* The server tells milliseconds: as long as that explains the difference, the finer time goes on. */
        int64_t at_us = l->server_us + (sl_clock_mono_ns() - l->measured_ns) / 1000;
        if (before_us - at_us > -2000 && before_us - at_us < 2000)
            l->server_us += before_us - at_us;
    }
    *us = l->server_us + (sl_clock_mono_ns() - l->measured_ns) / 1000;
    return 0;
}

int sl_ledger_mongo__probe(struct sl_ledger *ledger, struct sl_ledger_probe *out, struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    int rc = hello(l, err);
    if (rc < 0)
        return rc;
    *out = (struct sl_ledger_probe){.server = l->server,
                                    .clock_ns = (l->server_us + (sl_clock_mono_ns() - l->measured_ns) / 1000) * 1000,
                                    .validators = l->validators,
                                    .majority = l->replicas};
    return 0;
}

/* ---- the address ---- */

static void quiet(mongoc_log_level_t level, const char *domain, const char *message, void *data)
{
    (void)level, (void)domain, (void)message, (void)data;
}

static void begin_driver(void)
{
    mongoc_init();
    /* What fails comes back as an error; the driver's own lines could hold addresses. */
    mongoc_log_set_handler(quiet, NULL);
}

static const char *hosts_of(struct sl_arena *arena, const mongoc_uri_t *uri)
{
    const mongoc_host_list_t *h = mongoc_uri_get_hosts(uri);
    const char *text = mongoc_uri_get_srv_hostname(uri), *out = text ? sl_arena_strdup(arena, text) : NULL;
    for (; h; h = h->next)
        out = out ? sl_arena_printf(arena, "%s,%s", out, h->host_and_port) : sl_arena_strdup(arena, h->host_and_port);
    return out ? out : "an unknown host";
}

static int make_uri(struct sl_ledger_mongo *l, const struct sl_ledger_mongo_options *o, struct sl_error *err)
{
    bson_error_t error = {0};
    bool given = o->uri && o->uri[0];
    if (given)
        l->uri = mongoc_uri_new_with_error(o->uri, &error);
    else if (o->host && o->host[0])
        l->uri = mongoc_uri_new_for_host_port(o->host, (uint16_t)(o->port ? o->port : DEFAULT_PORT));
    if (!l->uri) {
        /* The driver's message could quote the text, and with it the password. */
        int rc = sl_fail(err, SL_E_CONFIG_VALUE, given ? "mongodb.uri is not a connection string of MongoDB"
                                                       : "the ledger is to be mongo, and neither mongodb.uri nor "
                                                         "mongodb.host says where that is");
        sl_error_hint(err, "for example mongodb.uri=mongodb://user:password@host:27017/sluice?authSource=admin");
        return rc;
    }
    l->place = hosts_of(l->arena, l->uri);
    bool ok = mongoc_uri_set_appname(l->uri, APPLICATION);
    if (!given && o->user && o->user[0])
        ok = ok && mongoc_uri_set_username(l->uri, o->user) && mongoc_uri_set_password(l->uri, o->password ? o->password : "") &&
             mongoc_uri_set_auth_source(l->uri, "admin");
    if (o->ca_file && o->ca_file[0] && access(o->ca_file, R_OK) < 0) /* the driver would only say that it cannot connect */
        return sl_fail(err, SL_E_CONFIG_VALUE, "mongodb.ca_file: \"%s\" cannot be read: %s", o->ca_file, strerror(errno));
    if (o->ca_file && o->ca_file[0])
        ok = ok && mongoc_uri_set_option_as_bool(l->uri, MONGOC_URI_TLS, true) &&
             mongoc_uri_set_option_as_utf8(l->uri, MONGOC_URI_TLSCAFILE, o->ca_file);
    return ok ? 0 : sl_fail(err, SL_E_CONFIG_VALUE, "the settings of mongodb.* do not make a connection to %s", l->place);
}

static void set_timeouts(struct sl_ledger_mongo *l, int64_t timeout_ms)
{
    static const char *const names[] = {MONGOC_URI_SERVERSELECTIONTIMEOUTMS, MONGOC_URI_CONNECTTIMEOUTMS,
                                        MONGOC_URI_SOCKETTIMEOUTMS};
    int32_t ms = (int32_t)(timeout_ms > 0 && timeout_ms < INT32_MAX ? timeout_ms : DEFAULT_TIMEOUT_MS);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!mongoc_uri_has_option(l->uri, names[i]))
            mongoc_uri_set_option_as_int32(l->uri, names[i], ms);
}

static int open_all(struct sl_ledger_mongo *l, const struct sl_ledger_mongo_options *o, struct sl_error *err)
{
    int rc = sl_ledger_schemas_load(o->schemas_dir, &l->schemas, err);
    if (rc < 0 || (rc = make_uri(l, o, err)) < 0)
        return rc;
    set_timeouts(l, o->timeout_ms);
    const char *of_uri = mongoc_uri_get_database(l->uri);
    const char *database = o->database && o->database[0] ? o->database : of_uri && of_uri[0] ? of_uri : "sluice";
    l->database = sl_arena_strdup(l->arena, database);
    rc = sl_ledger_mongo__connect(l, err);
    return rc < 0 ? rc : build_info(l, err);
}

int sl_ledger_mongo_open(const struct sl_ledger_mongo_options *options, struct sl_ledger **out, struct sl_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, begin_driver);
    struct sl_ledger_mongo *l = sl_xcalloc(1, sizeof *l);
    l->base.ops = &ops;
    l->arena = sl_arena_new();
    l->place = "an unknown host";
    int rc = open_all(l, options, err);
    if (rc < 0) {
        ledger_free(&l->base);
        return rc;
    }
    *out = &l->base;
    return 0;
}
