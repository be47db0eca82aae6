"""Says of one text region why it is no plate, or that it passed: geometry, size, detail, characters, grammar.

Pure; order matters only for which one reason a region leaves with.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from hub.messages import PlateEvidence, Reading, Reason
from hub.plates.alphabet import normalise
from hub.plates.settings import PlateSettings

DATE_OR_TIME: Final = re.compile(
    r"\d{4}[-./:]?(0[1-9]|1[0-2])[-./:]?([0-2]\d|3[01])"
    r"|([0-2]\d|3[01])[-./](0[1-9]|1[0-2])[-./]\d{2}"
    r"|([01]\d|2[0-3])[:.][0-5]\d([:.][0-5]\d)?"
)
"""A burnt-in date (year first, or day first) or time of day."""

ADDRESS: Final = re.compile(r"www|https?|\.(com|net|org|de|fr|es|br|sk|eu|info)\b|@", re.IGNORECASE)
"""A web or mail address."""

ORDER: Final = (
    Reason.WRONG_SHAPE,
    Reason.TOO_SMALL,
    Reason.NOT_A_PLATE,
    Reason.NO_GRAMMAR,
    Reason.BLURRED,
    Reason.LOW_CHARACTER,
    Reason.READ,
)
"""From the reasons that say least of a plate to the one that says most: a frame takes its best region's."""


def gate(
    evidence: PlateEvidence, readings: Sequence[Reading], size: tuple[int, int], settings: PlateSettings
) -> Reason:
    """Return the one reason of a region.

    Args:
        evidence: What the reader saw.
        readings: What `hub.plates.decode` makes of it, best first.
        size: Height and width of the picture in pixels.
        settings: The thresholds.
    """
    del size
    for reason in (
        _shape(evidence, settings),
        _size(evidence, settings),
        _text(evidence, settings),
    ):
        if reason is not None:
            return reason
    if sum(reading.confidence for reading in readings) < settings.minimum_fit:
        return Reason.NO_GRAMMAR
    if evidence.sharpness < settings.minimum_sharpness:
        return Reason.BLURRED
    if min(character.probability for character in readings[0].characters) < settings.minimum_character:
        return Reason.LOW_CHARACTER
    return Reason.READ


def _sides(evidence: PlateEvidence) -> tuple[float, float]:
    """Return width along the text and height across it, in pixels."""
    (ax, ay), (bx, by), _, (dx, dy) = evidence.corners
    return ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5, ((dx - ax) ** 2 + (dy - ay) ** 2) ** 0.5


def _shape(evidence: PlateEvidence, settings: PlateSettings) -> Reason | None:
    width, height = _sides(evidence)
    aspect = width / max(height, 1.0) * len(evidence.lines)
    if not settings.minimum_aspect <= aspect <= settings.maximum_aspect:
        return Reason.WRONG_SHAPE
    (ax, ay), (bx, by), *_ = evidence.corners
    if abs(by - ay) > settings.maximum_slope * abs(bx - ax):
        return Reason.WRONG_SHAPE
    return None


def _size(evidence: PlateEvidence, settings: PlateSettings) -> Reason | None:
    _, height = _sides(evidence)
    return Reason.TOO_SMALL if height / len(evidence.lines) < settings.minimum_height else None


def _text(evidence: PlateEvidence, settings: PlateSettings) -> Reason | None:
    if evidence.score < settings.minimum_score:
        return Reason.NOT_A_PLATE
    if len(normalise(evidence.text)) > settings.longest_text:
        return Reason.NOT_A_PLATE
    if DATE_OR_TIME.search(evidence.text) or ADDRESS.search(evidence.text):
        return Reason.NOT_A_PLATE
    strange = float((1.0 - evidence.slots.sum(axis=1)).clip(0.0).sum()) / max(len(evidence.slots), 1)
    return Reason.NOT_A_PLATE if strange > settings.maximum_strange else None
