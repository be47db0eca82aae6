"""From a budget of false alerts to the threshold of this list on this stream; from what was found to an answer (C10).

Pure. Expected false alerts = faces offered x entries x rate at which different people are at least so alike; the rate
comes from a model's calibration and from nowhere else. A budget that would need a rate finer than the calibration can
tell is refused, never extrapolated. Counting, comparing and raising alerts is not done here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Final, Protocol

from msgspec import Meta, Struct

from hub.calibration import LEAST_COUNT, Calibration
from hub.errors import UsageError

LOOSEST: Final = 0.001
"""However short a list and however generous a budget: a candidate is a face that at most 1 in 1,000 different people
resembles so much, the same as in a 1:1 check."""

Z: Final = 1.96
"""Standard deviations of an interval that 19 of 20 such measurements would cover."""


class FaceSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The table ``[faces]`` of a configuration: how many false alerts are worth a face that is found."""

    false_alerts_per_probe: Annotated[float, Meta(gt=0, le=1)] = 0.02
    """False alerts expected from one probe of somebody who is not listed: 0.02 is 1 in 50 probes."""
    false_alerts_per_hour: Annotated[float, Meta(gt=0, le=60)] = 2.0
    """False alerts expected in an hour of watching under an order."""
    faces_per_hour: Annotated[float, Meta(ge=1, le=100_000)] = 600.0
    """Different faces that pass the cameras of a watch in an hour; the threshold follows from it."""
    margin: Annotated[float, Meta(ge=0.005, le=0.1)] = 0.01
    """Two entries whose similarities to a face are closer than this are ambiguous: neither is put first."""


class ListThreshold(Struct, frozen=True):
    """From which similarity on a face is a candidate for an entry, and what that costs."""

    threshold: float
    """-1 to 1."""
    entries: int
    """Entries of the list."""
    faces: float
    """Faces of people who are not listed that the expectation is for."""
    budget: float
    """False alerts that were allowed for."""
    expected: float
    """False alerts expected from so many faces at this threshold."""
    low: float
    """Lower end of its interval."""
    high: float
    """Upper end of its interval."""
    at_most: bool
    """True where `expected` is an upper bound, because the calibration can tell nothing finer."""
    rate: float
    """How often two different people are at least so alike."""
    comparisons: int
    """Pairs of different people in the calibration."""


def threshold_for(
    calibration: Calibration, *, entries: int, faces: float, budget: float, least: float = -1.0
) -> ListThreshold:
    """Return the threshold at which no more false alerts are expected than a budget allows.

    Args:
        calibration: Of the model that embeds.
        entries: Entries of the list, at least 1.
        faces: How many faces of people who are not listed are offered, such as 1 for a probe or those of an hour.
        budget: False alerts that so many faces may lead to.
        least: Lowest threshold that may come of it, such as the one that a list was checked with.

    Raises:
        UsageError: The list is empty, or the budget is finer than the calibration can support; how to mend it.
    """
    if entries < 1 or not faces > 0 or not budget > 0:
        raise UsageError("a threshold is for a list with entries, for some faces and a budget over 0")
    comparisons = entries * faces
    rate = min(budget / comparisons, LOOSEST)
    # Rounding in the division must not refuse what is exactly at the limit.
    if rate < calibration.finest * (1 - 1e-9):
        raise UsageError(
            f"{budget:g} false alerts for {faces:g} faces against {entries:,} entries cannot be told from "
            f"{calibration.comparisons:,} comparisons of different people: "
            f"allow {_up(calibration.finest * comparisons):g} at least, or use a shorter list or a larger calibration"
        )
    at = max(least, calibration.threshold(max(rate, calibration.finest)))
    reached = calibration.rate(at)
    low, high = interval(max(reached.reached, LEAST_COUNT))
    scale = comparisons / calibration.comparisons
    return ListThreshold(
        threshold=at,
        entries=entries,
        faces=faces,
        budget=budget,
        expected=reached.value * comparisons,
        low=0.0 if reached.at_most else low * scale,
        high=high * scale,
        at_most=reached.at_most,
        rate=reached.value,
        comparisons=calibration.comparisons,
    )


