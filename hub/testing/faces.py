"""Faces for tests that need none: pictures of noise, an engine that finds in them what was put there, a calibration.

No picture shows anybody. The engine keeps the contract of `hub.testing.contracts_faces`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from hub.backends import Embeddings, FaceEngine, FaceRegion, Image
from hub.calibration import Calibration
from hub.errors import ModelError
from hub.messages import Box
from hub.vision.face_quality import FACE

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL: Final = "f" * 64
"""Digest of a model that is none."""
_MARK: Final = (7, 77, 177)
"""Pixel at the top left of pictures that `face_picture` made."""
_LEFT, _TOP, _SIDE = 60, 50, 120


def face_picture(person: int, *, faces: int = 1, shot: int = 0, dark: bool = False) -> Image:
    """Make a picture on which `ScriptedEngine` finds faces.

    Args:
        person: 0 to 180; two are as alike as the cosine of their difference in degrees.
        faces: How many faces there are.
        shot: Tells pictures of one person apart.
        dark: Whether the picture is far below the quality floor.
    """
    noise = np.random.default_rng((person, faces, shot)).integers(0, 256, (220, 240, 3), dtype=np.uint8)
    if dark:
        noise //= 64
    noise[0, 0] = _MARK
    noise[0, 1] = (person, faces, shot)
    return noise


class ScriptedEngine(FaceEngine):
    """Finds in a picture of `face_picture` what was put there, and in any other none.

    Attributes:
        compared: How many faces were embedded.
        before: Called before each face is embedded; what it raises, the engine raises.
    """

    name: ClassVar[str] = "scripted"
    size: ClassVar[int] = 2
    model = MODEL

    def __init__(self) -> None:
        self.compared = 0
        self.before: Callable[[], None] = lambda: None
        self._closed = False

    def detect(self, image: Image) -> Sequence[FaceRegion]:
        """Find what was put there."""
        if self._closed:
            raise ModelError("the scripted engine is closed")
        if min(image.shape[:2]) < 2 or tuple(image[0, 0]) != _MARK:
            return ()
        marks = tuple((float(_LEFT + x * _SIDE), float(_TOP + y * _SIDE)) for x, y in FACE)
        face = FaceRegion(Box(_LEFT, _TOP, _SIDE, _SIDE), 0.9, marks)
        return (face,) * int(image[0, 1, 1])

    def embed(self, image: Image, faces: Sequence[FaceRegion]) -> Embeddings:
        """Return the person as a direction."""
        if self._closed:
            raise ModelError("the scripted engine is closed")
        angle = math.radians(float(image[0, 1, 0])) if len(faces) else 0.0
        for _ in faces:
            self.before()
            self.compared += 1
        return np.tile(np.array([math.cos(angle), math.sin(angle)], np.float32), (len(faces), 1))

    def close(self) -> None:
        """Refuse further calls."""
        self._closed = True


def calibration(model: str = MODEL) -> Calibration:
    """Return a calibration under which 0.905 and more is a candidate, and less than 0.505 different.

    Of 20,000 pairs of different people 10 are from 0.95 on, 190 from 0.9 to 0.95, and the others from 0.5 to 0.9.
    """
    different, same = [0] * 100, [0] * 100
    different[0], different[80], different[90] = 19_800, 190, 10
    same[50], same[95] = 10, 90
    return Calibration(
        model=model,
        set="Nobody at all",
        digest="0" * 64,
        people=200,
        pictures=201,
        left_out=0,
        low=0.5,
        width=0.005,
        different=tuple(different),
        same=tuple(same),
        not_measured=("by group",),
    )
