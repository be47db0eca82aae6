"""Alerts: the queue, and the chosen one with all that an officer needs to decide."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from hub.messages import AlertState
from hub.tui.dialogs.pictures import PicturesDialog
from hub.tui.dialogs.reason import ReasonDialog
from hub.tui.drawings.alert import draw_alert, draw_alert_head
from hub.tui.drawings.pictures import draw_crop, draw_scene
from hub.tui.drawings.queue import draw_queue
from hub.tui.reading import correction_for, neighbour, page_of, steps_for
from hub.tui.screens.base import HubScreen, Page
from hub.tui.slice import Slice
from hub.tui.state import Chose


class AlertsScreen(HubScreen):
    """The queue and one alert."""

    PLACE = "alerts"
    HELP_TEXT = """\
What waits for you stands first: missing persons, then what ends soonest. An alert that nobody decides ends by itself.

up, down     the alert before or after
PgUp, PgDn   more of what is known of it
p            its pictures in the width of the screen
t, f         adjudicate true or false, with a reason
e            engaged: you are dealing with it
c, n         confirmed, or not confirmed
x            correct the decision before; it stays on record

The blocks under the read are as high as each character is probable; ^ marks where read and list differ. A face stands \
beside its reference photo: that it is alike to the model proves nothing. An alert leaves as a dispatch only once it \
is adjudicated true; adjudicated false it loses its pictures at once. Your own probe is decided by another officer."""
    # Steps have priority and wait for their dialog: a reason typed at once is not taken for keys of this screen.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "step('adjudicated_true')", "True", priority=True),
        Binding("f", "step('adjudicated_false')", "False", priority=True),
        Binding("e", "step('engaged')", "Engaged", priority=True),
        Binding("c", "step('confirmed_true')", "Confirmed", priority=True),
        Binding("n", "step('confirmed_false')", "Not confirmed", priority=True),
        Binding("x", "correct", "Correct", priority=True),
        Binding("p", "pictures", "Pictures"),
        Binding("up,k", "choose(-1)", "Before", show=False),
        Binding("down,j", "choose(1)", "After", show=False),
        Binding("pageup", "scroll_page(-1)", "Up", show=False),
        Binding("pagedown", "scroll_page(1)", "Down", show=False),
    ]
    DEFAULT_CSS = """
    AlertsScreen #queue { width: 30; height: 1fr; border-right: solid $secondary; }
    AlertsScreen.-wide #queue { width: 44; }
    """

    def body(self) -> ComposeResult:
        """Lay out queue and alert side by side."""
        with Horizontal():
            yield Slice(draw_queue, id="queue")
            with Page(classes="page", id="alert"):
                yield Slice(draw_alert_head)
                yield Slice(draw_crop)
                yield Slice(draw_alert)
                yield Slice(draw_scene)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the steps that the chosen alert has now, and no others."""
        state = self.board.state
        if action == "step":
            return parameters[0] in steps_for(state)
        if action == "correct":
            return correction_for(state) is not None
        if action == "pictures":
            page = page_of(state)
            return page is not None and (page.crop or page.scene) is not None
        return True

    def action_choose(self, by: int) -> None:
        """Move the mark in the queue."""
        self.board.take(Chose(neighbour(self.board.state, by)))
        self.query_one("#alert", Page).scroll_home(animate=False)

    def action_scroll_page(self, by: int) -> None:
        """Show more of the alert."""
        page = self.query_one("#alert", Page)
        page.scroll_relative(y=by * max(1, page.size.height - 2), animate=False)

    async def action_step(self, state: str) -> None:
        """Ask for the reason of a step, then for the step."""
        page = page_of(self.board.state)
        if page is not None:
            await self.app.push_screen(ReasonDialog(page, AlertState(state), correction=False))

    async def action_correct(self) -> None:
        """Ask for the reason of a correction, then for the correction."""
        page, state = page_of(self.board.state), correction_for(self.board.state)
        if page is not None and state is not None:
            await self.app.push_screen(ReasonDialog(page, state, correction=True))

    def action_pictures(self) -> None:
        """Show the pictures in the width of the screen."""
        self.app.push_screen(PicturesDialog())
