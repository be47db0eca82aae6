"""Turns character evidence into ranked plates: the evidence's likelihood times the grammars' prior (Bayes' rule).

The same function serves one picture and evidence summed over a track. Pure; whether a reading is good enough to be
believed is decided in `hub.plates.gates`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from msgspec import Struct

from hub.messages import CharacterRead, Reading
from hub.plates.alphabet import EMPTY, INDEX, SYMBOLS
from hub.plates.grammar import DIGITS, GrammarBook, Pattern
from hub.plates.settings import PlateSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]
    Doubles: TypeAlias = NDArray[np.float64]

LETTERS: Final = SYMBOLS[len(DIGITS) :]

LOOK_ALIKES: Final = {
    "0O": 0.5, "1I": 0.4, "0Q": 0.1, "OQ": 0.1, "0D": 0.03, "OD": 0.03, "DQ": 0.02, "1L": 0.01, "IL": 0.02, "1T": 0.01,
    "IT": 0.01, "1J": 0.01, "IJ": 0.01, "2Z": 0.05, "5S": 0.05, "8B": 0.05, "6G": 0.03, "4A": 0.01, "7T": 0.01,
    "7Z": 0.01, "17": 0.01, "UV": 0.02, "VY": 0.02, "MN": 0.01, "HN": 0.01, "HM": 0.01, "KX": 0.01, "EF": 0.01,
    "PR": 0.01, "CG": 0.03, "38": 0.01, "56": 0.005, "68": 0.01, "0U": 0.005, "OU": 0.01, "0C": 0.005, "OC": 0.01,
    "0G": 0.005, "OG": 0.01, "MW": 0.01, "JU": 0.01, "YT": 0.005, "XY": 0.005, "AÄ": 0.2, "OÖ": 0.2, "UÜ": 0.2,
    "0Ö": 0.1,
}  # fmt: skip
"""How often a character of a pair is taken for the other: estimates from the shapes, symmetric."""

FLOOR: Final = 2e-4
"""Probability of any character being read as any other."""

SKIP_FLOOR: Final = 1e-3
"""Probability that a character seen inside a plate is none of it."""

SKIP_EDGE: Final = 0.02
"""The same before the first or after the last character, where emblems, stickers and country letters stand."""

SKIP_APART: Final = 0.2
"""The same where a separator stands between it and the rest."""

SEPARATED: Final = (0.1, 0.6)
"""Probability of seeing a separator where a pattern has none, and where it has one: gaps are often too narrow to be
seen, and emblems and bolts are seen as separators."""

UNSURE: Final = 0.25
"""The same where it is not known whether there is one."""

TRUST: Final = 0.5
"""Power of the grammars' prior: below 1 because it is a table's estimate and the recogniser is surer than right."""

LETTERING: Final = ((LETTERS, 0.02), (DIGITS, 0.01), (SYMBOLS, 0.0005))
"""The rival explanation, text that is no plate: words, numbers, codes; prior of each, its strings equally likely."""

SHORT_LETTERING: Final = (4, 0.02)
"""Up to so many characters, codes have this prior: models and engines are called F150, V6, TDI."""

WINDOW: Final = 7.0
"""Readings this many nats worse than the best are not followed up."""

HOPELESS: Final = 5.0
"""Nor those that are this many nats and `WINDOW` worse than lettering: thousands of them make no plate of it."""

MOST_ALIGNMENTS: Final = 64
"""Ways to lay patterns over the slots that are spelled out, best first: only text too unclear to be read has more."""

MOST_SPELLED: Final = 12
"""Plates that are spelled out of each."""

MOST_SYMBOLS: Final = 5
"""Symbols that are tried in one place."""

MOST_SLOTS: Final = 24
"""Text longer than this is no plate and is not decoded."""


class _Table(Struct, frozen=True, eq=False):
    """A grammar book, laid out for the aligner: of patterns that accept the same plates, the densest alone."""

    patterns: tuple[Pattern, ...]
    """Shortest first."""
    lengths: NDArray[np.intp]
    """intp [patterns], ascending."""
    classes: NDArray[np.intp]
    """intp [longest, patterns]: row of `masks`; after a pattern's end the row that allows nothing."""
    priors: Doubles
    """float64 [patterns]: log of the prior of each string."""
    masks: NDArray[np.bool_]
    """bool [classes, symbols]; the last row allows nothing."""


class _Alignment(Struct, frozen=True, eq=False):
    """The best way to lay a pattern over the slots."""

    score: float
    """Log likelihood plus log prior."""
    pattern: Pattern
    slots: tuple[int, ...]
    """Slot of each character."""


