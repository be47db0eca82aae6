"""What is said in files: `patrol-hub translate` and the evaluation's clips come from here.

The same listening and speech actor as behind the microphone, without a queue that drops: a file waits. Nothing is
kept.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import trio

from hub.actors.speech import Ear, run_speech
from hub.backends import Transcriber, VoiceDetector
from hub.channels import Mailbox
from hub.clocks import Clock
from hub.errors import HubError
from hub.inference import Worker
from hub.listening import SoundSpec, SoundTimeouts, hear_file
from hub.messages import SoundBlock, Utterance
from hub.speech.settings import SpeechSettings

WAITING_BLOCKS: Final = 64
"""Blocks between a decoder and the speech actor: two seconds."""


def _ignore(_: Ear) -> None:
    """Drop a report."""


async def translate_file(
    spec: SoundSpec,
    out: Callable[[Utterance], Awaitable[None]],
    *,
    detector: VoiceDetector,
    transcriber: Transcriber,
    ears: Worker,
    worker: Worker,
    settings: SpeechSettings,
    clock: Clock,
    expected: Sequence[str] = (),
    translate: bool = True,
    timeouts: SoundTimeouts = SoundTimeouts(),  # noqa: B008  # frozen
    on_ear: Callable[[Ear], None] = _ignore,
    say: Callable[[str], None] = lambda _: None,
) -> float:
    """Understand what is said in a file, or in a stream until it ends.

    Args:
        spec: From `hub.listening.parse_sound`.
        out: Gets each utterance.
        detector: Of this file alone.
        transcriber: Calls come one at a time.
        ears: Runs the detector.
        worker: Runs the transcriber.
        settings: When somebody speaks.
        clock: Gives the time of utterances.
        expected: Codes of expected languages; empty for any.
        translate: False to leave the English out.
        timeouts: When a decoder counts as hung.
        on_ear: Told after each look of the voice detector.
        say: Gets one-line remarks.

    Returns:
        Seconds of sound.

    Raises:
        InputError: No sound can be decoded; what was understood until then was handed out.
        CaptureError: A stream does not open or has ended.
        ModelError: The voice detector fails.
    """
    blocks: Mailbox[SoundBlock] = Mailbox(WAITING_BLOCKS)
    problems: list[HubError] = []
    seconds = 0.0

    async def hear() -> None:
        nonlocal seconds
        try:
            seconds = await hear_file(spec, blocks, timeouts=timeouts, say=say)
        except HubError as error:
            problems.append(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hear)
        try:
            await run_speech(
                blocks,
                out,
                source=spec.origin,
                at=clock.now(),
                live=spec.live,
                detector=detector,
                transcriber=transcriber,
                ears=ears,
                worker=worker,
                settings=settings,
                identify=lambda: secrets.token_hex(6),
                expected=expected,
                translate=translate,
                on_ear=on_ear,
            )
        except HubError as error:
            problems.insert(0, error)
            nursery.cancel_scope.cancel()
    if problems:
        raise problems[0]
    return seconds
