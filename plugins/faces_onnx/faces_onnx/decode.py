"""From maps to boxes and landmarks: pure functions on arrays, no model and no picture.

`regions` makes faces of any detector's candidates. `decode` reads CenterFace's maps: one cell for each 4 x 4 pixels of
the network's input. A cell holds the probability that a face's centre lies in it, the face's size as log of cells,
the centre's offset in the cell, and five landmarks relative to the face's top left corner in units of its size.
Everywhere y comes before x.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from msgspec import Struct

from hub.backends import FaceRegion
from hub.messages import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]

STRIDE: Final = 4
"""Pixels of the network's input for each cell."""

MAX_CANDIDATES: Final = 2000
"""Best cells that are looked at; a picture made to light all of them up costs no more than this."""

_MAX_LOG_SIZE: Final = 8.0
"""Logarithm of cells; caps what a picture made to confuse the network can claim (12,000 pixels)."""


class Candidates(Struct, frozen=True, eq=False):
    """Faces in pixels of the network's input, in any order."""

    boxes: Floats
    """float32 [n, 4]: left, top, right, bottom, not clipped to the picture."""
    scores: Floats
    """float32 [n], 0 to 1."""
    landmarks: Floats
    """float32 [n, 5, 2]: x, y of image-left eye, image-right eye, nose tip, image-left, image-right mouth corner."""


def decode(heat: Floats, size: Floats, offset: Floats, marks: Floats, threshold: float) -> Candidates:
    """Return the faces of one picture before overlapping ones are removed.

    Args:
        heat: float32 [rows, columns], probability of a centre.
        size: float32 [2, rows, columns], logarithm of height and width in cells.
        offset: float32 [2, rows, columns], of the centre in its cell, y and x.
        marks: float32 [10, rows, columns], five times y and x.
        threshold: Least probability.
    """
    rows, columns = np.nonzero(heat >= threshold)
    scores = heat[rows, columns]
    if len(scores) > MAX_CANDIDATES:
        best = np.argpartition(-scores, MAX_CANDIDATES)[:MAX_CANDIDATES]
        rows, columns, scores = rows[best], columns[best], scores[best]
    centre = (np.stack([columns, rows], axis=1) + offset[::-1, rows, columns].T + 0.5) * STRIDE
    extent = np.exp(np.minimum(size[::-1, rows, columns].T, _MAX_LOG_SIZE)) * STRIDE
    # Landmarks hang on the unclipped corner: of a face cut by the border only the visible part would be measured.
    corner = centre - extent / 2
    relative = marks[:, rows, columns].T.reshape(-1, 5, 2)[:, :, ::-1]
    return Candidates(
        boxes=np.concatenate([corner, corner + extent], axis=1).astype(np.float32),
        scores=scores.astype(np.float32),
        landmarks=(corner[:, None] + relative * extent[:, None]).astype(np.float32),
    )


def suppress(boxes: Floats, scores: Floats, overlap: float) -> NDArray[np.intp]:
    """Return which boxes to keep, best first: each suppresses the lesser ones that overlap it.

    Args:
        boxes: float32 [n, 4]: left, top, right, bottom.
        scores: float32 [n].
        overlap: Intersection over union from which two boxes are the same face.
    """
    order = np.argsort(-scores, kind="stable")
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept: list[int] = []
    while order.size:
        first, rest = order[0], order[1:]
        kept.append(int(first))
        low = np.maximum(boxes[first, :2], boxes[rest, :2])
        high = np.minimum(boxes[first, 2:], boxes[rest, 2:])
        shared = np.prod(np.maximum(high - low, 0), axis=1)
        order = rest[shared < overlap * (areas[first] + areas[rest] - shared)]
    return np.array(kept, np.intp)


def regions(found: Candidates, width: int, height: int, overlap: float) -> list[FaceRegion]:
    """Return the faces that are left without those that overlap a better one, best first.

    Args:
        found: Candidates in pixels of the picture.
        width: Of the picture.
        height: Of the picture.
        overlap: Intersection over union from which two boxes are the same face.
    """
    faces = []
    for index in suppress(found.boxes, found.scores, overlap):
        box = _visible(found.boxes[index], width, height)
        if box is not None:
            marks = tuple((float(x), float(y)) for x, y in found.landmarks[index])
            faces.append(FaceRegion(box=box, score=min(1.0, float(found.scores[index])), landmarks=marks))
    return faces


def _visible(box: Floats, width: int, height: int) -> Box | None:
    """Return the part of a box inside the picture in whole pixels, or None where nothing of it is."""
    left, top = max(0, int(np.floor(box[0]))), max(0, int(np.floor(box[1])))
    right, bottom = min(width, int(np.ceil(box[2]))), min(height, int(np.ceil(box[3])))
    if right <= left or bottom <= top:
        return None
    return Box(x=left, y=top, w=right - left, h=bottom - top)
