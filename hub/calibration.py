"""What a similarity of two faces means: how often different people of a research set were at least as alike (C10).

A calibration belongs to one model and holds counts only, no face and no name. Pure but for reading files; who may
compare what is decided elsewhere, and calibrations are made by `hub.evaluation.calibration`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from hub.errors import ModelError, UsageError

LEAST_COUNT: Final = 10
"""A rate is told from no fewer comparisons than this: below, chance has a larger say than the model."""


class Rate(Struct, frozen=True):
    """How often different people are at least so alike."""

    value: float
    """0 to 1."""
    at_most: bool
    """True where fewer than `LEAST_COUNT` pairs were: then the value is an upper bound and not an estimate."""
    reached: int
    """Pairs of different people that were at least so alike."""
    comparisons: int
    """Pairs of different people that were compared."""


class Calibration(Struct, frozen=True, forbid_unknown_fields=True):
    """Histograms of similarities over the pictures of one research set, each picture with every other."""

    model: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    """SHA-256 of the model that embedded."""
    set: str
    """Name of the research set."""
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    """SHA-256 over the digests of its pictures, in the order of their names."""
    people: int
    pictures: int
    """Pictures with a face above the quality floor."""
    left_out: int
    """Pictures without one."""
    low: float
    """Least similarity of the first bin; lower ones are counted there."""
    width: Annotated[float, Meta(gt=0)]
    """Width of a bin."""
    different: tuple[Annotated[int, Meta(ge=0)], ...]
    """Pairs of different people in each bin."""
    same: tuple[Annotated[int, Meta(ge=0)], ...]
    """Pairs of pictures of one person in each bin."""
    not_measured: tuple[str, ...]
    """What these figures say nothing about."""

    @property
    def comparisons(self) -> int:
        """Pairs of different people."""
        return sum(self.different)

    @property
    def finest(self) -> float:
        """The finest budget that it can support."""
        return LEAST_COUNT / self.comparisons if self.comparisons else 1.0

    def rate(self, similarity: float) -> Rate:
        """Return how often different people are at least so alike; the whole bin of the similarity counts."""
        reached = sum(self.different[self._bin(similarity) :])
        total = max(self.comparisons, 1)
        return Rate(min(1.0, max(reached, LEAST_COUNT) / total), reached < LEAST_COUNT, reached, self.comparisons)

    def threshold(self, budget: float) -> float:
        """Return the least similarity that different people reach no more often than a budget allows.

        Args:
            budget: Share of comparisons between different people, such as 0.001.

        Raises:
            UsageError: The budget is finer than the calibration can support; nothing is extrapolated.
        """
        if not self.finest <= budget <= 1:
            raise UsageError(
                f"a budget of {budget:g} cannot be told from {self.comparisons} comparisons: {self.finest:.2g} at least"
            )
        allowed, reached, place = budget * self.comparisons, 0, len(self.different)
        while place and reached + self.different[place - 1] <= allowed:
            place -= 1
            reached += self.different[place]
        return round(self.low + place * self.width, 6)

    def same_below(self, similarity: float) -> tuple[int, int]:
        """Return how many pairs of one person were less alike than that, and of how many."""
        return sum(self.same[: self._bin(similarity)]), sum(self.same)

    def _bin(self, similarity: float) -> int:
        # A bin's lower edge belongs to it, also where the division falls short of it by rounding.
        return min(max(int((similarity - self.low) / self.width + 1e-9), 0), len(self.different))


def load_calibration(model: str, folder: Path) -> Calibration:
    """Return the calibration of a model.

    Args:
        model: SHA-256 of the model that embeds.
        folder: Folder of calibrations.

    Raises:
        ModelError: There is none for this model, or a file is none: without one nothing may be compared.
    """
    for path in sorted(folder.glob("*.json")):
        if (found := read_calibration(path)).model == model:
            return found
    raise ModelError(f"there is no calibration for the face model {model[:16]}, so that nothing may be compared")


def read_calibration(path: Path) -> Calibration:
    """Read one calibration, as `patrol-hub watchlist calibrate` writes it.

    Raises:
        ModelError: It is none.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Calibration)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError(f"{path.name} is no calibration: {error}") from error
    if len(found.different) != len(found.same) or not found.comparisons:
        raise ModelError(f"{path.name} is no calibration: its histograms do not fit together")
    return found
