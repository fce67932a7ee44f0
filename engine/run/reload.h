/* SPDX-License-Identifier: Apache-2.0 */
/* reload.h - recipes read again while the engine runs. Internal to run/. */
#ifndef SLUICE_RUN_RELOAD_H
#define SLUICE_RUN_RELOAD_H

#include "run/run.h"

/* Reads the folders again and puts the new set in the old one's place; nothing of the old one may be in use. With an error
 * in any recipe the old set stays and err has the first problem. *changes (the caller owns it) is
 * {added: [name], removed: [name], changed: [name]}. */
int sl_recipes_reload(struct sl_engine *engine, struct json_object **changes, struct sl_error *err);
/* The same, told in the log. */
void sl_recipes_reload_logged(struct sl_engine *engine);

#endif
