/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The encoding of texts that a driver gives as bytes: of a .dbf by its .cpg, its language id, then by what the bytes can
 * be. GDAL would turn them into UTF-8 itself, but says only once in a process that some could not be.
 */
#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cpl_vsi.h>

#include "base/file.h"
#include "base/text.h"
#include "geo/gdal/vector_internal.h"

enum { NAME_BYTES = 64, FIELD_BYTES = 32, HEAD_BYTES = 32, FIELDS_MAX = 2048 };

/* What the character fields of a .dbf hold. */
struct looked {
    unsigned language; /* byte 29 */
    bool other;        /* bytes that are not ASCII */
    bool utf8;         /* and all of them are UTF-8 */
    int64_t row;       /* the first row, from 1, that is not */
    bool byte[256];    /* which occur */
};

struct field {
    size_t at, bytes;
};

/* Of the dBASE language drivers that Shapefiles have: the code pages of their numbers. */
static const char *page_of_language(unsigned language)
{
    static const struct {
        unsigned char language;
        short page;
    } pages[] = {{0x01, 437}, {0x02, 850}, {0x03, 1252}, {0x08, 865}, {0x09, 437}, {0x0A, 850}, {0x0B, 437},
                 {0x0D, 437}, {0x0E, 850}, {0x0F, 437}, {0x10, 850}, {0x11, 437}, {0x12, 850}, {0x13, 932},
                 {0x14, 850}, {0x15, 437}, {0x16, 850}, {0x17, 865}, {0x18, 437}, {0x19, 437}, {0x1A, 850},
                 {0x1B, 437}, {0x1C, 863}, {0x1D, 850}, {0x1F, 852}, {0x22, 852}, {0x23, 852}, {0x24, 860},
                 {0x25, 850}, {0x26, 866}, {0x37, 850}, {0x40, 852}, {0x4D, 936}, {0x4E, 949}, {0x4F, 950},
                 {0x50, 874}, {0x57, 1252}, {0x58, 1252}, {0x59, 1252}, {0x64, 852}, {0x65, 866}, {0x66, 865},
                 {0x67, 861}, {0x6A, 737}, {0x6B, 857}, {0x6C, 863}, {0x78, 950}, {0x79, 949}, {0x7A, 936},
                 {0x7B, 932}, {0x7C, 874}, {0x86, 737}, {0x87, 852}, {0x88, 857}, {0xC8, 1250}, {0xC9, 1251},
                 {0xCA, 1254}, {0xCB, 1253}, {0xCC, 1257}};
    static _Thread_local char name[NAME_BYTES];
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        if (pages[i].language != language)
            continue;
        snprintf(name, sizeof name, "CP%d", pages[i].page);
        return name;
    }
    return NULL;
}

static bool known(const char *encoding)
{
    iconv_t converter = iconv_open("UTF-8", encoding);
    bool there = converter != (iconv_t)-1;
    if (there)
        iconv_close(converter);
    return there;
}

/* "1252", "ANSI 1252", "88591", "65001", "ISO 8859-1": the names that .cpg files and manifests have, as iconv has them. */
static void normalize(const char *name, char out[NAME_BYTES])
{
    const char *digits = name;
    for (const char *const *prefix = (const char *const[]){"ANSI", "OEM", "CP", "WINDOWS", NULL}; *prefix; prefix++)
        if (!strncasecmp(name, *prefix, strlen(*prefix)))
            digits = name + strlen(*prefix);
    while (*digits == ' ' || *digits == '-' || *digits == '_')
        digits++;
    bool number = *digits && strspn(digits, "0123456789") == strlen(digits);
    if (number && !strncmp(digits, "8859", 4) && strlen(digits) > 4)
        snprintf(out, NAME_BYTES, "ISO-8859-%.2s", digits + 4);
    else if (number && !strcmp(digits, "65001"))
        snprintf(out, NAME_BYTES, "UTF-8");
    else if (number)
        snprintf(out, NAME_BYTES, "CP%.5s", digits);
    else if (!strncasecmp(name, "ISO", 3) && strstr(name, "8859") && strpbrk(strstr(name, "8859") + 4, "0123456789"))
        snprintf(out, NAME_BYTES, "ISO-8859-%.2s", strpbrk(strstr(name, "8859") + 4, "0123456789"));
    else
        snprintf(out, NAME_BYTES, "%s", strcasecmp(name, "utf8") ? name : "UTF-8");
}

static bool is_utf8(const char *encoding)
{
    return !strcasecmp(encoding, "UTF-8");
}

