"""`hub.store.sqlite`: durable or not at all, one clear line for each failure, deletions that are physical."""

from __future__ import annotations

import random
import shutil
import sqlite3
import stat
import threading
from pathlib import Path

import pytest
import trio

from hub.errors import StoreError, StoreFullError
from hub.store.sqlite import connect, open_database, open_snapshot, purge, snapshot, store_error, transaction

TABLES = ("CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT UNIQUE, body BLOB);",)
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


def insert(name):
    return lambda connection: connection.execute("INSERT INTO thing (name) VALUES (?)", (name,)).lastrowid


def names(connection):
    return [name for (name,) in connection.execute("SELECT name FROM thing ORDER BY id")]


def every_byte(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


async def test_write_then_read(tmp_path):
    async with open_database(tmp_path / "a.sqlite3", TABLES) as database:
        assert await database.write(insert("one")) == 1
        assert await database.read(names) == ["one"]
        counters = database.statistics()
        assert (counters.writes, counters.reads, counters.failed, counters.waiting) == (1, 1, 0, 0)
    async with open_database(tmp_path / "a.sqlite3", TABLES) as database:
        assert await database.read(names) == ["one"]


def test_whoever_opens_a_new_file_at_the_same_time_gets_it(tmp_path):
    # A hub and a command at a unit's first start. SQLite refuses all but one who change to a write-ahead log, at once.
    for turn in range(60):
        path, together, problems = tmp_path / f"{turn}.sqlite3", threading.Barrier(4), []

        def open_one(path=path, together=together, problems=problems):
            together.wait()
            try:
                connect(path, TABLES).close()
            except StoreError as error:
                problems.append(str(error))

        threads = [threading.Thread(target=open_one) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []


async def test_settings_are_the_durable_ones(tmp_path):
    async with open_database(tmp_path / "a.sqlite3", TABLES) as database:
        wanted = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1, "temp_store": 2}
        for pragma, value in wanted.items():
            answer = await database.write(lambda c, p=pragma: c.execute(f"PRAGMA {p}").fetchone()[0])
            assert answer == value, pragma


async def test_file_and_folder_are_the_owners_alone(tmp_path):
    path = tmp_path / "state" / "unit" / "a.sqlite3"
    async with open_database(path, TABLES) as database:
        await database.write(insert("one"))
        assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
        assert stat.S_IMODE(path.parent.stat().st_mode) == stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700


async def test_a_file_that_others_could_read_is_closed_to_them(tmp_path):
    path = tmp_path / "a.sqlite3"
    connect(path, TABLES).close()
    path.chmod(0o644)
    connect(path, TABLES).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_one_thread_does_all_the_work(tmp_path):
    async with open_database(tmp_path / "a.sqlite3", TABLES) as database:
        threads = {await database.write(lambda _: threading.get_ident()) for _ in range(5)}
        threads.add(await database.read(lambda _: threading.get_ident()))
    assert len(threads) == 1
    assert threads != {threading.get_ident()}


async def test_a_write_that_raises_leaves_nothing(tmp_path):
    def broken(connection):
        insert("half")(connection)
        raise ZeroDivisionError

    async with open_database(tmp_path / "a.sqlite3", TABLES) as database:
        with pytest.raises(ZeroDivisionError):
            await database.write(broken)
        with pytest.raises(StoreError, match="UNIQUE"):
            await database.write(lambda c: (insert("twice")(c), insert("twice")(c)))
        assert await database.read(names) == []
        assert database.statistics().failed == 2


async def test_a_read_cannot_write(tmp_path):
    async with open_database(tmp_path / "a.sqlite3", TABLES) as database:
        with pytest.raises(StoreError, match="read-only"):
            await database.read(insert("sly"))
        await database.write(insert("honest"))
        assert await database.read(names) == ["honest"]


@pytest.mark.parametrize("how", ["one endless statement", "many short statements"])
@pytest.mark.slow
async def test_a_cancelled_write_is_rolled_back(tmp_path, how):
    started = threading.Event()

    def endless(connection):
        insert("half")(connection)
        started.set()
        if how == "one endless statement":
            connection.execute(ENDLESS).fetchone()
        while True:
            connection.execute("UPDATE thing SET body = randomblob(9)")

    async with open_database(tmp_path / "a.sqlite3", TABLES) as database, trio.open_nursery() as nursery:
        nursery.start_soon(database.write, endless)
        await trio.to_thread.run_sync(started.wait)
        with trio.fail_after(2):
            nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                assert await database.write(insert("next")) == 1
                assert await database.read(names) == ["next"]
        assert database.statistics().cancelled == 1


async def test_a_write_that_waits_in_the_queue_is_cancelled_before_it_begins(tmp_path):
    gate, ran = threading.Event(), []
    async with open_database(tmp_path / "a.sqlite3", TABLES) as database, trio.open_nursery() as nursery:
        nursery.start_soon(database.write, lambda c: (gate.wait(), insert("first")(c)))
        await trio.testing.wait_all_tasks_blocked()
        with trio.CancelScope() as scope:
            scope.cancel()
            trio.lowlevel.current_trio_token().run_sync_soon(gate.set)
            await database.write(ran.append)
        assert ran == []
        assert await database.read(names) == ["first"]


async def test_a_write_that_is_cancelled_after_commit_is_done(tmp_path):
    async with open_database(tmp_path / "a.sqlite3", TABLES) as database:
        scope = trio.CancelScope()
        in_function = threading.Event()
        with scope:
            async with trio.open_nursery() as nursery:

                @nursery.start_soon
                async def _():
                    await trio.to_thread.run_sync(in_function.wait)
                    scope.cancel()

                number = await database.write(lambda c: (insert("kept")(c), in_function.set())[0])
                assert number == 1 or not database.statistics().writes
        with trio.CancelScope(shield=True):
            kept = await database.read(names)
        assert kept == (["kept"] if database.statistics().writes else [])


async def test_calls_are_done_in_the_order_in_which_they_came(tmp_path):
    order = []

    async def one(name):
        order.append(name)
        await database.write(insert(name))

    async with open_database(tmp_path / "a.sqlite3", TABLES) as database:
        async with trio.open_nursery() as nursery:
            for number in range(300):
                nursery.start_soon(one, str(number))
        assert await database.read(names) == order


async def test_a_database_that_too_many_wait_for_refuses_more(tmp_path, monkeypatch):
    monkeypatch.setattr("hub.store.sqlite.WAITING_JOBS", 3)
    gate = threading.Event()
    async with open_database(tmp_path / "a.sqlite3", TABLES) as database, trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(database.read, lambda _: gate.wait())
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(StoreError, match="overloaded: 3 calls"):
            await database.write(insert("one"))
        gate.set()


async def test_writes_that_wait_share_a_commit_and_not_a_failure(tmp_path):
    gate, failures = threading.Event(), []

    async def insert_or_note(name):
        try:
            await database.write(insert(name))
        except StoreError as error:
            failures.append(str(error))

    async with open_database(tmp_path / "a.sqlite3", TABLES) as database:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(database.read, lambda _: gate.wait())
            await trio.testing.wait_all_tasks_blocked()
            for name in ("a", "b", "c"):
                nursery.start_soon(insert_or_note, name)
            await trio.testing.wait_all_tasks_blocked()
            gate.set()
        assert (database.statistics().writes, database.statistics().commits) == (3, 1)
        gate.clear()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(database.read, lambda _: gate.wait())
            await trio.testing.wait_all_tasks_blocked()
            for name in ("d", "a", "e"):
                nursery.start_soon(insert_or_note, name)
            await trio.testing.wait_all_tasks_blocked()
            gate.set()
        assert sorted(await database.read(names)) == ["a", "b", "c", "d", "e"]
        assert (database.statistics().writes, database.statistics().commits) == (5, 3)
        assert len(failures) == 1


async def test_closed_says_so_and_closes_twice(tmp_path):
    async with open_database(tmp_path / "a.sqlite3", TABLES) as database:
        await database.aclose()
        await database.aclose()
        with pytest.raises(StoreError, match="closed"):
            await database.write(insert("late"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.sqlite3"]


# ------------------------------------------------------------------------------------------------- bad files


@pytest.mark.parametrize("garbage", [b"x", b"not a database, " * 4, random.Random(5).randbytes(9000)])
async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path, garbage):
    path = tmp_path / "a.sqlite3"
    path.write_bytes(garbage)
    with pytest.raises(StoreError, match=r"a\.sqlite3 is damaged") as caught:
        async with open_database(path, TABLES):
            pass
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == garbage


async def test_a_log_whose_database_was_emptied_is_left_alone(tmp_path):
    path = tmp_path / "a.sqlite3"
    path.touch()
    log = tmp_path / "a.sqlite3-wal"
    log.write_bytes(b"w" * 5000)
    with pytest.raises(StoreError, match="damaged"):
        connect(path, TABLES)
    assert log.read_bytes() == b"w" * 5000


async def test_a_damaged_page_is_reported_when_it_is_met(tmp_path):
    path = tmp_path / "a.sqlite3"
    connection = connect(path, TABLES)
    with transaction(connection, path):
        connection.executemany("INSERT INTO thing (name) VALUES (?)", [(f"{n}" * 50,) for n in range(500)])
    connection.close()
    damaged = bytearray(path.read_bytes())
    damaged[4096 * 2 :] = b"\xff" * (len(damaged) - 4096 * 2)
    path.write_bytes(damaged)
    async with open_database(path, TABLES) as database:
        with pytest.raises(StoreError, match="damaged"):
            await database.read(names)


async def test_a_database_of_another_program_is_refused(tmp_path):
    path = tmp_path / "a.sqlite3"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE invoice (id)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="some other program"):
        async with open_database(path, TABLES):
            pass
    reopened = sqlite3.connect(path)
    assert reopened.execute("SELECT name FROM sqlite_schema").fetchall() == [("invoice",)]
    reopened.close()
    assert len(path.read_bytes()) == len(before)


async def test_a_locked_file_is_named(tmp_path):
    path = tmp_path / "a.sqlite3"
    holder = connect(path, TABLES)
    other = connect(path, busy_seconds=0.05)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"a\.sqlite3 is locked by another process"), transaction(other, path):
        pass
    holder.execute("ROLLBACK")
    with transaction(other, path):
        insert("now")(other)
    holder.close()
    other.close()


