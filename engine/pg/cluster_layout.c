/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/env.h"
#include "base/file.h"
#include "base/process.h"
#include "base/sha256.h"
#include "pg/cluster_internal.h"

#define ELSEWHERE "/var/lib/sluice/"
#define SOCKET_NAME "/.s.PGSQL.5432"

enum { HASH_DIGITS = 12, MAX_FOLDERS_PER_HOME = 100, TEST_TIMEOUT_MS = 10000 };

static int find_user(const struct sl_cluster_options *options, struct sl_cluster__layout *l, struct sl_error *err)
{
    char text[16384];
    struct passwd entry, *found = NULL;
    l->set_user = geteuid() == 0;
    if (!l->set_user) {
        l->uid = geteuid();
        l->gid = getegid();
        getpwuid_r(l->uid, &entry, text, sizeof text, &found);
        snprintf(l->user, sizeof l->user, "%s", found ? found->pw_name : "the caller");
        return 0;
    }
    const char *name = options->os_user && options->os_user[0] ? options->os_user : "postgres";
    getpwnam_r(name, &entry, text, sizeof text, &found);
    if (!found || found->pw_uid == 0) {
        int rc = found ? sl_fail(err, SL_E_CONFIG_VALUE, "postgres.os_user is \"%s\", and PostgreSQL refuses to run "
                                 "as root", name)
                       : sl_fail(err, SL_E_CONFIG_VALUE, "there is no user \"%s\" to run PostgreSQL as", name);
        sl_error_hint(err, "PostgreSQL's package makes the account \"postgres\"; postgres.os_user names another");
        return rc;
    }
    l->uid = found->pw_uid;
    l->gid = found->pw_gid;
    snprintf(l->user, sizeof l->user, "%s", found->pw_name);
    return 0;
}

/* ---- programs ---- */

static bool has_programs(const char *dir)
{
    static const char *const names[] = {"initdb", "pg_ctl", "postgres"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[SL_CLUSTER_PATH_BYTES + 16];
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        if (access(path, X_OK) < 0)
            return false;
    }
    return true;
}

/* The major version of the data, 0 when there are none. */
static long data_version(const struct sl_cluster__layout *l)
{
    char path[SL_CLUSTER_PATH_BYTES + 16];
    snprintf(path, sizeof path, "%s/PG_VERSION", l->data);
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, 64);
    return sl_file_read(path, &text, NULL) < 0 ? 0 : strtol(text.data, NULL, 10);
}

static bool find_packaged(struct sl_cluster__layout *l, long wanted)
{
    static const char base[] = "/usr/lib/postgresql";
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    char **names;
    size_t n;
    long best = 0;
    if (sl_dir_list(base, arena, &names, &n, NULL) < 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        long version = strtol(names[i], NULL, 10);
        char *dir = sl_arena_printf(arena, "%s/%s/bin", base, names[i]);
        if (version > best && (!wanted || version == wanted) && has_programs(dir)) {
            best = version;
            snprintf(l->bin_dir, sizeof l->bin_dir, "%s", dir);
        }
    }
    return best > 0;
}

static bool find_on_path(struct sl_cluster__layout *l)
{
    const char *path = sl_env("PATH");
    while (path && *path) {
        size_t len = strcspn(path, ":");
        char dir[SL_CLUSTER_PATH_BYTES];
        /* A relative entry would run whatever the current folder holds. */
        if (path[0] == '/' && len < sizeof dir) {
            snprintf(dir, sizeof dir, "%.*s", (int)len, path);
            if (has_programs(dir)) {
                memcpy(l->bin_dir, dir, sizeof dir);
                return true;
            }
        }
        path += len + (path[len] == ':');
    }
    return false;
}

static int find_programs(const struct sl_cluster_options *options, struct sl_cluster__layout *l, struct sl_error *err)
{
    long wanted = data_version(l);
    if (options->bin_dir && options->bin_dir[0]) {
        if (has_programs(options->bin_dir) && strlen(options->bin_dir) < sizeof l->bin_dir) {
            snprintf(l->bin_dir, sizeof l->bin_dir, "%s", options->bin_dir);
            return 0;
        }
        return sl_fail(err, SL_E_CONFIG_VALUE, "no PostgreSQL server programs in \"%s\"", options->bin_dir);
    }
    if (find_packaged(l, wanted) || find_on_path(l))
        return 0;
    int rc = wanted ? sl_fail(err, SL_E_CONFIG_VALUE, "the cluster in %s is of PostgreSQL %ld, which is not installed",
                              l->data, wanted)
                    : sl_fail(err, SL_E_CONFIG_VALUE, "no PostgreSQL server programs found");
    sl_error_hint(err, "install the server with PostGIS (Debian: postgresql-postgis), set postgres.bin_dir, or use a "
                       "server that runs already (POSTGRES_HOST)");
    return rc;
}

