#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a fresh clone to real data in the lake: installs what is missing, builds, ingests three batches, shows what came out.
# The home is $SLUICE_HOME, ./.sluice of the source tree by default. Running it again is harmless.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

case ${1:-} in
    "") ;;
    -h | --help) echo "usage: scripts/quickstart.sh    (the home is \$SLUICE_HOME, ./.sluice by default)"; exit 0 ;;
    *) echo "usage: scripts/quickstart.sh" >&2; exit 2 ;;
esac

build() {
    local since=$SECONDS log=$cache/build-release.log
    logged "$log" cmake --preset release
    logged "$log" cmake --build --preset release --target sluice
    line build release "$(seconds "$since")"
}

"$root/scripts/setup.sh"
"$root/scripts/fetch/samples.sh"
cd "$root"
build

export SLUICE_HOME=${SLUICE_HOME:-$root/.sluice}
sluice() { "$root/build/release/engine/cli/sluice" "$@"; }
samples=$cache/samples

sluice init
echo
# Quiet: what comes next is what comes next here.
sluice submit --quiet --batch-id quickstart-countries --intent ingest_vector --type vector --dataset countries "$samples/countries.shp"
sluice submit --quiet --batch-id quickstart-geoid --intent ingest_satellite_raster --type raster --dataset geoid "$samples/geoid.tif"
sluice submit --quiet --batch-id quickstart-temperature --intent ingest_grib --type grid --dataset temperature "$samples/temperature.grib2"
sluice run --once
echo
sluice asset list
echo
sluice lineage countries
echo
sluice grid point --variable 2t --lat 52.52 --lon 13.40 --at 2025-03-11T12:00Z
cat <<TEXT

Your turn, after this line:
  export SLUICE_HOME=$SLUICE_HOME PATH=$root/build/release/engine/cli:\$PATH

  sluice submit --intent ingest_vector --type vector roads.gpkg  upload a file of yours
  sluice run                                                     ingest what is waiting
  sluice recipe explain ingest_vector                            what is done to it
  sluice verify --deep                                           is all still as it was recorded
  sluice stop                                                    stop the private PostGIS cluster
TEXT
