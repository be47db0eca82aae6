"""C11 and C7: a log payload is gone on its date, from every file, and the log still verifies."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio

from hub.audit.log import open_log
from hub.audit.reading import PayloadState, read_entries
from hub.audit.records import ErasedPayload, LookupPayload
from hub.audit.vault import keys_path, stamp
from hub.audit.verify import verify_log
from hub.clocks import ManualClock
from hub.errors import AuditError, StoreError
from hub.messages import Act, Entry, Requester, SubjectKind
from hub.store.sqlite import connect, open_snapshot
from hub.testing.audit import SeedSigner

START = datetime(2026, 2, 3, 4, tzinfo=UTC)
OFFICER = Requester(officer="4711", role="officer", unit="unit-7")
DAY = timedelta(days=1)


def entry(at: datetime, until: datetime, number: int) -> Entry:
    payload = LookupPayload(f"l{number}", f"seen near the bakery {number}", SubjectKind.PERSON, "Ann Arbor", ("w",))
    return Entry(Act.LOOKUP, at, OFFICER, "asked", payload, payload_until=until)


def every_byte(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def sealed_and_keys(path: Path) -> tuple[dict[int, bytes], dict[int, bytes]]:
    with open_snapshot(path) as log, open_snapshot(keys_path(path)) as keys:
        return dict(log.execute("SELECT number, sealed FROM payload")), dict(keys.execute("SELECT * FROM key"))


def opened(path: Path, clock: ManualClock):
    return open_log(path, origin="example.org/unit-7", signer=SeedSigner(), clock=clock)


async def test_after_its_date_no_byte_of_a_payload_is_in_any_file_and_the_log_verifies(tmp_path):
    path, clock = tmp_path / "audit.sqlite3", ManualClock(START)
    async with opened(path, clock) as log:
        for number in range(60):  # every third ends tomorrow, in many transactions, so that pages are rewritten
            days = 1 if number % 3 == 0 else 30
            await log.append(entry(clock.now(), START + days * DAY, number))
        sealed, keys = sealed_and_keys(path)
        assert len(keys) == 2
        due = [sealed[number] for number in range(0, 60, 3)]
        key = keys[stamp(START + DAY)]
        everything = every_byte(tmp_path)
        assert key in everything
        assert all(cipher in everything for cipher in due)
        assert b"bakery" not in everything  # never in clear
        copy = await log.checkpoint()

        clock.advance((DAY - timedelta(seconds=1)).total_seconds())
        assert await log.erase_due() == 0
        clock.advance(1)
        assert await log.erase_due() == 20

        # With the log still open, so write-ahead logs included.
        everything = every_byte(tmp_path)
        assert key not in everything
        assert not any(cipher[:16] in everything or cipher[-16:] in everything for cipher in due)
        assert await log.payload(0) is None
        assert (await log.payload(1)).asked == "Ann Arbor"
        assert await log.erase_due() == 0
        newer = await log.checkpoint()
    for witness in (copy, newer):
        answer = verify_log(path, witness)
        assert (answer.ok, answer.destroyed, answer.payloads) == (True, 20, 41), answer.reason
    logged = list(read_entries(path))
    assert [entry.state for entry in logged[:3]] == [PayloadState.DESTROYED, PayloadState.OPEN, PayloadState.OPEN]
    assert logged[-1].metadata.act is Act.ERASED
    assert logged[-1].payload == ErasedPayload(what="log_payload", count=20)


async def test_a_clock_that_is_set_back_does_not_bring_a_date_back(tmp_path):
    path, clock = tmp_path / "audit.sqlite3", ManualClock(START)
    async with opened(path, clock) as log:
        await log.append(entry(clock.now(), START + DAY, 1))
        clock.advance(2 * 86400)
        await log.append(entry(clock.now(), START + 30 * DAY, 2))
        clock.set_wall(START)
        assert await log.erase_due() == 1


async def test_destruction_that_cannot_be_accounted_for_does_not_happen(tmp_path):
    path, clock = tmp_path / "audit.sqlite3", ManualClock(START)
    async with opened(path, clock) as log:
        await log.append(entry(clock.now(), START + DAY, 1))
        clock.advance(2 * 86400)
        await log._database.read(lambda c: c.execute("PRAGMA busy_timeout = 20").fetchone())
        with closing(connect(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(AuditError, match="due to be destroyed and cannot be"):
                await log.erase_due()
            other.execute("ROLLBACK")
        assert (await log.payload(0)).asked == "Ann Arbor"
        assert await log.erase_due() == 1


async def test_destruction_that_was_cut_short_is_finished_after_a_restart(tmp_path, monkeypatch):
    path, clock = tmp_path / "audit.sqlite3", ManualClock(START)
    async with opened(path, clock) as log:
        await log.append(entry(clock.now(), START + DAY, 1))
        key = sealed_and_keys(path)[1][stamp(START + DAY)]
        clock.advance(2 * 86400)
        with monkeypatch.context() as broken:
            broken.setattr("hub.audit.vault.purge", _fail)
            assert await log.erase_due() == 1
            assert log.statistics().overdue
    async with opened(path, clock) as log:
        assert await log.erase_due() == 0
        assert not log.statistics().overdue
        assert key not in every_byte(tmp_path)
        assert verify_log(path, await log.checkpoint()).ok


async def test_a_reader_holds_up_the_overwriting_and_not_the_hub(tmp_path, monkeypatch):
    monkeypatch.setattr("hub.store.sqlite.PURGE_SECONDS", 0.02)
    path, clock = tmp_path / "audit.sqlite3", ManualClock(START)
    async with opened(path, clock) as log:
        await log.append(entry(clock.now(), START + DAY, 1))
        sealed = sealed_and_keys(path)[0][0]
        clock.advance(2 * 86400)
        with open_snapshot(path):
            assert await log.erase_due() == 1
            assert log.statistics().overdue
        assert await log.erase_due() == 0
        assert not log.statistics().overdue
        assert sealed not in every_byte(tmp_path)


async def test_a_payload_that_is_written_while_others_end_keeps_its_key_until_it_is_accounted_for(tmp_path):
    path, clock = tmp_path / "audit.sqlite3", ManualClock(START)
    async with opened(path, clock) as log:
        await log.append(entry(START, START, 1))  # ends at once
        async with trio.open_nursery() as nursery:
            nursery.start_soon(log.erase_due)
            for number in range(9):
                nursery.start_soon(log.append, entry(START, START, number))
        assert verify_log(path, await log.checkpoint()).ok
        left = await log.erase_due()
        assert log.statistics().erased == 10
        assert verify_log(path, await log.checkpoint()).destroyed == 10, left
        assert not log.statistics().overdue


def _fail(*_args, **_more):
    raise StoreError("busy: try again later")


async def test_a_row_says_nothing_of_its_payload_without_the_key(tmp_path):
    """Metadata are all that a copy of the log alone shows, and they name no subject and no reason."""
    path = tmp_path / "audit.sqlite3"
    async with opened(path, ManualClock(START)) as log:
        await log.append(entry(START, START + DAY, 1))
    with closing(sqlite3.connect(path)) as connection:
        metadata, length = connection.execute(
            "SELECT metadata, length(sealed) FROM entry JOIN payload USING (number)"
        ).fetchone()
    assert not [word for word in (b"bakery", b"Ann", b"Arbor", b"person") if word in metadata]
    assert length > 0
