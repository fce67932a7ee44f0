/* SPDX-License-Identifier: Apache-2.0 */
#include "config/settings.h"

int sl_config_show(const struct sl_config *config,
                   int (*show)(void *data, const struct sl_config_entry *entry, struct sl_error *err), void *data,
                   struct sl_error *err)
{
    for (size_t i = 0; i < sl_config__n_settings; i++) {
        const struct sl_config_entry entry = {.key = sl_config__settings[i].key,
                                              .value = config->origins->of[i].shown,
                                              .origin = config->origins->of[i].origin,
                                              .help = sl_config__settings[i].help};
        int rc = show(data, &entry, err);
        if (rc)
            return rc;
    }
    return 0;
}
