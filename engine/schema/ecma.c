/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "schema/pattern.h"

struct input {
    const char *p, *end;
    bool in_class;
    bool quantified; /* what precedes is a quantifier already */
    struct sl_buf *out;
};

/* White space and line terminators of ECMA-262 beyond PCRE2's ASCII \s. */
#define MORE_SPACE "\\s\\u{a0}\\u{feff}\\u{2028}\\u{2029}\\p{Zs}"

static int peek(const struct input *in, size_t ahead)
{
    return (size_t)(in->end - in->p) > ahead ? (unsigned char)in->p[ahead] : -1;
}

static bool hex_at(const struct input *in, size_t from, size_t n, uint32_t *out)
{
    char digits[9] = "";
    for (size_t i = 0; i < n; i++) {
        int c = peek(in, from + i);
        if (c < 0 || !isxdigit(c))
            return false;
        digits[i] = (char)c;
    }
    *out = (uint32_t)strtoul(digits, NULL, 16);
    return true;
}

static void copy(struct input *in, size_t n)
{
    sl_buf_add(in->out, in->p, n);
    in->p += n;
}

/* \uXXXX, a pair of them for one character, or \u{X}; in->p is at the "u". */
static const char *unicode(struct input *in)
{
    uint32_t high, low;
    if (peek(in, 1) == '{') {
        const char *close = memchr(in->p, '}', (size_t)(in->end - in->p));
        if (!close || close - in->p > 10 || !hex_at(in, 2, (size_t)(close - in->p) - 2, &high))
            return "\\u{ needs hexadecimal digits and }";
        sl_buf_putc(in->out, '\\');
        copy(in, (size_t)(close - in->p) + 1);
        return NULL;
    }
    if (!hex_at(in, 1, 4, &high))
        return "\\u needs four hexadecimal digits";
    in->p += 5;
    if (high >= 0xD800 && high <= 0xDBFF && peek(in, 0) == '\\' && peek(in, 1) == 'u' && hex_at(in, 2, 4, &low) &&
        low >= 0xDC00 && low <= 0xDFFF) {
        high = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
        in->p += 6;
    }
    if (high >= 0xD800 && high <= 0xDFFF)
        return "half of a surrogate pair";
    sl_buf_printf(in->out, "\\u{%x}", high);
    return NULL;
}

static const char *category(const char *name, size_t n)
{
    static const char *const names[][2] = {
        {"Letter", "L"}, {"Cased_Letter", "L&"}, {"Uppercase_Letter", "Lu"}, {"Lowercase_Letter", "Ll"},
        {"Titlecase_Letter", "Lt"}, {"Modifier_Letter", "Lm"}, {"Other_Letter", "Lo"}, {"Mark", "M"},
        {"Nonspacing_Mark", "Mn"}, {"Spacing_Mark", "Mc"}, {"Enclosing_Mark", "Me"}, {"Number", "N"},
        {"Decimal_Number", "Nd"}, {"digit", "Nd"}, {"Letter_Number", "Nl"}, {"Other_Number", "No"},
        {"Punctuation", "P"}, {"punct", "P"}, {"Connector_Punctuation", "Pc"}, {"Dash_Punctuation", "Pd"},
        {"Open_Punctuation", "Ps"}, {"Close_Punctuation", "Pe"}, {"Initial_Punctuation", "Pi"},
        {"Final_Punctuation", "Pf"}, {"Other_Punctuation", "Po"}, {"Symbol", "S"}, {"Math_Symbol", "Sm"},
        {"Currency_Symbol", "Sc"}, {"Modifier_Symbol", "Sk"}, {"Other_Symbol", "So"}, {"Separator", "Z"},
        {"Space_Separator", "Zs"}, {"Line_Separator", "Zl"}, {"Paragraph_Separator", "Zp"}, {"Other", "C"},
        {"Control", "Cc"}, {"cntrl", "Cc"}, {"Format", "Cf"}, {"Surrogate", "Cs"}, {"Private_Use", "Co"},
        {"Unassigned", "Cn"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i][0]) == n && !memcmp(names[i][0], name, n))
            return names[i][1];
    return NULL;
}

static bool prefixed(const char **name, size_t *n, const char *prefix)
{
    size_t m = strlen(prefix);
    if (*n <= m || memcmp(*name, prefix, m) != 0)
        return false;
    *name += m;
    *n -= m;
    return true;
}

