"""On what authority this unit works: its lists with issuer, end and reach, and who is signed in."""

from __future__ import annotations

from rich.text import Text

from hub.tui.drawings import View
from hub.tui.lines import BAD, QUIET, STRONG, put, stack, words
from hub.wire import SourceHealth

REACHES = {
    "automatic": "a plate that a camera read may be looked up here by itself",
    "on_request": "asked by an officer with a reason, or for an alert adjudicated true",
    "restricted": "asked only under a signed grant",
}


def draw_authority(view: View) -> Text:
    """Return the officer and every source with what allows it."""
    state = view.state
    if state.officer is None:
        lines = [put("Nobody is signed in: nothing can be looked up or decided.")]
    else:
        lines = [put("Signed in: ", (f"{state.officer.role} {state.officer.officer}", STRONG), f" on {state.unit}")]
        lines.append(put(("The hub checks every act against this role and enters it in the log first.", QUIET)))
    for source in state.sources:
        lines += [Text(""), *_source(source)]
    if not state.sources:
        lines += [Text(""), put("No source is loaded.")]
    return stack(lines)


def _source(source: SourceHealth) -> list[Text]:
    told = source.state
    entries = "number of entries unknown" if told.entries < 0 else f"{told.entries} entries"
    lines = [put((told.source, STRONG), f"  {entries}", ("" if source.usable else "  NOT USABLE", BAD))]
    if told.development:
        lines.append(put(("  UNSIGNED DEVELOPMENT LIST", BAD)))
    lines.append(put(f"  {words(told.reach)}: {REACHES.get(told.reach, '')}"))
    if told.expires:
        lines.append(put(f"  expires {told.expires}"))
    if told.list_digest:
        lines.append(put((f"  list {told.list_digest[:16]}", QUIET)))
    if told.cost_limit:
        lines.append(put(f"  a candidate may cost at most {told.cost_limit:.2f} under the false-alert budget"))
    if told.detail:
        lines.append(put(f"  {told.detail}"))
    return lines
