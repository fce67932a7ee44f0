/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml.h - one YAML document by libyaml into the same tree as JSON, with line and column.
 *
 * Scalars by the YAML 1.2 core schema: plain `true`, `false`, `null`, `~`, integers and floats have their type, every
 * quoted scalar is a string, and `yes`, `no`, `on` stay strings. Aliases are resolved by copy within the limits;
 * tags other than the core ones, merge keys, duplicate and non-scalar keys, several documents are refused (yaml.*).
 */
#ifndef SLUICE_YAML_YAML_H
#define SLUICE_YAML_YAML_H

#include <stddef.h>

#include <sluice/error.h>

#include "json/json.h"

int sl_yaml_parse(const char *name, const char *text, size_t bytes, const struct sl_json_limits *limits,
                  struct sl_doc **out, struct sl_error *err);
int sl_yaml_parse_file(const char *path, const struct sl_json_limits *limits, struct sl_doc **out,
                       struct sl_error *err);

#endif
