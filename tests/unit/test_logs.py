"""`hub.logs`: nothing but harmless words and numbers reaches the stream."""

from __future__ import annotations

import fcntl
import io
import json
import logging
import os
import sys
import time
import unicodedata
from contextlib import suppress
from datetime import UTC, datetime

import numpy as np
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

import hub.logs
from hub.clocks import ManualClock
from hub.commands.console import note
from hub.logs import LogForm, Relay, keep_scalars, lost_line, neutralise, relayed, set_up_logs
from hub.messages import Box, Reason

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SMALLEST_PIPE = 4096


@pytest.fixture
def stream():
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield io.StringIO()
    structlog.reset_defaults()
    root.handlers[:], root.level = before


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def set_up(stream, form=LogForm.JSON):
    set_up_logs(stream, clock=ManualClock(NOON), form=form)
    return structlog.get_logger()


def test_a_line_is_one_object_with_the_time_of_the_given_clock(stream):
    set_up(stream).info("camera opened", camera="front", frames=3, live=True, share=0.5, reason=Reason.READ)
    assert lines(stream) == [
        {
            "event": "camera opened",
            "level": "info",
            "camera": "front",
            "frames": 3,
            "live": True,
            "share": 0.5,
            "reason": "read",
            "at": "2026-03-01T12:00:00.000+00:00",
        }
    ]


def test_pixels_and_records_are_dropped_and_counted(stream):
    log = set_up(stream)
    log.info("frame", image=np.zeros((2, 2, 3), np.uint8), box=Box(1, 2, 3, 4), text=b"AB123CD", many=["AB123CD"])
    (line,) = lines(stream)
    assert line["dropped"] == 4
    assert "AB123CD" not in stream.getvalue()
    assert "box" not in line


def test_an_exception_is_told_by_kind_and_place(stream):
    log = set_up(stream)
    try:
        {}["AB123CD"]
    except KeyError as error:
        log.exception("failed")
        log.warning("failed", exc_info=error)
        log.warning("failed", why=error)
    first, second, third = lines(stream)
    assert first["error"].startswith("KeyError at test_logs.py:")
    assert second["error"] == first["error"] == third["why"]
    assert "AB123CD" not in stream.getvalue()


@pytest.mark.parametrize("form", LogForm)
def test_no_text_starts_a_line_or_steers_the_terminal(stream, form):
    log = set_up(stream, form)
    log.warning("a\nb", plugin="\x1b[2J\u202e\r\nlevel=info", **{"k\n": "v"})
    shown = stream.getvalue()
    assert shown.count("\n") == 1
    assert not {"\x1b", "\u202e", "\r"} & set(shown)


def test_below_the_level_nothing_is_written(stream):
    set_up(stream).debug("detail")
    assert stream.getvalue() == ""


def test_libraries_are_told_by_template_and_place(stream):
    set_up(stream)
    logging.getLogger("some.library").warning("cannot find %s", "AB123CD")
    logging.getLogger("some.library").info("chatter")
    (line,) = lines(stream)
    assert (line["event"], line["library"]) == ("cannot find %s", "some.library")
    assert line["place"].startswith("test_logs.py:")


SCALARS = st.text() | st.integers() | st.floats() | st.booleans()


@given(st.dictionaries(st.text(min_size=1), SCALARS | st.binary() | st.lists(st.text()) | st.none(), max_size=5))
def test_any_line_holds_harmless_scalars_only(line):
    kept = neutralise(None, "", keep_scalars(None, "", dict(line)))
    assert all(isinstance(value, str | int | float | bool) for value in kept.values())
    text = "".join([*kept, *(value for value in kept.values() if isinstance(value, str))])
    assert not {unicodedata.category(character) for character in text} & {"Cc", "Cf", "Zl", "Zp"}


# ------------------------------------------------------------------------------------------- who takes it


def told(count):
    return f"({count} lost)\n"


