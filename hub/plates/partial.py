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
    wanted, listed = fold(pattern), fold(plate)
    # fits[i][j]: the rest of the pattern from i on fits the rest of the plate from j on. A table and not an expression:
    # with many stars those take for ever.
    fits = [[False] * (len(listed) + 1) for _ in range(len(wanted) + 1)]
    fits[-1][-1] = True
    for i in reversed(range(len(wanted))):
        for j in reversed(range(len(listed) + 1)):
            if wanted[i] == ANY:
                fits[i][j] = fits[i + 1][j] or (j < len(listed) and fits[i][j + 1])
            elif j < len(listed) and wanted[i] in (UNKNOWN, listed[j]):
                fits[i][j] = fits[i + 1][j + 1]
    if not fits[0][0]:
        return None
    columns: list[tuple[str, str]] = []
    i = 0
    for j, symbol in enumerate(plate):
        while wanted[i] == ANY and fits[i + 1][j]:
            i += 1
        columns.append((UNKNOWN if wanted[i] == ANY else pattern[i], symbol))
        i += wanted[i] != ANY
    return columns
