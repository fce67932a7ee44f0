/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "manifest/internal.h"

/* Only the shape: whether the code exists is PROJ's to say (geo/crs.h). Anything else never gets near PROJ, which would
 * open some strings as files or URLs. */
const char *sl_manifest__crs(const char *text, struct sl_arena *arena)
{
    static const char *const authorities[] = {"EPSG", "OGC", "ESRI", "IGNF", "IAU_2015", "NKG"};
    enum { N = sizeof authorities / sizeof *authorities, PART_BYTES = 32 };
    const char *colon = strchr(text, ':');
    size_t authority = colon ? (size_t)(colon - text) : 0, code = colon ? strlen(colon + 1) : 0;
    bool shaped = authority > 0 && authority <= PART_BYTES && code > 0 && code <= PART_BYTES;
    for (const char *p = text; shaped && *p; p++)
        shaped = p == colon || isalnum((unsigned char)*p) || *p == '_' || *p == '-';
    char shown[80];
    bool whole = sl_text_escape(shown, sizeof shown, text);
    const char *said = sl_arena_printf(arena, "\"%s%s is not a CRS: expected AUTHORITY:CODE", shown, whole ? "\"" : "");
    bool digits = !colon && *text && strspn(text, "0123456789") == strlen(text) && strlen(text) <= PART_BYTES;
    if (digits)
        return sl_arena_printf(arena, "%s, did you mean \"EPSG:%s\"?", said, text);
    if (!shaped)
        return said;
    const char *name = sl_arena_strndup(arena, text, authority);
    for (size_t i = 0; i < N; i++)
        if (!strcasecmp(name, authorities[i]))
            return NULL;
    const char *nearest = sl_text_nearest(name, authorities, N);
    return nearest ? sl_arena_printf(arena, "%s, did you mean \"%s:%s\"?", said, nearest, colon + 1)
                   : sl_arena_printf(arena, "%s of EPSG, OGC, ESRI, IGNF, IAU_2015 or NKG", said);
}
