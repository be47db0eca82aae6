"""C12, C7, C11: officers are removed and change a passphrase, in the log before it takes effect; nothing stays."""

from __future__ import annotations

import itertools
from contextlib import asynccontextmanager, contextmanager

import pytest

from hub.authority.officers import FREE_ATTEMPTS, MIGRATIONS, OFFICERS_FILE, OfficerStore
from hub.authority.passphrases import ScryptCost
from hub.authority.policy import Role, unit_requester
from hub.clocks import ManualClock
from hub.config import Settings
from hub.errors import AuditError, NotAllowedError, NotSignedInError, StoreError, UsageError
from hub.messages import Act
from hub.store.sqlite import connect, open_database
from hub.testing.alerts import START, MemoryLog
from hub.unit import open_unit
from tests.kit import PASSPHRASES, Unit

GOOD, OTHER, THIRD = "correct horse battery", "staple correct horse", "battery staple correct"


class Officers:
    """A unit with supervisor 1, who is signed in, and officer 2; a clock and a log that the test holds."""

    def __init__(self, path):
        self.path, self.clock, self.log = path, ManualClock(START), MemoryLog()
        self.count = itertools.count(1)

    @asynccontextmanager
    async def open(self, *, key=True):
        async with open_database(self.path / OFFICERS_FILE, MIGRATIONS) as database:
            officers = OfficerStore(
                database,
                log=self.log,
                clock=self.clock,
                unit="unit-1",
                secrets=lambda size: next(self.count).to_bytes(size, "big"),
                cost=ScryptCost(n=2**4),
            )
            await officers.add("1", GOOD)
            first = await officers.sign_in("1", GOOD)
            await officers.add("2", OTHER, by=first.requester, key=first.key if key else None)
            yield officers, first

    def acts(self):
        return [(each.act, each.requester.officer, each.outcome) for each in self.log.entries]


@pytest.fixture
def unit(tmp_path):
    return Officers(tmp_path)


# --------------------------------------------------------------------------------------------- removed


async def test_a_removed_officer_is_signed_out_opens_nothing_and_leaves_no_byte_but_the_logs(unit):
    async with unit.open() as (officers, first):
        await officers.add("J-4712-xyz", OTHER, by=first.requester, key=first.key)
        session = await officers.sign_in("J-4712-xyz", OTHER)
        assert officers.key_of(session.requester) is not None
        await officers.remove("J-4712-xyz", by=first.requester)
        assert unit.acts()[-1] == (Act.OFFICER_REMOVED, "1", "removed")
        assert unit.log.entries[-1].payload.officer == "J-4712-xyz"
        with pytest.raises(NotSignedInError, match="this session is over"):
            await officers.check(session.token)
        with pytest.raises(NotAllowedError, match="number or passphrase is wrong"):
            await officers.sign_in("J-4712-xyz", OTHER)
        assert officers.key_of(session.requester) is None
        assert [each.number for each in await officers.list()] == ["1", "2"]
        for file in unit.path.iterdir():
            assert b"J-4712-xyz" not in file.read_bytes(), file.name


async def test_nobody_removes_themselves_and_nobody_removes_who_may_not(unit):
    async with unit.open() as (officers, first):
        second = await officers.sign_in("2", OTHER)
        for by, error, words in (
            (first.requester, NotAllowedError, "nobody removes themselves"),
            (second.requester, NotAllowedError, "may not add and remove officers"),
            (unit_requester("unit-1"), NotSignedInError, "nobody is signed in"),
        ):
            with pytest.raises(error, match=words):
                await officers.remove("1", by=by)
        with pytest.raises(UsageError, match="there is no officer 3"):
            await officers.remove("3", by=first.requester)
        assert len(await officers.list()) == 2
        assert Act.OFFICER_REMOVED not in [act for act, *_ in unit.acts()]


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.ADMINISTRATOR])
async def test_one_who_may_add_officers_always_stays(unit, role):
    """Of two who would remove each other the second one is not there any more."""
    async with unit.open() as (officers, first):
        await officers.add("3", THIRD, role, by=first.requester, key=first.key)
        third = await officers.sign_in("3", THIRD)
        await officers.remove("1", by=third.requester)
        with pytest.raises(NotAllowedError, match="nobody else on this unit may add or remove officers"):
            await officers.remove("3", by=first.requester)
        with pytest.raises(NotAllowedError, match="nobody removes themselves"):
            await officers.remove("3", by=third.requester)
        with pytest.raises(UsageError, match="at the same moment"):  # checked a moment ago, and gone since
            await officers.remove("2", by=first.requester)
        assert unit.acts()[-1] == (Act.OFFICER_REMOVED, "1", "not_done")
        assert [each.number for each in await officers.list()] == ["2", "3"]


