/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template.h - SQL with holes: {{input}}, {{geom}}, {{role.NAME}} and ${param}.
 *
 * Parsed with SQL's own quoting rules ('…', "…", E'…', $tag$…$tag$, comments): a hole inside of a quoted piece or
 * touching a word or a quote, a semicolon, an unclosed quote, parentheses that do not match, two texts side by side
 * (they would become one) or an unknown hole is an error, so that the text stays inside of the parentheses that a
 * builder puts around it. Comments are left out. {{…}} become quoted identifiers, ${…} become literals of the
 * parameter's type (a column's name: an identifier); nothing is ever spliced as text.
 */
#ifndef SLUICE_RECIPE_TEMPLATE_H
#define SLUICE_RECIPE_TEMPLATE_H

#include <stdbool.h>

#include <sluice/error.h>
#include <sluice/sys/step.h>

struct sl_recipe_param;

/* params: which ${names} are declared; values: their values, NULL while only linting. The arena owns the template. */
int sl_template_parse(const char *text, const struct sl_recipe_param *params, size_t n_params,
                      struct json_object *values, struct sl_arena *arena, const struct sl_template **out,
                      struct sl_error *err);
bool sl_template_has_input(const struct sl_template *template_);
bool sl_template_has_table(const struct sl_template *template_); /* the input or a role's */
bool sl_template_has_geometry(const struct sl_template *template_); /* {{geom}} */
/* The roles whose tables it reads, each once; returns how many. */
size_t sl_template_roles(const struct sl_template *template_, struct sl_table_ref out[SL_STEP_TABLES_MAX]);
/* Appends the text with its holes filled. */
int sl_template_print(const struct sl_template *template_, const struct sl_step_context *context, struct sl_sql *out,
                      struct sl_error *err);

#endif