/* ---- folders ---- */

/* Asks the kernel as that user, so that groups, ACLs and every ancestor count. */
static int user_can_enter(const struct sl_cluster__layout *l, const char *folder, bool *out, struct sl_error *err)
{
    if (!l->set_user) {
        *out = true;
        return 0;
    }
    const char *const argv[] = {"/usr/bin/test", "-x", folder, NULL};
    struct sl_process_options run = {.argv = argv, .chdir = "/", .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1,
                                     .keep_fd = -1, .set_user = true, .uid = l->uid, .gid = l->gid};
    struct sl_process_result result;
    int rc = sl_process_run(&run, TEST_TIMEOUT_MS, NULL, NULL, &result, err);
    if (rc < 0)
        return rc;
    *out = result.exited && result.exit_code == 0;
    return 0;
}

static bool is_elsewhere_name(const char *path)
{
    size_t prefix = strlen(ELSEWHERE);
    return !strncmp(path, ELSEWHERE, prefix) && strlen(path + prefix) == HASH_DIGITS &&
           strspn(path + prefix, "0123456789abcdef") == HASH_DIGITS;
}

static int read_location(struct sl_cluster__layout *l, bool *found, struct sl_error *err)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/postgres.location", l->home);
    *found = sl_path_exists(path);
    if (!*found)
        return 0;
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, 4096);
    int rc = sl_file_read(path, &text, err);
    if (rc < 0)
        return rc;
    text.data[strcspn(text.data, "\n")] = '\0';
    /* Root makes and owns folders by this name: it may only be one that this file has made up. */
    if (!is_elsewhere_name(text.data))
        return sl_fail(err, SL_E_CONFIG_HOME, "%s names \"%s\", which is not a folder of sluice", path, text.data);
    snprintf(l->folder, sizeof l->folder, "%s", text.data);
    return 0;
}

/* The first folder by the home's hash that holds no data: one with data and without our record of it belonged to an
 * earlier home of the same path. */
static int choose_elsewhere(struct sl_cluster__layout *l, struct sl_error *err)
{
    for (int i = 0; i < MAX_FOLDERS_PER_HOME; i++) {
        char text[PATH_MAX + 16], hex[SL_SHA256_HEX_BYTES], data[SL_CLUSTER_PATH_BYTES];
        int n = i ? snprintf(text, sizeof text, "%s\n%d", l->home, i) : snprintf(text, sizeof text, "%s", l->home);
        sl_sha256_of(text, (size_t)n, hex);
        snprintf(l->folder, sizeof l->folder, ELSEWHERE "%.*s", HASH_DIGITS, hex);
        snprintf(data, sizeof data, "%s/data", l->folder);
        if (!sl_path_exists(data))
            return 0;
    }
    return sl_fail(err, SL_E_CONFIG_HOME, "%s has left too many clusters in " ELSEWHERE, l->home);
}

/* pg_ctl starts the server by a shell and puts these between double quotes as they are. */
static int refuse_what_a_shell_reads(const char *home, struct sl_error *err)
{
    for (const char *c = home; *c; c++) {
        if (!strchr("\"$`\\", *c) && (unsigned char)*c >= ' ')
            continue;
        sl_fail(err, SL_E_CONFIG_HOME,
                "the path of the home cannot hold a PostgreSQL cluster, for it has a control character or one of "
                "\" $ ` \\: %s",
                home);
        sl_error_hint(err, "choose another home, or use a server that runs already (POSTGRES_HOST)");
        return -SL_E_CONFIG_HOME;
    }
    return 0;
}

static int choose_folder(struct sl_cluster__layout *l, struct sl_error *err)
{
    bool found = false, enters = true;
    int rc = read_location(l, &found, err);
    if (rc < 0)
        return rc;
    l->elsewhere = found;
    if (found)
        return 0;
    if ((rc = user_can_enter(l, l->home, &enters, err)) < 0)
        return rc;
    l->elsewhere = !enters;
    if (!enters)
        return choose_elsewhere(l, err);
    if ((rc = refuse_what_a_shell_reads(l->home, err)) < 0)
        return rc;
    int n = snprintf(l->folder, sizeof l->folder, "%s/postgres", l->home);
    if (n < 0 || (size_t)n >= sizeof l->folder)
        return sl_fail(err, SL_E_CONFIG_HOME, "the path of the home is too long for a PostgreSQL cluster: %s", l->home);
    return 0;
}

