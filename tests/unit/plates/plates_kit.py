"""Shorthand of the match tests: queries, records and limits."""

import numpy as np
from hypothesis import strategies as st

from hub.messages import CharacterRead, Field, PlateQuery, Reading, Record, RegionFit
from hub.plates.alphabet import EMPTY, INDEX, SYMBOLS
from hub.plates.budget import CostLimit


def record(entry: str, plate: str, region: str = "") -> Record:
    return Record(entry=entry, fields=(Field("plate", plate), Field("region", region)))


def reading(plate: str, confidence: float = 1.0, regions: tuple[str, ...] = ()) -> Reading:
    return Reading(
        plate=plate,
        confidence=confidence,
        regions=tuple(RegionFit(code, 1 / len(regions)) for code in regions),
        characters=tuple(CharacterRead(symbol, confidence) for symbol in plate),
    )


def typed(plate: str, *regions: str) -> PlateQuery:
    return PlateQuery(readings=(reading(plate, regions=regions),), slots=None)


def slots(*places: dict[str, float]) -> np.ndarray:
    """Evidence of one dictionary a place; "" is "no character here"."""
    evidence = np.zeros((len(places), EMPTY + 1), dtype=np.float32)
    for row, place in zip(evidence, places, strict=True):
        for symbol, probability in place.items():
            row[INDEX[symbol] if symbol else EMPTY] = probability
    return evidence


def seen(plate: str, *places: dict[str, float]) -> PlateQuery:
    return PlateQuery(readings=(reading(plate),), slots=slots(*places))


def sure(text: str) -> list[dict[str, float]]:
    return [{symbol: 0.99} for symbol in text]


def limit(cost: float) -> CostLimit:
    return CostLimit(
        limit=cost,
        entries=1,
        budget=1.0,
        expected_false_alerts=0.0,
        standard_error=0.0,
        folded_false_alerts=0.0,
        largest_false_alerts=0.0,
        sampled=1,
    )


@st.composite
def reads(draw: st.DrawFn) -> PlateQuery:
    """Reads with doubt: each place has one to three symbols (or none) in mind; the best reading need not lead."""
    count = draw(st.integers(4, 9))
    places = []
    plate = ""
    for _ in range(count):
        symbols = draw(st.lists(st.sampled_from([*SYMBOLS, ""]), min_size=1, max_size=3, unique=True))
        weights = [draw(st.floats(0.01, 1.0)) for _ in symbols]
        places.append({s: w / sum(weights) for s, w in zip(symbols, weights, strict=True)})
        plate += draw(st.sampled_from(symbols))
    return seen(plate or "A", *places)
