"""What every dialog has: it stands over a screen, Escape leaves it, and it draws the state as screens do."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from hub.tui.slice import Slice
from hub.tui.state import State

if TYPE_CHECKING:
    from hub.tui.app import Dashboard


class Dialog(ModalScreen[None]):
    """Something that is asked for."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back")]
    DEFAULT_CSS = """
    Dialog { align: center middle; }
    Dialog .box { width: 76; max-width: 100%; height: auto; max-height: 100%; padding: 1 2; background: $surface;
           border: heavy $accent; }
    Dialog .box Input { margin-top: 1; }
    """

    @property
    def board(self) -> Dashboard:
        """The dashboard."""
        return cast("Dashboard", self.app)

    def show(self, state: State, now: datetime) -> None:
        """Draw the state."""
        for each in self.query(Slice):
            each.show(state, now)

    def on_mount(self) -> None:
        """Draw what is known already."""
        self.board.show_soon()

    def action_leave(self) -> None:
        """Close without doing anything."""
        self.dismiss()
