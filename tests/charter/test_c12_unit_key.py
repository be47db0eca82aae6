"""C12, C1: the unit's key opens for a signed-in officer alone, and a copy of the state folder opens nothing."""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from hub.authority.officers import FREE_ATTEMPTS, IDLE, MIGRATIONS, OFFICERS_FILE, OfficerStore
from hub.authority.passphrases import ScryptCost
from hub.authority.session_file import read_token, write_token
from hub.authority.session_slot import read_slot, write_slot
from hub.authority.unit_key import make_key, wrap, write_public
from hub.clocks import ManualClock
from hub.config import Settings
from hub.errors import NotAllowedError, NotSignedInError, UsageError
from hub.messages import Requester
from hub.store.sqlite import open_database
from hub.testing.alerts import START, MemoryLog
from hub.unit import open_unit
from hub.wire import Done, SignOut
from tests.kit import PASSPHRASES, Unit
from tests.kit_attach import attached, eventually, running

GOOD, OTHER = "correct horse battery", "staple correct horse"


class Officers:
    """A unit's officers with a clock that the test holds, opened and closed as processes come and go."""

    def __init__(self, path):
        self.path, self.clock, self.log = path, ManualClock(START), MemoryLog()
        self.count = itertools.count(1)

    @asynccontextmanager
    async def open(self):
        async with open_database(self.path / OFFICERS_FILE, MIGRATIONS) as database:
            yield OfficerStore(
                database,
                log=self.log,
                clock=self.clock,
                unit="unit-1",
                secrets=lambda size: next(self.count).to_bytes(size, "big"),
                cost=ScryptCost(n=2**4),
            )


@pytest.fixture
def unit(tmp_path):
    return Officers(tmp_path)


async def test_the_key_is_made_with_the_first_officer_and_every_officer_who_is_given_it_opens_the_same(unit):
    async with unit.open() as officers:
        assert await officers.public_key() is None
        await officers.add("1", GOOD)
        session = await officers.sign_in("1", GOOD)
        assert session.key.public == await officers.public_key()
        await officers.add("2", OTHER, by=session.requester, key=session.key)
    async with unit.open() as officers:
        again = await officers.sign_in("2", OTHER)
        assert again.key.secret() == session.key.secret()


async def test_whoever_was_added_without_it_signs_in_and_opens_nothing(unit):
    async with unit.open() as officers:
        await officers.add("1", GOOD)
        session = await officers.sign_in("1", GOOD)
        await officers.add("2", OTHER, by=session.requester)
        second = await officers.sign_in("2", OTHER)
        assert second.key is None
        assert officers.key_of(second.requester) is None
        with pytest.raises(NotAllowedError, match="without a slot"):
            await officers.unlock(second.requester, OTHER)
        with pytest.raises(UsageError, match="not this unit's"):
            await officers.add("3", OTHER, by=session.requester, key=make_key(lambda size: b"x" * size))


async def test_the_key_goes_with_the_session(unit):
    async with unit.open() as officers:
        await officers.add("1", GOOD)
        session = await officers.sign_in("1", GOOD)
        assert officers.key_of(session.requester) is session.key
        await officers.sign_out(session.token)
        assert officers.key_of(session.requester) is None

        session = await officers.sign_in("1", GOOD)
        unit.clock.advance(IDLE.total_seconds())
        assert await officers.left(session.token) == 0
        assert officers.key_of(session.requester) is None

        session = await officers.sign_in("1", GOOD)
        unit.clock.advance(IDLE.total_seconds())
        with pytest.raises(NotSignedInError):
            await officers.check(session.token)
        assert officers.key_of(session.requester) is None


async def test_another_process_of_the_same_session_has_to_unlock_it_itself_and_may_not_guess(unit):
    async with unit.open() as officers:
        await officers.add("1", GOOD)
        session = await officers.sign_in("1", GOOD)
    async with unit.open() as officers:
        requester = await officers.check(session.token)
        assert officers.key_of(requester) is None
        assert (await officers.unlock(requester, GOOD)).secret() == session.key.secret()
        for _ in range(FREE_ATTEMPTS):
            with pytest.raises(NotAllowedError, match="wrong"):
                await officers.unlock(requester, "not the passphrase")
        with pytest.raises(NotAllowedError, match="too many"):
            await officers.unlock(requester, GOOD)


async def test_an_altered_slot_costs_the_key_and_not_the_sign_in(unit):
    async with unit.open() as officers:
        await officers.add("1", GOOD)
    async with open_database(unit.path / OFFICERS_FILE, MIGRATIONS) as database:
        await database.write(lambda connection: connection.execute("UPDATE key_slots SET sealed = zeroblob(60)"))
    async with unit.open() as officers:
        session = await officers.sign_in("1", GOOD)
        assert session.key is None
        with pytest.raises(NotAllowedError, match="slot was altered"):
            await officers.unlock(session.requester, GOOD)


# ------------------------------------------------------------------------------------------ the whole unit


def public_key(unit):
    shown = unit.run("authority", "unit-key")
    assert shown.status == 0
    name, _, key = shown.out.strip().partition(" ")
    assert name == "car-1"
    return bytes.fromhex(key.removeprefix("x25519:"))


