/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrow batches to a table by COPY … FROM STDIN (FORMAT binary), on the run's own connection.
 *
 * DuckDB's postgres extension can do this too, but it needs to read the catalog first, wants values of its own type for a
 * geometry column, and copies tables with arrays as text. The column types are those that a vector's stream has.
 * Source: PostgreSQL's documentation of COPY, "Binary Format", and the receive functions of its types.
 */
#include <stdlib.h>
#include <string.h>

#include <ogr_recordbatch.h>

#include "geo/postgis/postgis_internal.h"

enum {
    SEND_BYTES = 256 * 1024,
    BUFFER_MAX_BYTES = INT32_MAX,
    EPOCH_DAYS = 10957 /* from 1970-01-01 to 2000-01-01, where PostgreSQL's times begin */
};
#define EPOCH_US ((int64_t)EPOCH_DAYS * 86400 * 1000000)

static const char signature[] = "PGCOPY\n\377\r\n"; /* its NUL belongs to it */

struct column {
    char format; /* of Arrow: b s i l f g u z; D date, t time, T timestamp */
    bool list;
};

struct copy {
    struct sl_pg *pg;
    struct sl_buf out;
    struct column *columns;
    size_t n;
    bool unreadable; /* the stream failed, not the server */
};

static void put16(struct sl_buf *out, uint16_t v)
{
    const unsigned char bytes[] = {(unsigned char)(v >> 8), (unsigned char)v};
    sl_buf_add(out, bytes, sizeof bytes);
}

static void put32(struct sl_buf *out, uint32_t v)
{
    const unsigned char bytes[] = {(unsigned char)(v >> 24), (unsigned char)(v >> 16), (unsigned char)(v >> 8),
                                   (unsigned char)v};
    sl_buf_add(out, bytes, sizeof bytes);
}

static void put64(struct sl_buf *out, uint64_t v)
{
    put32(out, (uint32_t)(v >> 32));
    put32(out, (uint32_t)v);
}

static bool bit(const void *bits, int64_t i)
{
    return (((const unsigned char *)bits)[i / 8] >> (i % 8) & 1) != 0;
}

static void put_bytes(struct sl_buf *out, const struct ArrowArray *a, int64_t i)
{
    const int32_t *offsets = a->buffers[1];
    size_t from = (size_t)offsets[i], bytes = (size_t)offsets[i + 1] - from;
    put32(out, (uint32_t)bytes);
    if (bytes)
        sl_buf_add(out, (const char *)a->buffers[2] + from, bytes);
}

static void put_fixed32(struct sl_buf *out, const void *values, int64_t i, uint32_t minus)
{
    uint32_t v;
    memcpy(&v, (const char *)values + i * 4, sizeof v);
    put32(out, 4);
    put32(out, v - minus);
}

static void put_fixed64(struct sl_buf *out, const void *values, int64_t i, uint64_t minus)
{
    uint64_t v;
    memcpy(&v, (const char *)values + i * 8, sizeof v);
    put32(out, 8);
    put64(out, v - minus);
}

/* Length and value; floats travel as their bits. */
static void put_value(struct sl_buf *out, char format, const struct ArrowArray *a, int64_t i)
{
    const void *values = a->buffers[1];
    switch (format) {
    case 'b':
        put32(out, 1);
        sl_buf_putc(out, bit(values, i) ? 1 : 0);
        return;
    case 's':
        put32(out, 2);
        put16(out, ((const uint16_t *)values)[i]);
        return;
    case 'i':
    case 'f':
        put_fixed32(out, values, i, 0);
        return;
    case 'D':
        put_fixed32(out, values, i, EPOCH_DAYS);
        return;
    case 'T':
        put_fixed64(out, values, i, (uint64_t)EPOCH_US);
        return;
    case 'u':
    case 'z':
        put_bytes(out, a, i);
        return;
    default:
        put_fixed64(out, values, i, 0);
    }
}

static uint32_t type_oid(char format)
{
    switch (format) {
    case 'b': return 16;
    case 's': return 21;
    case 'i': return 23;
    case 'l': return 20;
    case 'f': return 700;
    case 'g': return 701;
    default: return 25;
    }
}

/* An array of one dimension without NULLs: dimensions, flags, type, then size and lower bound, then the items. */
static void put_list(struct sl_buf *out, char format, const struct ArrowArray *a, int64_t i)
{
    const int32_t *offsets = a->buffers[1];
    int32_t from = offsets[i], n = offsets[i + 1] - from;
    size_t at = out->len;
    put32(out, 0);
    put32(out, n > 0 ? 1 : 0);
    put32(out, 0);
    put32(out, type_oid(format));
    if (n > 0) {
        put32(out, (uint32_t)n);
        put32(out, 1);
    }
    for (int32_t k = 0; k < n; k++)
        put_value(out, format, a->children[0], from + k);
    if (out->overflow)
        return;
    uint32_t bytes = (uint32_t)(out->len - at - 4);
    for (int k = 0; k < 4; k++)
        out->data[at + (size_t)k] = (char)(bytes >> (24 - 8 * k));
}

static int flush(struct copy *c, struct sl_error *err)
{
    int rc = sl_buf_check(&c->out, "a row on its way to postgres", err);
    if (rc == 0 && PQputCopyData(sl_pg_handle(c->pg), c->out.data, (int)c->out.len) != 1)
        rc = sl_pg_fail(c->pg, NULL, err);
    if (rc == 0) /* all of it: libpq would keep what the server does not take yet, without a limit */
        rc = sl_pg_flush(c->pg, err);
    sl_buf_clear(&c->out);
    return rc;
}

