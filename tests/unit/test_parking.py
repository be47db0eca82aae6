"""A plugin that turns out to be broken is parked, told of once, and remembered until it works again."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.clocks import ManualClock
from hub.commands.doctor import _isolation
from hub.config import Settings
from hub.errors import AuditError
from hub.isolation.limits import Guards
from hub.isolation.settings import Isolation
from hub.messages import Act, Entry
from hub.parking import PARKED_FILE, Parking, describe_parked, read_parked
from hub.plugins import PluginHost, PluginState
from tests.kit_isolation import Stranger

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


class Entries:
    """A log that may be full."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.full = False

    async def append(self, entry: Entry, /) -> None:
        if self.full:
            raise AuditError("the disk is full")
        self.entries.append(entry)


@pytest.fixture
def host(tmp_path: Path) -> PluginHost:
    Stranger.put(tmp_path / "site", "bicycles")
    Stranger.put(tmp_path / "site", "broken", manifest="")
    host = PluginHost(path=[str(tmp_path / "site")])
    host.load_all()
    return host


@pytest.fixture
def log() -> Entries:
    return Entries()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def parking(host: PluginHost, tmp_path: Path, log: Entries, said: list[str]) -> Parking:
    return Parking(host, tmp_path, log=log, clock=ManualClock(NOW), unit="car-1", say=said.append)


async def test_what_did_not_load_is_accounted_for(parking: Parking, log: Entries, said: list[str]) -> None:
    await parking.account()
    (entry,) = log.entries
    assert (entry.act, entry.payload.plugin) == (Act.PLUGIN_PARKED, "broken")
    assert said == [f"plugin broken is parked: {entry.payload.reason}"]
    assert parking.parked() == (f"broken: {entry.payload.reason}",)


async def test_in_use_it_is_told_of_once(
    parking: Parking, host: PluginHost, tmp_path: Path, log: Entries, said: list[str]
) -> None:
    told: list[tuple[str, str]] = []
    parking.on_parked = lambda *what: told.append(what)
    for _ in range(3):
        await parking.park("bicycles", "it is parked: tried to open\x1b[2J\nunit.key")
    assert host.find("bicycles").state is PluginState.PARKED
    assert not host.record_sources
    assert told == [("bicycles", "tried to open[2J unit.key")]
    assert len(log.entries) == len(said) == 1
    remembered = read_parked(tmp_path)["bicycles"]
    assert describe_parked(remembered) == "parked on 2030-01-02 03:04 UTC: tried to open[2J unit.key"
    assert stat.S_IMODE((tmp_path / PARKED_FILE).stat().st_mode) == 0o600


async def test_where_the_log_cannot_be_written_it_is_parked_all_the_same(
    parking: Parking, host: PluginHost, log: Entries
) -> None:
    log.full = True
    with pytest.raises(AuditError):
        await parking.park("bicycles", "tried to open unit.key")
    assert host.find("bicycles").state is PluginState.PARKED


async def test_one_that_works_again_is_forgotten(parking: Parking, tmp_path: Path) -> None:
    await parking.park("bicycles", "its process ended 5 times in a row")
    parking.works("drivers")
    assert set(read_parked(tmp_path)) == {"bicycles"}
    parking.works("bicycles")
    assert not read_parked(tmp_path)


@pytest.mark.parametrize("content", [b"", b"[", b"\xff", b'{"a": 1}', b'[{"plugin": 7}]'])
def test_a_damaged_memory_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / PARKED_FILE).write_bytes(content)
    assert read_parked(tmp_path) == {}


def test_doctor_says_what_keeps_plugins_apart(
    host: PluginHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = PluginHost(path=[])

    def diagnose(there: Guards, plugins: PluginHost, user: str = "") -> tuple[bool, str]:
        monkeypatch.setattr("hub.commands.doctor.guards", lambda: there)
        check = _isolation(plugins, Settings(isolation=Isolation(user=user)))
        return check.ok, check.detail

    assert diagnose(Guards(7, True, False), host) == (
        True, "Landlock 7, seccomp, no root; third parties' plugins: bicycles, broken",
    )  # fmt: skip
    ok, detail = diagnose(Guards(0, True, True), host)
    assert not ok
    assert "none is started" in detail
    assert diagnose(Guards(0, True, True), host, "apart")[0]
    assert diagnose(Guards(0, False, False), empty)[0]
