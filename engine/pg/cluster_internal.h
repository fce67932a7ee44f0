/* SPDX-License-Identifier: Apache-2.0 */
/* cluster_internal.h - where a private cluster lies, who runs it, with which programs. */
#ifndef SLUICE_PG_CLUSTER_INTERNAL_H
#define SLUICE_PG_CLUSTER_INTERNAL_H

#include <limits.h>
#include <sys/types.h>

#include "pg/cluster.h"

enum { SL_CLUSTER_PATH_BYTES = 512, SL_CLUSTER_SOCKET_BYTES = 108 };

struct sl_cluster__layout {
    char home[PATH_MAX];              /* real path */
    char folder[SL_CLUSTER_PATH_BYTES - 64]; /* <home>/postgres, or one under /var/lib/sluice */
    char data[SL_CLUSTER_PATH_BYTES];    /* <folder>/data */
    char start_log[SL_CLUSTER_PATH_BYTES];
    char socket_dir[SL_CLUSTER_SOCKET_BYTES];
    bool socket_in_tmp;
    bool elsewhere; /* the folder is not below the home */
    bool set_user;  /* the caller is root: children run as uid, gid */
    uid_t uid;
    gid_t gid;
    char user[64];
    char bin_dir[SL_CLUSTER_PATH_BYTES];
};

/* Finds all of it without making anything. The home must exist. */
int sl_cluster__locate(const struct sl_cluster_options *options, struct sl_cluster__layout *out, struct sl_error *err);
/* Makes folder and socket folder, owned by the layout's user, mode 0700, and records a folder that is elsewhere.
 * Refuses folders that belong to somebody else. The caller holds the cluster's lock. */
int sl_cluster__make_folders(const struct sl_cluster__layout *layout, struct sl_error *err);

#endif
