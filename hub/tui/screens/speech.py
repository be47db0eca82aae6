"""Speech: what somebody said and what we answer, side by side."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical

from hub.messages import ListenMode, Requester
from hub.tui.dialogs.speech import ExpectDialog, SaveDialog, WordsDialog
from hub.tui.drawings.answering import answer_language, chosen_phrase, draw_answering, open_topic, phrasebook
from hub.tui.drawings.heard import draw_heard, draw_listening
from hub.tui.reading import can_act, is_pending
from hub.tui.screens.base import HubScreen, Page
from hub.tui.slice import Slice
from hub.tui.speech import Marked, Opened, Picked, Spoke, can_save, can_say, chosen_utterance, neighbour_utterance
from hub.tui.state import State
from hub.wire import Listen, SayPhrase, ShowAnswering, StopListening


class SpeechScreen(HubScreen):
    """Two columns."""

    PLACE = "speech"
    HELP_TEXT = """\
Left what was heard, the newest first, in the original and in English: a machine's translation, not evidence. Text of \
somebody who still speaks may change. Nothing heard is looked up, and nothing is kept unless you save it.

Space        listen from one press to the next, a minute at most
o            listen until o is pressed again; the first line of every screen says so
e            languages that you expect, such as es,fr; another one is told and not forced into these
up, down     choose an utterance
k            keep it, with a reason, until its date
left, right  language to answer in; at first the one that was heard last
1 ... 9      topic, then sentence; 0 back to the topics
Enter        say the sentence aloud where the hub runs; an open microphone hears it too
w            your own words through a translator

The sentences are not checked by a sworn translator unless it says who signed them. They are read without an officer."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "talk", "Talk"),
        Binding("o", "open", "Open mic"),
        Binding("k", "save", "Keep", priority=True),
        Binding("w", "words", "Words", priority=True),
        Binding("e", "expect", "Expect", priority=True),
        Binding("enter", "say", "Say"),
        *(Binding(str(digit), f"digit({digit})", show=False) for digit in range(10)),
        Binding("left", "language(-1)", show=False),
        Binding("right", "language(1)", show=False),
        Binding("up", "choose(1)", show=False),
        Binding("down", "choose(-1)", show=False),
        Binding("pageup", "scroll_page(-1)", "Up", show=False),
        Binding("pagedown", "scroll_page(1)", "Down", show=False),
    ]
    DEFAULT_CSS = """
    SpeechScreen #left { width: 1fr; height: 1fr; border-right: solid $secondary; }
    SpeechScreen #right { width: 1fr; }
    SpeechScreen #listening { padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._asked_for: Requester | None = None

    def body(self) -> ComposeResult:
        """Lay out both columns."""
        with Horizontal():
            with Vertical(id="left"):
                yield Slice(draw_listening, id="listening")
                with Page(classes="page", id="heard"):
                    yield Slice(draw_heard)
            with Page(classes="page", id="right"):
                yield Slice(draw_answering)

    def show(self, state: State, now: datetime) -> None:
        """Draw the state; for an officer who is new here, ask how people can be answered."""
        super().show(state, now)
        if self.is_current and state.officer != self._asked_for and (state.officer is None or can_act(state)):
            self._asked_for = state.officer
            if state.officer is not None:
                self.board.ask(lambda number: ShowAnswering(request=number))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer what can be done now."""
        state = self.board.state
        match action:
            case "talk" | "open":
                return can_act(state) and not (is_pending(state, Listen) or is_pending(state, StopListening))
            case "words":
                return can_act(state) and phrasebook() is not None
            case "say":
                return can_act(state) and can_say(state.speech)
            case "save":
                return can_act(state) and can_save(state.speech)
            case _:
                return True

    def action_talk(self) -> None:
        """Listen, or stop."""
        self._switch(open_=False)

    def action_open(self) -> None:
        """Listen until told to stop, or stop."""
        self._switch(open_=True)

    def _switch(self, *, open_: bool) -> None:
        state = self.board.state
        if state.speech.mine and state.listening is not ListenMode.OFF:
            self.board.ask(lambda number: StopListening(request=number))
        else:
            expected = state.speech.expected
            self.board.ask(lambda number: Listen(request=number, languages=expected, open=open_))

    async def action_save(self) -> None:
        """Ask why the utterance is to be kept, then for it."""
        chosen = chosen_utterance(self.board.state.speech)
        if chosen is not None:
            await self.app.push_screen(SaveDialog(chosen))

    async def action_words(self) -> None:
        """Ask for words, then for their translation."""
        book = phrasebook()
        if book is not None:
            await self.app.push_screen(WordsDialog(answer_language(self.board.state.speech, book)))

    async def action_expect(self) -> None:
        """Ask which languages are expected."""
        await self.app.push_screen(ExpectDialog(self.board.state.speech.expected))

    def action_say(self) -> None:
        """Have the chosen sentence said aloud."""
        book = phrasebook()
        phrase = None if book is None else chosen_phrase(self.board.state.speech, book)
        if phrase is not None:
            self.board.ask(lambda number: SayPhrase(request=number, phrase=phrase.phrase, language=phrase.language))

    def action_digit(self, digit: int) -> None:
        """Choose a topic, then a sentence; 0 goes back."""
        book, page = phrasebook(), self.board.state.speech
        if book is None:
            return
        topic = open_topic(page, book)
        if digit == 0:
            self.board.take(Opened(""))
        elif topic is None and digit <= len(book.topics):
            self.board.take(Opened(book.topics[digit - 1].topic))
        elif topic is not None and digit <= len(topic.sentences):
            self.board.take(Picked(list(topic.sentences)[digit - 1]))
        self.query_one("#right", Page).scroll_home(animate=False)

    def action_language(self, by: int) -> None:
        """Answer in the language before or after."""
        book = phrasebook()
        if book is not None:
            codes = list(book.languages)
            here = codes.index(answer_language(self.board.state.speech, book).language)
            self.board.take(Spoke(codes[(here + by) % len(codes)]))

    def action_choose(self, by: int) -> None:
        """Move the mark to a newer or an older utterance."""
        self.board.take(Marked(neighbour_utterance(self.board.state.speech, by)))

    def action_scroll_page(self, by: int) -> None:
        """Show more of what was heard."""
        page = self.query_one("#heard", Page)
        page.scroll_relative(y=by * max(1, page.size.height - 2), animate=False)
