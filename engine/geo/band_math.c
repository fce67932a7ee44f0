/* SPDX-License-Identifier: Apache-2.0 */
#include "geo/band_math.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum {
    CODE_MAX = SL_BAND_MATH_BYTES, /* an instruction takes a character at least */
    ARGUMENTS_MAX = 16,
    CHUNK = 1024 /* values of one step of the stack: they stay in the processor's cache */
};

enum op {
    OP_NUMBER, OP_BAND,
    OP_ADD, OP_SUBTRACT, OP_MULTIPLY, OP_DIVIDE, OP_NEGATE,
    OP_LESS, OP_LESS_EQUAL, OP_GREATER, OP_GREATER_EQUAL, OP_EQUAL, OP_NOT_EQUAL,
    OP_MIN, OP_MAX, OP_POW, OP_WHERE, OP_ABS, OP_SQRT, OP_LOG, OP_LOG10, OP_EXP, OP_FLOOR, OP_CEIL, OP_ROUND, OP_IS_NODATA
};

struct instruction {
    enum op op;
    size_t band; /* from 0 */
    double number;
};

struct sl_band_math {
    struct instruction *code; /* postfix */
    size_t n, stack;          /* the most values that wait at a time */
    size_t highest;
};

/* ---- parsing ---- */

struct parser {
    const char *text, *at;
    struct instruction *code;
    size_t n, waiting, stack, highest;
    int depth;
    struct sl_error *err;
};

static const struct function {
    const char *name;
    enum op op;
    int least, most; /* arguments */
} functions[] = {
    {"min", OP_MIN, 2, ARGUMENTS_MAX}, {"max", OP_MAX, 2, ARGUMENTS_MAX}, {"abs", OP_ABS, 1, 1}, {"sqrt", OP_SQRT, 1, 1},
    {"log", OP_LOG, 1, 1}, {"log10", OP_LOG10, 1, 1}, {"exp", OP_EXP, 1, 1}, {"floor", OP_FLOOR, 1, 1},
    {"ceil", OP_CEIL, 1, 1}, {"round", OP_ROUND, 1, 1}, {"is_nodata", OP_IS_NODATA, 1, 1}, {"pow", OP_POW, 2, 2},
    {"where", OP_WHERE, 3, 3}};

static int fail(struct parser *p, const char *what)
{
    return sl_fail(p->err, SL_E_RECIPE_OPTION, "expression \"%.60s%s\": %s at character %zu", p->text,
                   strlen(p->text) > 60 ? "…" : "", what, (size_t)(p->at - p->text) + 1);
}

static void skip_space(struct parser *p)
{
    while (*p->at == ' ' || *p->at == '\t' || *p->at == '\n')
        p->at++;
}

static bool take(struct parser *p, const char *word)
{
    skip_space(p);
    size_t n = strlen(word);
    if (strncmp(p->at, word, n) != 0)
        return false;
    p->at += n;
    return true;
}

/* takes: how many values it uses up; it leaves one. */
static int emit(struct parser *p, struct instruction i, size_t takes)
{
    if (p->n == CODE_MAX)
        return fail(p, "it is too long");
    p->code[p->n++] = i;
    p->waiting += 1 - takes;
    if (p->waiting > p->stack)
        p->stack = p->waiting;
    return 0;
}

static int comparison(struct parser *p);

static int number(struct parser *p)
{
    const char *end = p->at;
    while (isdigit((unsigned char)*end) || *end == '.')
        end++;
    if ((*end == 'e' || *end == 'E') &&
        (isdigit((unsigned char)end[1]) || ((end[1] == '+' || end[1] == '-') && isdigit((unsigned char)end[2])))) {
        end += 2;
        while (isdigit((unsigned char)*end))
            end++;
    }
    char text[64], *rest;
    size_t n = (size_t)(end - p->at);
    if (n >= sizeof text)
        return fail(p, "a number has too many digits");
    memcpy(text, p->at, n);
    text[n] = '\0';
    double value = strtod(text, &rest);
    if (*rest || !isfinite(value) || isalpha((unsigned char)*end) || *end == '_')
        return fail(p, "no number");
    p->at = end;
    return emit(p, (struct instruction){.op = OP_NUMBER, .number = value}, 0);
}

static int band(struct parser *p, const char *digits, size_t n)
{
    size_t number = 0;
    for (size_t i = 0; i < n && number <= SL_BAND_MATH_BANDS; i++)
        number = number * 10 + (size_t)(digits[i] - '0');
    if (number < 1 || number > SL_BAND_MATH_BANDS || digits[0] == '0')
        return fail(p, "no band: b1 is the first, b65535 the last");
    p->highest = number > p->highest ? number : p->highest;
    p->at = digits + n;
    return emit(p, (struct instruction){.op = OP_BAND, .band = number - 1}, 0);
}

