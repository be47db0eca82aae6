"""Slanted rectangles around lines of text. Pure geometry."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
from msgspec import Struct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]
    Points: TypeAlias = NDArray[np.float32]


class TextBox(Struct, frozen=True, eq=False):
    """A slanted rectangle around one line of text."""

    corners: Points
    """float32 [4, 2], clockwise from the text's top left, in pixels of the picture."""
    score: float
    """Mean probability of text inside, 0 to 1."""

    @property
    def width(self) -> float:
        """Length along the text, in pixels."""
        return float(np.linalg.norm(self.corners[1] - self.corners[0]))

    @property
    def height(self) -> float:
        """Length across the text, in pixels."""
        return float(np.linalg.norm(self.corners[3] - self.corners[0]))

    @property
    def centre(self) -> Points:
        """float32 [2]: the middle, in pixels."""
        return np.asarray(self.corners.mean(axis=0), np.float32)


def clockwise(corners: Points) -> Points:
    """Order a rectangle's corners clockwise from the one nearest to the picture's top left."""
    centre = corners.mean(axis=0)
    angles = np.arctan2(corners[:, 1] - centre[1], corners[:, 0] - centre[0])
    ordered = corners[np.argsort(angles)]
    return np.ascontiguousarray(np.roll(ordered, -int(np.argmin(ordered.sum(axis=1))), axis=0), np.float32)


def grown(box: TextBox, along: float, across: float) -> TextBox:
    """Move the sides outwards by shares of width and height; negative shares move them inwards."""
    right = (box.corners[1] - box.corners[0]) * along
    down = (box.corners[3] - box.corners[0]) * across
    moves = np.array([-right - down, right - down, right + down, down - right], np.float32)
    return TextBox(box.corners + moves, box.score)


def join(one: TextBox, other: TextBox) -> TextBox:
    """Return the smallest slanted rectangle around two boxes."""
    corners = cv2.boxPoints(cv2.minAreaRect(np.concatenate([one.corners, other.corners])))
    return TextBox(clockwise(np.asarray(corners, np.float32)), min(one.score, other.score))


def overlap(one: TextBox, other: TextBox) -> float:
    """Return intersection over union of the upright rectangles around two boxes."""
    common = _common(one, other)
    return common / max(_area(one) + _area(other) - common, 1e-6)


def fill(one: TextBox, other: TextBox) -> float:
    """Return the share of the smaller box that lies in the other, both as upright rectangles."""
    return _common(one, other) / max(min(_area(one), _area(other)), 1e-6)


def straighten(image: Image, box: TextBox, height: int, *, longest: int = 12) -> Image:
    """Cut a slanted rectangle out as an upright line of text.

    Args:
        image: uint8 [rows, columns, 3].
        box: The rectangle; parts outside of the picture repeat its rim.
        height: Height in pixels of the result; the width follows.
        longest: Most times the height that it may be wide.

    Returns:
        uint8 [height, width, 3].
    """
    width = int(np.clip(round(height * box.width / max(box.height, 1.0)), height // 2, longest * height))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(box.corners, target)
    line = cv2.warpPerspective(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(line, np.uint8)


def _common(one: TextBox, other: TextBox) -> float:
    low = np.maximum(one.corners.min(axis=0), other.corners.min(axis=0))
    high = np.minimum(one.corners.max(axis=0), other.corners.max(axis=0))
    return float(np.prod(np.maximum(high - low, 0)))


def _area(box: TextBox) -> float:
    return float(np.prod(np.ptp(box.corners, axis=0)))
