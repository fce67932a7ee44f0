/* SPDX-License-Identifier: Apache-2.0 */
#include "source/spec_tables.h"

#include <stddef.h>

const char *const sl_source_types[] = {"bigint",   "double",   "varchar",   "boolean",   "timestamp",
                                       "bigint[]", "double[]", "varchar[]", "boolean[]", NULL};
const char *const sl_source_drifts[] = {"evolve", "freeze", "discard_value", "discard_row", NULL};
static const char *const kinds[] = {"pages", "job", NULL};
static const char *const auths[] = {"header", "query", "basic", "bearer", NULL};

#define TABLE(items_, type) {.items = items_, .n = sizeof items_ / sizeof *items_, .struct_bytes = sizeof(type)}
#define OPTIONAL            .default_json = "null"

/* clang-format off */
#define AT(member) .offset = offsetof(struct sl_source_spec, member)
static const struct sl_option items[] = {
    {.name = "apiVersion", .type = SL_OPT_STRING, AT(api_version), .help = "The version of this format: sluice/v1."},
    {.name = "kind", .type = SL_OPT_STRING, AT(kind_word), .help = "Source."},
    {.name = "name", .type = SL_OPT_STRING, AT(name), .help = "The source's name: 1 to 63 of a-z, 0-9 and \"_\", a letter first."},
    {.name = "version", .type = SL_OPT_INTEGER, AT(version), .bounded_below = true, .minimum = 1, .help = "Counts up whenever the records change; an integer ≥ 1."},
    {.name = "description", .type = SL_OPT_STRING, OPTIONAL, AT(description), .help = "What comes from where, a sentence."},
    {.name = "dataset", .type = SL_OPT_STRING, AT(dataset), .help = "The dataset that the records are put to."},
    {.name = "intent", .type = SL_OPT_STRING, .default_json = "\"ingest_table\"", AT(intent), .help = "The batches' intent: selects the recipe."},
    {.name = "project", .type = SL_OPT_STRING, .default_json = "\"default\"", AT(project), .help = "For the ledger."},
    {.name = "zone", .type = SL_OPT_STRING, .default_json = "\"UTC\"", AT(zone), .help = "Of times that have none of their own: UTC, +05:30 or a name such as Europe/Berlin."},
    {.name = "params", .type = SL_OPT_JSON, OPTIONAL, AT(params_json), .help = "Values that a run may be given, by name; written ${name} in the request."},
    {.name = "request", .type = SL_OPT_JSON, AT(request_json), .help = "What is asked of the server."},
    {.name = "incremental", .type = SL_OPT_JSON, OPTIONAL, AT(incremental_json), .help = "How runs follow each other in time; without it each run fetches all."},
    {.name = "normalise", .type = SL_OPT_JSON, OPTIONAL, AT(normalise), .help = "What is done to each record, in order; one operation an item."},
    {.name = "columns", .type = SL_OPT_MAP, OPTIONAL, AT(columns_map), .choices = sl_source_types, .help = "The table's columns and their types, in their order."},
    {.name = "key", .type = SL_OPT_COLUMNS, OPTIONAL, AT(key), .help = "Columns that tell records apart: of two that are alike in them within one run the later fetched counts."},
    {.name = "schema", .type = SL_OPT_JSON, OPTIONAL, AT(schema), .help = "A JSON Schema (2020-12) that each record has to satisfy after its operations."},
    {.name = "drift", .type = SL_OPT_JSON, OPTIONAL, AT(drift_json), .help = "What becomes of columns and types that were not declared."},
    {.name = "max_bad", .type = SL_OPT_INTEGER, .default_json = "-1", AT(max_bad), .bounded_below = true, .minimum = -1, .help = "More bad records than this fail the run; -1: any number."},
    {.name = "max_bad_share", .type = SL_OPT_NUMBER, .default_json = "0.1", AT(max_bad_share), .bounded_below = true, .bounded_above = true, .minimum = 0, .maximum = 1, .help = "A greater share of bad records fails the run; 1: only bad ones do."},
};
const struct sl_options sl_source__table = TABLE(items, struct sl_source_spec);
#undef AT

