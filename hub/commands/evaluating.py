"""`patrol-hub evaluate`: figures on published test sets. Opens no store, no camera and no list."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hub.commands.console import Form, emit, say
from hub.config import load_config
from hub.evaluation.plates import evaluate_plates
from hub.parts import open_grammars, open_plate_reader
from hub.plugins import PluginHost


def plates(folder: Path, *, config: Path | None, form: Form) -> int:
    """Measure the plate reader on a folder of photos."""
    settings = load_config(config)
    plugins = PluginHost()
    plugins.load_all()
    with tempfile.TemporaryDirectory(prefix="patrol-hub-evaluate-") as state:
        reader = open_plate_reader(plugins, settings, Path(state))
        try:
            report = evaluate_plates(folder, reader, open_grammars(settings), settings.plates.reading)
        finally:
            reader.close()
    if form == "json":
        emit(report)
        return 0
    say(f"plates {report.plates}, detected {report.detected}")
    say(f"exact {report.exact}, folded {report.folded}, among the first three {report.top3}")
    say(f"misread {report.misread}, false reads {report.false_reads}")
    say(f"milliseconds a photo: median {report.milliseconds.median:.0f}, 95th of 100 {report.milliseconds.p95:.0f}")
    return 0
