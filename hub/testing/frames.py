"""Pictures, clips and frames made to order, without a photograph of anybody: plates painted as a pattern of cells.

A painted plate carries its text in cells large enough to survive JPEG and video compression; `PaintedReader` in
`hub.testing.readers` reads it back. Between them every part of the hub but the model can be driven with real files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import cv2
import numpy as np
from msgspec import Struct

from hub.messages import Frame, SourceKind
from hub.plates.alphabet import INDEX

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]

ROWS: Final = 6
"""Bits of a symbol's number, one row of cells each, least significant at the top."""

EDGE: Final = (255, 0, 255)
"""Colour of the frame around a painted plate, BGR."""


class Painted(Struct, frozen=True):
    """A plate in a picture."""

    text: str
    """Symbols of `hub.plates.alphabet`."""
    x: int
    """Left edge of its frame, in pixels."""
    y: int
    """Top edge of its frame, in pixels."""
    cell: int = 6
    """Side of a cell in pixels, at least 3; the plate is ``(2 * len(text) + 2) * cell`` wide and 8 high."""


def street(width: int = 320, height: int = 200) -> Image:
    """Return an empty grey street, uint8 [height, width, 3]."""
    image = np.full((height, width, 3), 96, np.uint8)
    image[height // 2 :] = 64
    return image


def paint(image: Image, plates: Iterable[Painted]) -> Image:
    """Return the picture with plates painted into it; what reaches beyond its edges is cut off.

    Args:
        image: uint8 [height, width, 3], BGR; left as it is.
        plates: What to paint.
    """
    painted = image.copy()
    for plate in plates:
        cell, columns = plate.cell, 2 * len(plate.text)
        tile = np.zeros((ROWS, columns, 3), np.uint8)
        for place, symbol in enumerate(plate.text):
            for row in range(ROWS):
                tile[row, 2 * place : 2 * place + 2] = 255 * (INDEX[symbol] >> row & 1)
        tile = np.pad(tile, ((1, 1), (1, 1), (0, 0)))
        tile[[0, -1]] = EDGE
        tile[:, [0, -1]] = EDGE
        pixels = tile.repeat(cell, axis=0).repeat(cell, axis=1)
        top, left = max(plate.y, 0), max(plate.x, 0)
        room = painted[top : max(plate.y + len(pixels), 0), left : max(plate.x + pixels.shape[1], 0)]
        cut_y, cut_x = top - plate.y, left - plate.x
        room[:] = pixels[cut_y : cut_y + room.shape[0], cut_x : cut_x + room.shape[1]]
    return painted


def drive_past(text: str, count: int, *, size: tuple[int, int] = (320, 200), cell: int = 6) -> list[Image]:
    """Return pictures of a plate that crosses the picture from left to right.

    Args:
        text: The plate.
        count: Number of pictures.
        size: Width and height in pixels.
        cell: See `Painted.cell`.
    """
    width, height = size
    room = max(1, width - (2 * len(text) + 2) * cell)
    places = (round(room * step / max(1, count - 1)) for step in range(count))
    return [paint(street(width, height), [Painted(text, x, height // 2, cell)]) for x in places]


def write_clip(path: Path, images: Sequence[Image], *, rate: float = 25.0) -> Path:
    """Write pictures as a video file and return its path.

    Args:
        path: Its suffix chooses the container, such as ``.mp4`` or ``.avi``.
        images: uint8 [height, width, 3], BGR, all of one size.
        rate: Frames a second.
    """
    height, width = images[0].shape[:2]
    codec = cv2.VideoWriter.fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v"))
    writer = cv2.VideoWriter(str(path), codec, rate, (width, height))
    if not writer.isOpened():
        raise OSError(f"no video can be written to {path}")
    for image in images:
        writer.write(image)
    writer.release()
    return path


def write_photo(path: Path, image: Image) -> Path:
    """Write a picture in the format that the path's suffix names and return the path."""
    if not cv2.imwrite(str(path), image):
        raise OSError(f"no picture can be written to {path}")
    return path


def frames_of(
    images: Sequence[Image],
    *,
    camera: str = "front",
    kind: SourceKind = SourceKind.LOSSLESS,
    rate: float = 25.0,
    origin: Callable[[int], str] = lambda _: "clip.mp4",
) -> list[Frame]:
    """Return frames as capture would make them of a clip or of photos.

    Args:
        images: uint8 [height, width, 3], BGR.
        camera: Name of the camera.
        kind: How they arrive.
        rate: Frames a second; stills are all at position 0.
        origin: Gives the origin of each frame by its number.
    """
    start = datetime(2026, 1, 1, 12, tzinfo=UTC)
    still = kind is SourceKind.STILL
    return [
        Frame(camera, number, start, 0.0 if still else number / rate, kind, origin(number), image)
        for number, image in enumerate(images)
    ]
