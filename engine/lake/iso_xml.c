/* SPDX-License-Identifier: Apache-2.0 */
/* Elements in the order of the gmd schemas, which is a sequence everywhere. */
#include "lake/iso_xml.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "json/json.h"

#define CODE_LISTS "http://standards.iso.org/iso/19139/resources/gmxCodelists.xml#"

struct xml {
    struct sl_buf *out;
    int depth;
};

/* ---- elements ---- */

/* Bytes of a character that XML 1.0 does not have; 0: it has it. */
static size_t forbidden(const unsigned char *s)
{
    if (*s < 0x20)
        return *s != '\t' && *s != '\n' && *s != '\r';
    return s[0] == 0xef && s[1] == 0xbf && (s[2] == 0xbe || s[2] == 0xbf) ? 3 : 0;
}

static void put_text(struct xml *x, const char *text)
{
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        size_t bad = forbidden(s);
        if (bad)
            sl_buf_puts(x->out, "\xef\xbf\xbd");
        else if (*s == '&')
            sl_buf_puts(x->out, "&amp;");
        else if (*s == '<')
            sl_buf_puts(x->out, "&lt;");
        else if (*s == '>')
            sl_buf_puts(x->out, "&gt;");
        else if (*s == '"')
            sl_buf_puts(x->out, "&quot;");
        else
            sl_buf_putc(x->out, (char)*s);
        s += bad ? bad : 1;
    }
}

static void indent(struct xml *x)
{
    sl_buf_printf(x->out, "%*s", x->depth * 2, "");
}

static void begin(struct xml *x, const char *name)
{
    indent(x);
    sl_buf_printf(x->out, "<%s>\n", name);
    x->depth++;
}

static void end(struct xml *x, const char *name)
{
    x->depth--;
    indent(x);
    sl_buf_printf(x->out, "</%s>\n", name);
}

static void nil(struct xml *x, const char *name)
{
    indent(x);
    sl_buf_printf(x->out, "<%s gco:nilReason=\"missing\"/>\n", name);
}

static void typed(struct xml *x, const char *name, const char *type, const char *text)
{
    indent(x);
    sl_buf_printf(x->out, "<%s><%s>", name, type);
    put_text(x, text);
    sl_buf_printf(x->out, "</%.*s></%s>\n", (int)strcspn(type, " "), type, name);
}

static void string(struct xml *x, const char *name, const char *text)
{
    if (text)
        typed(x, name, "gco:CharacterString", text);
}

static void needed(struct xml *x, const char *name, const char *text)
{
    if (text)
        string(x, name, text);
    else
        nil(x, name);
}

static void code(struct xml *x, const char *name, const char *list, const char *value)
{
    if (!value)
        return;
    indent(x);
    sl_buf_printf(x->out, "<%s><gmd:%s codeList=\"" CODE_LISTS "%s\" codeListValue=\"", name, list, list);
    put_text(x, value);
    sl_buf_puts(x->out, "\">");
    put_text(x, value);
    sl_buf_printf(x->out, "</gmd:%s></%s>\n", list, name);
}

/* xs:decimal has no exponents. */
static void decimal(struct xml *x, const char *name, const char *type, struct json_object *value)
{
    char text[400];
    double d = value ? json_object_get_double(value) : 0;
    snprintf(text, sizeof text, "%.10f", isfinite(d) ? d : 0);
    for (size_t n = strlen(text); n > 2 && text[n - 1] == '0' && text[n - 2] != '.'; n--)
        text[n - 1] = '\0';
    typed(x, name, type, text);
}

static void integer(struct xml *x, const char *name, struct json_object *value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value ? json_object_get_int64(value) : 0);
    typed(x, name, "gco:Integer", text);
}

/* ---- the record ---- */

