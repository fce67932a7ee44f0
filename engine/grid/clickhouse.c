/* SPDX-License-Identifier: Apache-2.0 */
#include "grid/clickhouse.h"
#include "grid/clickhouse_internal.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/retry.h"

struct sl_clickhouse {
    struct sl_clickhouse_target target;
    struct sl_http_options http_options;
    struct sl_http *http;
    int64_t rows_read;
};

int sl_clickhouse_open(const struct sl_clickhouse_target *target, struct sl_clickhouse **out, struct sl_error *err)
{
    struct sl_clickhouse *ch = sl_xcalloc(1, sizeof *ch);
    ch->target = *target;
    ch->rows_read = -1;
    ch->http_options = (struct sl_http_options){
        .ca_file = target->ca_file, .connect_ms = target->timeout_ms, .silence_ms = target->timeout_ms};
    int rc = sl_http_new(&ch->http_options, &ch->http, err);
    if (rc < 0) {
        free(ch);
        return rc;
    }
    *out = ch;
    return 0;
}

void sl_clickhouse_close(struct sl_clickhouse *ch)
{
    if (!ch)
        return;
    sl_http_free(ch->http);
    free(ch);
}

void sl_clickhouse_closep(struct sl_clickhouse **ch)
{
    sl_clickhouse_close(*ch);
}

const struct sl_clickhouse_target *sl_clickhouse_of(const struct sl_clickhouse *ch)
{
    return &ch->target;
}

int64_t sl_clickhouse_rows_read(const struct sl_clickhouse *ch)
{
    return ch->rows_read;
}

/* ---- what an answer means ---- */

/* ClickHouse's own numbers (ErrorCodes.cpp), which old and new servers share. */
static const struct {
    int number;
    enum sl_code code;
} meanings[] = {
    {192, SL_E_CLICKHOUSE_DENIED},      /* unknown user */
    {193, SL_E_CLICKHOUSE_DENIED},      /* wrong password */
    {194, SL_E_CLICKHOUSE_DENIED},      /* required password */
    {195, SL_E_CLICKHOUSE_DENIED},      /* address not allowed */
    {516, SL_E_CLICKHOUSE_DENIED},      /* authentication failed */
    {291, SL_E_CLICKHOUSE_DENIED},      /* database access denied */
    {497, SL_E_CLICKHOUSE_DENIED},      /* access denied */
    {164, SL_E_CLICKHOUSE_DENIED},      /* readonly */
    {81, SL_E_CLICKHOUSE_DENIED},       /* unknown database */
    {243, SL_E_DISK_FULL},              /* not enough space */
    {159, SL_E_CLICKHOUSE_UNAVAILABLE}, /* timeout exceeded */
    {160, SL_E_CLICKHOUSE_UNAVAILABLE}, /* too slow */
    {202, SL_E_CLICKHOUSE_UNAVAILABLE}, /* too many simultaneous queries */
    {203, SL_E_CLICKHOUSE_UNAVAILABLE}, /* no free connection */
    {209, SL_E_CLICKHOUSE_UNAVAILABLE}, /* socket timeout */
    {210, SL_E_CLICKHOUSE_UNAVAILABLE}, /* network error */
    {236, SL_E_CLICKHOUSE_UNAVAILABLE}, /* aborted */
    {241, SL_E_CLICKHOUSE_UNAVAILABLE}, /* memory limit exceeded */
    {242, SL_E_CLICKHOUSE_UNAVAILABLE}, /* table is read only */
    {252, SL_E_CLICKHOUSE_UNAVAILABLE}, /* too many parts */
    {290, SL_E_CLICKHOUSE_UNAVAILABLE}, /* limit exceeded */
    {394, SL_E_CLICKHOUSE_UNAVAILABLE}, /* query was cancelled */
    {999, SL_E_CLICKHOUSE_UNAVAILABLE}, /* keeper */
};

/* "Code: 193, e.displayText() = DB::Exception: Wrong password for user x, e.what() = …" and newer forms of it: the
 * sentence. */
static void sentence(const char *body, int *number, char *out, size_t bytes)
{
    *number = 0;
    const char *at = strstr(body, "Code: ");
    if (at)
        *number = atoi(at + 6);
    const char *text = strstr(body, "DB::Exception: ");
    text = text ? text + 15 : body;
    const char *end = strstr(text, ", e.what()");
    size_t n = end ? (size_t)(end - text) : strcspn(text, "\n");
    while (n && isspace((unsigned char)text[n - 1]))
        n--;
    /* One line, lower case at its front. */
    snprintf(out, bytes, "%.*s", (int)(n < 400 ? n : 400), text);
    for (char *p = out; *p; p++)
        if (*p == '\n' || *p == '\r' || *p == '\t')
            *p = ' ';
    if (isupper((unsigned char)out[0]) && !isupper((unsigned char)out[1]))
        out[0] = (char)tolower((unsigned char)out[0]);
}

