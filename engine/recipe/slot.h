/* SPDX-License-Identifier: Apache-2.0 */
/* slot.h - inside of recipe/: one option being bound (options.c), and the lists among them (options_lists.c). */
#ifndef SLUICE_RECIPE_SLOT_H
#define SLUICE_RECIPE_SLOT_H

#include "recipe/binder.h"

struct sl_slot {
    struct sl_binder *b;
    const struct sl_option *option;
    const char *pointer;
    void *at;         /* where its C value goes */
    const char *from; /* the parameter that the value came from, or NULL */
};

enum sl_code sl_slot__wrong_code(const struct sl_slot *s);
const char *sl_slot__origin(const struct sl_slot *s); /* " (parameter "p")", or "" */
void sl_slot__expected(const struct sl_slot *s, struct json_object *value); /* the problem "expected …, found …" */
const char *sl_slot__choices(struct sl_arena *arena, const struct sl_option *o); /* "one of a, b" */
bool sl_slot__column_name(struct json_object *value);
/* Puts a parameter's value in place of "${name}". *known false: it has none yet. false: a problem was told. */
bool sl_slot__resolve(struct sl_slot *s, struct json_object **value, bool *known);

/* Each puts the C value at s->at, or tells a problem and returns false. */
bool sl_slot__number(const struct sl_slot *s, struct json_object *value);
bool sl_slot__columns(const struct sl_slot *list, struct json_object *value);
bool sl_slot__map(const struct sl_slot *map, struct json_object *value);
bool sl_slot__values(const struct sl_slot *list, struct json_object *value);
bool sl_slot__bounds(const struct sl_slot *bounds, struct json_object *value);

#endif
