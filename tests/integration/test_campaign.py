# SPDX-License-Identifier: Apache-2.0
"""The campaign of tests/campaign/, short: SIGKILL of everything at random while batches flow on the services."""

import os
import subprocess
import sys

from home import ROOT, binary

TIMEOUT_S = 900


def test_nothing_is_lost_doubled_or_half_visible_whatever_is_killed():
    done = subprocess.run([sys.executable, ROOT / "tests/campaign/run.py", "--world", "services", "--batches", "80"],
                          env=os.environ | {"SLUICE_BINARY": str(binary())}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
