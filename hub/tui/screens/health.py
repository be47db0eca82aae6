"""Health: what is wrong, and how every part of the hub is."""

from __future__ import annotations

from textual.app import ComposeResult

from hub.tui.drawings.health import draw_health
from hub.tui.screens.base import HubScreen, Page
from hub.tui.slice import Slice


class HealthScreen(HubScreen):
    """Troubles first, then everything."""

    PLACE = "health"
    HELP_TEXT = """\
What is wrong stands first. Below: every actor with its restarts, every source with what did not answer, every queue \
with what was dropped, and why nothing: counts of frames and reads by the reason for which they ended.

up, down     more"""

    def body(self) -> ComposeResult:
        """Lay out the page."""
        with Page(classes="page", can_focus=True):
            yield Slice(draw_health)
