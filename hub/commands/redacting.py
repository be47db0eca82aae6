"""`patrol-hub redact`: a photo or video reduced so that bystanders are not told apart. No log, no list, no look-up."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import trio

from hub.capture import parse_source
from hub.clocks import SystemClock
from hub.commands.console import note, progress, say
from hub.config import load_config
from hub.errors import PluginError, UsageError
from hub.messages import Box
from hub.parts import installed_plugins, open_face_detector
from hub.redact_files import check_output, redact_file


def redact(file: Path, *, output: Path, keep: str, config: Path | None) -> int:
    """Reduce one file."""
    spec = parse_source(str(file))
    check_output(spec, output)
    box = _box(keep)
    settings = load_config(config)
    plugins = installed_plugins(settings)
    plugins.load_all()
    with tempfile.TemporaryDirectory(prefix="patrol-hub-redact-") as state:
        detector = open_face_detector(plugins, settings, Path(state))
        if detector is None:
            raise PluginError("no plugin offers a face detector; see: patrol-hub plugins list")
        try:
            with progress("pictures") as done:
                work = partial(
                    redact_file, spec, output, keep=box, detector=detector, clock=SystemClock(), progress=done
                )
                result = trio.run(work)
        finally:
            detector.close()
    for each in result.left_out:
        note(each)
    say(f"{output}: pictures {result.pictures}, faces found {result.faces}")
    return 0


def _box(text: str) -> Box | None:
    if not text:
        return None
    try:
        x, y, w, h = (int(part) for part in text.split(","))
    except ValueError:
        x = y = w = h = 0
    if min(x, y) < 0 or min(w, h) < 1:
        raise UsageError(f"--keep {text}: give x,y,w,h in pixels, as in 120,80,200,60")
    return Box(x, y, w, h)
