from __future__ import annotations

import logging
import tomllib
from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

import records_http
from hub.backends import PluginContext, RecordSource
from hub.config import parse_config
from hub.errors import SourceError
from hub.messages import DocumentQuery, PersonQuery, Reach, SubjectKind
from hub.records import apply_schema
from hub.testing.contracts_sources import Example, RecordSourceContract, query
from hub.testing.sources import context, typed_plate
from records_http import RecordsHttp
from tests.kit_https import PLATE, Received, reply

EXAMPLES = Path(__file__).parents[3] / "examples"
PEOPLE = {"path": ["people"], "query": {"q": "{name}", "born": "{birth_date}"}, "fields": {"family_name": "/n"}}
DOCUMENTS = {
    "method": "POST",
    "path": ["documents", "{number}"],
    "body": {"state": "{country}", "kind": "passport", "several": ["{number}"]},
    "fields": {"document_number": "/number"},
    "entry": "/number",
    "none": [404],
}


def register(request: Received):
    """A service that holds one of each."""
    if b"/people" in request.line:
        return reply([{"n": "Novak"}] if b"Novak" in request.line else [])
    if b"/documents/AB1 " in request.line:
        return reply({"number": "AB1"})
    if b"/documents" in request.line:
        return reply({"error": "no such document"}, 404)
    return reply(
        {"data": [{"id": 7, "plate": "KE 123 AB", "car": {"make": "Volvo"}}] if b"KE123AB" in request.line else []}
    )


class TestRecordsHttp(RecordSourceContract):
    @pytest.fixture
    def plugin_context(self, tmp_path: Path, server) -> PluginContext:
        server.script = register
        settings = {"address": server.address, "root_certificate": str(server.root), "seconds": 10}
        tables = {"plate": PLATE, "person": PEOPLE, "document": DOCUMENTS}
        return replace(context(tmp_path / "state"), settings=settings | tables)

    @pytest.fixture
    def source(self) -> RecordSource:
        return RecordsHttp()

    @pytest.fixture
    def examples(self) -> tuple[Example, ...]:
        return (
            Example(typed_plate("KE123AB"), "7"),
            Example(PersonQuery("Novak", date(1980, 1, 2)), "1"),
            Example(DocumentQuery("AB1", "SVK"), "AB1"),
        )


def test_it_is_restricted_until_the_operator_declares_it_and_looks_plates_up_exactly() -> None:
    assert RecordsHttp.reach is Reach.RESTRICTED
    assert RecordsHttp.may_declare == {Reach.ON_REQUEST}
    assert RecordsHttp.exact_only
    sources: list[type[RecordSource]] = []
    records_http.register_record_sources(sources.append)
    assert sources == [RecordsHttp]


def test_what_is_asked_is_encoded_and_what_is_unknown_left_out(server, opened) -> None:
    server.script = register
    source = opened(person=PEOPLE, document=DOCUMENTS)
    list(source.find(query(PersonQuery("O'Brien & Søn", None))))
    list(source.find(query(DocumentQuery("A/B?#..%2e", ""))))
    assert server.received[0].line == b"GET /people?q=O%27Brien%20%26%20S%C3%B8n HTTP/1.1"
    assert server.received[1].line == b"POST /documents/A%2FB%3F%23..%252e HTTP/1.1"
    assert server.received[1].body == b'{"kind":"passport","several":["A/B?#..%2e"]}'
    assert server.received[1].headers["content-type"] == "application/json"


@pytest.mark.parametrize("step", [".", "..", ""])
def test_nothing_walks_to_another_path(server, opened, step: str) -> None:
    source = opened(document=DOCUMENTS)
    if step:
        with pytest.raises(SourceError, match="cannot stand"):
            source.find(query(DocumentQuery(step, "")))
    else:
        assert not list(source.find(query(DocumentQuery(step, ""))))
    assert not server.received