/* \p{…}: PCRE2 knows the short names of categories only. */
static const char *property(struct input *in)
{
    char letter = *in->p;
    const char *close = peek(in, 1) == '{' ? memchr(in->p, '}', (size_t)(in->end - in->p)) : NULL;
    if (!close)
        return "\\p needs {…}";
    const char *name = in->p + 2;
    size_t n = (size_t)(close - name);
    const char *kind = "";
    if (prefixed(&name, &n, "Script_Extensions=") || prefixed(&name, &n, "scx="))
        kind = "scx:";
    else if (prefixed(&name, &n, "Script=") || prefixed(&name, &n, "sc="))
        kind = "sc:";
    else if (!prefixed(&name, &n, "General_Category="))
        prefixed(&name, &n, "gc=");
    const char *shorter = *kind ? NULL : category(name, n);
    if (shorter)
        sl_buf_printf(in->out, "\\%c{%s}", letter, shorter);
    else
        sl_buf_printf(in->out, "\\%c{%s%.*s}", letter, kind, (int)n, name);
    in->p = close + 1;
    return NULL;
}

static const char *space(struct input *in)
{
    bool not = *in->p == 'S';
    in->p++;
    if (in->in_class)
        sl_buf_puts(in->out, not ? "\\S" : MORE_SPACE);
    else
        sl_buf_printf(in->out, "[%s%s]", not ? "^" : "", MORE_SPACE);
    return NULL;
}

/* in->p is behind the backslash. */
static const char *escape(struct input *in)
{
    uint32_t value;
    int c = peek(in, 0);
    if (c == 'u')
        return unicode(in);
    if (c == 'p' || c == 'P')
        return property(in);
    if (c == 's' || c == 'S')
        return space(in);
    if (c == 'v' || (c == '0' && !isdigit(peek(in, 1)))) {
        sl_buf_puts(in->out, c == 'v' ? "\\u{b}" : "\\u{0}");
        in->p++;
        return NULL;
    }
    bool known = c > 0 && (strchr("dDwWbtnfr^$\\.*+?()[]{}|/", c) || (in->in_class && c == '-') ||
                           (!in->in_class && (c == 'B' || c == 'k' || (c >= '1' && c <= '9'))) ||
                           (c == 'c' && isalpha(peek(in, 1))) || (c == 'x' && hex_at(in, 1, 2, &value)));
    if (!known)
        return "an escape that ECMA-262 does not know";
    sl_buf_putc(in->out, '\\');
    copy(in, 1);
    return NULL;
}

static bool group_known(const struct input *in)
{
    if (peek(in, 1) == '*')
        return false;
    if (peek(in, 1) != '?')
        return true;
    int c = peek(in, 2);
    if (c == '<')
        return peek(in, 3) == '=' || peek(in, 3) == '!' || isalpha(peek(in, 3)) || peek(in, 3) == '_';
    return c == ':' || c == '=' || c == '!';
}

/* A quantifier may be followed by one "?" (lazy), and by no other: a++ is PCRE2's. */
static const char *quantify(struct input *in)
{
    if (in->quantified)
        return "a quantifier too many";
    copy(in, 1);
    if (peek(in, 0) == '?')
        copy(in, 1);
    in->quantified = true;
    return NULL;
}

static const char *plain(struct input *in)
{
    int c = *in->p;
    if (c == '*' || c == '+' || c == '?')
        return quantify(in);
    if (c == '(' && !group_known(in))
        return "a group that ECMA-262 does not know";
    in->quantified = false;
    in->in_class = c == '[';
    if (c == '.') {
        sl_buf_puts(in->out, "[^\\n\\r\\u{2028}\\u{2029}]");
        in->p++;
        return NULL;
    }
    bool two = (c == '[' && peek(in, 1) == '^') || (c == '(' && peek(in, 1) == '?');
    copy(in, two ? 2 : 1);
    return c == '}' && (peek(in, 0) == '+' || peek(in, 0) == '*') ? "a quantifier too many" : NULL;
}

const char *sl_schema__ecma(const char *text, size_t bytes, struct sl_buf *out)
{
    struct input in = {.p = text, .end = text + bytes, .out = out};
    const char *wrong = NULL;
    while (!wrong && in.p < in.end) {
        if (*in.p == '\\') {
            in.p++;
            in.quantified = false;
            wrong = escape(&in);
        } else if (!in.in_class) {
            wrong = plain(&in);
        } else if (*in.p == '[') {
            sl_buf_puts(out, "\\["); /* else PCRE2 would see [:alpha:] */
            in.p++;
        } else {
            in.in_class = *in.p != ']';
            copy(&in, 1);
        }
    }
    return wrong;
}
