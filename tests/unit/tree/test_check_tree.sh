#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check-tree.sh passes a clean tree and names each violation that is planted in it.
set -euo pipefail
check=$(cd "$(dirname "$0")/../../.." && pwd -P)/scripts/check-tree.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failed=0

plant() {
    rm -rf "${tree:?}"/*
    mkdir -p "$tree/engine/low" "$tree/engine/high/part" "$tree/include/sluice" "$tree/services"
    echo 'foreach(folder low high)' >"$tree/engine/CMakeLists.txt"
    printf '#include "low/low.h"\n#include <sluice/error.h>\n' >"$tree/engine/high/part/high.c"
    printf '#include <stdio.h>\n' >"$tree/engine/low/low.c"
    echo 'about' | tee "$tree/engine/low/CONTEXT.md" >"$tree/engine/high/CONTEXT.md"
}

# expect STATUS TEXT: what the checker answers to the tree as it stands.
expect() {
    local status=0 output
    output=$("$check" --tree "$tree" includes context 2>&1) || status=$?
    if [ "$status" != "$1" ] || [[ "$output" != *"$2"* ]]; then
        printf 'expected status %s and "%s", got status %s and "%s"\n' "$1" "$2" "$status" "$output"
        failed=1
    fi
}

plant
expect 0 ""
plant
echo '#include "high/part/high.h"' >>"$tree/engine/low/low.c"
expect 1 'engine/low/low.c:2: low includes "high/part/high.h" of a higher layer'
plant
echo '#include "../low/low.h"' >>"$tree/engine/high/part/high.c"
expect 1 'engine/high/part/high.c:3: "../low/low.h" steps out of its folder'
plant
echo '#include "low/low.h"' >"$tree/include/sluice/x.h"
expect 1 'include/sluice/x.h:1: a public header includes "low/low.h"'
plant
mkdir "$tree/engine/stray"
expect 1 'engine/stray is not in the list'
plant
rm "$tree/engine/low/CONTEXT.md"
expect 1 'engine/low has no CONTEXT.md'
plant
yes line 2>/dev/null | head -n 61 >"$tree/engine/low/CONTEXT.md" || true
expect 1 'has 61 lines, more than 60'
exit "$failed"