def test_a_token_goes_into_its_header_and_nowhere_else(server, opened, tmp_path, monkeypatch, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    server.script = register
    token = tmp_path / "token"
    token.touch(mode=0o600)
    token.write_text("secret-of-a-file\n")
    monkeypatch.setenv("SERVICE_TOKEN", "secret-of-the-environment")
    list(opened(token_file=str(token)).find(query(typed_plate("KE123AB"))))
    plain_key = opened(token_variable="SERVICE_TOKEN", token_header="x-api-key", token_scheme="")
    list(plain_key.find(query(typed_plate("KE123AB"))))
    assert server.received[0].headers["authorization"] == "Bearer secret-of-a-file"
    assert server.received[1].headers["x-api-key"] == "secret-of-the-environment"
    assert "authorization" not in server.received[1].headers
    assert "secret" not in caplog.text
    assert "KE123AB" not in caplog.text
    token.chmod(0o644)
    with pytest.raises(SourceError, match="the token cannot be used") as caught:
        opened(token_file=str(token))
    assert "secret-of" not in str(caught.value)
    monkeypatch.setenv("SERVICE_TOKEN", "two\nlines")
    with pytest.raises(SourceError, match="control characters"):
        opened(token_variable="SERVICE_TOKEN")


def test_a_service_may_ask_for_the_unit_s_certificate(server, opened) -> None:
    server.script = register
    server.ask_for_certificates()
    certificate, key = map(str, server.client)
    known = opened(client_certificate=certificate, client_key=key)
    assert list(known.find(query(typed_plate("KE123AB"))))
    stranger = opened(client_certificate=str(server.stranger[0]), client_key=str(server.stranger[1]))
    for source in (opened(), stranger):
        with pytest.raises(SourceError, match=r"cannot be reached|broke the connection off"):
            source.find(query(typed_plate("KE123AB")))
    assert len(server.received) == 1
    server.client[1].chmod(0o644)
    with pytest.raises(SourceError, match="client_key can be read by others"):
        opened(client_certificate=certificate, client_key=key)


@pytest.mark.parametrize("where", ["root", "host"])
def test_a_certificate_that_nobody_vouches_for_is_refused_at_once(server, opened, where: str) -> None:
    change = {"root_certificate": str(server.other_root)} if where == "root" else {
        "address": server.address.replace("localhost", "127.0.0.1")
    }  # fmt: skip
    with pytest.raises(SourceError, match=r"(?i)cannot be reached: .*certificate verify failed"):
        opened(**change).find(query(typed_plate("KE123AB")))
    assert server.connections == 1
    assert not server.received


def test_it_answers_what_it_has_a_table_for(opened) -> None:
    assert opened().info.answers == {SubjectKind.PLATE}
    assert not list(opened().find(query(PersonQuery("Novak", None))))


WRONG = {
    "no tls": ({"address": "http://localhost"}, "nothing is asked without TLS"),
    "user": ({"address": "https://me:secret@localhost"}, "holds more than host and port"),
    "path": ({"address": "https://localhost/v1"}, "a path goes to path"),
    "no host": ({"address": "https://"}, "must be https"),
    "port": ({"address": "https://localhost:99999"}, "must be https"),
    "nothing": ({"plate": None}, "needs a table plate, person or document"),
    "unknown": ({"verify": False}, "unknown field verify"),
    "part of a value": ({"plate": {**PLATE, "query": {"q": "plate={plate}"}}}, "each as a whole value"),
    "no such placeholder": ({"plate": {**PLATE, "query": {"q": "{name}"}}}, "{name} is no placeholder"),
    "template of others": ({"plate": {**PLATE, "path": ["{0.__class__}", "{plate}"]}}, "is no placeholder"),
    "asks nothing": ({"plate": {**PLATE, "query": {}}}, "asks for nothing"),
    "dots": ({"plate": {**PLATE, "path": [".."]}}, "made of dots"),
    "body of a get": ({"plate": {**PLATE, "body": {"a": "b"}}}, "a GET has none"),
    "method": ({"plate": {**PLATE, "method": "DELETE"}}, "invalid enum value"),
    "field": ({"plate": {**PLATE, "fields": {"score": "/s", "plate": "/p"}}}, "score is no field"),
    "no plate": ({"plate": {**PLATE, "fields": {"make": "/m"}}}, "plate.fields needs plate"),
    "pointer": ({"plate": {**PLATE, "fields": {"plate": "p"}}}, "expected str matching regex"),
    "header": ({"headers": {"Host": "elsewhere"}}, "no header that can be set"),
    "header with a line": ({"headers": {"x-a": "b\r\nx-c: d"}}, "no header that can be set"),
    "token's header": ({"token_header": "x y"}, "no header that can be set"),
    "root": ({"root_certificate": "relative.pem"}, "root_certificate is no file"),
    "key": ({"client_certificate": "/etc/hostname"}, "belong together"),
    "no certificate": ({"root_certificate": "/etc/hostname"}, "cannot be used"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_in_one_line(opened, case: str) -> None:
    change, said = WRONG[case]
    with pytest.raises(SourceError) as caught:
        opened(**change)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def example(name: str, server) -> dict[str, object]:
    """Return an example's settings, pointed at the test's server."""
    text = (EXAMPLES / name).read_text()
    parse_config(text)
    (own,) = tomllib.loads(text)["lookups"]["sources"].values()
    assert own["reach"] == "on_request"
    assert own["settings"]["seconds"] < own["deadline"]
    return own["settings"] | {"address": server.address, "root_certificate": str(server.root)}


def test_the_dutch_register_s_documented_answer_is_understood(server, opened) -> None:
    server.script = lambda request: reply([{
        "kenteken": "6TJR64", "voertuigsoort": "Personenauto", "merk": "NISSAN", "handelsbenaming": "NISSAN NOTE",
        "vervaldatum_apk": "20260306", "datum_tenaamstelling": "20140306", "bruto_bpm": "2205", "inrichting": "MPV",
        "aantal_zitplaatsen": "5", "eerste_kleur": "GRIJS", "tweede_kleur": "Niet geregistreerd", "wam_verzekerd": "Ja",
        "vervaldatum_apk_dt": "2026-03-06T00:00:00.000",
    }] if b"6TJR64" in request.line else [])  # fmt: skip
    source = opened(**example("records_http_rdw.toml", server))
    (record,) = source.find(query(typed_plate("6-TJR-64")))
    kept, dropped = apply_schema(record)
    assert server.received[0].line == b"GET /resource/m9d7-ebf2.json?kenteken=6TJR64 HTTP/1.1"
    assert dropped == 0
    assert kept.entry == "6TJR64"
    assert {field.name: field.value for field in kept.fields} == {
        "plate": "6TJR64", "region": "NL", "make": "NISSAN", "model": "NISSAN NOTE", "colour": "GRIJS",
        "vehicle_type": "Personenauto", "keeper_since": "2014-03-06", "insurance_status": "insured",
        "inspection_until": "2026-03-06",
    }  # fmt: skip
    assert not list(source.find(query(typed_plate("XX999X"))))


def test_the_british_register_s_documented_answer_is_understood(server, opened, tmp_path) -> None:
    def service(request: Received):
        if request.headers.get("x-api-key") != "a key":
            return reply({"message": "Forbidden"}, 403)
        if request.body != b'{"registrationNumber":"AA19AAA"}':
            return reply({"errors": [{"status": "404", "code": "404", "title": "Vehicle Not Found"}]}, 404)
        return reply({
            "registrationNumber": "AA19AAA", "artEndDate": "2025-03-30", "co2Emissions": 300, "engineCapacity": 2000,
            "euroStatus": "EURO1", "markedForExport": False, "fuelType": "PETROL", "motStatus": "Not valid",
            "motExpiryDate": "2022-05-20", "revenueWeight": 0, "colour": "RED", "make": "FORD", "typeApproval": "M1",
            "yearOfManufacture": 2019, "taxDueDate": "2027-01-01", "taxStatus": "Taxed",
            "dateOfLastV5CIssued": "2019-05-20", "wheelplan": "2 AXLE RIGID BODY",
            "monthOfFirstRegistration": "2019-03", "monthOfFirstDvlaRegistration": "2019-03",
            "realDrivingEmissions": "1",
        })  # fmt: skip

    server.script = service
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_text("a key\n")
    settings = example("records_http_dvla.toml", server) | {"token_file": str(key)}
    source = opened(**settings)
    (record,) = source.find(query(typed_plate("AA19 AAA")))
    kept, dropped = apply_schema(record)
    assert server.received[0].line == b"POST /vehicle-enquiry/v1/vehicles HTTP/1.1"
    assert dropped == 0
    assert {field.name: field.value for field in kept.fields} == {
        "plate": "AA19AAA", "region": "GB", "make": "FORD", "colour": "RED", "vehicle_type": "2 AXLE RIGID BODY",
        "inspection_status": "overdue", "inspection_until": "2022-05-20",
    }  # fmt: skip
    assert not list(source.find(query(typed_plate("ER19NFD"))))
    key.write_text("another\n")
    with pytest.raises(SourceError, match="refuses this unit's token"):
        opened(**settings).find(query(typed_plate("AA19AAA")))