async def test_a_full_database_is_its_own_error_and_loses_nothing(tmp_path):
    def fill(connection):
        connection.execute("INSERT INTO thing (name, body) VALUES ('big', zeroblob(10000000))")

    async with open_database(tmp_path / "a.sqlite3", TABLES) as database:
        await database.write(insert("kept"))
        await database.write(lambda c: c.execute("PRAGMA max_page_count = 20").fetchone())
        with pytest.raises(StoreFullError, match=r"the disk is full: .*a\.sqlite3"):
            await database.write(fill)
        await database.write(insert("small"))
        assert await database.read(names) == ["kept", "small"]


def test_operating_system_errors_are_named(tmp_path):
    assert isinstance(store_error(tmp_path, OSError(28, "No space left on device")), StoreFullError)
    with pytest.raises(StoreError, match="cannot be opened"):
        connect(tmp_path, TABLES)  # a folder
    with pytest.raises(StoreError, match="cannot be opened"):
        connect(tmp_path / "missing.sqlite3", readonly=True)


# ------------------------------------------------------------------------------------------------- purge


def test_after_purge_no_byte_of_a_deleted_row_is_in_any_file(tmp_path):
    """Rows of all sizes are added, changed and deleted at random; SQLite moves them about between pages."""
    rng = random.Random(2)
    path = tmp_path / "a.sqlite3"
    connection = connect(path, TABLES)
    live, dead = {}, []

    def marker() -> bytes:
        return b"<%016x>" % rng.getrandbits(64)

    def change_something():
        if rng.random() < 0.6 or not live:
            key, mark = rng.randrange(10**9), marker()
            connection.execute("INSERT INTO thing VALUES (?, ?, ?)", (key, mark, mark * rng.randrange(1, 200)))
            live[key] = mark
            return
        key = rng.choice(list(live))
        dead.append(live.pop(key))
        if rng.random() < 0.5:
            connection.execute("DELETE FROM thing WHERE id = ?", (key,))
        else:
            live[key] = mark = marker()
            connection.execute("UPDATE thing SET name = ?, body = ? WHERE id = ?", (mark, mark * 3, key))

    for _ in range(60):
        with transaction(connection, path):
            for _ in range(20):
                change_something()
    purge(connection, path)
    assert {"a.sqlite3", "a.sqlite3-wal", "a.sqlite3-shm"} == {file.name for file in tmp_path.iterdir()}
    found = every_byte(tmp_path)
    assert len(dead) > 300
    assert not [mark for mark in dead if mark in found]
    assert all(mark in found for mark in live.values())
    connection.close()


