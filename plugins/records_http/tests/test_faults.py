"""A service that is slow, gone, lying or hostile: one line that says so, in time, and no harm."""

from __future__ import annotations

import contextlib
import gzip
import json
import string
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.errors import HubError, SourceError
from hub.messages import CharacterRead, DocumentQuery, PersonQuery, PlateQuery, Reading
from hub.records import apply_schema
from hub.testing.contracts_sources import query
from hub.testing.sources import typed_plate
from records_http.building import build
from records_http.reading import DEEPEST, MOST_RECORDS, MOST_VALUES, point, read_answer
from records_http.settings import RequestSettings, Settings, load
from tests.kit_https import PLATE, reply

KE123AB = query(typed_plate("KE123AB"))
GOOD = {"data": [{"id": "7", "plate": "KE123AB", "car": {"make": "Volvo"}}]}
POST = {**PLATE, "method": "POST", "query": {}, "body": {"plate": "{plate}"}}


def fails(source) -> tuple[str, float]:
    start = time.monotonic()
    with pytest.raises(SourceError) as caught:
        source.find(KE123AB)
    assert "\n" not in str(caught.value)
    assert "KE123AB" not in str(caught.value)
    return str(caught.value), time.monotonic() - start


SENT = {
    "wrong type": (reply(b"<html>", content_type="text/html"), "something that it does not call JSON"),
    "no type": (reply(GOOD, content_type=""), "something that it does not call JSON"),
    "no JSON": (reply(b"{'data': []}"), "something that is no JSON"),
    "empty": (reply(b""), "something that is no JSON"),
    "not UTF-8": (reply(b'{"data": ["\xff"]}'), "something that is no JSON"),
    "endless nesting": (reply(b"[" * 500_000), "something that is no JSON"),
    "deep": (reply(b'{"a":' * (DEEPEST + 1) + b"1" + b"}" * (DEEPEST + 1)), "levels deep"),
    "wide": (reply({"data": [0] * (MOST_VALUES + 1)}), "values"),
    "many": (reply({"data": [{}] * (MOST_RECORDS + 1)}), "over 1000 records"),
    "elsewhere": (reply({"other": []}), "no records at /data"),
    "no record": (reply({"data": ["KE123AB"]}), "no records at /data"),
    "too large": (reply(b" " * 1_000_001), "larger than 1000000 bytes"),
    "bomb": (reply(gzip.compress(b" " * 10**7), content_encoding="gzip"), "a compressed form that was not asked for"),
    "moved": (reply(b"", 302, location="https://localhost:1/"), "sends elsewhere, which is not followed"),
    "not found": (reply(b"", 404), "refuses the request (404)"),
    "forbidden": (reply(b"", 403), "refuses this unit's token or certificate (403)"),
    "failed": (reply(b"KE123AB", 500), "the service failed (500)"),
    "pause": (reply(b"", 429, retry_after="3600"), "asks for a pause (429)"),
    "nonsense": ([b"\x00\xff not HTTP at all\r\n\r\n"], "broke the connection off"),
    "half": ([reply(GOOD)[0][:-5]], "broke the connection off"),
    "nothing": ([], "broke the connection off"),
    "headers without end": ([b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100_000], "broke the connection off"),
}


@pytest.mark.parametrize("case", SENT)
def test_what_is_wrong_with_an_answer_is_said(server, opened, case: str) -> None:
    pieces, said = SENT[case]
    server.script = lambda _: pieces
    shown, seconds = fails(opened(attempts=1, seconds=10))
    assert said in shown
    assert seconds < 5


def test_a_service_that_is_not_there_is_said(server, opened) -> None:
    source = opened(attempts=1, seconds=10)
    server.stop()
    assert "cannot be reached" in fails(source)[0]


@pytest.mark.parametrize("case", ["handshake", "headers", "body", "dripping headers", "dripping body"])
def test_one_deadline_holds_for_all_of_a_call(server, opened, case: str) -> None:
    whole = reply(GOOD)[0]
    head = whole.partition(b"\r\n\r\n")[0]

    def drip(_):
        for byte in (head if "headers" in case else head + b"\r\n\r\n") if "dripping" not in case else b"":
            yield bytes([byte])
        if case in {"headers", "body"}:
            server.wait(5)
            return
        yield b"" if case == "dripping headers" else head + b"\r\n\r\n"
        for byte in whole:
            yield bytes([byte])
            if not server.wait(0.05):
                return

    server.script = drip
    source = opened(seconds=0.6)
    server.mute = case == "handshake"
    said, seconds = fails(source)
    assert said == "the service did not answer within 0.6 s"
    assert seconds < 2


def failing_first(*answers):
    rest = list(answers)
    return lambda _: rest.pop(0) if rest else reply(GOOD)


def test_a_get_is_sent_again_and_a_post_never(server, opened) -> None:
    for broken in (reply(b"", 503), [], reply(b"", 429, retry_after="0")):
        server.received.clear()
        server.script = failing_first(broken)
        assert [record.entry for record in opened(seconds=10).find(KE123AB)] == ["7"]
        assert len(server.received) == 2
        server.received.clear()
        server.script = failing_first(broken)
        fails(opened(seconds=10, plate=POST))
        assert len(server.received) == 1


def test_attempts_end(server, opened) -> None:
    server.script = lambda _: reply(b"", 502)
    assert fails(opened(attempts=2, seconds=10))[0] == "the service failed (502)"
    assert len(server.received) == 2


