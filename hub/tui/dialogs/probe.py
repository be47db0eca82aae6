"""A probe's reason. It is one deliberate act: one camera, one list, one face; the hub enters it in the log first."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Label

from hub.tui.dialogs.base import Dialog
from hub.tui.drawings import View
from hub.tui.drawings.probe import choosable, draw_choice
from hub.tui.slice import Slice
from hub.wire import ProbeFace, ShowAuthority


class ProbeDialog(Dialog):
    """Asks why the face in front of a camera is compared, and has it compared.

    Args:
        camera: The one that was watched when the dialog opened.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+t", "list", "Other list", priority=True)]

    def __init__(self, camera: str) -> None:
        super().__init__()
        self._camera = camera
        self._number = 0

    def compose(self) -> ComposeResult:
        """Lay out what is compared, and the field for the reason."""
        with Vertical(classes="box"):
            yield Label(f"Compare the one face in front of {self._camera} with a face list, once", markup=False)
            yield Slice(self._draw)
            yield Input(placeholder="reason, kept in the log", max_length=2000, id="reason")
            yield Label("Enter does it, Esc goes back; 10 s apart, 30 a shift", markup=False)

    def _draw(self, view: View) -> Text:
        return draw_choice(view, self._number)

    def on_mount(self) -> None:
        """Ask which lists there are."""
        super().on_mount()
        self.board.ask(lambda number: ShowAuthority(request=number))

    def action_list(self) -> None:
        """Take the next list."""
        self._number += 1
        self.board.show_soon()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Ask for it; without a reason nothing happens."""
        reason, camera = event.value.strip(), self._camera
        if not reason:
            event.input.placeholder = "a reason is needed: say why"
            return
        chosen = choosable(self.board.state, self._number)
        digest = "" if chosen is None else chosen.digest
        self.board.ask(lambda number: ProbeFace(request=number, camera=camera, reason=reason, list_digest=digest))
        self.dismiss()
