"""C7: a log that was changed is found out, and the first bad entry is named.

Two adversaries. One has the files and not the unit's key: whatever single thing is changed, the log contradicts
itself. The other has the key as well and rewrites the log from some entry on, signed as if it had always been so:
the log then agrees with itself, and only the copy kept outside the unit speaks against it.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.audit.checkpoint import key_of
from hub.audit.log import open_log
from hub.audit.records import CountPayload, LookupPayload
from hub.audit.vault import keys_path
from hub.audit.verify import UNWITNESSED, verify_log
from hub.clocks import ManualClock
from hub.messages import Act, Entry, Requester, SubjectKind
from hub.testing.audit import SeedSigner

START = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
ORIGIN = "example.org/patrol/unit-7"
OFFICER = Requester(officer="4711", role="officer", unit="unit-7")
WITNESSED_AT, ENTRIES = 30, 37
ANY = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)


def entry(number: int, at: datetime, reason: str = "stopped at the kerb") -> Entry:
    if number % 5 == 3:
        payload = CountPayload(camera="front", source="wanted", minute=at, asked=number, hit=0, unavailable=0)
        return Entry(act=Act.AUTOMATIC_COUNTED, at=at, requester=OFFICER, outcome="counted", payload=payload)
    payload = LookupPayload(f"l{number}", f"{reason} {number}", SubjectKind.PLATE, f"AB{number}CD", ("drivers",))
    return Entry(act=Act.LOOKUP, at=at, requester=OFFICER, outcome="asked", payload=payload)


async def write_log(path: Path, signer: SeedSigner, *, reasons: dict[int, str], leave_out: int = -1) -> dict[str, str]:
    """Write a log and return what a witness was given on the way."""
    clock, copies = ManualClock(START), {}
    # Whoever has the files has the nonces too, and would leave those of the other entries as they are.
    randbytes = Random(1).randbytes
    async with open_log(path, origin=ORIGIN, signer=signer, clock=clock, random=randbytes) as log:
        for number in range(ENTRIES):
            if number in (10, 20):
                await log.checkpoint(leaves=False)
            if number == WITNESSED_AT:
                copies["copy"] = await log.checkpoint()
                copies["plain"] = await log.checkpoint(leaves=False)
            if number != leave_out:
                await log.append(entry(number, clock.now(), reasons.get(number, "stopped at the kerb")))
            clock.advance(1)
        copies["late"] = await log.checkpoint()
    return copies


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    path = tmp_path_factory.mktemp("original") / "audit.sqlite3"
    return path, trio.run(lambda: write_log(path, SeedSigner(), reasons={}))


@pytest.fixture
def log(original, tmp_path):
    """A copy of the log's files that a test may spoil."""
    path, _ = original
    for file in (path, keys_path(path)):
        shutil.copyfile(file, tmp_path / file.name)
    return tmp_path / path.name


@pytest.fixture(scope="module")
def copy(original):
    return original[1]["copy"]


def change(path: Path, *statements: str | tuple) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        for statement in statements:
            connection.execute(*((statement,) if isinstance(statement, str) else statement))


def found(path: Path, checkpoint: str | None, index: int | None, *words: str):
    answer = verify_log(path, checkpoint)
    assert not answer.ok
    assert answer.first_bad == index, answer.reason
    assert "\n" not in answer.reason
    for word in words:
        assert word in answer.reason
    return answer


# ------------------------------------------------------------------------------------------- an honest log


def test_a_whole_log_with_its_witness_copy_is_whole(log, copy):
    answer = verify_log(log, copy)
    assert (answer.ok, answer.entries, answer.first_bad, answer.witnessed) == (True, ENTRIES, None, True)
    assert (answer.vouched, answer.payloads, answer.destroyed, answer.unopened) == (WITNESSED_AT, ENTRIES, 0, 0)
    assert f"vouches for {WITNESSED_AT} of {ENTRIES} entries" in answer.reason