class _Found(Struct, frozen=True, eq=False):
    """One plate with the best way to see it in the slots."""

    plate: str
    slots: tuple[int, ...]
    score: float
    """Log likelihood."""


class Solution(Struct, frozen=True):
    """What a confusion network may say."""

    readings: tuple[Reading, ...]
    """Best first; empty where no grammar fits. Confidences add up to at most `fit`."""
    fit: float
    """Probability that the text is a plate rather than lettering that looks the same, 0 to 1."""


def decode(
    slots: Floats, lines: Sequence[int], breaks: Floats, book: GrammarBook, settings: PlateSettings
) -> tuple[Reading, ...]:
    """Rank what a confusion network may say; see `solve`."""
    return solve(slots, lines, breaks, book, settings).readings


def solve(slots: Floats, lines: Sequence[int], breaks: Floats, book: GrammarBook, settings: PlateSettings) -> Solution:
    """Rank what a confusion network may say, and weigh all of it against lettering.

    Args:
        slots: float32 [slots, len(SYMBOLS) + 1], as in `hub.messages.PlateEvidence.slots`.
        lines: Number of slots in each line of text.
        breaks: float32 [slots]: probability of a separator before each slot.
        book: The grammars. A plate that no pattern accepts is never returned.
        settings: How many readings to give.
    """
    if not 0 < len(slots) <= MOST_SLOTS:
        return Solution((), 0.0)
    likelihood = _likelihood(slots)
    skip = _skip(slots, lines, breaks)
    rival = _lettering(likelihood, skip)
    found: dict[str, _Found] = {}
    best = rival - HOPELESS
    spelling, skipped = _Spelling(likelihood), skip.tolist()
    for alignment in islice(_align(likelihood, skip, _table(book)), MOST_ALIGNMENTS):
        if alignment.score < best - WINDOW:
            break
        ground = sum(skipped) - sum(skipped[slot] for slot in alignment.slots)
        top, spelled = spelling.of(alignment)
        for loss, plate in spelled:
            if loss > alignment.score - best + WINDOW:
                break
            if alignment.pattern.words and not alignment.pattern.spells(plate):
                continue
            likely = ground + top - loss
            known = found.get(plate)
            if known is None or known.score < likely:
                found[plate] = _Found(plate, alignment.slots, likely)
            best = max(best, alignment.score - loss)
    if not found:
        return Solution((), 0.0)
    separators = _Separators(breaks)
    weights = {plate: each.score + TRUST * math.log(separators.prior(each, book)) for plate, each in found.items()}
    total = float(np.logaddexp.reduce([*weights.values(), rival]))
    confidence = {plate: float(np.exp(weight - total)) for plate, weight in weights.items()}
    ranked = sorted(weights, key=lambda plate: (-weights[plate], plate))[: settings.alternatives]
    agreement = _agreement(found, confidence)
    seen = np.minimum(slots[:, :EMPTY].astype(np.float64) @ (_look_alike_matrix() > 0), 1.0)
    readings = tuple(
        Reading(
            plate=plate,
            confidence=confidence[plate],
            regions=book.fits(plate),
            characters=_characters(found[plate], seen, agreement),
        )
        for plate in ranked
    )
    return Solution(readings, min(1.0, sum(confidence.values())))


@lru_cache(maxsize=1)
def _look_alike_matrix() -> Doubles:
    """Return float64 [symbols seen, symbols meant]: probability of seeing one where the other stands."""
    matrix = np.zeros((EMPTY, EMPTY))
    for pair, probability in LOOK_ALIKES.items():
        a, b = INDEX[pair[0]], INDEX[pair[1]]
        matrix[a, b] = matrix[b, a] = probability
    np.fill_diagonal(matrix, 1.0)
    return matrix


def _likelihood(slots: Floats) -> Doubles:
    """Return float64 [slots, symbols]: log probability of what is seen if the symbol stands there."""
    seen: Doubles = slots[:, :EMPTY].astype(np.float64) @ _look_alike_matrix()
    return np.log(seen + FLOOR)


def _skip(slots: Floats, lines: Sequence[int], breaks: Floats) -> Doubles:
    """Return float64 [slots]: log probability of what is seen if no character of the plate stands there."""
    empty = slots[:, EMPTY].astype(np.float64)
    strange = np.clip(1.0 - slots.sum(axis=1, dtype=np.float64), 0.0, 1.0)
    floor = np.full(len(slots), SKIP_FLOOR)
    ends = np.cumsum(lines)
    for start, end in zip(ends - np.asarray(lines), ends, strict=True):
        if end > start:
            floor[[start, end - 1]] = SKIP_EDGE
            if end - start > 1:
                floor[start] += (SKIP_APART - SKIP_EDGE) * breaks[start + 1]
                floor[end - 1] += (SKIP_APART - SKIP_EDGE) * breaks[end - 1]
    # What stands there and is no character of the plate is any symbol, each as likely as the next.
    skip: Doubles = np.log(np.clip(empty + (floor + 0.3 * strange) / EMPTY**TRUST, 0.0, 1.0))
    return skip


