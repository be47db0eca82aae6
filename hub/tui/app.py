"""The dashboard: takes what the hub says into the state and draws it; a key becomes a request to the hub.

It holds no power and no data of its own. What it knows is `hub.tui.state.State`, which `reduce` alone changes; the
screens draw it at most every `DRAW_SECONDS`, however fast messages come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from hub.client import open_client
from hub.errors import HubError
from hub.tui import picture
from hub.tui.dialogs.base import Dialog
from hub.tui.dialogs.help import HelpDialog
from hub.tui.dialogs.leave import LeaveDialog
from hub.tui.dialogs.sign_in import SignInDialog
from hub.tui.drawings.live import neighbour_camera
from hub.tui.graphics import MakePixels
from hub.tui.link import Client, Connect, attend
from hub.tui.reading import can_act, chosen, correction_for, is_pending, page_of, steps_for
from hub.tui.screens.alerts import AlertsScreen
from hub.tui.screens.authority import AuthorityScreen
from hub.tui.screens.base import KEYS, PLACES, HubScreen
from hub.tui.screens.health import HealthScreen
from hub.tui.screens.live import LiveScreen
from hub.tui.screens.log import LogScreen
from hub.tui.screens.look_up import LookUpScreen
from hub.tui.screens.speech import SpeechScreen
from hub.tui.speech import offers
from hub.tui.state import Asked, Link, Lost, Message, Muted, Remarked, State, Tick, Watched, reduce
from hub.tui.themes import CONTRAST, NIGHT
from hub.wire import ProbeFace, Request, ShowAlert, SignOut, Snapshot, Stopping, Watch

DRAW_SECONDS: Final = 0.05
"""Longest time between a message and its place on the screen; what comes in between is drawn together."""
FLASH_SECONDS: Final = 1.0
"""How long a new alert lights up the top line."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


def make_app(
    socket: Path,
    *,
    connect: Connect | None = None,
    now: Callable[[], datetime] = _utc_now,
    pixels: MakePixels | None = None,
) -> Dashboard:
    """Return the dashboard, ready to run.

    Args:
        socket: The hub's socket.
        connect: Opens a client for a block, in place of the one that attaches to `socket`.
        now: Wall time, UTC.
        pixels: Draws pictures where the terminal can, from `hub.tui.graphics`; None draws half-blocks.
    """
    return Dashboard(connect or partial(open_client, socket), now=now, pixels=pixels)


