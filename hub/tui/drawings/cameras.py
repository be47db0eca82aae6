"""Cameras: is each one watching, and where do its frames and reads go. No read is here (C3)."""

from __future__ import annotations

from collections import defaultdict

from rich.text import Text

from hub.messages import CameraHealth, ReasonCount
from hub.tui.drawings import View
from hub.tui.lines import BAD, GOOD, QUIET, STRONG, put, stack, words
from hub.tui.reading import has_ended
from hub.tui.state import State


def draw_cameras(view: View) -> Text:
    """Return each camera with its counts by stage and reason."""
    state = view.state
    if not state.cameras:
        return put(("No camera is watched.", QUIET))
    by_camera: dict[str, list[ReasonCount]] = defaultdict(list)
    for count in state.counts:
        by_camera[count.camera].append(count)
    lines = []
    for camera in state.cameras:
        lines += [_camera(state, camera), *_counts(by_camera[camera.camera]), Text("")]
    lines.append(put(("Of what is no alert there are reduced pictures, counts and reasons.", QUIET)))
    return stack(lines)


def _camera(state: State, camera: CameraHealth) -> Text:
    if camera.stalled:
        mark = put(("✖ stalled ", BAD))
    elif camera.open:
        mark = put(("● watching ", GOOD))
    elif has_ended(state, camera.camera):
        mark = put(("■ ended ", QUIET))
    else:
        mark = put(("✖ not open ", BAD))
    again = f", reopened {camera.reopened}x" if camera.reopened else ""
    rest = put(
        (camera.camera, STRONG), f"  {camera.frames} frames{again}", f"  {camera.detail}" if camera.detail else ""
    )
    return Text.assemble(mark, rest)


def _counts(counts: list[ReasonCount]) -> list[Text]:
    stages: dict[str, list[str]] = defaultdict(list)
    for count in counts:
        if count.count:
            stages[count.stage].append(f"{words(count.reason.value)} {count.count}")
    return [put(f"  {stage:7}", ", ".join(reasons)) for stage, reasons in stages.items()]
