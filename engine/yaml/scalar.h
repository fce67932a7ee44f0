/* SPDX-License-Identifier: Apache-2.0 */
/* scalar.h - which value a scalar's text stands for (YAML 1.2.2, 10.3, the core schema). */
#ifndef SLUICE_YAML_SCALAR_H
#define SLUICE_YAML_SCALAR_H

#include <stddef.h>

#include <json-c/json.h>

enum sl_yaml__type {
    SL_YAML__STR,
    SL_YAML__NULL,
    SL_YAML__BOOL,
    SL_YAML__INT,
    SL_YAML__FLOAT,
    SL_YAML__NO_JSON /* .inf and .nan */
};

/* What plain text is. */
enum sl_yaml__type sl_yaml__type(const char *text, size_t bytes);
/* The value of text that is of that type, owned by the caller (NULL for null); NULL for a number out of range too. */
struct json_object *sl_yaml__value(enum sl_yaml__type type, const char *text, size_t bytes);

#endif
