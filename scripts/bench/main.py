# SPDX-License-Identifier: Apache-2.0
"""The command line of scripts/bench.sh: which measurements, how long, how they are shown."""

import argparse
import datetime
import json
import platform
import sys
import textwrap
from pathlib import Path

import grid
import iceberg
import latency
import memory
import objects
import raster
import small
import tables
import vector
import verify
from common import Options, Unavailable, cores, load

BENCHES = {
    "small": (small.run, "batches a second: one GeoJSON of 20 features each, all waiting"),
    "latency": (latency.run, "from the upload of a manifest to the start of its batch; what an idle look costs"),
    "objects": (objects.run, "1 GiB and 2,000 x 64 KiB to and from MinIO, beside boto3; and curl"),
    "vector": (vector.run, "500,000 buildings, reprojected and simplified or only converted, beside geopandas, DuckDB and PostGIS"),
    "raster": (raster.run, "10,000 x 10,000 pixels to COG and to EPSG:4326 COG, beside gdal_translate, gdalwarp and rio-cogeo"),
    "grid": (grid.run, "24 global fields to ClickHouse, beside a ready-made file and cfgrib; a place among 100 million rows"),
    "iceberg": (iceberg.run, "1,000,000 records and lots of 500 to an Iceberg table, beside pyiceberg and Trino"),
    "memory": (memory.run, "the most memory that a worker takes for a vector file of 2 GB"),
    "tables": (tables.run, "1,000,000 records of a web API to a batch, beside a loop in Python"),
    "verify": (verify.run, "verify --quick over 10,000 and 100,000 assets: time and memory"),
}


def arguments() -> argparse.Namespace:
    names = "\n".join(f"  {name:<9} {text}" for name, (_, text) in BENCHES.items())
    parser = argparse.ArgumentParser(prog="scripts/bench.sh", formatter_class=argparse.RawDescriptionHelpFormatter,
                                     description="Measures sluice beside other programs, in one run on one machine.",
                                     epilog=f"names:\n{names}\n\nData are made with fixed seeds in .cache/bench.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which (default: all)")
    parser.add_argument("--runs", type=int, default=3, help="each is measured so often, the median counts (default 3)")
    parser.add_argument("--short", action="store_true", help="a small size, once: does it work, not how fast is it")
    parser.add_argument("--large", action="store_true", help="vector: also the memory and time of sluice for ten times the rows")
    parser.add_argument("--batches", type=int, help="small: how many (default 2000)")
    parser.add_argument("--workers", type=int, default=cores(), help="processes at work (default: the cores)")
    parser.add_argument("--world", choices=("embedded", "services", "all"), default="all",
                        help="the embedded default, MinIO and MongoDB by scripts/services.sh, or both (default)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    args = parser.parse_args()
    for name in args.names:
        if name not in BENCHES:
            parser.error(f"{name!r} is none of {', '.join(BENCHES)}")
    return args


def show(row: dict, as_json: bool) -> None:
    if as_json:
        print(json.dumps(row), flush=True)
        return
    digits = 2 if row["unit"] in ("times", "ms/object", "M rows/s") else 1
    spread = f" ({row['least']:.{digits}f} to {row['most']:.{digits}f})" if "least" in row else ""
    print(f"{row['bench']:<9} {row['case']:<40} {row['value']:>9,.{digits}f} {row['unit']:<10} {row['size']:<30} "
          f"median of {row['of']}{spread}", flush=True)


def heading() -> dict:
    """What every figure depends on."""
    model = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    at = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    return {"date": at, "cores": cores(), "processor": model, "load": round(load(), 1)}


def main() -> int:
    args = arguments()
    options = Options(1 if args.short else args.runs, args.short, args.workers, args.world, args.batches, args.large)
    about = heading()
    if not args.json:
        print(f"{about['date']}, {about['cores']} cores ({about['processor']}), load {about['load']}", flush=True)
    if about["load"] > 0.5:
        print(f"this machine is busy (load {about['load']}): figures will be worse than it can do", file=sys.stderr)
    missed = 0
    for name in args.names or BENCHES:
        try:
            for row in BENCHES[name][0](options):
                show({"bench": name, **about, **row}, args.json)
        except Unavailable as reason:
            missed += 1
            print(textwrap.shorten(f"{name}: not measured: {reason}", 400), file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
