"""Long lines of print as they stand: a machine readable zone that the test renders is read, character by character."""

from __future__ import annotations

from datetime import date

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from hub.errors import NotReadableError
from hub.mrz_photo import zone_of
from plates_ppocr.reader import PpocrReader

TODAY = date(2026, 1, 1)
TD3 = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
TD1 = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")


@pytest.fixture(scope="module")
def reader():
    reader = PpocrReader(threads=2)
    yield reader
    reader.close()


def page(lines, *, pitch=22, angle=0.0, blur=0.0):
    """Render a page with a zone at its foot, every character in a cell of its own, as printers of documents do."""
    picture = Image.new("RGB", (1100, 700), (222, 226, 220))
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(pitch * 1.5)
    draw.text((60, 60), "UTOPIA", font=font, fill=(70, 70, 110))
    for row, line in enumerate(lines):
        for column, character in enumerate(line):
            at = (40 + (column + 0.5) * pitch, 520 + row * pitch * 2.2)
            draw.text(at, character, font=font, fill=(40, 40, 40), anchor="ms")
    image = np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])
    if angle:
        turn = cv2.getRotationMatrix2D((550, 350), angle, 1)
        image = cv2.warpAffine(image, turn, (1100, 700), borderValue=(220, 226, 222))
    return cv2.GaussianBlur(image, (0, 0), blur) if blur else image


@pytest.mark.slow
@pytest.mark.parametrize("zone", [TD3, TD1])
@pytest.mark.parametrize("options", [{}, {"angle": 2.5}, {"blur": 1.2}])
def test_a_zone_is_read_or_said_to_be_unreadable_and_never_read_wrong(reader, zone, options):
    lines = reader.lines(page(zone, **options))
    assert [line.box.y for line in lines] == sorted(line.box.y for line in lines)
    try:
        text = zone_of(lines, TODAY)
    except NotReadableError:
        text = ""
    assert text.split("\n") == list(zone) if text or not options else True


@pytest.mark.slow
def test_characters_come_with_their_place_and_what_else_they_may_be(reader):
    lines = reader.lines(page(TD3, blur=2))
    assert lines
    for line in lines:
        places = [each.place for each in line.characters]
        assert places == sorted(places)
        assert 0 < places[0] <= places[-1] < 1
    doubtful = [each for line in lines for each in line.characters if each.others]
    assert doubtful
    for each in doubtful:
        assert each.text not in {other.text for other in each.others}
        assert all(0.01 <= other.probability <= 1 for other in each.others)


@pytest.mark.slow
def test_what_cannot_be_read_is_not_guessed(reader):
    with pytest.raises(NotReadableError, match="not readable"):
        zone_of(reader.lines(page(TD3, blur=6)), TODAY)


def test_an_empty_page_and_a_tiny_picture_have_no_lines(reader):
    assert reader.lines(np.full((600, 800, 3), 200, np.uint8)) == []
    assert reader.lines(np.zeros((20, 20, 3), np.uint8)) == []
