"""The socket under attack and under loss: fuzzed frames, a dashboard killed at any moment, a hub killed at any moment.

The hub is the real command in a process of its own; the client's code runs on both back ends.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.client import open_client
from hub.errors import HubLostError
from hub.wire import (
    LONGEST_MESSAGE,
    PROTOCOL,
    Frames,
    Hello,
    Pulse,
    ShowLog,
    SignIn,
    Snapshot,
    VerifyLog,
    Welcome,
    pack_request,
    unpack_message,
)
from tests.kit import PASSPHRASES, ROOT, Unit

pytestmark = pytest.mark.slow

BACKENDS = ("asyncio", "trio")


@contextmanager
def spawned(unit):
    """Run a hub without cameras in a process of its own, from the moment it can be reached."""
    hub = unit.spawn("run", "--without-camera", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while True:
            with suppress(OSError), connected(unit):
                break
            assert hub.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield hub
    finally:
        hub.kill()
        hub.wait()


@contextmanager
def connected(unit):
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(5)
        peer.connect(str(unit.state / "hub.sock"))
        yield peer


def heard(peer):
    """Return what the hub says until it closes the connection."""
    frames, messages = Frames(LONGEST_MESSAGE), []
    while True:
        while (body := frames.next()) is not None:
            messages.append(unpack_message(body))
        try:
            data = peer.recv(2**16)
        except ConnectionResetError:
            return messages
        if not data:
            return messages
        frames.feed(data)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return Unit.prepare(tmp_path_factory.mktemp("prepared") / "unit")


@pytest.fixture(scope="module")
def unit(prepared, tmp_path_factory):
    return prepared.copy(tmp_path_factory.mktemp("socket") / "unit")


@pytest.fixture(scope="module")
def hub(unit):
    with spawned(unit) as hub:
        yield hub


HELLO = pack_request(Hello(protocol=PROTOCOL, client="fuzz"))
GOOD = (
    HELLO,
    pack_request(ShowLog(request=1)),
    pack_request(VerifyLog(request=2)),
    pack_request(SignIn(request=3, number="nobody", passphrase="x")),
)
frame = st.one_of(
    st.sampled_from(GOOD),
    st.binary(max_size=200),
    st.binary(max_size=200).map(lambda body: len(body).to_bytes(4, "big") + body),
    st.tuples(st.sampled_from(GOOD), st.integers(0, 60), st.binary(min_size=1, max_size=3)).map(
        lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] + len(cut[2]) :]
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(greet=st.booleans(), sent=st.lists(frame, max_size=6))
def test_whatever_is_sent_the_hub_goes_on(unit, hub, greet, sent):
    with connected(unit) as peer:
        with suppress(BrokenPipeError, ConnectionResetError):
            peer.sendall(b"".join([HELLO] * greet + sent))
            peer.shutdown(socket.SHUT_WR)
        heard(peer)
    assert hub.poll() is None
    with connected(unit) as peer:
        peer.sendall(HELLO)
        peer.shutdown(socket.SHUT_WR)
        assert isinstance(heard(peer)[0], Welcome)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_client_attaches_asks_and_attaches_again(unit, hub, backend):
    async def main():
        for _ in range(2):
            async with open_client(unit.state / "hub.sock") as client:
                assert client.welcome.unit == "car-1"
                kinds = []
                await client.send(ShowLog(request=client.number()))
                async for message in client.messages():
                    kinds.append(type(message).__name__)
                    if {"Snapshot", "Pulse", "Refused"} <= set(kinds):
                        break
                assert kinds[0] == "Snapshot"

    anyio.run(main, backend=backend)


async def to_the_end(messages):
    async for _ in messages:
        pass


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_a_lost_hub_is_noticed_within_two_seconds(prepared, tmp_path, backend, how):
    own = prepared.copy(tmp_path / "own")

    async def main(hub):
        async with open_client(own.state / "hub.sock") as client:
            messages = client.messages()
            while not isinstance(await anext(messages), Pulse):
                pass
            hub.send_signal(how)
            lost = time.monotonic()
            with pytest.raises(HubLostError):
                await to_the_end(messages)
            assert time.monotonic() - lost < 2
        with pytest.raises(HubLostError):
            async with open_client(own.state / "hub.sock"):
                pass

    with spawned(own) as hub:
        anyio.run(main, hub, backend=backend)
    with spawned(own):  # what the dead one left is in nobody's way

        async def again():
            async with open_client(own.state / "hub.sock") as client:
                async for message in client.messages():
                    assert isinstance(message, Snapshot)
                    break

        anyio.run(again, backend=backend)


KILLED = """
import anyio, sys
from pathlib import Path
from hub.client import open_client
from hub.wire import ShowLog, SignIn, VerifyLog

async def main():
    async with open_client(Path(sys.argv[1])) as client:
        await client.send(SignIn(request=1, number="4712", passphrase=sys.stdin.readline().strip()))
        for number in range(2, 10**6):
            await client.send(VerifyLog(request=number) if number % 7 else ShowLog(request=number))
            if number == 3:
                print("busy", flush=True)

anyio.run(main)
"""


@pytest.mark.parametrize("after", [0.0, 0.01, 0.05, 0.2, 0.6])
def test_a_dashboard_that_is_killed_at_any_moment_leaves_the_hub_as_it_was(unit, hub, after):
    line = [sys.executable, "-c", KILLED, str(unit.state / "hub.sock")]
    child = subprocess.Popen(line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    child.stdin.write(PASSPHRASES["4712"] + "\n")
    child.stdin.flush()
    child.stdout.readline()
    time.sleep(after)
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    with connected(unit) as peer:
        peer.sendall(HELLO)
        peer.shutdown(socket.SHUT_WR)
        assert isinstance(heard(peer)[0], Welcome)
    assert hub.poll() is None


def test_a_second_hub_says_in_one_line_that_there_is_one(unit, hub):
    second = unit.spawn("run", "--without-camera")
    out, err = second.communicate(timeout=30)
    assert (second.returncode, out) == (2, "")
    assert err.count("\n") == 1
    assert "patrol-hub tui" in err
    assert hub.poll() is None
