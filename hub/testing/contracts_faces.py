"""What every face detector and face engine is held to: inherit the class, give it one, and pytest runs the rest.

Whether a detector finds faces well is measured on photos (`hub.evaluation`), not here; no face is drawn or shipped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest

from hub.backends import FaceRegion
from hub.errors import ModelError
from hub.messages import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hub.backends import FaceDetector, FaceEngine

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


def regions_anywhere() -> tuple[FaceRegion, ...]:
    """Return regions as a detector may give them, for a picture of 320 x 240: good, tiny, cut, outside, collapsed."""
    shape = ((0.23, 0.22), (0.75, 0.22), (0.49, 0.52), (0.25, 0.78), (0.73, 0.78))

    def region(x: float, y: float, side: float) -> FaceRegion:
        marks = tuple((x + u * side, y + v * side) for u, v in shape)
        return FaceRegion(box=Box(0, 0, 10, 10), score=0.5, landmarks=marks)

    return (region(60, 40, 120), region(9, 9, 5), region(-60, -20, 100), region(900, 900, 50), region(50, 50, 0))


class FaceEngineContract:
    """Inherit as ``class TestMine(FaceEngineContract)`` and override `engine`."""

    @pytest.fixture
    def engine(self) -> FaceEngine:
        """Return an engine that is open."""
        raise NotImplementedError("override the fixture `engine`")

    def test_says_what_it_is(self, engine: FaceEngine) -> None:
        """Lists name the model that embeds by its digest."""
        assert engine.name
        assert engine.size > 0
        assert len(engine.model) == 64
        assert set(engine.model) <= set("0123456789abcdef")

    @pytest.mark.parametrize("name", sorted(pictures_without_a_face()))
    def test_looks_at_any_picture(self, engine: FaceEngine, name: str) -> None:
        """Whatever it is shown, boxes lie in the picture, which stays as it was."""
        image = pictures_without_a_face()[name]
        before = image.copy()
        for region in engine.detect(image):
            assert 0 <= region.box.x < region.box.x + region.box.w <= image.shape[1]
            assert 0 <= region.box.y < region.box.y + region.box.h <= image.shape[0]
            assert len(region.landmarks) == 5
        assert np.array_equal(image, before)

    def test_embeddings_have_length_one(self, engine: FaceEngine) -> None:
        """Also where there is no face under the landmarks, and where they are nonsense."""
        image = pictures_without_a_face()["read-only"]
        regions = regions_anywhere()
        rows = engine.embed(image, regions)
        assert rows.dtype == np.float32
        assert rows.shape == (len(regions), engine.size)
        assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)

    def test_no_faces_give_no_rows(self, engine: FaceEngine) -> None:
        """An empty answer has the right form."""
        assert engine.embed(pictures_without_a_face()["noise"], ()).shape == (0, engine.size)

    def test_one_face_does_not_depend_on_the_others(self, engine: FaceEngine) -> None:
        """Alone or among others, the same face gives the same numbers."""
        image = pictures_without_a_face()["noise"]
        regions = regions_anywhere()
        together = engine.embed(image, regions)
        alone = np.concatenate([engine.embed(image, (region,)) for region in regions])
        assert np.allclose(together, alone, atol=1e-5)

    def test_may_be_closed_twice_and_then_says_so(self, engine: FaceEngine) -> None:
        """A closed engine raises the hub's error."""
        engine.close()
        engine.close()
        with pytest.raises(ModelError):
            engine.detect(pictures_without_a_face()["black"])
        with pytest.raises(ModelError):
            engine.embed(pictures_without_a_face()["black"], regions_anywhere())
