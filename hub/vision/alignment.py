"""Brings a face upright and to one size by its landmarks, for networks that expect it so. Pure functions on arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Image: TypeAlias = NDArray[np.uint8]
    Matrix: TypeAlias = NDArray[np.float64]


def similarity(source: ArrayLike, target: ArrayLike) -> Matrix:
    """Return the rotation, scale and shift that bring points nearest to others, by least squares.

    The closed solution of Umeyama 1991 in two dimensions; nothing is mirrored or sheared.

    Args:
        source: [n, 2], points x, y; not all the same.
        target: [n, 2], where they should come to lie.

    Returns:
        float64 [2, 3], for column vectors (x, y, 1).
    """
    start, end = np.asarray(source, np.float64), np.asarray(target, np.float64)
    middle, aim = start.mean(axis=0), end.mean(axis=0)
    start, end = start - middle, end - aim
    spread = max(float((start**2).sum()), np.finfo(np.float64).tiny)
    cosine = float((start * end).sum()) / spread
    sine = float((start[:, 0] * end[:, 1] - start[:, 1] * end[:, 0]).sum()) / spread
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.hstack([turn, (aim - turn @ middle)[:, None]])


def scale_of(matrix: Matrix) -> float:
    """Return by how much a similarity enlarges."""
    return float(np.hypot(matrix[0, 0], matrix[1, 0]))


def align(image: Image, landmarks: Sequence[Sequence[float]], template: ArrayLike, side: int) -> Image:
    """Cut a face out so that its landmarks come to lie where a template has them.

    A face larger than the result is reduced by averaging first: sampling it directly would alias.

    Args:
        image: uint8 [height, width, 3]. Not changed.
        landmarks: Points x, y in pixels of the picture.
        template: [n, 2], the same points in pixels of the result.
        side: Pixels of the result, each way.

    Returns:
        uint8 [side, side, 3]; what lies outside of the picture is black.
    """
    matrix = similarity(landmarks, template)
    scale = scale_of(matrix)
    if scale < 1:
        image, matrix = _reduced(image, matrix, side, scale)
    chip = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(chip, np.uint8)


def _reduced(image: Image, matrix: Matrix, side: int, scale: float) -> tuple[Image, Matrix]:
    """Return the part of a picture that a warp will show, averaged to the warp's scale, and the warp from there."""
    height, width = image.shape[:2]
    back = cv2.invertAffineTransform(matrix)
    corners = np.array([[0, 0, 1], [side, 0, 1], [0, side, 1], [side, side, 1]]) @ back.T
    # Two pixels of the result more, so that no edge of this part is mistaken for the picture's.
    margin = 2 / max(scale, 1e-6)
    left, top = np.maximum(np.floor(corners.min(axis=0) - margin).astype(int), 0)
    right, bottom = np.minimum(np.ceil(corners.max(axis=0) + margin).astype(int), (width, height))
    if right <= left or bottom <= top:
        return image, matrix
    columns, rows = (max(1, round(length * scale)) for length in (right - left, bottom - top))
    small = cv2.resize(image[top:bottom, left:right], (columns, rows), interpolation=cv2.INTER_AREA)
    # Pixel centres: x in the picture is (u + 0.5) * step - 0.5 + left for u in the reduced part.
    step = np.array([(right - left) / columns, (bottom - top) / rows])
    shift = (step - 1) / 2 + (left, top)
    moved = np.hstack([matrix[:, :2] * step, (matrix[:, :2] @ shift + matrix[:, 2])[:, None]])
    return np.asarray(small, np.uint8), moved
