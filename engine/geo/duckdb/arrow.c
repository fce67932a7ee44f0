/* SPDX-License-Identifier: Apache-2.0 */
/* A query's rows as an Arrow stream, a chunk at a time: memory does not grow with their number. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ogr_recordbatch.h>

#include "base/arena.h"
#include "geo/duckdb/duck_internal.h"

struct streaming {
    duckdb_prepared_statement statement;
    duckdb_pending_result pending;
    duckdb_result result;
    duckdb_arrow_options options;
    char message[512];
};

static int tell(struct streaming *s, const char *message)
{
    snprintf(s->message, sizeof s->message, "%s", message ? message : "duckdb gives no reason");
    return EIO;
}

static int tell_error(struct streaming *s, duckdb_error_data *error)
{
    bool failed = *error && duckdb_error_data_has_error(*error);
    int rc = failed ? tell(s, duckdb_error_data_message(*error)) : 0;
    duckdb_destroy_error_data(error);
    return rc;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    struct streaming *s = stream->private_data;
    idx_t n = duckdb_column_count(&s->result);
    duckdb_logical_type *types = sl_xcalloc(n + 1, sizeof *types);
    const char **names = sl_xcalloc(n + 1, sizeof *names);
    for (idx_t i = 0; i < n; i++) {
        types[i] = duckdb_column_logical_type(&s->result, i);
        names[i] = duckdb_column_name(&s->result, i);
    }
    duckdb_error_data error = duckdb_to_arrow_schema(s->options, types, names, n, out);
    for (idx_t i = 0; i < n; i++)
        duckdb_destroy_logical_type(&types[i]);
    free(types);
    free(names);
    return tell_error(s, &error);
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct streaming *s = stream->private_data;
    duckdb_data_chunk chunk = duckdb_fetch_chunk(s->result);
    memset(out, 0, sizeof *out);
    if (!chunk) { /* the end, or what went wrong on the way there */
        const char *message = duckdb_result_error(&s->result);
        return message && *message ? tell(s, message) : 0;
    }
    duckdb_error_data error = duckdb_data_chunk_to_arrow(s->options, chunk, out);
    duckdb_destroy_data_chunk(&chunk);
    return tell_error(s, &error);
}

static const char *last_error(struct ArrowArrayStream *stream)
{
    struct streaming *s = stream->private_data;
    return s->message;
}

static void free_streaming(struct streaming *s)
{
    duckdb_destroy_arrow_options(&s->options);
    duckdb_destroy_result(&s->result);
    duckdb_destroy_pending(&s->pending);
    duckdb_destroy_prepare(&s->statement);
    free(s);
}

static void release(struct ArrowArrayStream *stream)
{
    free_streaming(stream->private_data);
    stream->release = NULL;
}

int sl_duck_arrow_stream(struct sl_duck *duck, const char *sql, struct ArrowArrayStream *out, struct sl_error *err)
{
    struct streaming *s = sl_xcalloc(1, sizeof *s);
    int rc = 0;
    if (duckdb_prepare(sl_duck__connection(duck), sql, &s->statement) != DuckDBSuccess)
        rc = sl_duck__fail(DUCKDB_ERROR_INVALID, duckdb_prepare_error(s->statement), err);
    if (rc == 0 && duckdb_pending_prepared_streaming(s->statement, &s->pending) != DuckDBSuccess)
        rc = sl_duck__fail(DUCKDB_ERROR_INVALID, duckdb_pending_error(s->pending), err);
    if (rc == 0 && duckdb_execute_pending(s->pending, &s->result) != DuckDBSuccess)
        rc = sl_duck__fail(duckdb_result_error_type(&s->result), duckdb_result_error(&s->result), err);
    if (rc < 0) {
        free_streaming(s);
        return rc;
    }
    s->options = duckdb_result_get_arrow_options(&s->result);
    *out = (struct ArrowArrayStream){.get_schema = get_schema, .get_next = get_next, .get_last_error = last_error,
                                     .release = release, .private_data = s};
    return 0;
}
