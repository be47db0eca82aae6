"""Plate reader for Patrol Hub on a local fast-plate-ocr model, off until its files are there.

The plugin brings no weights and fetches none: put a model and its configuration (both as fast-plate-ocr exports them)
into the hub's folder of models and name them in ``[plugins.plates_fast]``; see `plates_fast.reader.open_reader`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.hookspecs import RegisterPlateReader, hookimpl

if TYPE_CHECKING:
    from hub.backends import PluginContext
    from plates_fast.reader import FastReader

PATROL_HUB_API: Final = 1


@hookimpl
def register_plate_readers(register: RegisterPlateReader) -> None:
    """Offer the reader; fast-plate-ocr is imported and the files are opened when it is first needed."""
    register("plates_fast", _open)


def _open(context: PluginContext) -> FastReader:
    from plates_fast.reader import open_reader

    return open_reader(context)
