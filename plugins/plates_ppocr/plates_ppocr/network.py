"""Turns the recogniser's time steps into a confusion network: slots in which at most one character stands.

Pure functions on arrays; which reading is right is decided in `hub.plates`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from plates_ppocr.recogniser import BLANK, SEPARATOR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]

FAINT: Final = 0.03
"""A place where the network nearly wrote a character gets a slot of its own from this probability."""


class Line(Struct, frozen=True, eq=False):
    """One line of text as a confusion network."""

    slots: Floats
    """float32 [slots, symbols + 1], as in `hub.messages.PlateEvidence.slots`."""
    breaks: Floats
    """float32 [slots]: probability of a separator before the slot."""
    places: Floats
    """float32 [slots]: where each slot stands along the line, ascending; 0 and 1 are the ends of the region."""
    start: float
    """Where the picture that was read begins, in the unit of `places`."""
    end: float
    """Where it ends."""
    weight: float
    """How much it counts beside other views of the same line."""

    @property
    def symbols(self) -> float:
        """Expected number of characters that plates have."""
        return float(self.slots[:, :BLANK].sum())

    @property
    def digits(self) -> float:
        """Expected number of digits."""
        return float(self.slots[:, :10].sum())

    @property
    def certainty(self) -> float:
        """Mean over the characters of the best symbol's probability, 0 to 1; 0 without characters."""
        present = 1.0 - self.slots[:, BLANK]
        total = float(present.sum())
        return float((self.slots[:, :BLANK].max(axis=1, initial=0.0) * present).sum()) / total if total else 0.0


def line_of(steps: Floats, *, start: float = 0.0, end: float = 1.0) -> Line:
    """Group time steps into slots.

    Consecutive steps whose best column is the same character are one slot, as in CTC decoding (Graves et al. 2006);
    a step that nearly held a character is a slot too, mostly empty.

    Args:
        steps: float32 [steps, COLUMNS] of one line, probabilities.
        start: Where the first step begins in the region's own measure, 0 at its left and 1 at its right.
        end: Where the last step ends.
    """
    characters = 1.0 - steps[:, BLANK] - steps[:, SEPARATOR]
    best = steps.argmax(axis=1)
    is_character = (best != BLANK) & (best != SEPARATOR)
    groups: list[range] = []
    at = 0
    while at < len(steps):
        after = at + 1
        if is_character[at]:
            while after < len(steps) and best[after] == best[at]:
                after += 1
            groups.append(range(at, after))
        at = after
    groups.extend(_faint(characters, is_character, best, steps))
    groups.sort(key=lambda group: group.start)

    slots = np.zeros((len(groups), BLANK + 1), np.float32)
    breaks = np.zeros(len(groups), np.float32)
    places = np.zeros(len(groups), np.float32)
    previous = 0
    for row, group in enumerate(groups):
        chunk, weight = steps[group.start : group.stop], characters[group.start : group.stop]
        presence = float(weight.max())
        shares = (chunk * weight[:, None]).sum(axis=0) / max(float((weight * weight).sum()), 1e-9)
        slots[row, :BLANK] = shares[:BLANK] * presence
        slots[row, BLANK] = 1.0 - presence
        places[row] = float((np.arange(group.start, group.stop) * weight).sum() / max(float(weight.sum()), 1e-9))
        breaks[row] = float(steps[previous : group.start + 1, SEPARATOR].max(initial=0.0))
        previous = group.stop - 1
    places = (start + (places + 0.5) * (end - start) / max(len(steps), 1)).astype(np.float32)
    line = Line(slots, breaks, places, start, end, 1.0)
    return replace(line, weight=line.certainty**6)


def moved(line: Line, start: float, end: float) -> Line:
    """Return a line in another region's measure: its own 0 and 1 become `start` and `end`."""
    length = end - start
    places = (start + line.places * length).astype(np.float32)
    return replace(line, places=places, start=start + line.start * length, end=start + line.end * length)


def stack(lines: Sequence[Line]) -> Line:
    """Put the lines of one plate behind each other, top to bottom."""
    slots, breaks, places = (
        np.concatenate([getattr(line, name) for line in lines]) for name in ("slots", "breaks", "places")
    )
    return Line(slots, breaks, places, lines[0].start, lines[0].end, min(line.weight for line in lines))