static int call(struct parser *p, const struct function *f)
{
    int n = 0;
    if (!take(p, "("))
        return fail(p, "\"(\" is expected");
    do {
        int rc = n == f->most ? fail(p, "too many values for the function") : comparison(p);
        if (rc < 0)
            return rc;
        n++;
        /* min and max of many are those of two, again and again. */
        if ((f->op == OP_MIN || f->op == OP_MAX) && n > 1 && (rc = emit(p, (struct instruction){.op = f->op}, 2)) < 0)
            return rc;
    } while (take(p, ","));
    if (n < f->least)
        return fail(p, "too few values for the function");
    if (!take(p, ")"))
        return fail(p, "\")\" is expected");
    return f->op == OP_MIN || f->op == OP_MAX ? 0 : emit(p, (struct instruction){.op = f->op}, (size_t)n);
}

static int word(struct parser *p)
{
    const char *names[sizeof functions / sizeof *functions];
    size_t n = 0, count = sizeof functions / sizeof *functions;
    while (isalnum((unsigned char)p->at[n]) || p->at[n] == '_')
        n++;
    if (p->at[0] == 'b' && n > 1 && strspn(p->at + 1, "0123456789") == n - 1)
        return band(p, p->at + 1, n - 1);
    if (n == strlen("nodata") && !strncmp(p->at, "nodata", n)) {
        p->at += n;
        return emit(p, (struct instruction){.op = OP_NUMBER, .number = NAN}, 0);
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = functions[i].name;
        if (strlen(functions[i].name) == n && !strncmp(p->at, functions[i].name, n)) {
            p->at += n;
            return call(p, &functions[i]);
        }
    }
    char text[32], what[128];
    snprintf(text, sizeof text, "%.*s", (int)(n < 24 ? n : 24), p->at);
    const char *near = sl_text_nearest(text, names, count);
    snprintf(what, sizeof what, "\"%s\" is neither a band (b1) nor a function%s%s%s", text, near ? ", did you mean \"" : "",
             near ? near : "", near ? "\"?" : "");
    return fail(p, what);
}

static int value(struct parser *p)
{
    skip_space(p);
    if (isdigit((unsigned char)*p->at) || *p->at == '.')
        return number(p);
    if (isalpha((unsigned char)*p->at))
        return word(p);
    if (!take(p, "("))
        return fail(p, *p->at ? "a value is expected" : "it ends where a value is expected");
    int rc = comparison(p);
    if (rc == 0 && !take(p, ")"))
        rc = fail(p, "\")\" is expected");
    return rc;
}

static int signed_value(struct parser *p)
{
    bool negative = false;
    for (;;) {
        if (take(p, "-"))
            negative = !negative;
        else if (!take(p, "+"))
            break;
    }
    int rc = value(p);
    return rc == 0 && negative ? emit(p, (struct instruction){.op = OP_NEGATE}, 1) : rc;
}

static int product(struct parser *p)
{
    int rc = signed_value(p);
    while (rc == 0) {
        enum op op = take(p, "*") ? OP_MULTIPLY : take(p, "/") ? OP_DIVIDE : OP_NUMBER;
        if (op == OP_NUMBER)
            break;
        rc = signed_value(p);
        if (rc == 0)
            rc = emit(p, (struct instruction){.op = op}, 2);
    }
    return rc;
}

static int sum(struct parser *p)
{
    int rc = product(p);
    while (rc == 0) {
        enum op op = take(p, "+") ? OP_ADD : take(p, "-") ? OP_SUBTRACT : OP_NUMBER;
        if (op == OP_NUMBER)
            break;
        rc = product(p);
        if (rc == 0)
            rc = emit(p, (struct instruction){.op = op}, 2);
    }
    return rc;
}

static int comparison(struct parser *p)
{
    static const struct {
        const char *sign;
        enum op op;
    } signs[] = {{"<=", OP_LESS_EQUAL}, {">=", OP_GREATER_EQUAL}, {"==", OP_EQUAL},
                 {"!=", OP_NOT_EQUAL},  {"<", OP_LESS},           {">", OP_GREATER}};
    if (++p->depth > SL_BAND_MATH_DEPTH)
        return fail(p, "it is nested too deeply");
    int rc = sum(p);
    for (size_t i = 0; rc == 0 && i < sizeof signs / sizeof *signs; i++)
        if (take(p, signs[i].sign)) {
            rc = sum(p);
            rc = rc < 0 ? rc : emit(p, (struct instruction){.op = signs[i].op}, 2);
            break;
        }
    p->depth--;
    return rc;
}

