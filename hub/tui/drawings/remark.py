"""The line above the keys: the newest thing that was done or refused."""

from __future__ import annotations

from rich.text import Text

from hub.tui.drawings import View
from hub.tui.lines import BAD, QUIET, cell, put


def draw_remark(view: View) -> Text:
    """Return the newest remark, or that the hub has not answered yet."""
    state = view.state
    if state.pending:
        return put((cell(" waiting for the hub …", view.width), QUIET))
    if not state.remarks:
        return Text(" ")
    newest = state.remarks[-1]
    text = cell(f" {newest.at:%H:%M:%S} {newest.text}", view.width)
    return put((text, BAD if newest.trouble else ""))
