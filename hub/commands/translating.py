"""`patrol-hub translate`: what is said in files, in its own words and in English. Nothing is matched or kept."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import trio
from msgspec import Struct

from hub.audit.records import SpeechPayload
from hub.authority.policy import may_listen, may_translate_files
from hub.clocks import SystemClock
from hub.commands.acting import open_configured, whoever
from hub.commands.console import Form, emit, note, say
from hub.config import Settings, load_config
from hub.errors import HubError, UsageError
from hub.inference import Worker
from hub.listening import SoundSpec, parse_sound
from hub.messages import TRANSCRIPT_NOTICE, Act, Entry, Requester, Utterance, UtteranceState
from hub.parts import installed_plugins, open_transcriber, open_voice_detector
from hub.speech.languages import ENGLISH, name_of, parse_codes
from hub.speech_files import translate_file
from hub.unit import Unit

DIGITS: Final = 4
"""Digits of a printed probability."""


class SpokenLine(Struct, frozen=True):
    """One utterance as ``translate --format jsonl`` prints it."""

    source: str
    start: float
    """Seconds from the start of the file."""
    end: float
    language: str
    probability: float
    original: str
    translation: str
    doubt: str
    state: str
    """``understood``, ``not_understood`` or ``not_expected``; a stream has ``provisional`` ones too."""
    notice: str = TRANSCRIPT_NOTICE


def translate(
    sources: Sequence[str],
    *,
    languages: str,
    to: str,
    reason: str,
    officer: str | None,
    config: Path | None,
    form: Form,
) -> int:
    """Translate what is said in files."""
    if not sources:
        raise UsageError("name at least one file with sound (wav, ogg, mp3, video)")
    if to != ENGLISH:
        raise UsageError(f"--to {to}: speech is translated into English only (en); see patrol-hub phrase for answers")
    settings = load_config(config)
    expected = parse_codes(languages) or settings.speech.expected
    specs = tuple(parse_sound(source) for source in sources)
    return trio.run(partial(_translate, specs, expected, reason, officer, config, form, settings))


async def _translate(
    specs: tuple[SoundSpec, ...],
    expected: tuple[str, ...],
    reason: str,
    officer: str | None,
    config: Path | None,
    form: Form,
    settings: Settings,
) -> int:
    plugins = installed_plugins(settings)
    plugins.load_all()
    async with open_configured(config) as unit:
        requester = await whoever(unit, officer)
        live = any(spec.live for spec in specs)
        (may_listen if live else may_translate_files)(requester).demand()
        transcriber = await trio.to_thread.run_sync(open_transcriber, plugins, settings, unit.state)
        detector = await trio.to_thread.run_sync(open_voice_detector, plugins, settings, unit.state)
        await _account(unit, requester, "stream" if live else "files", len(specs), expected, reason)
    worker, ears, status = Worker("transcriber"), Worker("voice detector"), 0
    try:
        for spec in specs:
            detector.reset()
            shown = _Shown(form)
            try:
                await translate_file(
                    spec,
                    shown.take,
                    detector=detector,
                    transcriber=transcriber,
                    ears=ears,
                    worker=worker,
                    settings=settings.speech,
                    clock=SystemClock(),
                    expected=expected,
                    say=note,
                )
                if not shown.count:
                    note(f"{spec.origin}: nobody was heard to speak")
            except HubError as error:  # the other files are still heard
                note(str(error))
                status = 2
    finally:
        transcriber.close()
        detector.close()
    return status


async def _account(
    unit: Unit, requester: Requester, mode: str, files: int, expected: tuple[str, ...], reason: str
) -> None:
    payload = SpeechPayload(mode=mode, files=files, languages=expected, reason=reason)
    await unit.log.append(Entry(Act.SPEECH_HEARD, unit.clock.now(), requester, "begun", payload))


class _Shown:
    """Prints utterances and counts them."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self.count = 0

    async def take(self, heard: Utterance) -> None:
        """Print one."""
        self.count += 1
        _show(heard, self._form)


def _show(heard: Utterance, form: Form) -> None:
    if form == "jsonl":
        emit(
            SpokenLine(
                source=heard.source,
                start=heard.start,
                end=heard.end,
                language=heard.language,
                probability=round(heard.probability, DIGITS),
                original=heard.original,
                translation=heard.translation,
                doubt=heard.doubt,
                state=heard.state.value,
            )
        )
        return
    when = f"{heard.source}, {heard.start:.1f} s to {heard.end:.1f} s"
    if heard.state is UtteranceState.PROVISIONAL:
        return
    if heard.state is not UtteranceState.UNDERSTOOD:
        say(f"{when}: {heard.doubt}")
        return
    say(f"{when}: {name_of(heard.language)} ({heard.probability:.2f}; {TRANSCRIPT_NOTICE})")
    say(f"  {heard.original}")
    if heard.translation != heard.original:
        say(f"  {heard.translation or '(no translation)'}")
    if heard.doubt:
        say(f"  doubt: {heard.doubt}")