static int refused(const struct sl_clickhouse *ch, const struct sl_http_response *r, struct sl_error *err)
{
    char text[512];
    int number;
    sentence(r->body.data, &number, text, sizeof text);
    enum sl_code code = sl_retry_status(r->status) && !number ? SL_E_CLICKHOUSE_UNAVAILABLE : SL_E_CLICKHOUSE;
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].number == number)
            code = meanings[i].code;
    if (strstr(r->body.data, "No space left on device"))
        code = SL_E_DISK_FULL;
    int rc = sl_fail(err, code, "%s: %s", ch->target.name, text[0] ? text : "it refused without a word");
    if (code == SL_E_CLICKHOUSE_DENIED)
        sl_error_hint(
            err, "clickhouse.user, clickhouse.password and clickhouse.database must be one that may make tables there");
    else if (code == SL_E_DISK_FULL)
        sl_error_hint(err, "free some space where ClickHouse keeps its data");
    return rc;
}

static int lost(const struct sl_clickhouse *ch, struct sl_error *err)
{
    if (!err || err->code != SL_E_NET)
        return err ? -(int)err->code : -(int)SL_E_NET;
    struct sl_error why = *err;
    int rc = sl_fail(err, SL_E_CLICKHOUSE_UNAVAILABLE, "clickhouse: %s", why.message);
    sl_error_hint(err, "%s", why.hint[0] ? why.hint : "sluice doctor");
    (void)ch;
    return rc;
}

/* ---- requests ---- */

/* "read_rows":"1024" of the server's summary. */
static void note_read(struct sl_clickhouse *ch, const struct sl_http_response *r)
{
    const char *summary = sl_http_header(r, "x-clickhouse-summary");
    if (!summary)
        summary = sl_http_header(r, "x-clickhouse-progress");
    const char *at = summary ? strstr(summary, "\"read_rows\":\"") : NULL;
    ch->rows_read = at ? strtoll(at + 13, NULL, 10) : -1;
}

static void percent(struct sl_buf *url, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (isalnum(*p) || strchr("-._~", *p))
            sl_buf_putc(url, (char)*p);
        else
            sl_buf_printf(url, "%%%02X", *p);
}

enum { URL_BYTES = 16384 };

static int once(struct sl_clickhouse *ch, const char *database, const char *extra, const char *query,
                const struct sl_http_body *body, struct sl_http_transfer *t, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf url;
    sl_buf_init(&url, URL_BYTES);
    sl_buf_printf(&url, "%s/?database=", ch->target.url);
    percent(&url, database);
    sl_buf_puts(&url, extra);
    if (query) {
        sl_buf_puts(&url, "&query=");
        percent(&url, query);
    }
    int rc = sl_buf_check(&url, "address of a query", err);
    if (rc < 0)
        return rc;
    const struct sl_http_header headers[] = {{"X-ClickHouse-User", ch->target.user},
                                             {"X-ClickHouse-Key", ch->target.password},
                                             {"Content-Type", "application/octet-stream"}};
    *t = (struct sl_http_transfer){.method = "POST",
                                   .url = url.data,
                                   .headers = headers,
                                   .n_headers = 3,
                                   .body = *body,
                                   .max_body = SL_CLICKHOUSE_ANSWER_BYTES};
    rc = sl_http_perform(ch->http, t, err);
    t->url = NULL;
    if (rc < 0)
        return lost(ch, err);
    if (t->response.status != 200)
        return refused(ch, &t->response, err);
    note_read(ch, &t->response);
    return 0;
}

/* wait_end_of_query: an error that comes late is told by the status, not in the middle of the rows. */
#define SETTINGS "&wait_end_of_query=1&allow_experimental_low_cardinality_type=1"

static int ask(struct sl_clickhouse *ch, const char *database, const char *sql, struct sl_http_transfer *t,
               struct sl_error *err)
{
    const struct sl_retry_policy policy = {.retries = ch->target.retries, .base_ms = 200, .max_ms = 5000};
    const struct sl_http_body body = {.source = SL_HTTP_BYTES, .bytes = sql, .n = (int64_t)strlen(sql)};
    struct sl_retry retry;
    sl_retry_begin(&retry, &policy);
    for (;;) {
        int rc = once(ch, database, SETTINGS, NULL, &body, t, err);
        int64_t wait_ms = rc == -SL_E_CLICKHOUSE_UNAVAILABLE ? sl_retry_next(&retry, t->response.retry_after_ms) : -1;
        if (wait_ms < 0)
            return rc;
        sl_http_response_free(&t->response);
        sl_error_clear(err);
        sl_clock_sleep_ns(wait_ms * SL_NS_PER_MS);
    }
}

static int exec_in(struct sl_clickhouse *ch, const char *database, const char *sql, struct sl_error *err)
{
    struct sl_error own = {0};
    struct sl_http_transfer t = {0};
    int rc = ask(ch, database, sql, &t, err ? err : &own);
    sl_http_response_free(&t.response);
    return rc;
}

int sl_clickhouse_exec(struct sl_clickhouse *ch, const char *sql, struct sl_error *err)
{
    return exec_in(ch, ch->target.database, sql, err);
}

