"""Reads a picture: the reader's evidence, decoded and gated. The one way in which anything of the hub reads one.

No tracking over frames (`hub.plates.consensus`) and no look-up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from hub.backends import PlateReader
from hub.messages import PlateEvidence, Reading, Reason
from hub.plates.decode import decode
from hub.plates.gates import ORDER, gate
from hub.plates.grammar import GrammarBook
from hub.plates.settings import PlateSettings


class RegionRead(Struct, frozen=True, eq=False):
    """One text region and what became of it."""

    evidence: PlateEvidence
    readings: tuple[Reading, ...]
    """Ranked, best first; empty where no grammar fits."""
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
    regions = []
    for each in evidence:
        readings = decode(each.slots, each.lines, each.breaks, book, settings)
        regions.append(RegionRead(each, readings, gate(each, readings, size, settings)))
    regions.sort(key=lambda region: (-ORDER.index(region.reason), -_weight(region)))
    return ImageRead(tuple(regions), regions[0].reason if regions else Reason.NO_TEXT)


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


def _weight(region: RegionRead) -> float:
    """Order regions: how sure, how surely text, and how large."""
    confidence = region.readings[0].confidence if region.readings else 0.0
    return confidence * region.evidence.score * region.evidence.box.h
