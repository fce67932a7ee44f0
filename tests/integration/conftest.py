# SPDX-License-Identifier: Apache-2.0
import pytest

from home import Home


@pytest.fixture(scope="module")
def home():
    """A fresh home, shared by the tests of one module."""
    fresh = Home()
    try:
        fresh.run("init")
        yield fresh
    finally:
        fresh.close()
