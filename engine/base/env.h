/* SPDX-License-Identifier: Apache-2.0 */
/* env.h - the one way to the environment. A test installs its own; NULL brings the process's back. */
#ifndef SLUICE_BASE_ENV_H
#define SLUICE_BASE_ENV_H

/* pairs: NAME, value, NAME, value, …, NULL; must outlive the use. */
void sl_env_set(const char *const *pairs);
/* The value, or NULL; empty counts as unset. */
const char *sl_env(const char *name);

#endif