@lru_cache(maxsize=4)
def _table(book: GrammarBook) -> _Table:
    densest: dict[tuple[object, ...], Pattern] = {}
    for pattern in book.patterns:
        known = densest.get((pattern.classes, pattern.words))
        if known is None or known.density < pattern.density:
            densest[pattern.classes, pattern.words] = pattern
    patterns = tuple(sorted(densest.values(), key=lambda pattern: pattern.length))
    kinds = list(dict.fromkeys(allowed for pattern in patterns for allowed in pattern.classes))
    row = {allowed: number for number, allowed in enumerate(kinds)}
    classes = np.full((patterns[-1].length, len(patterns)), len(kinds), np.intp)
    for number, pattern in enumerate(patterns):
        classes[: pattern.length, number] = [row[allowed] for allowed in pattern.classes]
    return _Table(
        patterns=patterns,
        lengths=np.array([pattern.length for pattern in patterns], np.intp),
        classes=classes,
        priors=TRUST * np.log([pattern.density for pattern in patterns]),
        masks=np.array([[symbol in allowed for symbol in SYMBOLS] for allowed in [*kinds, ""]], np.bool_),
    )


def _align(likelihood: Doubles, skip: Doubles, table: _Table) -> Iterator[_Alignment]:
    """Lay every pattern over the slots, each slot the pattern's next character or skipped, and yield the best first."""
    count = int(np.searchsorted(table.lengths, len(likelihood), side="right"))
    if not count:
        return
    longest = int(table.lengths[count - 1])
    # float64 [slots, positions, patterns], patterns last, so that each step runs over them in memory's order
    best = np.where(table.masks, likelihood[:, None], -np.inf).max(axis=2)[:, table.classes[:longest, :count]]
    score = np.full((longest + 1, count), -np.inf)
    score[0] = 0.0
    taken = np.zeros(best.shape, np.bool_)
    for slot, character in enumerate(best):
        seen = min(slot + 1, longest)  # no more characters than slots
        step = score[:seen] + character[:seen]
        stay = score[1 : seen + 1] + skip[slot]
        np.greater(step, stay, out=taken[slot, :seen])
        np.maximum(stay, step, out=score[1 : seen + 1])
        score[0] += skip[slot]
    total = score[table.lengths[:count], np.arange(count)] + table.priors[:count]
    for number in np.argsort(-total, kind="stable"):
        where, position = [], int(table.lengths[number])
        for slot in range(len(likelihood) - 1, -1, -1):
            if position and taken[slot, position - 1, number]:
                where.append(slot)
                position -= 1
        yield _Alignment(float(total[number]), table.patterns[number], tuple(reversed(where)))


class _Spelling:
    """Writes out the likeliest plates of alignments. What alignments begin with in common is written once.

    A place is what stands in one slot by one class of symbols, an address a row of places. Most patterns ask for the
    same of the same slots, so that few addresses have to be gone through of the many that there could be.
    """

    def __init__(self, likelihood: Doubles) -> None:
        self._rows = [sorted(zip(row, SYMBOLS, strict=True), reverse=True) for row in likelihood.tolist()]
        self._places: dict[tuple[int, str], tuple[int, float, list[tuple[float, str]]]] = {}
        self._numbers: dict[tuple[int, str], int] = {}
        self._begun: dict[tuple[int, int], tuple[int, list[tuple[float, str]]]] = {}

    def of(self, alignment: _Alignment) -> tuple[float, list[tuple[float, str]]]:
        """Return the log likelihood of an alignment's characters, and up to `MOST_SPELLED` plates, likeliest first.

        With each plate comes what it falls short of that, below `WINDOW`. Whether it has the words that the pattern
        asks for is not looked at.
        """
        top, address, spelled = 0.0, 0, [(0.0, "")]
        for slot, allowed in zip(alignment.slots, alignment.pattern.classes, strict=True):
            place, best, near = self._places.get((slot, allowed)) or self._place(slot, allowed)
            top += best
            begun = self._begun.get((address, place))
            if begun is None:
                begun = self._begun[address, place] = len(self._begun) + 1, _append(spelled, near)
            address, spelled = begun
        return top, spelled

    def _place(self, slot: int, allowed: str) -> tuple[int, float, list[tuple[float, str]]]:
        """Return the place's number, the greatest log likelihood, and for each symbol what it falls short of it."""
        scored = list(islice((each for each in self._rows[slot] if each[1] in allowed), MOST_SYMBOLS))
        top = scored[0][0]
        near = [(top - each, symbol) for each, symbol in scored if top - each < WINDOW]
        # Classes that have the same likely symbols are one place.
        number = self._numbers.setdefault((slot, "".join(symbol for _, symbol in near)), len(self._numbers))
        self._places[slot, allowed] = place = number, top, near
        return place


