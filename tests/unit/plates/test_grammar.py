"""The table of plate grammars, row by row, and what is compiled from it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import ConfigError
from hub.plates.alphabet import SYMBOLS, normalise
from hub.plates.grammar import LATIN, VANITY_SHARE, GrammarBook, Row, load_grammars

BOOK = load_grammars()

TABLE = """
[ES]
name = "Spain"
source = "an act"
letters = "BCD"
plates = [
  { pattern = "00 LL", example = "12 BC", reject = "12 AB" },
  { pattern = "L{1,2}-9", share = 3, example = "B-1", reject = "B-0" },
]
"""


def table(tmp_path: Path, text: str = TABLE) -> Path:
    path = tmp_path / "grammars.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("row", BOOK.rows, ids=lambda row: f"{row.code} {row.pattern}")
def test_each_row_fits_its_example_and_not_its_reject(row: Row) -> None:
    assert any(pattern.accepts(normalise(row.example)) for pattern in row.patterns)
    assert not any(pattern.accepts(normalise(row.reject)) for pattern in row.patterns)
    assert len(row.source) > 3
    assert row.code in {fit.code for fit in BOOK.fits(normalise(row.example))}


def test_the_table_covers_the_jurisdictions_that_it_must() -> None:
    assert len(BOOK.codes) >= 45
    countries = {code[:2] for code in BOOK.codes}
    assert len(countries) >= 60
    assert len([code for code in BOOK.codes if code.startswith("US-")]) == 51


@pytest.mark.parametrize(
    ("plate", "code"),
    [
        ("1234 BCD", "ES"),
        ("M-1234-AB", "ES"),
        ("TÖL-A 1", "DE"),
        ("HH-E 123E", "DE"),
        ("B-OT 100H", "DE"),
        ("AB12 CDE", "GB"),
        ("A123 ABC", "GB"),
        ("ABC 123A", "GB"),
        ("ABC-1234", "BR"),
        ("ABC1D23", "BR"),
        ("RK 896AO", "SK"),
        ("4B3 9376", "CZ"),
        ("WA 56660", "PL"),
        ("7CID930", "US-CA"),
        ("MJ3 R1V", "US-MO"),
        ("R10 7555", "US-IL"),
        ("ČK 123-AB", "HR"),
        ("АА 1234 ВС", "UA"),
    ],
)
def test_known_kinds_of_plates_fit(plate: str, code: str) -> None:
    assert code in {fit.code for fit in BOOK.fits(normalise(plate))}


@pytest.mark.parametrize("text", ["", "?", "C00D1C00D1C0", "A" * 200, "ß", "\x00", "🚗🚗🚗🚗"])
def test_hostile_text_fits_nothing_and_raises_nothing(text: str) -> None:
    assert BOOK.fits(text) == ()
    assert BOOK.probability(text) == 0.0


def test_vanity_is_computed_from_what_a_row_accepts() -> None:
    for row in BOOK.rows:
        for length in {pattern.length for pattern in row.patterns}:
            here = [pattern for pattern in row.patterns if pattern.length == length]
            share = sum(pattern.size for pattern in here) / 36.0**length
            assert {pattern.vanity for pattern in here} == {share > VANITY_SHARE}


def test_size_counts_the_strings_that_fit(tmp_path: Path) -> None:
    book = load_grammars(table(tmp_path))
    symbols = "0123456789ABCDEF"
    for pattern in book.patterns:
        if pattern.length == 2:
            assert pattern.size == sum(pattern.accepts(a + b) for a in symbols for b in symbols)


def test_a_vanity_row_weighs_less_than_a_narrow_one() -> None:
    narrow = next(p for p in BOOK.patterns if p.code == "CA-ON" and p.notation == "LLLL 000")
    vanity = [p for p in BOOK.patterns if p.code == "CA-ON" and p.vanity]
    assert sum(p.prior for p in vanity) < narrow.prior / 20


def test_priors_add_up_and_home_raises_its_own() -> None:
    assert sum(pattern.prior for pattern in BOOK.patterns) == pytest.approx(1)
    at_home = load_grammars(home=("US",), home_weight=50)
    before = next(fit for fit in BOOK.fits("ABC1234") if fit.code == "US-NC").probability
    after = next(fit for fit in at_home.fits("ABC1234") if fit.code == "US-NC").probability
    assert after > before
    assert {fit.code for fit in at_home.fits("ABC1234")} == {fit.code for fit in BOOK.fits("ABC1234")}


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_every_drawn_plate_fits_and_its_regions_add_up(seed: int) -> None:
    for plate in BOOK.sample(np.random.default_rng(seed), 50):
        fits = BOOK.fits(plate)
        assert sum(fit.probability for fit in fits) == pytest.approx(1)
        assert BOOK.probability(plate) > 0


@given(st.text(SYMBOLS + "?", min_size=1, max_size=10))
@settings(max_examples=200, deadline=None)
def test_the_compiled_answer_equals_asking_each_pattern(plate: str) -> None:
    assert set(map(id, BOOK.matching(plate))) == {id(p) for p in BOOK.patterns if p.accepts(plate)}


def test_a_sample_repeats_with_its_seed() -> None:
    assert BOOK.sample(np.random.default_rng(7), 20) == BOOK.sample(np.random.default_rng(7), 20)
    assert BOOK.sample(np.random.default_rng(7), 0) == []


def test_masks_and_breaks_describe_the_classes() -> None:
    pattern = next(p for p in BOOK.patterns if p.code == "ES" and p.notation == "0000 LLL")
    assert pattern.mask.shape == (7, len(SYMBOLS))
    assert not pattern.mask.flags.writeable
    assert pattern.mask[0].sum() == 10
    assert pattern.breaks == (4,)
    assert "A" not in pattern.classes[4]
    assert set(pattern.classes[4]) <= set(LATIN)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('example = "12 BC"', 'example = "12 AB"', ["ES", "row 1", "line 7", "12 AB"]),
        ('reject = "B-0"', 'reject = "C-1"', ["ES", "row 2", "line 8", "must not fit"]),
        ('"00 LL"', '"00 LQ"', ["row 1", "line 7", "cannot read the pattern"]),
        ('"00 LL"', '"<area> LL"', ["row 1", "sets.area"]),
        ('"00 LL"', '"0{1,99}"', ["row 1", "repetition"]),
        ("share = 3", "share = 0", ["row 2", "line 8", "share"]),
        ("share = 3", "shares = 3", ["line 8", "shares"]),
        ("[ES]", "[SPAIN]", ["line 2", "ISO 3166"]),
        ('letters = "BCD"', 'letters = "bcd"', ["line 2", "letters"]),
        ('name = "Spain"', "", ["line 2", "name"]),
        ("plates = [", "plates = [[", ["grammars.toml"]),
    ],
)
def test_a_wrong_table_is_refused_by_row_and_line(tmp_path: Path, before: str, after: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_grammars(table(tmp_path, TABLE.replace(before, after)))
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_an_empty_or_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no jurisdiction"):
        load_grammars(table(tmp_path, ""))
    with pytest.raises(ConfigError, match="nowhere"):
        load_grammars(tmp_path / "nowhere.toml")


@pytest.mark.parametrize("home", ["XX", "es", "Spain", "US-XX", ""])
def test_a_home_that_the_table_does_not_have_is_refused(home: str) -> None:
    with pytest.raises(ConfigError, match="home"):
        load_grammars(home=(home,))


def test_a_book_of_few_rows_answers_for_its_lengths_only(tmp_path: Path) -> None:
    book = load_grammars(table(tmp_path))
    assert isinstance(book, GrammarBook)
    assert book.of_length(9) == ()
    assert {pattern.length for pattern in book.patterns} == {2, 3, 4}
