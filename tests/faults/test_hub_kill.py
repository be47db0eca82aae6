"""kill -9 at random points, and power cuts at syncs, of a whole hub that alerts, decides and looks up."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import trio

from hub.audit.interrupted import INTERRUPTED
from hub.audit.reading import read_entries
from hub.audit.report import report_log
from hub.audit.verify import verify_log
from hub.authority.policy import UNIT_ROLE
from hub.clocks import SystemClock
from hub.config import load_config
from hub.messages import Act, AlertState, Requester
from hub.unit import AUDIT_FILE, open_unit
from hub.watchlists.trust import TRUST_FILE
from tests.faults import powercut
from tests.kit import LIST, LISTED, STRANGER, Unit
from tests.kit_plugin import HANG

CHILD = Path(__file__).with_name("hub_child.py")
KILLS = 50
MORE = ("2345CDF", "3456DFG", "4567FGH")
"""Plates that are listed as well."""
QUIET = ("",) * 15
"""An empty street after each car, so that a minute of look-ups lasts for most of a round and a kill falls into it."""
OFFICER = Requester("4711", "supervisor", "car-1")
needs_recorder = pytest.mark.skipif(bool(powercut.missing()), reason=powercut.missing() or "gcc is there")


@pytest.fixture
def unit(tmp_path):
    """A unit's folder with everything that the child needs, and no state yet."""
    unit = Unit.prepare(tmp_path / "unit")
    rows = LIST + "".join(f"W-{plate},stolen_vehicle,{plate},ES,,,o,a,r,2099-12-31,\n" for plate in MORE)
    unit.build_list("list", rows=rows)
    (unit.folder / "trusted").write_bytes((unit.state / TRUST_FILE).read_bytes())
    shutil.rmtree(unit.state)
    unit.state.mkdir(mode=0o700)
    unit.photos(*(photo for plate in (LISTED, STRANGER, *MORE) for photo in (plate, *QUIET)))
    return unit


def child(unit: Unit, seed: int, rounds: int, *words: str) -> list[str]:
    return [sys.executable, str(CHILD), str(unit.state), str(unit.folder / "photos"), str(seed), str(rounds), *words]


def check(unit: Unit, state: Path, acknowledged: list[str]) -> Counter[str]:
    """Restart the unit and compare what it knows with what was acknowledged; returns what was found."""
    return trio.run(_check, unit, state, acknowledged)


async def _check(unit: Unit, state: Path, acknowledged: list[str]) -> Counter[str]:
    states: dict[str, AlertState] = {}
    done, asked, witness = set(), set(), ""
    for line in acknowledged:
        word, *rest = line.split()
        if word == "alert":
            states[rest[0]] = AlertState(rest[1])
        elif word == "answer":
            asked.add(rest[0])
        elif word == "lookup":
            done.add(rest[0])
        elif word == "witness":
            witness = (unit.folder / rest[0]).read_text()

    async with open_unit(load_config(unit.config), state, clock=SystemClock()) as opened:
        assert await opened.outbox.flush() == 0
        alerts = {alert.alert: alert for alert in await opened.alerts.list(OFFICER, everything=True)}
        checkpoint = await opened.log.checkpoint()
    dispatched = {path.stem for path in (state / "dispatches").glob("*.json")}
    outcome = verify_log(state / AUDIT_FILE, witness or checkpoint)
    assert outcome.ok, outcome.reason
    entries = list(read_entries(state / AUDIT_FILE))

    for name, state_told in states.items():
        assert state_told in [step.state for step in alerts[name].steps], f"{name}: {state_told} is lost"
    # A dispatch for each step from the first "true" on, none twice (a file has one name), none made up.
    told = set()
    for name, alert in alerts.items():
        steps = [step.state for step in alert.steps]
        if AlertState.ADJUDICATED_TRUE in steps:
            told |= {f"{name}-{number}" for number in range(steps.index(AlertState.ADJUDICATED_TRUE), len(steps))}
    assert {name for name in dispatched if not name.startswith(".")} == told
    # Nothing was raised or decided that has no entry.
    raised = {entry.payload.alert for entry in entries if entry.metadata.act is Act.ALERT_RAISED}
    decided = {(each.payload.alert, each.payload.state) for each in entries if each.metadata.act is Act.ALERT_DECIDED}
    assert set(alerts) <= raised
    for name, alert in alerts.items():
        assert {(name, step.state) for step in alert.steps if step.officer} <= decided
    # Each look-up of which an officer saw an answer is in the log, and one that has no end counts as interrupted.
    begun = {entry.payload.lookup for entry in entries if entry.metadata.act is Act.LOOKUP}
    ended = {entry.payload.lookup for entry in entries if entry.metadata.act is Act.LOOKUP_DONE}
    cut = sum(each.metadata.act is Act.LOOKUP_DONE and each.metadata.outcome == INTERRUPTED for each in entries)
    assert asked <= begun
    assert done <= ended
    total = Counter[str]()
    for year in report_log(state / AUDIT_FILE).years:
        total["lookups"] += year.total.lookups_interrupted
        total["minutes"] += year.total.automatic_interrupted
    assert total["lookups"] == len(begun - ended) + cut
    assert all(entry.metadata.officer or entry.metadata.role == UNIT_ROLE for entry in entries)
    total["alerts"] = len(alerts)
    return total


