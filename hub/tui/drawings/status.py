"""The first line of every screen: is it working, what needs me, what is wrong, who am I here."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

from hub.messages import ListenMode, OrderReason, is_missing
from hub.tui.drawings import View
from hub.tui.lines import BAD, DOUBT, GOOD, STRONG, left, put
from hub.tui.reading import troubles
from hub.tui.state import Link, State, is_open


def draw_status(view: View) -> Text:
    """Return the line: link and unit, alerts that wait, troubles, and the officer at its right end."""
    state = view.state
    signs = [*_microphone(state), *_faces(state), _link(state), _waiting(state, view.now), _troubles(state)]
    parts = Text(" · ").join(signs)
    who = _officer(state, view.now)
    gap = view.width - parts.cell_len - who.cell_len
    return Text.assemble(parts, " " * max(1, gap), who, no_wrap=True, overflow="ellipsis")


def _microphone(state: State) -> list[Text]:
    """Return a sign that the microphone is open, first in the line and on every screen; nothing while it is off."""
    if state.listening is ListenMode.OFF or state.link is not Link.UP:
        return []
    return [put((" ◉ MIC OPEN " if state.listening is ListenMode.OPEN else " ◉ MIC ", "bold reverse"))]


def _faces(state: State) -> list[Text]:
    """Return a sign that cameras are watched for faces, on every screen; nothing while nothing is compared."""
    watch = state.watch
    if watch is None or watch.reason is not OrderReason.IN_FORCE or not watch.entries or state.link is not Link.UP:
        return []
    return [put((" ◉ FACES ", "bold reverse"))]


def _link(state: State) -> Text:
    if state.link is Link.UP:
        return put(("● ", GOOD), (state.unit, STRONG))
    if state.link is Link.LOST:
        return put(("✖ HUB LOST", BAD))
    return put(("○ connecting", DOUBT))


def _waiting(state: State, now: datetime) -> Text:
    if not state.waiting:
        return put("no alert waits")
    text = f"{state.waiting} ALERT{'S' if state.waiting > 1 else ''}"
    first = next((each for each in state.alerts if is_open(each)), None)
    if first is not None:
        text += f" {left(first.decide_by, now)}" + (" MISSING" if is_missing(first.category) else "")
    return put((f" {text} ", "bold reverse"))


def _troubles(state: State) -> Text:
    count = len(troubles(state))
    if not count:
        return put(("all well", GOOD)) if state.link is Link.UP else put("")
    return put((f"{count} trouble{'s' if count > 1 else ''}", BAD))


def _officer(state: State, now: datetime) -> Text:
    muted = "bell off · " if state.muted else ""
    if state.officer is None:
        return put(muted, ("not signed in", DOUBT))
    minutes = "" if state.session_ends is None else f" · {left(state.session_ends, now)}"
    return put(muted, f"{state.officer.role} ", (state.officer.officer, STRONG), minutes)