static size_t count(struct json_object *list)
{
    return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

static struct json_object *first(struct json_object *of, const char *key)
{
    struct json_object *list = sl_json_get(of, key);
    return count(list) ? json_object_array_get_idx(list, 0) : NULL;
}

static void put_date(struct xml *x, const char *name, struct json_object *date)
{
    const char *at = sl_json_str(date, "date", NULL);
    if (!at) {
        nil(x, name);
        return;
    }
    begin(x, name);
    begin(x, "gmd:CI_Date");
    typed(x, "gmd:date", "gco:DateTime", at);
    code(x, "gmd:dateType", "CI_DateTypeCode", sl_json_str(date, "dateType", "creation"));
    end(x, "gmd:CI_Date");
    end(x, name);
}

static void put_citation(struct xml *x, const char *name, struct json_object *c)
{
    struct json_object *ids = sl_json_get(c, "identifier"), *series = sl_json_get(c, "series");
    begin(x, name);
    begin(x, "gmd:CI_Citation");
    needed(x, "gmd:title", sl_json_str(c, "title", NULL));
    put_date(x, "gmd:date", first(c, "date"));
    string(x, "gmd:edition", sl_json_str(c, "edition", NULL));
    for (size_t i = 0; i < count(ids); i++) {
        begin(x, "gmd:identifier");
        begin(x, "gmd:MD_Identifier");
        needed(x, "gmd:code", sl_json_str(json_object_array_get_idx(ids, i), "code", NULL));
        end(x, "gmd:MD_Identifier");
        end(x, "gmd:identifier");
    }
    if (series) {
        begin(x, "gmd:series");
        begin(x, "gmd:CI_Series");
        string(x, "gmd:name", sl_json_str(series, "name", NULL));
        end(x, "gmd:CI_Series");
        end(x, "gmd:series");
    }
    end(x, "gmd:CI_Citation");
    end(x, name);
}

static void put_contact(struct xml *x, const char *name, struct json_object *identification)
{
    struct json_object *contact = first(identification, "pointOfContact"), *party = first(contact, "party");
    begin(x, name);
    begin(x, "gmd:CI_ResponsibleParty");
    needed(x, "gmd:individualName", sl_json_str(party, "name", NULL));
    code(x, "gmd:role", "CI_RoleCode", sl_json_str(contact, "role", "pointOfContact"));
    end(x, "gmd:CI_ResponsibleParty");
    end(x, name);
}

static void put_grid(struct xml *x, struct json_object *g)
{
    struct json_object *axes = sl_json_get(g, "axisDimensionProperties");
    begin(x, "gmd:MD_GridSpatialRepresentation");
    integer(x, "gmd:numberOfDimensions", sl_json_get(g, "numberOfDimensions"));
    for (size_t i = 0; i < count(axes); i++) {
        struct json_object *axis = json_object_array_get_idx(axes, i);
        begin(x, "gmd:axisDimensionProperties");
        begin(x, "gmd:MD_Dimension");
        code(x, "gmd:dimensionName", "MD_DimensionNameTypeCode", sl_json_str(axis, "dimensionName", "row"));
        integer(x, "gmd:dimensionSize", sl_json_get(axis, "dimensionSize"));
        if (sl_json_get(axis, "resolution"))
            decimal(x, "gmd:resolution", "gco:Measure uom=\"units-of-the-reference-system\"", sl_json_get(axis, "resolution"));
        end(x, "gmd:MD_Dimension");
        end(x, "gmd:axisDimensionProperties");
    }
    code(x, "gmd:cellGeometry", "MD_CellGeometryCode", sl_json_str(g, "cellGeometry", "area"));
    typed(x, "gmd:transformationParameterAvailability", "gco:Boolean",
          sl_json_bool(g, "transformationParameterAvailability", false) ? "true" : "false");
    end(x, "gmd:MD_GridSpatialRepresentation");
}

static void put_vector(struct xml *x, struct json_object *v)
{
    struct json_object *objects = first(v, "geometricObjects");
    begin(x, "gmd:MD_VectorSpatialRepresentation");
    code(x, "gmd:topologyLevel", "MD_TopologyLevelCode", sl_json_str(v, "topologyLevel", NULL));
    begin(x, "gmd:geometricObjects");
    begin(x, "gmd:MD_GeometricObjects");
    code(x, "gmd:geometricObjectType", "MD_GeometricObjectTypeCode", sl_json_str(objects, "geometricObjectType", "complex"));
    if (sl_json_int(objects, "geometricObjectCount", 0) > 0) /* the schema's count is positive */
        integer(x, "gmd:geometricObjectCount", sl_json_get(objects, "geometricObjectCount"));
    end(x, "gmd:MD_GeometricObjects");
    end(x, "gmd:geometricObjects");
    end(x, "gmd:MD_VectorSpatialRepresentation");
}

static void put_representation(struct xml *x, struct json_object *iso)
{
    struct json_object *r = first(iso, "spatialRepresentationInfo");
    if (!r)
        return;
    begin(x, "gmd:spatialRepresentationInfo");
    if (sl_json_get(r, "numberOfDimensions"))
        put_grid(x, r);
    else
        put_vector(x, r);
    end(x, "gmd:spatialRepresentationInfo");
}

static void put_reference_system(struct xml *x, struct json_object *iso)
{
    struct json_object *id = sl_json_get(first(iso, "referenceSystemInfo"), "referenceSystemIdentifier");
    if (!id)
        return;
    begin(x, "gmd:referenceSystemInfo");
    begin(x, "gmd:MD_ReferenceSystem");
    begin(x, "gmd:referenceSystemIdentifier");
    begin(x, "gmd:RS_Identifier");
    needed(x, "gmd:code", sl_json_str(id, "code", NULL));
    string(x, "gmd:codeSpace", sl_json_str(id, "codeSpace", NULL));
    end(x, "gmd:RS_Identifier");
    end(x, "gmd:referenceSystemIdentifier");
    end(x, "gmd:MD_ReferenceSystem");
    end(x, "gmd:referenceSystemInfo");
}

static void put_extent(struct xml *x, struct json_object *extent)
{
    static const char *const sides[] = {"westBoundLongitude", "eastBoundLongitude", "southBoundLatitude",
                                        "northBoundLatitude"};
    struct json_object *box = first(extent, "geographicElement");
    if (!box)
        return;
    begin(x, "gmd:extent");
    begin(x, "gmd:EX_Extent");
    begin(x, "gmd:geographicElement");
    begin(x, "gmd:EX_GeographicBoundingBox");
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        char name[40];
        snprintf(name, sizeof name, "gmd:%s", sides[i]);
        decimal(x, name, "gco:Decimal", sl_json_get(box, sides[i]));
    }
    end(x, "gmd:EX_GeographicBoundingBox");
    end(x, "gmd:geographicElement");
    end(x, "gmd:EX_Extent");
    end(x, "gmd:extent");
}