#define AT(member) .offset = offsetof(struct sl_source_request, member)
static const struct sl_option request_items[] = {
    {.name = "kind", .type = SL_OPT_ENUM, .default_json = "\"pages\"", AT(kind), .choices = kinds, .help = "pages: of records, as JSON. job: the server works for a while and then has a file."},
    {.name = "base_url", .type = SL_OPT_STRING, OPTIONAL, AT(base_url), .help = "https://host/…, without a query."},
    {.name = "base_url_from", .type = SL_OPT_STRING, OPTIONAL, AT(base_url_from), .help = "The name in the environment or .env of a value that takes its place."},
    {.name = "path", .type = SL_OPT_STRING, .default_json = "\"\"", AT(path), .help = "What follows, with ${name}."},
    {.name = "query", .type = SL_OPT_JSON, OPTIONAL, AT(query), .help = "Names and values, with ${name}; an empty value is left out."},
    {.name = "headers", .type = SL_OPT_JSON, OPTIONAL, AT(headers), .help = "Names and values, with ${name}; an empty value is left out."},
    {.name = "auth", .type = SL_OPT_JSON, OPTIONAL, AT(auth_json), .help = "How the request says who asks."},
    {.name = "pagination", .type = SL_OPT_JSON, OPTIONAL, AT(pagination), .help = "How the next page is asked for: offset, page, cursor or link."},
    {.name = "records", .type = SL_OPT_STRING, .default_json = "\"\"", AT(records), .help = "The JSON Pointer of the list of records; \"\": the document is the list."},
    {.name = "max_pages", .type = SL_OPT_INTEGER, .default_json = "10000", AT(max_pages), .bounded_below = true, .bounded_above = true, .minimum = 1, .maximum = SL_SOURCE_MAX_PAGES, .help = "A run of more pages fails."},
    {.name = "rate", .type = SL_OPT_JSON, OPTIONAL, AT(rate_json), .help = "How many requests the server takes."},
    {.name = "retry", .type = SL_OPT_JSON, OPTIONAL, AT(retry_json), .help = "How often what may pass is tried again: 429, 5xx, time-outs and lost connections."},
    {.name = "timeout", .type = SL_OPT_STRING, .default_json = "\"60s\"", AT(timeout), .help = "The longest silence of the server."},
    {.name = "body", .type = SL_OPT_JSON, OPTIONAL, AT(body), .help = "Of a job: what is posted to the path, with ${name}."},
    {.name = "jobs", .type = SL_OPT_STRING, .default_json = "\"/retrieve/v1/jobs\"", AT(jobs), .help = "Of a job: the path under which jobs are asked about, as <jobs>/<id> and <jobs>/<id>/results (OGC API Processes)."},
    {.name = "file", .type = SL_OPT_STRING, .default_json = "\"result.grib\"", AT(file), .help = "Of a job: what the result is called in the landing zone, with ${name}."},
    {.name = "format", .type = SL_OPT_STRING, .default_json = "\"GRIB\"", AT(format), .help = "Of a job: the result's format, GRIB or NetCDF."},
    {.name = "wait", .type = SL_OPT_STRING, .default_json = "\"6h\"", AT(wait), .help = "Of a job: how long its result is waited for before the run is left to be gone on with."},
};
const struct sl_options sl_source__request_table = TABLE(request_items, struct sl_source_request);
#undef AT

#define AT(member) .offset = offsetof(struct sl_source_auth_options, member)
static const struct sl_option auth_items[] = {
    {.name = "kind", .type = SL_OPT_ENUM, AT(kind), .choices = auths, .help = "Where the secret goes."},
    {.name = "name", .type = SL_OPT_STRING, OPTIONAL, AT(name), .help = "Of the header or the query's member."},
    {.name = "secret", .type = SL_OPT_STRING, AT(secret), .help = "The name in the environment or .env of the secret; never the secret itself."},
    {.name = "user", .type = SL_OPT_STRING, .default_json = "\"\"", AT(user), .help = "Of basic authentication."},
    {.name = "optional", .type = SL_OPT_BOOL, .default_json = "false", AT(optional), .help = "Ask without it when there is none."},
};
const struct sl_options sl_source__auth_table = TABLE(auth_items, struct sl_source_auth_options);
#undef AT

#define AT(member) .offset = offsetof(struct sl_source_request, rate.member) - offsetof(struct sl_source_request, rate)
static const struct sl_option rate_items[] = {
    {.name = "per_second", .type = SL_OPT_NUMBER, .default_json = "0", AT(per_second), .bounded_below = true, .minimum = 0, .help = "Requests; 0: no limit."},
    {.name = "per_day", .type = SL_OPT_INTEGER, .default_json = "0", AT(per_day), .bounded_below = true, .minimum = 0, .help = "Requests of a day in UTC, of all processes together; 0: no limit."},
};
const struct sl_options sl_source__rate_table = {.items = rate_items, .n = sizeof rate_items / sizeof *rate_items, .struct_bytes = sizeof ((struct sl_source_request *)0)->rate};
#undef AT

