"""Help: what the screen shows and what its keys do, and the keys that work everywhere."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from hub.tui.dialogs.base import Dialog

EVERYWHERE: Final = """\
Everywhere
F2 ... F9    the screens; the digit alone too, where it is not typed and chooses nothing
s            sign in, or sign out
m            bell on or off
F8           high contrast on or off
Ctrl+P       all commands by name
Ctrl+Q, q    leave; the hub goes on unless you say otherwise

The dashboard decides nothing: each act is asked of the hub, which checks who asks and enters it in the log first. A \
session ends after 15 minutes without an act, and everything that belongs to it leaves the screen."""


class HelpDialog(Dialog):
    """Help on one screen.

    Args:
        title: The screen's name.
        text: What it shows and what its keys do.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f1,q,question_mark", "leave", "Back", show=False)]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._text = f"{title}\n\n{text}\n\n{EVERYWHERE}" if text else EVERYWHERE

    def compose(self) -> ComposeResult:
        """Lay out the text."""
        with VerticalScroll(classes="box"):
            yield Static(self._text, markup=False)
