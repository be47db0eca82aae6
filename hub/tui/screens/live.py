"""Live: what each camera sees, reduced, is it watching, and where do its frames and reads go."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import ScreenSuspend

from hub.tui.dialogs.base import Dialog
from hub.tui.dialogs.probe import ProbeDialog
from hub.tui.drawings.cameras import draw_cameras
from hub.tui.drawings.live import LIVE_COLUMNS, draw_live_head, draw_live_picture, neighbour_camera
from hub.tui.drawings.probe import draw_probe
from hub.tui.graphics import put_picture
from hub.tui.picture import live_drawing
from hub.tui.reading import can_act, is_pending
from hub.tui.screens.base import HubScreen, Page
from hub.tui.slice import Slice
from hub.tui.state import State, Watched
from hub.wire import CameraPicture, ProbeFace

LINES = (11, 20)
"""Lines of the picture on a narrow and on a wide screen."""
PIXELS_A_CELL = (10, 20)
"""Pixels of a picture for each cell, where the terminal draws pixels: more than the hub leaves of a scene."""


class LiveScreen(HubScreen):
    """One camera's picture, and all cameras with their counts."""

    PLACE = "live"
    HELP_TEXT = """\
The picture of one camera, up to five a second while you are signed in. The hub reduces it before it leaves its \
memory: nobody can be recognised in it, and no plate can be read. Regions that were read are outlined.

left, right  the camera before or after
p            probe: compare the one face in front of the camera with a face list, once, with a reason
up, down     more

Below: every camera with the reasons for which its frames, text regions, tracks and reads went nowhere, or somewhere. \
No read is shown before it is an alert."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "camera(-1)", "Before", show=False),
        Binding("right,l", "camera(1)", "Next camera"),
        Binding("p", "probe", "Probe a face", priority=True),
    ]
    DEFAULT_CSS = f"""
    LiveScreen #picture, LiveScreen #pixels {{ width: {LIVE_COLUMNS}; height: {LINES[0]}; }}
    LiveScreen.-wide #picture, LiveScreen.-wide #pixels {{ height: {LINES[1]}; }}
    """

    def body(self) -> ComposeResult:
        """Lay out the page."""
        pixels = self.board.pixels
        with Page(classes="page", can_focus=True):
            yield Slice(draw_live_head)
            yield Slice(draw_probe)
            yield pixels(id="pixels") if pixels is not None else Slice(draw_live_picture, id="picture")
            yield Slice(draw_cameras)

    def on_mount(self) -> None:
        """Begin without a picture."""
        self._drawn: CameraPicture | None = None

    def show(self, state: State, now: datetime) -> None:
        """Draw the state."""
        super().show(state, now)
        if self.board.pixels is not None and state.live is not self._drawn:
            self._drawn = state.live
            wide, high = LIVE_COLUMNS * PIXELS_A_CELL[0], LINES[1] * PIXELS_A_CELL[1]
            drawing = live_drawing(state.live, wide, high) if state.live is not None else None
            put_picture(self.query_one("#pixels"), drawing)

    def on_screen_resume(self) -> None:
        """Want pictures."""
        super().on_screen_resume()
        self.board.want_pictures()

    def on_screen_suspend(self, _: ScreenSuspend) -> None:
        """Want no pictures while another screen is in front; a dialog over this one leaves them as they are."""
        if not isinstance(self.app.screen, Dialog):
            self.board.take(Watched(""))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer a probe of the camera that is watched, one at a time."""
        state = self.board.state
        if action == "probe":
            return can_act(state) and bool(state.watched) and not is_pending(state, ProbeFace)
        return True

    async def action_probe(self) -> None:
        """Ask why, then for the probe."""
        await self.app.push_screen(ProbeDialog(self.board.state.watched))

    def action_camera(self, by: int) -> None:
        """Watch another camera."""
        self.board.take(Watched(neighbour_camera(self.board.state, by)))
