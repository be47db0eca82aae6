"""What came of a probe, in words: who is in front of the camera is compared once with a list, and nothing is kept."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from hub.messages import is_missing
from hub.tui.drawings import View
from hub.tui.lines import BAD, DOUBT, QUIET, STRONG, put, stack, words
from hub.tui.state import State
from hub.wire import FaceListShown, ProbeEntry

VERDICTS: Final = {
    "candidate": ("CANDIDATE, no proof: an alert was raised, another officer decides (F2)", BAD),
    "ambiguous": ("AMBIGUOUS, none is put first: an alert was raised, another officer decides (F2)", BAD),
    "no_candidate": ("NO CANDIDATE", STRONG),
    "not_compared": ("NOT COMPARED", DOUBT),
}
"""How each status is called on the screen."""


def draw_probe(view: View) -> Text:
    """Return the probe that was asked for last; nothing where none was, or the officer has left the screen."""
    page = view.state.probe
    if page is None:
        return Text("")
    head = put((f"PROBE {page.camera}: ", STRONG))
    if page.refused:
        return stack([head.append_text(put(("NOT MADE", DOUBT))), put(f"  {page.refused}")])
    if page.answer is None:
        return head.append_text(put(("comparing the one face in front of it …", DOUBT)))
    verdict = VERDICTS.get(page.answer.status, (words(page.answer.status).upper(), DOUBT))
    lines = [head.append_text(put(verdict)), put(f"  {page.answer.reason}")]
    for each in page.answer.candidates:
        lines += _entry(each)
    return stack(lines)


def _entry(each: ProbeEntry) -> list[Text]:
    style = BAD if is_missing(each.category) else STRONG
    lines = [put("  ", (f"{words(each.category)}: {each.name or 'no name'}", style), f", entry {each.entry}")]
    if each.instruction:
        lines.append(put(("  instruction: ", STRONG), (each.instruction, STRONG)))
    return lines


def choosable(state: State, number: int) -> FaceListShown | None:
    """Return the face list that a probe would be compared with; None where none is known.

    Args:
        state: What is known.
        number: Counts on around the lists.
    """
    lists = () if state.authority is None else state.authority.face_lists
    return lists[number % len(lists)] if lists else None


def draw_choice(view: View, number: int) -> Text:
    """Return what a probe would be compared with."""
    known = view.state.authority
    if known is None:
        return put(("asking which face lists are loaded …", QUIET))
    chosen = choosable(view.state, number)
    if chosen is None:
        return put(("No face list is loaded: nothing can be compared.", DOUBT))
    lines = [put("compared with ", (chosen.name, STRONG), f", {chosen.entries} entries, issued by {chosen.issuer}")]
    if len(known.face_lists) > 1:
        lines.append(put((f"Ctrl+T takes another of {len(known.face_lists)} lists", QUIET)))
    return stack(lines)
