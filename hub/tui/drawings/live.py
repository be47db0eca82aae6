"""The picture of the camera that is watched: reduced by the hub, with the regions that were read outlined (C3, C8)."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from hub.messages import OrderReason
from hub.tui.drawings import View
from hub.tui.lines import DOUBT, QUIET, STRONG, put, span, stack, words
from hub.tui.picture import live_blocks
from hub.tui.reading import watch_trouble
from hub.tui.state import State

LIVE_COLUMNS: Final = 72
"""Two a block and more: the hub leaves 32 blocks of the longer side."""


def draw_live_head(view: View) -> Text:
    """Return what stands above the picture: which camera, what was seen in it, and whether faces are watched for."""
    watch = view.state.watch
    if watch is None or not view.state.cameras:
        return _head(view)
    if why := watch_trouble(view.state):
        faces = put((f"faces are not watched for: {why}", DOUBT))
    elif watch.reason is OrderReason.IN_FORCE:
        faces = put(f"faces are watched for under order {watch.order}, {span(watch.ends, view.now)} left")
    else:
        faces = put((f"faces are not watched for yet: order {watch.order} has not begun", QUIET))
    return stack([_head(view), faces])


def _head(view: View) -> Text:
    """Return the line about the picture, or why there is none."""
    state = view.state
    if not state.cameras:
        return Text("")
    if state.officer is None:
        return put(("Sign in (s) to see pictures.", QUIET))
    if state.live is None:
        return put((state.watched, STRONG), ("  no picture yet", QUIET))
    seen = state.live.boxes
    regions = (
        f"{len(seen)} region{'s' if len(seen) > 1 else ''} outlined: {words(seen[0].reason.value)}" if seen else ""
    )
    return put((state.live.camera, STRONG), f"  {state.live.at:%H:%M:%S}  ", regions or ("nothing outlined", QUIET))


def draw_live_picture(view: View) -> Text:
    """Return the picture as half-blocks; nothing where there is none."""
    if view.state.live is None:
        return Text("")
    return live_blocks(view.state.live, min(view.width, LIVE_COLUMNS), view.height)


def neighbour_camera(state: State, by: int) -> str:
    """Return the camera that many places after the one that is watched, around the end; "" where there is none."""
    names = [each.camera for each in state.cameras]
    if state.watched not in names:
        return names[0] if names else ""
    return names[(names.index(state.watched) + by) % len(names)]
