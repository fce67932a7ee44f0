/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/template.h"

#include <string.h>

#include "geo/sql.h"
#include "geo/table.h"
#include "recipe/binder.h"

enum { MAX_BYTES = 65536, MAX_HOLES = 512 };

enum piece_kind { PIECE_TEXT, PIECE_INPUT, PIECE_GEOM, PIECE_PARAM, PIECE_ROLE };

struct piece {
    enum piece_kind kind;
    const char *text; /* of a text; a parameter's or role's name */
    enum sl_param_type type;
    struct json_object *value; /* borrowed; NULL while only linting */
};

struct sl_template {
    struct piece *pieces;
    size_t n, capacity;
    bool has_input, has_geometry;
};

struct parser {
    const char *at;
    char last;         /* the last character before `at` that was kept, 0 at the start */
    bool after_string; /* the last token was a text */
    int depth;         /* of parentheses */
    struct sl_buf text; /* of the piece so far */
    struct sl_template *out;
    const struct sl_recipe_param *params;
    size_t n_params;
    struct json_object *values;
    struct sl_arena *arena;
    struct sl_error *err;
};

static bool word_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool word_char(char c)
{
    return word_start(c) || digit(c) || c == '$';
}

static bool space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static int wrong(struct parser *p, const char *message)
{
    return sl_fail(p->err, SL_E_RECIPE_OPTION, "%s", message);
}

static void keep(struct parser *p, const char *end)
{
    sl_buf_add(&p->text, p->at, (size_t)(end - p->at));
    p->last = end[-1];
    p->at = end;
}

static int push(struct parser *p, struct piece piece)
{
    struct sl_template *t = p->out;
    if (t->n == t->capacity)
        return sl_fail(p->err, SL_E_LIMIT, "more than %d holes", MAX_HOLES);
    t->pieces[t->n++] = piece;
    return 0;
}

static int flush(struct parser *p)
{
    if (p->text.len == 0)
        return 0;
    struct piece piece = {.kind = PIECE_TEXT, .text = sl_arena_strndup(p->arena, p->text.data, p->text.len)};
    sl_buf_clear(&p->text);
    return push(p, piece);
}

/* ---- quoted pieces ---- */

/* Bytes of "{{name}}" or "${name}" at s, 0 when there is none. */
static size_t hole_at(const char *s)
{
    bool braces = s[0] == '{' && s[1] == '{';
    if (!braces && !(s[0] == '$' && s[1] == '{'))
        return 0;
    const char *p = s + 2;
    while (*p == ' ')
        p++;
    if (!word_start(*p))
        return 0;
    while (word_char(*p) || (braces && *p == '.'))
        p++;
    while (*p == ' ')
        p++;
    if (*p != '}' || (braces && p[1] != '}'))
        return 0;
    return (size_t)(p - s) + (braces ? 2 : 1);
}

static int refuse_hole_inside(struct parser *p, const char *start, const char *end)
{
    for (const char *s = start; s < end; s++) {
        size_t n = hole_at(s);
        if (n && s + n <= end)
            return sl_fail(p->err, SL_E_RECIPE_OPTION, "%.*s stands inside of quotes, where nothing is put in", (int)n, s);
    }
    return 0;
}

/* '…' or "…"; a doubled quote is one inside of it, and with escapes a backslash takes the next character along. */
static int quoted(struct parser *p, char quote, bool escapes)
{
    const char *s = p->at + 1;
    for (; *s; s++) {
        if (escapes && *s == '\\' && s[1])
            s++;
        else if (*s == quote && s[1] == quote)
            s++;
        else if (*s == quote)
            break;
    }
    if (!*s)
        return sl_fail(p->err, SL_E_RECIPE_OPTION, "a quote (%c) is opened and never closed", quote);
    if (refuse_hole_inside(p, p->at + 1, s) < 0)
        return -(int)SL_E_RECIPE_OPTION;
    keep(p, s + 1);
    p->after_string = quote == '\'';
    return 0;
}