@pytest.mark.slow
def test_kill_at_random_points_loses_nothing_acknowledged(unit):
    rng, acknowledged = random.Random(11), []
    found = Counter[str]()
    for run in range(KILLS):
        hub = subprocess.Popen(child(unit, run, 0, "print"), stdout=subprocess.PIPE, text=True, env=unit.environment())
        # Where the child is in its next transactions once so many lines were said is left to chance.
        lines = [hub.stdout.readline() for _ in range(rng.randrange(1, 20) if run % 5 else 0)]
        if not lines:
            time.sleep(rng.uniform(0.8, 2.0))  # while it starts
        os.kill(hub.pid, signal.SIGKILL)
        lines.extend(hub.stdout)
        hub.wait()
        hub.stdout.close()
        # A line that the kill cut short was not an acknowledgement.
        acknowledged += [line.strip() for line in lines if line.endswith("\n")]
        copy = unit.folder / "copy"
        shutil.copytree(unit.state, copy)
        if (copy / AUDIT_FILE).exists():
            found = check(unit, copy, acknowledged)
        shutil.rmtree(copy)
    assert found["alerts"] > KILLS
    assert found["minutes"] > 0  # some minute was cut off, and it shows


@needs_recorder
@pytest.mark.slow
def test_power_cut_at_any_sync_loses_nothing_acknowledged(unit):
    scratch = unit.folder / "scratch"
    scratch.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in unit.environment().items():
            patch.setenv(name, value)
        trace = powercut.record(child(unit, 1, 2), unit.state, scratch)
    cuts = list(trace.cuts())
    assert len(cuts) > 100
    rng = random.Random(3)
    acknowledged: list[str] = []
    for cut in rng.sample(cuts[:-1], 100) + cuts[-1:]:
        after = unit.folder / "after"
        acknowledged = trace.rebuild(cut, after, rng)
        if (after / AUDIT_FILE).exists():
            check(unit, after, acknowledged)
    assert len(acknowledged) > 20


@pytest.mark.slow
def test_an_interrupted_look_up_is_visible_as_such(tmp_path):
    unit = Unit.prepare(tmp_path / "unit")
    unit_log = unit.state / AUDIT_FILE
    environment = unit.environment() | {HANG: "1"}
    words = unit.words(("lookup", "plate", LISTED, "--reason", "stop"))
    line = [sys.executable, "-c", "from hub.cli import script; script()", *words]
    hub = subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert hub.stdout.readline()  # the first answer is there, the register's is not
    os.kill(hub.pid, signal.SIGKILL)
    hub.wait()
    hub.stdout.close()
    acts = [entry.metadata.act for entry in read_entries(unit_log)]
    assert Act.LOOKUP in acts
    assert Act.LOOKUP_DONE not in acts
    with unit.active():
        (year,) = unit.run("audit", "report", "--format", "json").json()["years"]
        assert (year["total"]["lookups"], year["total"]["lookups_interrupted"]) == (1, 1)
        photos = str(unit.photos(""))
        run = unit.run("run", "--source", photos, "--until-end", "--events", "-")
        assert "look-ups that were interrupted: 1" in run.lines()[0]["detail"]
        assert "look-ups that were interrupted: 1" in json.loads(run.problem())["event"]
        (start,) = [
            line["payload"]
            for line in unit.run("audit", "show", "--last", "20", "--format", "jsonl").lines()
            if line["entry"]["act"] == "unit_start"
        ]
        assert "look-ups that were interrupted: 1" in start["detail"]
        assert unit.run("run", "--source", photos, "--until-end", "--events", "-").lines()[0]["detail"] == ""