async def test_purge_that_another_reader_holds_up_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("hub.store.sqlite.BUSY_SECONDS", 0.05)
    path = tmp_path / "a.sqlite3"
    writer = connect(path, TABLES, busy_seconds=0.05)
    with transaction(writer, path):
        insert("secret")(writer)
    reader = connect(path, readonly=True)
    reader.execute("BEGIN")
    assert names(reader) == ["secret"]
    with transaction(writer, path):
        writer.execute("DELETE FROM thing")
    with pytest.raises(StoreError, match="not overwritten yet"):
        purge(writer, path)
    reader.close()
    purge(writer, path)
    assert b"secret" not in every_byte(tmp_path)
    writer.close()


# ------------------------------------------------------------------------------------------------- snapshots


def test_a_snapshot_is_one_state_beside_a_writer_and_cannot_write(tmp_path):
    path = tmp_path / "a.sqlite3"
    writer = connect(path, TABLES)
    with transaction(writer, path):
        insert("one")(writer)
    with open_snapshot(path) as opened:
        with transaction(writer, path):
            insert("two")(writer)
        assert names(opened) == ["one"]
        with pytest.raises(sqlite3.OperationalError):
            opened.execute("DELETE FROM thing")
    with open_snapshot(path) as opened:
        assert names(opened) == ["one", "two"]
    writer.close()