/* The word that a .cpg has; false without one, or where it leaves the choice to the reader's system. */
static bool read_cpg(const char *path, char out[NAME_BYTES])
{
    char text[NAME_BYTES] = "";
    VSILFILE *f = VSIFOpenL(path, "rb");
    if (!f)
        return false;
    text[VSIFReadL(text, 1, sizeof text - 1, f)] = '\0';
    VSIFCloseL(f);
    char *word = sl_text_starts(text, "\xEF\xBB\xBF") ? text + 3 : text;
    word[strcspn(word, "\r\n")] = '\0';
    while (*word && isspace((unsigned char)word[strlen(word) - 1]))
        word[strlen(word) - 1] = '\0';
    if (!*word || !strcasecmp(word, "system"))
        return false;
    for (const char *p = word; *p; p++)
        if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7E || *p == '/')
            return false;
    normalize(word, out);
    return true;
}

static bool ascii(const unsigned char *p, size_t n)
{
    unsigned char all = 0;
    for (size_t i = 0; i < n; i++)
        all |= p[i];
    return all < 0x80;
}

/* A writer cuts a text at its field's end, within a character if need be: that is not against UTF-8. */
static bool utf8_but_cut(const char *text, size_t n)
{
    if (sl_utf8_valid(text, n))
        return true;
    for (size_t cut = 1; cut <= 3 && cut < n; cut++)
        if (((unsigned char)text[n - cut] & 0xC0) == 0xC0)
            return sl_utf8_valid(text, n - cut);
    return false;
}

static void look_at_row(const unsigned char *row, const struct field *fields, size_t n, int64_t number,
                        struct looked *out)
{
    for (size_t i = 0; i < n; i++) {
        const unsigned char *p = row + fields[i].at;
        if (ascii(p, fields[i].bytes))
            continue;
        out->other = true;
        for (size_t k = 0; k < fields[i].bytes; k++)
            out->byte[p[k]] = true;
        if (out->utf8 && !utf8_but_cut((const char *)p, fields[i].bytes)) {
            out->utf8 = false;
            out->row = number;
        }
    }
}

/* dBASE: 32 bytes a field from byte 32 on, its type at 11, its width at 16; 0x0D ends them. */
static size_t read_fields(const unsigned char *head, size_t head_bytes, size_t row_bytes, struct field *out)
{
    size_t n = 0, at = 1;
    for (size_t i = HEAD_BYTES; i + FIELD_BYTES <= head_bytes && head[i] != 0x0D && n < FIELDS_MAX; i += FIELD_BYTES) {
        size_t bytes = head[i + 16];
        if (at + bytes > row_bytes)
            break;
        if (head[i + 11] == 'C')
            out[n++] = (struct field){at, bytes};
        at += bytes;
    }
    return n;
}

static int look_at_dbf(const char *path, struct looked *out, struct sl_error *err)
{
    enum { BLOCK_BYTES = 1 << 20 };
    unsigned char start[HEAD_BYTES];
    *out = (struct looked){.utf8 = true};
    VSILFILE *f = VSIFOpenL(path, "rb");
    if (!f)
        return sl_fail(err, SL_E_FILE_MISSING, "\"%s\" is missing", sl_path_base(path));
    size_t got = VSIFReadL(start, 1, sizeof start, f);
    size_t head_bytes = (size_t)(start[8] | start[9] << 8), row_bytes = (size_t)(start[10] | start[11] << 8);
    if (got != sizeof start || head_bytes < HEAD_BYTES || row_bytes == 0) {
        VSIFCloseL(f);
        return 0; /* the driver says what it is not */
    }
    unsigned char *head = sl_xcalloc(1, head_bytes), *block = sl_xmalloc(BLOCK_BYTES);
    struct field *fields = sl_xcalloc(FIELDS_MAX, sizeof *fields);
    out->language = start[29];
    size_t n = 0, rows = BLOCK_BYTES / row_bytes;
    if (VSIFSeekL(f, 0, SEEK_SET) == 0 && VSIFReadL(head, 1, head_bytes, f) == head_bytes)
        n = read_fields(head, head_bytes, row_bytes, fields);
    for (int64_t row = 0; n && (got = VSIFReadL(block, row_bytes, rows, f)) > 0; row += (int64_t)got)
        for (size_t i = 0; i < got; i++)
            if (block[i * row_bytes] != '*' && !ascii(block + i * row_bytes, row_bytes))
                look_at_row(block + i * row_bytes, fields, n, row + (int64_t)i + 1, out);
    free(fields);
    free(block);
    free(head);
    VSIFCloseL(f);
    return 0;
}

