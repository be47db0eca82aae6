"""Translates with Argos packages that the user installed, for Patrol Hub.

Registers one translator; see `translate_argos.engine`. ``[plugins.translate_argos] packages`` names the folder of the
``.argosmodel`` files; without any it offers no pair. Nothing is fetched.
"""

from __future__ import annotations

from pathlib import Path

from hub.backends import PluginContext
from hub.errors import TranslatorError
from hub.hookspecs import RegisterTranslator, hookimpl
from translate_argos.engine import Argos

__all__ = ["Argos", "register_translators"]


@hookimpl
def register_translators(register: RegisterTranslator) -> None:
    """Register the translator."""
    register("argos", _make)


def _make(context: PluginContext) -> Argos:
    packages = context.settings.get("packages", "")
    if not isinstance(packages, str):
        raise TranslatorError("[plugins.translate_argos] packages is the folder of the packages, as text")
    folder = Path(packages).expanduser() if packages else context.state / "packages"
    return Argos(folder, context.state / "unpacked", threads=context.threads)
