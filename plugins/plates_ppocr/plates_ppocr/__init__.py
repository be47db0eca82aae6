"""Plate reader for Patrol Hub on PP-OCRv6 in onnxruntime.

The weights lie in the rapidocr wheel and are opened only when the reader is first needed.
"""

from __future__ import annotations

from typing import Final

from hub.backends import PlateReader, PluginContext
from hub.hookspecs import PLUGIN_API, RegisterPlateReader, hookimpl

PATROL_HUB_API: Final = PLUGIN_API


@hookimpl
def register_plate_readers(register: RegisterPlateReader) -> None:
    """Offer the reader under the name ``plates_ppocr``."""
    register("plates_ppocr", open_reader)


def open_reader(context: PluginContext) -> PlateReader:
    """Open the models.

    Raises:
        ModelError: A model file is missing, altered or does not open.
    """
    from plates_ppocr.reader import PpocrReader

    return PpocrReader(threads=context.threads)
