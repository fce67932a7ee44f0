/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/facts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct json_object *sl_lake_number(double value)
{
    char text[32];
    if (!isfinite(value))
        return NULL;
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return json_object_new_double_s(value, text);
}

struct json_object *sl_lake_numbers(const double *values, size_t n)
{
    struct json_object *array = json_object_new_array();
    for (size_t i = 0; i < n; i++)
        json_object_array_add(array, sl_lake_number(values[i]));
    return array;
}
