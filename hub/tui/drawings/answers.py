"""What sources answered to a look-up, each as it came."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from hub.messages import Answer, AnswerStatus
from hub.tui.drawings import View
from hub.tui.drawings.characters import draw_characters
from hub.tui.lines import BAD, DOUBT, QUIET, STRONG, put, stack, words

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
        return put(("Answers appear here, each as it comes.", QUIET))
    hits = sum(answer.status in (AnswerStatus.HIT, AnswerStatus.AMBIGUOUS) for answer in page.answers)
    ending = f"{len(page.answers)} answered, {hits} with a hit" if page.ended else "asking …"
    lines = [put((page.title, STRONG), f": {ending}")]
    if page.refused:
        lines.append(put(("refused: ", BAD), page.refused))
    first = sorted(page.answers, key=lambda answer: list(MARKS).index(answer.status))
    return stack([*lines, *(line for answer in first for line in answer_lines(answer))])


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
