/* SPDX-License-Identifier: Apache-2.0 */
/* metadata_tool stac|iso SAMPLE - the document of one of the samples of support/lake_facts.h. */
#include <stdio.h>

#include "lake/iso.h"
#include "lake/stac.h"
#include "support/lake_facts.h"

int main(int argc, char **argv)
{
    struct sl_arena *arena = sl_arena_new();
    int found = 0;
    for (int s = 0; argc == 3 && s < SAMPLES; s++) {
        if (strcmp(sample_names[s], argv[2]) != 0)
            continue;
        struct sl_lake_facts facts = sample_facts((enum sample)s, arena);
        struct json_object *document = !strcmp(argv[1], "stac") ? sl_stac_item(&facts) : sl_iso_metadata(&facts);
        puts(json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
        json_object_put(document);
        found = 1;
    }
    sl_arena_free(arena);
    return !found;
}
