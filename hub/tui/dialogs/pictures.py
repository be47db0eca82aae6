"""The chosen alert's pictures in the width of the screen."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from hub.tui.dialogs.base import Dialog
from hub.tui.drawings.pictures import draw_large
from hub.tui.slice import Slice


class PicturesDialog(Dialog):
    """Both pictures; they scroll."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("p,q", "leave", "Back", show=False)]

    def compose(self) -> ComposeResult:
        """Lay out the pictures."""
        with VerticalScroll():
            yield Slice(draw_large)