def _append(spelled: list[tuple[float, str]], near: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """Return beginnings with one more symbol each, the likeliest first; most places leave no doubt."""
    if len(near) == 1:
        symbol = near[0][1]
        return [(loss, begun + symbol) for loss, begun in spelled]
    longer = [(loss + more, begun + symbol) for loss, begun in spelled for more, symbol in near if loss + more < WINDOW]
    longer.sort()
    return longer[:MOST_SPELLED]


class _Separators:
    """How well the separators that were seen agree with those that a pattern has."""

    def __init__(self, breaks: Floats) -> None:
        self._breaks = breaks.tolist()
        self._known: dict[tuple[int, ...], tuple[float, list[float]]] = {}
        self._plain: dict[tuple[int, tuple[int, ...]], float] = {}
        """By the identity of a book's set of patterns, which lives as long as the book."""

    def prior(self, found: _Found, book: GrammarBook) -> float:
        """Return how likely such a plate is, its separators seen where they were seen."""
        # Plates of one kind share the patterns without words, and what those add is then the same.
        plain, worded = book.matching_sets(found.plate)
        key = id(plain), found.slots
        total = self._plain.get(key)
        if total is None:
            total = self._plain[key] = self._add(0.0, plain, found.slots)
        return self._add(total, [pattern for pattern in worded if pattern.spells(found.plate)], found.slots)

    def _add(self, total: float, patterns: Sequence[Pattern], slots: tuple[int, ...]) -> float:
        absent, present = self._between(slots)
        for pattern in patterns:
            agreement = 1.0 if pattern.vanity else absent * math.prod([present[place] for place in pattern.breaks])
            total += pattern.density * agreement
        return total

    def _between(self, slots: tuple[int, ...]) -> tuple[float, list[float]]:
        """Return how well what was seen agrees with no separator, and what one before each character multiplies."""
        known = self._known.get(slots)
        if known is None:
            absent, present = 1.0, [1.0]
            for before, slot in pairwise(slots):
                seen = max(self._breaks[before + 1 : slot + 1])
                none, one = (_mix(seen, where) for where in SEPARATED)
                absent *= none / _mix(seen, UNSURE)
                present.append(one / none)
            known = self._known[slots] = absent, present
        return known


def _mix(seen: float, expected: float) -> float:
    """Return how well a separator that was seen with a probability agrees with one expected with another."""
    return seen * expected + (1.0 - seen) * (1.0 - expected)


def _lettering(likelihood: Doubles, skip: Doubles) -> float:
    """Return the log weight of the text being lettering, just as it looks."""
    count = float((1.0 - np.exp(skip)).sum())
    weights = []
    for symbols, prior in LETTERING:
        short, short_prior = SHORT_LETTERING
        share = short_prior if symbols is SYMBOLS and count < short + 0.5 else prior
        best = likelihood[:, [INDEX[symbol] for symbol in symbols]].max(axis=1) - TRUST * np.log(len(symbols))
        weights.append(float(np.maximum(best, skip).sum()) + TRUST * np.log(share))
    return float(np.logaddexp.reduce(weights))


def _agreement(found: dict[str, _Found], confidence: dict[str, float]) -> dict[tuple[int, str], float]:
    """Return the share of all readings' confidence that has a symbol in a slot."""
    total = sum(confidence.values())
    agreement: dict[tuple[int, str], float] = {}
    for plate, each in found.items():
        for place in zip(each.slots, plate, strict=True):
            agreement[place] = agreement.get(place, 0.0) + confidence[plate] / total
    return agreement


def _characters(found: _Found, seen: Doubles, agreement: dict[tuple[int, str], float]) -> tuple[CharacterRead, ...]:
    """Say of each character how probable it is: what the picture shows, and which other readings disagree."""
    return tuple(
        CharacterRead(symbol, float(seen[slot, INDEX[symbol]]) * min(agreement[slot, symbol], 1.0))
        for slot, symbol in zip(found.slots, found.plate, strict=True)
    )
