"""One server for all tests of this plugin."""

from __future__ import annotations

import pytest

from tests.kit_postgres import running_server


@pytest.fixture(scope="session")
def postgres():
    with running_server() as server:
        yield server
