"""What every face detector is held to: inherit the class, give it a detector, and pytest runs the rest.

Whether a detector finds faces well is measured on photos (`hub.evaluation`), not here; no face is drawn or shipped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest

from hub.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hub.backends import FaceDetector

    Image: TypeAlias = NDArray[np.uint8]


def pictures_without_a_face() -> dict[str, Image]:
    """Return pictures by name that a detector must survive: flat, noisy, tiny, long, large, read-only, strided."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (240, 320, 3), dtype=np.uint8)
    stripes = np.zeros((240, 320, 3), np.uint8)
    stripes[::2] = 255
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


class FaceDetectorContract:
    """Inherit as ``class TestMine(FaceDetectorContract)`` and override `detector`."""

    @pytest.fixture
    def detector(self) -> FaceDetector:
        """Return a detector that is open."""
        raise NotImplementedError("override the fixture `detector`")

    @pytest.mark.parametrize("name", sorted(pictures_without_a_face()))
    def test_keeps_to_the_form_on_any_picture(self, detector: FaceDetector, name: str) -> None:
        """Whatever it is shown, what it says has the stated form and the picture stays as it was."""
        image = pictures_without_a_face()[name]
        before = image.copy()
        height, width = image.shape[:2]
        for region in detector.detect(image, threshold=0.05):
            box = region.box
            assert box.x >= 0
            assert box.y >= 0
            assert box.w >= 1
            assert box.h >= 1
            assert box.x + box.w <= width
            assert box.y + box.h <= height
            assert 0.05 <= region.score <= 1
            assert len(region.landmarks) == 5
            assert np.isfinite(region.landmarks).all()
        assert np.array_equal(image, before)

    @pytest.mark.parametrize("name", ["black", "white", "stripes", "one pixel", "one row", "one column"])
    def test_finds_nothing_where_nothing_is(self, detector: FaceDetector, name: str) -> None:
        """Plain pictures hold no face."""
        assert not list(detector.detect(pictures_without_a_face()[name]))

    def test_is_repeatable(self, detector: FaceDetector) -> None:
        """The same picture gives the same answer."""
        image = pictures_without_a_face()["noise"]
        assert list(detector.detect(image, threshold=0.05)) == list(detector.detect(image, threshold=0.05))

    def test_a_higher_threshold_finds_no_more(self, detector: FaceDetector) -> None:
        """Every face over a high threshold is over a low one too."""
        image = pictures_without_a_face()["noise"]
        assert len(detector.detect(image, threshold=0.5)) <= len(detector.detect(image, threshold=0.05))

    def test_may_be_closed_twice_and_then_says_so(self, detector: FaceDetector) -> None:
        """A closed detector raises the hub's error."""
        detector.close()
        detector.close()
        with pytest.raises(ModelError):
            detector.detect(pictures_without_a_face()["black"])
