"""Log: the officer's own entries, whether the log verifies, and a checkpoint to be kept outside."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from hub.messages import Requester
from hub.tui.drawings.log import draw_log
from hub.tui.reading import can_act
from hub.tui.screens.base import HubScreen, Page
from hub.tui.slice import Slice
from hub.tui.state import State
from hub.wire import ShowLog, TakeCheckpoint, VerifyLog

ENTRIES = 50


class LogScreen(HubScreen):
    """The newest entries."""

    PLACE = "log"
    HELP_TEXT = """\
Your own newest entries of the log, the newest first. Each act is in the log before it happens.

r            read them again
v            verify the log
w            witness: sign a checkpoint, to be kept outside this unit
up, down     more

Without a checkpoint from outside nothing vouches for the log, and the answer is no: see `patrol-hub audit verify`."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "refresh_log", "Again"),
        Binding("v", "verify", "Verify"),
        Binding("w", "checkpoint", "Witness"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._read_for: Requester | None = None

    def body(self) -> ComposeResult:
        """Lay out the page."""
        with Page(classes="page", can_focus=True):
            yield Slice(draw_log)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer what an officer may ask for."""
        return can_act(self.board.state) if action in ("refresh_log", "verify", "checkpoint") else True

    def show(self, state: State, now: datetime) -> None:
        """Draw the state; whose entries are not here yet, asks for them."""
        super().show(state, now)
        if self.is_current and state.officer != self._read_for and (state.officer is None or can_act(state)):
            self._read_for = state.officer
            self.action_refresh_log()

    def action_refresh_log(self) -> None:
        """Ask for the newest entries."""
        if can_act(self.board.state):
            self.board.ask(lambda number: ShowLog(request=number, last=ENTRIES))

    def action_verify(self) -> None:
        """Ask for a verification."""
        self.board.ask(lambda number: VerifyLog(request=number))

    def action_checkpoint(self) -> None:
        """Ask for a checkpoint."""
        self.board.ask(lambda number: TakeCheckpoint(request=number))
