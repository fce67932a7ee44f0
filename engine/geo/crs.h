/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crs.h - coordinate reference systems: read safely, compared, written as PROJJSON.
 *
 * From outside only `AUTHORITY:CODE` (letters, digits, "_" and "-" around one colon, e.g. EPSG:25833, OGC:CRS84,
 * ESRI:102100) and PROJJSON are taken: never a string that PROJ could open as a file or a URL, and PROJ's network is
 * off. In memory, and in every file that sluice writes, x is easting or longitude.
 */
#ifndef SLUICE_GEO_CRS_H
#define SLUICE_GEO_CRS_H

#include <stdbool.h>

#include <json-c/json.h>
#include <sluice/error.h>

#include "base/arena.h"

struct sl_crs {
    const char *id;       /* "EPSG:25833"; NULL when no authority's code is known for it */
    const char *name;     /* "ETRS89 / UTM zone 33N" */
    const char *wkt;      /* WKT2:2019 on one line */
    const char *projjson; /* PROJJSON text */
    const char *unit;     /* of the axes: "metre", "degree", "US survey foot" */
    bool geographic;
    int confidence;       /* percent: id was found by what the definition says, which named none itself; 0: it was not */
};

/* All strings live in the arena. Of the authorities that PROJ's database has systems of (EPSG, OGC, ESRI, IGNF, IAU_2015,
 * NKG; case does not count). A system of heights or time alone is refused. SL_E_CRS_UNKNOWN with a nearest suggestion where there is one ("ESPG:4326", did you
 * mean "EPSG:4326"?). */
int sl_crs_parse(const char *text, struct sl_arena *arena, struct sl_crs *out, struct sl_error *err);
int sl_crs_parse_projjson(struct json_object *projjson, struct sl_arena *arena, struct sl_crs *out,
                          struct sl_error *err);
/* From WKT that GDAL read out of a file (any WKT, ESRI's too); finds the authority's code by what the definition says
 * (a code that the file claims is believed only when PROJ's definition of it agrees), and is then PROJ's own definition.
 * A transformation tied to it (TOWGS84, grids) is dropped; what else would make PROJ open a file is refused. */
int sl_crs_from_wkt(const char *wkt, struct sl_arena *arena, struct sl_crs *out, struct sl_error *err);
/* Is the text of the shape AUTHORITY:CODE? Says nothing of whether such a system exists. */
bool sl_crs_well_formed(const char *text);
/* Same datum, projection and units; axis order and names don't count. */
bool sl_crs_same(const struct sl_crs *a, const struct sl_crs *b);

enum sl_crs_policy { SL_CRS_FAIL, SL_CRS_TRUST_FILE, SL_CRS_TRUST_MANIFEST };
bool sl_crs_policy_by_name(const char *name, enum sl_crs_policy *out); /* "fail", "trust_file", "trust_manifest" */
const char *sl_crs_policy_name(enum sl_crs_policy policy);

/* What the file says (NULL: nothing) against what the manifest says (NULL: nothing). *source_out is "file", "manifest"
 * or "both". SL_E_CRS_MISSING when nobody says anything; SL_E_CRS_MISMATCH under `fail`, its message naming both with
 * units, its hint the policies. `what` names the file. */
int sl_crs_decide(enum sl_crs_policy policy, const char *what, const struct sl_crs *file,
                  const struct sl_crs *manifest, const struct sl_crs **used, const char **source_out,
                  struct sl_error *err);

/* Bounds [xmin, ymin, xmax, ymax] in crs to EPSG:4326 longitude/latitude, edges densified. Over the antimeridian xmin is
 * greater than xmax (RFC 7946, 5.2). SL_E_CRS_MISMATCH when they have no place on earth in this CRS. */
int sl_crs_bounds_to_wgs84(const struct sl_crs *crs, const double in[4], double out[4], struct sl_error *err);

#endif
