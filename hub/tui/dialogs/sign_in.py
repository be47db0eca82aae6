"""Sign-in: number and passphrase, which are sent and not kept."""

from __future__ import annotations

from datetime import datetime

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Label

from hub.tui.dialogs.base import Dialog
from hub.tui.drawings.remark import draw_remark
from hub.tui.slice import Slice
from hub.tui.state import State
from hub.wire import SignIn


class SignInDialog(Dialog):
    """Stays until the hub has signed the officer in, or Escape."""

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

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go on to the passphrase, or sign in."""
        number, passphrase = self.query_one("#number", Input), self.query_one("#passphrase", Input)
        if event.input is number or not number.value.strip():
            (passphrase if number.value.strip() else number).focus()
            return
        who, secret = number.value.strip(), passphrase.value
        passphrase.value = ""
        self.board.ask(lambda request: SignIn(request=request, number=who, passphrase=secret))
