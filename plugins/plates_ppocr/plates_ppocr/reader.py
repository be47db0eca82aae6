"""Finds the lines of text in a picture, reads the promising ones again at their own resolution, says what was seen.

No decision on what is a plate: that is `hub.plates`. Where to look twice is decided here, because it costs time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

import cv2
import numpy as np
from msgspec import Struct

from hub.backends import PlateReader, PrintedLine
from hub.messages import Box, PlateEvidence
from hub.vision.quality import plate_look, sharpness
from plates_ppocr.boxes import TextBox, fill, grown, join, overlap, straighten
from plates_ppocr.detector import Detector
from plates_ppocr.lines import printed_lines
from plates_ppocr.network import Line, line_of, merge, moved, stack
from plates_ppocr.recogniser import HEIGHT, STRIDE, Recogniser

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]

COARSE_PIXELS: Final = 300_000
"""Pixels of the picture in the first pass: a plate of 1/14 of the width then has letters of about 10 pixels."""

FINE_PIXELS: Final = 1_100_000
"""Pixels of the picture in the second pass, made only where the first found nothing convincing."""

LARGEST_SCALE: Final = 1.3
"""How much a small picture is enlarged for the second pass: the detector misses narrow letters at their own size."""

LARGEST_PIXELS: Final = 8_000_000
"""A larger picture is made smaller before anything else, which bounds time and memory."""

TEXT_HEIGHT: Final = 32.0
"""Height in pixels to which the text of a promising region is brought before it is looked at again."""

MOST_READ: Final = 6
"""Regions of one pass that are read at all, the most promising first."""

MOST_REFINED: Final = 2
"""Regions of one pass that are looked at again."""

SURE: Final = 0.93
"""Certainty from which one view of a line is enough."""

MARGIN: Final = 32
"""Empty pixels after a line: the recogniser may leave out the last character of a line that ends with the picture."""


class _Region(Struct, frozen=True, eq=False):
    """Text in the picture with what was read there."""

    box: TextBox
    lines: tuple[Line, ...]
    text: str

    @property
    def symbols(self) -> float:
        """How many symbols of plates stand here."""
        return sum(line.symbols for line in self.lines)

    @property
    def certainty(self) -> float:
        """How sure the recogniser is of them, 0 to 1."""
        return min((line.certainty for line in self.lines), default=0.0)


class PpocrReader(PlateReader):
    """PP-OCRv6 text detector and recogniser in onnxruntime."""

    name: ClassVar[str] = "ppocr"
    # A network's threads wait for each other after every step; another picture's use that time.
    at_once: ClassVar[int] = 2

    def __init__(self, *, threads: int = 2) -> None:
        self._detector = Detector(threads=threads)
        self._recogniser = Recogniser(threads=threads)

    def read(self, image: Image) -> Sequence[PlateEvidence]:
        """Look at one picture; see `hub.backends.PlateReader.read`."""
        height, width = image.shape[:2]
        if min(height, width) < 8:
            return []
        shrink = min(1.0, (LARGEST_PIXELS / (height * width)) ** 0.5)
        if shrink < 1.0:
            size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        pixels = image.shape[0] * image.shape[1]
        coarse = min(1.0, math.sqrt(COARSE_PIXELS / pixels))
        fine = min(LARGEST_SCALE, math.sqrt(FINE_PIXELS / pixels))
        regions = self._pass(image, coarse)
        if fine > 1.2 * coarse and not any(map(_convincing, regions)):
            regions = _distinct([*self._pass(image, fine), *regions])
        return [_evidence(image, region, shrink) for region in regions]

    def lines(self, image: Image) -> Sequence[PrintedLine]:
        """Read long lines of print; see `hub.backends.PlateReader.lines`."""
        return printed_lines(self._detector, self._recogniser, image)

    def _pass(self, image: Image, scale: float) -> list[_Region]:
        """Find, read and refine text with the picture resized by a factor."""
        boxes = [box for box in self._detector.detect(image, scale=scale, threshold=0.3) if _possible(box, image)]
        boxes.sort(key=_promise, reverse=True)
        regions = sorted((self._look(image, box) for box in boxes[:MOST_READ]), key=_interest, reverse=True)
        final: list[_Region] = []
        refined = 0
        for region in regions:
            if any(_same(region.box, other.box) for other in final):
                continue
            worth = _interest(region) > 0 and (_convincing(region) or not any(map(_convincing, final)))
            if worth and refined < MOST_REFINED:
                refined += 1
                final.append(self._again(image, region))
            else:
                final.append(region)
        return _distinct(sorted(final, key=_interest, reverse=True))

    def _look(self, image: Image, box: TextBox) -> _Region:
        line, text = self._line(image, box)
        return _Region(box, (line,), text)

    def _line(self, image: Image, box: TextBox) -> tuple[Line, str]:
        crop = straighten(image, box, HEIGHT)
        width = -(-(crop.shape[1] + MARGIN) // STRIDE) * STRIDE
        steps, texts = self._recogniser.read([crop], width=width)
        return line_of(steps[0], end=width / crop.shape[1]), texts[0]

    def _again(self, image: Image, region: _Region) -> _Region:
        """Detect the text once more in an enlarged cut-out and read it there, beside the first view."""
        found = self._redetect(image, region.box)
        around = [each for each in found if fill(each, region.box) > 0.6 and each.width > 0.75 * region.box.width]
        box = max(around, key=lambda each: overlap(each, region.box), default=region.box)
        if box is region.box:
            line, text = region.lines[0], region.text
        else:
            line, text = self._line(image, box)
            first = moved(region.lines[0], *_ends(region.box, box))
            if first.certainty > line.certainty:
                text = region.text
            line = merge(line, first)
        if line.certainty < SURE:
            tight = grown(box, 0.0, -0.15)
            line = merge(line, moved(self._line(image, tight)[0], *_ends(tight, box)))
        for other in found:
            if other is not box and _stacked(box, other) and line.symbols < 5.5:
                below = other.corners[0, 1] > box.corners[0, 1]
                second, more = self._line(image, other)
                if not 1.5 < second.symbols < 5.5 or second.certainty < 0.7:
                    continue
                lines, texts = ((line, second), (text, more)) if below else ((second, line), (more, text))
                return _Region(join(box, other), lines, " ".join(texts))
        return _Region(box, (line,), text)

    def _redetect(self, image: Image, box: TextBox) -> list[TextBox]:
        low, high = box.corners.min(axis=0), box.corners.max(axis=0)
        pad = np.array([0.3 * (high[0] - low[0]), 1.2 * box.height])
        x, y = (int(v) for v in np.maximum(low - pad, 0))
        right, bottom = (int(v) for v in np.minimum(high + pad, image.shape[1::-1]))
        if min(right - x, bottom - y) < 4:
            return []
        scale = TEXT_HEIGHT / max(box.height, 1.0)
        found = [
            TextBox(each.corners + np.array([x, y], np.float32), each.score)
            for each in self._detector.detect(image[y:bottom, x:right], scale=scale, threshold=0.4)
        ]
        found = [each for each in found if each.height > 0.4 * box.height]
        return [each for each in _joined(found) if _possible(each, image)]


def _ends(box: TextBox, region: TextBox) -> tuple[float, float]:
    """Return where a box begins and ends along a region, 0 at the region's left and 1 at its right."""
    axis = region.corners[1] - region.corners[0]
    start, end = (box.corners[:2] - region.corners[0]) @ axis / max(float(axis @ axis), 1e-6)
    return float(start), float(end)


