/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/iso.h"

#include <stdio.h>
#include <string.h>

#include "json/json.h"

static void put_known(struct json_object *obj, const char *key, const char *value)
{
    if (value)
        sl_json_put_str(obj, key, value);
}

/* Most attributes of ISO 19115 may occur more than once: a list of one. */
static struct json_object *one(struct json_object *item)
{
    struct json_object *list = json_object_new_array();
    json_object_array_add(list, item);
    return list;
}

static struct json_object *pair(const char *key, const char *value)
{
    struct json_object *obj = json_object_new_object();
    put_known(obj, key, value);
    return obj;
}

static struct json_object *date(const char *at, const char *type)
{
    struct json_object *d = pair("date", at);
    sl_json_put_str(d, "dateType", type);
    return d;
}

static const char *representation(const struct sl_lake_facts *f)
{
    if (f->raster || !strcmp(f->kind, "grid"))
        return "grid";
    return f->geometry_types || !strcmp(f->kind, "vector") ? "vector" : "textTable";
}

/* EX_Extent. West is greater than east over the antimeridian, as ISO 19115 has it too. */
static struct json_object *extent(const double b[4])
{
    struct json_object *box = json_object_new_object(), *out = json_object_new_object();
    sl_json_put(box, "westBoundLongitude", sl_lake_number(b[0]));
    sl_json_put(box, "eastBoundLongitude", sl_lake_number(b[2]));
    sl_json_put(box, "southBoundLatitude", sl_lake_number(b[1]));
    sl_json_put(box, "northBoundLatitude", sl_lake_number(b[3]));
    sl_json_put(out, "geographicElement", one(box));
    return out;
}

static struct json_object *citation(const struct sl_lake_facts *f)
{
    char edition[24];
    snprintf(edition, sizeof edition, "%lld", (long long)f->version);
    struct json_object *c = pair("title", f->title ? f->title : f->dataset_id);
    sl_json_put(c, "date", one(date(f->created_at, "creation")));
    sl_json_put_str(c, "edition", edition);
    sl_json_put(c, "identifier", one(pair("code", f->dataset_id)));
    if (f->project)
        sl_json_put(c, "series", pair("name", f->project));
    return c;
}

static struct json_object *identification(const struct sl_lake_facts *f)
{
    struct json_object *i = json_object_new_object();
    sl_json_put(i, "citation", citation(f));
    sl_json_put_str(i, "abstract", f->description && *f->description ? f->description : f->dataset_id);
    sl_json_put(i, "status", one(json_object_new_string("completed")));
    sl_json_put(i, "spatialRepresentationType", one(json_object_new_string(representation(f))));
    if (f->uploader) {
        struct json_object *contact = pair("role", "pointOfContact");
        sl_json_put(contact, "party", one(pair("name", f->uploader)));
        sl_json_put(i, "pointOfContact", one(contact));
    }
    if (f->has_bounds)
        sl_json_put(i, "extent", one(extent(f->bounds_wgs84)));
    if (f->license)
        sl_json_put(i, "resourceConstraints", one(pair("useLimitation", f->license)));
    return i;
}

static struct json_object *reference_system(const struct sl_crs *crs)
{
    struct json_object *r = json_object_new_object(), *id = json_object_new_object();
    const char *colon = crs->id ? strchr(crs->id, ':') : NULL;
    if (colon) {
        sl_json_put(id, "codeSpace", json_object_new_string_len(crs->id, (int)(colon - crs->id)));
        sl_json_put_str(id, "code", colon + 1);
    } else {
        sl_json_put_str(id, "codeSpace", "WKT2:2019");
        sl_json_put_str(id, "code", crs->wkt);
    }
    sl_json_put_str(id, "description", crs->name);
    sl_json_put(r, "referenceSystemIdentifier", id);
    sl_json_put_str(r, "referenceSystemType", crs->geographic ? "geodeticGeographic2D" : "projected");
    return r;
}

static struct json_object *dimension(const char *name, int64_t size, double resolution)
{
    struct json_object *d = pair("dimensionName", name);
    sl_json_put_int(d, "dimensionSize", size);
    if (resolution != 0)
        sl_json_put(d, "resolution", sl_lake_number(resolution));
    return d;
}

static struct json_object *grid(const struct sl_raster_info *r)
{
    const double *t = r->transform;
    bool upright = r->has_transform && t[2] == 0 && t[4] == 0;
    struct json_object *g = json_object_new_object(), *axes = json_object_new_array();
    sl_json_put_int(g, "numberOfDimensions", 2);
    json_object_array_add(axes, dimension("row", r->height, upright ? (t[5] < 0 ? -t[5] : t[5]) : 0));
    json_object_array_add(axes, dimension("column", r->width, upright ? (t[1] < 0 ? -t[1] : t[1]) : 0));
    sl_json_put(g, "axisDimensionProperties", axes);
    sl_json_put_str(g, "cellGeometry", "area");
    sl_json_put(g, "transformationParameterAvailability", json_object_new_boolean(r->has_transform));
    return g;
}

static struct json_object *vector(const struct sl_lake_facts *f)
{
    struct json_object *v = pair("topologyLevel", "geometryOnly"), *objects = pair("geometricObjectType", "complex");
    if (f->row_count >= 0)
        sl_json_put_int(objects, "geometricObjectCount", f->row_count);
    put_known(objects, "description", f->geometry_types);
    sl_json_put(v, "geometricObjects", one(objects));
    return v;
}

