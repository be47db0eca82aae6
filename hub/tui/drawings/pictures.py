"""The chosen alert's pictures: the plate, or the face beside its reference, and the reduced scene around it."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from hub.messages import Alert, HitKind
from hub.tui.drawings import View
from hub.tui.lines import QUIET, STRONG, put, stack
from hub.tui.picture import beside, half_blocks
from hub.tui.reading import page_of

CROP_LINES: Final = 6
FACE_LINES: Final = 11
"""Of a face and of its reference, side by side: about as high as the hub leaves of a scene."""
SCENE_LINES: Final = 14
SCENE_COLUMNS: Final = 64
"""Two a block: the hub leaves 32 blocks of a scene's longer side, so more would show nothing more."""


def draw_crop(view: View) -> Text:
    """Return the plate as it was seen, or the face beside its reference; nothing where there is no picture of it."""
    alert = page_of(view.state)
    if alert is None or alert.crop is None:
        return Text("")
    if alert.hit.kind is HitKind.FACE:
        return _faces(alert, view.width, FACE_LINES)
    return half_blocks(alert.crop, view.width, CROP_LINES)


def _faces(alert: Alert, width: int, height: int) -> Text:
    """Return the face that the camera saw and the entry's reference photo side by side (C6)."""
    columns = (width - 3) // 2
    live, reference = half_blocks(alert.crop, columns, height), half_blocks(alert.reference, columns, height)
    return beside(stack([put(("camera now", STRONG)), live]), stack([put(("reference photo", STRONG)), reference]))


def draw_scene(view: View) -> Text:
    """Return the scene; everything in it but the plate was reduced by the hub."""
    alert = page_of(view.state)
    if alert is None or alert.scene is None:
        return Text("")
    what = "face" if alert.hit.kind is HitKind.FACE else "plate"
    return stack(
        [
            put((f"scene, reduced but for the {what}", QUIET)),
            half_blocks(alert.scene, min(view.width, SCENE_COLUMNS), SCENE_LINES),
        ]
    )


def draw_large(view: View) -> Text:
    """Return both pictures in the width of the screen."""
    alert = page_of(view.state)
    if alert is None or (alert.crop is None and alert.scene is None):
        return put("This alert has no picture.")
    if alert.hit.kind is HitKind.FACE:
        crop = _faces(alert, view.width, view.height - 1)
    else:
        crop = half_blocks(alert.crop, view.width, view.height)
    return stack([crop, Text(""), half_blocks(alert.scene, view.width, 2 * view.height)])
