"""Keys find every entry that could count, and few others."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hub.errors import UsageError
from hub.messages import PlateQuery
from hub.plates.alignment import LONGEST, SHORTEST
from hub.plates.alphabet import SYMBOLS
from hub.plates.budget import surroundings
from hub.plates.grammar import load_grammars
from hub.plates.keys import MOST_VARIANTS, entry_keys, partial_keys, query_keys, supported_cost
from hub.plates.matching import match_plate
from hub.plates.partial import NEIGHBOURS, is_partial, runs

from .plates_kit import limit, reads, record, seen, typed

PLATES = st.text(SYMBOLS, min_size=SHORTEST, max_size=LONGEST)


@st.composite
def changed(draw: st.DrawFn, query: PlateQuery) -> str:
    """A plate near a read: a few of its places take what the reader had in mind, and one anything at all."""
    assert query.slots is not None
    symbols = []
    for row in query.slots:
        mind = [symbol for symbol, p in zip([*SYMBOLS, ""], row, strict=True) if p > 0]
        symbols.append(draw(st.sampled_from(mind)))
    place = draw(st.integers(0, len(symbols) - 1))
    symbols[place] = draw(st.sampled_from([symbols[place], "", *SYMBOLS]))
    return "".join(symbols)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_every_entry_within_the_supported_cost_shares_a_key_with_the_read(data: st.DataObject) -> None:
    query = data.draw(reads())
    entry = data.draw(changed(query))
    assume(match_plate(query, [record("1", entry)], limit(supported_cost(query))))
    assert entry_keys(entry) & set(query_keys(query))


@pytest.mark.slow
@given(st.data(), st.floats(0, 5.5))
@settings(max_examples=150, deadline=None)
def test_every_entry_within_a_list_s_limit_shares_one_of_fewer_keys(data: st.DataObject, within: float) -> None:
    query = data.draw(reads())
    entry = data.draw(changed(query))
    within = min(within, supported_cost(query))
    keys = query_keys(query, within)
    assert set(keys) <= set(query_keys(query))
    assume(match_plate(query, [record("1", entry)], limit(within)))
    assert entry_keys(entry) & set(keys)


def test_a_long_list_s_limit_asks_for_the_plate_alone() -> None:
    assert query_keys(typed("KE123AB"), 1.45) == query_keys(typed("KEI23A8"), 0.0) == query_keys(typed("KE123AB"))[:1]
    assert query_keys(typed("KE1*"), 0.0) == query_keys(typed("KE1*"))


@given(PLATES, st.data())
@settings(max_examples=100, deadline=None)
def test_every_plate_that_fits_a_partial_one_has_all_of_its_keys(plate: str, data: st.DataObject) -> None:
    partial = "".join(data.draw(st.sampled_from([symbol, symbol, symbol, "?", "*"])) for symbol in plate)
    assume(is_partial(partial) and max(map(len, runs(partial)), default=0) >= NEIGHBOURS)
    keys = partial_keys(partial)
    assert keys[:1] == query_keys(typed(partial))
    assert set(keys) <= entry_keys(plate)


@given(PLATES, st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_every_plate_around_a_typed_one_shares_a_key(plate: str, pick: int) -> None:
    keys = set(query_keys(typed(plate)))
    near = sorted(surroundings(plate))
    for entry in near[pick % len(near) :: 37]:
        assert match_plate(typed(plate), [record("1", entry)], limit(5.5))
        assert entry_keys(entry) & keys


@pytest.mark.parametrize("plate", ["A", "AB", "AB1", "A" * 13, "A" * 200])
def test_short_and_long_plates_are_found_exactly_and_folded(plate: str) -> None:
    assert entry_keys(plate) & set(query_keys(typed(plate)))
    assert entry_keys(plate.replace("1", "I")) & set(query_keys(typed(plate)))


def test_a_very_doubtful_read_asks_for_bounded_keys_and_says_how_far_they_go() -> None:
    anything = dict.fromkeys(SYMBOLS[:36], 1 / 36)
    query = seen("ABC1234", *[anything] * 7)
    assert len(query_keys(query)) <= MOST_VARIANTS * 8
    assert supported_cost(query) < 5.5


@pytest.mark.parametrize("plate", ["", "日本", "\x00"])
def test_nothing_to_look_for_gives_no_keys(plate: str) -> None:
    assert query_keys(typed(plate)) == ()
    assert entry_keys(plate) == frozenset()
    assert query_keys(PlateQuery(readings=(), slots=None)) == ()


def test_a_clear_read_asks_for_few_keys_and_they_are_selective() -> None:
    book = load_grammars()
    rng = np.random.default_rng(11)
    stored: dict[str, int] = {}
    for plate in book.sample(rng, 10_000):
        for key in entry_keys(plate):
            stored[key] = stored.get(key, 0) + 1
    queries = [typed(plate) for plate in book.sample(rng, 300)]
    assert max(len(query_keys(query)) for query in queries) <= 11
    found = [sum(stored.get(key, 0) for key in query_keys(query)) for query in queries]
    assert np.mean(found) < 1.0


@given(PLATES, st.data())
@settings(max_examples=100, deadline=None)
def test_a_partial_plate_finds_what_it_fits(plate: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(plate) - NEIGHBOURS))
    end = data.draw(st.integers(start + NEIGHBOURS, len(plate)))
    partial = "*" + plate[start:end] + "?" * (len(plate) - end)
    (key,) = query_keys(typed(partial))
    assert key in entry_keys(plate)
    assert match_plate(typed(partial), [record("1", plate)], limit(0.0))


def test_a_partial_plate_that_says_too_little_has_no_keys() -> None:
    with pytest.raises(UsageError, match="side by side"):
        query_keys(typed("AB*12"))
