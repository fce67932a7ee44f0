/* SPDX-License-Identifier: Apache-2.0 */
#include "run/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEPARATORS " ,\t\n"

/* One setting as a list of intent=number. */
struct list {
    const char *key, *text;
    int64_t least, most;
    const char *intents[SL_LIMITS_MAX];
    int64_t numbers[SL_LIMITS_MAX];
    size_t n;
};

struct origin {
    const char *key;
    char text[256];
};

static int note_origin(void *data, const struct sl_config_entry *entry, struct sl_error *err)
{
    struct origin *o = data;
    (void)err;
    if (!strcmp(entry->key, o->key))
        snprintf(o->text, sizeof o->text, "%s", entry->origin);
    return 0;
}

static int wrong(const struct sl_config *config, const struct list *l, const char *item, const char *why,
                 struct sl_error *err)
{
    struct origin origin = {.key = l->key, .text = "default"};
    (void)sl_config_show(config, note_origin, &origin, NULL);
    sl_fail(err, SL_E_CONFIG_VALUE, "%s (%s): \"%s\" %s", l->key, origin.text, item, why);
    sl_error_hint(err, "write intent=number, separated by spaces, with numbers from %" PRId64 " to %" PRId64, l->least,
                  l->most);
    return -SL_E_CONFIG_VALUE;
}

/* What is wrong with the item, or NULL when it was entered. */
static const char *add(struct list *l, char *item)
{
    char *equals = strrchr(item, '='), *end = NULL;
    if (!equals || equals == item || !equals[1])
        return "is not intent=number";
    long long number = strtoll(equals + 1, &end, 10);
    if (*end)
        return "has no whole number behind the =";
    if (number < l->least || number > l->most)
        return "has a number that is too small or too large";
    if (l->n == SL_LIMITS_MAX)
        return "is one item too many";
    *equals = '\0';
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->intents[i], item))
            return "is the second for that intent";
    l->intents[l->n] = item;
    l->numbers[l->n++] = number;
    return NULL;
}

static int parse(const struct sl_config *config, struct list *l, struct sl_arena *arena, struct sl_error *err)
{
    char *text = sl_arena_strdup(arena, l->text ? l->text : ""), *rest = NULL;
    for (char *item = strtok_r(text, SEPARATORS, &rest); item; item = strtok_r(NULL, SEPARATORS, &rest)) {
        const char *shown = sl_arena_strdup(arena, item), *why = add(l, item);
        if (why)
            return wrong(config, l, shown, why, err);
    }
    return 0;
}

int sl_limits_read(const struct sl_config *config, struct sl_arena *arena, struct sl_limits *out, struct sl_error *err)
{
    struct list *limits = sl_arena_alloc(arena, sizeof *limits), *priorities = sl_arena_alloc(arena, sizeof *priorities);
    *limits = (struct list){
        .key = "run.intent_limits", .text = config->run_intent_limits, .least = 1, .most = SL_LIMIT_MOST};
    *priorities = (struct list){.key = "run.intent_priorities",
                                .text = config->run_intent_priorities,
                                .least = -SL_PRIORITY_MOST,
                                .most = SL_PRIORITY_MOST};
    int rc = parse(config, limits, arena, err);
    if (rc == 0)
        rc = parse(config, priorities, arena, err);
    if (rc < 0)
        return rc;
    struct sl_intent_limit *l = sl_arena_array(arena, limits->n + 1, sizeof *l);
    struct sl_intent_priority *p = sl_arena_array(arena, priorities->n + 1, sizeof *p);
    for (size_t i = 0; i < limits->n; i++)
        l[i] = (struct sl_intent_limit){limits->intents[i], limits->numbers[i]};
    for (size_t i = 0; i < priorities->n; i++)
        p[i] = (struct sl_intent_priority){priorities->intents[i], priorities->numbers[i]};
    *out = (struct sl_limits){.most_running = config->run_most_running,
                              .intents = l,
                              .n_intents = limits->n,
                              .priorities = p,
                              .n_priorities = priorities->n};
    return 0;
}

int64_t sl_limits_priority(const struct sl_limits *limits, const char *intent)
{
    for (size_t i = 0; intent && i < limits->n_priorities; i++)
        if (!strcmp(limits->priorities[i].intent, intent))
            return limits->priorities[i].priority;
    return 0;
}

void sl_limits_apply(const struct sl_limits *limits, struct sl_claim *claim)
{
    claim->most_running = limits->most_running;
    claim->limits = limits->intents;
    claim->n_limits = limits->n_intents;
}