/* The kernel allows 107 bytes for the path of a Unix socket. */
static void choose_socket_dir(struct sl_cluster__layout *l)
{
    char hex[SL_SHA256_HEX_BYTES];
    int n = snprintf(l->socket_dir, sizeof l->socket_dir, "%s/run", l->folder);
    l->socket_in_tmp = n < 0 || (size_t)n + strlen(SOCKET_NAME) >= sizeof l->socket_dir;
    if (!l->socket_in_tmp)
        return;
    sl_sha256_of(l->folder, strlen(l->folder), hex);
    snprintf(l->socket_dir, sizeof l->socket_dir, "/tmp/sluice-%.*s", HASH_DIGITS, hex);
}

int sl_cluster__locate(const struct sl_cluster_options *options, struct sl_cluster__layout *out, struct sl_error *err)
{
    struct sl_cluster__layout l = {0};
    if (!realpath(options->home, l.home)) {
        int rc = sl_fail(err, SL_E_CONFIG_HOME, "the home \"%s\" cannot be entered: %s", options->home,
                         strerror(errno));
        sl_error_hint(err, "sluice init");
        return rc;
    }
    int rc = find_user(options, &l, err);
    if (rc < 0 || (rc = choose_folder(&l, err)) < 0)
        return rc;
    snprintf(l.data, sizeof l.data, "%s/data", l.folder);
    snprintf(l.start_log, sizeof l.start_log, "%s/start.log", l.folder);
    choose_socket_dir(&l);
    if ((rc = find_programs(options, &l, err)) < 0)
        return rc;
    *out = l;
    return 0;
}

/* ---- making ---- */

/* A folder of our own: made now, or made earlier by us. Opened without following links and checked through the
 * descriptor, since /tmp and the home may be writable by others. */
static int own_folder(const struct sl_cluster__layout *l, const char *path, struct sl_error *err)
{
    struct stat st;
    bool made = mkdir(path, 0700) == 0;
    if (!made && errno != EEXIST)
        return sl_fail_errno(err, errno, "cannot make the folder %s", path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc = 0;
    if (fd < 0 && errno == EACCES)
        goto foreign;
    if (fd < 0 || fstat(fd, &st) < 0) {
        rc = sl_fail_errno(err, errno, "cannot open the folder %s", path);
        goto done;
    }
    /* Root's own, when it was stopped between mkdir and fchown. */
    if (l->set_user && st.st_uid == 0 && fchown(fd, l->uid, l->gid) < 0)
        rc = sl_fail_errno(err, errno, "cannot give the folder %s to %s", path, l->user);
    else if (st.st_uid != l->uid && !(l->set_user && st.st_uid == 0))
        goto foreign;
    else if ((st.st_mode & 07777) != 0700 && fchmod(fd, 0700) < 0)
        rc = sl_fail_errno(err, errno, "cannot close the folder %s to others", path);
    goto done;
foreign:
    rc = sl_fail(err, SL_E_CONFIG_HOME, "the folder %s belongs to somebody else, not to %s", path, l->user);
    sl_error_hint(err, "run sluice as the user who made this home, or choose another home");
done:
    if (fd >= 0)
        close(fd);
    return rc;
}

int sl_cluster__make_folders(const struct sl_cluster__layout *layout, struct sl_error *err)
{
    int rc;
    if (layout->elsewhere) {
        char path[PATH_MAX + 32], line[SL_CLUSTER_PATH_BYTES];
        if ((rc = sl_dir_make(ELSEWHERE, 0755, err)) < 0)
            return rc;
        if (chmod(ELSEWHERE, 0755) < 0) /* whatever the umask is, the user must get through */
            return sl_fail_errno(err, errno, "cannot open %s to %s", ELSEWHERE, layout->user);
        /* Recorded before there are data, or data could be left that no home knows of. */
        snprintf(path, sizeof path, "%s/postgres.location", layout->home);
        int n = snprintf(line, sizeof line, "%s\n", layout->folder);
        if (!sl_path_exists(path) && (rc = sl_file_write_durable(path, line, (size_t)n, 0644, err)) < 0)
            return rc;
    }
    if ((rc = own_folder(layout, layout->folder, err)) < 0)
        return rc;
    return own_folder(layout, layout->socket_dir, err);
}
