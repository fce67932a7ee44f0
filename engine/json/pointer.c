/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "json/json.h"
#include "json/token.h"

bool sl_json__token_next(const char **pointer, struct sl_buf *token)
{
    const char *p = *pointer;
    sl_buf_clear(token);
    if (*p++ != '/')
        return false;
    for (; *p && *p != '/'; p++) {
        if (*p != '~') {
            sl_buf_putc(token, *p);
            continue;
        }
        p++;
        if (*p != '0' && *p != '1')
            return false;
        sl_buf_putc(token, *p == '0' ? '~' : '/');
    }
    *pointer = p;
    return true;
}

bool sl_json__token_index(const char *token, size_t *index)
{
    size_t n = 0;
    if (!*token || (token[0] == '0' && token[1]) || strlen(token) > 18)
        return false;
    for (; *token; token++) {
        if (*token < '0' || *token > '9')
            return false;
        n = n * 10 + (size_t)(*token - '0');
    }
    *index = n;
    return true;
}

void sl_json_pointer_add(struct sl_buf *pointer, const char *token)
{
    sl_buf_putc(pointer, '/');
    for (; *token; token++) {
        if (*token == '~')
            sl_buf_puts(pointer, "~0");
        else if (*token == '/')
            sl_buf_puts(pointer, "~1");
        else
            sl_buf_putc(pointer, *token);
    }
}

bool sl_json_pointer_get(struct json_object *root, const char *pointer, struct json_object **out)
{
    struct json_object *at = root;
    SL_CLEANUP(sl_buf_free) struct sl_buf token;
    sl_buf_init(&token, SIZE_MAX / 2);
    while (*pointer) {
        size_t index;
        if (!sl_json__token_next(&pointer, &token))
            return false;
        if (json_object_is_type(at, json_type_object)) {
            if (!json_object_object_get_ex(at, token.data, &at))
                return false;
        } else if (json_object_is_type(at, json_type_array)) {
            if (!sl_json__token_index(token.data, &index) || index >= json_object_array_length(at))
                return false;
            at = json_object_array_get_idx(at, index);
        } else {
            return false;
        }
    }
    *out = at;
    return true;
}
