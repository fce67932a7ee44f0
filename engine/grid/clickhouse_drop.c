/* SPDX-License-Identifier: Apache-2.0 */
/* Loads are taken away, and those are found that nobody has taken away. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/uuid7.h"
#include "grid/clickhouse_internal.h"

struct names {
    struct sl_arena *arena;
    char **items;
    size_t n, room;
};

static int keep_name(void *data, char *const *columns, size_t n, struct sl_error *err)
{
    struct names *names = data;
    (void)n, (void)err;
    if (names->n == names->room) {
        size_t room = names->room ? 2 * names->room : 64;
        char **items = sl_arena_array(names->arena, room, sizeof *items);
        if (names->n)
            memcpy(items, names->items, names->n * sizeof *items);
        names->items = items;
        names->room = room;
    }
    names->items[names->n++] = sl_arena_strdup(names->arena, columns[0]);
    return 0;
}

int sl_clickhouse__drop(struct sl_clickhouse *ch, const char *load_id, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct names stages = {.arena = arena};
    char hex[SL_CLICKHOUSE__HEX_BYTES], sql[512];
    if (!sl_uuid_valid(load_id))
        return sl_fail(err, SL_E_INTERNAL, "\"%s\" is no load's id", load_id);
    sl_clickhouse__hex(load_id, hex);
    int rc = sl_clickhouse__execf(ch, err, "ALTER TABLE grid_data DROP PARTITION (%" PRIu64 ", 0)",
                                  sl_clickhouse_load(load_id));
    rc = rc < 0 ? rc : sl_clickhouse__execf(ch, err, "ALTER TABLE grid_fields DROP PARTITION '%s'", load_id);
    snprintf(sql, sizeof sql,
             "SELECT name FROM system.tables WHERE database = currentDatabase() AND"
             " (startsWith(name, 'grid_stage_%s_') OR startsWith(name, 'grid_fields_stage_%s_'))",
             hex, hex);
    rc = rc < 0 ? rc : sl_clickhouse_query(ch, sql, keep_name, &stages, err);
    for (size_t i = 0; rc == 0 && i < stages.n; i++)
        rc = sl_clickhouse__execf(ch, err, "DROP TABLE IF EXISTS `%.120s`", stages.items[i]);
    return rc;
}

/* A load's id in what ClickHouse calls a partition, or a staging table. */
static bool id_of(const char *text, char out[SL_UUID_TEXT_BYTES])
{
    size_t n = 0;
    const char *p = sl_text_starts(text, "grid_stage_")          ? text + strlen("grid_stage_")
                    : sl_text_starts(text, "grid_fields_stage_") ? text + strlen("grid_fields_stage_")
                                                                 : text + strspn(text, "('");
    for (; *p && *p != '\'' && *p != '_' && n < SL_UUID_TEXT_BYTES - 1; p++) {
        if (*p != '-' && (n == 8 || n == 13 || n == 18 || n == 23))
            out[n++] = '-';
        if (n < SL_UUID_TEXT_BYTES - 1)
            out[n++] = *p;
    }
    out[n] = '\0';
    return sl_uuid_valid(out);
}

/* Ids of loads, as the list of fields, staging tables and rows that the list does not have say them, or as the list of
 * fields has them for a batch. Rows come after their fields and go before them: those without are nobody's. */
static int find_loads(struct sl_clickhouse *ch, const char *batch_id, struct names *found, struct sl_error *err)
{
    static const char all[] =
        "SELECT DISTINCT name FROM (SELECT partition AS name FROM system.parts WHERE database = currentDatabase() AND"
        " active AND table = 'grid_fields' UNION ALL SELECT DISTINCT load_id AS name FROM grid_data WHERE load IN "
        "(SELECT"
        " toUInt64(extract(partition, '[0-9]+')) AS number FROM system.parts WHERE database = currentDatabase() AND "
        "active"
        " AND table = 'grid_data' AND number NOT IN (SELECT load FROM grid_fields)) UNION ALL SELECT name FROM"
        " system.tables WHERE database = currentDatabase() AND (startsWith(name, 'grid_stage_') OR startsWith(name,"
        " 'grid_fields_stage_')))";
    SL_CLEANUP(sl_buf_free) struct sl_buf sql;
    sl_buf_init(&sql, 4096);
    if (!batch_id)
        return sl_clickhouse_query(ch, all, keep_name, found, err);
    sl_buf_puts(&sql, "SELECT DISTINCT load_id FROM grid_fields WHERE batch_id = ");
    sl_clickhouse_quote(&sql, batch_id);
    int rc = sl_buf_check(&sql, "a question to ClickHouse", err);
    return rc < 0 ? rc : sl_clickhouse_query(ch, sql.data, keep_name, found, err);
}

int sl_clickhouse__sweep(struct sl_clickhouse *ch, const char *batch_id,
                         int (*visit)(void *data, const char *load_id, struct sl_error *err), void *data,
                         struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct names found = {.arena = arena}, loads = {.arena = arena};
    char id[SL_UUID_TEXT_BYTES], *const one[] = {id};
    int rc = find_loads(ch, batch_id, &found, err);
    for (size_t i = 0; rc == 0 && i < found.n; i++) {
        bool known = !id_of(found.items[i], id);
        for (size_t k = 0; !known && k < loads.n; k++)
            known = !strcmp(loads.items[k], id);
        if (!known)
            rc = keep_name(&loads, one, 1, err);
    }
    for (size_t i = 0; rc == 0 && i < loads.n; i++) {
        rc = visit(data, loads.items[i], err);
        rc = rc == 1 ? sl_clickhouse__drop(ch, loads.items[i], err) : rc;
    }
    return rc < 0 ? rc : 0;
}
