"""What was heard: whether the microphone is open, then each utterance with its language, both texts and its doubt.

Doubt is said in words; colour only repeats it. A language stands without a number: how sure it is, is a word too.
"""

from __future__ import annotations

from typing import Final

from rich.text import Text

from hub.messages import TRANSCRIPT_NOTICE, ListenMode, Utterance, UtteranceState
from hub.speech.languages import name_of
from hub.tui.drawings import View
from hub.tui.lines import BAD, DOUBT, QUIET, STRONG, bar, put, stack
from hub.tui.reading import is_pending
from hub.tui.speech import SpeechPage, chosen_utterance
from hub.tui.state import Link
from hub.wire import Listen, StopListening

SURE: Final = 0.8
EVEN: Final = 0.5
"""From these probabilities on a language is named without a word of doubt, or as probable."""
QUIETEST: Final = -60.0
"""Level in dB of full scale under which the bar is empty."""


def draw_listening(view: View) -> Text:
    """Return whether the microphone is open, for whom, how loud it is there, and what is expected."""
    state, page = view.state, view.state.speech
    lines = [_microphone(view), _expected(page)]
    if page.now is not None and page.now.dropped:
        count = page.now.dropped
        lines.append(put((f"{count} utterance{'s' if count > 1 else ''} lost: too many waited", BAD)))
    if state.officer is not None and page.heard:
        lines.append(put((f"{TRANSCRIPT_NOTICE}; kept only if you save it", QUIET)))
    return stack(lines)


def _microphone(view: View) -> Text:
    state, page = view.state, view.state.speech
    if state.link is not Link.UP:
        return put(("no hub, so nothing is heard", BAD))
    if state.officer is None:
        return put(("Sign in to listen: key s", STRONG))
    if is_pending(state, StopListening):
        return put(("closing the microphone …", DOUBT))
    if is_pending(state, Listen):
        return put(("opening the microphone …", DOUBT))
    if not page.mine:
        if state.listening is not ListenMode.OFF:
            return put(("◉ the microphone is open for another dashboard", BAD))
        return put("○ microphone off: Space talk, o open")
    how = "LISTENING, OPEN: o ends" if state.listening is ListenMode.OPEN else "LISTENING: Space ends"
    line = put((f" ◉ {how} ", "bold reverse"))
    if page.now is not None:
        loud = max(0.0, min(1.0, 1 - page.now.level / QUIETEST))
        line.append_text(put(f" {bar(loud)} " + ("speech" if page.now.speaking else "no speech")))
        if page.now.waiting:
            line.append_text(put((f", {page.now.waiting} waiting", QUIET)))
    return line


def _expected(page: SpeechPage) -> Text:
    names = ", ".join(name_of(code) for code in page.expected)
    return put((f"expected: {names}" if names else "expected: as the unit is set (e)", QUIET))


def draw_heard(view: View) -> Text:
    """Return the utterances, the newest first, the chosen one marked."""
    state, page = view.state, view.state.speech
    if state.officer is None:
        return Text("")
    if not page.heard:
        return put(("What somebody says appears here, in the original and in English.", QUIET))
    chosen = chosen_utterance(page)
    lines: list[Text] = []
    for each in reversed(page.heard):
        marked = chosen is not None and each.utterance == chosen.utterance
        lines += [_head(each, marked=marked, saved=each.utterance in page.saved), *_texts(each), Text("")]
    return stack(lines[:-1])


def _head(each: Utterance, *, marked: bool, saved: bool) -> Text:
    line = put("▶ " if marked else "  ", f"{each.at:%H:%M:%S} ", (_language(each), STRONG))
    if saved:
        line.append_text(put("  SAVED"))
    return line


def _language(each: Utterance) -> str:
    """Return the language in words; how sure it is comes first where it is not."""
    if not each.language:
        return "language not known"
    name = name_of(each.language)
    if each.probability >= SURE:
        return name
    return f"probably {name}" if each.probability >= EVEN else f"perhaps {name}"


def _texts(each: Utterance) -> list[Text]:
    match each.state:
        case UtteranceState.PROVISIONAL:
            sure, rest = each.original[: each.confirmed].rstrip(), each.original[each.confirmed :]
            sure += " " if sure else ""
            text = put("  ", sure, (f"({rest.strip()} …)" if rest.strip() else "…", QUIET))
            return [put(("  still speaking; (…) may change:", DOUBT)), text]
        case UtteranceState.NOT_UNDERSTOOD:
            return [put(("  NOT UNDERSTOOD", DOUBT), f": {each.doubt}" if each.doubt else "")]
        case UtteranceState.NOT_EXPECTED:
            return [put(("  NOT ONE OF THE EXPECTED LANGUAGES", DOUBT), f": {each.doubt}" if each.doubt else "")]
        case UtteranceState.UNDERSTOOD:
            lines = [put(f"  {each.original}")]
            if each.translation != each.original:
                lines.append(put("  = ", (each.translation or "(no translation)", STRONG)))
            if each.doubt:
                lines.append(put((f"  doubt: {each.doubt}", DOUBT)))
            return lines
