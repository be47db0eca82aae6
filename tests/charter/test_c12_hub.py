"""C12 and C7 over the whole hub: nothing without a signed-in officer, and nothing without an entry in the log."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
import trio

import tests.kit_plugin as plugin
from drivers import Drivers
from hub.app import Watched, open_hub
from hub.audit.log import AuditLog
from hub.audit.reading import read_entries
from hub.capture import parse_source
from hub.clocks import SystemClock
from hub.config import load_config
from hub.errors import AuditError
from hub.messages import Act, Reason
from hub.unit import AUDIT_FILE
from tests.kit import LISTED, PASSPHRASES, STRANGER, Unit
from wanted_persons import WantedPersons


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    unit = Unit.prepare(tmp_path_factory.mktemp("prepared") / "unit")
    with unit.active():
        assert unit.run("run", "--source", str(unit.photos(LISTED)), "--until-end").status == 0
        unit.alert = unit.run("alerts", "list", "--format", "json").json()["alerts"][0]["alert"]
    return unit


@pytest.fixture
def queries(monkeypatch):
    """Every query that any source sees."""
    plugin.queries.clear()
    for source in (Drivers, WantedPersons):
        find = source.find

        def counted(self, query, find=find):
            plugin.queries.append(self.name)
            return find(self, query)

        monkeypatch.setattr(source, "find", counted)
    return plugin.queries


@pytest.fixture
def unit(prepared, tmp_path, queries):
    copy = prepared.copy(tmp_path / "unit")
    copy.alert = prepared.alert
    with copy.active():
        yield copy


def acts(unit):
    return [entry.metadata for entry in read_entries(unit.state / AUDIT_FILE)]


def deeds(unit):
    """Return what an officer can do by command, each as its words."""
    return {
        "lookup plate": ("lookup", "plate", LISTED, "--reason", "stop"),
        "lookup person": ("lookup", "person", "Keeper Invented", "--reason", "stop"),
        "adjudicate": ("alerts", "adjudicate", unit.alert, "true", "--reason", "seen"),
        "list alerts": ("alerts", "list"),
        "show alert": ("alerts", "show", unit.alert),
        "import": ("import", "drivers", str(unit.folder / "register.csv")),
        "load a list": ("import", "wanted_persons", str(unit.folder / "list.json")),
        "trust an issuer": (
            "watchlist",
            "trust",
            "X",
            *(str(unit.folder / f"{key}.pem.pub") for key in ("first", "second")),
        ),
        "add an officer": ("officer", "add", "5"),
        "show the log": ("audit", "show"),
    }


def data(unit):
    """Return the content of the stores that an act would change: not of the log, nor of who is signed in."""
    return {
        name: content for name, content in unit.files().items() if not name.startswith(("audit", "officers", "session"))
    }


# -------------------------------------------------------------------------------------------- C12


def test_c12_nobody_signed_in_does_nothing(unit, queries):
    assert unit.run("officer", "sign-out").status == 0
    before = data(unit)
    for name, words in deeds(unit).items():
        result = unit.run(*words)
        assert (result.status, result.out) == (1, ""), name
        assert "nobody is signed in" in result.problem(), name
    assert queries == []
    changed = {name for name, content in data(unit).items() if before.get(name) != content}
    assert not [name for name in changed if not name.endswith(("-wal", "-shm"))]
    assert Act.LOOKUP not in {entry.act for entry in acts(unit)}


def test_c12_a_session_that_has_ended_does_nothing(unit, queries, monkeypatch):
    boottime, now = SystemClock.boottime, SystemClock.now
    monkeypatch.setattr(SystemClock, "boottime", lambda self: boottime(self) + 16 * 60)
    monkeypatch.setattr(SystemClock, "now", lambda self: now(self) + timedelta(minutes=16))
    for name, words in deeds(unit).items():
        result = unit.run(*words)
        assert (result.status, result.out) == (1, ""), name
        assert re.search("ended|is over", result.problem()), name
    assert queries == []


def test_c12_each_act_names_officer_role_and_unit(unit, queries):
    """Whatever officers do stands in the log under their number, and what the unit does by itself under its own."""
    for name, words in deeds(unit).items():
        if name not in ("add an officer", "trust an issuer"):
            assert unit.run(*words).status == 0, name
    unit.run("officer", "add", "5", "--officer", "100", stdin=f"{PASSPHRASES['100']}\nfifth passphrase\n")
    by_officers = {
        Act.LOOKUP,
        Act.LOOKUP_DONE,
        Act.ALERT_DECIDED,
        Act.RECORDS_IMPORTED,
        Act.LIST_LOADED,
        Act.CONFIGURATION,
    }
    entries = acts(unit)
    assert by_officers <= {entry.act for entry in entries}
    for entry in entries:
        assert entry.unit == "car-1"
        assert entry.role
        # The unit itself notices that its file of settings was changed: nobody signs in to edit a file.
        noticed = entry.act is Act.CONFIGURATION and entry.outcome == "changed"
        if entry.act in by_officers and not noticed:
            assert entry.officer in PASSPHRASES, entry


def test_c12_a_headless_unit_only_raises_alerts(unit, queries):
    """Nobody is signed in: listed cars are alerts that wait, registers are not asked, nothing is decided or sent."""
    unit.run("officer", "sign-out")
    before = len(acts(unit))
    street = unit.photos(STRANGER, LISTED, STRANGER, "", name="street")
    assert unit.run("run", "--source", str(street), "--until-end").status == 0
    assert set(queries) == {"wanted_persons", "counted_list"}  # the automatic ones
    done = {entry.act for entry in acts(unit)[before:]}
    assert Act.ALERT_RAISED in done
    assert done <= {
        Act.UNIT_START, Act.UNIT_STOP, Act.LIST_OPENED, Act.AUTOMATIC_OPENED, Act.AUTOMATIC_COUNTED, Act.ALERT_RAISED,
        Act.ALERT_EXPIRED,
    }  # fmt: skip
    assert not list(unit.state.glob("dispatches/*"))
    unit.sign_in("4711")
    states = {each["state"] for each in unit.run("alerts", "list", "--all", "--format", "json").json()["alerts"]}
    assert states == {"alert"}


# --------------------------------------------------------------------------------------------- C7


@pytest.fixture
def broken_log(monkeypatch):
    async def append(self, entry):
        raise AuditError("the log cannot be written")

    monkeypatch.setattr(AuditLog, "append", append)


def test_c7_where_the_log_cannot_be_written_no_officer_does_anything(unit, queries, broken_log):
    before = data(unit)
    dont = {"list alerts", "show alert", "show the log"}  # these change nothing and ask nobody
    for name, words in deeds(unit).items():
        if name not in dont:
            result = unit.run(*words, stdin="fifth passphrase\n")
            assert result.status in (1, 2), name
            assert result.out == "", name
            assert result.problem(), name
    refused = unit.run("officer", "sign-in", "4712", stdin=PASSPHRASES["4712"])
    assert (refused.status, refused.out) == (2, "")
    assert queries == []
    changed = {name for name, content in data(unit).items() if before.get(name) != content}
    assert not [name for name in changed if not name.endswith(("-wal", "-shm"))]
    assert not list(unit.state.glob("dispatches/*"))
    listed = unit.run("officer", "list", "--format", "json").json()["officers"]
    assert {each["number"]: each["signed_in"] for each in listed} == {"100": False, "4711": True, "4712": False}


def test_c7_where_the_log_cannot_be_written_the_unit_does_not_start(unit, queries, broken_log):
    result = unit.run("run", "--source", str(unit.folder / "photos"), "--until-end")
    assert (result.status, result.out) == (2, "")
    assert "the log cannot be written" in result.problem()
    assert queries == []


@pytest.mark.slow
async def test_c7_where_the_log_fails_while_the_hub_runs_nothing_is_looked_up_automatically(unit, queries, monkeypatch):
    folder = unit.photos(LISTED, STRANGER, name="street")
    watched = (Watched("street", parse_source(str(folder))),)
    append = AuditLog.append
    failing = {Act.AUTOMATIC_OPENED}

    async def sometimes(self, entry):
        if entry.act in failing:
            raise AuditError("the log cannot be written")
        return await append(self, entry)

    monkeypatch.setattr(AuditLog, "append", sometimes)
    said = []
    async with open_hub(
        load_config(unit.config), unit.state, watched, clock=SystemClock(), until_end=True, say=said.append
    ) as hub:
        ended = await hub.run(trio.Event())
    assert queries == []
    counts = {each.reason: each.count for each in ended.event.counts if each.stage == "read"}
    assert counts == {Reason.UNAVAILABLE: 2}
    assert ended.event.balanced
    assert any("the log cannot be written" in line for line in said)

    failing.clear()
    failing.add(Act.ALERT_RAISED)
    watched = (Watched("again", parse_source(str(folder))),)
    async with open_hub(load_config(unit.config), unit.state, watched, clock=SystemClock(), until_end=True) as hub:
        ended = await hub.run(trio.Event())
    counts = {each.reason: each.count for each in ended.event.counts if each.stage == "read"}
    assert Reason.ALERT not in counts
    with closing(sqlite3.connect(unit.state / "alerts.sqlite3")) as alerts:
        assert alerts.execute("SELECT camera FROM alerts").fetchall() == [("photos",)]
