"""The chosen alert's pictures in the terminal: what the camera saw of the plate, and the reduced scene around it."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from hub.tui.drawings import View
from hub.tui.lines import QUIET, put, stack
from hub.tui.picture import half_blocks
from hub.tui.reading import page_of

CROP_LINES: Final = 6
SCENE_LINES: Final = 14
SCENE_COLUMNS: Final = 64
"""Two a block: the hub leaves 32 blocks of a scene's longer side, so more would show nothing more."""


def draw_crop(view: View) -> Text:
    """Return the plate as it was seen; nothing where the alert has no picture of it."""
    alert = page_of(view.state)
    if alert is None or alert.crop is None:
        return Text("")
    return half_blocks(alert.crop, view.width, CROP_LINES)


def draw_scene(view: View) -> Text:
    """Return the scene; everything in it but the plate was reduced by the hub."""
    alert = page_of(view.state)
    if alert is None or alert.scene is None:
        return Text("")
    return stack(
        [
            put(("scene, reduced but for the plate", QUIET)),
            half_blocks(alert.scene, min(view.width, SCENE_COLUMNS), SCENE_LINES),
        ]
    )


def draw_large(view: View) -> Text:
    """Return both pictures in the width of the screen."""
    alert = page_of(view.state)
    if alert is None or (alert.crop is None and alert.scene is None):
        return put("This alert has no picture.")
    crop = half_blocks(alert.crop, view.width, view.height)
    return stack([crop, Text(""), half_blocks(alert.scene, view.width, 2 * view.height)])
