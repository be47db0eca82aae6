"""The one widget that shows state: it keeps nothing but what it last drew."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rich.text import Text
from textual.widgets import Static

from hub.tui.drawings import Draw, View

if TYPE_CHECKING:
    from datetime import datetime

    from hub.tui.app import Dashboard
    from hub.tui.state import State


class Slice(Static):
    """Shows what a drawing makes of the state.

    Args:
        draw: The drawing.
        id: Name in the layout.
    """

    DEFAULT_CSS = "Slice { width: 1fr; height: auto; }"

    def __init__(self, draw: Draw, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(markup=False, id=id, classes=classes)
        self._draw = draw
        self._drawn: Text | None = None

    def show(self, state: State, now: datetime) -> None:
        """Draw the state, and change the screen only where the drawing is another one; an empty one takes no room."""
        size = self.content_size
        width, height = size.width or self.app.size.width, size.height or self.app.size.height
        drawn = self._draw(View(state, now, width, height))
        if drawn == self._drawn:
            return
        self._drawn = drawn
        self.display = bool(drawn.plain)
        self.update(drawn)

    def on_resize(self) -> None:
        """Draw again, as there is more or less room."""
        cast("Dashboard", self.app).show_soon()
