"""What every plate reader is held to: inherit the class, give it a reader, and pytest runs the rest.

Whether a reader reads well is measured on photos (`hub.evaluation.plates`), not here.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest

from hub.backends import PlateReader
from hub.messages import Box, PlateEvidence
from hub.plates.alphabet import EMPTY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]


def hostile_pictures() -> dict[str, Image]:
    """Return pictures by name that a reader must survive: flat, noisy, tiny, long, large, read-only, strided."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (240, 320, 3), dtype=np.uint8)
    stripes = np.zeros((240, 320, 3), np.uint8)
    stripes[:, ::4] = 255
    sealed = noise.copy()
    sealed.flags.writeable = False
    return {
        "black": np.zeros((240, 320, 3), np.uint8),
        "white": np.full((240, 320, 3), 255, np.uint8),
        "noise": noise,
        "stripes": stripes,
        "one pixel": np.zeros((1, 1, 3), np.uint8),
        "one row": np.zeros((1, 4000, 3), np.uint8),
        "one column": np.zeros((4000, 1, 3), np.uint8),
        "odd size": np.zeros((37, 53, 3), np.uint8),
        "read-only": sealed,
        "mirrored view": noise[:, ::-1],
        "every other pixel": noise[::2, ::2],
    }


def check_evidence(evidence: PlateEvidence, image: Image) -> None:
    """Fail where evidence has not the form that `PlateEvidence` states."""
    height, width = image.shape[:2]
    box, slots = evidence.box, evidence.slots
    assert min(box.x, box.y) >= 0, "the box begins outside of the picture"
    assert min(box.w, box.h) >= 1, "the box has no area"
    assert box.x + box.w <= width, "the box leaves the picture at its right"
    assert box.y + box.h <= height, "the box leaves the picture below"
    assert len(evidence.corners) == 4, "a region has four corners"
    assert np.isfinite(evidence.corners).all(), "corners are finite"
    assert slots.dtype == np.float32, "slots are float32"
    assert slots.shape == (len(slots), EMPTY + 1), "slots are [n, len(SYMBOLS) + 1]"
    assert np.isfinite(slots).all(), "probabilities are finite"
    assert (slots >= 0).all(), "probabilities are not negative"
    assert (slots.sum(axis=1) <= 1.001).all(), "a slot's probabilities add up to at most 1"
    assert sum(evidence.lines) == len(slots), "the lines add up to the slots"
    for name in ("breaks", "centres"):
        values = getattr(evidence, name)
        assert values.dtype == np.float32, f"{name} are float32"
        assert values.shape == (len(slots),), f"{name} are one for each slot"
        assert ((values >= 0) & (values <= 1)).all(), f"{name} lie between 0 and 1"
    for name in ("score", "sharpness", "look"):
        assert 0 <= getattr(evidence, name) <= 1, f"{name} lies between 0 and 1"


class PlateReaderContract:
    """Inherit as ``class TestMine(PlateReaderContract)`` and override `reader` and `example`."""

    @pytest.fixture
    def reader(self) -> PlateReader:
        """Return a reader that is open."""
        raise NotImplementedError("override the fixture `reader`")

    @pytest.fixture
    def example(self) -> Image:
        """Return a picture in which the reader sees at least one region."""
        raise NotImplementedError("override the fixture `example`")

    def test_has_a_short_name(self, reader: PlateReader) -> None:
        """The name is what configuration and screens say."""
        assert reader.name == reader.name.lower().strip()
        assert 0 < len(reader.name) <= 40

    def test_says_what_it_sees_in_the_stated_form(self, reader: PlateReader, example: Image) -> None:
        """A region is found, and what is said of it has the stated form."""
        found = list(reader.read(example))
        assert found, "nothing was seen in the example"
        for evidence in found:
            check_evidence(evidence, example)

    def test_says_the_same_twice(self, reader: PlateReader, example: Image) -> None:
        """Nothing of one picture is left in the answer to the next."""
        first = list(reader.read(example))
        reader.read(np.zeros_like(example))
        second = list(reader.read(example))
        assert [each.box for each in first] == [each.box for each in second]
        for one, other in zip(first, second, strict=True):
            np.testing.assert_allclose(one.slots, other.slots, atol=1e-4)

    def test_keeps_nothing_of_the_picture(self, reader: PlateReader, example: Image) -> None:
        """The picture is not changed, and the evidence does not change with it afterwards."""
        image = example.copy()
        found = list(reader.read(image))
        np.testing.assert_array_equal(image, example)
        slots = [each.slots.copy() for each in found]
        image[...] = 0
        for each, kept in zip(found, slots, strict=True):
            np.testing.assert_array_equal(each.slots, kept)

    @pytest.mark.parametrize("name", sorted(hostile_pictures()))
    def test_survives_any_picture(self, reader: PlateReader, name: str) -> None:
        """Whatever it is shown, it answers in the stated form and leaves the picture alone."""
        image = hostile_pictures()[name]
        before = image.copy()
        for evidence in reader.read(image):
            check_evidence(evidence, image)
        np.testing.assert_array_equal(image, before)

    def test_reads_in_another_thread(self, reader: PlateReader, example: Image) -> None:
        """The host calls from worker threads, not always the same."""
        boxes: list[Box] = []
        thread = threading.Thread(target=lambda: boxes.extend(each.box for each in reader.read(example)))
        thread.start()
        thread.join()
        assert boxes == [each.box for each in reader.read(example)]

    def test_reads_as_many_at_once_as_it_says(self, reader: PlateReader, example: Image) -> None:
        """Calls at the same time see what they would have seen alone."""
        assert reader.at_once >= 1
        pictures = [example, np.ascontiguousarray(example[:, ::-1])] * reader.at_once
        alone = [list(reader.read(picture)) for picture in pictures]
        with ThreadPoolExecutor(reader.at_once) as threads:
            together = [list(found) for found in threads.map(reader.read, pictures)]
        for one, other in zip(alone, together, strict=True):
            assert [each.box for each in one] == [each.box for each in other]
            for first, second in zip(one, other, strict=True):
                np.testing.assert_allclose(first.slots, second.slots, atol=1e-4)

    def test_may_be_closed_twice(self, reader: PlateReader) -> None:
        """Closing is safe to repeat."""
        reader.close()
        reader.close()
