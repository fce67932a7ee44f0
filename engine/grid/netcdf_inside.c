/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NetCDF-4 is HDF5, of which a file can say that the values of a dataset, or a part of its tree, are in another file:
 * external storage, external links, virtual datasets. Who uploads such a file would be given what this process can
 * read, so that it is refused before any value is read.
 */
#define H5_USE_110_API
#include <hdf5.h>
#include <stdbool.h>
#include <string.h>

#include "base/file.h"
#include "grid/netcdf_internal.h"

struct inside {
    const char *path;
    struct sl_error *err;
    int64_t n;
};

enum { OBJECTS_MAX = 100000 };

static int elsewhere(const struct inside *in, const char *what, const char *name, const char *file)
{
    int rc =
        sl_fail(in->err, SL_E_FILE_FORMAT, "%s \"%.80s\" of \"%s\" is in another file, \"%.200s\", which is not read",
                what, name, sl_path_base(in->path), file);
    sl_error_hint(in->err, "save it as one file that has all of its values, and upload that");
    return rc;
}

static int check_storage(const struct inside *in, const char *name, hid_t properties)
{
    char file[256] = "";
    if (H5Pget_layout(properties) == H5D_VIRTUAL) {
        if (H5Pget_virtual_filename(properties, 0, file, sizeof file) < 0)
            file[0] = '\0';
        return elsewhere(in, "a part of dataset", name, file);
    }
    if (H5Pget_layout(properties) != H5D_CONTIGUOUS || H5Pget_external_count(properties) <= 0)
        return 0;
    H5Pget_external(properties, 0, sizeof file - 1, file, NULL, NULL);
    return elsewhere(in, "dataset", name, file);
}

static herr_t visit_object(hid_t root, const char *name, const H5O_info_t *info, void *data)
{
    struct inside *in = data;
    if (in->n++ == OBJECTS_MAX)
        return (herr_t)sl_fail(in->err, SL_E_LIMIT, "\"%s\" has more than %d objects", sl_path_base(in->path),
                               OBJECTS_MAX);
    if (info->type != H5O_TYPE_DATASET)
        return 0;
    hid_t dataset = H5Dopen2(root, name, H5P_DEFAULT);
    hid_t properties = dataset >= 0 ? H5Dget_create_plist(dataset) : -1;
    int rc = properties >= 0 ? check_storage(in, name, properties)
                             : sl_fail(in->err, SL_E_FILE_DAMAGED, "dataset \"%.80s\" of \"%s\" cannot be opened", name,
                                       sl_path_base(in->path));
    if (properties >= 0)
        H5Pclose(properties);
    if (dataset >= 0)
        H5Dclose(dataset);
    return rc < 0 ? -1 : 0;
}

static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *info, void *data)
{
    struct inside *in = data;
    char value[512] = "";
    const char *file = NULL, *object = NULL;
    unsigned flags;
    if (in->n++ == OBJECTS_MAX)
        return (herr_t)sl_fail(in->err, SL_E_LIMIT, "\"%s\" has more than %d links", sl_path_base(in->path),
                               OBJECTS_MAX);
    if (info->type == H5L_TYPE_HARD || info->type == H5L_TYPE_SOFT)
        return 0;
    bool known = info->type == H5L_TYPE_EXTERNAL && info->u.val_size <= sizeof value &&
                 H5Lget_val(group, name, value, sizeof value, H5P_DEFAULT) >= 0 &&
                 H5Lunpack_elink_val(value, info->u.val_size, &flags, &file, &object) >= 0;
    elsewhere(in, "object", name, known ? file : "?");
    return -1;
}

int sl_nc__check_inside(const char *path, struct sl_error *err)
{
    struct sl_error why = {0};
    struct inside in = {.path = path, .err = &why};
    H5E_auto2_t print = NULL;
    void *print_data = NULL;
    if (H5Eget_auto2(H5E_DEFAULT, &print, &print_data) < 0)
        return sl_fail(err, SL_E_INTERNAL, "HDF5 cannot be begun");
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    herr_t rc = file < 0 ? -1 : H5Lvisit(file, H5_INDEX_NAME, H5_ITER_NATIVE, visit_link, &in);
    in.n = 0;
    if (rc >= 0)
        rc = H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_NATIVE, visit_object, &in, H5O_INFO_BASIC);
    if (file >= 0)
        H5Fclose(file);
    H5Eset_auto2(H5E_DEFAULT, print, print_data);
    if (rc >= 0)
        return 0;
    if (why.code == SL_OK)
        sl_fail(&why, SL_E_FILE_DAMAGED, "the HDF5 structure of \"%s\" cannot be read", sl_path_base(path));
    if (err)
        *err = why;
    return -(int)why.code;
}
