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
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Thread, Timer

import pytest

import hub.attach
import hub.commands.dashboard
from hub.attach import claim_socket, claim_unit
from hub.commands.dashboard import LOCK_FILE, start, tui
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


def test_the_log_before_is_put_aside_once_its_hub_has_ended(unit, shown, hubs):
    unit.state.mkdir(mode=0o700)
    (unit.state / "hub.log").write_text("what the one before said\n")
    assert start(config=unit.config, development=False) == 0
    assert (unit.state / "hub.log.1").read_text() == "what the one before said\n"
    assert (unit.state / "hub.log").samefile(f"/proc/{hubs[0].pid}/fd/2")


def test_two_at_once_start_one_hub_and_both_attach(unit, shown, hubs):
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(start, config=unit.config, development=False) for _ in range(2)]
        assert [each.result(40) for each in both] == [0, 0]
    assert shown == [unit.state / "hub.sock"] * 2
    assert len(hubs) == 1
    assert not (unit.state / "hub.log.1").exists()


def test_a_hub_that_still_opens_is_waited_for_and_keeps_its_log(unit, shown, hubs, capsys):
    """It is bound, and does not listen before its models are open."""
    with claim_socket(unit.state) as listener:
        (unit.state / "hub.log").write_text("what it said\n")
        Timer(0.5, listener.listen).start()
        assert start(config=unit.config, development=False) == 0
    assert hubs == []
    assert shown == [unit.state / "hub.sock"]
    assert [each.read_text() for each in unit.state.glob("hub.log*")] == ["what it said\n"]
    assert "waiting for it" in capsys.readouterr().err


def test_a_hub_is_started_once_the_one_before_has_ended(unit, shown, hubs):
    with ExitStack() as before:
        before.enter_context(claim_socket(unit.state))
        Timer(2, before.close).start()
        assert start(config=unit.config, development=False) == 0
    assert hubs[0].poll() is None
    assert shown == [unit.state / "hub.sock"]


def test_who_starts_a_hub_a_moment_too_late_attaches_to_the_other(unit, shown, hubs, monkeypatch):
    started = hub.commands.dashboard.subprocess.Popen
    with ExitStack() as other:

        def popen(*args, **kwargs):
            listener = other.enter_context(claim_socket(unit.state))
            late = started(*args, **kwargs)
            Thread(target=listen_after, args=(late, listener)).start()
            return late

        def listen_after(late, listener):
            late.wait()
            time.sleep(0.3)
            listener.listen()

        monkeypatch.setattr(hub.commands.dashboard.subprocess, "Popen", popen)
        began = time.monotonic()
        assert start(config=unit.config, development=False) == 0
        assert time.monotonic() - began < hub.commands.dashboard.START_SECONDS
    assert [each.returncode for each in hubs] == [2]
    assert shown == [unit.state / "hub.sock"]


def test_a_hub_that_lets_nobody_attach_is_not_waited_for_without_end(unit, shown, hubs, monkeypatch):
    monkeypatch.setattr(hub.commands.dashboard, "START_SECONDS", 0.3)
    with claim_socket(unit.state):
        (unit.state / "hub.sock").unlink()
        with pytest.raises(UsageError, match="lets no dashboard attach"):
            start(config=unit.config, development=False)
    assert hubs == shown == []


def test_the_lock_is_the_one_that_hubs_hold():
    assert LOCK_FILE == hub.attach.LOCK_FILE


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
    words = ("run", "--no-socket", "--source", str(unit.photos("")), "--until-end")
    assert unit.run(*words).status == 0
    assert not (unit.state / "hub.sock").exists()
    with claim_socket(unit.state):  # nor does one run beside another hub: each would end what the log says of the other
        beside = unit.run(*words)
    assert (beside.status, beside.out) == (2, "")
    assert "runs on" in beside.problem()
    with claim_unit(unit.state):
        assert unit.run("run", "--source", str(unit.photos("", name="more")), "--until-end").status == 2


def test_bare_without_a_terminal_says_what_to_do(unit):
    done = subprocess.run(
        [sys.executable, "-m", "hub"], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "patrol-hub run" in done.stderr
