/* SPDX-License-Identifier: Apache-2.0 */
#include "geo/crs.h"

#include <string.h>

static const char *const policies[] = {
    [SL_CRS_FAIL] = "fail", [SL_CRS_TRUST_FILE] = "trust_file", [SL_CRS_TRUST_MANIFEST] = "trust_manifest"};

bool sl_crs_policy_by_name(const char *name, enum sl_crs_policy *out)
{
    for (size_t i = 0; name && i < sizeof policies / sizeof *policies; i++)
        if (!strcmp(policies[i], name)) {
            *out = (enum sl_crs_policy)i;
            return true;
        }
    return false;
}

const char *sl_crs_policy_name(enum sl_crs_policy policy)
{
    return policies[policy];
}

static const char *label(const struct sl_crs *crs)
{
    return crs->id ? crs->id : crs->name;
}

static int fail_mismatch(const char *what, const struct sl_crs *file, const struct sl_crs *manifest,
                         struct sl_error *err)
{
    sl_fail(err, SL_E_CRS_MISMATCH, "manifest says %s (%s), %s says %s (%s)", label(manifest), manifest->unit, what,
            label(file), file->unit);
    sl_error_hint(err, "correct the manifest, or set \"crs_policy\" to \"trust_file\" or \"trust_manifest\"");
    return -(int)SL_E_CRS_MISMATCH;
}

int sl_crs_decide(enum sl_crs_policy policy, const char *what, const struct sl_crs *file,
                  const struct sl_crs *manifest, const struct sl_crs **used, const char **source_out,
                  struct sl_error *err)
{
    if (!file && !manifest) {
        sl_fail(err, SL_E_CRS_MISSING, "neither %s nor the manifest says a CRS", what);
        sl_error_hint(err, "add \"crs\": \"AUTHORITY:CODE\" to the file's entry in the manifest");
        return -(int)SL_E_CRS_MISSING;
    }
    if (file && manifest && sl_crs_same(file, manifest)) {
        *used = manifest->id || !file->id ? manifest : file;
        *source_out = "both";
        return 0;
    }
    if (file && manifest && policy == SL_CRS_FAIL)
        return fail_mismatch(what, file, manifest, err);
    bool by_file = file && (!manifest || policy == SL_CRS_TRUST_FILE);
    *used = by_file ? file : manifest;
    *source_out = by_file ? "file" : "manifest";
    return 0;
}