/* gmd has no element for the columns of a table. */
static void put_columns(struct xml *x, struct json_object *iso)
{
    struct json_object *list = sl_json_get(first(iso, "contentInfo"), "attribute");
    if (!count(list))
        return;
    struct sl_buf text;
    sl_buf_init(&text, x->out->max_bytes);
    sl_buf_puts(&text, "columns:");
    for (size_t i = 0; i < count(list); i++) {
        struct json_object *c = json_object_array_get_idx(list, i);
        sl_buf_printf(&text, "%s %s (%s)", i ? "," : "", sl_json_str(c, "memberName", ""), sl_json_str(c, "valueType", ""));
    }
    string(x, "gmd:supplementalInformation", text.data);
    sl_buf_free(&text);
}

static void put_identification(struct xml *x, struct json_object *iso, struct json_object *i)
{
    struct json_object *limits = first(i, "resourceConstraints"), *status = first(i, "status"),
                       *type = first(i, "spatialRepresentationType");
    begin(x, "gmd:identificationInfo");
    begin(x, "gmd:MD_DataIdentification");
    put_citation(x, "gmd:citation", sl_json_get(i, "citation"));
    needed(x, "gmd:abstract", sl_json_str(i, "abstract", NULL));
    code(x, "gmd:status", "MD_ProgressCode", status ? json_object_get_string(status) : NULL);
    if (first(i, "pointOfContact"))
        put_contact(x, "gmd:pointOfContact", i);
    if (limits) {
        begin(x, "gmd:resourceConstraints");
        begin(x, "gmd:MD_Constraints");
        string(x, "gmd:useLimitation", sl_json_str(limits, "useLimitation", NULL));
        end(x, "gmd:MD_Constraints");
        end(x, "gmd:resourceConstraints");
    }
    code(x, "gmd:spatialRepresentationType", "MD_SpatialRepresentationTypeCode", type ? json_object_get_string(type) : NULL);
    nil(x, "gmd:language");
    nil(x, "gmd:topicCategory");
    put_extent(x, first(i, "extent"));
    put_columns(x, iso);
    end(x, "gmd:MD_DataIdentification");
    end(x, "gmd:identificationInfo");
}

