/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SRIDs. A CRS with a code that spatial_ref_sys knows has its own; any other gets a private one from 900000 on, found by
 * a hash of its WKT, so that the same CRS gets the same SRID on every run of a server.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cpl_conv.h>
#include <ogr_srs_api.h>

#include "base/sha256.h"
#include "geo/gdal/gdal.h"
#include "geo/postgis/postgis_internal.h"

enum { FIRST_PRIVATE = 900000, PRIVATE_SRIDS = 90000, MAX_PROBES = 64, SRTEXT_MAX_CHARS = 2048 };

static int known_srid(struct sl_pg *pg, const char *id, int64_t *srid, struct sl_error *err)
{
    char authority[32];
    const char *colon = id ? strchr(id, ':') : NULL;
    *srid = -1;
    if (!colon || (size_t)(colon - id) >= sizeof authority)
        return 0;
    snprintf(authority, sizeof authority, "%.*s", (int)(colon - id), id);
    /* Data at rest has x = longitude in both. */
    if (!strcmp(id, "OGC:CRS84"))
        return known_srid(pg, "EPSG:4326", srid, err);
    if (!colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1) || strlen(colon + 1) > 9)
        return 0;
    const char *params[] = {authority, colon + 1};
    return sl_pg_query_int(pg,
                           "SELECT min(srid) FROM spatial_ref_sys WHERE upper(auth_name) = upper($1) AND auth_srid = "
                           "$2::int",
                           2, params, -1, srid, err);
}

/* spatial_ref_sys holds 2,048 characters: longer WKT gives way to PROJ's short form. The caller frees with CPLFree. */
static char *proj4_of(const char *wkt)
{
    char *proj4 = NULL, *text = sl_xstrdup(wkt), *rest = text;
    OGRSpatialReferenceH srs = OSRNewSpatialReference(NULL);
    sl_gdal_errors_begin();
    if (OSRImportFromWkt(srs, &rest) == OGRERR_NONE)
        OSRExportToProj4(srs, &proj4);
    sl_gdal_errors_end(SL_E_GDAL, NULL);
    OSRDestroySpatialReference(srs);
    free(text);
    return proj4;
}

static int insert(struct sl_pg *pg, const char *srid, const char *hash, const struct sl_crs *crs, struct sl_error *err)
{
    bool fits = strlen(crs->wkt) <= SRTEXT_MAX_CHARS;
    char *proj4 = fits ? NULL : proj4_of(crs->wkt);
    if (!fits && (!proj4 || !*proj4 || strlen(proj4) > SRTEXT_MAX_CHARS)) {
        CPLFree(proj4);
        return sl_fail(err, SL_E_CRS_UNKNOWN, "\"%s\" is too long a coordinate reference system for PostGIS",
                       crs->name ? crs->name : "unnamed");
    }
    /* auth_srid keeps the start of the hash, by which the row is known again. */
    const char *params[] = {srid, hash, fits ? crs->wkt : NULL, proj4};
    int rc = sl_pg_query(pg,
                         "INSERT INTO spatial_ref_sys (srid, auth_name, auth_srid, srtext, proj4text) VALUES "
                         "($1::int, 'sluice', $2::int, $3, $4) ON CONFLICT DO NOTHING",
                         4, params, NULL, err);
    CPLFree(proj4);
    if (rc == -(int)SL_E_POSTGRES_DENIED)
        sl_error_hint(err, "grant INSERT and DELETE on spatial_ref_sys to the role of compute.dsn");
    return rc;
}

static int private_srid(struct sl_pg *pg, const struct sl_crs *crs, bool make, int *out, struct sl_error *err)
{
    char hex[SL_SHA256_HEX_BYTES], start[9], hash[16];
    sl_sha256_of(crs->wkt, strlen(crs->wkt), hex);
    snprintf(start, sizeof start, "%.8s", hex);
    unsigned long bits = strtoul(start, NULL, 16) & 0x7FFFFFFFul;
    snprintf(hash, sizeof hash, "%lu", bits);
    for (unsigned long probe = 0; probe < MAX_PROBES; probe++) {
        char srid[16];
        int64_t owner = -1;
        int number = FIRST_PRIVATE + (int)((bits + probe) % PRIVATE_SRIDS);
        snprintf(srid, sizeof srid, "%d", number);
        const char *params[] = {srid};
        static const char find[] = "SELECT CASE WHEN auth_name = 'sluice' THEN auth_srid ELSE -2 END FROM "
                                   "spatial_ref_sys WHERE srid = $1::int";
        int rc = sl_pg_query_int(pg, find, 1, params, -1, &owner, err);
        if (rc == 0 && owner == -1 && make)
            rc = insert(pg, srid, hash, crs, err);
        if (rc == 0 && owner == -1 && make)
            rc = sl_pg_query_int(pg, find, 1, params, -1, &owner, err);
        if (rc)
            return rc;
        if (owner == -1 || owner == (int64_t)bits) {
            *out = owner == -1 ? -1 : number;
            return 0;
        }
    }
    return sl_fail(err, SL_E_LIMIT, "postgres has no private SRID left for \"%s\"", crs->name ? crs->name : "unnamed");
}

static bool look_up(const struct sl_postgis *p, const char *id, int *out)
{
    for (size_t i = 0; id && i < p->n_srids; i++)
        if (!strcmp(p->srids[i].id, id)) {
            *out = p->srids[i].srid;
            return true;
        }
    return false;
}

/* Private ones are not kept in mind: a sweep takes them away. */
static void keep(struct sl_postgis *p, const char *id, int64_t srid)
{
    if (srid <= 0 || strlen(id) >= sizeof p->srids[0].id || p->n_srids == SL_POSTGIS_SRIDS)
        return;
    struct sl_postgis__srid *known = &p->srids[p->n_srids++];
    snprintf(known->id, sizeof known->id, "%s", id);
    known->srid = (int)srid;
}

static int find_srid(struct sl_postgis *p, const struct sl_crs *crs, bool make, int *out, struct sl_error *err)
{
    struct sl_pg *pg = NULL;
    int64_t srid = -1;
    int rc = sl_postgis__admin(p, &pg, err);
    if (rc == 0 && look_up(p, crs->id, out))
        return 0;
    if (rc == 0)
        rc = known_srid(pg, crs->id, &srid, err);
    if (rc == 0 && srid >= 0)
        keep(p, crs->id, srid);
    if (rc == 0 && srid < 0) {
        int number = -1;
        rc = private_srid(pg, crs, make, &number, err);
        srid = number;
    }
    if (rc == 0)
        *out = (int)srid;
    return rc;
}

int sl_postgis__srid(struct sl_compute *compute, const struct sl_crs *crs, int *srid, struct sl_error *err)
{
    return find_srid((struct sl_postgis *)(void *)compute, crs, false, srid, err);
}

int sl_postgis__srid_ensure(struct sl_postgis *postgis, const struct sl_crs *crs, int *srid, struct sl_error *err)
{
    return find_srid(postgis, crs, true, srid, err);
}
