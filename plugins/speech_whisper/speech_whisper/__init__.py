"""Speech for Patrol Hub: Whisper in CTranslate2 writes down what was said, Silero VAD says when somebody speaks.

What is kept, believed or shown of it is the host's to decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.hookspecs import PLUGIN_API, RegisterTranscriber, RegisterVoiceDetector, hookimpl

if TYPE_CHECKING:
    from hub.backends import PluginContext
    from speech_whisper.silero import SileroDetector
    from speech_whisper.whisper import WhisperTranscriber

PATROL_HUB_API: Final = PLUGIN_API


@hookimpl
def register_voice_detectors(register: RegisterVoiceDetector) -> None:
    """Offer Silero VAD; the runtime is imported when it is first needed."""
    register("silero", _open_detector)


@hookimpl
def register_transcribers(register: RegisterTranscriber) -> None:
    """Offer Whisper; the runtime is imported when it is first needed."""
    register("whisper", _open_transcriber)


def _open_detector(context: PluginContext) -> SileroDetector:
    from speech_whisper.silero import open_detector

    return open_detector(context)


def _open_transcriber(context: PluginContext) -> WhisperTranscriber:
    from speech_whisper.whisper import open_transcriber

    return open_transcriber(context)
