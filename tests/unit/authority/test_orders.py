from __future__ import annotations

import base64
from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from hub.authority.dsse import SMALL, key_identifier, make_envelope
from hub.authority.grants import verify_grant
from hub.authority.orders import ORDER_TYPE, build_order, list_problem, sign_order, verify_order
from hub.authority.place import Place
from hub.errors import TrustError, UsageError
from hub.watchlists.metadata import RoleKeys
from tests.kit_authority import NOW, public, signer
from tests.kit_orders import DIGEST, GRANT, ORDER, PEOPLE, order

NOBODY: frozenset[str] = frozenset()
LATER = NOW + timedelta(hours=3)


def refused(file: bytes, *, people: RoleKeys = PEOPLE, revoked: frozenset[str] = NOBODY, now: datetime = LATER) -> str:
    with pytest.raises(TrustError) as caught:
        verify_order(file, people, revoked, now)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_order_stands_once_both_roles_have_signed_it_in_any_order():
    assert verify_order(order(), PEOPLE, NOBODY, LATER) == ORDER
    assert verify_order(order("second chief", "deputy"), PEOPLE, NOBODY, LATER) == ORDER
    assert verify_order(order("judge", "chief", "deputy"), PEOPLE, NOBODY, LATER) == ORDER
    assert verify_order(order(), PEOPLE, NOBODY, NOW - timedelta(hours=1)) == ORDER, "it may be loaded before it begins"


@pytest.mark.parametrize(
    ("signers", "why"),
    [
        (("judge",), "lacks the signature of the commander"),
        (("chief",), "lacks the signature of the authority"),
        (("judge", "deputy"), "lacks the signature of the commander"),
        (("chief", "second chief"), "lacks the signature of the authority"),
        (("stranger", "other stranger"), "lacks the signature of the authority and the commander"),
        (("judge", "chief", "stranger"), "somebody who may not sign"),
    ],
)
def test_without_one_signature_of_each_role_there_is_no_order(signers, why):
    assert why in refused(order(*signers))


def test_the_same_key_in_both_roles_is_one_person():
    assert "two people" in refused(order("judge"), people=RoleKeys((public("judge"),), (public("judge"),)))


def test_unsigned_and_what_is_no_order():
    assert "unsigned" in refused(build_order(ORDER))
    assert "no DSSE envelope" in refused(b"hello")
    assert "no DSSE envelope" in refused(b"\xff" * 80)
    assert "64 kB" in refused(b" " * (SMALL + 1))
    assert "no order" in refused(order().replace(b"vnd.patrol-hub.order", b"vnd.patrol-hub.grant"))
    with pytest.raises(TrustError, match="no grant"):
        verify_grant(order(), PEOPLE, NOBODY, LATER)
    assert "no DSSE envelope" in refused(b'{"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}")
    twice = msgspec.json.decode(order("judge"))
    twice["signatures"] *= 2
    assert "signed twice" in refused(msgspec.json.encode(twice))
    for signature in ("", "AA==", base64.b64encode(b"x" * 63).decode(), "!!!!"):
        short = msgspec.json.decode(order())
        short["signatures"][0]["sig"] = signature
        assert refused(msgspec.json.format(msgspec.json.encode(short), indent=1) + b"\n")
    moved = msgspec.json.decode(order("judge"))
    moved["signatures"].append({**moved["signatures"][0], "keyid": key_identifier(signer("chief").public)})
    assert "altered" in refused(msgspec.json.format(msgspec.json.encode(moved), indent=1) + b"\n")


def test_over_withdrawn_and_edited():
    assert "ended at" in refused(order(), now=ORDER.ends)
    assert verify_order(order(), PEOPLE, NOBODY, ORDER.ends - timedelta(microseconds=1))
    assert "withdrawn" in refused(order(), revoked=frozenset({ORDER.order}))
    envelope = msgspec.json.decode(order())
    payload = base64.b64decode(envelope["payload"])
    for edited in (payload.replace(b"T21:00", b"T22:00"), payload.replace(b"missing", b"mossing"), b"[]", b""):
        assert edited != payload
        envelope["payload"] = base64.b64encode(edited).decode()
        assert "altered" in refused(msgspec.json.format(msgspec.json.encode(envelope), indent=1) + b"\n")


WRONG = [
    ({"order": "a"}, "identifier"),
    ({"order": "no spaces"}, "identifier"),
    ({"order": "x" * 65}, "identifier"),
    ({"begins": NOW.replace(tzinfo=None)}, "time zone"),
    ({"ends": NOW}, "ends before"),
    ({"ends": NOW + timedelta(hours=24, microseconds=1)}, "over 24 hours"),
    ({"list_digest": "ab"}, "names no list"),
    ({"list_digest": "AB" * 32}, "names no list"),
    ({"impact_assessment": "  "}, "impact assessment"),
    ({"authorisation": ""}, "authorisation"),
    ({"authorisation": "x" * 301}, "authorisation"),
    ({"place": Place()}, "either cameras or a polygon"),
    ({"place": Place(unit="car-1", cameras=("a",), polygon=ORDER.place.polygon)}, "either cameras or a polygon"),
    ({"place": Place(cameras=("front",))}, "name of their unit"),
    ({"place": Place(unit="car-1", cameras=("",))}, "names of at most"),
    ({"place": Place(polygon=((1.0, 1.0), (2.0, 2.0)))}, "3 to 200 corners"),
]


@pytest.mark.parametrize(("changes", "why"), WRONG, ids=range(len(WRONG)))
def test_what_no_order_may_say_is_neither_made_nor_believed(changes, why):
    with pytest.raises(UsageError, match=why):
        order(**changes)
    # Somebody else's tool may sign it all the same.
    file = make_envelope(msgspec.json.encode(structs.replace(ORDER, **changes)), ORDER_TYPE)
    for name in ("judge", "chief"):
        file = sign_order(file, signer(name))
    assert why in refused(file)


@pytest.mark.parametrize("change", [{"purpose": "public_order"}, {"purpose": None}, {"more": 1}, {"place": 7}])
def test_the_purposes_are_a_closed_list_and_so_are_the_fields(change):
    raw = {**msgspec.to_builtins(ORDER), **change}
    file = make_envelope(msgspec.json.encode(raw), ORDER_TYPE)
    for name in ("judge", "chief"):
        file = sign_order(file, signer(name))
    assert "the file is no order" in refused(file)


def test_a_list_fits_by_its_digest_and_by_its_purpose():
    assert list_problem(ORDER, DIGEST, "missing_or_vulnerable_person") == ""
    assert "another list" in list_problem(ORDER, "cd" * 32, "missing_or_vulnerable_person")
    assert "imminent_threat" in list_problem(ORDER, DIGEST, "imminent_threat_to_life")
    assert list_problem(ORDER, DIGEST, "")


FILE = order()


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(FILE) - 1), st.integers(1, 255))
def test_an_order_with_any_byte_changed_is_refused(place, change):
    refused(FILE[:place] + bytes([FILE[place] ^ change]) + FILE[place + 1 :])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(FILE) - 1), st.binary(max_size=3))
def test_an_order_that_was_cut_or_got_more_bytes_is_refused(place, more):
    refused(FILE[:place] + more)
    if more:
        refused(FILE[:place] + more + FILE[place:])


def test_the_other_record_is_no_order():
    file = make_envelope(msgspec.json.encode(GRANT), ORDER_TYPE)
    for name in ("judge", "chief"):
        file = sign_order(file, signer(name))
    assert "the file is no order" in refused(file)
