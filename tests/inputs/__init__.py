# SPDX-License-Identifier: Apache-2.0
"""Files as people send them, each with what has to come out: `test_input_files.py` gives them all to one engine."""

from inputs import damaged, formats, rasters, shapefiles, systems, tables, values
from inputs.case import Input

INPUTS: list[Input] = [*shapefiles.INPUTS, *formats.INPUTS, *values.INPUTS, *systems.INPUTS, *damaged.INPUTS,
                       *rasters.INPUTS, *tables.INPUTS]
