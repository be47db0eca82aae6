"""Translates with the Apertium pairs of the system, for Patrol Hub.

Registers one translator; see `translate_apertium.engine`. Where Apertium is not installed it offers no pair.
"""

from __future__ import annotations

from hub.backends import PluginContext
from hub.hookspecs import RegisterTranslator, hookimpl
from translate_apertium.engine import Apertium

__all__ = ["Apertium", "register_translators"]


@hookimpl
def register_translators(register: RegisterTranslator) -> None:
    """Register the translator."""
    register("apertium", _make)


def _make(context: PluginContext) -> Apertium:
    del context  # nothing of it is needed: the pairs are the system's
    return Apertium()
