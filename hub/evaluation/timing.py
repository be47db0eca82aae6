"""How long a measured call takes, as every report gives it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct


class Milliseconds(Struct, frozen=True):
    """How long one photo takes, decoding of the file not included."""

    median: float
    p95: float


def milliseconds(durations: Sequence[float]) -> Milliseconds:
    """Summarise durations, given in milliseconds; zeros where there are none."""
    if not durations:
        return Milliseconds(0.0, 0.0)
    median, p95 = np.percentile(durations, (50, 95))
    return Milliseconds(float(median), float(p95))
