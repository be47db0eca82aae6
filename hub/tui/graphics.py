"""Whether this terminal can draw pictures in pixels, and the widget that does; half-blocks are drawn where it cannot.

A terminal is asked by a sequence that it answers on standard input, which works only before Textual reads that: so
`ask_terminal` is called once, before the dashboard starts.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from PIL.Image import Image as Drawing
    from textual.widget import Widget


class MakePixels(Protocol):
    """Makes a widget that draws what its attribute ``image``, a Pillow picture or None, holds."""

    def __call__(self, *, id: str) -> Widget:  # noqa: A002  # Textual's word
        """Make the widget."""
        ...


def ask_terminal() -> MakePixels | None:
    """Ask the terminal whether it draws sixels or speaks kitty's protocol; None where it says neither in time."""
    with suppress(Exception):  # a terminal that answers nonsense gets half-blocks
        from textual_image import renderable, widget

        if renderable.Image in (renderable.SixelImage, renderable.TGPImage):
            return widget.Image
    return None


def put_picture(pixels: Widget, drawing: Drawing | None) -> None:
    """Have a widget of `ask_terminal` draw another picture, or none."""
    pixels.image = drawing  # type: ignore[attr-defined]  # of textual-image's widgets
    pixels.display = drawing is not None
