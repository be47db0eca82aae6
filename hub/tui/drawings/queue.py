"""The queue of alerts: what waits first, missing persons before the others, two lines each."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from rich.text import Text

from hub.events import AlertEvent
from hub.messages import AlertState, HitKind, is_missing
from hub.tui.drawings import View
from hub.tui.lines import BAD, QUIET, STRONG, cell, left, put, stack, words
from hub.tui.state import is_open

SHORT: Final = {
    AlertState.ADJUDICATED_TRUE: "true",
    AlertState.ADJUDICATED_FALSE: "false",
    AlertState.ENGAGED: "engaged",
    AlertState.CONFIRMED_TRUE: "confirmed",
    AlertState.CONFIRMED_FALSE: "not confirmed",
    AlertState.EXPIRED: "expired",
}
"""States of decided alerts in a narrow column."""
LINES: Final = 2


def draw_queue(view: View) -> Text:
    """Return as much of the queue as there is room for, around the mark."""
    state = view.state
    if state.officer is None:
        return stack([put(("Sign in to see alerts: key s", STRONG)), put(f"{state.waiting} waiting")])
    if not state.alerts:
        return put("No alert.")
    fits = max(1, view.height // LINES)
    names = [each.alert for each in state.alerts]
    mark = names.index(state.chosen) if state.chosen in names else 0
    start = max(0, min(mark - fits // 2, len(names) - fits))
    shown = state.alerts[start : start + fits]
    return stack(line for each in shown for line in _entry(each, each.alert == state.chosen, view.now, view.width))


def _entry(alert: AlertEvent, marked: bool, now: datetime, width: int) -> list[Text]:
    state = left(alert.decide_by, now) if is_open(alert) else SHORT.get(alert.state, words(alert.state.value))
    category = words(alert.category) or "alert"
    if is_missing(alert.category):
        category = f"!! {category.upper()}"
    style = (BAD if is_missing(alert.category) else STRONG) if is_open(alert) else QUIET
    head = ("▶ " if marked else "  ") + cell(category, width - len(state) - 4) + f" {state} "
    face = "face " if alert.candidate is HitKind.FACE else ""
    what = alert.plate or alert.entry_plate or f"{face}{alert.entry}"
    place = " ".join(each for each in (what, alert.camera) if each)
    foot = "  " + cell(place + ("  DEVELOPMENT" if alert.development else ""), width - 2)
    both = [put((head, style)), put((foot, "" if is_open(alert) else QUIET))]
    for line in both if marked else ():
        line.stylize("reverse")
    return both