class Dashboard(App[None]):
    """The application.

    Args:
        connect: Opens a client for a block.
        now: Wall time, UTC.
        pixels: Draws pictures where the terminal can; None draws half-blocks.
    """

    TITLE = "Patrol Hub"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "alerts": AlertsScreen,
        "look_up": LookUpScreen,
        "live": LiveScreen,
        "health": HealthScreen,
        "log": LogScreen,
        "authority": AuthorityScreen,
        "speech": SpeechScreen,
    }
    DEFAULT_MODE = "alerts"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012  # typed by Textual
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1,question_mark", "help", "Help", key_display="F1", priority=False),
        *(Binding(f"f{number},{number}", f"go('{name}')", PLACES[name], show=False) for name, number in KEYS.items()),
        Binding("s", "sign", "Sign in/out"),
        Binding("m", "mute", "Bell"),
        Binding("f8", "contrast", "Contrast", show=False),
        Binding("ctrl+q,q", "leave", "Leave", key_display="q"),
    ]

    def __init__(self, connect: Connect, *, now: Callable[[], datetime], pixels: MakePixels | None = None) -> None:
        super().__init__()
        self.state = State()
        self.pixels = pixels
        self._connect_to = connect
        self._now = now
        self._client: Client | None = None
        self._drawing = False
        self._offered: tuple[object, ...] = ()
        self._wanted: tuple[object, ...] = ()
        self._watching = ""
        self._greeted = False
        self._leaving = False

    # -------------------------------------------------------------------------------------------- what comes in

    def on_mount(self) -> None:
        """Attach to the hub."""
        for theme in (NIGHT, CONTRAST):
            self.register_theme(theme)
        self.theme = NIGHT.name
        self.set_interval(1.0, self._tick)
        self.run_worker(
            attend(self._connect_to, attached=self._attached, take=self.take, now=self._now), exit_on_error=True
        )

    def _attached(self, client: Client | None) -> None:
        self._client = client
        self._wanted = ()
        self._watching = ""

    def _tick(self) -> None:
        self.take(Tick(self._now()))

    def take(self, message: Message) -> None:
        """Take a message into the state, and draw it soon."""
        if not self.screen_stack:
            return  # the dashboard is being left
        before, self.state = self.state, reduce(self.state, message)
        if self.state.rung > before.rung and not self.state.muted:
            self.bell()
            self._flash()
        if self.state.page is not before.page:
            picture.forget()
        if isinstance(message, Stopping | Lost) and self._leaving:
            self.exit()
        if isinstance(message, Snapshot) and not self._greeted:
            self._greeted = True
            if self.state.officer is None:
                self.call_later(self._ask_who)
        self._want_page()
        self.want_pictures()
        self.show_soon()

    def _flash(self) -> None:
        """Light up the line at the top for a moment, for whoever does not hear the bell."""
        for screen in self.screen_stack:
            screen.add_class("-flash")
            screen.set_timer(FLASH_SECONDS, partial(screen.remove_class, "-flash"))

    def remark(self, text: str) -> None:
        """Tell the officer something that the hub did not."""
        self.take(Remarked(self._now(), text, trouble=True))

    # -------------------------------------------------------------------------------------------- what is drawn

    def show_soon(self) -> None:
        """Draw the state shortly, together with whatever else happens until then."""
        if not self._drawing:
            self._drawing = True
            self.set_timer(DRAW_SECONDS, self._show)

    def _show(self) -> None:
        self._drawing = False
        now = self._now()
        for screen in self.screen_stack:
            if isinstance(screen, HubScreen | Dialog) and screen.is_mounted:
                screen.show(self.state, now)
        state = self.state
        offered = (
            steps_for(state),
            correction_for(state),
            can_act(state),
            page_of(state) is None,
            offers(state.speech),
            (state.watched, is_pending(state, ProbeFace)),
        )
        if offered != self._offered and not is_pending(state, ShowAlert):
            self._offered = offered
            self.refresh_bindings()
            self.screen.refresh_bindings()

    def _want_page(self) -> None:
        """Ask for the alert under the mark, once for each state that it comes to."""
        alert = chosen(self.state)
        if alert is None or not can_act(self.state) or page_of(self.state) is not None:
            return
        wanted = (alert.alert, alert.state)
        if wanted != self._wanted:
            self._wanted = wanted
            self.ask(lambda number: ShowAlert(request=number, alert=alert.alert))

    def want_pictures(self) -> None:
        """Ask for the pictures of the camera that is watched while the live screen is in front, else for none."""
        state = self.state
        if not can_act(state):
            self._watching = ""  # the hub has ended them with the session
            return
        wanted = ""
        if any(isinstance(each, LiveScreen) for each in self.screen_stack):
            wanted = state.watched if any(each.camera == state.watched for each in state.cameras) else ""
            if not wanted and (wanted := neighbour_camera(state, 0)):
                self.state = reduce(state, Watched(wanted))
        if wanted != self._watching:
            self._watching = wanted
            self.ask(lambda number: Watch(request=number, camera=wanted))

    # -------------------------------------------------------------------------------------------- what goes out

    def ask(self, make: Callable[[int], Request]) -> None:
        """Send a request to the hub.

        Args:
            make: Makes the request from its number.
        """
        client = self._client
        if client is None or self.state.link is not Link.UP:
            self.remark("the hub cannot be reached: nothing was asked")
            return
        request = make(client.number())
        self.take(Asked(request))
        self.run_worker(self._send(client, request), group="requests", exit_on_error=False)

    async def _send(self, client: Client, request: Request) -> None:
        try:
            await client.send(request)
        except HubError as error:
            self.remark(str(error))

    def leave_with_hub(self) -> None:
        """Leave as soon as the hub has stopped."""
        self._leaving = True

    # -------------------------------------------------------------------------------------------- keys

    def action_go(self, place: str) -> None:
        """Show a screen."""
        if not isinstance(self.screen, Dialog):
            self.switch_mode(place)

    def action_sign(self) -> None:
        """Sign in, or out."""
        if self.state.officer is None:
            self._ask_who()
        else:
            self.ask(lambda number: SignOut(request=number))

    def _ask_who(self) -> None:
        if not isinstance(self.screen, Dialog):
            self.push_screen(SignInDialog())

    def action_mute(self) -> None:
        """Switch the bell."""
        self.take(Muted(not self.state.muted))

    def action_contrast(self) -> None:
        """Switch high contrast."""
        self.theme = NIGHT.name if self.theme == CONTRAST.name else CONTRAST.name

    def action_help(self) -> None:
        """Show help on the screen."""
        screen = self.screen
        if isinstance(screen, HubScreen):
            self.push_screen(HelpDialog(PLACES[screen.PLACE], screen.HELP_TEXT))
        elif not isinstance(screen, HelpDialog):
            self.push_screen(HelpDialog("", ""))

    def action_leave(self) -> None:
        """Ask whether the hub goes on."""
        if not isinstance(self.screen, LeaveDialog):
            self.push_screen(LeaveDialog())

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:  # noqa: ARG002  # the same everywhere
        """List what can be done by name."""
        for name, number in KEYS.items():
            title = PLACES[name].partition(" ")[2]
            yield SystemCommand(title, f"Go there (F{number})", partial(self.action_go, name))
        yield SystemCommand("Sign in or out", "Who acts (s)", self.action_sign)
        yield SystemCommand("Bell on or off", "Ring for a new alert (m)", self.action_mute)
        yield SystemCommand("High contrast on or off", "Colours (F8)", self.action_contrast)
        yield SystemCommand("Help", "On this screen (F1)", self.action_help)
        yield SystemCommand("Leave", "The hub goes on or stops (q)", self.action_leave)