def test_the_unit_s_key_may_be_given_and_then_counts_alone(log, copy):
    assert verify_log(log, copy, [key_of(SeedSigner())]).ok
    assert not verify_log(log, copy, [key_of(SeedSigner(seed=8))]).ok


def test_a_plain_checkpoint_vouches_too(log, original):
    assert verify_log(log, original[1]["plain"]).ok
    assert verify_log(log, original[1]["late"]).vouched == ENTRIES


def test_without_an_outside_checkpoint_nobody_vouches(log):
    answer = found(log, None, None, "agrees with itself", UNWITNESSED)
    assert not answer.witnessed


def test_verifying_changes_no_file(log, copy):
    before = {file: file.read_bytes() for file in log.parent.iterdir()}
    verify_log(log, copy)
    assert {file: file.read_bytes() for file in log.parent.iterdir()} == before


# --------------------------------------------------------------------------- without the unit's key: any one change


@ANY
@given(data=st.data())
def test_any_single_changed_byte_of_any_row_is_found_and_named(original, tmp_path, data):
    source, copies = original
    path = tmp_path / "audit.sqlite3"
    shutil.copyfile(source, path)
    shutil.copyfile(keys_path(source), keys_path(path))
    table = data.draw(st.sampled_from(["entry", "payload", "node"]))
    column = {"entry": "metadata", "payload": "sealed", "node": "hash"}[table]
    with closing(sqlite3.connect(path)) as connection, connection:
        level = "level" if table == "node" else "0"
        rows = connection.execute(f"SELECT {level}, number, {column} FROM {table}").fetchall()
        level, number, cell = data.draw(st.sampled_from(rows))
        place = data.draw(st.integers(0, len(cell) - 1))
        spoiled = bytearray(cell)
        spoiled[place] ^= data.draw(st.integers(1, 255))
        where = "number = ? AND level = ?" if table == "node" else "number = ? AND 0 = ?"
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (bytes(spoiled), number, level))
    # A hash higher up belongs to the entry that completed its subtree.
    named = ((number + 1) << level) - 1 if table == "node" else number
    found(path, copies["copy"], named)
    found(path, None, named)


@ANY
@given(index=st.integers(0, ENTRIES - 1))
def test_any_deleted_entry_is_found_and_named(original, tmp_path, index):
    source, copies = original
    path = tmp_path / "audit.sqlite3"
    shutil.copyfile(source, path)
    change(path, ("DELETE FROM entry WHERE number = ?", (index,)))
    found(path, copies["copy"], index, f"entry {index} is missing")


@ANY
@given(st.sets(st.integers(0, ENTRIES - 1), min_size=2, max_size=2))
def test_any_two_exchanged_entries_are_found_and_the_first_is_named(original, tmp_path, pair):
    source, copies = original
    path = tmp_path / "audit.sqlite3"
    shutil.copyfile(source, path)
    first, second = sorted(pair)
    for table in ("entry", "payload"):
        change(
            path,
            (f"UPDATE {table} SET number = -1 WHERE number = ?", (first,)),
            (f"UPDATE {table} SET number = ? WHERE number = ?", (first, second)),
            (f"UPDATE {table} SET number = ? WHERE number = -1", (second,)),
        )
    found(path, copies["copy"], first)
    found(path, None, first)


@pytest.mark.parametrize("index", [0, 5, ENTRIES - 1])
def test_a_payload_that_is_gone_before_its_date_is_found(log, copy, index):
    change(log, ("DELETE FROM payload WHERE number = ?", (index,)))
    found(log, copy, index, "gone before its date")


def test_a_payload_moved_to_another_entry_is_found(log, copy):
    change(log, "UPDATE payload SET sealed = (SELECT sealed FROM payload WHERE number = 4) WHERE number = 5")
    found(log, copy, 5, "payload of entry 5")


