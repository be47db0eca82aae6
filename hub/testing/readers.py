"""Plate readers that need no model: one that reads painted plates, one that follows a script, and some that fail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import cv2
import numpy as np

from hub.backends import PlateReader
from hub.errors import ModelError
from hub.messages import Box, PlateEvidence
from hub.plates.alphabet import EMPTY, INDEX, SYMBOLS
from hub.testing.frames import ROWS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]


def evidence(
    text: str,
    box: Box | tuple[int, int, int, int] = (100, 100, 96, 24),
    *,
    probability: float = 0.97,
    doubts: Sequence[tuple[int, str, float]] = (),
    score: float = 0.95,
    sharpness: float = 0.8,
) -> PlateEvidence:
    """Return evidence of one line of text.

    Args:
        text: What stands there, symbols of `hub.plates.alphabet`.
        box: Where, in pixels: x, y, width, height.
        probability: Of each character of `text`; the rest is spread over all others.
        doubts: Place, symbol and probability of what the reader takes a character for instead, so much at most being
            taken off the right one. "" stands for no character.
        score: Detector's probability that this is text.
        sharpness: Detail in the region.
    """
    if not isinstance(box, Box):
        box = Box(*box)
    rest = (1 - probability) / len(SYMBOLS)
    slots = np.full((len(text), len(SYMBOLS) + 1), rest, np.float32)
    for place, symbol in enumerate(text):
        slots[place, INDEX[symbol]] = probability
    for place, symbol, taken in doubts:
        slots[place, INDEX[text[place]]] -= taken
        slots[place, INDEX[symbol] if symbol else EMPTY] += taken
    right, bottom = float(box.x + box.w), float(box.y + box.h)
    return PlateEvidence(
        box=box,
        corners=((float(box.x), float(box.y)), (right, float(box.y)), (right, bottom), (float(box.x), bottom)),
        slots=slots,
        lines=(len(text),),
        breaks=np.full(len(text), 0.05, np.float32),
        centres=((np.arange(len(text)) + 0.5) / max(len(text), 1)).astype(np.float32),
        text=text,
        score=score,
        sharpness=sharpness,
    )


class PaintedReader(PlateReader):
    """Reads plates painted by `hub.testing.frames.paint` from real pixels, compressed or not."""

    name: ClassVar[str] = "painted"

    def read(self, image: Image) -> Sequence[PlateEvidence]:
        """Find each magenta frame that is whole and read the cells in it."""
        blue, green, red = (image[..., channel].astype(np.int16) for channel in range(3))
        edge = ((blue - green > 110) & (red - green > 110)).astype(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(edge, connectivity=8)
        found = []
        for label in range(1, count):
            x, y, w, h, _ = (int(value) for value in stats[label])
            if h >= 8 * 3 and (text := _read_cells(image, labels == label, Box(x, y, w, h))):
                found.append(evidence(text, Box(x, y, w, h)))
        return found


def _read_cells(image: Image, edge: NDArray[np.bool_], box: Box) -> str:
    """Return the text within a frame, "" where the frame is cut off or holds no text."""
    cell = box.h / (ROWS + 2)
    length = round((box.w / cell - 2) / 2)
    inset = max(1, int(cell / 4))
    sides = (edge[box.y + inset, :], edge[box.y + box.h - 1 - inset, :])
    columns = (edge[:, box.x + inset], edge[:, box.x + box.w - 1 - inset])
    whole = min(side.sum() / box.w for side in sides) > 0.8 and min(side.sum() / box.h for side in columns) > 0.8
    if not whole or length < 1:
        return ""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    text = ""
    for place in range(length):
        x = round(box.x + (2 + 2 * place) * cell)
        rows = [round(box.y + (1.5 + row) * cell) for row in range(ROWS)]
        number = sum(int(grey[y - 1 : y + 2, x - 1 : x + 2].mean() > 127) << row for row, y in enumerate(rows))
        if number >= len(SYMBOLS):
            return ""
        text += SYMBOLS[number]
    return text


class ScriptedReader(PlateReader):
    """Answers each call with the next item of a script, and with nothing once the script is over.

    Args:
        script: For each call what it sees, or an exception to raise.
    """

    name: ClassVar[str] = "scripted"

    def __init__(self, script: Iterable[Sequence[PlateEvidence] | Exception]) -> None:
        self._script = iter(script)
        self.calls = 0
        """How often it was asked."""

    def read(self, image: Image) -> Sequence[PlateEvidence]:
        """Return or raise the script's next item."""
        del image
        self.calls += 1
        item = next(self._script, ())
        if isinstance(item, Exception):
            raise item
        return item


class FailingReader(PlateReader):
    """Raises at every call.

    Args:
        make_error: Makes what is raised; plugins do not keep to `ModelError`.
    """

    name: ClassVar[str] = "failing"

    def __init__(self, make_error: Callable[[], Exception] = lambda: ModelError("the model does not run")) -> None:
        self._make_error = make_error

    def read(self, image: Image) -> Sequence[PlateEvidence]:
        """Raise."""
        del image
        raise self._make_error()


class HangingReader(PlateReader):
    """Does not return until it is released."""

    name: ClassVar[str] = "hanging"

    def __init__(self) -> None:
        self._released = threading.Event()

    def read(self, image: Image) -> Sequence[PlateEvidence]:
        """Wait for `release`, then find nothing."""
        del image
        self._released.wait()
        return ()

    def release(self) -> None:
        """Let every call return, so that a test leaves no thread behind."""
        self._released.set()
