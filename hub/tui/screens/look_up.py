"""Look-up by hand: a plate, a person or a document, with a reason; each source's answer as it comes."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Label

from hub.errors import InputError
from hub.messages import SubjectKind
from hub.tui.drawings.answers import draw_answers
from hub.tui.grant_file import read_grant_file
from hub.tui.reading import can_act
from hub.tui.screens.base import HubScreen, Page
from hub.tui.slice import Slice
from hub.wire import LookUp

FIELDS: Final = {
    SubjectKind.PLATE: ("plate, such as 4721 XKP; ? one unknown, * several", ""),
    SubjectKind.PERSON: ("name", "born YYYY-MM-DD"),
    SubjectKind.DOCUMENT: ("number", "state, such as UTO"),
}
"""What the fields ask for, by what is looked up."""


class LookUpScreen(HubScreen):
    """A form above, answers below."""

    PLACE = "look_up"
    HELP_TEXT = """\
Ask every source that you may ask. The look-up and its reason are in the log before the first source is asked.

Ctrl+T       plate, person or document
Ctrl+G       name the file of a grant, for a source that needs one; the hub verifies it
Ctrl+L       empty the form
Tab          next field; Enter in the last one asks
PgUp, PgDn   more of the answers

In a plate ? stands for one character that nobody saw and * for several; at least three neighbouring ones are needed. \
A name may be written in any order. A source that does not answer says so; that is not the same as no hit."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "to_reason", show=False, priority=True),  # what is typed next belongs there already
        Binding("ctrl+t", "kind", "Plate/person/document", priority=True),
        Binding("ctrl+g", "grant", "Grant", priority=True),
        Binding("ctrl+l", "clear", "Clear", priority=True),
        Binding("pageup", "scroll_page(-1)", "Up", show=False),
        Binding("pagedown", "scroll_page(1)", "Down", show=False),
    ]
    DEFAULT_CSS = """
    LookUpScreen .row { height: 1; margin: 0 1; }
    LookUpScreen .row Label { width: 11; text-style: bold; }
    LookUpScreen .row Input { width: 1fr; }
    LookUpScreen #more { max-width: 22; margin-left: 1; }
    LookUpScreen #answers { border-top: solid $secondary; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._kind = SubjectKind.PLATE

    def body(self) -> ComposeResult:
        """Lay out the form and the answers."""
        with Horizontal(classes="row"):
            yield Label("plate", id="kind", markup=False)
            yield Input(id="value", compact=True, max_length=200)
            yield Input(id="more", compact=True, max_length=20)
        with Horizontal(classes="row", id="granted"):
            yield Label("grant", markup=False)
            yield Input(id="grant", compact=True, max_length=1000, placeholder="file of a signed grant")
        with Horizontal(classes="row"):
            yield Label("reason", markup=False)
            yield Input(id="reason", compact=True, max_length=2000, placeholder="why; kept in the log")
        with Page(classes="page", id="answers"):
            yield Slice(draw_answers)

    def on_mount(self) -> None:
        """Begin with a plate."""
        self.query_one("#granted").display = False
        self._ask_for(SubjectKind.PLATE)
        self.query_one("#value", Input).focus()

    def action_kind(self) -> None:
        """Go on to the next kind of look-up."""
        kinds = list(FIELDS)
        self._ask_for(kinds[(kinds.index(self._kind) + 1) % len(kinds)])
        self.query_one("#value", Input).focus()

    def _ask_for(self, kind: SubjectKind) -> None:
        self._kind = kind
        value, more = FIELDS[kind]
        self.query_one("#kind", Label).update(kind.value)
        self.query_one("#value", Input).placeholder = value
        field = self.query_one("#more", Input)
        field.value, field.placeholder, field.display = "", more, bool(more)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Leave Enter to the reason's field where the cursor is there."""
        fields = (self.query_one("#value"), self.query_one("#more"), self.query_one("#grant"))
        return action != "to_reason" or self.focused in fields

    def action_to_reason(self) -> None:
        """Go on to the reason."""
        self.set_focus(self.query_one("#reason", Input))

    def action_grant(self) -> None:
        """Go to the grant's field."""
        self.query_one("#granted").display = True
        self.set_focus(self.query_one("#grant", Input))

    def action_clear(self) -> None:
        """Empty the form."""
        for field in self.query(Input):
            field.value = ""
        self.query_one("#granted").display = False
        self.query_one("#value", Input).focus()

    def action_scroll_page(self, by: int) -> None:
        """Show more of the answers."""
        page = self.query_one("#answers", Page)
        page.scroll_relative(y=by * max(1, page.size.height - 2), animate=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Ask, or go to the field that is still empty."""
        value, reason = self.query_one("#value", Input), self.query_one("#reason", Input)
        if event.input is not reason or not value.value.strip() or not reason.value.strip():
            self.set_focus(reason if value.value.strip() else value)
            return
        if not can_act(self.board.state):
            self.board.remark("a look-up needs a signed-in officer: leave the field with F2, then key s")
            return
        kind, more = self._kind, self.query_one("#more", Input).value.strip()
        born = more if kind is SubjectKind.PERSON else ""
        country = more if kind is SubjectKind.DOCUMENT else ""
        what, why = value.value.strip(), reason.value.strip()
        file, grant = self.query_one("#grant", Input).value.strip(), b""
        if file:
            try:
                grant = read_grant_file(file)
            except InputError as error:
                self.board.remark(f"nothing was asked: {error}")
                return
        self.board.ask(
            lambda number: LookUp(
                request=number,
                subject_kind=kind,
                value=what,
                reason=why,
                born=born,
                country=country,
                grant=grant,
            )
        )
        self.query_one("#answers", Page).scroll_home(animate=False)
