"""After kill -9 and a power cut at any sync no decision is lost, and no dispatch is lost, doubled or made up."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio

from hub.messages import AlertState
from hub.testing import alerts as kit
from tests.faults import powercut
from tests.faults.decision_child import open_book

CHILD = Path(__file__).with_name("decision_child.py")
ROOT = Path(__file__).parents[2]
KILLS = 12


class Desk(kit.ScriptedDispatcher):
    """Takes what the file dispatcher had not yet delivered."""

    name = "file"


@pytest.fixture(autouse=True)
def _child_finds_the_kit(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def check(folder, acknowledged):
    """Restart the unit and compare what it knows and sends with what was acknowledged."""
    trio.run(_check, folder, acknowledged)


async def _check(folder, acknowledged):
    states, sent = {}, 0
    for number, line in enumerate(acknowledged):
        word, *rest = line.split()
        if word == "alert":
            states[rest[0]] = AlertState(rest[1])
        else:
            sent = number
    before = {file.stem for file in folder.glob("*.json")}
    desk = Desk()
    async with AsyncExitStack() as stack:
        book, outbox = await open_book(stack, folder, desk, lambda: "unused")
        await book.sweep()
        assert await outbox.flush() == 0
        alerts = {alert.alert: alert for alert in await book.list(kit.requester(), everything=True)}
    arrived = desk.sent

    told = set()
    for name, alert in alerts.items():
        steps = [step.state for step in alert.steps]
        if AlertState.ADJUDICATED_TRUE in steps:
            told |= {f"{name}-{number}" for number in range(steps.index(AlertState.ADJUDICATED_TRUE), len(steps))}
    for name, state in states.items():
        reached = [step.state for step in alerts[name].steps]
        assert state in reached, f"{name}: {state} was acknowledged and is lost"
    assert told == before | set(arrived), "each decided step is with the desk, and nothing else"
    assert len(arrived) == len(set(arrived))
    # What was acknowledged as sent is not sent again.
    settled = {line.split()[1] for line in acknowledged[:sent] if line.startswith("alert")}
    assert not {each.alert for each in desk.arrived} & settled


@pytest.mark.slow
def test_kill_at_random_points_loses_and_doubles_no_decision(tmp_path):
    rng, acknowledged = random.Random(5), []
    folder = tmp_path / "state"
    for run in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, str(CHILD), str(folder), str(run), "0", "print"], stdout=subprocess.PIPE, text=True
        )
        lines = [child.stdout.readline() for _ in range(rng.randrange(1, 30))]
        os.kill(child.pid, signal.SIGKILL)
        lines.extend(child.stdout)
        child.wait()
        child.stdout.close()
        acknowledged += [line.strip() for line in lines if line.endswith("\n")]
        copy = tmp_path / f"copy-{run}"
        shutil.copytree(folder, copy)
        check(copy, acknowledged)


@pytest.mark.skipif(bool(powercut.missing()), reason=powercut.missing() or "gcc is there")
@pytest.mark.slow
def test_power_cut_at_each_sync_loses_and_doubles_no_decision(tmp_path):
    folder, scratch = tmp_path / "state", tmp_path / "scratch"
    folder.mkdir()
    scratch.mkdir()
    trace = powercut.record([sys.executable, str(CHILD), str(folder), "1", "5"], folder, scratch)
    cuts = list(trace.cuts())
    assert len(cuts) > 60
    rng = random.Random(3)
    for cut in cuts:
        acknowledged = trace.rebuild(cut, tmp_path / "after", rng)
        check(tmp_path / "after", acknowledged)
    assert len(acknowledged) > 10
