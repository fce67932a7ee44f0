/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/collection.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "json/json.h"
#include "lake/facts.h"

static struct json_object *one(struct json_object *item)
{
    struct json_object *list = json_object_new_array();
    json_object_array_add(list, item);
    return list;
}

struct box {
    bool any, straight, across; /* some boxes don't cross the antimeridian, some do */
    double side[4];
};

static void add_box(struct box *box, struct json_object *bounds)
{
    double b[4];
    if (!json_object_is_type(bounds, json_type_array) || json_object_array_length(bounds) != 4)
        return;
    for (size_t i = 0; i < 4; i++)
        b[i] = json_object_get_double(json_object_array_get_idx(bounds, i));
    *(b[0] > b[2] ? &box->across : &box->straight) = true;
    for (size_t i = 0; i < 4; i++)
        if (!box->any || (i < 2 ? b[i] < box->side[i] : b[i] > box->side[i]))
            box->side[i] = b[i];
    box->any = true;
}

/* What the assets are about, by their items; the texts of times are in the order of the times. */
static void add_interval(struct json_object *const *assets, size_t n, struct json_object *interval)
{
    const char *first = NULL, *last = NULL;
    for (size_t i = 0; i < n; i++) {
        struct json_object *p = sl_json_get(sl_json_get(assets[i], "stac"), "properties");
        const char *at = sl_json_str(p, "datetime", sl_json_str(assets[i], "created_at", ""));
        const char *from = sl_json_str(p, "start_datetime", at), *to = sl_json_str(p, "end_datetime", at);
        first = !first || strcmp(from, first) < 0 ? from : first;
        last = !last || strcmp(to, last) > 0 ? to : last;
    }
    json_object_array_add(interval, json_object_new_string(first));
    json_object_array_add(interval, json_object_new_string(last));
}

/* Boxes on both sides of the antimeridian and over it: all the way around. */
static struct json_object *extent_of(struct json_object *const *assets, size_t n)
{
    struct box box = {0};
    const double world[4] = {-180, -90, 180, 90};
    for (size_t i = 0; i < n; i++)
        add_box(&box, sl_json_get(assets[i], "bounds"));
    if (box.across && (box.straight || box.side[0] <= box.side[2])) {
        box.side[0] = -180;
        box.side[2] = 180;
    }
    struct json_object *spatial = json_object_new_object(), *temporal = json_object_new_object(),
                       *extent = json_object_new_object(), *interval = json_object_new_array();
    sl_json_put(spatial, "bbox", one(sl_lake_numbers(box.any ? box.side : world, 4)));
    add_interval(assets, n, interval);
    sl_json_put(temporal, "interval", one(interval));
    sl_json_put(extent, "spatial", spatial);
    sl_json_put(extent, "temporal", temporal);
    return extent;
}

static struct json_object *links_of(struct json_object *const *assets, size_t n, const char *dataset)
{
    struct json_object *links = json_object_new_array();
    for (size_t i = 0; i < n; i++) {
        struct json_object *link = json_object_new_object();
        int64_t version = sl_json_int(assets[i], "version", 0);
        char href[384], title[40];
        snprintf(href, sizeof href, "v%" PRId64 "/%s.stac.json", version, dataset);
        snprintf(title, sizeof title, "version %" PRId64, version);
        sl_json_put_str(link, "rel", "item");
        sl_json_put_str(link, "href", href);
        sl_json_put_str(link, "type", "application/geo+json");
        sl_json_put_str(link, "title", title);
        json_object_array_add(links, link);
    }
    return links;
}

/* STAC takes SPDX identifiers, and "proprietary" for all else. */
static const char *license_of(const char *text)
{
    for (const char *p = text; p && *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("-._+", *p))
            return "proprietary";
    return text && *text ? text : "proprietary";
}

struct json_object *sl_stac_collection(struct json_object *const *assets, size_t n)
{
    struct json_object *last = assets[n - 1], *known = sl_json_get(sl_json_get(last, "stac"), "properties");
    const char *dataset = sl_json_str(last, "dataset_id", ""), *license = sl_json_str(known, "license", NULL);
    struct json_object *c = json_object_new_object();
    sl_json_put_str(c, "type", "Collection");
    sl_json_put_str(c, "stac_version", "1.0.0");
    sl_json_put(c, "stac_extensions", json_object_new_array());
    sl_json_put_str(c, "id", dataset);
    sl_json_put_str(c, "title", sl_json_str(known, "title", dataset));
    sl_json_put_str(c, "description", sl_json_str(known, "description", dataset));
    sl_json_put_str(c, "license", license_of(license));
    if (license && strcmp(license, license_of(license)) != 0)
        sl_json_put_str(c, "sluice:license", license);
    sl_json_put(c, "extent", extent_of(assets, n));
    sl_json_put(c, "links", links_of(assets, n, dataset));
    return c;
}