int sl_clickhouse__execf(struct sl_clickhouse *ch, struct sl_error *err, const char *fmt, ...)
{
    char sql[1024];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(sql, sizeof sql, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof sql)
        return sl_fail(err, SL_E_INTERNAL, "a statement for ClickHouse is too long");
    return sl_clickhouse_exec(ch, sql, err);
}

void sl_clickhouse__hex(const char *load_id, char out[SL_CLICKHOUSE__HEX_BYTES])
{
    size_t n = 0;
    for (const char *p = load_id; *p && n < SL_CLICKHOUSE__HEX_BYTES - 1; p++)
        if (*p != '-')
            out[n++] = *p;
    out[n] = '\0';
}

uint64_t sl_clickhouse_load(const char *load_id)
{
    char hex[SL_CLICKHOUSE__HEX_BYTES];
    sl_clickhouse__hex(load_id, hex);
    return strlen(hex) == 32 ? strtoull(hex + 16, NULL, 16) : 0;
}

/* The statement that makes the database cannot be asked in it. */
int sl_clickhouse__make_database(struct sl_clickhouse *ch, struct sl_error *err);
int sl_clickhouse__make_database(struct sl_clickhouse *ch, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf sql;
    sl_buf_init(&sql, 4096);
    sl_buf_puts(&sql, "CREATE DATABASE IF NOT EXISTS ");
    sl_clickhouse_name(&sql, ch->target.database);
    int rc = sl_buf_check(&sql, "name of a database", err);
    return rc < 0 ? rc : exec_in(ch, "default", sql.data, err);
}

int sl_clickhouse_insert(struct sl_clickhouse *ch, const char *sql,
                         int64_t (*read)(void *data, void *out, size_t room, struct sl_error *err), void *data,
                         bool framed, struct sl_error *err)
{
    const struct sl_http_body body = {.source = SL_HTTP_STREAM, .read = read, .data = data};
    struct sl_error own = {0};
    struct sl_http_transfer t = {0};
    /* Frames carry no sums of ours: TCP and TLS have theirs, and what has arrived is counted before anybody sees it. */
    int rc =
        once(ch, ch->target.database,
             framed ? SETTINGS "&decompress=1&http_native_compression_disable_checksumming_on_decompress=1" : SETTINGS,
             sql, &body, &t, err ? err : &own);
    sl_http_response_free(&t.response);
    return rc;
}

/* ---- rows of an answer ---- */

static char unescaped(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case '0':
        return '\0';
    default:
        return c;
    }
}

/* In place; the text gets shorter only. A NUL in it ends what its reader sees. */
static size_t split(char *line, char **columns)
{
    size_t n = 0;
    char *to = line, *from = line;
    columns[n++] = line;
    for (; *from; from++) {
        if (*from == '\t') {
            *to++ = '\0';
            if (n == SL_CLICKHOUSE_COLUMNS)
                return n;
            columns[n++] = to;
        } else if (*from == '\\' && from[1]) {
            *to++ = unescaped(*++from);
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return n;
}

int sl_clickhouse_query(struct sl_clickhouse *ch, const char *sql, sl_clickhouse_row *visit, void *data,
                        struct sl_error *err)
{
    struct sl_error own = {0};
    struct sl_http_transfer t = {0};
    char *columns[SL_CLICKHOUSE_COLUMNS];
    int rc = ask(ch, ch->target.database, sql, &t, err ? err : &own);
    for (char *line = t.response.body.data; rc == 0 && line && *line;) {
        char *end = strchr(line, '\n'), *next = end ? end + 1 : NULL;
        if (end)
            *end = '\0';
        rc = visit(data, columns, split(line, columns), err);
        line = next;
    }
    sl_http_response_free(&t.response);
    return rc;
}

static int keep_int(void *data, char *const *columns, size_t n, struct sl_error *err)
{
    (void)n, (void)err;
    *(int64_t *)data = strtoll(columns[0], NULL, 10);
    return 0;
}

int sl_clickhouse_int(struct sl_clickhouse *ch, const char *sql, int64_t fallback, int64_t *out, struct sl_error *err)
{
    int64_t found = fallback;
    int rc = sl_clickhouse_query(ch, sql, keep_int, &found, err);
    if (rc == 0)
        *out = found;
    return rc;
}

/* ---- SQL ---- */

static void quoted(struct sl_buf *sql, const char *text, char quote)
{
    sl_buf_putc(sql, quote);
    for (const char *p = text; *p; p++) {
        if (*p == quote || *p == '\\')
            sl_buf_putc(sql, '\\');
        sl_buf_putc(sql, *p);
    }
    sl_buf_putc(sql, quote);
}

void sl_clickhouse_quote(struct sl_buf *sql, const char *text)
{
    quoted(sql, text, '\'');
}

void sl_clickhouse_name(struct sl_buf *sql, const char *name)
{
    quoted(sql, name, '`');
}

void sl_clickhouse_number(struct sl_buf *sql, double value)
{
    if (isnan(value))
        sl_buf_puts(sql, "nan");
    else if (isinf(value))
        sl_buf_puts(sql, value < 0 ? "-inf" : "inf");
    else
        sl_buf_printf(sql, "%.17g", value);
}