static struct json_object *content(const struct sl_lake_facts *f)
{
    struct json_object *c = json_object_new_object(), *list = json_object_new_array();
    for (size_t i = 0; i < f->n_columns; i++) {
        struct json_object *attribute = pair("memberName", f->columns[i].name);
        put_known(attribute, "valueType", f->columns[i].type);
        json_object_array_add(list, attribute);
    }
    for (size_t i = 0; f->raster && i < f->raster->n_bands; i++) {
        const struct sl_raster_band *b = &f->raster->bands[i];
        struct json_object *band = json_object_new_object();
        sl_json_put_int(band, "sequenceIdentifier", (int64_t)i + 1);
        put_known(band, "description", b->description && *b->description ? b->description : b->color_interpretation);
        sl_json_put_str(band, "valueType", b->data_type);
        json_object_array_add(list, band);
    }
    sl_json_put(c, f->raster ? "attributeGroup" : "attribute", list);
    return c;
}

static struct json_object *distribution(const struct sl_lake_facts *f)
{
    struct json_object *d = json_object_new_object(), *format = json_object_new_object();
    struct json_object *online = pair("linkage", f->href), *transfer = json_object_new_object();
    sl_json_put(format, "formatSpecificationCitation", pair("title", f->media_type));
    sl_json_put(d, "distributionFormat", one(format));
    sl_json_put_str(online, "function", "download");
    char described[80];
    snprintf(described, sizeof described, "sha256:%.64s", f->sha256_hex);
    sl_json_put_str(online, "description", described);
    /* ISO counts in megabytes. */
    sl_json_put(transfer, "transferSize", sl_lake_number((double)f->size_bytes / 1e6));
    sl_json_put(transfer, "onLine", one(online));
    sl_json_put(d, "transferOptions", one(transfer));
    return d;
}

static struct json_object *process_step(const struct sl_lake_facts *f)
{
    struct json_object *step = json_object_new_object(), *processing = json_object_new_object();
    struct json_object *software = json_object_new_array(), *id = json_object_new_object();
    char version[24];
    snprintf(version, sizeof version, "%lld", (long long)f->recipe_version);
    sl_json_put_str(step, "description", f->recipe_name ? f->recipe_name : "stored as it was uploaded");
    sl_json_put(step, "stepDateTime", json_object_new_string(f->created_at));
    put_known(id, "code", f->recipe_hash ? f->recipe_hash : f->recipe_name);
    if (f->recipe_name)
        sl_json_put_str(id, "version", version);
    put_known(id, "description", f->run_id);
    sl_json_put(processing, "identifier", id);
    for (size_t i = 0; i < f->n_software; i++) {
        struct json_object *s = pair("title", f->software[i].name);
        put_known(s, "edition", f->software[i].version);
        json_object_array_add(software, s);
    }
    sl_json_put(processing, "softwareReference", software);
    sl_json_put(step, "processingInformation", processing);
    return step;
}

static struct json_object *lineage(const struct sl_lake_facts *f)
{
    struct json_object *l = json_object_new_object(), *sources = json_object_new_array();
    char statement[128];
    size_t datasets = 0;
    for (size_t i = 0; i < f->n_inputs; i++)
        datasets += f->inputs[i].lake_key != NULL;
    size_t files = f->n_inputs - datasets;
    int used = snprintf(statement, sizeof statement, "made from %zu archived file%s", files, files == 1 ? "" : "s");
    if (datasets && used > 0)
        snprintf(statement + used, sizeof statement - (size_t)used, " and %zu dataset%s", datasets, datasets == 1 ? "" : "s");
    sl_json_put_str(l, "statement", statement);
    sl_json_put(l, "processStep", one(process_step(f)));
    for (size_t i = 0; i < f->n_inputs; i++) {
        const struct sl_lake_input *in = &f->inputs[i];
        const char *key = in->lake_key ? in->lake_key : in->raw_key;
        struct json_object *cited = pair("title", in->landing_path ? in->landing_path : key);
        struct json_object *ids = json_object_new_array(), *source = json_object_new_object();
        json_object_array_add(ids, pair("code", key));
        json_object_array_add(ids, pair("code", in->content_hash));
        sl_json_put(cited, "identifier", ids);
        sl_json_put(source, "sourceCitation", cited);
        json_object_array_add(sources, source);
    }
    sl_json_put(l, "source", sources);
    return l;
}

struct json_object *sl_iso_metadata(const struct sl_lake_facts *facts)
{
    struct json_object *m = json_object_new_object();
    sl_json_put(m, "metadataStandard", one(pair("title", "ISO 19115-1:2014")));
    if (facts->asset_id)
        sl_json_put(m, "metadataIdentifier", pair("code", facts->asset_id));
    sl_json_put(m, "metadataScope", one(pair("resourceScope", "dataset")));
    sl_json_put(m, "dateInfo", one(date(facts->created_at, "creation")));
    sl_json_put(m, "identificationInfo", one(identification(facts)));
    if (facts->crs)
        sl_json_put(m, "referenceSystemInfo", one(reference_system(facts->crs)));
    if (facts->raster)
        sl_json_put(m, "spatialRepresentationInfo", one(grid(facts->raster)));
    else if (!strcmp(representation(facts), "vector"))
        sl_json_put(m, "spatialRepresentationInfo", one(vector(facts)));
    if (facts->raster || facts->n_columns > 0)
        sl_json_put(m, "contentInfo", one(content(facts)));
    sl_json_put(m, "distributionInfo", one(distribution(facts)));
    sl_json_put(m, "resourceLineage", one(lineage(facts)));
    return m;
}
