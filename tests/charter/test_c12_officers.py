"""C12: who signed in, for how long; every adding, sign-in and sign-out is in the log before it takes effect."""

from __future__ import annotations

import itertools
import subprocess
from contextlib import asynccontextmanager, closing
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.authority.officers import (
    FREE_ATTEMPTS,
    IDLE,
    LONGEST_WAIT,
    MIGRATIONS,
    OFFICERS_FILE,
    OfficerStore,
    wait_after,
)
from hub.authority.passphrases import ScryptCost
from hub.authority.policy import Role
from hub.clocks import ManualClock
from hub.errors import AuditError, NotAllowedError, NotSignedInError, StoreError, UsageError
from hub.store.sqlite import connect, open_database
from hub.testing.alerts import START, MemoryLog, requester
from tests import kit

CHEAP = ScryptCost(n=2**4, r=8, p=1)
GOOD = "correct horse battery"


class Unit:
    """A unit's officers with a clock and a log that the test holds."""

    def __init__(self, path):
        self.path = path
        self.clock = ManualClock(START)
        self.log = MemoryLog()
        self.count = itertools.count(1)

    @asynccontextmanager
    async def officers(self, **settings):
        async with open_database(self.path / OFFICERS_FILE, MIGRATIONS) as database:
            yield OfficerStore(
                database,
                log=self.log,
                clock=self.clock,
                unit="unit-1",
                secrets=lambda size: next(self.count).to_bytes(size, "big"),
                cost=CHEAP,
                **settings,
            )


@pytest.fixture
def unit(tmp_path):
    return Unit(tmp_path)


async def test_the_first_officer_can_add_the_second_and_nobody_else_without_signing_in(unit):
    async with unit.officers() as officers:
        first = await officers.add("1", GOOD)
        assert first.role is Role.SUPERVISOR
        with pytest.raises(NotSignedInError):
            await officers.add("2", GOOD)
        session = await officers.sign_in("1", GOOD)
        second = await officers.add("2", GOOD, by=session.requester)
        assert (second.role, second.added_by) == (Role.OFFICER, "1")
        other = await officers.sign_in("2", GOOD)
        with pytest.raises(NotAllowedError, match="role officer"):
            await officers.add("3", GOOD, by=other.requester)
        assert [officer.number for officer in await officers.list()] == ["1", "2"]


def test_an_officer_who_is_added_by_command_has_the_shipped_cost(tmp_path):
    new = kit.Unit.empty(tmp_path / "unit")
    with new.spawn("officer", "add", "1", stdin=subprocess.PIPE) as adding:
        assert adding.communicate(f"{GOOD}\n") == ("officer 1 added as supervisor\n", "")
    with closing(connect(new.state / OFFICERS_FILE)) as database:
        for table in ("officers", "key_slots"):
            assert [tuple(row) for row in database.execute(f"SELECT n, r, p FROM {table}")] == [(2**15, 8, 1)]


async def test_a_session_names_officer_role_and_unit(unit):
    async with unit.officers() as officers:
        await officers.add("1", GOOD)
        session = await officers.sign_in("1", GOOD)
        assert await officers.check(session.token) == requester("1", "supervisor")
        assert session.idle == IDLE


async def test_a_session_ends_after_a_quarter_of_an_hour_idle_and_not_before(unit):
    async with unit.officers() as officers:
        await officers.add("1", GOOD)
        token = (await officers.sign_in("1", GOOD)).token
        for _ in range(3):
            unit.clock.advance(IDLE.total_seconds() - 1)
            await officers.check(token)
        unit.clock.advance(IDLE.total_seconds())
        with pytest.raises(NotSignedInError, match="15 minutes"):
            await officers.check(token)
        with pytest.raises(NotSignedInError, match="sign in again"):
            await officers.check(token)