async def test_the_last_who_opens_the_units_key_always_stays(unit):
    async with unit.open(key=False) as (officers, first):
        await officers.add("3", THIRD, Role.SUPERVISOR, by=first.requester)
        third = await officers.sign_in("3", THIRD)
        with pytest.raises(NotAllowedError, match="nobody else on this unit opens its key"):
            await officers.remove("1", by=third.requester)
        await officers.remove("2", by=third.requester)


async def test_what_is_not_in_the_log_does_not_happen(unit):
    async with unit.open() as (officers, first):
        unit.log.broken = True
        with pytest.raises(AuditError):
            await officers.remove("2", by=first.requester)
        with pytest.raises(AuditError):
            await officers.change_passphrase(first.requester, GOOD, THIRD, keep=first.token)
        unit.log.broken = False
        assert (await officers.sign_in("2", OTHER)).key is not None
        assert (await officers.sign_in("1", GOOD)).key is not None


# --------------------------------------------------------------------------------------------- passphrase


async def test_a_new_passphrase_opens_the_same_key_and_the_old_one_nothing(unit):
    async with unit.open() as (officers, first):
        before = (unit.path / OFFICERS_FILE).read_bytes()
        await officers.change_passphrase(first.requester, GOOD, THIRD, keep=first.token)
        assert unit.acts()[-1] == (Act.PASSPHRASE_CHANGED, "1", "changed")
        assert await officers.check(first.token) == first.requester
        assert officers.key_of(first.requester) is first.key
        with pytest.raises(NotAllowedError):
            await officers.sign_in("1", GOOD)
        again = await officers.sign_in("1", THIRD)
        assert again.key.secret() == first.key.secret()
        assert before != (unit.path / OFFICERS_FILE).read_bytes()


async def test_other_sessions_end(unit):
    async with unit.open() as (officers, first):
        await officers.change_passphrase(first.requester, GOOD, THIRD)
        with pytest.raises(NotSignedInError, match="this session is over"):
            await officers.check(first.token)
        assert officers.key_of(first.requester) is None


@pytest.mark.parametrize(
    ("old", "new", "error", "words"),
    [
        ("not the passphrase", THIRD, NotAllowedError, "wrong"),
        (GOOD, "short", UsageError, "8 characters"),
        (GOOD, GOOD, UsageError, "is the old one"),
    ],
)
async def test_a_wrong_old_one_or_a_weak_new_one_changes_nothing(unit, old, new, error, words):
    async with unit.open() as (officers, first):
        with pytest.raises(error, match=words):
            await officers.change_passphrase(first.requester, old, new, keep=first.token)
        assert Act.PASSPHRASE_CHANGED not in [act for act, *_ in unit.acts()]
        await officers.sign_in("1", GOOD)


async def test_guesses_of_the_old_one_count_as_at_sign_in(unit):
    async with unit.open() as (officers, first):
        for _ in range(FREE_ATTEMPTS):
            with pytest.raises(NotAllowedError, match="wrong"):
                await officers.change_passphrase(first.requester, "a guess of it", THIRD, keep=first.token)
        with pytest.raises(NotAllowedError, match="try again in"):
            await officers.change_passphrase(first.requester, GOOD, THIRD, keep=first.token)


async def test_nobody_who_is_not_signed_in_changes_one_and_nobody_who_was_removed(unit):
    async with unit.open() as (officers, first):
        with pytest.raises(NotSignedInError):
            await officers.change_passphrase(unit_requester("unit-1"), GOOD, THIRD)
        second = await officers.sign_in("2", OTHER)
        await officers.remove("2", by=first.requester)
        with pytest.raises(NotAllowedError):
            await officers.change_passphrase(second.requester, OTHER, THIRD)


# ---------------------------------------------------------------------------- while another process reads


