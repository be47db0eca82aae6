"""Lines that stand on every screen while they hold: the hub is lost, what is wrong, lists are unsigned."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

from hub.tui.drawings import View
from hub.tui.lines import cell, put, stack
from hub.tui.reading import troubles
from hub.tui.state import Link


def draw_banner(view: View) -> Text:
    """Return the lines; none where nothing is to be said."""
    state = view.state
    lines = []
    if state.link is Link.LOST:
        since = "" if state.heard_at is None else f" What is shown is {_age(state.heard_at, view.now)} old."
        text = f" HUB LOST, trying again.{since} {state.link_detail}"
        lines.append(put((cell(text, view.width), "bold white on red")))
    elif wrong := troubles(state):
        more = f" (and {len(wrong) - 1} more: F5)" if len(wrong) > 1 else ""
        lines.append(put((cell(f" ✖ {wrong[0]}", view.width - len(more)) + more, "bold red")))
    if state.development:
        text = " DEVELOPMENT: unsigned lists are allowed. Nothing here is an authority to act."
        lines.append(put((cell(text, view.width), "bold black on yellow")))
    return stack(lines)


def _age(since: datetime, now: datetime) -> str:
    seconds = max(0, int((now - since).total_seconds()))
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
