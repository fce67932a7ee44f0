/* SPDX-License-Identifier: Apache-2.0 */
/* The store suite on a directory tree. */
#include "conformance/store_suite.h"

#include "base/file.h"
#include "store/store.h"

static char root[256];

static int begin(void)
{
    cm_temp_dir(root, sizeof root, "store");
    return 0;
}

static int open_again(struct sl_store **out, struct sl_error *e)
{
    return sl_store_fs_open(root, out, e);
}

static void end(void)
{
    assert_ok(sl_dir_remove(root, &err));
}

int main(void)
{
    static const struct store_backend fs = {"fs", begin, open_again, end};
    return store_suite_run(&fs);
}
