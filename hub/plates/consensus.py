"""What several frames say of one plate together: confusion networks aligned slot by slot, their evidence summed.

Pure functions on evidence. Which frames belong to one vehicle is decided in `hub.plates.vehicles`, what the sum spells
in `hub.plates.decode`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from msgspec import Struct

from hub.messages import PlateEvidence
from hub.plates.alphabet import EMPTY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]
    Doubles: TypeAlias = NDArray[np.float64]

COLUMNS: Final = EMPTY + 2
"""Symbols, "no character here", and all characters outside of the alphabet."""

DOUBT: Final = 0.02
"""Share of a frame's evidence that is spread evenly: no single frame can rule a character out."""

MOST_FRAMES: Final = 4.0
"""Frames that evidence counts for at most. Successive frames show the same dirt at the same angle: a hundred of them
are not a hundred independent looks, and their plain sum would claim certainty that is not there."""

LEAST_AGREEMENT: Final = 0.25
"""Mean probability of aligned slots being the same character, below which a frame shows something else."""

MISSING: Final = 0.95
"""A slot that only few frames have is left out if "no character here" is more probable than this."""

_SKIP: Final = 0.02
"""Probability that a slot of one frame has no partner in the other though a character is seen there."""


class Observation(Struct, frozen=True, eq=False):
    """One frame's evidence and how much it counts."""

    evidence: PlateEvidence
    weight: float
    """Over 0; only the proportion to the others matters."""


class _Slot:
    """The evidence of all frames for one slot of the sum."""

    def __init__(self) -> None:
        self.log = np.zeros(COLUMNS)
        self.weight = 0.0
        self.breaks = 0.0
        self.centre = 0.0

    def add(self, evidence: PlateEvidence, row: Doubles, slot: int, weight: float) -> None:
        self.log += weight * np.log(row)
        self.weight += weight
        self.breaks += weight * float(evidence.breaks[slot])
        self.centre += weight * float(evidence.centres[slot])

    def spread(self, total: float, frames: float) -> Doubles:
        """Return the distribution, where frames that lack the slot say that no character stands there."""
        absent = np.full(COLUMNS, DOUBT / COLUMNS)
        absent[EMPTY] += 1 - DOUBT
        log = (self.log + max(0.0, total - self.weight) * np.log(absent)) * (frames / total)
        spread: Doubles = np.exp(log - log.max())
        spread /= spread.sum()
        return spread


def combine(observations: Sequence[Observation]) -> PlateEvidence:
    """Sum the evidence of several frames of one plate.

    Every frame is aligned with the one that weighs most, whose box, corners, lines, text and sharpness the sum keeps.
    The sum is the weighted geometric mean of the aligned distributions to the power of the number of frames (at most
    `MOST_FRAMES`), which for one frame is the frame itself: the product rule for independent looks, tempered.

    Args:
        observations: At least one.

    Returns:
        Evidence with slots as in `PlateEvidence.slots`.
    """
    if not observations:
        raise ValueError("there is nothing to combine")
    pivot = max(observations, key=lambda each: each.weight).evidence
    rows = _complete(pivot.slots)
    kept = [_Slot() for _ in rows]
    extra: dict[tuple[int, int], _Slot] = defaultdict(_Slot)
    total = squares = 0.0
    for each in observations:
        other = rows
        partners: Sequence[int | None] = range(len(rows))
        if each.evidence is not pivot:
            other = _complete(each.evidence.slots)
            partners, agreement = align(rows, other)
            if agreement < LEAST_AGREEMENT:
                continue
        total += each.weight
        squares += each.weight**2
        after, run = 0, 0
        for slot, partner in enumerate(partners):
            if partner is None:
                extra[after, run].add(each.evidence, other[slot], slot, each.weight)
                run += 1
            else:
                kept[partner].add(each.evidence, other[slot], slot, each.weight)
                after, run = partner + 1, 0
    frames = min(MOST_FRAMES, total**2 / squares)
    slots: list[tuple[_Slot, Doubles, int]] = []
    line_of = np.repeat(np.arange(len(pivot.lines)), pivot.lines)
    for place in range(len(rows) + 1):
        inserted = [extra[key] for key in sorted(key for key in extra if key[0] == place)]
        line = int(line_of[min(place, len(rows) - 1)]) if len(rows) else 0
        spreads = [(each, each.spread(total, frames), line) for each in inserted]
        slots.extend(each for each in spreads if each[1][EMPTY] <= MISSING)
        if place < len(rows):
            slots.append((kept[place], kept[place].spread(total, frames), line))
    lines = [sum(1 for _, _, line in slots if line == number) for number in range(len(pivot.lines))]
    return PlateEvidence(
        box=pivot.box,
        corners=pivot.corners,
        slots=np.array([spread[: EMPTY + 1] for _, spread, _ in slots], np.float32).reshape(-1, EMPTY + 1),
        lines=tuple(lines),
        breaks=np.array([slot.breaks / slot.weight for slot, _, _ in slots], np.float32),
        centres=np.array([slot.centre / slot.weight for slot, _, _ in slots], np.float32),
        text=pivot.text,
        score=pivot.score,
        sharpness=pivot.sharpness,
        look=pivot.look,
    )


def _complete(slots: Floats) -> Doubles:
    """Return float64 [slots, COLUMNS]: rows that sum to 1, with the doubt spread over all columns."""
    known = np.clip(slots.astype(np.float64), 0.0, 1.0)
    rows = np.column_stack([known, np.clip(1.0 - known.sum(axis=1), 0.0, 1.0)])
    rows /= rows.sum(axis=1, keepdims=True)
    complete: Doubles = (1 - DOUBT) * rows + DOUBT / COLUMNS
    return complete


def align(pivot: Doubles, other: Doubles) -> tuple[list[int | None], float]:
    """Lay the slots of one network along those of another, order kept (global alignment by dynamic programming).

    Args:
        pivot: float64 [m, COLUMNS], rows sum to 1.
        other: float64 [n, COLUMNS], rows sum to 1.

    Returns:
        For each slot of `other` its partner in `pivot`, None where it has none; and how well they agree, 0 to 1: the
        mean probability over the longer network that partners are the same character.
    """
    same = pivot @ other.T
    match = np.log(same + 1e-3)
    skip_pivot, skip_other = (np.log(rows[:, EMPTY] + _SKIP) for rows in (pivot, other))
    m, n = same.shape
    score = np.full((m + 1, n + 1), -np.inf)
    score[0, 0] = 0.0
    score[1:, 0] = np.cumsum(skip_pivot)
    score[0, 1:] = np.cumsum(skip_other)
    for i in range(1, m + 1):
        for j in range(1, n + 1):
            score[i, j] = max(
                score[i - 1, j - 1] + match[i - 1, j - 1],
                score[i - 1, j] + skip_pivot[i - 1],
                score[i, j - 1] + skip_other[j - 1],
            )
    partners: list[int | None] = [None] * n
    agreed, i, j = 0.0, m, n
    while i and j:
        if score[i, j] == score[i - 1, j - 1] + match[i - 1, j - 1]:
            i, j = i - 1, j - 1
            partners[j] = i
            agreed += float(same[i, j])
        elif score[i, j] == score[i - 1, j] + skip_pivot[i - 1]:
            i -= 1
        else:
            j -= 1
    return partners, agreed / max(m, n, 1)
