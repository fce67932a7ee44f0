# SPDX-License-Identifier: Apache-2.0
import pytest

pytest.register_assert_rewrite("inputs.case")

from home import Home
from services import ServiceHome, Services


@pytest.fixture(scope="module")
def home():
    """A fresh home, shared by the tests of one module."""
    fresh = Home()
    try:
        fresh.run("init")
        yield fresh
    finally:
        fresh.close()


@pytest.fixture(scope="session")
def services():
    """MinIO, a MongoDB wire server and PostGIS, started once."""
    running = Services()
    try:
        yield running
    finally:
        running.close()


@pytest.fixture
def service_home(services):
    """A fresh home on them, with buckets, accounts and databases of its own."""
    fresh = ServiceHome(services)
    try:
        fresh.run("init")
        yield fresh
    finally:
        fresh.close()
