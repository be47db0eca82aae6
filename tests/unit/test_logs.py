"""`hub.logs`: nothing but harmless words and numbers reaches the stream."""

from __future__ import annotations

import io
import json
import logging
import unicodedata
from datetime import UTC, datetime

import numpy as np
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from hub.clocks import ManualClock
from hub.logs import LogForm, keep_scalars, neutralise, set_up_logs
from hub.messages import Box, Reason


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
    set_up_logs(stream, clock=ManualClock(datetime(2026, 3, 1, 12, tzinfo=UTC)), form=form)
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
