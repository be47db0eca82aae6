"""Frames are cut alike however they arrive, and whatever a peer sends is a record or a `WireError`, nothing else."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import WireError
from hub.messages import AlertState, SubjectKind
from hub.wire import (
    LONGEST_MESSAGE,
    LONGEST_REQUEST,
    PROTOCOL,
    DecideAlert,
    Frames,
    Hello,
    LookUp,
    Refused,
    SignIn,
    pack_message,
    pack_request,
    reachable,
    unpack_message,
    unpack_request,
)

REQUESTS = (
    Hello(protocol=PROTOCOL, client="dashboard"),
    SignIn(request=1, number="7", passphrase="correct horse battery"),
    DecideAlert(request=2, alert="AB12", state=AlertState.ADJUDICATED_TRUE, reason="seen"),
    LookUp(request=3, subject_kind=SubjectKind.PLATE, value="AB?12", reason="parked oddly", sources=("a", "b")),
)


@given(st.lists(st.sampled_from(REQUESTS), max_size=6), st.lists(st.integers(1, 40), min_size=1))
def test_any_cut_of_the_stream_gives_the_same_records(records, pieces):
    stream = b"".join(pack_request(record) for record in records)
    frames, found, start = Frames(LONGEST_REQUEST), [], 0
    while start < len(stream):
        size = pieces[start % len(pieces)]
        frames.feed(stream[start : start + size])
        start += size
        while (body := frames.next()) is not None:
            found.append(unpack_request(body))
    assert found == records
    assert not frames.partial


@pytest.mark.parametrize("limit", [LONGEST_REQUEST, LONGEST_MESSAGE])
def test_a_length_over_the_limit_is_refused_before_its_body_comes(limit):
    frames = Frames(limit)
    frames.feed((limit + 1).to_bytes(4, "big"))
    with pytest.raises(WireError, match="announces"):
        frames.next()


@settings(max_examples=300)
@given(st.binary(max_size=300))
def test_random_bytes_are_a_record_or_refused(body):
    for unpack in (unpack_request, unpack_message):
        with suppress(WireError):
            unpack(body)


@settings(max_examples=300)
@given(st.sampled_from(REQUESTS), st.data())
def test_a_record_with_bytes_changed_is_a_record_or_refused(record, data):
    body = bytearray(pack_request(record)[4:])
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with suppress(WireError):
        unpack_request(bytes(body))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x91" * 60_000,
        b"\x82" + b"\xa4kind\xa4done" + b"\xa1x" + b"\x91" * 60_000,
        b"\x82" + b"\xa4kind\xa5hello" + b"\xa1x" + b"\x91" * 60_000,
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\x81\xa4kind\xa7no_such",
        b"\x81\xa4kind\xa7sign_in",
        b"\x82\xa4kind\xa8sign_out\xa7request\xff",
    ],
    ids=["empty", "deep", "deep unknown field", "deep in hello", "long array", "long map", "tag", "short", "negative"],
)
def test_hostile_bodies_are_refused(body):
    for unpack in (unpack_request, unpack_message):
        with pytest.raises(WireError):
            unpack(body)


def test_a_request_too_long_is_not_sent():
    with pytest.raises(WireError, match="too long"):
        pack_request(SignIn(request=1, number="7", passphrase="x" * LONGEST_REQUEST))
    assert unpack_message(pack_message(Refused(request=1, reason="x" * LONGEST_REQUEST))[4:])


def test_a_passphrase_is_in_no_representation():
    assert "horse" not in repr(REQUESTS[1])
    assert "horse" not in f"{(REQUESTS[1],)}"


def test_a_long_path_is_reachable(tmp_path):
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    with reachable(folder / "hub.sock") as address:
        assert len(address) < 107
    with reachable(tmp_path / "s") as address:
        assert address == str(tmp_path / "s")
