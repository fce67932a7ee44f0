/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster.h - the private PostgreSQL cluster with PostGIS that sluice starts for itself.
 *
 * `<home>/postgres` holds the data, the socket folder is entered by its owner only and there is no TCP port; the
 * superuser of the cluster is "sluice". PostgreSQL refuses to run as root: then it runs as the account of
 * `postgres.os_user`, and where that account cannot enter the home, the data live in /var/lib/sluice/<hash of the home>
 * and `<home>/postgres.location` says so. Starting is safe to call from several processes at once (a lock file).
 */
#ifndef SLUICE_PG_CLUSTER_H
#define SLUICE_PG_CLUSTER_H

#include <stdbool.h>

#include <sluice/error.h>

#include "base/arena.h"
#include "pg/pg.h"

struct sl_cluster_options {
    const char *home;
    const char *bin_dir; /* NULL or empty: PostgreSQL's newest under /usr/lib/postgresql, then PATH */
    const char *os_user; /* for root; NULL: "postgres" */
    const char *database; /* NULL: "sluice" */
};

struct sl_cluster_status {
    bool exists, running, started_now, made_now;
    char version[32]; /* of the server's binaries: "15.18" */
    char data_dir[512], socket_dir[108];
    int pid; /* of the postmaster, 0 when it does not run */
};

/* Makes (initdb, database, extension postgis) what is missing, starts it, waits until it answers. Durable settings;
 * max_connections for the workers; the log in the data folder. */
int sl_cluster_start(const struct sl_cluster_options *options, struct sl_cluster_status *status, struct sl_error *err);
int sl_cluster_stop(const struct sl_cluster_options *options, bool fast, struct sl_cluster_status *status,
                    struct sl_error *err);
int sl_cluster_look(const struct sl_cluster_options *options, struct sl_cluster_status *status, struct sl_error *err);
/* How to connect to it as its superuser; strings in the arena. Works whether it runs or not. */
int sl_cluster_target(const struct sl_cluster_options *options, struct sl_arena *arena, struct sl_pg_target *out,
                      struct sl_error *err);

#endif
