"""What every screen has: how it stands above, the newest remark and the keys below, help that names its keys."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import Screen

from hub.tui.drawings import View
from hub.tui.drawings.banner import draw_banner
from hub.tui.drawings.remark import draw_remark
from hub.tui.drawings.status import draw_status
from hub.tui.keys import KeyLine
from hub.tui.lines import QUIET
from hub.tui.slice import Slice
from hub.tui.state import State

if TYPE_CHECKING:
    from hub.tui.app import Dashboard

PLACES: Final = {
    "alerts": "F2 Alerts",
    "look_up": "F3 Look-up",
    "live": "F4 Live",
    "health": "F5 Health",
    "log": "F6 Log",
    "authority": "F7 Authority",
    "speech": "F9 Speech",
}
"""Screens by name, with the keys that lead to them; F8 is high contrast."""
KEYS: Final = {name: int(title.partition(" ")[0][1:]) for name, title in PLACES.items()}
"""Numbers of those keys."""


def draw_places(here: str, view: View) -> Text:
    """Return the line that names the screens, this one marked."""
    names = {name: text if view.width >= 78 else text.partition(" ")[0] for name, text in PLACES.items()}
    line, mark = Text("", no_wrap=True, overflow="ellipsis", end=""), " "
    for name, text in names.items():
        marked = name == here
        line.append(("[" if marked else mark) + text, "bold" if marked else QUIET)
        mark = "]" if marked else " "
    return line.append(f"{mark}F1 Help", QUIET)


class HubScreen(Screen[None]):
    """A screen of the dashboard."""

    PLACE: ClassVar[str] = ""
    """Its name in `PLACES`."""
    HELP_TEXT: ClassVar[str] = ""
    """What it shows and what its keys do."""
    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    HubScreen { layout: vertical; }
    HubScreen #status { height: 1; background: $panel; }
    HubScreen.-flash #status { background: $foreground; color: $background; text-style: bold reverse; }
    HubScreen #places { height: 1; background: $panel; }
    HubScreen #remark { height: 1; }
    HubScreen .page { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    """

    @property
    def board(self) -> Dashboard:
        """The dashboard."""
        return cast("Dashboard", self.app)

    def compose(self) -> ComposeResult:
        """Lay out what all screens share around the screen's own part."""
        yield Slice(draw_status, id="status")
        yield Slice(partial(draw_places, self.PLACE), id="places")
        yield Slice(draw_banner, id="banner")
        yield from self.body()
        yield Slice(draw_remark, id="remark")
        yield KeyLine()

    def body(self) -> ComposeResult:
        """Lay out the screen's own part."""
        yield from ()

    def show(self, state: State, now: datetime) -> None:
        """Draw the state."""
        for each in self.query(Slice):
            each.show(state, now)

    def on_screen_resume(self) -> None:
        """Draw what happened while another screen was in front."""
        self.board.show_soon()


class Page(VerticalScroll, can_focus=False):
    """A part of a screen that is longer than what is seen of it."""
