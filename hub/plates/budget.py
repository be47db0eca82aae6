"""The cost limit of a hot-list, from the false alerts that its user is ready to see.

A list is a target for every car that is not on it. For a limit t, the expected number of false alerts in 10,000 reads
of unlisted plates is at most 10,000 times the sum over entries e and plates s of

    P(s)                  where a right read of s costs more than 0 and at most t against e, and else
    P(s) D(s, e)          where it would cost at most t if the reader were in doubt between the two,

P(s) being what the grammars say of plate s, and D(s, e) the chance that the reader leaves the one character in which
they differ in doubt (`DOUBT`) and has e's in mind (by the confusion table). The plates around an entry are few hundred
and are written out. A long list is sampled, and the limit is set on the upper end of what the sample allows. The
largest t that keeps the budget is the limit.

What this leaves out: a plate misread without any doubt, two doubts in one read (the benchmark has both), and the
traffic of one road, which is not what the grammars draw.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec import Struct

from hub.plates.alignment import AT_LEAST, LONGEST, SHORTEST
from hub.plates.alphabet import EMPTY, INDEX, SYMBOLS, normalise
from hub.plates.confusion import COSTS, FOLDED, GAP, LARGEST, fold
from hub.plates.grammar import GrammarBook

if TYPE_CHECKING:
    from numpy.typing import NDArray

READS: Final = 10_000
"""Reads that a budget speaks of."""

SAMPLE: Final = 300
"""Entries whose surroundings are written out at most; a list no longer than this is counted in full."""

DRAWN: Final = 10_000
"""Entries drawn to stand for a list of which only the length is known."""

DOUBT: Final = 0.05
"""Share of characters that a reader leaves in doubt between two symbols; assumed, to be given where it was measured."""

DEVIATIONS: Final = 2.0
"""Standard errors by which a sampled estimate must stay under the budget."""


class CostLimit(Struct, frozen=True):
    """How much a match may cost on one list, and why."""

    limit: float
    """Highest cost that counts, in nats; 0 where only exact hits count."""
    entries: int
    """Entries of the list."""
    budget: float
    """False alerts allowed in 10,000 reads of unlisted plates."""
    expected_false_alerts: float
    """Expected at this limit in 10,000 reads of unlisted plates, at most `budget`."""
    standard_error: float
    """Of `expected_false_alerts`; 0 where every entry was counted."""
    folded_false_alerts: float
    """Expected if all entries that are equal once folded counted as well."""
    largest_false_alerts: float
    """Expected at the largest cost that is supported."""
    sampled: int
    """Entries whose surroundings were counted."""

    @property
    def exact_only(self) -> bool:
        """Whether this list is too long, or its budget too small, for anything but exact hits."""
        return not self.limit

    def describe(self) -> str:
        """Say the limit in one sentence for an officer or for `doctor`."""
        if not self.entries:
            return "the list is empty: nothing can hit"
        start = f"{self.entries} entries, at most {self.budget:g} false alerts in 10,000 reads of unlisted plates"
        estimate = f"{self.expected_false_alerts:.2g} expected"
        if self.standard_error:
            estimate += f" (standard error {self.standard_error:.1g}, from {self.sampled} entries)"
        if self.limit >= FOLDED:
            return f"{start}: hits up to a cost of {self.limit:g} count, {estimate}"
        always = f"taking O and 0 and their like for the same would give {self.folded_false_alerts:.2g}"
        if self.exact_only:
            return f"{start}: only exact hits count; {always}"
        return f"{start}: besides exact hits only what the read itself is in doubt about counts, {estimate}; {always}"


def cost_limit(
    plates: Sequence[str] | int,
    book: GrammarBook,
    *,
    per_ten_thousand: float = 1.0,
    sample: int = SAMPLE,
    doubt: float = DOUBT,
    rng: np.random.Generator | None = None,
) -> CostLimit:
    """Find the largest cost at which a list keeps its budget of false alerts.

    Args:
        plates: The list's plates, or only how many there are: then entries are drawn from the grammars.
        book: Grammars of the traffic; give it the home jurisdictions.
        per_ten_thousand: False alerts allowed in 10,000 reads of unlisted plates, more than 0.
        sample: Entries to look around at most.
        doubt: Share of characters that the reader leaves in doubt, 0 to 1.
        rng: Picks the entries that are looked at; by default always the same ones, so that a list has one limit.

    Returns:
        The limit and the estimate that it rests on.

    Raises:
        ValueError: The budget is not more than 0.
    """
    if not per_ten_thousand > 0:
        raise ValueError("a budget of false alerts must be more than 0")
    rng = np.random.default_rng(0) if rng is None else rng
    if isinstance(plates, int):
        entries = plates
        listed = book.sample(rng, min(entries, DRAWN))
    else:
        entries = len(plates)
        listed = [normalise(plate) for plate in plates]
    chosen, weights = _choose(listed, sample, book, rng)
    counts = np.array([_false_alerts(plate, book, doubt) for plate in chosen]).reshape(len(chosen), len(_LEVELS) + 1)
    parts = READS * (entries / max(len(listed), 1)) * counts * weights[:, None]
    mean = parts.sum(axis=0)
    error = np.zeros(len(_LEVELS) + 1)
    if 1 < len(chosen) < entries:
        error = parts.std(axis=0, ddof=1) * len(chosen) ** 0.5
    kept = int(np.sum((mean + DEVIATIONS * error)[:-1] <= per_ten_thousand))
    level = kept - 1
    return CostLimit(
        limit=_LEVELS[level] if kept else 0.0,
        entries=entries,
        budget=per_ten_thousand,
        expected_false_alerts=float(mean[level]) if kept else 0.0,
        standard_error=float(error[level]) if kept else 0.0,
        folded_false_alerts=float(mean[-1]),
        largest_false_alerts=float(mean[-2]),
        sampled=len(chosen),
    )


def _choose(
    listed: Sequence[str], sample: int, book: GrammarBook, rng: np.random.Generator
) -> tuple[list[str], NDArray[np.float64]]:
    """Pick entries to look around, and how many of the list each of them stands for.

    A few entries of small grammars (the Vatican's, say) can bring most of a list's false alerts, and an even sample
    misses them. So half of the sample goes by how likely the entries' own plates are, which their surroundings share.
    """
    if len(listed) <= sample:
        return list(listed), np.ones(len(listed))
    likely = np.array([book.probability(plate) for plate in listed])
    share = np.full(len(listed), 1 / len(listed))
    if likely.sum() > 0:
        share = (share + likely / likely.sum()) / 2
    places = rng.choice(len(listed), size=sample, p=share)
    return [listed[place] for place in places], 1 / (sample * share[places])


_LEVELS: Final = (1.45, 1.95, 2.0, 2.95, 3.0, 3.95, 4.0, 4.95, 5.0, 5.5)
"""Limits that are tried: what right reads can cost (folds, a look-alike, a gap, any change), and for reads in doubt
just under that."""


def _false_alerts(plate: str, book: GrammarBook, doubt: float) -> list[float]:
    """Return, for each level, how likely a random plate's read costs more than 0 and at most that against an entry.

    One more number follows the levels: how likely it is equal to the entry once folded.
    """
    sums = [0.0] * (len(_LEVELS) + 1)
    folded = fold(plate)
    for near, cost in surroundings(plate).items():
        probability = book.probability(near)
        if probability:
            sums[-1] += probability * (fold(near) == folded)
            first = bisect.bisect_left(_LEVELS, cost)
            for level in range(first, len(_LEVELS)):
                sums[level] += probability
            if doubt and len(near) == len(plate):
                probability *= doubt * _taken(near, plate)
                for level in range(bisect.bisect_left(_LEVELS, cost * AT_LEAST), first):
                    sums[level] += probability
    return sums


def _taken(plate: str, entry: str) -> float:
    """Return how likely a doubt about a plate is one about the entry: 0 where they differ in more than a character."""
    pairs = [(a, b) for a, b in zip(plate, entry, strict=True) if a != b]
    return float(_TAKEN[INDEX[pairs[0][0]], INDEX[pairs[0][1]]]) if len(pairs) == 1 else 0.0


def surroundings(plate: str) -> dict[str, float]:
    """Return every other plate whose right read costs at most `LARGEST` against an entry, with its lowest cost."""
    near: dict[str, float] = {}
    _change(plate, 0, 0.0, near)
    if SHORTEST <= len(plate) <= LONGEST:
        if len(plate) > SHORTEST:
            for place in range(len(plate)):
                _keep(near, plate[:place] + plate[place + 1 :], GAP)
        if len(plate) < LONGEST:
            for place in range(len(plate) + 1):
                for symbol in SYMBOLS:
                    _keep(near, plate[:place] + symbol + plate[place:], GAP)
    near.pop(plate, None)
    return near


def _change(plate: str, start: int, cost: float, near: dict[str, float]) -> None:
    """Replace characters from a place on, as long as the cost allows."""
    _keep(near, plate, cost)
    comparable = SHORTEST <= len(plate) <= LONGEST
    for place in range(start, len(plate)):
        for extra, symbol in _CHANGES.get(plate[place], ()):
            if cost + extra > LARGEST:
                break
            if comparable or extra <= FOLDED:
                _change(plate[:place] + symbol + plate[place + 1 :], place + 1, cost + extra, near)


def _keep(near: dict[str, float], plate: str, cost: float) -> None:
    if cost < near.get(plate, LARGEST + 1):
        near[plate] = cost


def _changes() -> Iterator[tuple[str, list[tuple[float, str]]]]:
    for symbol, column in INDEX.items():
        costs = COSTS[column, :EMPTY].tolist()
        yield symbol, sorted((cost, other) for other, cost in zip(SYMBOLS, costs, strict=True) if other != symbol)


_CHANGES: Final = dict(_changes())
"""For each symbol what may take its place, cheapest first."""

_WEIGHTS: Final = np.exp(-COSTS) * (COSTS > 0)
_TAKEN: Final = _WEIGHTS / _WEIGHTS.sum(axis=1, keepdims=True)
"""float64, shape of `COSTS`: where a row's symbol is in doubt, how likely the other one is the column's."""
