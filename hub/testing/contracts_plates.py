"""What every plate reader is held to: inherit the class, give it a reader, and pytest runs the rest.

How well it reads is measured on photos (`hub.evaluation.plates`), not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest

from hub.plates.alphabet import SYMBOLS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hub.backends import PlateReader
    from hub.messages import PlateEvidence

    Image: TypeAlias = NDArray[np.uint8]


def pictures() -> dict[str, Image]:
    """Return pictures by name that a reader must survive: flat, noisy, striped, tiny, long, read-only, strided."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (240, 320, 3), dtype=np.uint8)
    stripes = np.zeros((240, 320, 3), np.uint8)
    stripes[:, ::6] = stripes[:, 1::6] = 255
    sealed = noise.copy()
    sealed.flags.writeable = False
    return {
        "black": np.zeros((240, 320, 3), np.uint8),
        "white": np.full((240, 320, 3), 255, np.uint8),
        "noise": noise,
        "stripes": stripes,
        "one pixel": np.zeros((1, 1, 3), np.uint8),
        "one row": np.zeros((1, 2000, 3), np.uint8),
        "one column": np.zeros((2000, 1, 3), np.uint8),
        "odd size": np.zeros((37, 53, 3), np.uint8),
        "read-only": sealed,
        "mirrored view": noise[:, ::-1],
        "every other pixel": noise[::2, ::2],
    }


def check_evidence(evidence: PlateEvidence, height: int, width: int) -> None:
    """Assert that one region's evidence has the form that `hub.messages.PlateEvidence` states.

    Args:
        evidence: What a reader gave.
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.
    """
    box, count = evidence.box, len(evidence.slots)
    assert box.w >= 1
    assert box.h >= 1
    assert box.x >= 0
    assert box.y >= 0
    assert box.x + box.w <= width
    assert box.y + box.h <= height
    assert len(evidence.corners) == 4
    assert np.isfinite(evidence.corners).all()
    assert evidence.slots.shape == (count, len(SYMBOLS) + 1)
    for array in (evidence.slots, evidence.breaks, evidence.centres):
        assert array.dtype == np.float32
        assert np.isfinite(array).all()
        assert (array >= -1e-6).all()
        assert (array <= 1 + 1e-4).all()
    assert (evidence.slots.sum(axis=1) <= 1 + 1e-4).all()
    assert evidence.breaks.shape == evidence.centres.shape == (count,)
    assert sum(evidence.lines) == count
    assert 0 <= evidence.score <= 1
    assert 0 <= evidence.sharpness <= 1


class PlateReaderContract:
    """Inherit as ``class TestMine(PlateReaderContract)`` and override `reader`."""

    @pytest.fixture
    def reader(self) -> PlateReader:
        """Return a reader that is open."""
        raise NotImplementedError("override the fixture `reader`")

    @pytest.mark.parametrize("name", sorted(pictures()))
    def test_keeps_to_the_form_on_any_picture(self, reader: PlateReader, name: str) -> None:
        """Whatever it is shown, what it says has the stated form and the picture stays as it was."""
        image = pictures()[name]
        before = image.copy()
        for evidence in reader.read(image):
            check_evidence(evidence, *image.shape[:2])
        assert np.array_equal(image, before)

    def test_is_repeatable(self, reader: PlateReader) -> None:
        """The same picture gives the same evidence, whatever was read between."""
        image = pictures()["noise"]
        first = reader.read(image)
        reader.read(pictures()["white"])
        second = reader.read(image)
        assert [(e.box, e.text) for e in first] == [(e.box, e.text) for e in second]
        for one, other in zip(first, second, strict=True):
            assert np.allclose(one.slots, other.slots, atol=1e-5)

    def test_keeps_nothing_of_a_picture(self, reader: PlateReader) -> None:
        """Evidence is not a view of the picture, which a later frame may overwrite."""
        image = pictures()["noise"].copy()
        evidence = reader.read(image)
        assert not any(np.shares_memory(each.slots, image) for each in evidence)

    def test_may_be_closed_twice(self, reader: PlateReader) -> None:
        """Closing again does nothing."""
        reader.close()
        reader.close()
