from __future__ import annotations

import os
import pty
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from hub import receivers
from hub.errors import PositionError
from hub.gpsd import WATCH
from hub.messages import Fix
from hub.nmea import LONGEST_LINE, NmeaReader
from hub.position import make_position
from hub.receivers import FIX_WAIT, SILENT_SECONDS, Receiver
from hub.testing.positions import gpsd_report
from tests.unit.test_nmea import rmc

PLACE = (pytest.approx(48.1486, abs=1e-5), pytest.approx(17.1077, abs=1e-4))


class Script:
    """A stream that gives what a test wrote, and a clock that runs while it is waited for."""

    def __init__(self, *said: bytes | Exception | None, each: float = 0.0) -> None:
        self.said = list(said)
        self.each = each
        self.at = 1000.0
        self.closed = 0

    def boottime(self) -> float:
        return self.at

    def read(self, wait: float) -> bytes | None:
        said = self.said.pop(0) if self.said else None
        self.at += wait if said is None else self.each
        if isinstance(said, Exception):
            raise said
        return said

    def close(self) -> None:
        self.closed += 1


def receiver(script: Script) -> Receiver:
    return Receiver("nmea", script, NmeaReader(), LONGEST_LINE, script.boottime)


def test_sentences_come_in_any_pieces_and_the_newest_counts():
    data = rmc("120000.00") + rmc("120001.00", place="4809.000,N,01706.462,E")
    script = Script(data[:10], data[10:75], data[75:])
    found = receiver(script).fix()
    assert found == Fix(pytest.approx(48.15), PLACE[1], 1000.0, 50.0)


def test_nothing_new_is_none_after_a_second():
    script = Script(rmc(status="V"), None)
    source = receiver(script)
    assert source.fix() is None
    assert script.at == 1000.0 + FIX_WAIT
    assert source.refused == 0


def test_silence_is_said_once_it_has_lasted():
    script = Script()
    source = receiver(script)
    for _ in range(int(SILENT_SECONDS / FIX_WAIT)):
        assert source.fix() is None
    with pytest.raises(PositionError, match="nothing for 10 s"):
        source.fix()


def test_a_flood_of_garbage_costs_a_second_and_a_bounded_buffer():
    script = Script(*[b"\x00" * 65536] * 3, *[b"garbage\n" * 8192] * 100, each=0.02)
    source = receiver(script)
    assert source.fix() is None
    assert script.at <= 1000.0 + FIX_WAIT + 0.03
    assert source.refused > 100_000
    assert len(source._rest) <= LONGEST_LINE


def test_after_a_line_without_end_the_next_one_is_read():
    script = Script(b"A" * 100_000, b"B" * 300, b"tail\n" + rmc())
    source = receiver(script)
    assert source.fix() is not None
    assert source.refused == 1


def test_a_fix_among_damaged_sentences():
    script = Script(b"$GPRMC,nonsense*00\n" + rmc()[:-3] + b"\n" + rmc())
    source = receiver(script)
    assert source.fix() == Fix(*PLACE, 1000.0, 50.0)
    assert source.refused == 2


def test_a_receiver_that_repeats_its_last_second_gives_no_new_fix():
    script = Script(rmc(), rmc(), rmc(), None)
    source = receiver(script)
    assert source.fix() is not None
    assert source.fix() is None


def test_what_came_before_the_end_still_counts():
    script = Script(rmc(), PositionError("the receiver closed the connection"), PositionError("gone"))
    source = receiver(script)
    assert source.fix() is not None
    with pytest.raises(PositionError):
        source.fix()


def test_closing_closes_the_stream():
    script = Script()
    source = receiver(script)
    source.close()
    source.close()
    assert script.closed == 2


# ----------------------------------------------------------------------------------------------- real lines


@contextmanager
def server(script: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve one connection with a script, and give the address."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            script(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.close()
        thread.join(5)
        assert not thread.is_alive()


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(receivers, "FIX_WAIT", FIX_WAIT)


def open_source(text: str):
    import time

    return make_position(text, time.monotonic)[1]()


def test_gpsd_is_asked_to_report_and_goes_away():
    got = []

    def script(connection: socket.socket) -> None:
        connection.sendall(b'{"class":"VERSION","release":"3.25"}\r\n')
        got.append(connection.recv(1000))
        connection.sendall(gpsd_report(48.1486, 17.1077, second=0) + gpsd_report(48.1487, 17.1077, second=1))

    with server(script) as address:
        source = open_source(f"gpsd:{address}")
        found = source.fix()
        assert found is not None
        assert found.latitude in (48.1486, 48.1487)
        with pytest.raises(PositionError, match="closed the connection"):
            list(iter(source.fix, "never"))
        source.close()
    assert got == [WATCH]


def test_gpsd_that_hangs_and_one_that_talks_nonsense(monkeypatch):
    monkeypatch.setattr(receivers, "FIX_WAIT", 0.05)
    over = threading.Event()

    def script(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b'{"class":"TPV","mode":3,"lat":48,"lon":17,"eph":-1,"time":"a"}\n{{{{\n\xff\xff\n')
        over.wait(10)

    with server(script) as address:
        source = open_source(f"gpsd:{address}")
        for _ in range(100):
            assert source.fix() is None
            if source.refused == 3:
                break
        assert source.refused == 3
        assert source.fix() is None
        source.close()
        over.set()


def test_nmea_over_tcp():
    def script(connection: socket.socket) -> None:
        connection.sendall(rmc())
        connection.recv(1)

    with server(script) as address:
        source = open_source(f"nmea:{address}")
        found = source.fix()
        source.close()
    assert found is not None
    assert (found.latitude, found.longitude) == PLACE


def test_nmea_over_a_serial_line(monkeypatch):
    monkeypatch.setattr(receivers, "FIX_WAIT", 0.2)
    master, slave = pty.openpty()
    source = open_source(f"nmea:{os.ttyname(slave)}@9600")
    os.close(slave)
    os.write(master, rmc())
    found = source.fix()
    assert found is not None
    assert (found.latitude, found.longitude) == PLACE
    assert source.fix() is None
    os.close(master)
    with pytest.raises(PositionError, match="device is gone"):
        source.fix()
    source.close()
    source.close()
