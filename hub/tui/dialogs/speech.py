"""What the Speech screen asks for: why an utterance is kept, words to translate, which languages are expected."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Label, Static

from hub.errors import UsageError
from hub.messages import TRANSCRIPT_NOTICE, Utterance
from hub.phrasebook.book import Language
from hub.speech.languages import name_of, parse_codes
from hub.tui.dialogs.base import Dialog
from hub.tui.lines import BAD, QUIET, STRONG, put, stack
from hub.tui.speech import Expected
from hub.wire import SaveTranscript, Translate


class SaveDialog(Dialog):
    """Asks why an utterance is to be kept, and has it kept.

    Args:
        utterance: The one that was chosen when the dialog opened.
    """

    def __init__(self, utterance: Utterance) -> None:
        super().__init__()
        self._utterance = utterance

    def compose(self) -> ComposeResult:
        """Lay out what is kept, and the field for the reason."""
        said = self._utterance
        with Vertical(classes="box"):
            yield Static(
                stack(
                    [
                        put(("Keep this utterance until its date, sealed in the log", STRONG)),
                        put(f"{name_of(said.language)}: {said.original}"),
                        put(f"= {said.translation}"),
                        put((TRANSCRIPT_NOTICE, QUIET)),
                    ]
                ),
                markup=False,
            )
            yield Input(placeholder="reason, kept in the log", max_length=2000, id="reason")
            yield Label("Enter does it, Esc goes back", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Ask for it; without a reason nothing happens."""
        reason = event.value.strip()
        if not reason:
            event.input.placeholder = "a reason is needed: say why"
            return
        name = self._utterance.utterance
        self.board.ask(lambda number: SaveTranscript(request=number, utterance=name, reason=reason))
        self.dismiss()


class WordsDialog(Dialog):
    """Asks for English words, and has them translated.

    Args:
        language: Into which they are translated.
    """

    def __init__(self, language: Language) -> None:
        super().__init__()
        self._language = language

    def compose(self) -> ComposeResult:
        """Lay out the field."""
        with Vertical(classes="box"):
            yield Label(f"Your words, to be translated from English into {self._language.name}", markup=False)
            yield Label("A prepared sentence is better where there is one. Short, plain sentences.", markup=False)
            yield Input(placeholder="in English", max_length=1000, id="words")
            yield Label(f"Enter translates, Esc goes back; {TRANSCRIPT_NOTICE}", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Ask for the translation."""
        text, target = event.value.strip(), self._language.language
        if text:
            self.board.ask(lambda number: Translate(request=number, text=text, target=target))
            self.dismiss()


class ExpectDialog(Dialog):
    """Asks which languages are expected, from the next listening on.

    Args:
        languages: Codes of those that are expected now.
    """

    def __init__(self, languages: tuple[str, ...]) -> None:
        super().__init__()
        self._languages = languages

    def compose(self) -> ComposeResult:
        """Lay out the field."""
        with Vertical(classes="box"):
            yield Label("Languages that you expect, by their codes; none for what the unit is set to", markup=False)
            yield Input(",".join(self._languages), placeholder="such as es,fr", max_length=200, id="codes")
            yield Static("", id="wrong", markup=False)
            yield Label("Enter takes them from the next listening on, Esc goes back", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the codes, or say what is wrong with them."""
        try:
            languages = parse_codes(event.value)
        except UsageError as error:
            self.query_one("#wrong", Static).update(put((str(error), BAD)))
            return
        self.board.take(Expected(languages))
        self.dismiss()
