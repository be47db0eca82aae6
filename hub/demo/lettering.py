"""Letters and digits drawn from strokes of our own, and the number plates and signs made of them.

Every glyph lies on a grid of 4 x 6: a stroke is a row of points, two digits each (x, then y from the top); a stroke
that starts with ``~`` is rounded by cutting its corners. No font file is shipped or asked for.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, TypeAlias

import cv2
import numpy as np

from hub.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]
    Points: TypeAlias = NDArray[np.float64]

GLYPHS: Final = {
    "0": "~20 40 46 26 06 00 20",
    "1": "12 30 36",
    "2": "~01 00 40 42 06|06 46",
    "3": "~01 00 40 43 23|~23 43 46 06 05",
    "4": "30 04 44|30 36",
    "5": "40 00 03|~03 43 46 06 05",
    "6": "~41 40 00 06 46 43 03",
    "7": "00 40 16",
    "8": "~20 40 43 23 03 00 20|~23 43 46 26 06 03 23",
    "9": "~05 06 46 40 00 03 43",
    "A": "06 20 46|14 34",
    "B": "06 00|~00 40 43 03|~03 43 46 06",
    "C": "~41 40 00 06 46 45",
    "D": "06 00|~00 40 46 06",
    "E": "40 00 06 46|03 33",
    "F": "40 00 06|03 33",
    "G": "~41 40 00 06 46 43|43 23",
    "H": "00 06|40 46|03 43",
    "I": "20 26",
    "J": "~40 46 06 04",
    "K": "00 06|40 03|12 46",
    "L": "00 06 46",
    "M": "06 00 24 40 46",
    "N": "06 00 46 40",
    "O": "~20 40 46 26 06 00 20",
    "P": "06 00|~00 40 43 03",
    "Q": "~20 40 46 26 06 00 20|24 46",
    "R": "06 00|~00 40 43 03|23 46",
    "S": "~41 40 00 03 43 46 06 05",
    "T": "00 40|20 26",
    "U": "~00 06 46 40",
    "V": "00 26 40",
    "W": "00 16 22 36 40",
    "X": "00 46|40 06",
    "Y": "00 23 40|23 26",
    "Z": "00 40 06 46",
}

PLATE_SIZE: Final = (1040, 220)
"""Width and height of a drawn plate in pixels: 2 for each millimetre of a long European plate."""

WHITE: Final = (236, 240, 240)
BLACK: Final = (24, 22, 22)
BLUE: Final = (150, 60, 10)

_SUPERSAMPLED: Final = 4
"""Bits after the point in the coordinates that are drawn."""


def draw_text(image: Image, text: str, box: tuple[float, float, float, float], colour: tuple[int, int, int]) -> None:
    """Draw one line of text so that it fills a box.

    Args:
        image: uint8 [height, width, 3], BGR; changed.
        text: Characters of `GLYPHS` and spaces, which are half as wide.
        box: Left, top, width and height in pixels.
        colour: BGR.
    """
    left, top, width, height = box
    cells = [0.5 if character == " " else 1.0 for character in text]
    cell = width / max(sum(cells), 1)
    stroke = max(1, round(min(cell * 0.16, height * 0.15)))
    inner = np.array([cell * 0.64 - stroke * 0.5, height - stroke]) / (4, 6)
    for character, share in zip(text, cells, strict=True):
        origin = np.array([left + cell * 0.18 + stroke * 0.25, top + stroke / 2])
        for points in strokes(character):
            line = np.round((origin + points * inner) * (1 << _SUPERSAMPLED)).astype(np.int32)
            cv2.polylines(image, [line], isClosed=False, color=colour, thickness=stroke, lineType=cv2.LINE_AA,
                          shift=_SUPERSAMPLED)  # fmt: skip
        left += cell * share


def strokes(character: str) -> list[Points]:
    """Return a character's strokes on the grid, float64 [points, 2] each; a space has none.

    Raises:
        UsageError: No such character was drawn.
    """
    if character == " ":
        return []
    if character not in GLYPHS:
        raise UsageError(f"{character!r} cannot be drawn; use A to Z and 0 to 9")
    lines = []
    for part in GLYPHS[character].split("|"):
        points = np.array([[int(pair[0]), int(pair[1])] for pair in part.lstrip("~").split()], np.float64)
        lines.append(_rounded(points) if part.startswith("~") else points)
    return lines


def number_plate(plate: str | None) -> Image:
    """Draw a white plate with a blue field at its left.

    Args:
        plate: Up to 8 characters of `GLYPHS`, set apart where letters and digits meet; None leaves the plate blank.

    Returns:
        uint8 [220, 1040, 3], BGR.

    Raises:
        UsageError: The plate is empty, too long or has characters that cannot be drawn.
    """
    width, height = PLATE_SIZE
    image = np.full((height, width, 3), WHITE, np.uint8)
    cv2.rectangle(image, (0, 0), (88, height), BLUE, thickness=cv2.FILLED)
    angles = np.arange(12) * np.pi / 6
    for x, y in np.stack([44 + 24 * np.cos(angles), 66 + 24 * np.sin(angles)], axis=1).astype(int):
        cv2.circle(image, (int(x), int(y)), 4, (0, 200, 240), thickness=cv2.FILLED, lineType=cv2.LINE_AA)
    if plate is not None:
        if not 1 <= len(plate) <= 8:
            raise UsageError(f"{plate!r} does not fit on a plate; use 1 to 8 characters")
        spaced = plate[0] + "".join(b if a.isdigit() == b.isdigit() else f" {b}" for a, b in pairwise(plate))
        span = min(900.0, 110.0 * sum(0.5 if character == " " else 1.0 for character in spaced))
        draw_text(image, spaced, (88 + (width - 88 - span) / 2, 34, span, height - 68), BLACK)
    cv2.rectangle(image, (3, 3), (width - 4, height - 4), BLACK, thickness=5, lineType=cv2.LINE_AA)
    return image


def sign(text: str, size: tuple[int, int], ground: tuple[int, int, int], colour: tuple[int, int, int]) -> Image:
    """Draw lettering on a plain ground, uint8 [height, width, 3], BGR; `size` is width and height in pixels."""
    width, height = size
    image = np.full((height, width, 3), ground, np.uint8)
    draw_text(image, text, (width * 0.05, height * 0.2, width * 0.9, height * 0.6), colour)
    return image


def _rounded(points: Points) -> Points:
    """Cut the corners of an open line three times (Chaikin 1974); its ends stay."""
    for _ in range(3):
        first, second = points[:-1], points[1:]
        cut = np.stack([0.75 * first + 0.25 * second, 0.25 * first + 0.75 * second], axis=1).reshape(-1, 2)
        points = np.concatenate([points[:1], cut, points[-1:]])
    return points
