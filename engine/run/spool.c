/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of sorted records, merged: an external sort of one pass. */
#include "run/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"

enum { CHUNK_BYTES = 8 * 1024 * 1024, RUNS_MAX = 1024 };

/* One sorted run; its next record stands in key and text. */
struct run {
    FILE *file;
    char *key, *text;
    size_t key_bytes, text_bytes;
    bool ended;
};

struct sl_spool {
    char *folder;
    char *chunk; /* key NUL text NUL, record after record */
    size_t chunk_used, *offsets, n_offsets, capacity;
    struct run *runs;
    size_t n_runs;
    struct run *head;        /* whose record is next; NULL: at the end */
    struct json_object *doc; /* of head, once somebody asked for it */
};

struct sl_spool *sl_spool_new(const char *folder)
{
    struct sl_spool *s = sl_xcalloc(1, sizeof *s);
    s->folder = sl_xstrdup(folder);
    return s;
}

void sl_spool_free(struct sl_spool *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_runs; i++) {
        if (s->runs[i].file)
            fclose(s->runs[i].file);
        free(s->runs[i].key);
        free(s->runs[i].text);
    }
    json_object_put(s->doc);
    free(s->runs);
    free(s->offsets);
    free(s->chunk);
    free(s->folder);
    free(s);
}

void sl_spool_freep(struct sl_spool **s)
{
    sl_spool_free(*s);
}

static int by_key(const void *a, const void *b, void *chunk)
{
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    int order = strcmp((const char *)chunk + left, (const char *)chunk + right);
    return order ? order : left < right ? -1 : left > right;
}

static int open_run(struct sl_spool *s, FILE **out, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    char *path = sl_path_join(arena, s->folder, ".spool-XXXXXX");
    int rc = sl_dir_make(s->folder, 0700, err);
    if (rc < 0)
        return rc;
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return sl_fail_errno(err, errno, "cannot make a file in %s", s->folder);
    unlink(path);
    *out = fdopen(fd, "w+");
    if (!*out)
        sl_oom();
    return 0;
}

/* The chunk becomes a run. */
static int spill(struct sl_spool *s, struct sl_error *err)
{
    FILE *file = NULL;
    if (s->n_offsets == 0)
        return 0;
    if (s->n_runs == RUNS_MAX)
        return sl_fail(err, SL_E_LIMIT, "more records than %d runs of %d bytes hold", RUNS_MAX, CHUNK_BYTES);
    int rc = open_run(s, &file, err);
    if (rc < 0)
        return rc;
    qsort_r(s->offsets, s->n_offsets, sizeof *s->offsets, by_key, s->chunk);
    for (size_t i = 0; i < s->n_offsets; i++) {
        const char *record = s->chunk + s->offsets[i];
        size_t key = strlen(record) + 1, text = strlen(record + key) + 1;
        fwrite(record, 1, key + text, file);
    }
    if (fflush(file) != 0 || ferror(file)) {
        rc = sl_fail_errno(err, errno, "cannot write a file in %s", s->folder);
        fclose(file);
        return rc;
    }
    s->runs = sl_xrealloc(s->runs, (s->n_runs + 1) * sizeof *s->runs);
    s->runs[s->n_runs++] = (struct run){.file = file};
    s->chunk_used = s->n_offsets = 0;
    return 0;
}

int sl_spool_add(struct sl_spool *s, const char *key, struct json_object *doc, struct sl_error *err)
{
    const char *text = json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PLAIN);
    size_t key_bytes = strlen(key) + 1, text_bytes = strlen(text) + 1;
    if (key_bytes + text_bytes > CHUNK_BYTES)
        return sl_fail(err, SL_E_LIMIT, "a record of %zu bytes is too large", key_bytes + text_bytes);
    int rc = s->chunk_used + key_bytes + text_bytes > CHUNK_BYTES ? spill(s, err) : 0;
    if (rc < 0)
        return rc;
    if (!s->chunk)
        s->chunk = sl_xmalloc(CHUNK_BYTES);
    if (s->n_offsets == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 1024;
        s->offsets = sl_xrealloc(s->offsets, s->capacity * sizeof *s->offsets);
    }
    s->offsets[s->n_offsets++] = s->chunk_used;
    memcpy(s->chunk + s->chunk_used, key, key_bytes);
    memcpy(s->chunk + s->chunk_used + key_bytes, text, text_bytes);
    s->chunk_used += key_bytes + text_bytes;
    return 0;
}

static int read_record(struct sl_spool *s, struct run *r, struct sl_error *err)
{
    errno = 0;
    if (getdelim(&r->key, &r->key_bytes, 0, r->file) < 0) {
        r->ended = true;
        return ferror(r->file) ? sl_fail_errno(err, errno, "cannot read a file in %s", s->folder) : 0;
    }
    if (getdelim(&r->text, &r->text_bytes, 0, r->file) < 0)
        return sl_fail(err, SL_E_IO, "a file in %s was cut", s->folder);
    return 0;
}

/* The earliest run wins among equals: its records were entered first. */
static void choose(struct sl_spool *s)
{
    s->head = NULL;
    for (size_t i = 0; i < s->n_runs; i++) {
        struct run *r = &s->runs[i];
        if (!r->ended && (!s->head || strcmp(r->key, s->head->key) < 0))
            s->head = r;
    }
}

int sl_spool_begin(struct sl_spool *s, struct sl_error *err)
{
    int rc = spill(s, err);
    free(s->chunk);
    s->chunk = NULL;
    for (size_t i = 0; rc == 0 && i < s->n_runs; i++) {
        rewind(s->runs[i].file);
        s->runs[i].ended = false;
        rc = read_record(s, &s->runs[i], err);
    }
    json_object_put(s->doc);
    s->doc = NULL;
    if (rc == 0)
        choose(s);
    return rc;
}

int sl_spool_peek(struct sl_spool *s, const char **key, struct json_object **doc, struct sl_error *err)
{
    *key = NULL;
    *doc = NULL;
    if (!s->head)
        return 0;
    if (!s->doc)
        s->doc = json_tokener_parse(s->head->text);
    if (!s->doc)
        return sl_fail(err, SL_E_INTERNAL, "a record of a spool cannot be read back");
    *key = s->head->key;
    *doc = s->doc;
    return 0;
}

int sl_spool_skip(struct sl_spool *s, struct sl_error *err)
{
    json_object_put(s->doc);
    s->doc = NULL;
    if (!s->head)
        return 0;
    int rc = read_record(s, s->head, err);
    choose(s);
    return rc;
}
