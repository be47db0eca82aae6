"""The pictures that an alert about a face keeps (charter C6, C8): pure functions on arrays.

The subject's face stays as it was seen, or nobody could say whether it is the person of the reference photo beside
it. Everything else is reduced as for any alert, and of every other face that was found one colour is left, inside the
subject's crop as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, TypeAlias

import cv2
import numpy as np

from hub.errors import InputError
from hub.messages import Box, Picture
from hub.vision.pictures import decode_picture
from hub.vision.redaction import clip, encode_jpeg, grow, redact

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]

MARGIN: Final = 0.2
"""Share of the face's longer side that is shown around it: hair and chin."""
LONGEST: Final = 480
"""Longest side of a crop or reference in pixels; larger ones are reduced."""


def redact_face(scene: Image, box: Box, others: Iterable[Box] = ()) -> tuple[Picture, Picture]:
    """Make the two pictures of the live side.

    Args:
        scene: uint8 [height, width, 3], BGR: the frame that shows the face best. Not changed.
        box: The face in it.
        others: The other faces that were found in it.

    Returns:
        The face with a small margin, sharp, and the scene in which all but this crop is reduced.

    Raises:
        InputError: The scene is not uint8 [height, width, 3] or is empty, or the box lies outside of it.
    """
    reduced = redact(scene, None, others)
    height, width = scene.shape[:2]
    face, crop = (clip(grow(box, share * max(box.w, box.h)), width, height) for share in (0.0, MARGIN))
    if face is None or crop is None:
        raise InputError(f"the face's box {box} lies outside of the {width} x {height} picture")
    sharp = scene.copy()
    for other in others:
        if (inside := clip(other, width, height)) is not None:
            sharp[_area(inside)] = reduced[_area(inside)]
    sharp[_area(face)] = scene[_area(face)]  # somebody's box in front may overlap the subject's
    reduced[_area(crop)] = sharp[_area(crop)]
    return encode_jpeg(bounded(reduced[_area(crop)])), encode_jpeg(reduced)


def reference_picture(data: bytes) -> Picture:
    """Return an entry's reference photo as an alert shows it: decoded and encoded anew, without any metadata.

    Args:
        data: The photo as it lies in the list, a file of a kind that `decode_picture` knows.

    Raises:
        InputError: It is no picture.
    """
    return encode_jpeg(bounded(decode_picture(data)))


def bounded(image: Image) -> Image:
    """Return a picture of which no side is longer than `LONGEST` pixels."""
    height, width = image.shape[:2]
    scale = LONGEST / max(height, width)
    if scale >= 1:
        return np.ascontiguousarray(image)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _area(box: Box) -> tuple[slice, slice]:
    return slice(box.y, box.y + box.h), slice(box.x, box.x + box.w)
