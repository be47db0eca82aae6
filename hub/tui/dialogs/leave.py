"""Leaving: the hub goes on unless the officer says otherwise."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Label

from hub.tui.dialogs.base import Dialog
from hub.tui.drawings.remark import draw_remark
from hub.tui.slice import Slice
from hub.wire import StopHub


class LeaveDialog(Dialog):
    """Asks whether the hub goes on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,q,ctrl+q", "quit_here", "Leave, the hub goes on"),
        Binding("s", "stop", "Stop the hub"),
    ]

    def compose(self) -> ComposeResult:
        """Lay out the three ways."""
        with Vertical(classes="box"):
            yield Label("Leave the dashboard?\n", markup=False)
            yield Label("Enter   leave; the hub goes on watching and raising alerts", markup=False)
            yield Label("s       stop the hub too; only a signed-in officer can", markup=False)
            yield Label("Esc     stay\n", markup=False)
            yield Slice(draw_remark)

    def action_quit_here(self) -> None:
        """Leave; the hub goes on."""
        self.app.exit()

    def action_stop(self) -> None:
        """Ask the hub to stop; the dashboard leaves when it does."""
        self.board.leave_with_hub()
        self.board.ask(lambda number: StopHub(request=number))
