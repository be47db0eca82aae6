"""A read set over the entry, column by column, with how sure each character is. Shape first, colour only besides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.text import Text

from hub.messages import AlignedCharacter, CharacterRead
from hub.tui.lines import BAD, DOUBT, GOOD, bar, put

SURE: Final = 0.9
"""From here on a character is called sure on the screen; nothing is decided by it."""
UNKNOWN: Final = "?"
"""Stands in a plate that somebody typed for a character that nobody saw."""


def draw_characters(aligned: Sequence[AlignedCharacter], read: Sequence[CharacterRead]) -> list[Text]:
    """Return read, certainty, entry and marks as lines, then each doubt and difference in words.

    Args:
        aligned: The alignment; empty for persons and documents.
        read: Characters of the reading that was aligned; where they do not go with it, its own probabilities count.
    """
    if not aligned:
        return []
    chances = _chances(aligned, read)
    top, sure, below, marks = Text("read   "), Text("sure   "), Text("list   "), Text("       ")
    for column, chance in zip(aligned, chances, strict=True):
        style = (
            GOOD if chance >= SURE and column.read == column.entry else BAD if column.read != column.entry else DOUBT
        )
        top.append(f"{column.read or '-'} ", f"bold {style}" if style != BAD else BAD)
        sure.append((bar(chance) if column.read else " ") + " ", style)
        below.append(f"{column.entry or '-'} ", "bold")
        marks.append(" " if column.read == column.entry else "^", BAD)
        marks.append(" ")
    lines = [top, sure, below, *([marks] if marks.plain.strip() else [])]
    return lines + [put(line) for line in _in_words(aligned, chances)]


def _chances(aligned: Sequence[AlignedCharacter], read: Sequence[CharacterRead]) -> list[float]:
    """Return the probability of what was read in each column; of a column without a read, 0."""
    fits = "".join(each.read for each in aligned) == "".join(each.text for each in read)
    own = iter(read if fits else ())
    chances = []
    for column in aligned:
        if not column.read:
            chances.append(0.0)
        else:
            chances.append(next(own).probability if fits else column.probability)
    return chances


def _in_words(aligned: Sequence[AlignedCharacter], chances: Sequence[float]) -> list[str]:
    lines = []
    for place, (column, chance) in enumerate(zip(aligned, chances, strict=True), start=1):
        if column.read == column.entry:
            if chance < SURE:
                lines.append(f"doubtful: {column.read} in place {place}, probability {chance:.2f}")
        elif column.read == UNKNOWN:
            lines.append(f"unknown: place {place}, the list has {column.entry or 'nothing'}")
        elif not column.read:
            lines.append(f"differs: place {place}, the list has {column.entry}, nothing was read")
        elif not column.entry:
            lines.append(f"differs: place {place}, {column.read} was read, the list has nothing")
        else:
            lines.append(
                f"differs: {column.read} ({chance:.2f}) in place {place}, "
                f"listed {column.entry} ({column.probability:.2f})"
            )
    return lines
