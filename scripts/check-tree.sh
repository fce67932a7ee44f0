#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the compiler does not check of the source tree.
#   includes   an engine folder includes only itself and folders below it, in the order of engine/CMakeLists.txt;
#              public headers include no engine header
#   context    every folder of engine/ and services/ that holds something has a CONTEXT.md of at most 60 lines
# The tree is the one that the script stands in, or the one given: check-tree.sh [--tree FOLDER] includes|context…
set -euo pipefail
tree=$(cd "$(dirname "$0")/.." && pwd -P)
if [ "${1:-}" = --tree ]; then
    tree=$2
    shift 2
fi
cd "$tree"
found=0
complain() {
    printf '%s\n' "$1"
    found=1
}

check_includes() {
    local layers folder message
    layers=$(sed -n 's/^foreach(folder \(.*\))$/\1/p' engine/CMakeLists.txt)
    [ -n "$layers" ] || { complain "engine/CMakeLists.txt: no list of layers"; return; }
    for folder in engine/*/; do
        folder=$(basename "$folder")
        [[ " $layers " == *" $folder "* ]] || complain "engine/$folder is not in the list of engine/CMakeLists.txt"
    done
    # shellcheck disable=SC2016  # awk expands its own
    while IFS= read -r message; do
        complain "$message"
    done < <(find engine include -name '*.[ch]' -print0 | sort -z | xargs -0 awk -v layers="$layers" '
        BEGIN { n = split(layers, order, " "); for (i = 1; i <= n; i++) rank[order[i]] = i }
        /^[ \t]*#[ \t]*include[ \t]*"/ {
            split(FILENAME, path, "/")
            file = $0; sub(/^[^"]*"/, "", file); sub(/".*/, "", file)
            split(file, part, "/")
            if (file ~ /(^|\/)\.\.\//) print FILENAME ":" FNR ": \"" file "\" steps out of its folder"
            else if (path[1] == "include") {
                if (part[1] != "sluice") print FILENAME ":" FNR ": a public header includes \"" file "\""
            } else if (path[3] == "") print FILENAME ":" FNR ": a source outside of the layers"
            else if (part[1] in rank && index(file, "/") && rank[part[1]] > rank[path[2]])
                print FILENAME ":" FNR ": " path[2] " includes \"" file "\" of a higher layer"
        }')
}

check_context() {
    local folder lines
    for folder in engine/*/ services/*/; do
        [ -d "$folder" ] || continue
        [ -n "$(find "$folder" -type f ! -name CMakeLists.txt ! -name CONTEXT.md -print -quit 2>/dev/null)" ] || continue
        [ -f "$folder/CONTEXT.md" ] || complain "${folder%/} has no CONTEXT.md"
    done
    while IFS= read -r folder; do
        lines=$(wc -l <"$folder")
        [ "$lines" -le 60 ] || complain "$folder has $lines lines, more than 60"
    done < <(find . -path "./engine/*" -name CONTEXT.md -o -path "./services/*" -name CONTEXT.md)
}

[ $# -gt 0 ] || { echo "usage: scripts/check-tree.sh [--tree FOLDER] includes|context…" >&2; exit 2; }
for check in "$@"; do
    case $check in
        includes) check_includes ;;
        context) check_context ;;
        *) echo "there is no check '$check': expected includes or context" >&2; exit 2 ;;
    esac
done
exit "$found"
