/* SPDX-License-Identifier: Apache-2.0 */
/* Records on their way: operations, the schema, the table; or the quarantine, with the reason. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "source/internal.h"

enum { REASONS_SHOWN = 5 };

int sl_intake__open(const struct sl_source_spec *spec, const char *scratch, const char *refused_path, struct sl_intake *out,
                    struct sl_error *err)
{
    struct sl_intake in = {.spec = spec, .arena = sl_arena_new()};
    int rc = sl_rows_open(spec, scratch, &in.rows, err);
    if (rc == 0 && spec->schema) {
        in.schemas = sl_schema_set_new(NULL);
        rc = sl_schema_set_add(in.schemas, "source:record", spec->schema, err);
        if (rc == 0)
            rc = sl_schema_compile(in.schemas, "source:record", &in.schema, err);
    }
    if (rc == 0 && !(in.refused = fopen(refused_path, "w")))
        rc = sl_fail_errno(err, errno, "\"%s\" cannot be written", refused_path);
    if (rc < 0)
        sl_intake__close(&in);
    else
        *out = in;
    return rc;
}

void sl_intake__close(struct sl_intake *in)
{
    if (in->refused)
        fclose(in->refused);
    if (in->schemas)
        sl_schema_set_free(in->schemas);
    sl_rows_free(in->rows);
    sl_arena_free(in->arena);
    *in = (struct sl_intake){0};
}

static int refuse(void *data, struct json_object *record, struct sl_error *err)
{
    struct sl_intake *in = data;
    SL_CLEANUP(sl_json_putp) struct json_object *line = json_object_new_object();
    in->records++;
    in->bad++;
    sl_json_put_str(line, "reason", err->message);
    sl_json_put_int(line, "page", in->page);
    sl_json_put_int(line, "index", in->index);
    sl_json_put(line, "record", json_object_get(record));
    sl_error_clear(err);
    const char *text = json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    if (fprintf(in->refused, "%s\n", text) < 0)
        return sl_fail_errno(err, errno, "the quarantine cannot be written");
    return 0;
}

/* All that is wrong with it in one line. */
static bool valid(struct sl_intake *in, struct json_object *record, struct sl_error *why)
{
    struct sl_violations v = {.arena = in->arena, .max = REASONS_SHOWN};
    struct sl_arena *arena = in->arena;
    const char *text = "";
    if (!in->schema || sl_schema_check(in->schema, record, &v))
        return true;
    for (size_t i = 0; i < v.n; i++)
        text = sl_arena_printf(arena, "%s%s%s %s", text, i ? "; " : "", v.items[i].instance_pointer, v.items[i].message);
    sl_fail(why, SL_E_SOURCE_RECORDS, "%s", *text == ' ' ? text + 1 : text);
    sl_arena_free(in->arena);
    in->arena = sl_arena_new();
    return false;
}

static int take(void *data, struct json_object *record, struct sl_error *err)
{
    struct sl_intake *in = data;
    if (!valid(in, record, err))
        return refuse(in, record, err);
    int rc = sl_rows_add(in->rows, record, err);
    if (rc > 0)
        return refuse(in, record, err);
    in->records += rc == 0;
    return rc;
}

int sl_intake__page(struct sl_intake *in, const struct sl_fetched *page, int64_t number, struct sl_error *err)
{
    struct sl_error own, *e = err ? err : &own;
    const struct sl_normalise n = {
        .spec = in->spec, .fetched_ms = page->fetched_ms, .emit = take, .refuse = refuse, .data = in};
    int rc = 0;
    in->page = number;
    for (int64_t i = 0; rc == 0 && i < page->n_records; i++) {
        struct json_object *record = json_object_array_get_idx(page->records, (size_t)i);
        in->index = i;
        if (json_object_is_type(record, json_type_object)) {
            rc = sl_normalise_record(&n, record, e);
        } else {
            sl_fail(e, SL_E_SOURCE_RECORDS, "the record is no object");
            rc = refuse(in, record, e);
        }
        if (rc == 0 && in->spec->max_bad >= 0 && in->bad > in->spec->max_bad)
            rc = sl_intake__judge(in, e);
    }
    return rc;
}

int sl_intake__judge(const struct sl_intake *in, struct sl_error *err)
{
    double share = in->records ? (double)in->bad / (double)in->records : 0;
    bool many = in->spec->max_bad >= 0 && in->bad > in->spec->max_bad;
    if (!many && share <= in->spec->max_bad_share && !(in->bad && in->bad == in->records))
        return 0;
    int rc = sl_fail(err, SL_E_SOURCE_RECORDS, "%" PRId64 " of %" PRId64 " records are bad, more than source %s allows", in->bad,
                     in->records, in->spec->name);
    sl_error_hint(err, "sluice source run %s --dry-run shows why; max_bad and max_bad_share say how many may be", in->spec->name);
    return rc;
}
