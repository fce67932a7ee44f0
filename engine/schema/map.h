/* SPDX-License-Identifier: Apache-2.0 */
/* map.h - strings or addresses to pointers; keys are borrowed, nothing is ever removed. */
#ifndef SLUICE_SCHEMA_MAP_H
#define SLUICE_SCHEMA_MAP_H

#include <stddef.h>

struct sl_schema__map {
    struct sl_schema__slot {
        const void *key;
        void *value;
    } *slots;
    size_t n, capacity;
};

void *sl_schema__map_get(const struct sl_schema__map *map, const char *key); /* NULL: not there */
void sl_schema__map_put(struct sl_schema__map *map, const char *key, void *value);
void *sl_schema__map_get_address(const struct sl_schema__map *map, const void *key);
void sl_schema__map_put_address(struct sl_schema__map *map, const void *key, void *value);
void sl_schema__map_free(struct sl_schema__map *map);

#endif
