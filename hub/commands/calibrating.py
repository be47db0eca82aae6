"""`patrol-hub watchlist calibrate` and `evaluate calibrate`: what similarities of the face model mean.

Opens no store, no camera and no list. Prints counts; keeps nothing.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec

from hub.authority.files import write_file
from hub.commands.console import emit, note, say
from hub.config import load_config
from hub.evaluation.calibration import calibrate_faces
from hub.parts import installed_plugins, open_face_engine


def calibrate(folder: Path, *, name: str, config: Path | None, output: Path | None = None) -> int:
    """Print a calibration of the face model, or write it to a file."""
    settings = load_config(config)
    plugins = installed_plugins(settings)
    plugins.load_all()
    with tempfile.TemporaryDirectory(prefix="patrol-hub-evaluate-") as state:
        engine = open_face_engine(plugins, settings, Path(state))
        try:
            found = calibrate_faces(folder, name, engine, say=note)
        finally:
            engine.close()
    if output is None:
        emit(found)
        return 0
    write_file(output, msgspec.json.encode(found) + b"\n", mode=0o644)
    finest = f"a budget down to {found.finest:.2g} a comparison"
    say(f"{output}: {found.people:,} people, {found.comparisons:,} pairs of different people; supports {finest}")
    return 0