int sl_band_math_parse(const char *text, struct sl_arena *arena, struct sl_band_math **out, struct sl_error *err)
{
    size_t bytes = strnlen(text, SL_BAND_MATH_BYTES + 1);
    if (bytes > SL_BAND_MATH_BYTES)
        return sl_fail(err, SL_E_RECIPE_OPTION, "an expression has more than %d bytes", SL_BAND_MATH_BYTES);
    struct parser p = {.text = text, .at = text, .err = err};
    p.code = sl_arena_array(arena, bytes + 1, sizeof *p.code);
    int rc = comparison(&p);
    skip_space(&p);
    if (rc == 0 && *p.at)
        rc = fail(&p, "an operator is expected");
    if (rc < 0)
        return rc;
    struct sl_band_math *math = sl_arena_alloc(arena, sizeof *math);
    *math = (struct sl_band_math){.code = p.code, .n = p.n, .stack = p.stack, .highest = p.highest};
    *out = math;
    return 0;
}

size_t sl_band_math_highest(const struct sl_band_math *math)
{
    return math->highest;
}

bool sl_band_math_reads(const struct sl_band_math *math, size_t band_number)
{
    for (size_t i = 0; i < math->n; i++)
        if (math->code[i].op == OP_BAND && math->code[i].band + 1 == band_number)
            return true;
    return false;
}

/* ---- computing ---- */

static double bool_of(double a, double b, bool is)
{
    return isnan(a) || isnan(b) ? NAN : is ? 1 : 0;
}

static double of_two(enum op op, double a, double b)
{
    switch (op) {
    case OP_ADD:
        return a + b;
    case OP_SUBTRACT:
        return a - b;
    case OP_MULTIPLY:
        return a * b;
    case OP_DIVIDE:
        return a / b;
    case OP_LESS:
        return bool_of(a, b, a < b);
    case OP_LESS_EQUAL:
        return bool_of(a, b, a <= b);
    case OP_GREATER:
        return bool_of(a, b, a > b);
    case OP_GREATER_EQUAL:
        return bool_of(a, b, a >= b);
    case OP_EQUAL:
        return bool_of(a, b, a == b);
    case OP_NOT_EQUAL:
        return bool_of(a, b, a != b);
    case OP_MIN:
        return isnan(a) || isnan(b) ? NAN : a < b ? a : b;
    case OP_MAX:
        return isnan(a) || isnan(b) ? NAN : a > b ? a : b;
    default: /* pow gives 1 for NaN to the power of 0 */
        return isnan(a) || isnan(b) ? NAN : pow(a, b);
    }
}

static double of_one(enum op op, double a)
{
    switch (op) {
    case OP_NEGATE:
        return -a;
    case OP_ABS:
        return fabs(a);
    case OP_SQRT:
        return sqrt(a);
    case OP_LOG:
        return log(a);
    case OP_LOG10:
        return log10(a);
    case OP_EXP:
        return exp(a);
    case OP_FLOOR:
        return floor(a);
    case OP_CEIL:
        return ceil(a);
    case OP_ROUND:
        return round(a);
    default:
        return isnan(a) ? 1 : 0;
    }
}

/* What is not finite counts as nodata from where it came up on. */
static double settled(double v)
{
    return isfinite(v) ? v : NAN;
}

static double *step(const struct instruction *i, const double *const *in, size_t from, double *top, size_t n)
{
    double *a = top - CHUNK, *b = a;
    switch (i->op) {
    case OP_NUMBER:
        for (size_t k = 0; k < n; k++)
            top[k] = i->number;
        return top + CHUNK;
    case OP_BAND:
        for (size_t k = 0; k < n; k++)
            top[k] = settled(in[i->band][from + k]);
        return top + CHUNK;
    case OP_WHERE:
        a = top - 3 * CHUNK;
        for (size_t k = 0; k < n; k++)
            a[k] = isnan(a[k]) ? NAN : a[k] != 0 ? a[CHUNK + k] : a[2 * CHUNK + k];
        return a + CHUNK;
    case OP_ADD: case OP_SUBTRACT: case OP_MULTIPLY: case OP_DIVIDE: case OP_LESS: case OP_LESS_EQUAL: case OP_GREATER:
    case OP_GREATER_EQUAL: case OP_EQUAL: case OP_NOT_EQUAL: case OP_MIN: case OP_MAX: case OP_POW:
        a = top - 2 * CHUNK;
        for (size_t k = 0; k < n; k++)
            a[k] = settled(of_two(i->op, a[k], b[k]));
        return a + CHUNK;
    default:
        for (size_t k = 0; k < n; k++)
            a[k] = settled(of_one(i->op, a[k]));
        return top;
    }
}

void sl_band_math_run(const struct sl_band_math *math, const double *const *in, double *out, size_t n)
{
    SL_CLEANUP(sl_freep) double *stack = sl_xcalloc(math->stack, CHUNK * sizeof(double));
    for (size_t from = 0; from < n; from += CHUNK) {
        size_t now = n - from < CHUNK ? n - from : CHUNK;
        double *top = stack;
        for (size_t i = 0; i < math->n; i++)
            top = step(&math->code[i], in, from, top, now);
        memcpy(out + from, stack, now * sizeof *out);
    }
}
