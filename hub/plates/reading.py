"""Reads a picture: the reader's evidence, decoded and gated by `judge`, in which everything that reads one agrees.

`read_image` does both after one another; the plates actor judges one frame while the model looks at the next. No
tracking over frames (`hub.plates.consensus`) and no look-up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from hub.backends import PlateReader
from hub.messages import PlateEvidence, Reading, Reason
from hub.plates.decode import Solution, solve
from hub.plates.gates import ORDER, gate_look, gate_reading, line_height, odds
from hub.plates.grammar import GrammarBook
from hub.plates.settings import PlateSettings


class RegionRead(Struct, frozen=True, eq=False):
    """One text region and what became of it."""

    evidence: PlateEvidence
    readings: tuple[Reading, ...]
    """Ranked, best first; empty where no grammar fits or it is no plate whatever it says."""
    reason: Reason
    """`Reason.READ` where it passed every gate, else the one gate that it failed."""


class ImageRead(Struct, frozen=True, eq=False):
    """All text regions of one picture."""

    regions: tuple[RegionRead, ...]
    """Those that passed first, best first; then the others."""
    reason: Reason
    """`Reason.READ`, `Reason.NO_TEXT` where there is no region, else the best region's."""

    @property
    def passed(self) -> tuple[RegionRead, ...]:
        """Regions that passed every gate, best first."""
        return tuple(region for region in self.regions if region.reason is Reason.READ)


def judge(
    evidence: Sequence[PlateEvidence], size: tuple[int, int], book: GrammarBook, settings: PlateSettings
) -> ImageRead:
    """Decode and gate what a reader saw in one picture.

    Args:
        evidence: Regions in any order.
        size: Height and width of the picture in pixels.
        book: The grammars.
        settings: Thresholds of the gates.
    """
    regions = [_judge(each, size, book, settings) for each in evidence]
    regions.sort(key=_rank)
    regions = _without_satellites(_lone(regions, size, settings))
    regions.sort(key=_rank)
    judged = tuple(RegionRead(each.evidence, each.solution.readings, each.reason) for each in regions)
    return ImageRead(judged, judged[0].reason if judged else Reason.NO_TEXT)


def read_image(reader: PlateReader, image: NDArray[np.uint8], book: GrammarBook, settings: PlateSettings) -> ImageRead:
    """Read one picture. Blocks while the model runs.

    Args:
        reader: The plate reader.
        image: uint8 [height, width, 3], BGR.
        book: The grammars.
        settings: Thresholds of the gates.

    Raises:
        ModelError: The model does not run.
    """
    return judge(reader.read(image), (image.shape[0], image.shape[1]), book, settings)


class _Judged(Struct, frozen=True, eq=False):
    evidence: PlateEvidence
    solution: Solution
    reason: Reason


def _judge(each: PlateEvidence, size: tuple[int, int], book: GrammarBook, settings: PlateSettings) -> _Judged:
    reason = gate_look(each, size, settings)
    if reason is not Reason.READ:  # decoding costs more than all else here
        return _Judged(each, Solution((), 0.0), reason)
    solution = solve(each.slots, each.lines, each.breaks, book, settings)
    return _Judged(each, solution, gate_reading(each, solution, settings))


def _rank(region: _Judged) -> tuple[int, float]:
    """Order regions: how far they came, then how sure and how large."""
    weight = region.solution.fit * region.evidence.score * line_height(region.evidence)
    return -ORDER.index(region.reason), -weight


def _lone(regions: list[_Judged], size: tuple[int, int], settings: PlateSettings) -> list[_Judged]:
    """Believe the one text of a picture that fails for its grammar alone, where nothing else is a plate.

    Who takes a picture of a vehicle takes one of its plate, so that a number of the owner's choice, which by what it
    says could be any word, is more likely there than in a picture that has a plate already.
    """
    if any(region.reason is Reason.READ for region in regions):
        return regions
    lone = [region for region in regions if region.reason is Reason.NO_GRAMMAR and region.solution.readings]
    lone = [region for region in lone if odds(region.evidence, region.solution) >= settings.lone_odds]
    lone.sort(key=lambda region: -odds(region.evidence, region.solution))
    if not lone or (len(lone) > 1 and odds(lone[1].evidence, lone[1].solution) > settings.lone_odds + 1.0):
        return regions
    best = lone[0]
    reading = best.solution.readings[0]
    wide = best.evidence.box.w >= settings.lone_width * size[1] and len(reading.plate) >= settings.lone_length
    sure = min(each.probability for each in reading.characters) >= settings.lone_character
    if not wide or not sure or best.evidence.sharpness < settings.minimum_sharpness:
        return regions
    return [replace(each, reason=Reason.READ) if each is best else each for each in regions]


def _without_satellites(regions: list[_Judged]) -> list[_Judged]:
    """Take back reads that are part of another plate: the name of the state or of the dealer above or below it."""
    kept: list[_Judged] = []
    for region in regions:
        if region.reason is Reason.READ and any(_beside(region.evidence, other.evidence) for other in kept):
            kept.append(replace(region, reason=Reason.NOT_A_PLATE))
        else:
            kept.append(region)
    return kept


def _beside(region: PlateEvidence, plate: PlateEvidence) -> bool:
    """Say whether a region stands right above or below a larger one."""
    one, other = region.box, plate.box
    common = min(one.x + one.w, other.x + other.w) - max(one.x, other.x)
    gap = max(one.y, other.y) - min(one.y + one.h, other.y + other.h)
    return line_height(region) < line_height(plate) and common > 0.5 * min(one.w, other.w) and gap < 0.8 * other.h