static int string(struct parser *p, bool escapes)
{
    /* SQL joins texts that only a line break separates, and the second one then has the first one's escapes. */
    if (p->after_string)
        return wrong(p, "two texts stand side by side: write || between them");
    return quoted(p, '\'', escapes);
}

static int dollar_quoted(struct parser *p)
{
    const char *tag_end = p->at + 1;
    if (word_start(*tag_end))
        while (word_char(*tag_end) && *tag_end != '$')
            tag_end++;
    if (*tag_end != '$')
        return wrong(p, digit(p->at[1]) ? "a numbered parameter ($1) has no value here: write ${name}"
                                        : "a \"$\" that starts neither ${name} nor a dollar quote");
    size_t n = (size_t)(tag_end - p->at) + 1;
    const char *end = tag_end + 1;
    while (*end && strncmp(end, p->at, n) != 0)
        end++;
    if (!*end)
        return wrong(p, "a dollar quote is opened and never closed");
    if (p->after_string)
        return wrong(p, "two texts stand side by side: write || between them");
    if (refuse_hole_inside(p, tag_end + 1, end) < 0)
        return -(int)SL_E_RECIPE_OPTION;
    keep(p, end + n);
    p->after_string = true;
    return 0;
}

/* A comment becomes a space: left in, one that is not closed by its own line would hide what a builder puts after it. */
static int comment(struct parser *p)
{
    const char *s = p->at + 2;
    if (p->at[0] == '-') {
        s += strcspn(s, "\n\r");
    } else {
        int depth = 1; /* block comments nest */
        for (; *s && depth > 0; s++) {
            if (s[0] == '*' && s[1] == '/')
                depth--, s++;
            else if (s[0] == '/' && s[1] == '*')
                depth++, s++;
        }
        if (depth > 0)
            return wrong(p, "a comment is opened and never closed");
    }
    sl_buf_putc(&p->text, ' ');
    p->last = ' ';
    p->at = s;
    return 0;
}

/* ---- holes ---- */

static bool touches(char c)
{
    return word_char(c) || c == '"' || c == '\'' || c == '{' || c == '}';
}

static int table_hole(struct parser *p, const char *name, struct piece *piece)
{
    static const char *const names[] = {"input", "geom"};
    static const char role[] = "role.";
    if (!strncmp(name, role, sizeof role - 1) && name[sizeof role - 1]) {
        *piece = (struct piece){.kind = PIECE_ROLE, .text = name + sizeof role - 1};
        return 0;
    }
    piece->kind = !strcmp(name, "input") ? PIECE_INPUT : PIECE_GEOM;
    p->out->has_input = p->out->has_input || piece->kind == PIECE_INPUT;
    p->out->has_geometry = p->out->has_geometry || !strcmp(name, "geom");
    if (!strcmp(name, "input") || !strcmp(name, "geom"))
        return 0;
    return sl_fail(p->err, SL_E_RECIPE_OPTION, "{{%s}} is neither {{input}}, {{geom}} nor {{role.NAME}}%s", name,
                   sl_recipe__meant(p->arena, name, names, 2));
}

static int param_hole(struct parser *p, const char *name, struct piece *piece)
{
    const struct sl_recipe_param *param = sl_param__find(p->params, p->n_params, name);
    if (!param)
        return sl_fail(p->err, SL_E_RECIPE_PARAM, "parameter \"%s\" is not declared%s", name,
                       sl_param__meant(p->arena, p->params, p->n_params, name));
    if (p->after_string)
        return wrong(p, "a parameter stands beside a text: write || between them");
    piece->kind = PIECE_PARAM;
    piece->text = name;
    piece->type = param->type ? sl_param__type(param) : SL_PARAM_STRING;
    piece->value = p->values ? sl_json_get(p->values, name) : NULL;
    p->after_string = piece->type != SL_PARAM_COLUMN;
    return 0;
}