def merge(first: Line, second: Line) -> Line:
    """Put two views of one line together: slots of the same place are averaged by weight.

    A slot that only one view has counts as empty in the other where that one could have seen it; beyond the other's
    ends nothing is known of it.
    """
    if not len(second.slots):
        return first
    if not len(first.slots):
        return second
    rows, sources = [], []
    for a, b in _align(first, second):
        rows.append(_blend(first, a, second, b, _place(first, a, second, b)))
        sources.append(_place(first, a, second, b))
    weight = first.weight + second.weight
    slots, breaks = (np.array(column, np.float32) for column in zip(*rows, strict=True))
    places = np.array(sources, np.float32)
    return Line(slots, breaks, places, min(first.start, second.start), max(first.end, second.end), weight)


def _place(first: Line, a: int | None, second: Line, b: int | None) -> float:
    places = [float(line.places[i]) for line, i in ((first, a), (second, b)) if i is not None]
    return sum(places) / len(places)


def _blend(first: Line, a: int | None, second: Line, b: int | None, place: float) -> tuple[Floats, float]:
    total, slot, gap = 1e-9, np.zeros(BLANK + 1, np.float32), 0.0
    for line, i in ((first, a), (second, b)):
        if i is None and not line.start <= place <= line.end:
            continue
        total += line.weight
        if i is None:
            slot[BLANK] += line.weight
        else:
            slot += line.weight * line.slots[i]
            gap += line.weight * float(line.breaks[i])
    return slot / total, gap / total


def _align(first: Line, second: Line) -> list[tuple[int | None, int | None]]:
    """Pair the slots of two views by place and likeness; None where a view has no such slot."""
    n, m = len(first.slots), len(second.slots)
    pitch = _pitch(first, second)
    apart = np.abs(first.places[:, None] - second.places[None]) / pitch
    alike = first.slots[:, :BLANK] @ second.slots[:, :BLANK].T
    gain = np.where(apart < 2.2, 1.0 - apart + 3.0 * alike, -1.0)
    best = np.zeros((n + 1, m + 1))
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            best[i, j] = max(best[i - 1, j], best[i, j - 1], best[i - 1, j - 1] + gain[i - 1, j - 1])
    pairs: list[tuple[int | None, int | None]] = []
    i, j = n, m
    while i or j:
        if i and j and best[i, j] == best[i - 1, j - 1] + gain[i - 1, j - 1] and gain[i - 1, j - 1] > 0:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif (
            i
            and best[i, j] == best[i - 1, j]
            and (not j or first.places[i - 1] >= second.places[j - 1] or best[i, j] != best[i, j - 1])
        ):
            i -= 1
            pairs.append((i, None))
        else:
            j -= 1
            pairs.append((None, j))
    return pairs[::-1]


def _pitch(*lines: Line) -> float:
    """Return the usual distance between characters, in the unit of `Line.places`."""
    steps = np.concatenate([np.diff(line.places[line.slots[:, BLANK] < 0.5]) for line in lines])
    return max(float(np.median(steps)), 1e-3) if len(steps) else 0.15


def _faint(characters: Floats, is_character: NDArray[np.bool_], best: NDArray[np.intp], steps: Floats) -> list[range]:
    """Find steps that nearly held a character and are no shoulder of the same one beside them."""
    found = []
    for t in np.flatnonzero(~is_character & (characters > FAINT)):
        left, right = characters[t - 1] if t else 0.0, characters[t + 1] if t + 1 < len(steps) else 0.0
        if characters[t] < max(left, right) and not (
            (t and is_character[t - 1]) or (t + 1 < len(steps) and is_character[t + 1])
        ):
            continue
        mine = int(np.argmax(np.delete(steps[t], [BLANK, SEPARATOR])))
        mine += 2 if mine >= BLANK else 0
        neighbours = {int(best[i]) for i in (t - 1, t + 1) if 0 <= i < len(steps) and is_character[i]}
        if mine in neighbours:
            continue
        found.append(range(int(t), int(t) + 1))
    return found
