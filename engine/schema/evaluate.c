/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/internal.h"

bool sl_schema__wants_all(const struct frame *f)
{
    return f->ctx->violations != NULL;
}

static bool check_keywords(const struct frame *f)
{
    bool ok = true;
    for (size_t i = 0; i < f->node->n_keywords; i++) {
        const struct keyword *kw = &f->node->keywords[i];
        ok &= kw->kind->check(f, kw);
        /* What follows a wrong type would only say the same in other words. */
        if (!ok && (!sl_schema__wants_all(f) || kw->kind == &sl_schema__type))
            break;
    }
    return ok;
}

static bool evaluate(struct context *ctx, const struct node *node, struct json_object *instance,
                     const struct path *path, const struct scope *scope, struct seen *seen, bool *branch_failed)
{
    bool here = false, ok;
    struct scope inner = {scope, node->resource};
    struct frame f = {.ctx = ctx,
                      .node = node,
                      .instance = instance,
                      .path = path,
                      .scope = scope && scope->resource == node->resource ? scope : &inner,
                      .seen = seen,
                      .branch_failed = branch_failed ? branch_failed : &here};
    if (node->is_boolean)
        return node->allow || sl_schema__report_node(&f, "", "is not allowed here");
    if (ctx->depth >= ctx->max_depth) {
        ctx->too_deep = true;
        return sl_schema__report_node(&f, "", "is nested too deep to be checked");
    }
    ctx->depth++;
    if (!node->tracks) {
        ok = check_keywords(&f);
    } else {
        /* Its own, since it must not see what was evaluated beside it. */
        struct seen own;
        sl_schema__seen_init(&own, instance);
        f.seen = &own;
        ok = check_keywords(&f);
        sl_schema__seen_merge(seen, &own);
        sl_schema__seen_free(&own);
    }
    ctx->depth--;
    return ok;
}

bool sl_schema__apply(const struct frame *f, const struct node *node, struct seen *seen)
{
    return evaluate(f->ctx, node, f->instance, f->path, f->scope, seen, f->branch_failed);
}

bool sl_schema__try(const struct frame *f, const struct node *node, struct seen *seen)
{
    struct sl_violations *violations = f->ctx->violations;
    f->ctx->violations = NULL;
    bool ok = evaluate(f->ctx, node, f->instance, f->path, f->scope, seen, NULL);
    f->ctx->violations = violations;
    return ok;
}

bool sl_schema__apply_member(const struct frame *f, const struct node *node, const char *key,
                             struct json_object *value)
{
    struct path path = {f->path, key, 0};
    return evaluate(f->ctx, node, value, &path, f->scope, NULL, NULL);
}

bool sl_schema__apply_item(const struct frame *f, const struct node *node, size_t index, struct json_object *value)
{
    struct path path = {f->path, NULL, index};
    return evaluate(f->ctx, node, value, &path, f->scope, NULL, NULL);
}

bool sl_schema__try_item(const struct frame *f, const struct node *node, size_t index, struct json_object *value)
{
    struct sl_violations *violations = f->ctx->violations;
    f->ctx->violations = NULL;
    bool ok = sl_schema__apply_item(f, node, index, value);
    f->ctx->violations = violations;
    return ok;
}

bool sl_schema_check(const struct sl_schema *schema, struct json_object *instance, struct sl_violations *violations)
{
    struct context ctx = {.violations = violations,
                          .match = sl_schema__match_new(),
                          .assert_format = schema->assert_format,
                          .max_depth = schema->max_depth};
    bool ok = evaluate(&ctx, schema->node, instance, NULL, NULL, NULL, NULL);
    /* Inside of `not` or a branch, "too deep" must not turn into "valid". */
    if (ok && ctx.too_deep) {
        ok = false;
        if (violations)
            sl_violation_add(violations, "", "", "", "is nested too deep to be checked");
    }
    sl_schema__match_free(ctx.match);
    return ok;
}
