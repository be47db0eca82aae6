"""An alert's picture drawn in the terminal: half-blocks, two pixels a cell, from the JPEG that the hub sent.

Pillow is imported when the first picture is drawn, so that the dashboard starts without it. The pictures were redacted
by the hub before they left its memory (C8); nothing here makes them sharper, stores them or sends them anywhere.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Final

from rich.color import Color
from rich.style import Style
from rich.text import Span, Text

from hub.messages import Picture

HALF: Final = "▀"
MOST_PIXELS: Final = 64_000_000
"""A picture that says it has more is not decoded."""


def half_blocks(picture: Picture | None, columns: int, rows: int) -> Text:
    """Return a picture as at most `rows` lines of at most `columns` half-blocks, its proportions kept.

    A picture that is missing or cannot be decoded is a line of text that says so. The terminal's cells are taken to
    be twice as high as wide.
    """
    if picture is None:
        return Text("no picture")
    return _drawn(picture.jpeg, max(1, columns), max(1, rows)).copy()


def _coarse(value: int) -> int:
    """Return a colour's value in steps of 8, which nobody sees and which lets neighbours be drawn together."""
    return min(255, (value + 4) // 8 * 8)


@lru_cache(maxsize=8)  # an alert's two pictures in the sizes that are on screen; the newest few, nothing else
def _drawn(jpeg: bytes, columns: int, rows: int) -> Text:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
            wide, high = image.size
            if wide * high > MOST_PIXELS:
                return Text("the picture is too large to be drawn")
            scale = min(columns / wide, 2 * rows / high)
            size = max(1, round(wide * scale)), max(1, round(high * scale))
            image.draft("RGB", (size[0] * 2, size[1] * 2))
            small = image.convert("RGB").resize(size, Image.Resampling.BOX).point(_coarse)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return Text("the picture cannot be drawn")
    return _cells(small.tobytes(), *size)


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
