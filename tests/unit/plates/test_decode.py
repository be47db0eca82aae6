"""Decoding of confusion networks that are written by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.plates.alphabet import EMPTY, INDEX, SYMBOLS
from hub.plates.decode import MOST_ALIGNMENTS, MOST_SLOTS, decode, solve
from hub.plates.grammar import load_grammars
from hub.plates.settings import PlateSettings

SETTINGS = PlateSettings()


@pytest.fixture(scope="module")
def book():
    return load_grammars()


def network(*places: dict[str, float]) -> np.ndarray:
    """One dictionary a slot; "" is "no character here", what is missing to 1 is no symbol of plates."""
    slots = np.zeros((len(places), EMPTY + 1), np.float32)
    for row, place in zip(slots, places, strict=True):
        for symbol, probability in place.items():
            row[INDEX[symbol] if symbol else EMPTY] = probability
    return slots


def sure(text: str) -> list[dict[str, float]]:
    return [{symbol: 0.98} for symbol in text]


def breaks_before(count: int, *positions: int) -> np.ndarray:
    breaks = np.full(count, 0.02, np.float32)
    breaks[list(positions)] = 0.95
    return breaks


def read(book, places, *positions, lines=None):
    slots = network(*places)
    return solve(slots, lines or (len(slots),), breaks_before(len(slots), *positions), book, SETTINGS)


class TestGrammarSettles:
    @pytest.mark.parametrize(
        ("seen", "breaks", "plate"),
        [
            ("RK896A0", (2,), "RK896AO"),  # Slovakia ends in two letters
            ("LM298A1", (2,), "LM298AI"),
            ("PJ15396", (3,), "PJI5396"),  # Brazil begins with three
            ("12E4BCD", (4,), None),  # Spain begins with four digits, and E is no look-alike of one
        ],
    )
    def test_look_alikes(self, book, seen, breaks, plate):
        readings = read(book, sure(seen), *breaks).readings
        if plate is None:
            assert not readings or readings[0].plate != "1234BCD"
        else:
            assert readings[0].plate == plate

    def test_but_not_against_a_plain_picture(self, book):
        assert read(book, sure("1234BCD"), 4).readings[0].plate == "1234BCD"

    def test_between_what_the_reader_itself_doubts(self, book):
        places = [*sure("1234BC"), {"D": 0.6, "0": 0.35}]
        assert read(book, places, 4).readings[0].plate == "1234BCD"


class TestAlignment:
    def test_a_slot_that_is_mostly_empty_is_left_out(self, book):
        places = [*sure("1234"), {"1": 0.1, "": 0.9}, *sure("BCD")]
        assert read(book, places, 4).readings[0].plate == "1234BCD"

    def test_a_slot_that_is_mostly_empty_is_used_where_the_grammar_needs_it(self, book):
        places = [*sure("RK"), *sure("85"), {"7": 0.45, "": 0.55}, *sure("AL")]
        assert read(book, places, 2).readings[0].plate == "RK857AL"

    def test_an_emblem_apart_from_the_rest_is_left_out(self, book):
        places = [{"D": 0.3}, *sure("1234BCD")]
        assert read(book, places, 1, 5).readings[0].plate == "1234BCD"

    def test_two_lines_are_read_one_after_the_other(self, book):
        readings = read(book, sure("KHA4827"), lines=(3, 4)).readings
        assert readings[0].plate == "KHA4827"

    def test_separators_speak_for_the_pattern_that_has_them(self, book):
        apart = read(book, sure("RK857AI"), 2).readings
        assert "SK" in {fit.code for fit in apart[0].regions}


class TestConfidence:
    def test_adds_up_to_the_fit(self, book):
        solution = read(book, sure("1234BCD"), 4)
        assert 0.8 < sum(reading.confidence for reading in solution.readings) <= solution.fit + 1e-9 <= 1.0 + 1e-9

    def test_words_fit_badly(self, book):
        assert read(book, sure("RENAULT")).fit < 0.3 < read(book, sure("1234BCD"), 4).fit

    def test_model_names_fit_badly(self, book):
        assert read(book, sure("V6")).fit < 0.5

    def test_a_doubtful_character_is_less_probable_than_a_sure_one(self, book):
        places = [*sure("1234B"), {"C": 0.5, "G": 0.4}, *sure("D")]
        characters = read(book, places, 4).readings[0].characters
        assert characters[5].probability < 0.9 < characters[0].probability

    def test_is_ranked(self, book):
        readings = read(book, [*sure("1234B"), {"C": 0.5, "G": 0.4}, *sure("D")], 4).readings
        assert [reading.confidence for reading in readings] == sorted((r.confidence for r in readings), reverse=True)
        assert {reading.plate for reading in readings} >= {"1234BCD", "1234BGD"}
        assert len(readings) <= SETTINGS.alternatives


def _solve_with(most, slots, book):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hub.plates.decode.MOST_ALIGNMENTS", most)
        return solve(slots, (len(slots),), np.full(len(slots), 0.02, np.float32), book, SETTINGS)


class TestAnything:
    def test_what_is_lettering_beyond_doubt_has_no_readings(self, book):
        solution = read(book, sure("FRUTASDELSUR"))
        assert solution.readings == ()
        assert solution.fit == 0

    @settings(max_examples=25, deadline=None)
    @given(st.integers(0, 2**32 - 1))
    def test_what_is_left_out_could_not_have_changed_what_a_plate_says(self, book, seed):
        rng = np.random.default_rng(seed)
        (plate,) = book.sample(rng, 1)
        slots = network(*sure(plate))
        slots[:, :EMPTY] += rng.dirichlet(np.full(EMPTY, 0.1), len(slots)) * 0.02
        wide, narrow = (_solve_with(most, slots, book) for most in (10_000, MOST_ALIGNMENTS))
        assert [each.plate for each in wide.readings] == [each.plate for each in narrow.readings]
        assert wide.fit == pytest.approx(narrow.fit, abs=0.01)

    @pytest.mark.parametrize("count", [0, MOST_SLOTS + 1])
    def test_nothing_or_too_much_is_no_plate(self, book, count):
        slots = np.full((count, EMPTY + 1), 0.02, np.float32)
        assert solve(slots, (count,), np.zeros(count, np.float32), book, SETTINGS).readings == ()

    @settings(max_examples=25, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(1, 12))
    def test_every_reading_fits_a_grammar(self, book, seed, count):
        rng = np.random.default_rng(seed)
        slots = rng.dirichlet(np.full(EMPTY + 1, 0.05), count).astype(np.float32)
        breaks = rng.uniform(0, 1, count).astype(np.float32)
        readings = decode(slots, (count,), breaks, book, SETTINGS)
        for reading in readings:
            assert book.fits(reading.plate) == reading.regions != ()
            assert set(reading.plate) <= set(SYMBOLS)
            assert len(reading.characters) == len(reading.plate)
            assert 0 <= reading.confidence <= 1
            assert all(0 <= character.probability <= 1 for character in reading.characters)
        assert sum(reading.confidence for reading in readings) <= 1 + 1e-6
