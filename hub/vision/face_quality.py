"""How good a picture of a face is, and the floor under which it is compared with nothing (charter C10).

Pure functions on arrays. The hub measures quality itself, so that no engine can lower the floor. What is measured is
the picture and how the face is held, never what kind of person it shows.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias

import cv2
import numpy as np
from msgspec import Struct

from hub.backends import FaceRegion
from hub.vision.alignment import align, similarity
from hub.vision.quality import contrast, sharpness

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]

FACE: Final = np.array([(0.2255, 0.2160), (0.7546, 0.2160), (0.4901, 0.5156), (0.2541, 0.7802), (0.7261, 0.7802)])
"""Where the landmarks of an upright frontal face lie in a square from its brows to its chin."""

_SIDE: Final = 64
"""Pixels of the square in which sharpness and light are measured: eyes 34 apart, whatever they were."""


class FaceFlaw(StrEnum):
    """Why a face is not compared; the first that applies."""

    CUT = "cut_by_the_border"
    """A part of the face is outside of the picture."""
    TOO_SMALL = "face_too_small"
    """Too few pixels between the eyes."""
    TURNED = "face_turned"
    """Turned to the side, up or down too far."""
    TOO_DARK = "face_too_dark"
    """Under-exposed."""
    TOO_BRIGHT = "face_too_bright"
    """Over-exposed."""
    FLAT = "face_without_contrast"
    """Fog, a veil of light, or no face."""
    BLURRED = "face_blurred"
    """Too little detail."""


class FaceQuality(Struct, frozen=True):
    """What was measured of one face."""

    eyes: float
    """Pixels between the eyes."""
    sharpness: float
    """See `hub.vision.quality.sharpness`; 0 to 1."""
    turn: float
    """How far the nose tip lies from the line between the eyes' and the mouth's middles, as a share of half the
    distance between the eyes: 0 from the front, 1 where it lies under one eye."""
    nod: float
    """How far the nose tip lies from its place between eyes and mouth, as a share of their distance; below 0 where
    the face looks up."""
    light: float
    """Median brightness, 0 to 1."""
    contrast: float
    """Spread between dark and bright parts, 0 to 1."""
    outside: float
    """Share of the face's square that is outside of the picture, 0 to 1."""


class FaceFloor(Struct, frozen=True):
    """Least quality at which a comparison is made."""

    eyes: float = 15.0
    """Pixels. Under 15, false matches rise fivefold by 10."""
    sharpness: float = 0.28
    """A blur of 3 pixels where the eyes are 42 apart; beyond it a quarter and soon most of true matches are lost."""
    turn: float = 0.9
    nod: float = 0.3
    dark: float = 0.08
    bright: float = 0.94
    contrast: float = 0.08
    outside: float = 0.05


def measure(image: Image, face: FaceRegion) -> FaceQuality:
    """Measure one face.

    Args:
        image: uint8 [height, width, 3], BGR. Not changed.
        face: A face of this picture.
    """
    points = np.array(face.landmarks, np.float64)
    left, right, nose, mouth_left, mouth_right = points
    brow, mouth = (left + right) / 2, (mouth_left + mouth_right) / 2
    across, down = right - left, mouth - brow
    apart, length = float(np.hypot(*across)), float(np.hypot(*down))
    tiny = 1e-6
    # Along the face's own axis: the foot of the nose tip on the line from the eyes' middle to the mouth's.
    foot = float((nose - brow) @ down) / max(length**2, tiny)
    aside = nose - (brow + foot * down)
    chip = align(image, face.landmarks, FACE * _SIDE, _SIDE)
    grey = np.asarray(cv2.cvtColor(chip, cv2.COLOR_BGR2GRAY), np.uint8)
    return FaceQuality(
        eyes=apart,
        sharpness=sharpness(chip),
        turn=float(np.hypot(*aside)) / max(apart, tiny) * 2,
        nod=foot - _NOSE,
        light=float(np.median(grey)) / 255,
        contrast=contrast(chip),
        outside=_outside(image, points),
    )


_NOSE: Final = float((FACE[2, 1] - FACE[0, 1]) / (FACE[3, 1] - FACE[0, 1]))
"""Where the nose tip lies between eyes and mouth, from the front."""


def flaw(quality: FaceQuality, floor: FaceFloor) -> FaceFlaw | None:
    """Return why a face of this quality is not compared, or None where it may be."""
    checks = (
        (quality.outside <= floor.outside, FaceFlaw.CUT),
        (quality.eyes >= floor.eyes, FaceFlaw.TOO_SMALL),
        (quality.turn <= floor.turn and abs(quality.nod) <= floor.nod, FaceFlaw.TURNED),
        (quality.light >= floor.dark, FaceFlaw.TOO_DARK),
        (quality.light <= floor.bright, FaceFlaw.TOO_BRIGHT),
        (quality.contrast >= floor.contrast, FaceFlaw.FLAT),
        (quality.sharpness >= floor.sharpness, FaceFlaw.BLURRED),
    )
    # Written so that a measure that is no number fails its check.
    return next((reason for good, reason in checks if not good), None)


def _outside(image: Image, points: NDArray[np.float64]) -> float:
    """Return the share of a face's square that is outside of the picture."""
    height, width = image.shape[:2]
    back = similarity(FACE, points)
    grid = (np.indices((_GRID, _GRID)).reshape(2, -1).T + 0.5) / _GRID
    x, y = back[:, :2] @ grid.T + back[:, 2:]
    return float(((x < 0) | (y < 0) | (x >= width) | (y >= height)).mean())


_GRID: Final = 16
