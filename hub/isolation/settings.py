"""What a unit's configuration says of the processes in which third-party plugins run."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class Isolation(Struct, frozen=True):
    """The table ``[isolation]``."""

    memory_megabytes: Annotated[int, Meta(ge=256, le=65536)] = 1024
    """Address space of one process."""
    processor_seconds: Annotated[int, Meta(ge=10, le=1_000_000)] = 600
    """Processor time of one process in its life; the kernel then ends it, and the next call starts another."""
    user: Annotated[str, Meta(pattern=r"^([a-z_][a-z0-9_-]{0,31})?$")] = ""
    """Account that the processes of a hub started as root change to; "" for root without any capability."""
