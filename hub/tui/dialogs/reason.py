"""Why: the reason for a step of an alert. The alert is the one that was on screen when the dialog opened."""

from __future__ import annotations

from typing import Final

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Label, Static

from hub.messages import Alert, AlertState, HitKind
from hub.tui.dialogs.base import Dialog
from hub.tui.lines import STRONG, put, stack, words
from hub.wire import DecideAlert

TITLES: Final = {
    AlertState.ADJUDICATED_TRUE: "Adjudicate TRUE: it is told to the desk as a dispatch",
    AlertState.ADJUDICATED_FALSE: "Adjudicate FALSE: its pictures are destroyed at once",
    AlertState.ENGAGED: "ENGAGED: you are dealing with it",
    AlertState.CONFIRMED_TRUE: "CONFIRMED: it was what the list says",
    AlertState.CONFIRMED_FALSE: "NOT CONFIRMED: it was not what the list says",
}
"""What each step means."""


class ReasonDialog(Dialog):
    """Asks for the reason of a step, and sends the step.

    Args:
        alert: The alert as it was shown.
        step: Where the step leads.
        correction: Whether it corrects the decision before.
    """

    def __init__(self, alert: Alert, step: AlertState, *, correction: bool) -> None:
        super().__init__()
        self._alert = alert
        self._step = step
        self._correction = correction

    def compose(self) -> ComposeResult:
        """Lay out what is decided, and the field for the reason."""
        with Vertical(classes="box"):
            yield Static(self._what(), markup=False)
            yield Input(placeholder="reason, kept in the log", max_length=2000, id="reason")
            yield Label("Enter does it, Esc goes back", markup=False)

    def _what(self) -> Text:
        alert, record = self._alert, self._alert.hit.record
        read = alert.readings[0].plate if alert.readings else "-"
        title = ("Correct to: " if self._correction else "") + TITLES[self._step]
        lines = [put((title, STRONG)), put(f"{words(alert.category)}, entry {record.entry} of {alert.source}")]
        if alert.hit.kind is HitKind.FACE:
            lines.append(put(f"{record.get('name') or 'no name'}: decided on both pictures, side by side"))
        else:
            lines.append(put(f"read {read}, list {record.get('plate') or '-'}"))
        return stack(lines)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Send the step; without a reason there is none."""
        reason = event.value.strip()
        if not reason:
            event.input.placeholder = "a reason is needed: say why"
            return
        name, step, correction = self._alert.alert, self._step, self._correction
        self.board.ask(
            lambda number: DecideAlert(request=number, alert=name, state=step, reason=reason, correction=correction)
        )
        self.dismiss()