static int send_batch(struct copy *c, const struct ArrowArray *batch, struct sl_error *err)
{
    int rc = 0;
    for (int64_t row = 0; rc == 0 && row < batch->length; row++) {
        put16(&c->out, (uint16_t)c->n);
        for (size_t i = 0; i < c->n; i++) {
            const struct ArrowArray *a = batch->children[i];
            if (a->buffers[0] && !bit(a->buffers[0], row))
                put32(&c->out, UINT32_MAX); /* NULL */
            else if (c->columns[i].list)
                put_list(&c->out, c->columns[i].format, a, row);
            else
                put_value(&c->out, c->columns[i].format, a, row);
        }
        if (c->out.len >= SEND_BYTES)
            rc = flush(c, err);
    }
    return rc;
}

static char format_of(const char *text)
{
    if (text[0] != 't')
        return text[0];
    return text[1] == 'd' ? 'D' : text[1] == 's' ? 'T' : 't';
}

static void read_schema(struct copy *c, struct ArrowArrayStream *stream)
{
    struct ArrowSchema schema = {0};
    stream->get_schema(stream, &schema);
    c->n = (size_t)schema.n_children;
    c->columns = sl_xcalloc(c->n ? c->n : 1, sizeof *c->columns);
    for (size_t i = 0; i < c->n; i++) {
        const struct ArrowSchema *child = schema.children[i];
        c->columns[i].list = child->format[0] == '+';
        c->columns[i].format = format_of(c->columns[i].list ? child->children[0]->format : child->format);
    }
    schema.release(&schema);
}

static int send_all(struct copy *c, struct ArrowArrayStream *stream, struct sl_error *err)
{
    int rc = 0;
    sl_buf_add(&c->out, signature, sizeof signature);
    put32(&c->out, 0); /* flags */
    put32(&c->out, 0); /* no extension of the header */
    while (rc == 0) {
        struct ArrowArray batch = {0};
        c->unreadable = stream->get_next(stream, &batch) != 0;
        if (c->unreadable)
            return sl_fail(err, SL_E_INTERNAL, "%s", stream->get_last_error(stream));
        if (!batch.release)
            break;
        rc = send_batch(c, &batch, err);
        batch.release(&batch);
    }
    put16(&c->out, UINT16_MAX); /* the end */
    return rc ? rc : flush(c, err);
}

/* Values that PostgreSQL's types cannot hold, such as a date before 4713 BC, are the file's. */
static int blame_file(const PGresult *result, int rc, struct sl_error *err)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (rc != -(int)SL_E_POSTGRES || !state || (strncmp(state, "22", 2) != 0 && strcmp(state, "XX000") != 0))
        return rc;
    if (err)
        err->code = SL_E_FILE_DAMAGED;
    return -(int)SL_E_FILE_DAMAGED;
}

/* Takes what the server answers to the end of the COPY. */
static int finish(struct sl_pg *pg, bool failed, int64_t *rows, struct sl_error *err)
{
    PGconn *conn = sl_pg_handle(pg);
    PGresult *result = NULL;
    int rc = PQputCopyEnd(conn, failed ? "the file could not be read" : NULL) == 1 ? 0 : sl_pg_fail(pg, NULL, err);
    struct sl_error later = {0}; /* the first of several counts */
    int end;
    while ((end = sl_pg_result(pg, &result, &later)) == 0 && result) {
        if (PQresultStatus(result) == PGRES_COMMAND_OK)
            *rows = strtoll(PQcmdTuples(result), NULL, 10);
        else if (rc == 0)
            rc = blame_file(result, sl_pg_fail(pg, result, err), err);
        PQclear(result);
    }
    if (rc == 0 && end < 0 && err)
        *err = later;
    return rc ? rc : end;
}

static int begin(struct sl_pg *pg, const char *schema, const char *table, bool frozen, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    sl_sql_text(&sql, "COPY ");
    sl_sql_table(&sql, schema, table);
    sl_sql_text(&sql, frozen ? " FROM STDIN (FORMAT binary, FREEZE)" : " FROM STDIN (FORMAT binary)");
    int rc = sl_sql_check(&sql, err);
    if (rc)
        return rc;
    return sl_pg_copy_in(pg, sql.buf.data, err);
}

int sl_postgis__copy(struct sl_pg *pg, const char *schema, const char *table, bool frozen,
                     struct ArrowArrayStream *stream, int64_t *rows, struct sl_error *err)
{
    struct copy c = {.pg = pg};
    struct sl_error later = {0};
    int64_t stored = 0;
    int rc = begin(pg, schema, table, frozen, err);
    if (rc)
        return rc;
    sl_buf_init(&c.out, BUFFER_MAX_BYTES);
    read_schema(&c, stream);
    rc = send_all(&c, stream, err);
    int end = finish(pg, rc != 0, &stored, &later);
    free(c.columns);
    sl_buf_free(&c.out);
    if (rc == 0 && end == 0)
        *rows = stored;
    /* Why a server takes no more is in its answer. */
    if (end == 0 || c.unreadable)
        return rc;
    if (err)
        *err = later;
    return end;
}