def _joined(boxes: list[TextBox]) -> list[TextBox]:
    """Put parts of one line together that an emblem or a gap keeps apart."""
    boxes = sorted(boxes, key=lambda box: float(box.corners[0, 0]))
    joined: list[TextBox] = []
    for box in boxes:
        if joined and _same_line(joined[-1], box):
            joined[-1] = join(joined[-1], box)
        else:
            joined.append(box)
    return joined


def _same_line(left: TextBox, right: TextBox) -> bool:
    height = max(left.height, right.height)
    gap = float(np.linalg.norm((right.corners[0] + right.corners[3] - left.corners[1] - left.corners[2]) / 2))
    drop = abs(float(right.centre[1] - left.centre[1]))
    return min(left.height, right.height) > 0.7 * height and gap < 0.8 * height and drop < 0.4 * height


def _stacked(one: TextBox, other: TextBox) -> bool:
    """Say whether two boxes may be the lines of one plate: short, of equal height, one right above the other."""
    height = max(one.height, other.height)
    apart = abs(float(one.centre[1] - other.centre[1]))
    beside = abs(float(one.centre[0] - other.centre[0]))
    wide = max(one.width, other.width)
    return (
        min(one.height, other.height) > 0.7 * height
        and wide < 4.5 * height
        and 0.6 * height < apart < 1.6 * height
        and beside < 0.4 * wide
    )


