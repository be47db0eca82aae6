"""Whoever reads what a hub says stops reading: a pager, a terminal after Ctrl-S, a journal that hangs.

The hub is the real command in a process of its own.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from hub.wire import PROTOCOL, Hello, pack_request
from tests.kit import Unit

pytestmark = pytest.mark.slow

SMALLEST_PIPE = 4096
ENOUGH = 60
"""Remarks that fill it twice."""
XOFF, XON = b"\x13", b"\x11"
"""Ctrl-S and Ctrl-Q."""


@pytest.fixture
def unit(tmp_path):
    return Unit.empty(tmp_path / "unit")


@contextmanager
def spawned(unit, *words, **streams):
    child = unit.spawn("run", *words, **streams)
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


@contextmanager
def pipe():
    """Both ends of the smallest pipe."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, SMALLEST_PIPE)
    try:
        yield reader, writer
    finally:
        os.close(reader)
        os.close(writer)


@contextmanager
def connected(unit):
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(3)
        peer.connect(str(unit.state / "hub.sock"))
        yield peer


def wait_for_hub(unit, hub):
    until = time.monotonic() + 30
    while True:
        with suppress(OSError), connected(unit):
            return
        assert hub.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)


def have_it_remark(unit, count):
    """Break the protocol so many times, which is worth a remark each; it needs a hub that answers."""
    for _ in range(count):
        with connected(unit) as peer:
            peer.sendall(pack_request(Hello(protocol=PROTOCOL, client="x")))
            assert peer.recv(4096)
            peer.sendall(b"\xff\xff\xff\x7fgarbage")
            with suppress(ConnectionResetError):
                while peer.recv(2**16):
                    pass


def seconds_to_end(child):
    began = time.monotonic()
    child.send_signal(signal.SIGTERM)
    child.wait(15)
    return time.monotonic() - began


def test_the_hub_goes_on_while_nobody_takes_its_remarks_and_ends_within_5_s_of_a_signal(unit):
    with (
        pipe() as (_, writer),
        spawned(unit, "--without-camera", stdout=subprocess.DEVNULL, stderr=writer) as hub,
    ):
        wait_for_hub(unit, hub)
        have_it_remark(unit, ENOUGH)
        assert seconds_to_end(hub) < 5
        assert hub.returncode == 0


def test_who_reads_again_gets_everything_that_waited(unit):
    with (
        pipe() as (reader, writer),
        spawned(unit, "--without-camera", stdout=subprocess.DEVNULL, stderr=writer) as hub,
    ):
        wait_for_hub(unit, hub)
        have_it_remark(unit, ENOUGH)
        data = b""
        while data.count(b"a dashboard was refused") < ENOUGH:
            data += os.read(reader, 2**16)
        seconds_to_end(hub)
    times = [json.loads(line)["at"] for line in data.splitlines()]
    assert times == sorted(times)
    assert b"lost" not in data


def test_a_terminal_after_ctrl_s_holds_no_hub(unit):
    """Neither its remarks nor the counts that it prints at the end get out."""
    master, terminal = os.openpty()
    try:
        with spawned(unit, "--without-camera", stdout=terminal, stderr=terminal) as hub:
            wait_for_hub(unit, hub)
            os.write(master, XOFF)
            have_it_remark(unit, 3)
            assert seconds_to_end(hub) < 5
            assert hub.returncode == 0
    finally:
        os.close(terminal)
        os.close(master)


def test_why_a_hub_ends_waits_for_nobody(unit):
    with (
        pipe() as (_, writer),
        spawned(unit, "--without-camera", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first,
    ):
        wait_for_hub(unit, first)
        os.write(writer, b"." * SMALLEST_PIPE)
        with spawned(unit, "--without-camera", stdout=subprocess.DEVNULL, stderr=writer) as second:
            assert second.wait(15) == 2


def test_counts_that_nobody_takes_are_told_of(unit):
    with pipe() as (_, writer):
        os.write(writer, b"." * SMALLEST_PIPE)
        words = ("--source", str(unit.photos("")), "--until-end")
        with spawned(unit, *words, stdout=writer, stderr=subprocess.PIPE) as hub:
            assert hub.wait(30) == 0
            assert "the counts were not printed" in hub.stderr.read()


def test_counts_for_a_reader_who_has_gone_are_nobodys(unit):
    gone, out = os.pipe()
    os.close(gone)
    with spawned(unit, "--source", str(unit.photos("")), "--until-end", stdout=out) as hub:
        os.close(out)
        assert hub.wait(30) == 0
        assert "counts" not in hub.stderr.read()


def test_counts_on_a_full_disk_are_a_failure(unit):
    words = ("--source", str(unit.photos("")), "--until-end")
    with Path("/dev/full").open("w") as full, spawned(unit, *words, stdout=full) as hub:
        assert hub.wait(30) == 2
        assert "No space left" in hub.stderr.read().splitlines()[-1]
