"""`patrol-hub` alone: a hub where none runs, the one that runs where there is one, and the reason where none starts.

The dashboard itself is replaced: it has its own tests.
"""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time

import pytest

import hub.commands.dashboard
from hub.commands.dashboard import start, tui
from hub.errors import UsageError
from tests.kit import ROOT, Unit

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:subprocess.*still running:ResourceWarning")]


@pytest.fixture
def unit(tmp_path, monkeypatch):
    unit = Unit.empty(tmp_path / "unit")
    with unit.active():
        monkeypatch.setenv("PYTHONPATH", unit.environment()["PYTHONPATH"])
        monkeypatch.chdir(tmp_path)
        yield unit


@pytest.fixture
def shown(monkeypatch):
    """Sockets for which the dashboard was shown."""
    shown = []
    monkeypatch.setattr(hub.commands.dashboard, "_check_terminal", lambda: None)
    monkeypatch.setattr(hub.commands.dashboard, "_show", shown.append)
    return shown


@pytest.fixture
def hubs(monkeypatch):
    """Hubs that were started; ended after the test."""
    started = []
    real = subprocess.Popen

    def popen(*args, **kwargs):
        started.append(real(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(hub.commands.dashboard.subprocess, "Popen", popen)
    yield started
    for each in started:
        each.kill()
        each.wait()


def test_a_hub_is_started_goes_on_and_is_found_again(unit, shown, hubs, capsys):
    config = unit.folder / "patrol.toml"
    assert start(config=config, development=False) == 0
    assert shown == [unit.state / "hub.sock"]
    (first,) = hubs
    assert first.poll() is None
    assert f"the hub goes on (process {first.pid})" in capsys.readouterr().err
    assert os.getsid(first.pid) == first.pid, "the end of a terminal would end it"
    assert start(config=config, development=False) == 0
    assert tui(socket=None) == 0
    assert len(hubs) == 1
    assert stat.S_IMODE((unit.state / "hub.log").stat().st_mode) == 0o600
    first.send_signal(signal.SIGTERM)
    assert first.wait(10) == 0
    assert not (unit.state / "hub.sock").exists()


def test_why_no_hub_starts_is_told_in_one_line(unit, shown, hubs):
    unit.state.mkdir(mode=0o700)
    (unit.state / "audit.sqlite3").write_bytes(b"no database" * 500)
    with pytest.raises(UsageError, match=r"the hub did not start: .*audit") as told:
        start(config=unit.folder / "patrol.toml", development=False)
    assert "\n" not in str(told.value)
    assert shown == []
    assert (unit.state / "hub.log").exists()


def test_nothing_of_the_folder_it_is_called_in_is_imported(unit, shown, hubs, tmp_path):
    (tmp_path / "trio.py").write_text("raise SystemExit('imported from the folder')")
    assert start(config=unit.folder / "patrol.toml", development=False) == 0
    time.sleep(0.1)
    assert hubs[0].poll() is None


@pytest.mark.parametrize("words", [("--source", "x.png"), ("--until-end",), ("--no-socket",)])
def test_a_hub_without_cameras_only_serves_dashboards(unit, words):
    result = unit.run("run", "--without-camera", *words)
    assert result.status == 2
    assert "leave out" in result.problem()


def test_nobody_attaches_to_a_hub_without_a_socket(unit):
    assert unit.run("run", "--no-socket", "--source", str(unit.photos("")), "--until-end").status == 0
    assert not (unit.state / "hub.lock").exists()
    assert unit.run("run", "--source", str(unit.photos("", name="more")), "--until-end").status == 0
    assert (unit.state / "hub.lock").exists()
    assert not (unit.state / "hub.sock").exists()


def test_bare_without_a_terminal_says_what_to_do(unit):
    done = subprocess.run(
        [sys.executable, "-m", "hub"], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "patrol-hub run" in done.stderr
