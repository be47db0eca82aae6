"""An officer asks others' registers by command: only where the configuration lets them, each answer in the log."""

from __future__ import annotations

import pytest

from hub.audit.reading import read_entries
from hub.messages import Act
from hub.unit import AUDIT_FILE
from tests.kit import Unit
from tests.kit_https import https_server, reply

VEHICLE = {"kenteken": "6TJR64", "merk": "NISSAN", "handelsbenaming": "NISSAN NOTE", "wam_verzekerd": "Nee"}
SETTINGS = """
[lookups.sources.rdw]
uses = "records_http"
{reach}
deadline = 8.0
[lookups.sources.rdw.settings]
address = "{address}"
root_certificate = "{root}"
seconds = 7.0
[lookups.sources.rdw.settings.plate]
path = ["resource", "m9d7-ebf2.json"]
query = {{ kenteken = "{{plate}}" }}
entry = "/kenteken"
[lookups.sources.rdw.settings.plate.fields]
plate = "/kenteken"
make = "/merk"
model = "/handelsbenaming"
insurance_status = {{ at = "/wam_verzekerd", values = {{ Ja = "insured", Nee = "uninsured" }} }}
"""


@pytest.fixture
def service(tmp_path):
    folder = tmp_path / "service"
    folder.mkdir()
    with https_server(folder) as server:
        server.script = lambda request: reply([VEHICLE] if b"6TJR64" in request.line else [])
        yield server


@pytest.fixture
def unit(tmp_path):
    unit = Unit.prepare(tmp_path / "unit")
    with unit.active():
        yield unit


def configure(unit: Unit, service, reach: str) -> None:
    text = unit.config.read_text()
    unit.config.write_text(text + SETTINGS.format(reach=reach, address=service.address, root=service.root))


def ask(unit: Unit, plate: str):
    return unit.run("lookup", "plate", plate, "--reason", "stopped, no papers", "--source", "rdw")


@pytest.mark.slow
def test_a_service_is_asked_once_the_operator_declares_it(unit, service) -> None:
    configure(unit, service, 'reach = "on_request"')
    found = ask(unit, "6-TJR-64")
    assert found.status == 0, found.err
    assert "rdw: hit" in found.out
    assert "NISSAN NOTE" in found.out
    assert "uninsured" in found.out
    assert service.received[0].line == b"GET /resource/m9d7-ebf2.json?kenteken=6TJR64 HTTP/1.1"
    asked = [each.metadata for each in read_entries(unit.state / AUDIT_FILE) if each.metadata.act is Act.LOOKUP]
    assert len(asked) == 1
    in_part = ask(unit, "6TJR*")
    assert "only look a plate up exactly as written" in in_part.out
    assert len(service.received) == 1


@pytest.mark.slow
def test_undeclared_it_is_restricted_and_receives_nothing(unit, service) -> None:
    configure(unit, service, "")
    refused = ask(unit, "6TJR64")
    assert "grant" in refused.out + refused.err
    assert not service.received
    assert any(each.metadata.act is Act.LOOKUP_REFUSED for each in read_entries(unit.state / AUDIT_FILE))


@pytest.mark.slow
def test_nobody_makes_it_automatic(unit, service) -> None:
    configure(unit, service, 'reach = "automatic"')
    refused = ask(unit, "6TJR64")
    assert refused.status == 2
    assert "leaves no wider reach to the configuration" in refused.problem()
    assert not service.received
