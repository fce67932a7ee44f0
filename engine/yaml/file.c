/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "yaml/yaml.h"

int sl_yaml_parse_file(const char *path, const struct sl_json_limits *limits, struct sl_doc **out,
                       struct sl_error *err)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, limits->max_bytes);
    int rc = sl_file_read(path, &text, err);
    if (rc == -(int)SL_E_LIMIT)
        return sl_fail(err, SL_E_YAML_LIMIT, "%s is larger than %zu bytes", path, limits->max_bytes);
    return rc != 0 ? rc : sl_yaml_parse(path, text.data, text.len, limits, out, err);
}
