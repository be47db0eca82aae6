"""One server a test, and how a source is opened on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from hub.testing.sources import context
from records_http import RecordsHttp
from tests.kit_https import PLATE, https_server


@pytest.fixture
def server(tmp_path: Path):
    folder = tmp_path / "server"
    folder.mkdir()
    with https_server(folder) as running:
        yield running


@pytest.fixture
def opened(server, tmp_path: Path):
    """Open a source on the server, with settings of its own."""
    sources: list[RecordsHttp] = []

    def opener(**settings: object) -> RecordsHttp:
        given = {"address": server.address, "root_certificate": str(server.root), "plate": PLATE} | settings
        source = RecordsHttp()
        sources.append(source)
        source.info = source.open(replace(context(tmp_path / "state"), settings=given))
        return source

    yield opener
    for source in sources:
        source.close()
