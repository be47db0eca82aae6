"""What several drawings share: harmless text, columns, how long is left. Pure; rich's Text and nothing else.

Text from records, plugins and the hub comes in through `put` and `safe` alone, which take away whatever steers a
terminal or reorders a line; `Text` is never made from markup, so brackets stay brackets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from hub.text import harmless, plain

GOOD: Final = "green"
BAD: Final = "bold red"
DOUBT: Final = "yellow"
QUIET: Final = "grey70"
STRONG: Final = "bold"
BLOCKS: Final = "▁▂▃▄▅▆▇█"


def safe(text: str, limit: int = 400) -> str:
    """Return text from outside as one harmless line."""
    return plain(text, limit)


def put(*parts: str | tuple[str, str]) -> Text:
    """Return a line of parts, each made harmless; a part is a text, or a text with its style."""
    line = Text()
    for part in parts:
        text, style = part if isinstance(part, tuple) else (part, "")
        line.append(harmless(text, 1000), style)
    return line


def stack(lines: Iterable[Text]) -> Text:
    """Return lines as one text."""
    return Text("\n").join(lines)


def cell(text: str, width: int) -> str:
    """Return harmless text cut or filled to a number of columns; what is cut ends in an ellipsis."""
    line = safe(text)
    if cell_len(line) > width:
        line = set_cell_size(line, width - 1).rstrip() + "…"
    return set_cell_size(line, width)


def columns(rows: Sequence[Sequence[str]], width: int, *, head: bool = True, last: bool = True) -> list[Text]:
    """Return rows in columns that fit a width; where they do not, the last column is cut.

    Args:
        rows: Equally long rows.
        width: Columns of the screen.
        head: Whether the first row names the columns.
        last: Whether the last column takes what is left.
    """
    if not rows:
        return []
    cells = [[safe(each) for each in row] for row in rows]
    widths = [max(cell_len(row[at]) for row in cells) for at in range(len(cells[0]))]
    if last:
        rest = width - sum(widths[:-1]) - 2 * (len(widths) - 1)
        widths[-1] = max(8, rest)
    lines = []
    for number, row in enumerate(cells):
        text = "  ".join(cell(each, size) for each, size in zip(row, widths, strict=True)).rstrip()
        lines.append(Text(text, STRONG if head and number == 0 else "", no_wrap=True))
    return lines


def left(until: datetime, now: datetime) -> str:
    """Return the time that is left as minutes and seconds, such as ``2:41``; ``0:00`` when it is over."""
    seconds = max(0, int((until - now).total_seconds()))
    return f"{seconds // 60}:{seconds % 60:02d}"


def span(until: datetime, now: datetime) -> str:
    """Return a longer time that is left, such as ``6 d 2 h``, ``3 h 12 min`` or ``2:41``; ``0:00`` when it is over."""
    seconds = max(0, int((until - now).total_seconds()))
    if seconds >= 86_400:
        return f"{seconds // 86_400} d {seconds % 86_400 // 3600} h"
    if seconds >= 3600:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return left(until, now)


def words(text: str) -> str:
    """Return an identifier such as ``stolen_vehicle`` as words."""
    return text.replace("_", " ")


def bar(probability: float) -> str:
    """Return a block as high as a probability."""
    return BLOCKS[max(0, min(7, int(probability * 8)))]


def sparkline(values: Sequence[float], cells: int = 30) -> str:
    """Return the newest values as blocks whose height goes from zero to the greatest of them."""
    newest = values[-cells:]
    top = max(newest, default=0.0)
    steps = len(BLOCKS) - 1
    return "".join(BLOCKS[round(steps * max(0.0, value) / top)] if top > 0 else BLOCKS[0] for value in newest)
