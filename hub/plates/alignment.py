"""What each character of a plate costs against a read, place by place, and the cheapest way to lay one on the other.

`ReadCosts` turns a query (character probabilities, or a typed plate) into one table of costs; `align` lays an entry on
it. Which entries to lay on, and what cost still counts, is decided in `hub.plates.matching` and `hub.plates.budget`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec import Struct

from hub.messages import AlignedCharacter, PlateQuery, Reading
from hub.plates.alphabet import EMPTY, INDEX, SYMBOLS, normalise
from hub.plates.confusion import COSTS, GAP, SAME_WHEN_FOLDED

if TYPE_CHECKING:
    from numpy.typing import NDArray

AT_LEAST: Final = 0.5
"""Doubt in a read lowers a cost to this share of the table's at most: a doubtful read must not fit everything."""

SHORTEST: Final = 4
LONGEST: Final = 12
"""Plates of other lengths are compared exactly or folded only: in three characters one change is no likeness, and
nobody issues thirteen."""

_NEVER: Final = 1e-6
"""A probability that says no more than none."""

OUT: Final = 2 * GAP
"""Cost of a character of the best reading that no slot holds; only used to lay it on its own evidence."""


class ReadCosts(Struct, frozen=True, eq=False):
    """A read as costs: for each place, what each symbol standing there would cost."""

    plate: str
    """The best reading."""
    symbols: tuple[str, ...]
    """Per place the best reading's symbol, "" where it has none."""
    probabilities: NDArray[np.float64]
    """float64 [places, len(SYMBOLS) + 1]: what the reader gave each symbol; the last column is "no character"."""
    costs: NDArray[np.float64]
    """float64 [places, len(SYMBOLS) + 1], nats, at least 0; 0 only for the best reading's own symbol."""
    rows: tuple[tuple[float, ...], ...]
    """The same as `costs`, for loops."""

    def best(self) -> list[tuple[str, float]]:
        """Return the best reading's characters, each with the probability that the reader gave it."""
        return [
            (symbol, float(self.probabilities[place, INDEX[symbol]]))
            for place, symbol in enumerate(self.symbols)
            if symbol
        ]


def read_costs(query: PlateQuery) -> ReadCosts:
    """Turn a query into costs.

    Where the best reading has symbol s, the cost of symbol c is the reader's own odds against it, log p(s) / p(c), at
    most what the confusion table says of s and c and at least `AT_LEAST` of that. So the best reading costs 0,
    everything else more, and what the reader thought nearly as likely costs less than what it ruled out. Against
    symbols of another look, s has the probability of all its look-alikes together.

    Args:
        query: A query with at least one reading and without unknown characters.

    Returns:
        The costs; with a single typed plate each row is the confusion table's.
    """
    best = normalise(query.readings[0].plate)
    if query.slots is None:
        symbols, probabilities = tuple(best), _from_readings(best, query.readings)
    else:
        slots = np.clip(np.nan_to_num(np.asarray(query.slots, dtype=np.float64)), 0.0, 1.0)
        symbols, probabilities = _from_slots(best, slots)
    columns = np.array([INDEX[symbol] if symbol else EMPTY for symbol in symbols], dtype=np.intp)
    places = np.arange(len(columns))
    table = COSTS[columns]
    alike = SAME_WHEN_FOLDED[columns]
    own = np.where(alike, probabilities[places, columns][:, None], (probabilities * alike).sum(axis=1, keepdims=True))
    odds = np.log(np.maximum(own, _NEVER)) - np.log(np.maximum(probabilities, _NEVER))
    costs = np.where(probabilities > _NEVER, np.clip(odds, AT_LEAST * table, table), table)
    return ReadCosts(
        plate=best,
        symbols=symbols,
        probabilities=probabilities,
        costs=costs,
        rows=tuple(map(tuple, costs.tolist())),
    )


