"""Authority: who is signed in, the order, lists, grants and registers, with what allows their use."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from hub.messages import Requester
from hub.tui.drawings.authority import draw_authority
from hub.tui.reading import can_act
from hub.tui.screens.base import HubScreen, Page
from hub.tui.slice import Slice
from hub.tui.state import State
from hub.wire import ShowAuthority


class AuthorityScreen(HubScreen):
    """The officer, and everything that is signed."""

    PLACE = "authority"
    HELP_TEXT = """\
On what authority this unit works: who is signed in; the deployment order with its purpose, place and time left, and \
why it is suspended where it is; each face list, grant and source with its issuer, its end and what it allows.

r            ask the hub again for face lists and grants
up, down     more

A source that needs a grant is asked on the Look-up screen (F3), which takes the grant's file. Whom a grant is about \
is not shown here; it stands in the log."""
    BINDINGS: ClassVar[list[BindingType]] = [Binding("r", "ask", "Again")]

    def __init__(self) -> None:
        super().__init__()
        self._asked_for: Requester | None = None

    def body(self) -> ComposeResult:
        """Lay out the page."""
        with Page(classes="page", can_focus=True):
            yield Slice(draw_authority)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer what an officer may ask for."""
        return can_act(self.board.state) if action == "ask" else True

    def on_screen_resume(self) -> None:
        """Ask again: what was used or loaded meanwhile is not told by itself."""
        self._asked_for = None
        super().on_screen_resume()

    def show(self, state: State, now: datetime) -> None:
        """Draw the state; for an officer who has just come here, ask for what is not in it."""
        super().show(state, now)
        if self.is_current and state.officer != self._asked_for and (state.officer is None or can_act(state)):
            self._asked_for = state.officer
            self.action_ask()

    def action_ask(self) -> None:
        """Ask for face lists and grants."""
        if can_act(self.board.state):
            self.board.ask(lambda number: ShowAuthority(request=number))
