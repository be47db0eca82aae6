"""Picture files into pixels, with limits that are checked on the header before anything is decoded.

Pure functions on bytes; opening files and pacing are the work of `hub.capture`. JPEG, PNG, BMP and WebP are known,
each by its own first bytes whatever the file is called.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, TypeAlias

import cv2
import numpy as np
from msgspec import Struct

from hub.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]

MOST_PIXELS: Final = 64_000_000
"""Larger pictures are refused: decoding 64 megapixels takes 192 MB and no plate needs it."""

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".webp"})
"""File name suffixes, lower case, of pictures."""

_START_OF_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})


class PictureHeader(Struct, frozen=True):
    """What a picture's first bytes say of it."""

    kind: str
    """``JPEG``, ``PNG``, ``BMP`` or ``WebP``."""
    width: int
    """Pixels, before the picture is turned upright."""
    height: int
    """Pixels, before the picture is turned upright."""
    complete: bool
    """False where the file ends before the picture does."""


def read_header(data: bytes) -> PictureHeader:
    """Read a picture's kind and size without decoding it.

    Args:
        data: The whole file.

    Raises:
        InputError: It is no picture of a known kind, or its header is cut off.
    """
    try:
        if data[:3] == b"\xff\xd8\xff":
            return _jpeg(data)
        if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR":
            width, height = struct.unpack_from(">II", data, 16)
            return PictureHeader("PNG", width, height, complete=data.rfind(b"IEND") > 0)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
        if data[:2] == b"BM":
            (size,) = struct.unpack_from("<I", data, 2)
            width, height = struct.unpack_from("<ii", data, 18)
            return PictureHeader("BMP", abs(width), abs(height), complete=len(data) >= size)
    except (struct.error, IndexError):
        raise InputError("the picture is cut off within its header") from None
    raise InputError("not a picture of a known kind (JPEG, PNG, BMP, WebP)" if data else "the file is empty")


def _jpeg(data: bytes) -> PictureHeader:
    """Walk the segments of ISO/IEC 10918-1 annex B up to the frame header, past any thumbnail in them."""
    at = 2
    while True:
        if data[at] != 0xFF:
            raise InputError("the JPEG is damaged")
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _STANDALONE:
            at += 2
        elif marker in _START_OF_FRAME:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return PictureHeader("JPEG", width, height, complete=data.find(b"\xff\xd9", at) > 0)
        else:
            (length,) = struct.unpack_from(">H", data, at + 2)
            at += 2 + length


def _webp(data: bytes) -> PictureHeader:
    """Read the first chunk of RFC 9649: lossy, lossless or extended."""
    (size,) = struct.unpack_from("<I", data, 4)
    complete = len(data) >= size + 8
    if data[12:16] == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return PictureHeader("WebP", width & 0x3FFF, height & 0x3FFF, complete)
    if data[12:16] == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return PictureHeader("WebP", (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1, complete)
    if data[12:16] == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
        if len(data) < 30:
            raise IndexError
        return PictureHeader("WebP", width, height, complete)
    raise InputError("the WebP is damaged")


def decode_picture(data: bytes) -> Image:
    """Decode a picture, upright: an EXIF orientation is applied, so boxes are those of the picture as people see it.

    Args:
        data: The whole file.

    Returns:
        uint8 [height, width, 3], BGR, read-only.

    Raises:
        InputError: No picture, cut off, damaged, or over `MOST_PIXELS`; the message is one line without the file's
            name.
    """
    header = read_header(data)
    if not header.width or not header.height:
        raise InputError(f"the {header.kind} has no pixels")
    if header.width * header.height > MOST_PIXELS:
        raise InputError(
            f"{header.width} x {header.height} pixels are more than the {MOST_PIXELS // 1_000_000} megapixels that "
            "are decoded; reduce the picture first"
        )
    if not header.complete:
        raise InputError(f"the {header.kind} is cut off")
    # OpenCV would say more on standard error, past our one line.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None or image.ndim != 3:
        raise InputError(f"the {header.kind} is damaged")
    pixels: Image = np.asarray(image, np.uint8)
    pixels.setflags(write=False)
    return pixels
