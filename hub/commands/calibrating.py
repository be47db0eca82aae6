"""`patrol-hub evaluate calibrate`: what the similarities of the face model mean, from a research set.

Opens no store, no camera and no list. Prints counts; keeps nothing.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from hub.commands.console import emit, note
from hub.config import load_config
from hub.evaluation.calibration import calibrate_faces
from hub.parts import installed_plugins, open_face_engine


def calibrate(folder: Path, *, name: str, config: Path | None) -> int:
    """Print a calibration of the face model."""
    settings = load_config(config)
    plugins = installed_plugins(settings)
    plugins.load_all(leave_out=settings.plugins_off)
    with tempfile.TemporaryDirectory(prefix="patrol-hub-evaluate-") as state:
        engine = open_face_engine(plugins, settings, Path(state))
        try:
            emit(calibrate_faces(folder, name, engine, say=note))
        finally:
            engine.close()
    return 0