def test_a_pause_that_outlasts_the_deadline_is_not_waited_for(server, opened) -> None:
    server.script = lambda _: reply(b"", 503, retry_after="30")
    said, seconds = fails(opened(seconds=10))
    assert said == "the service failed (503)"
    assert seconds < 3
    assert len(server.received) == 1


def test_an_answer_about_another_car_is_no_hit(server, opened) -> None:
    from hub.plates.budget import cost_limit
    from hub.plates.grammar import load_grammars
    from hub.plates.matching import match_plate

    server.script = lambda _: reply({"data": [{"id": "1", "plate": "BA999ZZ"}]})
    found = [apply_schema(record)[0] for record in opened(seconds=10).find(KE123AB)]
    assert len(found) == 1
    assert not match_plate(KE123AB.subject, found, cost_limit(0, load_grammars()))


# ------------------------------------------------------------------------------------------------- injection

ANY = st.text(max_size=40) | st.sampled_from(
    ["{plate}", "{name}", "..", "../..", "a/b", "?x=1", "#", "&admin=1", "%2e%2e", "\r\nX-Evil: 1", "\x00", '","a":"',
     "{0.__class__}", "${jndi:x}", "\ud800", "@evil.test", "//evil.test", "\\", ":443"]
)  # fmt: skip


def template(**more: object) -> RequestSettings:
    table = {"path": ["v1", "{name}"], "query": {"q": "{name}", "fixed": "1"}, "fields": {"family_name": "/n"}, **more}
    settings = load({"address": "https://localhost", "person": table})
    assert isinstance(settings, Settings)
    assert settings.person is not None
    return settings.person


SAFE = set(string.ascii_letters + string.digits + "-._~%")


@settings(max_examples=200)
@given(ANY)
def test_no_value_leaves_its_place_in_the_address(text: str) -> None:
    try:
        request = build(template(), PersonQuery(text, None))
    except SourceError:
        return
    path, _, pairs = request.target.partition("?")
    steps = path.split("/")
    assert steps[:2] == ["", "v1"]
    assert len(steps) == 3
    assert steps[2] not in {"", ".", ".."}
    assert set(steps[2]) <= SAFE
    names = [pair.partition("=")[0] for pair in pairs.split("&")]
    assert names in (["q", "fixed"], ["fixed"])
    assert all(set(pair.partition("=")[2]) <= SAFE for pair in pairs.split("&"))


@settings(max_examples=200)
@given(ANY)
def test_no_value_leaves_its_place_in_the_body(text: str) -> None:
    body = {"a": {"name": "{name}", "constant": "x"}, "born": "{birth_date}", "n": 1}
    try:
        request = build(template(method="POST", path=["p"], query={}, body=body), PersonQuery(text, None))
    except SourceError:
        return
    inner = {"name": text, "constant": "x"} if text else {"constant": "x"}
    assert json.loads(request.body) == {"a": inner, "n": 1}
    assert request.target == "/p"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ANY, ANY)
def test_no_field_of_a_query_is_a_header_or_another_request(server, opened, text: str, other: str) -> None:
    server.received.clear()
    document = {"path": ["d", "{number}"], "query": {"c": "{country}"}, "fields": {"document_number": "/n"}}
    person = {"path": ["p"], "query": {"q": "{name}"}, "fields": {"family_name": "/n"}}
    server.script = lambda _: reply({"data": []})
    source = opened(document=document, person=person, attempts=1, seconds=10)
    raw = PlateQuery((Reading(text, 1.0, (), tuple(CharacterRead(c, 1.0) for c in text)),), None)
    for subject in (raw, DocumentQuery(text, other), PersonQuery(other, None)):
        with contextlib.suppress(HubError):
            list(source.find(query(subject)))
    for request in server.received:
        method, target, version = request.line.split(b" ")
        assert (method, version) == (b"GET", b"HTTP/1.1")
        assert target.split(b"?")[0].split(b"/")[1] in {b"v1", b"d", b"p"}
        assert set(request.headers) == {"host", "accept", "accept-encoding", "user-agent", "connection"}
        assert request.headers["host"] == f"localhost:{server.port}"
        assert request.body == b""


KEYS = st.sampled_from(["plate", "car", "make", "id", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["plate", "car", "make", "id", "x"]), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=150)
@given(JSON)
def test_whatever_comes_back_is_plain_records_or_an_error(answer) -> None:
    table = load({"address": "https://localhost", "plate": {**PLATE, "records": ""}}).plate
    try:
        found = read_answer(json.dumps(answer).encode(), table)
    except SourceError:
        return
    for record in found:
        assert isinstance(record.entry, str)
        assert set(record.fields) == {"plate", "make"}
        assert all(value is None or (isinstance(value, str) and value) for value in record.fields.values())


def test_a_place_in_json_is_found_as_the_standard_says() -> None:
    value = {"a/b": 1, "m~n": 2, "": 3, "list": [{"x": 4}], "%2e": 5}
    found = {
        p: point(value, p) for p in ("/a~1b", "/m~0n", "/", "/list/0/x", "/%2e", "/list/1", "/list/-1", "/absent/x")
    }
    assert list(found.values()) == [1, 2, 3, 4, 5, None, None, None]
    assert point(value, "") is value
