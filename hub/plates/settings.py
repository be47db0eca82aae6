"""Settings of everything under `hub.plates`. Frozen; filled by `hub.config`, read nowhere else from the environment."""

from __future__ import annotations

from msgspec import Struct


class PlateSettings(Struct, frozen=True):
    """What an operator may set about plates."""

    home: tuple[str, ...] = ()
    """Jurisdictions expected here, ISO 3166-1 alpha-2 or with a subdivision (``US-CA``); a country stands for all of
    its subdivisions. Their grammars get a higher prior; no other plate is ruled out."""
    home_weight: float = 20.0
    """How many times likelier a plate of a home jurisdiction is than one of any other, at least 1."""
    false_alerts_per_ten_thousand: float = 1.0
    """Expected false alerts in 10,000 reads of unlisted plates, from which the cost limit of a hot-list follows."""
