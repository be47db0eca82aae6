"""A plugin that reaches for the hub's memory, its log or another plugin's records gets nothing and is named."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest
import trio

from hub.clocks import ManualClock
from hub.errors import PluginParkedError
from hub.isolation.limits import guards
from hub.messages import Answer, LookupRequest, Requester
from hub.plates.grammar import load_grammars
from hub.sources import SourceSpec, SourceStatus, open_sources
from hub.testing.sources import typed_plate
from tests.kit import LISTED, Unit
from tests.kit_isolation import NOW, SOURCE, Stranger, query

pytestmark = pytest.mark.skipif(not guards().landlock, reason="this kernel has no Landlock")

SECRET = b"secret of the hub 4f1d"

ATTEMPTS = {
    "memory": ("open(f'/proc/{os.getppid()}/mem', 'rb')", "/mem of another process"),
    "environment": ("os.open(f'/proc/{os.getppid()}/environ', os.O_RDONLY)", "/environ of another process"),
    "log": ("sqlite3.connect(STATE + '/audit.sqlite3')", "audit.sqlite3 in the hub's state folder"),
    "log by address": ("sqlite3.connect(f'file:{STATE}/audit.sqlite3?mode=ro', uri=True)", "audit.sqlite3"),
    "credit": ("open(STATE + '/plugins/credit_records/credit.sqlite3', 'rb')", "plugins/credit_records/credit.sqlite3"),
    "way round": ("open(os.environ['HOME'] + '/../credit_records/credit.sqlite3')", "plugins/credit_records"),
    "folder": ("os.listdir(STATE)", "in the hub's state folder"),
    "key": ("os.open(STATE + '/unit.key', os.O_RDONLY)", "unit.key in the hub's state folder"),
}
"""What it does when it is imported, and how it is named for that."""

BY_C = """
import ctypes, os, json
libc = ctypes.CDLL(None, use_errno=True)
loot = {{}}
for path in {paths}:
    path = path.replace("PPID", str(os.getppid()))
    descriptor = libc.open(path.encode(), 0)
    loot[path] = os.strerror(ctypes.get_errno()) if descriptor < 0 else repr(os.pread(descriptor, 64, 0))
for name, call in {{
    "ptrace": lambda: libc.ptrace(16, os.getppid(), 0, 0),
    "kill": lambda: libc.kill(os.getppid(), 0),
    "fork": lambda: libc.fork(),
    "unix socket": lambda: libc.socket(1, 1, 0),
    "internet socket": lambda: libc.socket(2, 1, 0),
}}.items():
    loot[name] = "got it" if call() >= 0 else os.strerror(ctypes.get_errno())
loot["descriptors"] = ",".join(sorted(fd for fd in map(str, range(64)) if libc.fcntl(int(fd), 1) >= 0))
loot["environment"] = ",".join(sorted(set(os.environ) - {{"LC_CTYPE"}}))
with open(os.environ["HOME"] + "/loot.json", "w") as file:
    json.dump(loot, file)
"""
"""Goes round Python, so nothing but the kernel stands in its way, and keeps what it gets in its own folder."""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder with a log and a credit database."""
    state = tmp_path / "state"
    credit = state / "plugins" / "credit_records"
    credit.mkdir(parents=True)
    state.chmod(0o700)
    for path in (state / "audit.sqlite3", credit / "credit.sqlite3"):
        connection = sqlite3.connect(path)
        connection.execute("create table records(text)")
        connection.execute("insert into records values (?)", [SECRET])
        connection.commit()
        connection.close()
    (state / "unit.key").write_bytes(SECRET)
    return state


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_an_attempt_is_named_even_where_the_plugin_keeps_quiet_about_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: Path, attempt: str
) -> None:
    monkeypatch.syspath_prepend(tmp_path / "site")
    code, said = ATTEMPTS[attempt]
    before = f"import os, sqlite3\nSTATE = {str(state)!r}\ntry:\n    got = {code}\nexcept BaseException:\n    pass\n"
    plugin = Stranger.put(tmp_path / "site", "hostile", before=before)
    with plugin.source(state) as source:
        with pytest.raises(PluginParkedError, match="it is parked: tried to open") as caught:
            source.open(plugin.context(state))
        assert said in str(caught.value)
        assert source.pid is None
        with pytest.raises(PluginParkedError, match="tried to open"):
            source.open(plugin.context(state))


