/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/open.h"
#include "cli/show.h"
#include "config/config.h"
#include "json/json.h"

/* "private cluster started (PostgreSQL 15.18, PostGIS 3.3.2)" */
static const char *compute_text(struct sl_cli *cli, const struct sl_engine *e, const struct sl_compute_versions *v)
{
    struct sl_arena *a = cli->arena;
    const char *what = "server configured";
    if (e->cluster.exists)
        what = e->cluster.made_now      ? "private cluster made and started"
               : e->cluster.started_now ? "private cluster started"
                                        : "private cluster runs";
    return sl_arena_printf(a, "%s (PostgreSQL %s, PostGIS %s)", what,
                           sl_out_escape(a, v->postgres[0] ? v->postgres : e->cluster.version),
                           sl_out_escape(a, v->postgis));
}

static struct json_object *answer(const struct sl_config *c, const struct sl_engine *e,
                                  const struct sl_compute_versions *v)
{
    struct json_object *o = json_object_new_object(), *buckets = json_object_new_object();
    sl_json_put_str(o, "home", c->home);
    sl_json_put_str(o, "store", e->store->ops->name);
    sl_json_put_str(buckets, "landing", c->landing_bucket);
    sl_json_put_str(buckets, "raw", c->raw_bucket);
    sl_json_put_str(buckets, "lake", c->lake_bucket);
    sl_json_put(o, "buckets", buckets);
    sl_json_put_str(o, "ledger", e->ledger->ops->name);
    sl_json_put(o, "private_cluster", json_object_new_boolean(e->cluster.exists));
    sl_json_put(o, "started", json_object_new_boolean(e->cluster.started_now));
    sl_json_put_str(o, "postgres", v->postgres[0] ? v->postgres : e->cluster.version);
    sl_json_put_str(o, "postgis", v->postgis);
    return o;
}

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    (void)args;
    struct sl_engine *e;
    struct sl_compute_versions v = {0};
    int rc = sl_cli_engine(cli, SL_NEEDS_STORE | SL_NEEDS_LEDGER | SL_NEEDS_CATALOG | SL_NEEDS_COMPUTE, &e, err);
    if (!rc)
        rc = e->compute->ops->versions(e->compute, &v, err);
    if (rc)
        return rc;
    const struct sl_config *c = cli->config;
    struct sl_arena *a = cli->arena;
    if (cli->json) {
        struct json_object *o = answer(c, e, &v);
        sl_cli_json(cli, o);
        json_object_put(o);
        return 0;
    }
    sl_cli_line(&cli->out, "home", "%s", sl_out_escape(a, c->home));
    sl_cli_line(&cli->out, "postgis", "%s", compute_text(cli, e, &v));
    sl_cli_line(&cli->out, "store", "%s, %s, %s (%s); ledger in %s", sl_out_escape(a, c->landing_bucket),
                sl_out_escape(a, c->raw_bucket), sl_out_escape(a, c->lake_bucket), e->store->ops->name,
                e->ledger->ops->name);
    return 0;
}

const struct sl_command sl_cmd_init = {
    .name = "init",
    .summary = "make the home: private PostGIS, store, ledger",
    .group = SL_GROUP_SETUP,
    .usage = "",
    .examples = "  sluice init\n"
                "  sluice --home /srv/sluice init\n",
    .details = "What is already there stays as it is. Other verbs do the same when something is missing.\n",
    .run = run,
};
