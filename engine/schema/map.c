/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/map.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

typedef size_t (*hash_fn)(const void *key);
typedef bool (*same_fn)(const void *a, const void *b);

/* FNV-1a. Keys come from schemas, which are the operator's, not from instances. */
static size_t hash_string(const void *key)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (const unsigned char *p = key; *p; p++)
        h = (h ^ *p) * UINT64_C(1099511628211);
    return (size_t)h;
}

static size_t hash_address(const void *key)
{
    uint64_t h = (uint64_t)(uintptr_t)key * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(h >> 20);
}

static bool same_string(const void *a, const void *b)
{
    return !strcmp(a, b);
}

static bool same_address(const void *a, const void *b)
{
    return a == b;
}

static struct sl_schema__slot *find(const struct sl_schema__map *map, const void *key, hash_fn hash, same_fn same)
{
    size_t i = hash(key) & (map->capacity - 1);
    while (map->slots[i].key && !same(map->slots[i].key, key))
        i = (i + 1) & (map->capacity - 1);
    return &map->slots[i];
}

static void *get(const struct sl_schema__map *map, const void *key, hash_fn hash, same_fn same)
{
    return map->capacity ? find(map, key, hash, same)->value : NULL;
}

static void put(struct sl_schema__map *map, const void *key, void *value, hash_fn hash, same_fn same)
{
    if (2 * (map->n + 1) > map->capacity) {
        struct sl_schema__map grown = {.capacity = map->capacity ? map->capacity * 2 : 16, .n = map->n};
        grown.slots = sl_xcalloc(grown.capacity, sizeof *grown.slots);
        for (size_t i = 0; i < map->capacity; i++)
            if (map->slots[i].key)
                *find(&grown, map->slots[i].key, hash, same) = map->slots[i];
        free(map->slots);
        *map = grown;
    }
    struct sl_schema__slot *slot = find(map, key, hash, same);
    map->n += !slot->key;
    *slot = (struct sl_schema__slot){key, value};
}

void *sl_schema__map_get(const struct sl_schema__map *map, const char *key)
{
    return get(map, key, hash_string, same_string);
}

void sl_schema__map_put(struct sl_schema__map *map, const char *key, void *value)
{
    put(map, key, value, hash_string, same_string);
}

void *sl_schema__map_get_address(const struct sl_schema__map *map, const void *key)
{
    return get(map, key, hash_address, same_address);
}

void sl_schema__map_put_address(struct sl_schema__map *map, const void *key, void *value)
{
    put(map, key, value, hash_address, same_address);
}

void sl_schema__map_free(struct sl_schema__map *map)
{
    free(map->slots);
    *map = (struct sl_schema__map){0};
}