@pytest.mark.parametrize("asked", [timedelta(minutes=2), timedelta(hours=9)])
async def test_settings_may_shorten_the_idle_end_and_never_lengthen_it(unit, asked):
    async with unit.officers(idle=asked) as officers:
        await officers.add("1", GOOD)
        session = await officers.sign_in("1", GOOD)
        assert session.idle == min(asked, IDLE)
        unit.clock.advance(session.idle.total_seconds())
        with pytest.raises(NotSignedInError):
            await officers.check(session.token)


@pytest.mark.parametrize("moved", [timedelta(hours=-1), timedelta(seconds=-5), timedelta(minutes=5)])
async def test_a_clock_that_was_moved_ends_the_session(unit, moved):
    async with unit.officers() as officers:
        await officers.add("1", GOOD)
        token = (await officers.sign_in("1", GOOD)).token
        unit.clock.set_wall(unit.clock.now() + moved)
        assert not (await officers.list())[0].signed_in
        with pytest.raises(NotSignedInError, match="clock was moved"):
            await officers.check(token)


async def test_a_restart_of_the_machine_ends_the_session(unit):
    async with unit.officers() as officers:
        await officers.add("1", GOOD)
        token = (await officers.sign_in("1", GOOD)).token
    unit.clock = ManualClock(START + timedelta(seconds=60), boottime=30.0)
    async with unit.officers() as officers:
        with pytest.raises(NotSignedInError, match="restarted"):
            await officers.check(token)


async def test_a_restart_of_the_hub_does_not(unit):
    async with unit.officers() as officers:
        await officers.add("1", GOOD)
        token = (await officers.sign_in("1", GOOD)).token
    async with unit.officers() as officers:
        assert (await officers.check(token)).officer == "1"


async def test_signing_out_and_signing_in_again_end_the_earlier_session(unit):
    async with unit.officers() as officers:
        await officers.add("1", GOOD)
        first = (await officers.sign_in("1", GOOD)).token
        second = (await officers.sign_in("1", GOOD)).token
        with pytest.raises(NotSignedInError):
            await officers.check(first)
        await officers.sign_out(second)
        for token in (second, None, "", "x"):
            with pytest.raises(NotSignedInError):
                await officers.check(token)
        with pytest.raises(NotSignedInError):
            await officers.sign_out(second)


async def test_everything_is_in_the_log_with_officer_role_and_unit(unit):
    async with unit.officers() as officers:
        await officers.add("1", GOOD)
        with pytest.raises(NotAllowedError):
            await officers.sign_in("1", "wrong passphrase")
        with pytest.raises(NotAllowedError):
            await officers.sign_in("my secret passphrase", "1")
        session = await officers.sign_in("1", GOOD)
        await officers.sign_out(session.token)
    assert unit.log.outcomes() == [
        ("officer_added", "added"),
        ("sign_in_refused", "refused"),
        ("sign_in_refused", "refused"),
        ("sign_in", "signed_in"),
        ("sign_out", "signed_out"),
    ]
    assert unit.log.entries[3].requester == requester("1", "supervisor")
    assert unit.log.entries[1].payload.officer == "1"
    # What was typed as a number may be a passphrase: it is not repeated.
    assert "secret" not in repr(unit.log.entries)


async def test_what_the_log_cannot_take_does_not_happen(unit):
    async with unit.officers() as officers:
        unit.log.broken = True
        with pytest.raises(AuditError):
            await officers.add("1", GOOD)
        assert await officers.list() == ()
        unit.log.broken = False
        await officers.add("1", GOOD)
        unit.log.broken = True
        with pytest.raises(AuditError):
            await officers.sign_in("1", GOOD)
        assert not (await officers.list())[0].signed_in
        unit.log.broken = False
        token = (await officers.sign_in("1", GOOD)).token
        unit.log.broken = True
        with pytest.raises(AuditError):
            await officers.sign_out(token)
        assert (await officers.check(token)).officer == "1"