def test_an_attempt_in_the_middle_of_a_query_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    monkeypatch.syspath_prepend(tmp_path / "site")
    code = SOURCE.replace("        yield", f"        open({str(state / 'unit.key')!r})\n        yield")
    plugin = Stranger.put(tmp_path / "site", "hostile", code)
    with plugin.source(state) as source:
        source.open(plugin.context(state))
        with pytest.raises(PluginParkedError, match=r"tried to open unit\.key"):
            source.find(query(typed_plate("KE1")))


async def test_its_host_accounts_for_it_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: Path) -> None:
    monkeypatch.syspath_prepend(tmp_path / "site")
    code = SOURCE.replace("        yield", f"        open({str(state / 'unit.key')!r})\n        yield")
    plugin = Stranger.put(tmp_path / "site", "hostile", code)
    told: list[SourceStatus] = []
    parked = trio.Event()

    async def on_opened(status: SourceStatus) -> None:
        told.append(status)
        if status.parked:
            parked.set()

    async def deliver(_: Answer) -> None:
        pass

    request = LookupRequest("L1", typed_plate("KE123AB"), Requester("4711", "officer", "unit-1"), "stop", (), NOW)
    with plugin.source(state) as source:
        specs = [SourceSpec("hostile", source, plugin.context(state), 5.0)]
        async with open_sources(specs, clock=ManualClock(NOW), book=load_grammars(), on_opened=on_opened) as host:
            (answer,) = await host.ask(request, deliver=deliver)
            with trio.fail_after(5):
                await parked.wait()
    assert answer.explanation == "not available: it is parked: tried to open unit.key in the hub's state folder"
    assert [(status.usable, status.parked) for status in told] == [(True, False), (False, True)]
    assert told[1].detail == "it is parked: tried to open unit.key in the hub's state folder"


def test_what_goes_round_python_meets_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: Path) -> None:
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setenv("DATABASE_PASSWORD", "hunter2")
    paths = [
        "/proc/PPID/mem", "/proc/PPID/environ", "/proc/PPID/maps", "/etc/shadow", "/etc/passwd",
        str(state / "audit.sqlite3"), str(state / "unit.key"), str(state / "plugins/credit_records/credit.sqlite3"),
    ]  # fmt: skip
    plugin = Stranger.put(tmp_path / "site", "hostile", before=BY_C.format(paths=paths))
    held = os.open(state / "unit.key", os.O_RDONLY)
    os.set_inheritable(held, True)
    try:
        with plugin.source(state) as source:
            source.open(plugin.context(state))
            assert [record.entry for record in source.find(query(typed_plate("KE123AB")))] == ["E1"]
    finally:
        os.close(held)
    loot = json.loads((state / "plugins" / "hostile" / "loot.json").read_text())
    inherited = loot.pop("descriptors").split(",")
    assert len(inherited) == 5  # standard streams and the two pipes
    environment = set(loot.pop("environment").split(","))
    assert environment <= {
        "PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "HOME", "TMPDIR",
        "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS",
    }  # fmt: skip
    assert set(loot.values()) <= {"Permission denied", "Operation not permitted"}


@pytest.mark.slow
def test_in_a_whole_hub_the_others_answer_and_everybody_is_told_its_name(tmp_path: Path) -> None:
    unit = Unit.prepare(tmp_path / "unit")
    attempt = f"try:\n    open({str(unit.state / 'audit.sqlite3')!r})\nexcept Exception:\n    pass\n"
    Stranger.put(unit.folder / "site", "hostile", before=attempt)
    Stranger.put(unit.folder / "site", "honest", SOURCE.replace("KE123AB", LISTED))
    why = "tried to open audit.sqlite3 in the hub's state folder"
    with unit.active():
        done = unit.run("lookup", "plate", LISTED, "--reason", "stop", "--format", "json")
        answers = {answer["source"]: answer for answer in done.json()["answers"]}
        assert answers["honest"]["status"] == "hit"
        assert answers["drivers"]["status"] == "hit"
        assert answers["hostile"]["status"] == "unavailable"
        assert why in answers["hostile"]["explanation"]
        assert f"plugin hostile is parked: {why}" in done.err
        street = unit.photos("", name="street")
        events = unit.run("run", "--source", str(street), "--until-end", "--events", "-").lines()
        started = next(event for event in events if event["kind"] == "unit_started")
        assert started["parked"] == [f"hostile: {why}"]
        listed = {each["name"]: each for each in unit.run("plugins", "list", "--format", "json").json()["plugins"]}
        assert why in listed["hostile"]["reason"]
        assert listed["hostile"]["isolated"]
        assert not listed["honest"]["reason"]
        shown = unit.run("audit", "show", "--last", "50", "--format", "jsonl").out.splitlines()
    assert any("plugin_parked" in entry and why in entry for entry in shown)