@contextmanager
def being_read(path):
    """Hold the officers' database as a backup or another hub that reads does, and yield all hashes and slots in it."""
    reader = connect(path / OFFICERS_FILE, readonly=True)
    reader.execute("BEGIN")
    officers = reader.execute("SELECT number, hash FROM officers").fetchall()
    slots = reader.execute("SELECT number, sealed FROM key_slots").fetchall()
    try:
        yield [(number, secret) for number, secret in officers + slots]
    finally:
        reader.close()


def lying_there(path, secrets):
    everything = b"".join(file.read_bytes() for file in path.iterdir() if file.is_file())
    return [number for number, secret in secrets if secret in everything]


async def test_what_was_changed_is_told_and_what_lay_there_goes_once_nobody_reads_it(unit, monkeypatch):
    monkeypatch.setattr("hub.store.sqlite.PURGE_SECONDS", 0.02)
    async with unit.open() as (officers, first):
        with being_read(unit.path) as secrets:
            await officers.change_passphrase(first.requester, GOOD, THIRD, keep=first.token)
            await officers.remove("2", by=first.requester)
            assert [(act, outcome) for act, _, outcome in unit.acts()[-2:]] == [
                (Act.PASSPHRASE_CHANGED, "changed"),
                (Act.OFFICER_REMOVED, "removed"),
            ]
            with pytest.raises(NotAllowedError):
                await officers.sign_in("1", GOOD)
            assert (await officers.sign_in("1", THIRD)).key is not None
            assert [each.number for each in await officers.list()] == ["1"]
            with pytest.raises(StoreError, match="not overwritten yet"):
                await officers.sweep()
        assert lying_there(unit.path, secrets) == ["1", "2", "1", "2"]
        await officers.sweep()
        assert lying_there(unit.path, secrets) == []


async def test_the_units_sweep_does_it_also_after_a_restart(tmp_path, monkeypatch):
    monkeypatch.setattr("hub.store.sqlite.PURGE_SECONDS", 0.02)
    async with open_unit(Settings(), tmp_path, clock=ManualClock(START)) as unit:
        await unit.officers.add("1", GOOD)
        first = await unit.officers.sign_in("1", GOOD)
        with being_read(tmp_path) as secrets:
            await unit.officers.change_passphrase(first.requester, GOOD, THIRD, keep=first.token)
            await unit.sweep()
        assert lying_there(tmp_path, secrets) == ["1", "1"]
        await unit.sweep()
        assert lying_there(tmp_path, secrets) == []
        with being_read(tmp_path) as secrets:
            await unit.officers.change_passphrase(first.requester, THIRD, OTHER, keep=first.token)
    async with open_unit(Settings(), tmp_path, clock=ManualClock(START)):
        assert lying_there(tmp_path, secrets) == []


# --------------------------------------------------------------------------------------------- by command


def test_by_command(tmp_path):
    unit = Unit.empty(tmp_path / "unit")
    with unit.active():
        unit.run("officer", "add", "100", stdin=PASSPHRASES["100"])
        unit.sign_in("100")
        assert unit.run("officer", "add", "4711", stdin=PASSPHRASES["4711"] + "\n").status == 0
        unit.sign_in("4711")
        refused = unit.run("officer", "remove", "100")
        assert (refused.status, "may not add and remove officers" in refused.problem()) == (1, True)
        changed = unit.run("officer", "passphrase", stdin=f"{PASSPHRASES['4711']}\n{THIRD}\n")
        assert changed.out == "passphrase of officer 4711 changed; their other sessions have ended\n", changed.err
        assert unit.run("officer", "sign-in", "4711", stdin=THIRD).status == 0
        removed = unit.run("officer", "remove", "4711", "--officer", "100", stdin=PASSPHRASES["100"])
        assert (removed.status, removed.out) == (0, "officer 4711 removed\n")
        assert unit.run("officer", "passphrase", stdin=f"{THIRD}\n{GOOD}\n").status == 1
        (left,) = unit.run("officer", "list", "--format", "json").json()["officers"]
        assert left["number"] == "100"
        unit.sign_in("100")
        lines = unit.run("audit", "show", "--last", "9", "--format", "jsonl").lines()
        acts = [(line["entry"]["act"], line["entry"]["officer"]) for line in lines]
        assert ("passphrase_changed", "4711") in acts
        assert ("officer_removed", "100") in acts
