/* SPDX-License-Identifier: Apache-2.0 */
/* geo_fixture.h - a private cluster, a compute engine on it, and files made by GDAL for the tests of this folder. */
#ifndef SLUICE_TESTS_GEO_FIXTURE_H
#define SLUICE_TESTS_GEO_FIXTURE_H

#include "support/cm.h"

#include <gdal.h>
#include <ogr_api.h>
#include <ogr_srs_api.h>

#include "base/arena.h"
#include "geo/gdal/vector.h"
#include "geo/postgis/postgis.h"
#include "geo/table.h"
#include "lake/geoparquet/geoparquet.h"
#include "support/cluster.h"

#define RUN_ID "0199a3c4-0000-7000-8000-000000000001"

struct geo_fixture {
    struct test_cluster cluster;
    char dir[128]; /* scratch and files */
    struct sl_compute *compute;
    struct sl_arena *arena;
};
extern struct geo_fixture geo;
extern struct sl_error err;

int geo_setup(void **state);    /* of a group */
int geo_teardown(void **state);
struct sl_compute *geo_compute(int threads);
const char *geo_path(const char *name); /* in the folder; lives as long as the group */

/* A new file with one layer; srid 0: no CRS. */
GDALDatasetH geo_create(const char *driver, const char *path, const char *layer, int epsg, OGRwkbGeometryType type,
                        OGRLayerH *out);
void geo_field(OGRLayerH layer, const char *name, OGRFieldType type, OGRFieldSubType sub);
/* count squares with id and name in EPSG:25833. */
void geo_squares(const char *driver, const char *path, int count);

int geo_open(const char *path, const char *format, struct sl_vector **out);
/* Opens, loads into `table` of a session and closes. */
int geo_load(struct sl_compute_session *session, const char *path, const char *format, const char *table,
             int64_t *rows);
struct sl_compute_session *geo_begin(struct sl_compute *compute);
/* Table to Parquet in Hilbert order. */
int geo_eject(struct sl_compute_session *session, const char *table, const char *epsg, const char *path,
              struct sl_geoparquet_facts *facts);
/* The rows of a query on DuckDB as "a|b\n…"; in the arena. */
const char *geo_ask(const char *sql);
#define assert_answer(sql, wanted) assert_string_equal(geo_ask(sql), wanted)

#endif
