"""Pictures drawn in the terminal: half-blocks, two pixels a cell, from the JPEG that the hub sent.

Pillow is imported when the first picture is drawn, so that the dashboard starts without it. The pictures were redacted
by the hub before they left its memory (C8); nothing here makes them sharper, stores them or sends them anywhere.
"""

from __future__ import annotations

import io
from functools import lru_cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from rich.color import Color
from rich.style import Style
from rich.text import Span, Text

from hub.messages import Picture
from hub.wire import CameraPicture

if TYPE_CHECKING:
    from PIL.Image import Image as Drawing

HALF: Final = "▀"
MOST_PIXELS: Final = 64_000_000
"""A picture that says it has more is not decoded."""
OUTLINE: Final = (255, 220, 0)
"""Colour of the rim around a region that was read."""


def half_blocks(picture: Picture | None, columns: int, rows: int) -> Text:
    """Return a picture as at most `rows` lines of at most `columns` half-blocks, its proportions kept.

    A picture that is missing or cannot be decoded is a line of text that says so. The terminal's cells are taken to
    be twice as high as wide.
    """
    if picture is None:
        return Text("no picture")
    return _drawn(picture.jpeg, max(1, columns), max(1, rows)).copy()


def beside(one: Text, other: Text, gap: int = 3) -> Text:
    """Return two drawings side by side, their first lines level."""
    rows = one.split("\n", allow_blank=True), other.split("\n", allow_blank=True)
    width = max(row.cell_len for row in rows[0])
    lines = []
    for here, there in zip_longest(*rows):
        line = here.copy() if here is not None else Text()
        line.append(" " * (width - line.cell_len + gap))
        lines.append(line.append_text(there) if there is not None else line)
    return Text("\n", no_wrap=True).join(lines)


def _coarse(value: int) -> int:
    """Return a colour's value in steps of 8, which nobody sees and which lets neighbours be drawn together."""
    return min(255, (value + 4) // 8 * 8)


def live_blocks(live: CameraPicture, columns: int, rows: int) -> Text:
    """Return a camera's picture with the regions that were read outlined; drawn anew each time and not kept (C3)."""
    drawing = live_drawing(live, max(1, columns), max(1, 2 * rows))
    return Text("the picture cannot be drawn") if drawing is None else _cells(drawing.tobytes(), *drawing.size)


def live_drawing(live: CameraPicture, wide: int, high: int) -> Drawing | None:
    """Return a camera's picture, its regions outlined, within so many pixels; None where it cannot be decoded."""
    from PIL import ImageDraw

    drawing = _scaled(live.picture.jpeg, wide, high)
    if drawing is None:
        return None
    pen = ImageDraw.Draw(drawing)
    across, down = drawing.width / max(1, live.frame_width), drawing.height / max(1, live.frame_height)
    for seen in live.boxes:
        left, top = int(seen.box.x * across), int(seen.box.y * down)
        right = max(left + 2, int((seen.box.x + seen.box.w) * across))
        bottom = max(top + 2, int((seen.box.y + seen.box.h) * down))
        pen.rectangle((left, top, right, bottom), outline=OUTLINE)
    return drawing


def _scaled(jpeg: bytes, wide: int, high: int) -> Drawing | None:
    """Return a picture within so many pixels, its proportions kept; None where it cannot be decoded."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
            if image.width * image.height > MOST_PIXELS:
                return None
            scale = min(wide / image.width, high / image.height)
            size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
            image.draft("RGB", (size[0] * 2, size[1] * 2))
            return image.convert("RGB").resize(size, Image.Resampling.BOX).point(_coarse)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


@lru_cache(maxsize=8)  # an alert's two pictures in the sizes that are on screen; the newest few, nothing else
def _drawn(jpeg: bytes, columns: int, rows: int) -> Text:
    small = _scaled(jpeg, columns, 2 * rows)
    return Text("the picture cannot be drawn") if small is None else _cells(small.tobytes(), *small.size)


def _cells(pixels: bytes, wide: int, high: int) -> Text:
    """Return rows of pixels as half-blocks; neighbours of one colour share a style, as the blocks of a scene do."""
    row = 3 * wide
    spans: list[Span] = []
    cells: list[str] = []
    for line, top in enumerate(range(0, high, 2)):
        start, before = line * (wide + 1), None
        cells += "\n" if line else ""
        for x in range(wide):
            at = top * row + 3 * x
            colours = pixels[at : at + 3], pixels[at + row : at + row + 3]
            cells.append(" " if colours[0] == colours[1] else HALF)
            if colours == before:
                spans[-1] = Span(spans[-1].start, start + x + 1, spans[-1].style)
            else:
                spans.append(Span(start + x, start + x + 1, _style(*colours)))
                before = colours
    return Text("".join(cells), spans=spans, no_wrap=True, end="")


@lru_cache(maxsize=4096)
def _style(upper: bytes, lower: bytes) -> Style:
    return Style(color=Color.from_rgb(*upper), bgcolor=Color.from_rgb(*lower) if lower else None)


def forget() -> None:
    """Drop the drawings of pictures that are no longer shown."""
    _drawn.cache_clear()
