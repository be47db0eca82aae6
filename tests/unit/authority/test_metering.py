from __future__ import annotations

import secrets
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.authority.meter import METER_FILE, MIGRATIONS, Meter, digest
from hub.authority.metering import CHARTER, CheckSettings, Limits, Outcome, Turn, limits_of, may_begin
from hub.clocks import ManualClock
from hub.config import parse_config
from hub.errors import ConfigError
from hub.store.sqlite import open_database
from hub.testing.faces import face_picture

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def turn(
    ago: timedelta,
    outcome: Outcome = Outcome.CANDIDATE,
    *,
    officer: str = "7",
    live: bool = False,
    document: bool = False,
    ended: bool = True,
) -> Turn:
    begun = NOW - ago
    return Turn(officer, begun, begun if ended else None, outcome, live, document)


def why_not(*turns: Turn, officer: str = "7", limits: Limits = CHARTER) -> str:
    decision = may_begin(turns, officer, NOW, limits)
    return "" if decision.allowed else decision.reason


def test_nobody_before():
    assert why_not() == ""


def test_one_at_a_time_on_the_unit():
    under_way = turn(timedelta(seconds=30), Outcome.UNDER_WAY, officer="8", ended=False)
    assert "under way" in why_not(under_way)


def test_one_that_never_ended_counts_as_one_that_found_no_candidate():
    lost = turn(2 * MINUTE, Outcome.UNDER_WAY, ended=False)
    assert "another document waits" in why_not(lost)
    assert why_not(lost, officer="8") == ""


@pytest.mark.parametrize(("seconds", "says"), [(0, "wait 10 s"), (9, "wait 1 s"), (10, "")])
def test_ten_seconds_apart_whoever_asks(seconds, says):
    refused = why_not(turn(timedelta(seconds=seconds), officer="8"))
    assert says in refused
    assert bool(refused) == bool(says)


def test_thirty_an_officer_and_shift():
    turns = [turn(MINUTE * (61 + number)) for number in range(30)]
    assert "has begun 30" in why_not(*turns)
    assert why_not(*turns[:29]) == ""
    assert why_not(*turns, officer="8") == ""
    assert why_not(*turns[:29], turn(timedelta(hours=12))) == ""


def test_a_live_picture_is_compared_with_one_document_within_the_hour():
    before = turn(59 * MINUTE, officer="8", live=True)
    assert "a face is checked against one" in why_not(before)
    assert why_not(turn(60 * MINUTE, officer="8", live=True)) == ""
    assert why_not(turn(59 * MINUTE, live=True, document=True)) == ""
    assert why_not(turn(59 * MINUTE, Outcome.NOT_COMPARED, live=True)) == ""


def test_without_a_candidate_the_next_document_is_for_another_officer_or_another_hour():
    before = turn(59 * MINUTE, Outcome.NO_CANDIDATE)
    assert "another document waits until 03:05 UTC" in why_not(before)
    assert why_not(before, officer="8") == ""
    assert why_not(turn(60 * MINUTE, Outcome.NO_CANDIDATE)) == ""
    assert why_not(turn(59 * MINUTE, Outcome.NO_CANDIDATE, document=True)) == ""
    assert why_not(turn(59 * MINUTE, Outcome.NOT_COMPARED)) == ""
    assert why_not(turn(59 * MINUTE, Outcome.CANDIDATE)) == ""
    assert "another document waits" in why_not(before, turn(MINUTE, Outcome.CANDIDATE))


def test_a_document_is_not_held_to_a_crowd():
    turns = [turn(MINUTE * (1 + number), document=True, officer=str(number)) for number in range(3)]
    assert "3 times within the hour" in why_not(*turns)
    assert why_not(*turns[:2]) == ""


def test_settings_only_lower():
    assert limits_of(CheckSettings(per_shift=5, seconds_apart=60, pictures_per_document=1)) == Limits(MINUTE, 5, 1)
    assert limits_of(CheckSettings(per_shift=99, seconds_apart=1, pictures_per_document=9)) == CHARTER
    with pytest.raises(ConfigError, match=r"line 2: checks\.per_shift"):
        parse_config("[checks]\nper_shift = 31\n")
    with pytest.raises(ConfigError, match="seconds_apart"):
        parse_config("[checks]\nseconds_apart = 9\n")


@given(st.lists(st.tuples(st.integers(0, 50_000), st.sampled_from(Outcome), st.booleans(), st.booleans())))
def test_more_turns_before_never_allow_more(rows):
    turns = [
        turn(timedelta(seconds=ago), outcome, live=live, document=document) for ago, outcome, live, document in rows
    ]
    if why_not(*turns[:-1]):
        assert why_not(*turns)


# ------------------------------------------------------------------------------------------------ the store


@asynccontextmanager
async def meter(folder, clock):
    async with open_database(folder / METER_FILE, MIGRATIONS) as database:
        yield Meter(database, clock=clock, random=secrets.token_bytes)


LIVE, FIRST, SECOND = (digest(face_picture(number)) for number in range(3))


async def test_the_store_remembers_across_restarts(tmp_path):
    clock = ManualClock(NOW)
    async with meter(tmp_path, clock) as kept:
        decision, number = await kept.begin("7", LIVE, FIRST)
        assert decision.allowed
        assert "under way" in (await kept.begin("8", LIVE, FIRST))[0].reason
        await kept.end(number, Outcome.NO_CANDIDATE)
    async with meter(tmp_path, clock) as kept:
        assert "wait 10 s" in (await kept.begin("8", FIRST, SECOND))[0].reason
        clock.advance(10)
        assert "a face is checked against one" in (await kept.begin("8", LIVE, SECOND))[0].reason
        assert "another document waits" in (await kept.begin("7", FIRST, SECOND))[0].reason
        assert (await kept.begin("7", LIVE, FIRST))[0].allowed


async def test_a_lossless_copy_of_a_picture_is_the_same_picture():
    assert digest(face_picture(3)) == digest(face_picture(3).copy())
    assert digest(face_picture(3)) != digest(face_picture(3, shot=1))
    assert digest(face_picture(3)) != digest(face_picture(3).reshape(240, 220, 3))


async def test_what_is_past_its_date_is_in_no_file(tmp_path):
    clock = ManualClock(NOW)

    def rows(connection):
        return connection.execute("SELECT key, live, document FROM turns").fetchall()

    async with meter(tmp_path, clock) as kept:
        for number in range(3):
            _, taken = await kept.begin(f"officer-{number}", digest(face_picture(number)), FIRST)
            await kept.end(taken, Outcome.CANDIDATE)
            clock.advance(20)
        secret = [part for row in await kept._database.read(rows) for part in row]
        assert len(secret) == 9
        everything = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert all(part in everything for part in secret)
        assert not [each for each in (LIVE, FIRST) if each in everything]  # the bare digest of a picture is nowhere
        clock.advance(3600)
        await kept.sweep()
        everything = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert not [part for part in secret if part in everything]
        assert b"officer-1" in everything  # the shift still counts
        clock.advance(12 * 3600)
        await kept.sweep()
        assert b"officer-" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
        await kept.sweep()
