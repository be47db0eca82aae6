"""The hot-list match: what counts, at what cost, and what is said about it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import UsageError
from hub.messages import HitKind, PlateQuery
from hub.plates.alignment import align, read_costs
from hub.plates.alphabet import SYMBOLS
from hub.plates.confusion import ALIKE, FOLDED, GAP, LARGEST, OTHER
from hub.plates.matching import SAME_COST, match_plate

from .plates_kit import limit, reading, reads, record, seen, sure, typed

PLATES = st.text(SYMBOLS, min_size=1, max_size=12)
ALL = limit(LARGEST)


def test_an_exact_hit_costs_nothing_and_counts_under_any_limit() -> None:
    (hit,) = match_plate(typed("RK896AO", "SK"), [record("7", "rk-896 ao", "SK")], limit(0.0))
    assert (hit.kind, hit.cost, hit.limit, hit.ambiguous) == (HitKind.EXACT, 0.0, 0.0, False)
    assert hit.region_agrees is True
    assert hit.why == "All 7 characters are as listed; the plate has the form of SK."
    assert [(c.read, c.entry, c.cost) for c in hit.aligned] == [(c, c, 0.0) for c in "RK896AO"]


@pytest.mark.parametrize(
    ("entry", "kind", "cost"),
    [
        ("RK896A0", HitKind.FOLDED, FOLDED),
        ("RK895AO", HitKind.FUZZY, ALIKE),
        ("RK89AO", HitKind.FUZZY, GAP),
        ("RKX896AO", HitKind.FUZZY, GAP),
        ("RT896AO", HitKind.FUZZY, OTHER),
        ("RK895A0", HitKind.FUZZY, ALIKE + FOLDED),
    ],
)
def test_each_kind_of_difference_has_its_cost(entry: str, kind: HitKind, cost: float) -> None:
    (hit,) = match_plate(typed("RK896AO"), [record("1", entry)], ALL)
    assert (hit.kind, hit.cost) == (kind, cost)
    assert sum(column.cost for column in hit.aligned) == pytest.approx(cost)
    assert "".join(column.read for column in hit.aligned) == "RK896AO"
    assert "".join(column.entry for column in hit.aligned) == entry
    assert match_plate(typed("RK896AO"), [record("1", entry)], limit(cost - 0.01)) == ()


def test_doubt_makes_what_the_reader_had_in_mind_cheaper_and_nothing_else() -> None:
    query = seen("RK896AO", *sure("RK89"), {"6": 0.6, "5": 0.39}, *sure("AO"))
    in_mind, other = match_plate(query, [record("1", "RK895AO"), record("2", "RK898AO")], ALL)
    assert (in_mind.record.entry, other.record.entry) == ("1", "2")
    assert in_mind.cost == pytest.approx(ALIKE / 2)
    assert other.cost == pytest.approx(ALIKE)
    assert in_mind.aligned[4].probability == pytest.approx(0.39)
    assert "place 5 reads 6, the entry has 5 (5 was given 0.39)" in in_mind.why


def test_the_best_reading_is_exact_even_where_the_evidence_leans_elsewhere() -> None:
    query = seen("RK896AO", *sure("RK896A"), {"0": 0.7, "O": 0.3})
    exact, folded = match_plate(query, [record("1", "RK896A0"), record("2", "RK896AO")], ALL)
    assert (exact.kind, exact.record.entry, exact.cost) == (HitKind.EXACT, "2", 0.0)
    assert (folded.kind, folded.cost) == (HitKind.FOLDED, FOLDED / 2)
    assert not exact.ambiguous
    assert exact.competing == ("1",)


def test_a_slot_that_may_be_empty_makes_a_missing_character_cheaper() -> None:
    query = seen("AB1234", *sure("AB12"), {"3": 0.6, "": 0.4}, *sure("4"))
    (hit,) = match_plate(query, [record("1", "AB124")], ALL)
    assert hit.cost == pytest.approx(GAP / 2)
    assert "place 5 reads 3, the entry has nothing there" in hit.why


def test_the_best_reading_may_leave_slots_out_and_add_characters() -> None:
    query = seen("AB1234", *sure("AB"), {"": 0.9, "I": 0.1}, *sure("124"))
    (hit,) = match_plate(query, [record("1", "AB1234")], limit(0.0))
    assert hit.kind is HitKind.EXACT
    assert "".join(column.read for column in hit.aligned) == "AB1234"


def test_two_at_one_cost_are_ambiguous_and_say_so() -> None:
    records = [record("a", "RK895AO"), record("b", "RK898AO"), record("c", "RK896A0")]
    cheapest, *equal = match_plate(typed("RK896AO"), records, ALL)
    assert (cheapest.record.entry, cheapest.ambiguous) == ("c", False)
    assert [hit.ambiguous for hit in equal] == [True, True]
    assert "ambiguous: it agrees no better than b" in equal[0].why
    assert equal[1].competing == ("c", "a")


def test_one_plate_listed_twice_is_not_ambiguous_unless_the_regions_differ() -> None:
    twice = [record("stolen", "ABC123", "SE"), record("wanted", "ABC123", "SE")]
    assert [hit.ambiguous for hit in match_plate(typed("ABC123"), twice, ALL)] == [False, False]
    regions = [record("stolen", "ABC123", "SE"), record("wanted", "ABC123", "LT")]
    assert [hit.ambiguous for hit in match_plate(typed("ABC123"), regions, ALL)] == [True, True]


@pytest.mark.parametrize(
    ("entry", "fits", "agrees"),
    [
        ("SK", ("SK", "CZ"), True),
        ("sk", ("SK",), True),
        ("US", ("US-CA",), True),
        ("US-CA", ("US",), True),
        ("US-NY", ("US-CA",), False),
        ("DE", ("SK",), False),
        ("", ("SK",), None),
        ("DE", (), None),
    ],
)
def test_regions_agree_by_country_or_subdivision(entry: str, fits: tuple[str, ...], agrees: bool | None) -> None:
    (hit,) = match_plate(typed("ABC123", *fits), [record("1", "ABC123", entry)], ALL)
    assert hit.region_agrees is agrees


def test_partial_plates_match_where_they_are_known() -> None:
    records = [record("1", "RK896AO"), record("2", "RK894AO"), record("3", "RK896A0"), record("4", "BA302OZ")]
    hits = match_plate(typed("RK89?A*"), records, limit(0.0))
    assert [hit.record.entry for hit in hits] == ["1", "2", "3"]
    assert all(hit.kind is HitKind.PARTIAL and hit.ambiguous for hit in hits)
    assert hits[0].why.startswith("Agrees in the 5 characters that are known, 2 unknown; ambiguous")
    (exact, folded) = match_plate(typed("*896?O"), records, limit(FOLDED))
    assert (exact.cost, folded.cost) == (0.0, FOLDED)
    assert "place 7 reads O, the entry has 0" in folded.why


@pytest.mark.parametrize("plate", ["?", "*", "AB?", "A?B?C?D", "**AB**", "AB*CD"])
def test_partial_plates_that_say_too_little_are_refused_with_advice(plate: str) -> None:
    with pytest.raises(UsageError, match="give at least 3 side by side"):
        match_plate(typed(plate), [], ALL)


@pytest.mark.parametrize("plate", ["", " ", "-", "日本", "\x1b[31m", "A" * 200, "*" * 100 + "ABC" + "*" * 100])
def test_hostile_plates_match_nothing_and_raise_nothing(plate: str) -> None:
    assert match_plate(typed(plate), [record("1", "RK896AO"), record("2", ""), record("3", "AB?123")], ALL) == ()


def test_hostile_entries_are_passed_over_or_compared_exactly() -> None:
    records = [record("1", "A" * 200), record("2", "?" * 7), record("3", "🚗"), record("4", "")]
    assert match_plate(typed("RK896AO"), records, ALL) == ()
    (hit,) = match_plate(typed("A" * 200), records, ALL)
    assert hit.kind is HitKind.EXACT
    assert match_plate(PlateQuery(readings=(), slots=None), records, ALL) == ()


def test_short_plates_are_compared_exactly_or_folded_only() -> None:
    records = [record("1", "AB1"), record("2", "ABI"), record("3", "AB7")]
    assert [hit.record.entry for hit in match_plate(typed("AB1"), records, ALL)] == ["1", "2"]


def test_several_typed_readings_share_the_evidence() -> None:
    query = PlateQuery(readings=(reading("AB123", 0.6), reading("AB128", 0.4), reading("XAB123", 0.1)), slots=None)
    (hit,) = match_plate(query, [record("1", "AB128")], ALL)
    assert hit.cost == pytest.approx(ALIKE / 2)


@given(PLATES)
@settings(deadline=None)
def test_any_plate_is_exact_to_itself(plate: str) -> None:
    (hit,) = match_plate(typed(plate), [record("1", plate)], limit(0.0))
    assert (hit.kind, hit.cost) == (HitKind.EXACT, 0.0)


@given(PLATES, PLATES)
@settings(deadline=None)
def test_typed_plates_cost_the_same_both_ways(a: str, b: str) -> None:
    there = align(read_costs(typed(a)), b, 1e9)
    back = align(read_costs(typed(b)), a, 1e9)
    assert there is not None
    assert back is not None
    assert there[0] == pytest.approx(back[0])
    assert sum(column.cost for column in there[1]) == pytest.approx(there[0])


@given(reads(), PLATES)
@settings(deadline=None)
def test_doubt_lowers_a_cost_to_half_at_most(query: PlateQuery, entry: str) -> None:
    doubtful = align(read_costs(query), entry, 1e9)
    certain = align(read_costs(typed(query.readings[0].plate)), entry, 1e9)
    assert doubtful is not None
    assert certain is not None
    assert certain[0] / 2 - 1e-9 <= doubtful[0] <= certain[0] + 1e-9


@given(reads(), st.lists(PLATES, max_size=6))
@settings(deadline=None)
def test_ambiguity_is_mutual_and_the_order_is_by_cost(query: PlateQuery, plates: list[str]) -> None:
    hits = match_plate(query, [record(f"{n}", plate) for n, plate in enumerate(plates)], ALL)
    assert [hit.cost for hit in hits] == sorted(hit.cost for hit in hits)
    for a in hits:
        twins = [
            b for b in hits if b.record.get("plate") != a.record.get("plate") and abs(a.cost - b.cost) <= SAME_COST
        ]
        assert a.ambiguous == bool(twins)
        assert len(a.competing) == len(hits) - 1


@given(reads(), st.lists(PLATES, max_size=6), st.integers(0, 5))
@settings(deadline=None)
def test_the_order_of_records_changes_nothing(query: PlateQuery, plates: list[str], turn: int) -> None:
    records = [record(f"{n}", plate) for n, plate in enumerate(plates)]
    assert match_plate(query, records, ALL) == match_plate(query, records[turn:] + records[:turn], ALL)
