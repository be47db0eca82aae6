"""No acknowledged entry or alert is lost, and the log verifies, after kill -9 and after a power cut at any sync."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import trio

from hub.audit.leaf import hash_metadata
from hub.audit.log import open_log
from hub.audit.verify import verify_log
from hub.clocks import SystemClock
from hub.store.sqlite import connect
from hub.testing.audit import SeedSigner
from tests.faults import powercut
from tests.faults.audit_child import ALERTS, ORIGIN

CHILD = Path(__file__).with_name("audit_child.py")
ROOT = Path(__file__).parents[2]
KILLS = 50
needs_recorder = pytest.mark.skipif(bool(powercut.missing()), reason=powercut.missing() or "gcc is there")


@pytest.fixture(autouse=True)
def _child_finds_the_kit(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def check(folder: Path, acknowledged: list[str]) -> None:
    """Everything acknowledged is there, the log agrees with itself, and both files take more."""

    async def restart() -> str:
        async with open_log(folder / "audit.sqlite3", origin=ORIGIN, signer=SeedSigner(), clock=SystemClock()) as log:
            return await log.checkpoint()

    copy = trio.run(restart)
    answer = verify_log(folder / "audit.sqlite3", copy)
    assert answer.ok, answer.reason
    with (
        closing(connect(folder / "audit.sqlite3", readonly=True)) as log,
        closing(connect(folder / "alerts.sqlite3", ALERTS)) as alerts,
    ):
        leaves = {number: hash_metadata(data).hex() for number, data in log.execute("SELECT * FROM entry")}
        pictures = {row: picture[:16].hex() for row, picture in alerts.execute("SELECT id, picture FROM alert")}
        assert alerts.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    for line in acknowledged:
        kind, *rest = line.split()
        if kind == "entry":
            assert leaves[int(rest[0])] == rest[1], line
        elif kind == "alert":
            assert pictures[int(rest[0])] == rest[1], line


@pytest.mark.slow
def test_kill_at_random_points_loses_nothing_acknowledged(tmp_path):
    rng, acknowledged = random.Random(9), []
    folder = tmp_path / "state"
    for run in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, str(CHILD), str(folder), str(run), "0", "print"], stdout=subprocess.PIPE, text=True
        )
        # Counting acknowledgements rather than time makes the points the same on a fast machine and on a slow one;
        # where in its next transactions the child is by then is left to chance.
        lines = [child.stdout.readline() for _ in range(rng.randrange(1, 60))]
        os.kill(child.pid, signal.SIGKILL)
        lines.extend(child.stdout)
        child.wait()
        child.stdout.close()
        # A line that the kill cut short was not an acknowledgement.
        acknowledged.extend(line.strip() for line in lines if line.endswith("\n"))
    assert len(acknowledged) > KILLS
    check(folder, acknowledged)


@needs_recorder
def test_the_replay_loses_what_was_not_synced_and_keeps_what_was(tmp_path):
    """The test of the test: a careless program is caught, a careful one is not."""
    child = """
import os, sys
from pathlib import Path
from tests.faults.powercut import acknowledge
folder = Path(sys.argv[1])
file = os.open(folder / "data", os.O_CREAT | os.O_WRONLY)
os.write(file, b"first" * 500)
acknowledge(folder, "too early")
os.fsync(file)
acknowledge(folder, "still too early: nobody has synced the name")
os.fsync(os.open(folder, os.O_RDONLY))
acknowledge(folder, "in time")
os.pwrite(file, b"FIRST", 0)
"""
    folder, after = tmp_path / "state", tmp_path / "after"
    folder.mkdir()
    trace = powercut.record([sys.executable, "-c", child, str(folder)], folder, tmp_path)
    seen: dict[int, set[bytes]] = {}
    for seed in range(40):
        for cut in trace.cuts():
            told = trace.rebuild(cut, after, random.Random(seed))
            data = after / "data"
            seen.setdefault(len(told), set()).add(data.read_bytes() if data.exists() else b"no file")
    whole = b"first" * 500
    assert {b"no file", b"", whole} < seen[1]
    assert {b"no file", whole} <= seen[2]
    assert seen[3] == {whole, b"FIRST" + whole[5:]}


@needs_recorder
@pytest.mark.slow
def test_a_database_that_does_not_sync_is_caught(tmp_path):
    child = """
import os, sys
from pathlib import Path
from hub.store.sqlite import connect, transaction
from tests.faults.powercut import acknowledge
path = Path(sys.argv[1]) / "a.sqlite3"
connection = connect(path, ("CREATE TABLE t (x)",))
connection.execute("PRAGMA synchronous = NORMAL")
for number in range(40):
    with transaction(connection, path):
        connection.execute("INSERT INTO t VALUES (?)", (number,))
    acknowledge(path.parent, str(number))
os._exit(0)
"""
    folder, after = tmp_path / "state", tmp_path / "after"
    folder.mkdir()
    trace = powercut.record([sys.executable, "-c", child, str(folder)], folder, tmp_path)
    told = trace.rebuild(len(trace.events), after, random.Random(4))
    with closing(connect(after / "a.sqlite3", ("CREATE TABLE t (x)",))) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone()[0] < len(told)


@needs_recorder
@pytest.mark.slow
def test_power_cut_at_each_sync_loses_nothing_acknowledged(tmp_path):
    folder, scratch = tmp_path / "state", tmp_path / "scratch"
    folder.mkdir()
    scratch.mkdir()
    trace = powercut.record([sys.executable, str(CHILD), str(folder), "1", "36"], folder, scratch)
    cuts = list(trace.cuts())
    assert len(cuts) > 60
    rng = random.Random(3)
    for cut in cuts:
        acknowledged = trace.rebuild(cut, tmp_path / "after", rng)
        check(tmp_path / "after", acknowledged)
    assert len(acknowledged) > 72
