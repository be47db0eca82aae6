"""Says of one text region why it is no plate, or that it passed: geometry, size, detail, characters, grammar.

Pure; the order of the gates matters only for which one reason a region leaves with.
"""

from __future__ import annotations

import math
import re
from typing import Final

from hub.messages import PlateEvidence, Reason
from hub.plates.alphabet import EMPTY, SYMBOLS, normalise
from hub.plates.decode import Solution
from hub.plates.lettering import is_lettering
from hub.plates.settings import PlateSettings

NOT_PLATES: Final = re.compile(
    r"(19|20)\d\d[-./:_ ]*(0[1-9]|1[0-2])[-./:_ ]*([0-2]\d|3[01])"  # a date, year first
    r"|([0-2]\d|3[01])[-./](0[1-9]|1[0-2])[-./](19|20)?\d\d"  # day first
    r"|(19|20)\d\d[-./:](0\d|1[0-2])"  # year and month
    r"|\b([01]\d|2[0-3])[:.][0-5]\d([:.][0-5]\d)?\b(?=.*:|$)"  # time of day
    r"|\d{3}[-.) ]+\d{3}[-. ]+\d{4}|^\W*\d{3}-\d{4}\W*$"  # telephone
    r"|www|https?:|\.(com|net|org|info|[a-z]{2})\b|@|[$€£%]",  # address, price
)
"""What signs, lettering and burnt-in captions say that plates do not."""

ROUND: Final = frozenset("COQDG0")
"""What rings are read as."""

ORDER: Final = (
    Reason.WRONG_SHAPE,
    Reason.TOO_SMALL,
    Reason.NOT_A_PLATE,
    Reason.NO_GRAMMAR,
    Reason.BLURRED,
    Reason.LOW_CHARACTER,
    Reason.READ,
)
"""From the reason that says least of a plate to the one that says most: a frame takes its best region's."""


def gate_look(evidence: PlateEvidence, size: tuple[int, int], settings: PlateSettings) -> Reason:
    """Return the one reason for which a region is no plate whatever it says, `Reason.READ` where there is none.

    Args:
        evidence: What the reader saw.
        size: Height and width of the picture in pixels.
        settings: The thresholds.
    """
    if not _plate_shaped(evidence, size, settings):
        return Reason.WRONG_SHAPE
    if line_height(evidence) < settings.minimum_height:
        return Reason.TOO_SMALL
    if _says_no_plate(evidence, settings):
        return Reason.NOT_A_PLATE
    return Reason.READ


def gate_reading(evidence: PlateEvidence, solution: Solution, settings: PlateSettings) -> Reason:
    """Return the one reason of a region that `gate_look` lets pass.

    Args:
        evidence: What the reader saw.
        solution: What `hub.plates.decode` makes of it.
        settings: The thresholds.
    """
    if not solution.readings or odds(evidence, solution) < settings.minimum_odds:
        return Reason.NO_GRAMMAR
    if evidence.sharpness < settings.minimum_sharpness:
        return Reason.BLURRED
    if min(character.probability for character in solution.readings[0].characters) < settings.minimum_character:
        return Reason.LOW_CHARACTER
    return Reason.READ


def odds(evidence: PlateEvidence, solution: Solution) -> float:
    """Return the log odds that a region is a plate: by what it says, and within bounds by how it looks."""
    look = _logit(evidence.look)
    return _logit(solution.fit) + min(max(look, -1.5), 2.5)


def line_height(evidence: PlateEvidence) -> float:
    """Return the height of one line of text, in pixels."""
    return _sides(evidence)[1] / max(len(evidence.lines), 1)


def _logit(probability: float) -> float:
    inside = min(max(probability, 1e-6), 1.0 - 1e-6)
    return math.log(inside / (1.0 - inside))


def _sides(evidence: PlateEvidence) -> tuple[float, float]:
    """Return width along the text and height across it, in pixels."""
    (ax, ay), (bx, by), _, (dx, dy) = evidence.corners
    return math.hypot(bx - ax, by - ay), math.hypot(dx - ax, dy - ay)


def _plate_shaped(evidence: PlateEvidence, size: tuple[int, int], settings: PlateSettings) -> bool:
    width, height = _sides(evidence)
    lines = max(len(evidence.lines), 1)
    if not settings.minimum_aspect <= width * lines / max(height, 1.0) <= settings.maximum_aspect:
        return False
    (ax, ay), (bx, by), *_ = evidence.corners
    if abs(by - ay) > settings.maximum_slope * abs(bx - ax):
        return False
    middle = (evidence.box.y + evidence.box.h / 2) / size[0]
    caption = line_height(evidence) < settings.caption_height * size[0]
    return not (caption and not settings.caption_rim <= middle <= 1.0 - settings.caption_rim)


def _says_no_plate(evidence: PlateEvidence, settings: PlateSettings) -> bool:
    present = evidence.slots[evidence.slots[:, EMPTY] < 0.5]
    seen = "".join(SYMBOLS[int(row[:EMPTY].argmax())] for row in present)
    if len(seen) < settings.shortest_text or len(normalise(evidence.text)) > settings.longest_text:
        return True
    strange = float((1.0 - present.sum(axis=1)).clip(0.0).mean())
    return (
        evidence.score < settings.minimum_score
        or strange > settings.maximum_strange
        or set(seen) <= ROUND
        or bool(NOT_PLATES.search(evidence.text))
        or is_lettering((seen, evidence.text))
    )