@pytest.fixture
def pipe():
    """Both ends of the smallest pipe: what reads, and a text stream as standard error is one."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, SMALLEST_PIPE)
    stream = io.TextIOWrapper(open(writer, "wb"), encoding="utf-8", errors="backslashreplace", line_buffering=True)  # noqa: PTH123, SIM115
    with open(reader, "rb", buffering=0) as taken:  # noqa: PTH123
        yield taken, stream
        # Whoever still waits gets a broken pipe, and its end.
    with suppress(BrokenPipeError):
        stream.close()


def read_lines(taken, last):
    """Take what comes, up to the line that is the last."""
    data = b""
    while not data.endswith(last):
        data += taken.read(2**16)
    return data.splitlines(keepends=True)


def fill(stream):
    """Fill a pipe, as it is when its reader has stopped for a while."""
    os.set_blocking(stream.fileno(), False)
    with suppress(BlockingIOError):
        while True:
            os.write(stream.fileno(), b"." * 512)
    os.set_blocking(stream.fileno(), True)


def test_what_is_written_comes_in_its_order_and_whole(pipe):
    taken, stream = pipe
    lines = [f"line {number} \u00e9 {'x' * (number % 50)}\n" for number in range(2000)]
    relay = Relay(stream, told)
    for line in lines[:-1]:
        assert relay.write(line) == len(line)
        relay.flush()
    relay.writelines(lines[-1:])
    assert [line.decode() for line in read_lines(taken, lines[-1].encode())] == lines
    assert relay.end()
    assert relay.missing == 0


def test_nobody_waits_for_a_reader_who_takes_nothing_and_the_oldest_is_lost(pipe, monkeypatch):
    monkeypatch.setattr(hub.logs, "MOST_BYTES", 10_000)
    taken, stream = pipe
    relay = Relay(stream, told)
    relay.write("." * SMALLEST_PIPE + "\n")  # cannot be taken whole, so the thread hangs
    until = time.monotonic() + 5
    while not relay._under_way and time.monotonic() < until:
        time.sleep(0.001)
    began = time.process_time()
    for number in range(5000):
        relay.write(f"line {number:04}\n")
        relay.flush()
    assert time.process_time() - began < 1
    first, gap, *kept = read_lines(taken, b"line 4999\n")
    assert len(first) == SMALLEST_PIPE + 1
    assert gap.decode() == told(4000)
    assert kept == [f"line {number:04}\n".encode() for number in range(4000, 5000)]
    relay.write("on it goes\n")
    assert taken.read(100) == b"on it goes\n", "it was told once"
    assert relay.end()


def test_the_end_waits_a_bounded_time_and_what_is_told_after_it_none(pipe, monkeypatch):
    monkeypatch.setattr(hub.logs, "END_SECONDS", 0.1)
    taken, stream = pipe
    monkeypatch.setattr(sys, "stderr", stream)
    fill(stream)
    began = time.monotonic()
    with relayed("stderr", told):
        note("a remark")
    note("why it ended")
    sys.stderr.flush()
    assert time.monotonic() - began < 0.5
    first, last = read_lines(taken, b"why it ended\n")
    assert first.endswith(b".a remark\n")
    assert last == b"why it ended\n"
    assert sys.stderr.end()


def test_the_last_line_does_not_wait_where_all_was_taken_and_no_more_is(pipe, monkeypatch):
    taken, stream = pipe
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(hub.logs, "END_SECONDS", 0.1)
    with relayed("stderr", told):
        fill(stream)
    note("why it ended")
    assert read_lines(taken, b"why it ended\n")
    assert sys.stderr.end()


def test_the_stream_is_put_back_where_it_takes_more(pipe, monkeypatch):
    taken, stream = pipe
    fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, 2 * SMALLEST_PIPE)  # the smallest takes no more while it holds any
    monkeypatch.setattr(sys, "stderr", stream)
    with relayed("stderr", told) as relay:
        note("a remark")
    assert sys.stderr is stream
    note("why it ended")
    relay.write("late\n")  # a library that kept it
    relay.flush()
    assert taken.read(100) == b"a remark\nwhy it ended\nlate\n"


class Failing(io.RawIOBase):
    """A file that takes so many bytes at the first writes, then fails, and works later."""

    def __init__(self, *room):
        self.room = list(room)
        self.data = b""

    def writable(self):
        return True

    def write(self, data):
        room = self.room.pop(0) if self.room else len(data)
        if not room:
            raise OSError(28, "no space left on device")
        self.data += bytes(data[:room])
        return min(room, len(data))


def test_what_a_full_disk_did_not_take_is_counted_and_spoils_no_other_line():
    file = Failing(4, 0, 0)
    relay = Relay(io.TextIOWrapper(file, encoding="utf-8"), told)
    for line in ("first\n", "second\n", "third\n"):
        relay.write(line)
        relay._until = time.monotonic() + 5
        relay.flush()
    assert file.data == b"firs\n(2 lost)\nthird\n"
    assert relay.end()
    assert relay.missing == 0
    assert relay.error.errno == 28


def test_a_file_that_somebody_made_non_blocking_is_waited_for(pipe):
    taken, stream = pipe
    os.set_blocking(stream.fileno(), False)
    relay = Relay(stream, told)
    lines = [b"%04d\n" % number for number in range(3000)]
    for line in lines:
        relay.write(line.decode())
    assert read_lines(taken, lines[-1]) == lines
    assert relay.end()


@pytest.mark.parametrize(("count", "text"), [(1, "1 remark was lost"), (27, "27 remarks were lost")])
def test_how_many_were_lost_is_told_as_a_line_of_the_log(count, text):
    line = lost_line(ManualClock(NOON), LogForm.JSON)(count)
    assert line.endswith("\n")
    assert json.loads(line) == {
        "event": f"{text}: nobody took them",
        "level": "warning",
        "at": "2026-03-01T12:00:00.000+00:00",
    }
    assert text in lost_line(ManualClock(NOON), LogForm.CONSOLE)(count)