static int hole(struct parser *p)
{
    size_t n = hole_at(p->at);
    bool braces = *p->at == '{';
    if (n == 0)
        return wrong(p, braces ? "\"{{\" that is not {{input}} or {{geom}}" : "\"${\" that is not ${name}");
    if (touches(p->last) || touches(p->at[n]))
        return sl_fail(p->err, SL_E_RECIPE_OPTION, "%.*s touches what is beside it: put a space between", (int)n, p->at);
    const char *start = p->at + 2 + strspn(p->at + 2, " ");
    const char *name = sl_arena_strndup(p->arena, start, strcspn(start, " }"));
    struct piece piece = {0};
    int rc = flush(p);
    if (rc == 0)
        rc = braces ? table_hole(p, name, &piece) : param_hole(p, name, &piece);
    if (rc < 0)
        return rc;
    if (braces)
        p->after_string = false;
    p->at += n;
    p->last = '}';
    return push(p, piece);
}

/* ---- all the rest ---- */

static int word(struct parser *p)
{
    const char *end = p->at;
    while (word_char(*end) && !(end[0] == '$' && end[1] == '{'))
        end++;
    bool escape_prefix = end == p->at + 1 && (*p->at == 'e' || *p->at == 'E') && *end == '\'';
    if (escape_prefix && p->after_string)
        return wrong(p, "two texts stand side by side: write || between them");
    keep(p, end);
    p->after_string = false;
    return escape_prefix ? string(p, true) : 0;
}

static int symbol(struct parser *p)
{
    char c = *p->at;
    if (c == ';')
        return wrong(p, "a semicolon: write one query or expression without it");
    if (c == '\\')
        return wrong(p, "a backslash outside of quotes");
    p->depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (p->depth < 0)
        return wrong(p, "a closing parenthesis without an opening one");
    p->after_string = p->after_string && space(c);
    keep(p, p->at + 1);
    return 0;
}

static int token(struct parser *p)
{
    const char *s = p->at;
    if ((s[0] == '{' && s[1] == '{') || (s[0] == '$' && s[1] == '{'))
        return hole(p);
    if ((s[0] == '-' && s[1] == '-') || (s[0] == '/' && s[1] == '*'))
        return comment(p);
    if (word_start(*s))
        return word(p);
    switch (*s) {
    case '\'':
        return string(p, false);
    case '"':
        return quoted(p, '"', false);
    case '$':
        return dollar_quoted(p);
    default:
        return symbol(p);
    }
}

static int finish(struct parser *p)
{
    if (p->depth > 0)
        return wrong(p, "an opening parenthesis is never closed");
    bool blank = p->out->n == 0 && p->text.data[strspn(p->text.data, " \t\r\n\f\v")] == '\0';
    return blank ? wrong(p, "the SQL text is empty") : flush(p);
}

int sl_template_parse(const char *text, const struct sl_recipe_param *params, size_t n_params,
                      struct json_object *values, struct sl_arena *arena, const struct sl_template **out,
                      struct sl_error *err)
{
    size_t bytes = strlen(text);
    if (bytes > MAX_BYTES)
        return sl_fail(err, SL_E_LIMIT, "the SQL text is longer than %d bytes", MAX_BYTES);
    while (bytes > 0 && space(text[bytes - 1]))
        bytes--;
    struct sl_template *t = sl_arena_alloc(arena, sizeof *t);
    t->capacity = 1; /* a text, and before each hole's another */
    for (const char *s = text; *s && t->capacity < 2 * MAX_HOLES; s++)
        t->capacity += *s == '{' ? 2 : 0;
    t->pieces = sl_arena_array(arena, t->capacity, sizeof *t->pieces);
    struct parser p = {.at = sl_arena_strndup(arena, text, bytes), .out = t, .params = params, .n_params = n_params,
                       .values = values, .arena = arena, .err = err};
    sl_buf_init(&p.text, MAX_BYTES);
    int rc = 0;
    while (rc == 0 && *p.at)
        rc = token(&p);
    if (rc == 0)
        rc = finish(&p);
    sl_buf_free(&p.text);
    if (rc == 0)
        *out = t;
    return rc;
}

