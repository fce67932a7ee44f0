/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "cli/cmd_asset.h"
#include "cli/open.h"
#include "cli/progress.h"
#include "cli/show.h"
#include "json/json.h"
#include "store/store.h"

struct args {
    const char *output;
    bool force;
};

#define AT(member) offsetof(struct args, member)
static const struct sl_cli_option options[] = {
    {"output", 'o', "FILE", SL_CLI_TEXT, AT(output), "where to (default: the object's name, here; -: stdout)", NULL, 0},
    {"force", 'f', NULL, SL_CLI_FLAG, AT(force), "overwrite a file that is there", NULL, 0},
};

struct download {
    int fd;
    struct sl_sha256 *hash;
    int64_t done, total;
    const char *name;
    struct sl_cli_progress progress;
};

static int sink(void *data, const void *bytes, size_t n, struct sl_error *err)
{
    struct download *d = data;
    int rc = sl_file_write_all(d->fd, bytes, n, err);
    if (rc)
        return rc;
    sl_sha256_update(d->hash, bytes, n);
    d->done += (int64_t)n;
    sl_cli_progress_bytes(&d->progress, "get", d->name, d->done, d->total);
    return 0;
}

/* An object, as the asset's document or an entry of its `documents` names it, through the hash into fd; what differs from the
 * ledger is an error. */
static int fetch(struct sl_cli *cli, struct sl_engine *engine, const char *bucket, struct json_object *object, int fd,
                 struct sl_error *err)
{
    const char *key = sl_json_str(object, "s3_key", "");
    const char *expected = sl_json_str(object, "content_hash", "");
    char hex[SL_SHA256_HEX_BYTES];
    struct download d = {
        .fd = fd, .hash = sl_sha256_new(), .total = sl_json_int(object, "size_bytes", 0), .name = sl_path_base(key)};
    sl_cli_progress_begin(&d.progress, cli);
    int rc = sl_store_get(engine->store, bucket, key, 0, -1, NULL, sink, &d, NULL, err);
    sl_cli_progress_keep(&d.progress);
    sl_sha256_final(d.hash, hex);
    sl_sha256_free(d.hash);
    if (!rc && (!sl_text_starts(expected, "sha256:") || strcmp(expected + strlen("sha256:"), hex))) {
        rc = sl_fail(err, SL_E_FILE_CHECKSUM, "%s/%s differs from the ledger: sha256 %s, expected %s", bucket, key, hex,
                     expected);
        sl_error_hint(err, "sluice verify --deep tells what else is wrong and how to repair it");
    }
    return rc;
}

static int exists_already(const char *path, struct sl_error *err)
{
    int rc = sl_fail(err, SL_E_STORE_PRECONDITION, "\"%s\" is there already", path);
    sl_error_hint(err, "--force overwrites it, -o FILE takes another name");
    return rc;
}

/* Into a temporary file beside it, so that the name never stands for half a file. */
static int fetch_to(struct sl_cli *cli, struct sl_engine *engine, struct json_object *doc, const char *path, bool force,
                    struct sl_error *err)
{
    char *temporary = sl_arena_printf(cli->arena, "%s.part-XXXXXX", path);
    if (!force && sl_path_exists(path))
        return exists_already(path, err);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return sl_fail_errno(err, errno, "\"%s\" can't be written", path);
    int rc = fetch(cli, engine, sl_json_str(doc, "bucket", ""), doc, fd, err);
    if (!rc && (fchmod(fd, 0644) || fsync(fd)))
        rc = sl_fail_errno(err, errno, "\"%s\"", path);
    close(fd);
    if (!rc && !force && link(temporary, path) != 0)
        rc = errno == EEXIST ? exists_already(path, err) : sl_fail_errno(err, errno, "\"%s\"", path);
    else if (!rc && force && rename(temporary, path) != 0)
        rc = sl_fail_errno(err, errno, "\"%s\"", path);
    unlink(temporary);
    return rc;
}

/* ---- assets of several objects ---- */

static int no_stream(struct json_object *doc, struct sl_error *err)
{
    sl_fail(err, SL_E_USAGE, "%s v%" PRId64 " has %" PRId64 " parts, and stdout takes one object", sl_json_str(doc, "dataset_id", ""),
            sl_json_int(doc, "version", 0), sl_json_int(sl_json_get(doc, "parts"), "count", 0));
    sl_error_hint(err, "-o FOLDER gets them all");
    return -SL_E_USAGE;
}

/* "dataset/v3/day=1/part-0.parquet" gives "day=1/part-0.parquet"; NULL for what would leave the folder. */
static const char *below_version(const char *key)
{
    const char *slash = strchr(key, '/');
    const char *below = slash ? strchr(slash + 1, '/') : NULL;
    if (!below || !below[1] || below[1] == '/' || !strncmp(below + 1, "../", 3) || strstr(below, "/../"))
        return NULL;
    return below + 1;
}

