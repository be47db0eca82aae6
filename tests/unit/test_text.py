"""`hub.text`."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.text import describe, locate, plain

HARMFUL = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[2J\x1b]0;owned\x07text", "[2J]0;ownedtext"),
        ("a\r\nb\u2028c\u2029d\x85e", "a b c d e"),
        ("\u202egpj.exe", "gpj.exe"),
        ("\u2066x\u2069\u200b\ufeff", "x"),
        ("  two   spaces\t", "two spaces"),
        ("Zoë Дa 車 İ", "Zoë Дa 車 İ"),
        ("\ud800", ""),
        ("\x9b31m", "31m"),
        ("\U000e0041", ""),
    ],
)
def test_what_is_shown(hostile, shown):
    assert plain(hostile) == shown


@given(st.text(st.characters(), max_size=300), st.integers(1, 60))
def test_any_text_becomes_one_harmless_line(text, limit):
    shown = plain(text, limit)
    assert not {unicodedata.category(character) for character in shown} & HARMFUL
    assert len(shown) <= limit
    assert shown == shown.strip()
    assert plain(shown, limit) == shown


def test_long_text_is_cut_and_says_so():
    assert plain("a" * 50, 10) == "a" * 9 + "…"
    assert plain("\u200b" * 10_000 + "end", 10) == ""
    assert plain("x" + "\u200b" * 10_000 + "end", 10) == "x…"


def test_an_error_is_one_line():
    assert describe(ValueError("wrong\n\x1b[1mthing")) == "ValueError: wrong [1mthing"
    assert describe(KeyError()) == "KeyError"


def test_a_group_is_named_by_its_first_leaf():
    group = ExceptionGroup("outer", [ExceptionGroup("inner", [OSError("gone")]), ValueError("late")])
    assert describe(group) == "OSError: gone (and 1 more)"


def test_an_error_that_cannot_say_what_it_is():
    class MuteError(Exception):
        def __str__(self):
            raise RuntimeError

    assert describe(MuteError()) == "MuteError"


def test_an_error_can_be_located_without_its_message():
    try:
        {}["AB123CD"]
    except KeyError as error:
        shown = locate(error)
    assert shown.startswith("KeyError at test_text.py:")
    assert "AB123CD" not in shown
    assert locate(ExceptionGroup("x", [ValueError("AB123CD"), OSError()])) == "ValueError (and 1 more)"
