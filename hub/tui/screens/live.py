"""Live: is each camera watching, and where do its frames and reads go."""

from __future__ import annotations

from textual.app import ComposeResult

from hub.tui.drawings.cameras import draw_cameras
from hub.tui.screens.base import HubScreen, Page
from hub.tui.slice import Slice


class LiveScreen(HubScreen):
    """Cameras with their counts."""

    PLACE = "live"
    HELP_TEXT = """\
Every camera with the reasons for which its frames, text regions, tracks and reads went nowhere, or somewhere.

up, down     more

No read is shown before it is an alert."""

    def body(self) -> ComposeResult:
        """Lay out the page."""
        with Page(classes="page", can_focus=True):
            yield Slice(draw_cameras)