def test_several_statements_on_an_open_connection_see_one_state(tmp_path):
    path = tmp_path / "a.sqlite3"
    writer, reader = connect(path, TABLES), connect(path, TABLES)
    with transaction(writer, path):
        insert("one")(writer)
    with snapshot(reader, path):
        assert names(reader) == ["one"]
        with transaction(writer, path):  # a reader holds nobody up
            insert("two")(writer)
        assert names(reader) == ["one"]
    assert names(reader) == ["one", "two"]
    with pytest.raises(StoreError, match=r"a\.sqlite3: no such table"), snapshot(reader, path):
        reader.execute("SELECT * FROM nowhere")
    assert not reader.in_transaction  # after an error, too
    writer.close()
    reader.close()


@pytest.mark.parametrize("left", [("",), ("", "-wal"), ("", "-wal", "-shm")])
def test_a_snapshot_leaves_evidence_as_it_is(tmp_path, left):
    """Whatever a machine that stopped has left, read-only folder included."""
    path, evidence = tmp_path / "state" / "a.sqlite3", tmp_path / "evidence"
    writer = connect(path, TABLES)
    with transaction(writer, path):
        insert("one")(writer)
    if "-wal" not in left:
        writer.close()
    evidence.mkdir()
    for ending in left:
        shutil.copy(path.with_name(path.name + ending), evidence)
    writer.close()
    before = {file.name: file.read_bytes() for file in evidence.iterdir() if not file.name.endswith("-shm")}
    with open_snapshot(evidence / "a.sqlite3") as opened:
        assert names(opened) == ["one"]
    after = {file.name: file.read_bytes() for file in evidence.iterdir() if not file.name.endswith("-shm")}
    assert after == before


def test_a_snapshot_of_nothing_or_of_rubbish_is_refused(tmp_path):
    with pytest.raises(StoreError, match="No such file"), open_snapshot(tmp_path / "a.sqlite3"):
        pass
    (tmp_path / "a.sqlite3").write_bytes(b"rubbish" * 1000)
    with pytest.raises(StoreError, match="damaged"), open_snapshot(tmp_path / "a.sqlite3"):
        pass
