"""Authority: who is signed in, and the lists and registers with what allows their use."""

from __future__ import annotations

from textual.app import ComposeResult

from hub.tui.drawings.authority import draw_authority
from hub.tui.screens.base import HubScreen, Page
from hub.tui.slice import Slice


class AuthorityScreen(HubScreen):
    """The officer and the sources."""

    PLACE = "authority"
    HELP_TEXT = """\
On what authority this unit works: who is signed in, and each list or register with its reach, its end and, for lists \
that cameras are compared with, the highest cost that a candidate may have.

up, down     more"""

    def body(self) -> ComposeResult:
        """Lay out the page."""
        with Page(classes="page", can_focus=True):
            yield Slice(draw_authority)