#define AT(member) .offset = offsetof(struct sl_source_request, retry.member) - offsetof(struct sl_source_request, retry)
static const struct sl_option retry_items[] = {
    {.name = "attempts", .type = SL_OPT_INTEGER, .default_json = "5", AT(attempts), .bounded_below = true, .bounded_above = true, .minimum = 1, .maximum = 20, .help = "Of a request, with the first."},
    {.name = "base", .type = SL_OPT_STRING, .default_json = "\"1s\"", AT(base), .help = "The wait before the second; it doubles."},
    {.name = "max", .type = SL_OPT_STRING, .default_json = "\"10s\"", AT(max), .help = "The longest wait, unless the server asks for more."},
};
const struct sl_options sl_source__retry_table = {.items = retry_items, .n = sizeof retry_items / sizeof *retry_items, .struct_bytes = sizeof ((struct sl_source_request *)0)->retry};
#undef AT

#define AT(member) .offset = offsetof(struct sl_source_incremental, member)
static const struct sl_option incremental_items[] = {
    {.name = "start", .type = SL_OPT_STRING, AT(start), .help = "Where the first run begins."},
    {.name = "window", .type = SL_OPT_STRING, .default_json = "\"0s\"", AT(window), .help = "The longest time that one run covers, a batch each: 30d; 0s: all at once."},
    {.name = "overlap", .type = SL_OPT_STRING, .default_json = "\"0s\"", AT(overlap), .help = "How far before the last run's end the next one begins, for records that come late."},
    {.name = "lag", .type = SL_OPT_STRING, .default_json = "\"0s\"", AT(lag), .help = "How long before now a run ends."},
};
const struct sl_options sl_source__incremental_table = TABLE(incremental_items, struct sl_source_incremental);
#undef AT

#define AT(member) .offset = offsetof(struct sl_source_drift, member)
static const struct sl_option drift_items[] = {
    {.name = "default", .type = SL_OPT_ENUM, .default_json = "\"evolve\"", AT(fallback), .choices = sl_source_drifts, .help = "evolve: a new column, a wider type. freeze: the run fails. discard_value: the value goes. discard_row: the record is a bad one."},
    {.name = "fields", .type = SL_OPT_MAP, OPTIONAL, AT(fields), .choices = sl_source_drifts, .help = "The same for single columns."},
};
const struct sl_options sl_source__drift_table = TABLE(drift_items, struct sl_source_drift);
#undef AT

#define AT(member) .offset = offsetof(struct sl_source_paging_options, member)
#define LIMIT(word) {.name = "limit", .type = SL_OPT_INTEGER, .default_json = "1000", AT(limit), .bounded_below = true, .bounded_above = true, .minimum = 1, .maximum = 1000000, .help = "Records of a page."}, \
    {.name = "limit_param", .type = SL_OPT_STRING, .default_json = word, AT(limit_param), .help = "The query's member that says so; \"\": none."}
static const struct sl_option offset_items[] = {
    LIMIT("\"limit\""),
    {.name = "offset_param", .type = SL_OPT_STRING, .default_json = "\"offset\"", AT(at_param), .help = "The query's member with the place of the first record."},
    {.name = "first", .type = SL_OPT_INTEGER, .default_json = "0", AT(first), .bounded_below = true, .minimum = 0, .help = "The place of the very first: 0 or 1."},
    {.name = "total", .type = SL_OPT_STRING, OPTIONAL, AT(total), .help = "The JSON Pointer of the number of all records."},
};
static const struct sl_option page_items[] = {
    LIMIT("\"limit\""),
    {.name = "page_param", .type = SL_OPT_STRING, .default_json = "\"page\"", AT(at_param), .help = "The query's member with the number of the page."},
    {.name = "first", .type = SL_OPT_INTEGER, .default_json = "1", AT(first), .bounded_below = true, .minimum = 0, .help = "The number of the first page."},
    {.name = "total", .type = SL_OPT_STRING, OPTIONAL, AT(total), .help = "The JSON Pointer of the number of all pages."},
};
static const struct sl_option cursor_items[] = {
    LIMIT("\"limit\""),
    {.name = "cursor_param", .type = SL_OPT_STRING, .default_json = "\"cursor\"", AT(at_param), .help = "The query's member with the cursor."},
    {.name = "next", .type = SL_OPT_STRING, AT(next), .help = "The JSON Pointer of the next page's cursor; nothing there: it was the last."},
};
static const struct sl_option link_items[] = {
    LIMIT("\"\""),
};
#undef AT
const struct sl_source__paging sl_source__pagings[] = {
    {"offset", "the place of the first record", SL_PAGING_OFFSET, TABLE(offset_items, struct sl_source_paging_options)},
    {"page", "the number of the page", SL_PAGING_PAGE, TABLE(page_items, struct sl_source_paging_options)},
    {"cursor", "what the page before says", SL_PAGING_CURSOR, TABLE(cursor_items, struct sl_source_paging_options)},
    {"link", "the header Link with rel=next, of the same server", SL_PAGING_LINK, TABLE(link_items, struct sl_source_paging_options)},
    {NULL, NULL, SL_PAGING_NONE, {0}},
};
/* clang-format on */