def interval(count: int) -> tuple[float, float]:
    """Return between which counts a count of alike pairs would lie in 19 of 20 sets of other people.

    Pairs of one set are not independent: a person who resembles many is counted with each of them. Resampling the
    people of the shipped calibration's set 400 times, a count of 9 varied by 3 times as much as independent pairs
    would (as a variance), of 27 by 6, of 90 by 11, of 900 by 22 and of 9,000 by 31; `clumping` follows that from
    slightly above. For another set it is an assumption.

    Args:
        count: At least 1.
    """
    spread = math.exp(Z * math.sqrt(clumping(count) / count))
    return count / spread, count * spread


def clumping(count: int) -> float:
    """Return how many times the variance of independent pairs a count of alike pairs has."""
    return min(32.0, 1.3 * math.sqrt(count))


def describe(threshold: ListThreshold, per: str) -> str:
    """Return what a threshold means for an officer, such as "expected false alerts a probe: 0.019 (0.006 to 0.06)".

    Args:
        threshold: The threshold.
        per: What the number of faces is, such as ``a probe`` or ``an hour``.
    """
    bound = "at most " if threshold.at_most else ""
    return (
        f"expected false alerts {per}: {bound}{threshold.expected:.2g} ({threshold.low:.2g} to {threshold.high:.2g}), "
        f"over {threshold.entries:,} entries"
    )


# ------------------------------------------------------------------------------------------------ the answer


class Found(Protocol):
    """What a search gives for one template."""

    @property
    def entry(self) -> str:
        """Identifier of the entry."""
        ...

    @property
    def similarity(self) -> float:
        """-1 to 1."""
        ...


class FaceStatus(StrEnum):
    """What came of comparing a face with a list."""

    CANDIDATE = "candidate"
    """One entry is resembled more than the threshold asks, and clearly more than any other."""
    AMBIGUOUS = "ambiguous"
    """Two different entries lie within the margin: neither is put first."""
    NO_CANDIDATE = "no_candidate"
    NOT_COMPARED = "not_compared"
    """The face is below the quality floor, or there is none or more than one."""
    REFUSED = "refused"
    """No list in force, metering, or policy: nothing was compared."""


class Resembled(Struct, frozen=True):
    """An entry that a face resembles at least as much as the threshold asks."""

    entry: str
    similarity: float
    margin: float | None
    """By how much more than the next entry; for all but the first negative: by how much less than the first. None
    where there is no other entry."""


class Ranking(Struct, frozen=True):
    """What a search means at a threshold."""

    status: FaceStatus
    """`CANDIDATE`, `AMBIGUOUS` or `NO_CANDIDATE`."""
    resembled: tuple[Resembled, ...]
    """Entries over the threshold, most similar first; where one stands clear of the others, that one alone."""


def rank(found: Iterable[Found], threshold: float, margin: float) -> Ranking:
    """Turn what a search found into an answer.

    Args:
        found: Most similar templates of the list, in any order; several may belong to one entry.
        threshold: Similarity from which a face is a candidate.
        margin: Difference under which two entries cannot be told apart. The second counts also where it lies below
            the threshold, but is then not named: nothing below the threshold is.
    """
    best: dict[str, float] = {}
    for each in found:
        best[each.entry] = max(best.get(each.entry, -1.0), each.similarity)
    order = sorted(best.items(), key=lambda pair: (-pair[1], pair[0]))
    # Written so that a similarity that is no number is none.
    if not order or not order[0][1] >= threshold:
        return Ranking(FaceStatus.NO_CANDIDATE, ())
    first = order[0][1]
    lead = first - order[1][1] if len(order) > 1 else None
    if lead is None or lead >= margin:
        return Ranking(FaceStatus.CANDIDATE, (Resembled(order[0][0], first, lead),))
    tied = [(entry, similarity) for entry, similarity in order if first - similarity < margin]
    named = [(entry, similarity) for entry, similarity in tied if similarity >= threshold]
    return Ranking(
        FaceStatus.AMBIGUOUS,
        tuple(
            Resembled(entry, similarity, similarity - first if place else lead)
            for place, (entry, similarity) in enumerate(named)
        ),
    )


def _up(value: float) -> float:
    """Round up to two digits, so that what is asked for is enough."""
    power = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{math.ceil(value / power) * power:.3g}")
