/* SPDX-License-Identifier: Apache-2.0 */
#include "run/event.h"

#include "base/buf.h"
#include "base/file.h"
#include "json/json.h"

enum { EVENT_MAX_BYTES = 64 * 1024 };

struct json_object *sl_event_new(const char *event, const char *batch_id, const char *run_id)
{
    struct json_object *e = json_object_new_object();
    sl_json_put_str(e, "event", event);
    sl_json_put_str(e, "batch_id", batch_id);
    if (run_id && *run_id)
        sl_json_put_str(e, "run_id", run_id);
    return e;
}

void sl_event_send(struct sl_events *events, struct json_object *event)
{
    struct sl_buf line;
    sl_buf_init(&line, EVENT_MAX_BYTES);
    sl_buf_puts(&line, json_object_to_json_string_ext(event, JSON_C_TO_STRING_PLAIN));
    sl_buf_putc(&line, '\n');
    if (events->fd >= 0 && !line.overflow && sl_file_write_all(events->fd, line.data, line.len, NULL) < 0)
        events->fd = -1;
    sl_buf_free(&line);
    json_object_put(event);
}
