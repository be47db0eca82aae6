"""On what authority this unit works: who is signed in, its sources and hot-lists, each with what it allows.

The deployment order, the face lists and the grants are `hub.tui.drawings.mandate`'s.
"""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

from hub.messages import Reach
from hub.tui.drawings import View
from hub.tui.drawings.mandate import mandate_lines
from hub.tui.lines import BAD, QUIET, STRONG, put, span, stack, words
from hub.wire import SourceHealth

REACHES = {
    "automatic": "a plate that a camera read may be looked up here by itself",
    "on_request": "asked by an officer with a reason, or for an alert adjudicated true",
    "restricted": "needs a grant: asked only under one that is signed, and only what it names",
}


def draw_authority(view: View) -> Text:
    """Return the officer, the order, lists, grants and every source with what allows it."""
    state = view.state
    if state.officer is None:
        lines = [put("Nobody is signed in: nothing can be looked up or decided.")]
    else:
        lines = [put("Signed in: ", (f"{state.officer.role} {state.officer.officer}", STRONG), f" on {state.unit}")]
        lines.append(put(("The hub checks every act against this role and enters it in the log first.", QUIET)))
    lines += mandate_lines(state, view.now)
    for source in state.sources:
        lines += [Text(""), *_source(source, view.now)]
    if not state.sources:
        lines += [Text(""), put("No source is loaded.")]
    return stack(lines)


def _source(source: SourceHealth, now: datetime) -> list[Text]:
    told = source.state
    what = "HOT-LIST " if told.list_digest or told.reach == Reach.AUTOMATIC.value else "REGISTER "
    entries = "number of entries unknown" if told.entries < 0 else f"{told.entries} entries"
    unusable = "" if source.usable else "  NOT USABLE"
    lines = [put((what, STRONG), (told.source, STRONG), f"  {entries}", (unusable, BAD))]
    if told.development:
        lines.append(put(("  UNSIGNED DEVELOPMENT LIST", BAD)))
    lines.append(put(f"  {words(told.reach)}: {REACHES.get(told.reach, '')}"))
    if told.detail:
        lines.append(put(f"  {told.detail}"))
    if told.expires:
        lines.append(put(f"  expires {_when(told.expires, now)}"))
    lines += [put(f"  {line}") for line in budget_lines(source)]
    if told.list_digest:
        lines.append(put((f"  digest {told.list_digest[:16]}", QUIET)))
    return lines


def budget_lines(source: SourceHealth) -> list[str]:
    """Return the false-alert budget of a list of plates, in words; nothing where it has none."""
    told = source.state
    if not told.false_alert_budget or told.reach != Reach.AUTOMATIC.value:
        return []
    alerts = "false alert" if told.false_alert_budget == 1 else "false alerts"
    allowed = f"budget: at most {told.false_alert_budget:g} {alerts} in 10,000 reads of unlisted plates"
    if not told.cost_limit:
        return [allowed, "only exact plates keep to it"]
    return [allowed, f"a cost up to {told.cost_limit:.2f} keeps to it: {told.expected_false_alerts:g} expected"]


def _when(text: str, now: datetime) -> str:
    try:
        until = datetime.fromisoformat(text)
        return f"{until:%Y-%m-%d %H:%M} UTC, {span(until, now)} left"
    except (ValueError, TypeError):  # of a source: whatever it says is shown
        return text