static void put_bands(struct xml *x, struct json_object *iso)
{
    struct json_object *bands = sl_json_get(first(iso, "contentInfo"), "attributeGroup");
    if (!count(bands))
        return;
    begin(x, "gmd:contentInfo");
    begin(x, "gmd:MD_CoverageDescription");
    nil(x, "gmd:attributeDescription");
    code(x, "gmd:contentType", "MD_CoverageContentTypeCode", "physicalMeasurement");
    for (size_t i = 0; i < count(bands); i++) {
        struct json_object *band = json_object_array_get_idx(bands, i);
        char number[24];
        snprintf(number, sizeof number, "%" PRId64, sl_json_int(band, "sequenceIdentifier", 0));
        begin(x, "gmd:dimension");
        begin(x, "gmd:MD_Band");
        begin(x, "gmd:sequenceIdentifier");
        begin(x, "gco:MemberName");
        string(x, "gco:aName", number);
        begin(x, "gco:attributeType");
        begin(x, "gco:TypeName");
        string(x, "gco:aName", sl_json_str(band, "valueType", "unknown"));
        end(x, "gco:TypeName");
        end(x, "gco:attributeType");
        end(x, "gco:MemberName");
        end(x, "gmd:sequenceIdentifier");
        string(x, "gmd:descriptor", sl_json_str(band, "description", NULL));
        end(x, "gmd:MD_Band");
        end(x, "gmd:dimension");
    }
    end(x, "gmd:MD_CoverageDescription");
    end(x, "gmd:contentInfo");
}

static void put_transfer(struct xml *x, struct json_object *transfer)
{
    struct json_object *online = first(transfer, "onLine");
    begin(x, "gmd:transferOptions");
    begin(x, "gmd:MD_DigitalTransferOptions");
    decimal(x, "gmd:transferSize", "gco:Real", sl_json_get(transfer, "transferSize"));
    if (sl_json_str(online, "linkage", NULL)) {
        begin(x, "gmd:onLine");
        begin(x, "gmd:CI_OnlineResource");
        indent(x);
        sl_buf_puts(x->out, "<gmd:linkage><gmd:URL>");
        put_text(x, sl_json_str(online, "linkage", ""));
        sl_buf_puts(x->out, "</gmd:URL></gmd:linkage>\n");
        string(x, "gmd:description", sl_json_str(online, "description", NULL));
        code(x, "gmd:function", "CI_OnLineFunctionCode", sl_json_str(online, "function", NULL));
        end(x, "gmd:CI_OnlineResource");
        end(x, "gmd:onLine");
    }
    end(x, "gmd:MD_DigitalTransferOptions");
    end(x, "gmd:transferOptions");
}

static void put_distribution(struct xml *x, struct json_object *d)
{
    struct json_object *format = first(d, "distributionFormat");
    if (!d)
        return;
    begin(x, "gmd:distributionInfo");
    begin(x, "gmd:MD_Distribution");
    begin(x, "gmd:distributionFormat");
    begin(x, "gmd:MD_Format");
    needed(x, "gmd:name", sl_json_str(sl_json_get(format, "formatSpecificationCitation"), "title", NULL));
    nil(x, "gmd:version");
    end(x, "gmd:MD_Format");
    end(x, "gmd:distributionFormat");
    put_transfer(x, first(d, "transferOptions"));
    end(x, "gmd:MD_Distribution");
    end(x, "gmd:distributionInfo");
}

