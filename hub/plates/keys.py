"""Keys under which a store finds the entries that could be what was read, without comparing all of them.

An entry is kept under its folded plate, under that plate less any one character, and under each three neighbours. A
read asks for the folded plate and the same less one character, for each way in which its doubtful characters could
stand. Two folded plates that differ by one character replaced, lost or added share a key, and a match within
`hub.plates.confusion.LARGEST` has at most one change that costs over half of it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import count
from typing import Final

from hub.messages import PlateQuery
from hub.plates.alignment import LONGEST, SHORTEST, ReadCosts, read_costs
from hub.plates.alphabet import EMPTY, SYMBOLS, normalise
from hub.plates.confusion import GAP, LARGEST, fold
from hub.plates.partial import NEIGHBOURS, check_partial, is_partial, runs

MOST_VARIANTS: Final = 200
"""Ways to read one plate that are asked for, cheapest first. A read that is doubtful in so many characters is not
looked up to the full cost; see `supported_cost`."""
_ROUNDING: Final = 1e-9
"""Costs are added up here in another order than when a record is compared."""


def entry_keys(plate: str) -> frozenset[str]:
    """Return the keys of an entry; a store keeps these with it.

    Args:
        plate: The entry's plate, as written.

    Returns:
        Two for each character or fewer; empty for an empty plate.
    """
    folded = fold(normalise(plate))
    if not folded:
        return frozenset()
    if not SHORTEST <= len(folded) <= LONGEST:
        return frozenset({"=" + folded, *_neighbours(folded)})
    return frozenset({"=" + folded, *_shorter(folded), *_neighbours(folded)})


def query_keys(query: PlateQuery, within: float | None = None) -> tuple[str, ...]:
    """Return the keys to ask for: every record that counts has one of them.

    Args:
        query: What was read or typed; a partial plate gives the one key of three neighbours that is rarest by kind,
            see `partial_keys` for all of them.
        within: Highest cost at which a record counts, in nats; None for the largest supported one. A long list has a
            low limit, and then far fewer keys are enough.

    Returns:
        Keys without repetition, likeliest first; empty for an empty query.

    Raises:
        UsageError: A partial plate that says too little.
    """
    plate = normalise(query.readings[0].plate) if query.readings else ""
    if not plate:
        return ()
    if is_partial(plate):
        return partial_keys(plate)[:1]
    read = read_costs(query)
    largest = LARGEST if within is None else min(within + _ROUNDING, LARGEST)
    variants, _ = _variants(read, largest)
    whole = dict.fromkeys("=" + variant for variant in variants)
    if largest <= LARGEST / 2 < GAP:  # every change that counts is among the variants; a lost character does not count
        return tuple(whole)
    # Each kind of key is complete by itself in its turn, so a store that stops early has lost the least likely.
    shorter = dict.fromkeys(key for v in variants if SHORTEST <= len(v) <= LONGEST for key in _shorter(v))
    return tuple(whole | shorter)


def partial_keys(plate: str) -> tuple[str, ...]:
    """Return the keys of a partial plate: every record that fits has all of them.

    Args:
        plate: A normalised plate with unknown characters.

    Returns:
        At least one key, without repetition, the rarest by kind first.

    Raises:
        UsageError: It says too little.
    """
    check_partial(plate)
    return tuple(sorted(set(_neighbours(*map(fold, runs(plate)))), key=_rarity, reverse=True))


def supported_cost(query: PlateQuery) -> float:
    """Return the cost up to which `query_keys` finds every entry: `LARGEST` unless the read is very doubtful."""
    return _variants(read_costs(query), LARGEST)[1]


def _shorter(folded: str) -> Iterator[str]:
    """Yield the keys of a plate less one character; they share a space with whole plates of that length."""
    for place in range(len(folded)):
        yield "=" + folded[:place] + folded[place + 1 :]


def _neighbours(*folded: str) -> Iterator[str]:
    for run in folded:
        for place in range(len(run) - NEIGHBOURS + 1):
            yield "~" + run[place : place + NEIGHBOURS]


def _rarity(key: str) -> tuple[int, str]:
    """Order keys of three neighbours: letters are rarer than digits, folded ones least rare."""
    return sum(not c.isdigit() for c in key), key


def _variants(read: ReadCosts, largest: float) -> tuple[list[str], float]:
    """Return the folded plates that a read could be by its cheap changes alone, cheapest first, and how far they go.

    At most one change of a match costs over half of `LARGEST`; the other changes are made here, that one is left to
    the keys with one character less.
    """
    choices = [_cheap(row, symbol) for row, symbol in zip(read.rows, read.symbols, strict=True)]
    doubtful = [place for place, options in enumerate(choices) if len(options) > 1]
    order = count()  # keeps the queue from comparing lists
    queue: list[tuple[float, int, int, list[str]]] = [(0.0, next(order), 0, [options[0][1] for options in choices])]
    found: dict[str, None] = {}
    while queue:
        cost, _, start, symbols = heapq.heappop(queue)
        if len(found) == MOST_VARIANTS:
            return list(found), cost
        found["".join(symbols)] = None
        for at in range(start, len(doubtful)):
            place = doubtful[at]
            for extra, symbol in choices[place][1:]:
                if cost + extra <= largest:
                    changed = [*symbols[:place], symbol, *symbols[place + 1 :]]
                    heapq.heappush(queue, (cost + extra, next(order), at + 1, changed))
    return list(found), largest


def _cheap(row: tuple[float, ...], own: str) -> list[tuple[float, str]]:
    """Return the folded symbols of a place that cost no more than half of `LARGEST`, the read one first."""
    least: dict[str, float] = {fold(own): 0.0}
    for column, cost in enumerate(row):
        symbol = fold(SYMBOLS[column]) if column != EMPTY else ""
        if cost <= LARGEST / 2 and cost < least.get(symbol, LARGEST):
            least[symbol] = cost
    return [(cost, symbol) for symbol, cost in least.items()]