static int fetch_part(struct sl_cli *cli, struct sl_engine *engine, const char *bucket, struct json_object *object,
                      const char *folder, struct sl_error *err)
{
    const char *key = sl_json_str(object, "s3_key", ""), *suffix = below_version(key);
    if (!suffix)
        return sl_fail(err, SL_E_STORE_KEY, "\"%s\" is no part of an asset", key);
    char *path = sl_path_join(cli->arena, folder, suffix), *slash = strrchr(path, '/');
    *slash = '\0';
    int rc = sl_dir_make(path, 0755, err);
    *slash = '/';
    if (rc)
        return rc;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return sl_fail_errno(err, errno, "\"%s\" can't be written", path);
    rc = fetch(cli, engine, bucket, object, fd, err);
    if (!rc && fsync(fd))
        rc = sl_fail_errno(err, errno, "\"%s\"", path);
    close(fd);
    return rc;
}

/* Into a temporary folder beside it; the name never stands for some of the parts. */
static int fetch_parts(struct sl_cli *cli, struct sl_engine *engine, struct json_object *doc, const char *path, bool force,
                       struct sl_error *err)
{
    char *temporary = sl_arena_printf(cli->arena, "%s.part-XXXXXX", path);
    struct json_object *documents = sl_json_get(doc, "documents");
    size_t n = json_object_is_type(documents, json_type_array) ? json_object_array_length(documents) : 0;
    int rc = 0;
    if (sl_path_exists(path)) { /* a folder may hold anything: it is not for --force to remove */
        rc = sl_fail(err, SL_E_STORE_PRECONDITION, "\"%s\" is there already", path);
        sl_error_hint(err, force ? "--force overwrites no folder; -o FOLDER takes another name" : "-o FOLDER takes another name");
        return rc;
    }
    if (!mkdtemp(temporary))
        return sl_fail_errno(err, errno, "\"%s\" can't be written", path);
    for (size_t i = 0; !rc && i < n; i++) {
        struct json_object *o = json_object_array_get_idx(documents, i);
        if (!strcmp(sl_json_str(o, "kind", ""), "part"))
            rc = fetch_part(cli, engine, sl_json_str(doc, "bucket", ""), o, temporary, err);
    }
    if (!rc && (chmod(temporary, 0755) || rename(temporary, path)))
        rc = sl_fail_errno(err, errno, "\"%s\"", path);
    struct sl_error ignored;
    if (rc)
        (void)sl_dir_remove(temporary, &ignored);
    return rc;
}

static void answer(struct sl_cli *cli, struct json_object *doc, const char *path)
{
    struct sl_arena *a = cli->arena;
    if (cli->json) {
        struct json_object *o = json_object_new_object();
        sl_json_put_str(o, "path", path);
        sl_json_put_str(o, "asset_id", sl_json_str(doc, "_id", NULL));
        sl_json_put_int(o, "size_bytes", sl_cli_asset_bytes(doc));
        sl_json_put_str(o, "content_hash", sl_json_str(doc, "content_hash", NULL));
        sl_cli_json(cli, o);
        json_object_put(o);
        return;
    }
    sl_out_printf(&cli->out, "%s  %s v%" PRId64 "  %s  %s verified\n", sl_out_escape(a, path),
                  sl_cli_member(a, doc, "dataset_id"), sl_json_int(doc, "version", 0),
                  sl_cli_size(a, sl_cli_asset_bytes(doc)),
                  sl_cli_hash(a, sl_json_str(doc, "content_hash", NULL)));
}

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct args *a = args;
    struct sl_engine *engine;
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    int rc = sl_cli_engine(cli, SL_NEEDS_LEDGER | SL_NEEDS_STORE, &engine, err);
    if (!rc)
        rc = sl_asset_find(engine, cli->operands.items[0], &doc, err);
    if (rc)
        return rc;
    bool parts = json_object_is_type(sl_json_get(doc, "parts"), json_type_object);
    if (a->output && !strcmp(a->output, "-"))
        return parts ? no_stream(doc, err) : fetch(cli, engine, sl_json_str(doc, "bucket", ""), doc, STDOUT_FILENO, err);
    const char *path = a->output ? a->output
                       : parts   ? sl_json_str(doc, "dataset_id", "asset")
                                 : sl_path_base(sl_json_str(doc, "s3_key", "asset"));
    rc = parts ? fetch_parts(cli, engine, doc, path, a->force, err) : fetch_to(cli, engine, doc, path, a->force, err);
    if (!rc)
        answer(cli, doc, path);
    return rc;
}

const struct sl_command sl_cmd_asset_get = {
    .name = "get",
    .summary = "download an asset, its hash checked on the way",
    .group = SL_GROUP_LOOK,
    .usage = "[-o FILE] [--force] WHAT",
    .examples = "  sluice asset get roads -o roads.parquet\n"
                "  sluice asset get roads@3 -o - > roads.parquet\n",
    .details = "WHAT is a dataset (its latest version), dataset@version, bucket/key or an asset's id.\n"
               "An asset of several parts becomes a folder of them, named after the dataset.\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct args),
    .least = 1,
    .most = 1,
    .run = run,
};