def test_a_payload_with_another_date_is_found(log, copy):
    change(log, "UPDATE payload SET until = until - 1 WHERE number = 7")
    found(log, copy, 7, "payload of entry 7")


def test_an_added_payload_is_found(log, copy):
    change(log, f"INSERT INTO payload VALUES ({ENTRIES + 3}, 1, x'00')")
    found(log, copy, ENTRIES, "payload of entry 40")


def test_keys_that_are_gone_or_changed_before_their_date_are_found(log, copy):
    change(keys_path(log), "UPDATE key SET key = zeroblob(32) WHERE until = (SELECT min(until) FROM key)")
    found(log, copy, 0, "does not open")
    change(keys_path(log), "DELETE FROM key")
    found(log, copy, 0, "gone before its date")


def test_a_log_without_its_keys_is_checked_as_far_as_it_goes(log, copy):
    keys_path(log).unlink()
    answer = verify_log(log, copy)
    assert answer.ok
    assert answer.unopened == ENTRIES
    assert "were not compared" in answer.reason


def test_an_inserted_entry_is_found(log, copy):
    change(log, "UPDATE entry SET number = number + 1000 WHERE number >= 12")
    change(log, "UPDATE entry SET number = number - 999 WHERE number >= 1000")
    change(log, "INSERT INTO entry SELECT 12, metadata FROM entry WHERE number = 13")
    # What was pushed out of place is 13, and its double in 12 is genuine.
    found(log, copy, 13, "put in its place")
    change(log, "UPDATE entry SET metadata = replace(metadata, '4711', '4712') WHERE number = 12")
    found(log, copy, 12)


def test_an_entry_added_at_the_end_is_found(log, copy):
    change(log, f"INSERT INTO entry SELECT {ENTRIES}, metadata FROM entry WHERE number = {ENTRIES - 1}")
    found(log, copy, ENTRIES)


@pytest.mark.parametrize("left", [0, 1, 25, ENTRIES - 1])
@pytest.mark.parametrize("thorough", ["entries", "tree too", "checkpoints too"])
def test_truncation_is_found_even_with_the_checkpoint_rows_removed(log, copy, left, thorough):
    change(log, f"DELETE FROM entry WHERE number >= {left}", f"DELETE FROM payload WHERE number >= {left}")
    if thorough != "entries":
        change(log, f"DELETE FROM node WHERE (number + 1) << level > {left}")
    if thorough == "checkpoints too":
        change(log, f"DELETE FROM checkpoint WHERE size > {left}")
    if thorough == "checkpoints too" and left >= WITNESSED_AT:
        assert verify_log(log, copy).ok  # the witness never saw these: a later copy does
    else:
        found(log, copy, left, f"entry {left} is missing")


def test_truncation_is_found_by_a_later_copy(log, original):
    left = ENTRIES - 1
    for table in ("entry", "payload"):
        change(log, f"DELETE FROM {table} WHERE number >= {left}")
    change(log, f"DELETE FROM node WHERE (number + 1) << level > {left}", "DELETE FROM checkpoint")
    found(log, original[1]["late"], left, f"vouches for {ENTRIES} entries")


@pytest.mark.parametrize("statement", ["UPDATE checkpoint SET note = replace(note, '20', '21') WHERE size = 20"])
def test_a_changed_checkpoint_in_the_file_is_found(log, copy, statement):
    change(log, statement)
    found(log, copy, None, "own checkpoint at 20 entries is bad")


def test_a_log_that_names_another_unit_is_found(log, copy):
    change(log, "UPDATE log SET origin = 'example.org/other'")
    assert "another log" in found(log, copy, None).reason


def test_a_log_of_another_unit_than_expected_is_refused(log, copy):
    assert verify_log(log, copy, origin=ORIGIN).ok
    answer = verify_log(log, copy, origin="example.org/other")
    assert not answer.ok
    assert "not that of 'example.org/other'" in answer.reason


