"""What sources answered to a look-up, each as it came."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from hub.messages import Answer, AnswerStatus, Reach
from hub.tui.drawings import View
from hub.tui.drawings.characters import draw_characters
from hub.tui.lines import BAD, DOUBT, QUIET, STRONG, put, stack, words
from hub.tui.state import State
from hub.wire import SourceHealth

MARKS: Final = {
    AnswerStatus.HIT: ("HIT", BAD),
    AnswerStatus.AMBIGUOUS: ("AMBIGUOUS", BAD),
    AnswerStatus.UNAVAILABLE: ("NO ANSWER", DOUBT),
    AnswerStatus.REFUSED: ("REFUSED", DOUBT),
    AnswerStatus.NO_HIT: ("no hit", ""),
}
"""How each status is called on the screen, in the order in which answers stand there."""


def draw_answers(view: View) -> Text:
    """Return the look-up that was asked last."""
    state = view.state
    page = state.look_up
    if page is None:
        return stack([put(("Answers appear here, each as it comes.", QUIET)), *_sources(state)])
    hits = sum(answer.status in (AnswerStatus.HIT, AnswerStatus.AMBIGUOUS) for answer in page.answers)
    ending = f"{len(page.answers)} answered, {hits} with a hit" if page.ended else "asking …"
    lines = [put((page.title, STRONG), f": {ending}")]
    if page.refused:
        lines.append(put(("refused: ", BAD), page.refused))
    answered = {answer.source for answer in page.answers}
    lines += [
        put(("NOT ASKED ", DOUBT), (each.state.source, STRONG), "  needs a grant (Ctrl+G)")
        for each in (state.sources if page.ended and not page.granted else ())
        if needs_grant(each) and page.kind in each.answers and each.state.source not in answered
    ]
    first = sorted(page.answers, key=lambda answer: list(MARKS).index(answer.status))
    return stack([*lines, *(line for answer in first for line in answer_lines(answer))])


def needs_grant(source: SourceHealth) -> bool:
    """Say whether a source is asked under a signed grant only (C5)."""
    return source.state.reach == Reach.RESTRICTED.value


def _sources(state: State) -> list[Text]:
    """Return which source is asked about what."""
    lines = []
    for each in state.sources:
        how = ("needs a grant (Ctrl+G)" if needs_grant(each) else "asked") if each.usable else "not usable"
        kinds = ", ".join(kind.value for kind in each.answers)
        lines.append(put("  ", (each.state.source, STRONG), f"  {kinds}: {how}"))
    return lines


def answer_lines(answer: Answer) -> list[Text]:
    """Return one source's answer, its hits with why and their fields."""
    mark, style = MARKS[answer.status]
    head = put((f"{mark:9} ", style), (answer.source, STRONG), (f"  {answer.milliseconds:.0f} ms", QUIET))
    if answer.development:
        head.append_text(put(("  UNSIGNED DEVELOPMENT LIST", BAD)))
    lines = [head, put(f"  {answer.explanation}")] if answer.explanation else [head]
    for hit in answer.hits:
        lines.append(put("  entry ", (hit.record.entry, STRONG), f": {hit.why}"))
        lines += [Text.assemble("    ", line) for line in draw_characters(hit.aligned, ())]
        lines += [put(f"    {words(each.name)}: ", (each.value, STRONG)) for each in hit.record.fields]
    return lines