async def test_too_many_wrong_passphrases_make_even_the_right_one_wait(unit):
    async with unit.officers() as officers:
        await officers.add("1", GOOD)
        for _ in range(FREE_ATTEMPTS):
            with pytest.raises(NotAllowedError, match="is wrong"):
                await officers.sign_in("1", "wrong passphrase")
        with pytest.raises(NotAllowedError, match="try again in 6 s"):
            await officers.sign_in("1", GOOD)
        unit.clock.set_wall(unit.clock.now() + timedelta(days=1))  # only running time counts
        with pytest.raises(NotAllowedError, match="try again"):
            await officers.sign_in("1", GOOD)
        unit.clock.advance(5)
        assert (await officers.sign_in("1", GOOD)).requester.officer == "1"
        with pytest.raises(NotAllowedError, match="is wrong"):  # the count began again
            await officers.sign_in("1", "wrong passphrase")


async def test_a_restart_does_not_shorten_the_wait(unit):
    async with unit.officers() as officers:
        await officers.add("1", GOOD)
        for _ in range(FREE_ATTEMPTS):
            with pytest.raises(NotAllowedError):
                await officers.sign_in("1", "wrong passphrase")
    unit.clock = ManualClock(START + timedelta(hours=1), boottime=1.0)
    async with unit.officers() as officers:
        with pytest.raises(NotAllowedError, match="try again in 5 s"):
            await officers.sign_in("1", GOOD)
        unit.clock.advance(4)
        await officers.sign_in("1", GOOD)


@given(st.integers(0, 10_000))
def test_the_wait_grows_and_is_bounded(failures):
    assert wait_after(failures) <= wait_after(failures + 1) <= LONGEST_WAIT
    assert (wait_after(failures) > 0) == (failures >= FREE_ATTEMPTS)


async def test_an_unknown_number_is_refused_in_the_same_words(unit):
    async with unit.officers() as officers:
        await officers.add("1", GOOD)
        with pytest.raises(NotAllowedError) as unknown:
            await officers.sign_in("2", GOOD)
        with pytest.raises(NotAllowedError) as wrong:
            await officers.sign_in("1", "x" * 5000)
        assert str(unknown.value) == str(wrong.value)


@pytest.mark.parametrize(
    ("number", "passphrase", "complaint"),
    [
        ("", GOOD, "number"),
        ("a b", GOOD, "number"),
        ("-1", GOOD, "number"),
        ("[red]7", GOOD, "number"),
        ("1" * 33, GOOD, "number"),
        ("7", "short", "too short"),
        ("7", "x" * 1025, "too long"),
        ("12345678", "12345678", "the officer's number"),
    ],
)
async def test_numbers_and_passphrases_that_are_refused(unit, number, passphrase, complaint):
    async with unit.officers() as officers:
        with pytest.raises(UsageError, match=complaint):
            await officers.add(number, passphrase)
        assert await officers.list() == ()
        assert unit.log.entries == []


async def test_a_number_is_given_once(unit):
    async with unit.officers() as officers:
        await officers.add("1", GOOD)
        session = await officers.sign_in("1", GOOD)
        with pytest.raises(UsageError, match="exists already"):
            await officers.add("1", GOOD, by=session.requester)


async def test_neither_passphrase_nor_token_can_be_found_in_any_file(unit):
    async with unit.officers() as officers:
        await officers.add("1", GOOD)
        token = (await officers.sign_in("1", GOOD)).token
        assert "signed_in" in repr(await officers.list())
        for file in unit.path.iterdir():
            content = file.read_bytes()
            assert GOOD.encode() not in content
            assert token.encode() not in content


async def test_two_keyboards_spell_the_same_passphrase(unit):
    async with unit.officers() as officers:
        await officers.add("1", "café au lait")
        await officers.sign_in("1", "cafe\u0301 au lait")


@pytest.mark.slow
async def test_a_locked_database_signs_nobody_in_and_says_so(unit):
    async with unit.officers() as officers:
        await officers.add("1", GOOD)
        other = connect(unit.path / OFFICERS_FILE)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            await officers.sign_in("1", GOOD)
        other.execute("ROLLBACK")
        other.close()
        await officers.sign_in("1", GOOD)
