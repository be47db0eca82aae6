"""How much detail a picture of text or of a face holds. Pure functions on arrays; no thresholds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]


def sharpness(image: Image) -> float:
    """Return how much of a picture's detail a second blur would take away.

    A sharp picture loses much of its change from pixel to pixel when it is blurred, a blurred one little: the
    measure of Crete et al. 2007, taken along both axes, the worse of which counts because motion blurs one.

    Args:
        image: uint8 [height, width] or [height, width, 3], BGR.

    Returns:
        0 for a flat or fully blurred picture, to 1.
    """
    if image.size == 0 or min(image.shape[:2]) < 3:
        return 0.0
    grey = (cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image).astype(np.float32)
    return min(_kept(grey, axis) for axis in (0, 1))


def _kept(grey: NDArray[np.float32], axis: int) -> float:
    size = (9, 1) if axis else (1, 9)
    blurred = cv2.blur(grey, size, borderType=cv2.BORDER_REPLICATE)
    change, smooth = (np.abs(np.diff(each, axis=axis)) for each in (grey, blurred))
    total = float(change.sum())
    if total / change.size < 0.5:  # less than half a grey level from pixel to pixel: flat
        return 0.0
    return float(np.maximum(change - smooth, 0).sum()) / total


def contrast(image: Image) -> float:
    """Return the spread between a picture's dark and bright parts, 0 to 1.

    Args:
        image: uint8 [height, width] or [height, width, 3], BGR.
    """
    if image.size == 0:
        return 0.0
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image
    dark, bright = np.percentile(grey, (5, 95))
    return float(bright - dark) / 255.0


def plate_look(image: Image, corners: Sequence[Sequence[float]]) -> float:
    """Return how much a line of text looks like a number on a plate rather than lettering on something else.

    A plate is dark characters, rarely bright ones, of two clear tones on a ground of its own that ends close around
    them; a badge stands on paint, a shop's name on a wall, and their ground goes on. The weights of the terms are
    rounded from a logistic regression over text regions of street photos (about 300 on plates, 200 elsewhere).

    Args:
        image: uint8 [height, width, 3], BGR.
        corners: The text's four corners, clockwise from its top left, in pixels.

    Returns:
        0 to 1; 0.5 where nothing can be said.
    """
    patch = _around(image, np.asarray(corners, np.float32))
    lab = cv2.cvtColor(patch.astype(np.float32) / 255.0, cv2.COLOR_BGR2LAB)
    rows, columns = slice(_RISE, _RISE + _LINE), slice(_SIDE, patch.shape[1] - _SIDE)
    inset = _LINE // 6
    glyphs = slice(rows.start + inset, rows.stop - inset)
    core = lab[glyphs, columns]
    light = np.clip(core[..., 0] * 2.55, 0, 255).astype(np.uint8)
    _, bright = cv2.threshold(light, 0, 255, cv2.THRESH_OTSU)
    dark_on_bright = float((bright > 0).mean()) > 0.5
    ground = (bright > 0) if dark_on_bright else (bright == 0)
    if min(ground.sum(), (~ground).sum()) < 10:
        return 0.5
    tone = np.median(core[ground], axis=0)
    apart = float(np.linalg.norm(tone - np.median(core[~ground], axis=0)))
    same = np.linalg.norm(lab - tone, axis=2) < max(0.45 * apart, 4.0)
    inked = np.flatnonzero((~same[glyphs, columns]).mean(axis=0) > 0.2) + columns.start
    left, right = (int(inked[0]), int(inked[-1]) + 1) if len(inked) else (columns.start, columns.stop)
    height = glyphs.stop - glyphs.start
    far, wide = int(1.25 * height), int(1.7 * height)
    above = _ends(same[max(0, glyphs.start - 2 - far) : glyphs.start - 2, left:right][::-1])
    below = _ends(same[glyphs.stop + 2 : glyphs.stop + 2 + far, left:right])
    before = _ends(same[glyphs, max(0, left - 1 - wide) : left - 1].T[::-1])
    after = _ends(same[glyphs, right + 1 : right + 1 + wide].T)
    rim = np.concatenate([lab[: _RISE // 2].reshape(-1, 3), lab[-(_RISE // 2) :].reshape(-1, 3)])
    step = min(float(np.linalg.norm(np.median(rim, axis=0) - tone)) / 60.0, 1.0)
    values = core[..., 0]
    spread = float(values.var())
    within = float(values[ground].var() * ground.mean() + values[~ground].var() * (~ground).mean())
    two_tone = 1.0 - within / spread if spread > 0 else 0.0
    logit = 2.0 * (above + below) + 0.5 * (before + after) + 2.3 * dark_on_bright + 0.6 * step + 2.0 * two_tone - 7.4
    return 1.0 / (1.0 + math.exp(-logit))


_LINE: Final = 24
_RISE: Final = 33
_SIDE: Final = 38
"""Pixels of the straightened line's height, and of what is looked at above, below and beside it."""


def _around(image: Image, corners: NDArray[np.float32]) -> Image:
    """Cut a line of text out upright, together with what lies around it."""
    along, across = np.linalg.norm(corners[1] - corners[0]), np.linalg.norm(corners[3] - corners[0])
    width = int(np.clip(round(_LINE * float(along) / max(float(across), 1.0)), _LINE, 12 * _LINE))
    target = np.array([[0, 0], [width, 0], [width, _LINE], [0, _LINE]], np.float32) + np.array([_SIDE, _RISE])
    matrix = cv2.getPerspectiveTransform(corners, target.astype(np.float32))
    size = (width + 2 * _SIDE, _LINE + 2 * _RISE)
    flags = cv2.INTER_AREA if across > _LINE else cv2.INTER_LINEAR
    return np.asarray(cv2.warpPerspective(image, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _ends(same: NDArray[np.bool_]) -> float:
    """Return the share of columns in which the ground ends: two pixels in a row are something else."""
    other = ~same
    return float((other[:-1] & other[1:]).any(axis=0).mean()) if min(same.shape) > 1 else 0.0
