"""Partial plates: "?" stands for one unknown character, "*" for any number of them."""

from __future__ import annotations

import re
from typing import Final

from hub.errors import UsageError
from hub.plates.alphabet import ANY, UNKNOWN
from hub.plates.confusion import fold

NEIGHBOURS: Final = 3
"""Known characters that must stand side by side. With fewer, a list of any size has entries that fit by chance."""


def is_partial(plate: str) -> bool:
    """Say whether a normalised plate has unknown characters."""
    return UNKNOWN in plate or ANY in plate


def runs(pattern: str) -> list[str]:
    """Return the stretches of known characters, in order."""
    return re.findall(rf"[^{re.escape(UNKNOWN + ANY)}]+", pattern)


def check_partial(pattern: str) -> None:
    """Refuse a partial plate that says too little.

    Args:
        pattern: A normalised plate with at least one unknown character.

    Raises:
        UsageError: Fewer than three known characters stand side by side; the message says what would help.
    """
    known = max(map(len, runs(pattern)), default=0)
    if known < NEIGHBOURS:
        raise UsageError(
            f"{pattern!r} has {known} neighbouring known characters; give at least {NEIGHBOURS} side by side, such as "
            f"AB1{ANY} or {UNKNOWN}123{UNKNOWN}, or add a region, make or colour and ask a person at the desk"
        )


def lay(pattern: str, plate: str) -> list[tuple[str, str]] | None:
    """Lay a plate on a partial one.

    Args:
        pattern: A normalised plate with unknown characters.
        plate: A plate of the list.

    Returns:
        For each character of the plate what the pattern has there, "?" where it is unknown, or None where they differ
        even when folded.
    """
    groups = (("(.)" if c == UNKNOWN else "(.*)" if c == ANY else f"({re.escape(c)})") for c in fold(pattern))
    match = re.fullmatch("".join(groups), fold(plate))
    if not match:
        return None
    columns: list[tuple[str, str]] = []
    for number, symbol in enumerate(pattern, start=1):
        start, end = match.span(number)
        columns += [(UNKNOWN if symbol in (UNKNOWN, ANY) else symbol, c) for c in plate[start:end]]
    return columns