def align(read: ReadCosts, entry: str, largest: float) -> tuple[float, tuple[AlignedCharacter, ...]] | None:
    """Lay an entry on a read at the lowest cost.

    Args:
        read: The read.
        entry: A plate of the list.
        largest: Cost above which the answer does not matter.

    Returns:
        The cost and its columns in order, or None where it would cost more than `largest`.
    """
    columns = [INDEX[symbol] for symbol in entry]
    # best[j]: cheapest way to lay the entry's first j characters on the places so far
    best = [GAP * j for j in range(len(columns) + 1)]
    table = [best]
    for row in read.rows:
        skip = row[EMPTY]
        following = [best[0] + skip]
        for j, column in enumerate(columns):
            following.append(min(best[j] + row[column], best[j + 1] + skip, following[j] + GAP))
        if min(following) > largest:
            return None
        best = following
        table.append(best)
    if best[-1] > largest:
        return None
    return best[-1], _trace(read, entry, columns, table)


def _trace(read: ReadCosts, entry: str, columns: list[int], table: list[list[float]]) -> tuple[AlignedCharacter, ...]:
    """Walk the table back from its end."""
    aligned: list[AlignedCharacter] = []
    i, j = len(table) - 1, len(columns)
    while i or j:
        here = table[i][j]
        row = read.rows[i - 1] if i else ()
        if i and j and here == table[i - 1][j - 1] + row[columns[j - 1]]:
            i, j = i - 1, j - 1
            column = columns[j]
            aligned.append(_column(read, i, entry[j], column))
        elif i and here == table[i - 1][j] + row[EMPTY]:
            i -= 1
            if read.symbols[i]:
                aligned.append(_column(read, i, "", EMPTY))
        else:
            j -= 1
            aligned.append(AlignedCharacter(read="", entry=entry[j], probability=0.0, cost=GAP))
    return tuple(reversed(aligned))


def _column(read: ReadCosts, place: int, symbol: str, column: int) -> AlignedCharacter:
    return AlignedCharacter(
        read=read.symbols[place],
        entry=symbol,
        probability=float(read.probabilities[place, column]),
        cost=read.rows[place][column],
    )


def _from_readings(best: str, readings: tuple[Reading, ...]) -> NDArray[np.float64]:
    """Give each place the share of the readings that have a symbol there; only those as long as the best count."""
    probabilities = np.zeros((len(best), EMPTY + 1))
    alike = [(plate, reading.confidence) for reading in readings if len(plate := _known(reading.plate)) == len(best)]
    total = sum(confidence for _, confidence in alike)
    for plate, confidence in alike:
        for place, symbol in enumerate(plate):
            probabilities[place, INDEX[symbol]] += confidence / total if total > 0 else 1 / len(alike)
    return probabilities


def _known(plate: str) -> str:
    """Return a plate's symbols; a reading with unknown characters is thereby shorter than the best one."""
    return "".join(symbol for symbol in normalise(plate) if symbol in INDEX)


def _from_slots(best: str, slots: NDArray[np.float64]) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Lay the best reading on the evidence; a character of it without a slot gets a place that is sure of it."""
    expected = slots @ COSTS
    columns = [INDEX[symbol] for symbol in best]
    table = [[OUT * j for j in range(len(best) + 1)]]
    for row in expected.tolist():
        above = table[-1]
        following = [above[0] + row[EMPTY]]
        for j, column in enumerate(columns):
            following.append(min(above[j] + row[column], above[j + 1] + row[EMPTY], following[j] + OUT))
        table.append(following)
    symbols: list[str] = []
    rows: list[NDArray[np.float64]] = []
    i, j = len(slots), len(best)
    while i or j:
        here = table[i][j]
        if i and j and here == table[i - 1][j - 1] + expected[i - 1, columns[j - 1]]:
            i, j = i - 1, j - 1
            symbols.append(best[j])
            rows.append(slots[i])
        elif i and here == table[i - 1][j] + expected[i - 1, EMPTY]:
            i -= 1
            symbols.append("")
            rows.append(slots[i])
        else:
            j -= 1
            symbols.append(best[j])
            rows.append(np.eye(len(SYMBOLS) + 1)[columns[j]])
    return tuple(reversed(symbols)), np.array(rows[::-1]).reshape(len(rows), EMPTY + 1)