def test_damaged_pages_are_found(log, copy):
    content = bytearray(log.read_bytes())
    content[4096 * 3 : 4096 * 4] = bytes(4096)
    log.write_bytes(content)
    assert not verify_log(log, copy).ok


# -------------------------------------------------------------------------------------- with the unit's own key


@pytest.mark.parametrize("index", [0, 1, 17, WITNESSED_AT - 1])
async def test_a_log_rewritten_and_signed_again_is_found_by_the_witness_copy(tmp_path, copy, original, index):
    path = tmp_path / "audit.sqlite3"
    await write_log(path, SeedSigner(), reasons={index: "another reason"})
    assert "agrees with itself" in found(path, None, None).reason
    assert found(path, copy, index, f"entry {index} is not the one").witnessed
    # Three lines say that something is wrong, not where.
    found(path, original[1]["plain"], 0, f"one of the entries 0 to {WITNESSED_AT - 1}")


@pytest.mark.parametrize("index", [0, 16, WITNESSED_AT - 1])
async def test_a_log_rewritten_without_one_entry_is_found_by_the_witness_copy(tmp_path, copy, index):
    path = tmp_path / "audit.sqlite3"
    await write_log(path, SeedSigner(), reasons={}, leave_out=index)
    found(path, copy, index)


async def test_what_came_after_the_witness_copy_is_not_vouched_for_and_the_answer_says_so(tmp_path, copy, original):
    path = tmp_path / "audit.sqlite3"
    shutil.copyfile(original[0], path)
    assert verify_log(path, copy).vouched == WITNESSED_AT
    await write_log(tmp_path / "again.sqlite3", SeedSigner(), reasons={WITNESSED_AT + 1: "another"})
    found(tmp_path / "again.sqlite3", original[1]["late"], WITNESSED_AT + 1)


async def test_a_log_signed_with_another_key_is_found(tmp_path, copy):
    path = tmp_path / "audit.sqlite3"
    await write_log(path, SeedSigner(seed=8), reasons={})
    answer = verify_log(path, copy)
    assert not answer.ok
    assert "signed with another key" in answer.reason


# --------------------------------------------------------------------------------------- false witnesses


def test_a_checkpoint_of_another_log_is_refused(log, original):
    async def other() -> str:
        clock = ManualClock(START)
        async with open_log(log.parent / "o.sqlite3", origin="example.org/o", signer=SeedSigner(), clock=clock) as it:
            await it.append(entry(1, START))
            return await it.checkpoint()

    answer = found(log, trio.run(other), None, "refused", "another log", UNWITNESSED)
    assert not answer.witnessed


def test_a_forged_checkpoint_is_refused(log, copy):
    forged = copy.replace("04:05:36", "04:05:37")
    assert not found(log, forged, None, "refused", "altered").witnessed
    found(log, "no checkpoint at all", None, "refused", "not a signed note")
    plain_by_stranger = found(log, copy.replace("unit-7 ", "unit-8 "), None, "refused")
    assert not plain_by_stranger.witnessed


def test_an_entry_dated_before_the_one_in_front_is_found(tmp_path):
    """The log never writes one, so it is written with the log's own parts, tree and signature included."""
    from hub.audit import log as module

    async def write() -> str:
        clock = ManualClock(START)
        async with open_log(tmp_path / "a.sqlite3", origin=ORIGIN, signer=SeedSigner(), clock=clock) as log:
            await log.append(entry(1, clock.now()))
            clock.set_wall(START - timedelta(days=1))
            real, module.read_newest = module.read_newest, lambda c: _at(real(c), START - timedelta(days=1))
            try:
                await log.append(entry(2, clock.now()))
            finally:
                module.read_newest = real
            return await log.checkpoint()

    found(tmp_path / "a.sqlite3", trio.run(write), 1, "dated before")


def _at(metadata, at):
    from msgspec.structs import replace

    return replace(metadata, at=at)
