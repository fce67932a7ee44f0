#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The data that the quickstart ingests, in .cache/samples/. Nothing is downloaded: the countries are in the repository, the
# geoid model comes with Debian's proj-data (scripts/setup.sh), the temperatures are made by ecCodes' tools from its sample.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$0")/../lib.sh"

samples=$cache/samples
geoid=/usr/share/proj/egm96_15.gtx
geoid_sha256=c02a6eb70a7a78efebe5adf3ade626eb75390e170bb8b3f36136a2c28f5326a0

if [ -f "$samples/README.md" ] && [ -f "$samples/temperature.grib2" ]; then
    exit 0
fi
[ -f "$geoid" ] || die "$geoid is missing" "run scripts/setup.sh: it is in Debian's proj-data"
verified "$geoid" "$geoid_sha256" || die "$geoid is not the model that was expected (sha256 $geoid_sha256)"

mkdir -p "$cache"
part=$(mktemp -d "$cache/.samples.XXXXXX")
trap 'rm -rf "$part"' EXIT
cp "$root"/tests/data/countries/countries.* "$part/"
# The model as GeoTIFF, value by value: every pixel is a sample of the model's 15-minute grid.
logged "$part/.log" gdal_translate -q -of GTiff -co TILED=NO -mo AREA_OR_POINT=Point \
    -mo "TIFFTAG_IMAGEDESCRIPTION=EGM96 geoid undulation, metres above the WGS 84 ellipsoid" "$geoid" "$part/geoid.tif"
awk -f "$root/scripts/fetch/temperature.awk" >"$part/.rules"
logged "$part/.log" grib_filter -o "$part/temperature.grib2" "$part/.rules" "$(codes_info -s)/regular_ll_sfc_grib2.tmpl"
rm "$part/.log" "$part/.rules"
cat >"$part/README.md" <<'TEXT'
# Samples

| file | what | origin | licence |
|---|---|---|---|
| `countries.*` | Natural Earth 1:110m countries, ESRI Shapefile, EPSG:4326, 177 features | the repository's `tests/data/countries` (from PyPI's pyogrio) | public domain |
| `geoid.tif` | EGM96 geoid undulation on a 15-minute grid, GeoTIFF, EPSG:4326, 1440 x 721 of Float32 | `egm96_15.gtx` of Debian's proj-data, converted by gdal_translate | public domain (United States NIMA and NASA) |
| `temperature.grib2` | 2 m temperature, 1 degree, three times of 2025-03-11, GRIB 2 | made by formula (`scripts/fetch/temperature.awk`) with ecCodes' grib_filter from its own sample | as the repository |
TEXT
chmod 0755 "$part"
rm -rf "$samples"
mv "$part" "$samples"
