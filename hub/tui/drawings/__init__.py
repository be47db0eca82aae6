"""What is on the screen, one drawing a file: pure functions of the state, the time and the room there is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

from msgspec import Struct
from rich.text import Text

from hub.tui.state import State


class View(Struct, frozen=True):
    """What a drawing is made from."""

    state: State
    now: datetime
    width: int
    """Columns that the drawing has."""
    height: int
    """Lines that are seen of it at once."""


Draw: TypeAlias = Callable[[View], Text]
