"""Reduction of pictures that leave memory (charter C8): default-deny, pure functions on arrays, and their JPEG.

What a picture keeps is decided by what the subject is, never by what was recognised: everything outside the
subject's box becomes a mosaic of block means whether or not a detector found something there. No model runs here;
faces that a detector found may be handed in, and of each one colour is left, inside the subject's box too.

The measure. A block of at least 12 pixels lets any run of 60 pixels touch at most 6 blocks wherever the grid lies
((60 - 2) // 12 + 2), so a 60-pixel face keeps at most 6 values each way. Larger faces and other plates are bounded by
the picture, which keeps at most 32 blocks along its longer side: a face keeps about 6 each way up to three sixteenths
of that side, and a plate over three quarters of it under 4 blocks a character, which is less than a reader needs.

What remains. A face larger than three sixteenths of the longer side that no detector found keeps up to 32 times its
share of that side. Of portraits of 250 x 250 pixels, reduced without a detector, a face network told 4 of 100 same
pairs at a false-match rate of 1e-2, and 19 of 100 once they were enlarged smoothly; with their faces handed in 1 to 2,
where chance is 1. So whatever shows people close up should be handed their faces. Block means still show colours, a
rough shape and how bright a place is; a closed set of a few known people may be told apart by less than 6 x 6 values,
and many pictures of one scene say more than one, so a redacted picture is still evidence about persons and has its
date (C11).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hub.errors import InputError
from hub.messages import Box, Picture

MIN_BLOCK: Final = 12
"""Pixels; the smallest block of which any 60 pixels in a row touch at most `MAX_BLOCKS_A_FACE`."""

MAX_BLOCKS_A_FACE: Final = 6
"""Blocks each way that a face of 60 pixels may keep. Of a face that a detector found one colour is left."""

MAX_BLOCKS_A_PICTURE: Final = 32
"""Blocks along the longer side of a picture; bounds what larger faces and other plates keep."""

MAX_KEEP_SHARE: Final = 1 / 3
"""Share of the picture that a subject's box may have. A larger one is no plate in a scene and nothing stays sharp."""

FACE_MARGIN: Final = 0.15
"""Share of a face's box that is added on each side before it is reduced."""

CROP_MARGIN: Final = 0.25
"""Share of a plate's height that stays sharp around it, so that its rim is seen."""

JPEG_QUALITY: Final = 90