/* Has a one-byte code page all the bytes that occur? Of others the reading shows it. */
static bool has_all_bytes(const char *encoding, const struct looked *l)
{
    iconv_t converter = iconv_open("UTF-8", encoding);
    bool all = converter != (iconv_t)-1;
    for (int c = 0x80; all && c < 256; c++) {
        char in = (char)c, out[8], *from = &in, *to = out;
        size_t in_bytes = 1, out_bytes = sizeof out;
        if (l->byte[c] && iconv(converter, &from, &in_bytes, &to, &out_bytes) == (size_t)-1)
            all = errno == EINVAL; /* the first of several bytes */
        iconv(converter, NULL, NULL, NULL, NULL);
    }
    if (converter != (iconv_t)-1)
        iconv_close(converter);
    return all;
}

static int fail_lie(const struct sl_vector *v, const char *who, const char *said, const struct looked *l,
                    struct sl_error *err)
{
    int rc = l->row && is_utf8(said)
                 ? sl_fail(err, SL_E_FILE_DAMAGED, "\"%s\": %s says %s, but row %lld is not", v->base_name, who, said,
                           (long long)l->row)
                 : sl_fail(err, SL_E_FILE_DAMAGED, "\"%s\": %s says %s, but its texts have bytes that this has not",
                           v->base_name, who, said);
    sl_error_hint(err, "say the file's \"encoding\" in the manifest, e.g. \"%s\"", is_utf8(said) ? "CP1252" : "UTF-8");
    return rc;
}

/* What was declared against the bytes. Text that is UTF-8 throughout is nothing else. */
static int judge(struct sl_vector *v, const char *who, const char *said, const struct looked *l, const char **out,
                 struct sl_error *err)
{
    if (said && !is_utf8(said) && l->utf8) {
        sl_vector__note(v, "%s says %s, but all texts are UTF-8 and were read as that", who, said);
        *out = NULL;
        return 0;
    }
    if (said && (is_utf8(said) ? !l->utf8 : !has_all_bytes(said, l)))
        return fail_lie(v, who, said, l, err);
    if (!said && !l->utf8)
        sl_vector__note(v, "nothing says the encoding of its texts: read as CP1252; \"encoding\" in the manifest changes that");
    *out = said ? said : "CP1252";
    if (is_utf8(*out) || (!said && l->utf8))
        *out = NULL;
    return 0;
}

static int encoding_of_dbf(struct sl_vector *v, const char *dbf, const char *cpg, const char **out,
                           struct sl_error *err)
{
    static _Thread_local char word[NAME_BYTES];
    struct looked looked;
    int rc = look_at_dbf(dbf, &looked, err);
    if (rc || !looked.other) {
        *out = NULL;
        return rc;
    }
    bool told = read_cpg(cpg, word);
    if (told && !known(word)) {
        sl_vector__note(v, "its .cpg says %s, which is no known encoding", word);
        told = false;
    }
    const char *who = told ? "its .cpg" : "the language id of its .dbf";
    return judge(v, who, told ? word : page_of_language(looked.language), &looked, out, err);
}

/* Drivers that give bytes as they are in the file. */
static bool raw_texts(const struct sl_format *format)
{
    return !strcmp(format->driver, "ESRI Shapefile") || !strcmp(format->driver, "CSV");
}

int sl_vector__open_text(struct sl_vector *v, const char *path, const char *declared, struct sl_error *err)
{
    char name[NAME_BYTES];
    const char *encoding = NULL;
    int rc = 0;
    if (!raw_texts(v->format))
        return 0;
    if (declared) {
        normalize(declared, name);
        encoding = is_utf8(name) ? NULL : name;
    } else if (!strcmp(v->format->driver, "ESRI Shapefile")) {
        rc = encoding_of_dbf(v, sl_vector__beside(v->arena, path, "dbf", "DBF"),
                             sl_vector__beside(v->arena, path, "cpg", "CPG"), &encoding, err);
    }
    if (rc || !encoding)
        return rc;
    v->recode = iconv_open("UTF-8", encoding);
    if (v->recode == (void *)-1) {
        v->recode = NULL;
        rc = sl_fail(err, SL_E_FILE_DAMAGED, "\"%s\" is no known encoding", encoding);
        sl_error_hint(err, "name one that iconv has, e.g. UTF-8, CP1252, ISO-8859-1");
    }
    return rc;
}

void sl_vector__close_text(struct sl_vector *v)
{
    if (v->recode)
        iconv_close(v->recode);
    v->recode = NULL;
}

const char *sl_vector__recode(void *recode, const char *text, size_t bytes, struct sl_buf *out)
{
    char block[1024], *from = (char *)(uintptr_t)text;
    size_t left = bytes;
    iconv(recode, NULL, NULL, NULL, NULL);
    while (left > 0) {
        char *to = block;
        size_t room = sizeof block;
        if (iconv(recode, &from, &left, &to, &room) == (size_t)-1 && errno != E2BIG)
            return "has bytes that its encoding has not";
        sl_buf_add(out, block, sizeof block - room);
    }
    return NULL;
}
