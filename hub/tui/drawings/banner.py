"""A line that stands on every screen while something holds for all of it: the hub is lost, lists are unsigned."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

from hub.tui.drawings import View
from hub.tui.lines import cell, put, stack
from hub.tui.state import Link


def draw_banner(view: View) -> Text:
    """Return the lines; none where nothing is to be said."""
    state = view.state
    lines = []
    if state.link is Link.LOST:
        since = "" if state.heard_at is None else f" What is shown is {_age(state.heard_at, view.now)} old."
        why = (
            f" HUB LOST: {state.link_detail}.{since} Trying again." if state.link_detail else " HUB LOST. Trying again."
        )
        lines.append(put((cell(why, view.width), "bold white on red")))
    if state.development:
        text = " DEVELOPMENT: unsigned lists are allowed. Nothing here is an authority to act."
        lines.append(put((cell(text, view.width), "bold black on yellow")))
    return stack(lines)


def _age(since: datetime, now: datetime) -> str:
    seconds = max(0, int((now - since).total_seconds()))
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