def test_a_copy_of_the_state_folder_elsewhere_opens_nothing(tmp_path):
    """All files are taken while an officer is signed in, the session's included: without a passphrase nothing opens."""
    unit = Unit.empty(tmp_path / "unit")
    with unit.active():
        unit.run("officer", "add", "100", stdin=PASSPHRASES["100"])
        unit.sign_in("100")
        token, public = read_token(unit.state), public_key(unit)
        key = read_slot(unit.state, token, public)  # on this unit the session goes on without the passphrase
        assert key.unwrap(wrap(b"list key", public, b""), b"") == b"list key"
        files = unit.files()
        stolen = Unit(tmp_path / "stolen")
        shutil.copytree(unit.folder, stolen.folder)

        # On the same machine, with the thief's hands on the whole folder, the slot belongs to the other place.
        assert read_token(stolen.state) == token
        assert read_slot(stolen.state, token, public) is None
    secret = key.secret()
    for name, content in files.items():
        assert secret not in content, name
        assert secret.hex().encode() not in content, name
    with stolen.active():  # a runtime folder of its own, as on another machine
        assert public_key(stolen) == public
        assert read_slot(stolen.state, token, public) is None
        refused = stolen.run("officer", "add", "5", stdin="")
        assert refused.status == 2
        assert "passphrase is needed" in refused.problem()
        assert stolen.run("officer", "add", "5", stdin="a guessed passphrase\na new passphrase\n").status == 1


def test_the_key_of_a_session_is_gone_at_sign_out_and_after_its_end(tmp_path):
    unit = Unit.empty(tmp_path / "unit")
    with unit.active():
        unit.run("officer", "add", "100", stdin=PASSPHRASES["100"])
        unit.sign_in("100")
        token, public = read_token(unit.state), public_key(unit)
        assert read_slot(unit.state, token, public)
        assert unit.run("officer", "sign-out").status == 0
        assert read_slot(unit.state, token, public) is None

        unit.sign_in("100")
        token = read_token(unit.state)
        trio.run(_end_sessions, unit.state)
        assert unit.run("officer", "list").status == 0  # any command clears away what an ended session left
        assert read_slot(unit.state, token, public) is None


async def test_clearing_away_an_ended_sessions_key_leaves_the_one_of_a_session_that_began_meanwhile(
    tmp_path, monkeypatch
):
    folder = Unit.empty(tmp_path / "unit")
    folder.state.mkdir(mode=0o700)
    with folder.active():
        async with open_unit(Settings(), folder.state, clock=ManualClock(START)) as unit:
            await unit.officers.add("1", GOOD)
            ended = await unit.officers.sign_in("1", GOOD)
            write_token(unit.state, ended.token)
            await unit.officers.sign_out(ended.token)
            new, left = [], OfficerStore.left

            async def signed_in_meanwhile(officers, token):
                """Answer as always, while another process runs `officer sign-in`."""
                seconds = await left(officers, token)
                session = await officers.sign_in("1", GOOD)
                write_token(unit.state, session.token)
                assert write_slot(unit.state, session.token, session.key, secrets.token_bytes)
                new.append(session)
                return seconds

            with monkeypatch.context() as patch:
                patch.setattr(OfficerStore, "left", signed_in_meanwhile)
                await unit.sweep()
            (session,) = new
            public = await unit.officers.public_key()
            assert read_slot(unit.state, session.token, public).secret() == session.key.secret()
            await unit.officers.sign_out(session.token)
            await unit.sweep()
            assert read_slot(unit.state, session.token, public) is None


async def _end_sessions(state):
    async with open_database(state / OFFICERS_FILE, MIGRATIONS) as database:
        await database.write(lambda connection: connection.execute("UPDATE sessions SET used_boottime = -1e6"))


def test_an_officer_who_is_added_gets_a_slot_whichever_way_the_supervisor_signed_in(tmp_path, monkeypatch):
    unit = Unit.empty(tmp_path / "unit")
    with unit.active():
        unit.run("officer", "add", "100", stdin=PASSPHRASES["100"])
        both = f"{PASSPHRASES['100']}\n{PASSPHRASES['4711']}\n"
        assert unit.run("officer", "add", "4711", "--officer", "100", stdin=both).status == 0
        unit.sign_in("100")
        assert unit.run("officer", "add", "4712", stdin=PASSPHRASES["4712"]).status == 0
        monkeypatch.delenv("XDG_RUNTIME_DIR")  # then the passphrase is asked for once more
        third = f"{PASSPHRASES['100']}\nthird passphrase\n"
        assert unit.run("officer", "add", "4713", stdin=third).status == 0
        assert trio.run(_slots, unit.state) == ["100", "4711", "4712", "4713"]
        assert unit.run("authority", "unit-key").out == f"car-1 {write_public(public_key(unit))}\n"


async def _slots(state):
    async with open_database(state / OFFICERS_FILE, MIGRATIONS) as database:
        rows = await database.read(lambda connection: connection.execute("SELECT number FROM key_slots").fetchall())
        return sorted(number for (number,) in rows)


@pytest.mark.slow
def test_in_a_running_hub_the_key_lies_in_memory_from_sign_in_to_the_end_of_the_session(tmp_path):
    unit = Unit.prepare(tmp_path / "unit")
    with unit.active():
        unit.run("officer", "sign-out")
        trio.run(_sign_in_on_a_dashboard, unit)


async def _sign_in_on_a_dashboard(unit):
    who, other = Requester("4711", "officer", "car-1"), Requester("4712", "officer", "car-1")
    async with running(unit) as run:
        officers = run.hub.unit.officers
        async with attached(unit) as talk:
            assert officers.key_of(who) is None
            assert isinstance(await talk.sign_in("4711"), Done)
            key = officers.key_of(who)
            assert key.public == await officers.public_key()
            assert officers.key_of(other) is None
            for name, content in unit.files().items():
                assert key.secret() not in content, name
            assert not (Path(os.environ["XDG_RUNTIME_DIR"]) / "patrol-hub").exists()
            assert isinstance(await talk.ask(SignOut), Done)
            assert officers.key_of(who) is None
            await talk.sign_in("4711")
            assert officers.key_of(who) is not None

        async def forgotten():
            return officers.key_of(who) is None

        assert await eventually(forgotten)  # the connection has ended, and its session with it
