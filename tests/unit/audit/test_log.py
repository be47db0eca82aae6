"""`hub.audit.log`: durable in the order of the calls, refused as one error, times that never run backwards."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
import trio

from hub.audit.checkpoint import check_note, key_of, parse_note, read_checkpoint
from hub.audit.leaf import decode_metadata, encode_metadata, hash_metadata
from hub.audit.log import LARGEST_PAYLOAD, open_log
from hub.audit.merkle import root_hash
from hub.audit.reading import PayloadState, read_entries
from hub.audit.records import FilesReadPayload, LookupPayload, PluginPayload
from hub.audit.tables import node_reader
from hub.audit.vault import keys_path
from hub.audit.verify import verify_log
from hub.clocks import ManualClock
from hub.errors import AuditError, StoreError
from hub.messages import Act, Entry, Field, Requester, SubjectKind
from hub.store.retention import CHARTER
from hub.store.sqlite import connect
from hub.testing.audit import MemoryLog, SeedSigner

START = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
OFFICER = Requester(officer="4711", role="officer", unit="unit-7")


def entry(reason="lorry without lights", *, at=START, act=Act.LOOKUP, until=None, **more) -> Entry:
    payload = LookupPayload("l1", reason, SubjectKind.PLATE, "AB12CD", ("drivers",))
    more = {"payload": payload} | more
    return Entry(act=act, at=at, requester=OFFICER, outcome="asked", payload_until=until, **more)


def opened(tmp_path, clock=None, **more):
    clock = clock or ManualClock(START)
    more = {"origin": "example.org/unit-7", "signer": SeedSigner(), "clock": clock} | more
    return open_log(tmp_path / "audit.sqlite3", **more)


def reasons(tmp_path):
    return [logged.payload.reason for logged in read_entries(tmp_path / "audit.sqlite3") if logged.payload]


async def test_an_entry_can_be_read_again(tmp_path):
    async with opened(tmp_path) as log:
        receipt = await log.append(entry(camera="front", source="drivers"))
        assert (receipt.index, receipt.at) == (0, START)
        assert (await log.payload(0)).reason == "lorry without lights"
        assert await log.payload(1) is None
    (logged,) = read_entries(tmp_path / "audit.sqlite3")
    assert logged.payload == entry().payload
    metadata = logged.metadata
    assert (metadata.index, metadata.at, metadata.act, metadata.outcome) == (0, START, Act.LOOKUP, "asked")
    assert (metadata.officer, metadata.role, metadata.unit) == ("4711", "officer", "unit-7")
    assert (metadata.camera, metadata.source) == ("front", "drivers")
    assert metadata.payload_until == CHARTER.payload_until(Act.LOOKUP, START)
    assert receipt.leaf == hash_metadata(encode_metadata(metadata))


async def test_an_entry_without_a_payload(tmp_path):
    async with opened(tmp_path) as log:
        await log.append(entry(payload=None))
        assert await log.payload(0) is None
    (logged,) = read_entries(tmp_path / "audit.sqlite3")
    assert (logged.state, logged.metadata.payload, logged.metadata.payload_until) == (PayloadState.NONE, "", None)


async def test_entries_stand_in_the_order_of_the_calls_and_share_commits(tmp_path):
    async with opened(tmp_path) as log:
        order = []

        async def one(number):
            order.append(number)
            receipt = await log.append(entry(str(number)))
            assert receipt.index == order.index(number)

        async with trio.open_nursery() as nursery:
            for number in range(200):
                nursery.start_soon(one, number)
        assert log.statistics().appended == 200
        assert log._database.statistics().commits < 150
    assert reasons(tmp_path) == [str(number) for number in order]


async def test_several_processes_append_to_one_log(tmp_path):
    async with opened(tmp_path) as ours, opened(tmp_path) as theirs:
        for number in range(6):
            await (ours, theirs)[number % 2].append(entry(str(number)))
        copy = await ours.checkpoint()
    assert reasons(tmp_path) == [str(number) for number in range(6)]
    assert verify_log(tmp_path / "audit.sqlite3", copy).ok


# ------------------------------------------------------------------------------------------------- refusal


async def fill(log):
    for _ in range(200):
        await log.append(entry("x" * 2000))


async def test_a_full_disk_is_an_audit_error_and_leaves_nothing(tmp_path):
    async with opened(tmp_path) as log:
        await log.append(entry())
        await log._database.write(lambda c: c.execute("PRAGMA max_page_count = 12").fetchone())
        with pytest.raises(AuditError, match="nothing was done: the disk is full") as caught:
            await fill(log)
        assert isinstance(caught.value.__cause__, StoreError)
        assert log.statistics().refused == 1
        appended = log.statistics().appended
        await log._database.write(lambda c: c.execute("PRAGMA max_page_count = 10000").fetchone())
        await log.append(entry())
        copy = await log.checkpoint()
    answer = verify_log(tmp_path / "audit.sqlite3", copy)
    assert (answer.ok, answer.entries) == (True, appended + 1)


async def test_a_locked_log_is_an_audit_error(tmp_path):
    async with opened(tmp_path) as log:
        await log.append(entry())
        await log._database.write(lambda c: None)
        with closing(connect(tmp_path / "audit.sqlite3")) as other:
            await log._database.read(lambda c: c.execute("PRAGMA busy_timeout = 20").fetchone())
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(AuditError, match=r"nothing was done: .*audit\.sqlite3 is locked"):
                await log.append(entry())
            other.execute("ROLLBACK")
        assert (await log.append(entry())).index == 1


async def test_a_closed_log_is_an_audit_error(tmp_path):
    async with opened(tmp_path) as log:
        pass
    with pytest.raises(AuditError, match="closed"):
        await log.append(entry())


@pytest.mark.parametrize(
    "bad",
    [
        {"payload": Field(name="no", value="payload")},
        {"payload": FilesReadPayload(reason="r" * LARGEST_PAYLOAD, files=1)},
        {"payload": FilesReadPayload(reason="\udcff", files=1)},
        {"camera": "\udcff"},
    ],
)
async def test_what_cannot_be_written_is_refused_before_anything_is(tmp_path, bad):
    async with opened(tmp_path) as log:
        with pytest.raises(AuditError, match="nothing was done"):
            await log.append(entry(**bad))
        assert log.statistics().refused == 1
        assert (await log.append(entry())).index == 0


async def test_a_log_of_another_unit_is_refused(tmp_path):
    async with opened(tmp_path) as log:
        await log.append(entry())
    with pytest.raises(AuditError, match=r"is the log of 'example\.org/unit-7'"):
        async with opened(tmp_path, origin="example.org/unit-8"):
            pass


async def test_a_cancelled_append_is_in_the_log_or_not_and_never_half(tmp_path):
    async with opened(tmp_path) as log:
        for number in range(30):
            with trio.move_on_after(number * 1e-4):
                await log.append(entry())
        copy = await log.checkpoint()
    assert verify_log(tmp_path / "audit.sqlite3", copy).ok


# ------------------------------------------------------------------------------------------------- time


async def test_a_clock_that_is_set_back_moves_no_entry_and_is_noted(tmp_path):
    clock = ManualClock(START)
    async with opened(tmp_path, clock) as log:
        assert (log.newest_at, log.now()) == (None, START)
        await log.append(entry(at=clock.now()))
        clock.set_wall(START - timedelta(days=400))
        assert log.now() == START
        receipt = await log.append(entry(at=clock.now()))
        assert receipt.at == START
        assert log.statistics().behind == 1
    async with opened(tmp_path, clock) as log:  # also after a restart
        assert log.now() == log.newest_at == START
        clock.advance(60)
        assert log.now() == START + timedelta(seconds=60)  # although the wall clock is 400 days behind
        clock.advance(401 * 86400 - 60)
        assert log.now() == START + timedelta(days=401)
        await log.append(entry(at=clock.now()))
        copy = await log.checkpoint()
    behind = [logged.metadata.behind for logged in read_entries(tmp_path / "audit.sqlite3")]
    assert behind == [0, 400 * 86400, 0]
    answer = verify_log(tmp_path / "audit.sqlite3", copy)
    assert (answer.ok, answer.behind) == (True, 1)
    assert "clock was set back" in answer.reason


async def test_no_entry_is_dated_after_the_clock(tmp_path):
    async with opened(tmp_path) as log:
        assert (await log.append(entry(at=START + timedelta(days=9)))).at == START
        assert (await log.append(entry(at=START - timedelta(days=9)))).at == START


async def test_times_are_written_in_utc(tmp_path):
    from datetime import timezone

    async with opened(tmp_path) as log:
        local = START.astimezone(timezone(timedelta(hours=5)))
        assert (await log.append(entry(at=local))).at.isoformat() == START.isoformat()


async def test_a_payload_ends_on_its_rule_s_date_or_earlier(tmp_path):
    rule = CHARTER.payload_until(Act.LOOKUP, START)
    async with opened(tmp_path) as log:
        await log.append(entry(until=START + timedelta(days=4000)))
        await log.append(entry(until=START + timedelta(days=4)))
        await log.append(entry(until=None))
        await log.append(entry(act=Act.PLUGIN_PARKED, payload=PluginPayload("p", "raised")))
    dates = [logged.metadata.payload_until for logged in read_entries(tmp_path / "audit.sqlite3")]
    assert dates == [rule, START + timedelta(days=4), rule, None]


# ------------------------------------------------------------------------------------------------- checkpoints


async def test_a_checkpoint_is_the_root_of_what_is_there_and_is_kept(tmp_path):
    async with opened(tmp_path) as log:
        empty = read_checkpoint(parse_note(await log.checkpoint()))
        leaves = [(await log.append(entry())).leaf for _ in range(5)]
        note = await log.checkpoint()
    head = read_checkpoint(parse_note(note))
    check_note(parse_note(note), [key_of(SeedSigner())])
    assert (empty.size, head.size, head.at, head.origin) == (0, 5, START, "example.org/unit-7")
    assert head.prefixes == tuple(leaf[:8] for leaf in leaves)
    with closing(sqlite3.connect(tmp_path / "audit.sqlite3")) as connection:
        assert head.root == root_hash(5, node_reader(connection))
        kept = dict(connection.execute("SELECT size, note FROM checkpoint"))
    assert set(kept) == {0, 5}
    assert "leaves" not in kept[5]


async def test_the_log_signs_its_state_when_it_is_closed_and_only_when_it_changed(tmp_path):
    for appended, sizes in (([1, 2], [2]), ([], [2]), ([3], [2, 3])):
        async with opened(tmp_path) as log:
            for _ in appended:
                await log.append(entry())
        with closing(sqlite3.connect(tmp_path / "audit.sqlite3")) as connection:
            assert [size for (size,) in connection.execute("SELECT size FROM checkpoint ORDER BY size")] == sizes


async def test_the_log_signs_nothing_that_contradicts_what_it_signed_before(tmp_path):
    async with opened(tmp_path) as log:
        for _ in range(3):
            await log.append(entry())
        await log.checkpoint()
        await log._database.write(lambda c: c.execute("UPDATE node SET hash = zeroblob(32) WHERE level = 1"))
        with pytest.raises(AuditError, match="contradicts its own newest checkpoint"):
            await log.checkpoint()


# ------------------------------------------------------------------------------------------------- stand-ins


async def test_verifying_beside_a_running_hub(tmp_path):
    async with opened(tmp_path) as log:
        for number in range(20):
            await log.append(entry())
            if number == 10:
                copy = await log.checkpoint()
        answer = await trio.to_thread.run_sync(verify_log, tmp_path / "audit.sqlite3", copy)
        assert (answer.ok, answer.entries) == (True, 20)
        assert (await log.append(entry())).index == 20


def test_metadata_that_are_not_canonical_are_refused():
    with pytest.raises(AuditError, match="cannot be read"):
        decode_metadata(b"{}")
    with pytest.raises(AuditError, match="cannot be read"):
        decode_metadata(b"\xff")


async def test_the_stand_in_fails_when_told_and_shows_the_order():
    acts = []
    log = MemoryLog(watch=lambda appended: acts.append(("before", appended.act)))
    await log.append(entry())
    log.broken = True
    with pytest.raises(AuditError):
        await log.append(entry())
    assert (log.acts, acts) == ([Act.LOOKUP], [("before", Act.LOOKUP)])


async def test_a_log_whose_keys_lie_elsewhere_still_shows_its_entries(tmp_path):
    async with opened(tmp_path) as log:
        await log.append(entry())
    keys_path(tmp_path / "audit.sqlite3").unlink()
    (logged,) = read_entries(tmp_path / "audit.sqlite3")
    assert (logged.state, logged.payload) == (PayloadState.SEALED, None)


async def test_entries_can_be_read_from_the_end_and_a_few_at_a_time(tmp_path):
    async with opened(tmp_path) as log:
        for number in range(9):
            await log.append(entry(str(number)))
    path = tmp_path / "audit.sqlite3"
    assert [logged.metadata.index for logged in read_entries(path, start=-3)] == [6, 7, 8]
    assert [logged.metadata.index for logged in read_entries(path, start=2, count=2)] == [2, 3]
    assert [logged.metadata.index for logged in read_entries(path, start=-30, count=1)] == [0]
