"""Measures the hot-list match: what it finds of listed plates, and what it alerts on among plates that are not listed.

Prints one JSON object a line. Everything is synthetic: lists and traffic are drawn from the grammars, and reads are
made from plates by the noise that `noisy_read` describes, so the figures compare lists and limits, not readers.

    python -m tests.bench.bench_match [--reads N] [--sizes N ...] [--seed N] [--home CODE ...]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

import numpy as np

from hub.messages import CharacterRead, Field, Hit, PlateQuery, Reading, Record
from hub.plates.alphabet import EMPTY, INDEX, SYMBOLS
from hub.plates.budget import cost_limit
from hub.plates.confusion import COSTS
from hub.plates.grammar import GrammarBook, load_grammars
from hub.plates.keys import entry_keys, query_keys
from hub.plates.matching import match_plate

SIZES = (1_000, 10_000, 100_000)
DOUBTFUL = 0.05
"""Share of characters in doubt between the right one and one like it, either of which may lead."""
WRONG = 0.005
"""Share of characters read wrongly without any doubt."""
LOST = 0.002
"""Share of characters lost, and of characters invented."""


def noisy_read(plate: str, rng: np.random.Generator, book: GrammarBook) -> PlateQuery:
    """Make a read of a plate: doubt, confident errors by the confusion table, characters lost and invented."""
    rows = []
    for symbol in plate:
        if rng.random() < LOST:
            continue
        rows.append(_slot(symbol, rng))
        if rng.random() < LOST:
            rows.append(_slot(SYMBOLS[rng.integers(36)], rng))
    slots = np.array(rows, dtype=np.float32).reshape(len(rows), EMPTY + 1)
    best = slots[:, :EMPTY].argmax(axis=1)
    text = "".join(SYMBOLS[column] for column in best)
    characters = tuple(
        CharacterRead(text=symbol, probability=float(row[INDEX[symbol]]))
        for symbol, row in zip(text, slots, strict=True)
    )
    reading = Reading(plate=text, confidence=1.0, regions=book.fits(text), characters=characters)
    return PlateQuery(readings=(reading,), slots=slots)


def _slot(symbol: str, rng: np.random.Generator) -> np.ndarray:
    row = np.full(EMPTY + 1, 1e-4)
    draw = rng.random()
    if draw < WRONG:
        row[_other(symbol, rng)] += 0.97
    elif draw < WRONG + DOUBTFUL:
        share = rng.beta(3, 1.5)
        row[INDEX[symbol]] += share
        row[_other(symbol, rng)] += 1 - share
    else:
        row[INDEX[symbol]] += 0.97
    return row / row.sum()


def _other(symbol: str, rng: np.random.Generator) -> int:
    weights = np.exp(-COSTS[INDEX[symbol], :EMPTY])
    weights[INDEX[symbol]] = 0.0
    return int(rng.choice(EMPTY, p=weights / weights.sum()))


class Listed:
    """A list in memory, found by its keys as a store would."""

    def __init__(self, plates: Iterable[str], book: GrammarBook) -> None:
        self._by_key: dict[str, list[Record]] = defaultdict(list)
        for number, plate in enumerate(plates):
            region = book.fits(plate)[0].code
            record = Record(entry=f"{number}", fields=(Field("plate", plate), Field("region", region)))
            for key in entry_keys(plate):
                self._by_key[key].append(record)

    def candidates(self, query: PlateQuery) -> list[Record]:
        found = {record.entry: record for key in query_keys(query) for record in self._by_key.get(key, ())}
        return list(found.values())


def measure(size: int, reads: int, seed: int, book: GrammarBook) -> Iterator[dict[str, object]]:
    rng = np.random.default_rng(seed)
    plates = list(dict.fromkeys(book.sample(rng, int(size * 1.1))))[:size]
    listed = Listed(plates, book)
    started = time.perf_counter()
    limit = cost_limit(plates, book)
    seconds = time.perf_counter() - started

    right: Counter[str] = Counter()
    chosen = [plates[i] for i in rng.integers(len(plates), size=reads // 10)]
    spent: list[float] = []
    sizes: list[int] = []
    for plate in chosen:
        query = noisy_read(plate, rng, book)
        begun = time.perf_counter()
        candidates = listed.candidates(query)
        hits = match_plate(query, candidates, limit)
        spent.append(time.perf_counter() - begun)
        sizes.append(len(candidates))
        right[_outcome(hits, plate)] += 1

    members = set(plates)
    strangers = [plate for plate in book.sample(rng, reads) if plate not in members]
    kinds: Counter[str] = Counter()
    for plate in strangers:
        query = noisy_read(plate, rng, book)
        hits = match_plate(query, listed.candidates(query), limit)
        if hits:
            kinds[hits[0].kind] += 1
    scale = 10_000 / len(strangers)
    yield {
        "bench": "match",
        "entries": len(plates),
        "limit": limit.limit,
        "limit_seconds": round(seconds, 2),
        "expected_false_alerts": round(limit.expected_false_alerts, 3),
        "standard_error": round(limit.standard_error, 3),
        "folded_false_alerts": round(limit.folded_false_alerts, 3),
        "listed_reads": len(chosen),
        "recall": round(sum(n for k, n in right.items() if k not in ("missed", "wrong")) / len(chosen), 4),
        "exact_recall": round(right["exact"] / len(chosen), 4),
        "outcomes": dict(sorted(right.items())),
        "unlisted_reads": len(strangers),
        "false_alerts_per_10000": round(sum(kinds.values()) * scale, 2),
        "false_alert_error": round(max(sum(kinds.values()), 1) ** 0.5 * scale, 2),
        "false_alerts": {kind: round(n * scale, 2) for kind, n in sorted(kinds.items())},
        "milliseconds": {
            "median": round(float(np.median(spent)) * 1e3, 3),
            "p99": round(float(np.quantile(spent, 0.99)) * 1e3, 3),
        },
        "candidates": {"mean": round(float(np.mean(sizes)), 2), "most": max(sizes)},
        "seed": seed,
    }


def _outcome(hits: tuple[Hit, ...], plate: str) -> str:
    if not hits:
        return "missed"
    if hits[0].record.get("plate") != plate and not hits[0].ambiguous:
        return "wrong"
    if all(hit.record.get("plate") != plate for hit in hits):
        return "wrong"
    return "ambiguous" if hits[0].ambiguous else str(hits[0].kind)


def main(arguments: list[str] | None = None) -> int:
    """Print the figures for lists of each size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reads", type=int, default=20_000, help="reads of unlisted plates for each list")
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES, help="entries of the lists")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", nargs="*", default=[], help="jurisdictions expected here")
    options = parser.parse_args(arguments)
    book = load_grammars(home=options.home)
    for size in options.sizes:
        for figures in measure(size, options.reads, options.seed, book):
            sys.stdout.write(json.dumps(figures) + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
