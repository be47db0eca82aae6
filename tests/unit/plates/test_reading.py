"""Each reason of the gates on a case made for it, and which region a picture takes its own from."""

import numpy as np
import pytest
from msgspec.structs import replace

from hub.messages import Box, Reason
from hub.plates.alphabet import INDEX
from hub.plates.gates import ORDER
from hub.plates.grammar import load_grammars
from hub.plates.lettering import is_lettering
from hub.plates.reading import judge, read_image
from hub.plates.settings import PlateSettings
from hub.testing.readers import ScriptedReader, evidence

SIZE = (480, 640)
SETTINGS = PlateSettings()
PLATE = "1234BCD"


@pytest.fixture(scope="module")
def book():
    return load_grammars()


def one(book, region, settings=SETTINGS):
    result = judge([region], SIZE, book, settings)
    assert result.reason is result.regions[0].reason
    return result.reason


class TestReasons:
    def test_a_plate_passes(self, book):
        assert one(book, evidence(PLATE)) is Reason.READ

    @pytest.mark.parametrize(
        "box",
        [
            (100, 100, 20, 24),  # narrower than high
            (10, 100, 600, 40),  # a banner
        ],
    )
    def test_wrong_shape(self, book, box):
        assert one(book, evidence(PLATE, box)) is Reason.WRONG_SHAPE

    def test_wrong_shape_where_it_stands_too_steep(self, book):
        region = replace(evidence(PLATE), corners=((100.0, 100.0), (160.0, 180.0), (144.0, 192.0), (84.0, 112.0)))
        assert one(book, region) is Reason.WRONG_SHAPE

    @pytest.mark.parametrize("y", [2, 465])
    def test_a_caption_at_the_rim_has_the_wrong_place(self, book, y):
        assert one(book, evidence(PLATE, (10, y, 60, 12))) is Reason.WRONG_SHAPE

    def test_too_small(self, book):
        assert one(book, evidence(PLATE, (100, 100, 30, 7))) is Reason.TOO_SMALL

    @pytest.mark.parametrize(
        "text", ["2031-05-14", "14.05.2031", "07:25:13", "314-845-5900", "376-8750", "www.example.com", "a@b.de"]
    )
    def test_dates_numbers_and_addresses_are_no_plates(self, book, text):
        region = replace(evidence(PLATE), text=text)
        assert one(book, region) is Reason.NOT_A_PLATE

    @pytest.mark.parametrize("text", ["C00D", "OOOO", "RENAULT", "TRAILBLAZER", "DAEW00", "1234567890123"])
    def test_badges_and_lettering_are_no_plates(self, book, text):
        assert one(book, evidence(text, (100, 100, 200, 30))) is Reason.NOT_A_PLATE

    def test_text_of_small_letters_is_no_plate(self, book):
        strange = evidence(PLATE)
        strange.slots[2:6] *= 0.1
        assert one(book, strange) is Reason.NOT_A_PLATE

    def test_what_is_hardly_text_is_no_plate(self, book):
        assert one(book, evidence(PLATE, score=0.2)) is Reason.NOT_A_PLATE

    def test_no_grammar(self, book):
        region = evidence("QZQ", (100, 100, 60, 24))
        assert one(book, region) is Reason.NO_GRAMMAR

    def test_blurred(self, book):
        assert one(book, evidence(PLATE, sharpness=0.01)) is Reason.BLURRED

    def test_low_character(self, book):
        region = evidence(PLATE)
        region.slots[5] = 0.0
        region.slots[5, [INDEX[symbol] for symbol in "CKP"]] = 0.32
        assert one(book, region) is Reason.LOW_CHARACTER

    def test_every_reason_of_a_region_has_a_rank(self):
        assert len(ORDER) == len(set(ORDER)) == 7


class TestPicture:
    def test_without_text(self, book):
        result = judge([], SIZE, book, SETTINGS)
        assert (result.regions, result.passed, result.reason) == ((), (), Reason.NO_TEXT)

    def test_takes_the_reason_of_the_region_that_came_furthest(self, book):
        far = evidence(PLATE, (100, 300, 96, 24), sharpness=0.01)
        result = judge([evidence(PLATE, (100, 100, 30, 7)), far], SIZE, book, SETTINGS)
        assert result.reason is Reason.BLURRED
        assert result.regions[0].evidence is far

    def test_puts_the_larger_plate_first(self, book):
        small, large = evidence(PLATE, (20, 100, 80, 20)), evidence("5678FGH", (300, 200, 160, 40))
        assert [r.readings[0].plate for r in judge([small, large], SIZE, book, SETTINGS).passed] == ["5678FGH", PLATE]

    def test_takes_back_what_stands_right_above_a_plate(self, book):
        plate = evidence(PLATE, (100, 200, 160, 40))
        above = evidence("5678FGH", (120, 170, 100, 20))
        result = judge([above, plate], SIZE, book, SETTINGS)
        assert [region.evidence for region in result.passed] == [plate]
        assert result.regions[1].reason is Reason.NOT_A_PLATE

    def test_believes_a_word_of_the_owners_choice_where_it_stands_alone(self, book):
        alone = replace(evidence("GWAKEN", (200, 200, 150, 34)), look=0.9)
        assert one(book, alone) is Reason.READ
        beside = judge([alone, evidence(PLATE, (100, 300, 150, 34))], SIZE, book, SETTINGS)
        assert [region.readings[0].plate for region in beside.passed] == [PLATE]

    @pytest.mark.parametrize("box", [(200, 200, 40, 9), (200, 200, 50, 12)])
    def test_but_not_a_small_one(self, book, box):
        assert one(book, replace(evidence("GWAKEN", box), look=0.9)) is Reason.NO_GRAMMAR

    def test_nor_one_of_two(self, book):
        words = [replace(evidence(word, (200, y, 150, 34)), look=0.9) for word, y in (("GWAKEN", 100), ("HLOKTY", 300))]
        assert judge(words, SIZE, book, SETTINGS).passed == ()

    def test_the_look_decides_where_the_text_leaves_it_open(self, book):
        weak = [replace(evidence("376875", (100, 100, 100, 24)), look=look) for look in (0.1, 0.9)]
        reasons = [one(book, region) for region in weak]
        assert ORDER.index(reasons[0]) <= ORDER.index(reasons[1])

    def test_reads_through_the_reader(self, book):
        result = read_image(ScriptedReader([[evidence(PLATE)]]), np.zeros((*SIZE, 3), np.uint8), book, SETTINGS)
        assert result.passed[0].readings[0].plate == PLATE
        assert result.passed[0].evidence.box == Box(100, 100, 96, 24)


class TestLettering:
    @pytest.mark.parametrize("text", ["TOYOTA", "t0yota", "SANDER0", "EXIT 79B", "Peugeot", "F150", "FI50", "Citroën"])
    def test_is_known(self, text):
        assert is_lettering([text])

    @pytest.mark.parametrize("text", ["1234 BCD", "RK-896AO", "BV 208 CD", "ABC1D23", "GWAKEN", "", "-"])
    def test_plates_are_not(self, text):
        assert not is_lettering([text])
