"""Turns the recogniser's time steps into a confusion network: slots in which at most one character stands.

Pure functions on arrays; which reading is right is decided in `hub.plates`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from msgspec import Struct

from plates_ppocr.recogniser import BLANK, OTHER, SEPARATOR

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
    steps: Floats
    """float32 [slots]: time step at which the slot stands."""
    strange: float
    """Share of the characters' probability that lies on characters no plate has, 0 to 1."""


def line_of(steps: Floats) -> Line:
    """Group time steps into slots.

    Consecutive steps whose best column is the same character are one slot, as in CTC decoding (Graves et al. 2006);
    a step that nearly held a character is a slot too, mostly empty.

    Args:
        steps: float32 [steps, COLUMNS] of one line, probabilities.
    """
    characters = 1.0 - steps[:, BLANK] - steps[:, SEPARATOR]
    best = steps.argmax(axis=1)
    is_character = (best != BLANK) & (best != SEPARATOR)
    groups: list[range] = []
    start = 0
    while start < len(steps):
        if not is_character[start]:
            start += 1
            continue
        end = start + 1
        while end < len(steps) and best[end] == best[start]:
            end += 1
        groups.append(range(start, end))
        start = end
    groups.extend(_faint(characters, is_character, best, steps))
    groups.sort(key=lambda group: group.start)

    slots = np.zeros((len(groups), BLANK + 1), np.float32)
    breaks = np.zeros(len(groups), np.float32)
    places = np.zeros(len(groups), np.float32)
    strange = present = 0.0
    previous = 0
    for row, group in enumerate(groups):
        chunk, weight = steps[group.start : group.stop], characters[group.start : group.stop]
        presence = float(weight.max())
        shares = (chunk * weight[:, None]).sum(axis=0) / max(float((weight * weight).sum()), 1e-9)
        slots[row, :BLANK] = shares[:BLANK] * presence
        slots[row, BLANK] = 1.0 - presence
        strange += float(shares[OTHER]) * presence
        present += presence
        places[row] = float((np.arange(group.start, group.stop) * weight).sum() / max(float(weight.sum()), 1e-9))
        breaks[row] = float(steps[previous : group.start + 1, SEPARATOR].max(initial=0.0))
        previous = group.stop - 1
    return Line(slots, breaks, places, strange / present if present else 0.0)


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
