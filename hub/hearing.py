"""The unit's ear: opens the microphone for one dashboard at a time, and hands what was said to that dashboard alone.

Who may listen is policy's to say, and stands in the log before the microphone opens; every dashboard is told that it
is open. It closes when it is stopped, when the session or the connection ends, after a minute of push-to-talk, or when
it is unplugged. Transcripts stay in memory until the session ends (C11); nothing heard is matched against anything or
starts anything. What is saved is the payload of its entry in the log: sealed, and destroyed on its date.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final, TypeAlias

import trio
from msgspec import Struct

from hub.actors.speech import Ear, run_speech
from hub.audit.records import SpeechPayload, TranscriptPayload
from hub.authority.accounting import Log
from hub.authority.policy import may_listen, may_save_transcript
from hub.backends import Transcriber, VoiceDetector
from hub.channels import Mailbox, Overflow
from hub.clocks import Clock
from hub.errors import BusyError, HubError, NotSignedInError, UsageError
from hub.inference import Worker
from hub.listening import OpenMicrophone, hear_microphone
from hub.messages import TRANSCRIPT_NOTICE, Act, Entry, ListenMode, Requester, SoundBlock, Utterance
from hub.speech.languages import parse_codes
from hub.speech.settings import SpeechSettings
from hub.speech.sound import SILENT
from hub.speech.transcripts import Transcripts
from hub.store.retention import Retention
from hub.text import plain
from hub.wire import Done, Heard, HearingNow, Listen, Message, SaveTranscript

PUSH_SECONDS: Final = 60.0
"""Longest time that push-to-talk stays open."""
WAITING_BLOCKS: Final = 256
"""Blocks that wait for the voice detector: eight seconds; then the oldest goes."""
NOW_SECONDS: Final = 0.25
"""Between two `HearingNow`."""
LAST_SECONDS: Final = 1.0
"""Longest time for the entry that the microphone is closed."""
LAST_WORDS: Final = 20.0
"""Longest time for what was said until the microphone closed to be understood."""

Tell: TypeAlias = Callable[[Message], Awaitable[None]]


class SpeechParts(Struct, frozen=True, eq=False):
    """What speech is heard with; each is opened when it is first needed, and opening blocks."""

    open_transcriber: Callable[[], Transcriber]
    open_detector: Callable[[], VoiceDetector]
    open_microphone: OpenMicrophone


class UnitMicrophone:
    """The microphone of a unit, and the model that understands what it hears.

    Args:
        parts: What speech is heard with.
        settings: The table ``[speech]``.
        log: The unit's log.
        clock: Wall time.
        retention: How long the log keeps a saved transcript, for the officer who is told.
        tell: Told of each change: mode, number of the officer, and why it was closed.
    """

    def __init__(
        self,
        parts: SpeechParts,
        settings: SpeechSettings,
        *,
        log: Log,
        clock: Clock,
        retention: Retention,
        tell: Callable[[ListenMode, str, str], None],
    ) -> None:
        self._parts = parts
        self._settings = settings
        self._log = log
        self._clock = clock
        self._retention = retention
        self._tell = tell
        self._worker = Worker("transcriber")
        self._transcriber: Transcriber | None = None
        self._taken = False

    async def listen(
        self,
        requester: Requester,
        codes: tuple[str, ...],
        mode: ListenMode,
        *,
        take: Callable[[Utterance], Awaitable[None]],
        on_ear: Callable[[Ear], None],
        stop: trio.Event,
        on_open: Callable[[], None],
    ) -> None:
        """Listen until stopped, and until what was said has been understood.

        Args:
            requester: The officer of a checked session.
            codes: Languages that are expected; empty for those of the configuration.
            mode: Push-to-talk or open.
            take: Gets the utterances.
            on_ear: Told how loud it is.
            stop: Set it to close the microphone.
            on_open: Called when the microphone is open.

        Raises:
            NotAllowedError: Policy says no.
            BusyError: The microphone is open for another dashboard.
            UsageError: A language is unknown.
            AuditError: The log cannot be written, so that nothing is listened to.
            HubError: No model or no microphone, or it was unplugged.
        """
        may_listen(requester).demand()
        expected = parse_codes(",".join(codes)) or self._settings.expected
        if self._taken:
            raise BusyError("the microphone is open for another dashboard, or still closing")
        self._taken = True
        try:
            transcriber = await self._model()
            detector = await trio.to_thread.run_sync(self._parts.open_detector, abandon_on_cancel=True)
            await self._account(requester, mode, expected)
            try:
                blocks: Mailbox[SoundBlock] = Mailbox(WAITING_BLOCKS, Overflow.DROP_OLDEST)

                def opened() -> None:
                    self._tell(mode, requester.officer, "")
                    on_open()

                understand = partial(
                    run_speech,
                    blocks,
                    take,
                    source="microphone",
                    at=self._clock.now(),
                    live=True,
                    detector=detector,
                    transcriber=transcriber,
                    ears=Worker("voice detector"),
                    worker=self._worker,
                    settings=self._settings,
                    identify=lambda: secrets.token_hex(6),
                    expected=expected,
                    on_ear=on_ear,
                )
                problem = await self._run(blocks, understand, mode, stop, opened)
            finally:
                detector.close()
                # How long the microphone was open is accounted for as well, as far as the log can still take it.
                with trio.CancelScope(shield=True, deadline=trio.current_time() + LAST_SECONDS), suppress(HubError):
                    await self._log.append(Entry(Act.SPEECH_HEARD, self._clock.now(), requester, "ended", None))
        except HubError as error:
            self._tell(ListenMode.OFF, "", plain(str(error)))
            raise
        finally:
            self._taken = False
        if problem is not None:  # every dashboard was told of it when the microphone closed
            raise problem

    async def save(self, requester: Requester, utterance: Utterance, reason: str) -> str:
        """Keep an utterance until its date, and return one line that says until when.

        Raises:
            NotAllowedError: Policy says no.
            AuditError: The log cannot be written, so that it is not kept.
        """
        may_save_transcript(requester, reason).demand()
        now = self._clock.now()
        until = self._retention.payload_until(Act.TRANSCRIPT_SAVED, now)
        payload = TranscriptPayload(
            reason=reason,
            utterance=utterance.utterance,
            heard=utterance.at,
            language=utterance.language,
            original=utterance.original,
            translation=utterance.translation,
            doubt=utterance.doubt,
            notice=TRANSCRIPT_NOTICE,
        )
        await self._log.append(Entry(Act.TRANSCRIPT_SAVED, now, requester, "saved", payload))
        return f"saved in the log until {until:%Y-%m-%d %H:%M} UTC" if until else "saved in the log"

    def close(self) -> None:
        """Free the model. May be called twice."""
        if self._transcriber is not None:
            self._transcriber.close()

    async def _model(self) -> Transcriber:
        if self._transcriber is None:
            self._transcriber = await trio.to_thread.run_sync(self._parts.open_transcriber, abandon_on_cancel=True)
        return self._transcriber

    async def _account(self, requester: Requester, mode: ListenMode, expected: tuple[str, ...]) -> None:
        now = self._clock.now()
        payload = SpeechPayload(mode=mode.value, files=0, languages=expected)
        await self._log.append(Entry(Act.SPEECH_HEARD, now, requester, "begun", payload))

    async def _run(
        self,
        blocks: Mailbox[SoundBlock],
        understand: Callable[[], Awaitable[None]],
        mode: ListenMode,
        stop: trio.Event,
        opened: Callable[[], None],
    ) -> HubError | None:
        """Listen until stopped and until what was said has been understood; return what it failed with."""
        problems: list[HubError] = []

        async def hear() -> None:
            """Keep the microphone open until it is stopped; `blocks` is closed with it."""
            try:
                async with trio.open_nursery() as nursery:
                    await nursery.start(partial(hear_microphone, blocks, self._parts.open_microphone))
                    opened()
                    with trio.move_on_after(PUSH_SECONDS if mode is ListenMode.PUSH_TO_TALK else math.inf):
                        await stop.wait()
                    nursery.cancel_scope.cancel()
            except* HubError as group:
                problems.extend(each for each in group.exceptions if isinstance(each, HubError))
            finally:
                # At once: what was said until now may take seconds to be understood.
                self._tell(ListenMode.OFF, "", plain(str(problems[0])) if problems else "")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(hear)
            try:
                await understand()  # ends once `blocks` is closed and everything in it was understood
            except HubError as error:
                problems.insert(0, error)
                nursery.cancel_scope.cancel()
        return problems[0] if problems else None


class Conversation:
    """What one connection listens to, and what of it may still be saved.

    Args:
        hearing: The unit's ear; None where this hub has none.
        send: Sends a message to the dashboard.
    """

    def __init__(self, hearing: UnitMicrophone | None, send: Tell) -> None:
        self._hearing = hearing
        self._send = send
        self._transcripts = Transcripts()
        self._scope = trio.CancelScope()
        self._stop = trio.Event()
        self._over = trio.Event()
        self._over.set()

    async def begin(self, request: Listen, requester: Requester, nursery: trio.Nursery) -> Done:
        """Open the microphone; what is heard is sent from a task in ``nursery``.

        Raises:
            HubError: It does not open; the message says why.
        """
        hearing = self._ear()
        if not self._over.is_set():
            raise UsageError("this dashboard listens already: stop first")
        mode = ListenMode.OPEN if request.open else ListenMode.PUSH_TO_TALK
        self._scope, self._stop, self._over = trio.CancelScope(), trio.Event(), trio.Event()
        problems: list[HubError] = []
        opened = trio.Event()
        nursery.start_soon(self._listen, hearing, requester, request.languages, mode, problems, opened)
        await opened.wait()
        if problems:
            raise problems[0]
        return Done(request=request.request, text=f"listening ({mode.value.replace('_', ' ')})")

    async def end(self, number: int) -> Done:
        """Close the microphone, and wait until what was said has been understood."""
        self._stop.set()
        with trio.move_on_after(LAST_WORDS) as waiting:
            await self._over.wait()
        if waiting.cancelled_caught:
            self._scope.cancel()
            return Done(request=number, text="stopped; the last words were given up")
        return Done(request=number, text="stopped")

    async def save(self, request: SaveTranscript, requester: Requester) -> Done:
        """Keep an utterance of this session.

        Raises:
            NotAllowedError: Policy says no.
            UsageError: It is no final utterance of this session.
            AuditError: The log cannot be written.
        """
        hearing = self._ear()
        may_save_transcript(requester, request.reason).demand()
        utterance = self._transcripts.find(request.utterance)
        if utterance is None:
            raise UsageError("no such utterance was understood in this session: nothing of others is kept")
        return Done(request=request.request, text=await hearing.save(requester, utterance, request.reason))

    def forget(self) -> None:
        """Close the microphone at once and forget what was said: the session has ended."""
        self._scope.cancel()
        self._transcripts.forget()

    def _ear(self) -> UnitMicrophone:
        if self._hearing is None:
            raise UsageError("this hub hears nothing: start one that has a plugin for speech")
        return self._hearing

    async def _listen(
        self,
        hearing: UnitMicrophone,
        requester: Requester,
        codes: tuple[str, ...],
        mode: ListenMode,
        problems: list[HubError],
        opened: trio.Event,
    ) -> None:
        newest = Ear(SILENT, speaking=False, waiting=0, dropped=0, lost=0.0)

        def note(ear: Ear) -> None:
            nonlocal newest
            newest = ear

        async def tell_now() -> None:
            while True:
                await trio.sleep(NOW_SECONDS)
                await self._send(
                    HearingNow(
                        level=newest.level,
                        speaking=newest.speaking,
                        waiting=newest.waiting,
                        dropped=newest.dropped,
                        lost=newest.lost,
                    )
                )

        over = self._over
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(tell_now)
                    try:
                        await hearing.listen(
                            requester,
                            codes,
                            mode,
                            take=self._take,
                            on_ear=note,
                            stop=self._stop,
                            on_open=opened.set,
                        )
                    except HubError as error:  # every dashboard is told why the microphone closed
                        problems.append(error)
                    nursery.cancel_scope.cancel()
        finally:
            if not opened.is_set() and not problems:
                problems.append(NotSignedInError("the session ended before the microphone was open"))
            opened.set()
            over.set()

    async def _take(self, utterance: Utterance) -> None:
        self._transcripts.take(utterance)
        await self._send(Heard(utterance=utterance))