size_t sl_template_roles(const struct sl_template *template_, struct sl_table_ref out[SL_STEP_TABLES_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < template_->n; i++) {
        bool there = template_->pieces[i].kind != PIECE_ROLE;
        for (size_t k = 0; !there && k < n; k++)
            there = !strcmp(out[k].role, template_->pieces[i].text);
        if (!there && n < SL_STEP_TABLES_MAX)
            out[n++] = (struct sl_table_ref){.role = template_->pieces[i].text};
    }
    return n;
}

bool sl_template_has_table(const struct sl_template *template_)
{
    struct sl_table_ref roles[SL_STEP_TABLES_MAX];
    return template_->has_input || sl_template_roles(template_, roles) > 0;
}

bool sl_template_has_input(const struct sl_template *template_)
{
    return template_->has_input;
}

bool sl_template_has_geometry(const struct sl_template *template_)
{
    return template_->has_geometry;
}

/* ---- printing ---- */

/* A negative number in parentheses: "-${x}" must not become a comment, nor "${x}::int" another number. */
static void print_number(const struct piece *piece, struct sl_sql *out)
{
    double v = json_object_get_double(piece->value);
    if (v < 0)
        sl_sql_text(out, "(");
    if (piece->type == SL_PARAM_INTEGER)
        sl_sql_int(out, json_object_get_int64(piece->value));
    else
        sl_sql_double(out, v);
    if (v < 0)
        sl_sql_text(out, ")");
}

static int print_param(const struct piece *piece, struct sl_sql *out, struct sl_error *err)
{
    if (!piece->value)
        return sl_fail(err, SL_E_INTERNAL, "parameter \"%s\" has no value yet", piece->text);
    switch (piece->type) {
    case SL_PARAM_NUMBER:
    case SL_PARAM_INTEGER:
        print_number(piece, out);
        break;
    case SL_PARAM_BOOLEAN:
        sl_sql_text(out, json_object_get_boolean(piece->value) ? "TRUE" : "FALSE");
        break;
    case SL_PARAM_COLUMN:
        sl_sql_ident(out, json_object_get_string(piece->value));
        break;
    case SL_PARAM_STRING:
    case SL_PARAM_CRS:
        sl_sql_literal(out, json_object_get_string(piece->value));
        break;
    }
    return 0;
}

/* A word before a literal could become its prefix (U&'…'): a space keeps them apart. */
static bool wants_space(const struct piece *piece, const struct sl_sql *out)
{
    char last = out->buf.len ? out->buf.data[out->buf.len - 1] : ' ';
    return piece->kind == PIECE_PARAM && piece->type != SL_PARAM_COLUMN && !space(last) && !strchr("(,[", last);
}

/* In the CRS of the input, so that the query can compare places. */
static int print_role(const char *role, const struct sl_step_context *context, struct sl_sql *out, struct sl_error *err)
{
    const struct sl_table_ref ref = {.role = role};
    struct sl_other_table other = {0};
    if (!context->other)
        return sl_fail(err, SL_E_RECIPE_OPTION, "{{role.%s}}: there are no roles here", role);
    int rc = context->other(context->other_data, &ref, true, &other, err);
    if (rc == 0 && other.absent)
        rc = sl_fail(err, SL_E_RECIPE_OPTION, "{{role.%s}}: the batch has no file of this role", role);
    if (rc == 0)
        sl_sql_table(out, other.table->schema, other.table->name);
    return rc;
}

int sl_template_print(const struct sl_template *template_, const struct sl_step_context *context, struct sl_sql *out,
                      struct sl_error *err)
{
    for (size_t i = 0; i < template_->n; i++) {
        const struct piece *piece = &template_->pieces[i];
        if (wants_space(piece, out))
            sl_sql_text(out, " ");
        int rc = 0;
        if (piece->kind == PIECE_TEXT)
            sl_sql_text(out, piece->text);
        else if (piece->kind == PIECE_INPUT)
            sl_sql_table(out, context->input->schema, context->input->name);
        else if (piece->kind == PIECE_GEOM)
            sl_sql_ident(out, context->geometry);
        else if (piece->kind == PIECE_ROLE)
            rc = print_role(piece->text, context, out, err);
        else
            rc = print_param(piece, out, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}
