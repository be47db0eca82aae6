"""Text from outside (records, plugin names, foreign exceptions) made harmless for a terminal, a log and a screen.

Standard library only. Markup of one particular screen is that screen's business and not here.
"""

from __future__ import annotations

import traceback
import unicodedata
from typing import Final

_LINE: Final = ("Zl", "Zp")
"""Unicode categories that break a line."""
_HARMFUL: Final = ("Cc", "Cf", "Cs", "Co", "Cn")
"""Controls and escapes; formats, among them every bidirectional override and every invisible character; surrogates,
private use and unassigned, which no font shows."""


def plain(text: str, limit: int = 200) -> str:
    """Return text as one line without anything that steers a terminal, reorders a line or hides.

    Args:
        text: Anything.
        limit: Most characters of the result, at least 1; what is cut is marked with an ellipsis.

    Returns:
        The text with each run of white space and line breaks as one space and without characters of the categories
        control, format, surrogate, private use and unassigned. ``plain(plain(t)) == plain(t)``.
    """
    # A bounded piece is enough: what is dropped or folded only makes it shorter, and input can be of any size.
    piece = text[: 16 * limit]
    if not piece.isprintable():  # printable text has none of these and no white space but the space itself
        piece = "".join(_keep(character) for character in piece)
    line = " ".join(piece.split())
    if len(line) > limit or (len(text) > 16 * limit and line):
        return line[: limit - 1].rstrip() + "…"
    return line


def harmless(text: str, limit: int = 2000) -> str:
    """Return text as `plain` does, but with its runs of spaces, for lines that were laid out in columns already."""
    return "".join(_keep(character) for character in text[:limit])


def _keep(character: str) -> str:
    if character.isspace():
        return " "
    category = unicodedata.category(character)
    if category in _LINE:
        return " "
    return "" if category in _HARMFUL else character


def describe(error: BaseException, limit: int = 200) -> str:
    """Return one harmless line that names an exception; of a group, its first leaf and how many more there are."""
    leaves = _leaves(error)
    first = leaves[0]
    try:
        text = plain(str(first), limit)
    except Exception:  # noqa: BLE001 - a foreign __str__ may do anything
        text = ""
    name = plain(type(first).__name__, 60)
    more = f" (and {len(leaves) - 1} more)" if len(leaves) > 1 else ""
    return plain(f"{name}: {text}{more}" if text else f"{name}{more}", limit)


def locate(error: BaseException) -> str:
    """Return kind and place of an exception without its message, which may hold what no log or screen is to show.

    For example ``KeyError at plates.py:120``; of a group, its first leaf and how many more there are.
    """
    leaves = _leaves(error)
    first = leaves[0]
    text = plain(type(first).__name__, 60)
    frames = traceback.extract_tb(first.__traceback__, limit=-1)
    if frames:
        text += f" at {plain(frames[0].filename.rpartition('/')[2], 60)}:{frames[0].lineno}"
    return text + (f" (and {len(leaves) - 1} more)" if len(leaves) > 1 else "")


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]