/* gmd has no element for the software of a step: it stands in the description. */
static void put_step(struct xml *x, struct json_object *step)
{
    struct json_object *processing = sl_json_get(step, "processingInformation"), *id = sl_json_get(processing, "identifier"),
                       *software = sl_json_get(processing, "softwareReference");
    struct sl_buf text;
    if (!step)
        return;
    sl_buf_init(&text, x->out->max_bytes);
    sl_buf_puts(&text, sl_json_str(step, "description", ""));
    if (sl_json_str(id, "version", NULL))
        sl_buf_printf(&text, " version %s", sl_json_str(id, "version", ""));
    if (sl_json_str(id, "code", NULL))
        sl_buf_printf(&text, " (%s)", sl_json_str(id, "code", ""));
    if (sl_json_str(id, "description", NULL))
        sl_buf_printf(&text, ", run %s", sl_json_str(id, "description", ""));
    for (size_t i = 0; i < count(software); i++) {
        struct json_object *s = json_object_array_get_idx(software, i);
        sl_buf_printf(&text, "%s %s %s", i ? "," : "; software:", sl_json_str(s, "title", ""), sl_json_str(s, "edition", ""));
    }
    begin(x, "gmd:processStep");
    begin(x, "gmd:LI_ProcessStep");
    string(x, "gmd:description", text.data);
    if (sl_json_str(step, "stepDateTime", NULL))
        typed(x, "gmd:dateTime", "gco:DateTime", sl_json_str(step, "stepDateTime", ""));
    end(x, "gmd:LI_ProcessStep");
    end(x, "gmd:processStep");
    sl_buf_free(&text);
}

static void put_lineage(struct xml *x, struct json_object *lineage)
{
    struct json_object *sources = sl_json_get(lineage, "source");
    begin(x, "gmd:dataQualityInfo");
    begin(x, "gmd:DQ_DataQuality");
    begin(x, "gmd:scope");
    begin(x, "gmd:DQ_Scope");
    code(x, "gmd:level", "MD_ScopeCode", "dataset");
    end(x, "gmd:DQ_Scope");
    end(x, "gmd:scope");
    begin(x, "gmd:lineage");
    begin(x, "gmd:LI_Lineage");
    string(x, "gmd:statement", sl_json_str(lineage, "statement", NULL));
    put_step(x, first(lineage, "processStep"));
    for (size_t i = 0; i < count(sources); i++) {
        begin(x, "gmd:source");
        begin(x, "gmd:LI_Source");
        put_citation(x, "gmd:sourceCitation", sl_json_get(json_object_array_get_idx(sources, i), "sourceCitation"));
        end(x, "gmd:LI_Source");
        end(x, "gmd:source");
    }
    end(x, "gmd:LI_Lineage");
    end(x, "gmd:lineage");
    end(x, "gmd:DQ_DataQuality");
    end(x, "gmd:dataQualityInfo");
}

void sl_iso_xml(struct json_object *iso19115, struct sl_buf *out)
{
    struct xml x = {.out = out};
    struct json_object *identification = first(iso19115, "identificationInfo"), *made = first(iso19115, "dateInfo");
    sl_buf_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                     "<gmd:MD_Metadata xmlns:gmd=\"http://www.isotc211.org/2005/gmd\" "
                     "xmlns:gco=\"http://www.isotc211.org/2005/gco\">\n");
    x.depth = 1;
    string(&x, "gmd:fileIdentifier", sl_json_str(sl_json_get(iso19115, "metadataIdentifier"), "code", NULL));
    nil(&x, "gmd:language");
    code(&x, "gmd:characterSet", "MD_CharacterSetCode", "utf8");
    code(&x, "gmd:hierarchyLevel", "MD_ScopeCode", "dataset");
    put_contact(&x, "gmd:contact", identification);
    if (sl_json_str(made, "date", NULL))
        typed(&x, "gmd:dateStamp", "gco:DateTime", sl_json_str(made, "date", ""));
    else
        nil(&x, "gmd:dateStamp");
    string(&x, "gmd:metadataStandardName", "ISO 19115:2003");
    put_representation(&x, iso19115);
    put_reference_system(&x, iso19115);
    put_identification(&x, iso19115, identification);
    put_bands(&x, iso19115);
    put_distribution(&x, first(iso19115, "distributionInfo"));
    put_lineage(&x, first(iso19115, "resourceLineage"));
    sl_buf_puts(out, "</gmd:MD_Metadata>\n");
}