def block_size(width: int, height: int) -> int:
    """Return the side of the blocks, in pixels, to which a picture of this size is reduced by default."""
    return max(MIN_BLOCK, -(-max(width, height) // MAX_BLOCKS_A_PICTURE))


def mosaic(image: NDArray[np.uint8], block: int) -> NDArray[np.uint8]:
    """Replace each block of a picture by its mean.

    Blocks are at least `block` pixels each way (a remainder is spread over all of them; a picture smaller than
    one block becomes one), do not overlap and are not interpolated, so that nothing of a block but its mean remains.

    Args:
        image: uint8 [height, width, channels].
        block: Least side of a block in pixels, at least 1.

    Returns:
        uint8 of the same shape, a new array.
    """
    height, width = image.shape[:2]
    rows, columns = _edges(height, block), _edges(width, block)
    # Row by row of blocks: a quarter of the memory and a fiftieth of the time of reduceat along both axes.
    strips = np.stack([image[top:bottom].sum(axis=0, dtype=np.uint32) for top, bottom in pairwise(rows)])
    sums = np.add.reduceat(strips, columns[:-1], axis=1, dtype=np.uint64)
    tall, wide = np.diff(rows), np.diff(columns)
    areas = np.multiply.outer(tall, wide).astype(np.uint64)[..., None]
    means = ((sums + areas // 2) // areas).astype(np.uint8)
    return means.repeat(tall, axis=0).repeat(wide, axis=1)


def redact(image: NDArray[np.uint8], keep: Box | None, faces: Iterable[Box] = ()) -> NDArray[np.uint8]:
    """Reduce everything outside the subject's box, and every face that was found, wherever it is, to one colour.

    Six by six colours of a portrait, enlarged smoothly, are still told apart by a face network more often than by
    chance, one colour is not.

    Args:
        image: uint8 [height, width, 3], BGR. Not changed.
        keep: The subject's box, which stays as it is; None reduces the whole picture. A box over more than
            `MAX_KEEP_SHARE` of the picture is not believed: nothing stays sharp.
        faces: Boxes of faces that a detector found.

    Returns:
        uint8 of the same shape, a new array.

    Raises:
        InputError: The picture is not uint8 [height, width, 3] or is empty.
    """
    _check(image)
    height, width = image.shape[:2]
    reduced = mosaic(image, block_size(width, height))
    inside = believable(keep, width, height)
    if inside is not None:
        area = _area(inside)
        reduced[area] = image[area]
    for face in faces:
        visible = clip(face_area(face), width, height)
        if visible is not None:
            area = _area(visible)
            reduced[area] = mosaic(reduced[area], max(visible.w, visible.h))
    return reduced


def redact_alert(scene: NDArray[np.uint8], box: Box, faces: Iterable[Box] = ()) -> tuple[Picture, Picture]:
    """Make the two pictures that an alert keeps.

    Args:
        scene: uint8 [height, width, 3], BGR, the frame in which the plate was read best.
        box: The plate's region in the frame.
        faces: Boxes of faces that a detector found in the frame; they are reduced inside the crop as well.

    Returns:
        The plate with a small margin, sharp, and the scene in which all but this crop is reduced.

    Raises:
        InputError: The scene is not uint8 [height, width, 3] or is empty, or the box lies outside of it.
    """
    _check(scene)
    height, width = scene.shape[:2]
    subject = clip(grow(box, CROP_MARGIN * box.h), width, height)
    if subject is None:
        raise InputError(f"the plate's box {box} lies outside of the {width} x {height} picture")
    reduced = redact(scene, subject, faces)
    return encode_jpeg(reduced[_area(subject)]), encode_jpeg(reduced)


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """Encode pixels as PNG, with no metadata.

    Raises:
        InputError: The picture is not uint8 [height, width, 3] or is empty.
    """
    _check(image)
    done, data = cv2.imencode(".png", image)
    if not done:
        raise InputError("the picture cannot be encoded as PNG")
    return data.tobytes()


def encode_jpeg(image: NDArray[np.uint8]) -> Picture:
    """Encode pixels as JPEG, with no metadata and no thumbnail: only what `image` shows leaves memory.

    Raises:
        InputError: The picture is not uint8 [height, width, 3], is empty, or is too large for JPEG.
    """
    _check(image)
    height, width = image.shape[:2]
    try:
        done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    except cv2.error as error:
        raise InputError(f"a picture of {width} x {height} pixels cannot be encoded as JPEG") from error
    if not done:
        raise InputError(f"a picture of {width} x {height} pixels cannot be encoded as JPEG")
    return Picture(jpeg=data.tobytes(), width=width, height=height)


def face_area(face: Box) -> Box:
    """Return what is reduced for a face that a detector found: its box and some of what is around it."""
    return grow(face, FACE_MARGIN * max(face.w, face.h))


def believable(keep: Box | None, width: int, height: int) -> Box | None:
    """Return the part of a subject's box that lies in the picture, or None where it may not stay sharp."""
    inside = None if keep is None else clip(keep, width, height)
    if inside is None or inside.w * inside.h > MAX_KEEP_SHARE * width * height:
        return None
    return inside


def grow(box: Box, margin: float) -> Box:
    """Return the box with `margin` pixels more on each side, rounded outwards."""
    more = -int(-margin // 1)
    return Box(x=box.x - more, y=box.y - more, w=box.w + 2 * more, h=box.h + 2 * more)


def clip(box: Box, width: int, height: int) -> Box | None:
    """Return the part of a box that lies in a picture of this size, or None where there is none."""
    left, top = max(box.x, 0), max(box.y, 0)
    right, bottom = min(box.x + box.w, width), min(box.y + box.h, height)
    if right <= left or bottom <= top:
        return None
    return Box(x=left, y=top, w=right - left, h=bottom - top)


def _edges(side: int, block: int) -> NDArray[np.intp]:
    """Return the borders of the blocks along one side: 0, ..., side; each block is at least `block` where it fits."""
    count = max(1, side // block)
    return (np.arange(count + 1) * side) // count


def _area(box: Box) -> tuple[slice, slice]:
    return slice(box.y, box.y + box.h), slice(box.x, box.x + box.w)


def _check(image: NDArray[np.uint8]) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise InputError(f"a picture must be uint8 [height, width, 3] and not empty, not {image.dtype} {image.shape}")
