"""`patrol-hub evaluate speech`: clips through the same actor that listens to a microphone. Opens no unit."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import trio

from hub.actors.speech import Ear
from hub.backends import Transcriber, VoiceDetector
from hub.clocks import SystemClock
from hub.commands.console import Form, emit, note, progress, say
from hub.config import load_config
from hub.evaluation.speech import SpeechReport, Understood, evaluate_speech
from hub.inference import Worker
from hub.listening import parse_sound
from hub.messages import Utterance
from hub.parts import installed_plugins, open_transcriber, open_voice_detector
from hub.speech.settings import SpeechSettings
from hub.speech_files import translate_file


def speech(folder: Path, *, config: Path | None, form: Form) -> int:
    """Measure speech on clips with transcripts."""
    settings = load_config(config)
    plugins = installed_plugins(settings)
    plugins.load_all()
    with tempfile.TemporaryDirectory(prefix="patrol-hub-evaluate-") as state:
        transcriber = open_transcriber(plugins, settings, Path(state))
        detector = open_voice_detector(plugins, settings, Path(state))
        try:
            with progress("clips") as done:
                report = evaluate_speech(
                    folder,
                    lambda clip: trio.run(_understand, clip, detector, transcriber, settings.speech),
                    progress=done,
                )
        finally:
            transcriber.close()
            detector.close()
    if form == "json":
        emit(report)
    else:
        _tell(report)
    return 0


async def _understand(
    clip: Path, detector: VoiceDetector, transcriber: Transcriber, settings: SpeechSettings
) -> Understood:
    heard: list[Utterance] = []
    began: list[float] = []
    detector.reset()

    async def keep(utterance: Utterance) -> None:
        heard.append(utterance)

    def mark(_: Ear) -> None:
        if not began:  # a decoder's start is no part of understanding
            began.append(time.perf_counter())

    seconds = await translate_file(
        parse_sound(str(clip)),
        keep,
        detector=detector,
        transcriber=transcriber,
        ears=Worker("voice detector"),
        worker=Worker("transcriber"),
        settings=settings,
        clock=SystemClock(),
        on_ear=mark,
        say=note,
    )
    took = time.perf_counter() - began[0] if began else 0.0
    return Understood(tuple(heard), seconds, took)


def _tell(report: SpeechReport) -> None:
    for code, figures in report.languages.items():
        say(f"{code}: {figures.clips} clips, word error rate {figures.wer:.3f}, language right in {figures.identified}")
    say(f"all: word error rate {report.wer:.3f}, language right in {report.identified} of {report.clips}")
    say(f"real-time factor {report.real_time_factor:.3f}, utterances not understood {report.not_understood}")