def _possible(box: TextBox, image: Image) -> bool:
    """Say whether a box may hold a plate's number; burnt-in text at the picture's rim does not."""
    if box.height < 6 or not 0.8 <= box.width / box.height <= 12:
        return False
    height = image.shape[0]
    at_rim = not 0.03 * height < box.centre[1] < 0.97 * height
    return not (at_rim and box.height < 0.035 * height)


def _promise(box: TextBox) -> float:
    """Order boxes before anything was read: sure text, in the proportions of a plate's number, large."""
    aspect = box.width / box.height
    return box.score * min(1.0, aspect / 2.0, 7.0 / aspect) * math.sqrt(box.height)


def _interest(region: _Region) -> float:
    """Order regions once they were read: as many sure symbols of plates as a plate has."""
    count = region.symbols
    if not 1.5 <= count <= 12.5:
        return 0.0
    mixed = 1.0 if _convincing(region) else 0.5
    return mixed * region.certainty * min(1.0, count / 5.0, 9.0 / count) * math.sqrt(math.sqrt(region.box.height))


def _convincing(region: _Region) -> bool:
    """Say whether a region surely holds what looks like a plate's number, so that no second pass is needed."""
    digits = sum(line.digits for line in region.lines)
    return 4.5 < region.symbols < 9.5 and region.certainty > 0.8 and 0.8 < digits < region.symbols - 0.8


def _same(one: TextBox, other: TextBox) -> bool:
    """Say whether two boxes are around the same text, or one around a part of the other's."""
    alike = min(one.height, other.height) > 0.5 * max(one.height, other.height)
    return overlap(one, other) > 0.5 or (alike and fill(one, other) > 0.7)


def _distinct(regions: Iterable[_Region]) -> list[_Region]:
    """Drop regions that lie over an earlier one."""
    kept: list[_Region] = []
    for region in regions:
        if not any(_same(region.box, other.box) for other in kept):
            kept.append(region)
    return kept


def _evidence(image: Image, region: _Region, shrink: float) -> PlateEvidence:
    corners = region.box.corners
    size = np.array(image.shape[1::-1])
    x, y = (int(v) for v in np.clip(corners.min(axis=0), 0, size - 1))
    right, bottom = (int(v) for v in np.clip(np.ceil(corners.max(axis=0)), (x + 1, y + 1), size))
    line = stack(region.lines)
    return PlateEvidence(
        box=Box(*(int(v / shrink) for v in (x, y)), *(max(1, int(v / shrink)) for v in (right - x, bottom - y))),
        corners=tuple((float(a) / shrink, float(b) / shrink) for a, b in corners),
        slots=line.slots,
        lines=tuple(len(each.slots) for each in region.lines),
        breaks=line.breaks,
        centres=line.places.clip(0.0, 1.0),
        text=region.text,
        score=min(1.0, region.box.score),
        sharpness=sharpness(image[y:bottom, x:right]),
        look=plate_look(image, corners.tolist()),
    )
