"""Sign-in: number and passphrase, which are sent and not kept."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Label

from hub.tui.dialogs.base import Dialog
from hub.tui.drawings.remark import draw_remark
from hub.tui.slice import Slice
from hub.tui.state import State
from hub.wire import SignIn


class SignInDialog(Dialog):
    """Stays until the hub has signed the officer in, or Escape."""

    # With priority, so that what is typed right after these keys cannot go into the field before: a passphrase there
    # would be seen.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "to_passphrase", show=False, priority=True),
        Binding("tab,shift+tab", "other_field", show=False, priority=True),
    ]

    def compose(self) -> ComposeResult:
        """Lay out the two fields."""
        with Vertical(classes="box"):
            yield Label("Sign in. Without it you see how the unit is, and no alert.", markup=False)
            yield Input(placeholder="officer's number", max_length=200, id="number")
            yield Input(placeholder="passphrase", password=True, max_length=2000, id="passphrase")
            yield Slice(draw_remark)
            yield Label("Enter signs in, Esc goes on without", markup=False)

    def show(self, state: State, now: datetime) -> None:
        """Close once an officer is signed in."""
        super().show(state, now)
        if state.officer is not None and self.is_current:
            self.dismiss()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Leave Enter to the passphrase's field where the cursor is there."""
        return action != "to_passphrase" or self.focused is self.query_one("#number", Input)

    def action_to_passphrase(self) -> None:
        """Go on to the passphrase."""
        self.set_focus(self.query_one("#passphrase", Input))

    def action_other_field(self) -> None:
        """Go to the other field."""
        number, passphrase = self.query_one("#number", Input), self.query_one("#passphrase", Input)
        self.set_focus(passphrase if self.focused is number else number)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Sign in."""
        number, passphrase = self.query_one("#number", Input), self.query_one("#passphrase", Input)
        if event.input is number or not number.value.strip():
            self.set_focus(number)
            return
        who, secret = number.value.strip(), passphrase.value
        passphrase.value = ""
        self.board.ask(lambda request: SignIn(request=request, number=who, passphrase=secret))
