"""The speech actor: blocks of sound in, utterances out.

One task listens: it asks the voice detector, cuts utterances and never waits for the other one on a live source. The
other task understands: it has an utterance taken in once, chooses its language among those that are expected, has it
written down and put into English, and guards against invented words. While somebody still speaks it shows provisional
text. Models run in worker threads with a deadline, so that being told to stop works in the middle of a decode.

Nothing is kept here, nothing heard starts anything, and no text is logged or counted.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import numpy as np
import trio
from msgspec import Struct
from msgspec.structs import replace

from hub.backends import Hearing, Transcriber, VoiceDetector, Written
from hub.channels import Mailbox
from hub.errors import ClosedChannelError, HubError, ModelError
from hub.inference import Worker
from hub.messages import SoundBlock, Utterance, UtteranceState
from hub.speech.agreement import Agreement
from hub.speech.cutting import LEAD, Cutter, Piece
from hub.speech.guards import doubt, invented, repeated, too_quiet
from hub.speech.languages import ENGLISH, Choice, choose
from hub.speech.settings import SpeechSettings
from hub.speech.sound import BLOCK_SECONDS, SILENT, level, voice_level
from hub.text import locate, plain

AT_ONCE: Final = 32
"""Blocks that the voice detector is given at a time where so many wait: a second."""
DETECT_SECONDS: Final = 5.0
"""In which the voice detector must answer."""
DECODE_SECONDS: Final = 30.0
"""In which each step of understanding must end."""
FIRST_LOOK: Final = LEAD + 0.5
"""Seconds of an utterance, with what is before its voice, after which a provisional text is first tried."""
LOOK_AGAIN: Final = 0.35
"""Seconds of new sound after which it is tried again, at least."""
LOOK_SOON: Final = 0.2
"""The same after the first looks, until words are confirmed: too little was said to be sure of it."""
SOON_LOOKS: Final = 4
"""From this look of an utterance on `LOOK_REST` holds, whether words are confirmed or not."""
LOOK_REST: Final = 1.5
"""New sound by how long the last try took, at least: the processor has others to serve while somebody speaks."""
SURE_ENOUGH: Final = 0.4
"""Least probability of its language for a provisional text to be shown."""
SURE_FOR_NOW: Final = 0.25
"""By how much the mean log probability of a provisional text may be less than that of a final one: half a word at the
end of a sentence that goes on costs that much, and the text says that it is provisional."""
LONGEST_TEXT: Final = 2000


class Ear(Struct, frozen=True):
    """What may be told while somebody listens: no text."""

    level: float
    """Of the last blocks, in dB of full scale."""
    speaking: bool
    waiting: int
    """Utterances that wait to be understood."""
    dropped: int
    """Utterances that were given up because too many waited."""
    lost: float
    """Seconds of sound that nobody had time for."""


Say = Callable[[Utterance], Awaitable[None]]


def _ignore(_: Ear) -> None:
    """Drop a report."""


async def run_speech(
    blocks: Mailbox[SoundBlock],
    out: Say,
    *,
    source: str,
    at: datetime,
    live: bool,
    detector: VoiceDetector,
    transcriber: Transcriber,
    ears: Worker,
    worker: Worker,
    settings: SpeechSettings,
    identify: Callable[[], str],
    expected: Sequence[str] = (),
    translate: bool = True,
    on_ear: Callable[[Ear], None] = _ignore,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Understand what is said until `blocks` is closed and empty, and everything in it has been understood.

    Args:
        blocks: 32 ms each, in order.
        out: Gets each utterance: provisional ones while somebody speaks, then the final one.
        source: Stands in every utterance.
        at: Wall time of second 0.
        live: True where nobody waits for us: then provisional texts are shown, and of too many utterances that wait
            the oldest goes. False for files: nothing is lost, and whoever sends the blocks waits.
        detector: Of this stream alone.
        transcriber: Calls come one at a time.
        ears: Runs the detector.
        worker: Runs the transcriber.
        settings: When somebody speaks, and what counts as invented.
        identify: Gives identifiers of utterances.
        expected: Codes of expected languages; empty for any.
        translate: False to leave the English out.
        on_ear: Told after each look of the voice detector.
        task_status: Started at once; the models were opened before.

    Raises:
        HubError: The voice detector fails: without it nothing is heard.
    """
    longest = min(settings.longest, transcriber.longest)
    hearing = _Listener(replace(settings, longest=longest), live=live, identify=identify)
    understanding = _Understanding(transcriber, worker, settings, tuple(expected), translate=translate)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(_listen, blocks, hearing, detector, ears, on_ear))
        task_status.started()
        while (work := await hearing.next()) is not None:
            blank = _blank(work, source, at)
            match work:
                case _GivenUp():
                    await out(_not_understood(blank, "given up, because too many utterances waited"))
                case _Look():
                    began = trio.current_time()
                    provisional = await understanding.look(work.piece, blank, work.agreement)
                    confirmed = provisional is not None and provisional.confirmed > 0
                    hearing.looked(trio.current_time() - began, confirmed=confirmed)
                    if provisional is not None:
                        await out(provisional)
                case _:
                    await out(await understanding.final(work.piece, blank))
    if hearing.problem is not None:
        raise hearing.problem


async def _listen(
    blocks: Mailbox[SoundBlock],
    hearing: _Listener,
    detector: VoiceDetector,
    ears: Worker,
    on_ear: Callable[[Ear], None],
) -> None:
    """Cut what comes into utterances until it ends."""
    try:
        while True:
            batch = [await blocks.receive()]
            while len(batch) < AT_ONCE and blocks.statistics().waiting:
                batch.append(await blocks.receive())
            sound = np.stack([block.samples for block in batch])
            shares = await ears.call(detector.hear, sound, deadline=DETECT_SECONDS)
            for block, share in zip(batch, shares, strict=True):
                await hearing.take(block, float(share))
            lost = blocks.statistics().dropped * BLOCK_SECONDS
            on_ear(hearing.ear(level(sound[-8:].reshape(-1)), lost))
    except ClosedChannelError:
        await hearing.end()
    except HubError as error:
        hearing.problem = error
    except Exception as error:  # noqa: BLE001  # a plugin may raise anything
        hearing.problem = ModelError(f"the voice detector failed: {locate(error)}")
    finally:
        blocks.close()
        hearing.close()


class _Work(Struct, frozen=True, eq=False):
    """An utterance to be understood for good."""

    piece: Piece
    name: str


class _Look(_Work, frozen=True, eq=False):
    """An utterance that goes on, to be understood for now."""

    agreement: Agreement


class _GivenUp(_Work, frozen=True, eq=False):
    """An utterance that nobody had time for."""


class _Listener:
    """What the listening task hands to the understanding one."""

    def __init__(self, settings: SpeechSettings, *, live: bool, identify: Callable[[], str]) -> None:
        self._cutter = Cutter(settings)
        self._live = live
        self._capacity = settings.waiting if live else 1
        self._identify = identify
        self._pieces: deque[_Work] = deque()
        self._given_up: deque[_GivenUp] = deque()
        self._changed = trio.Event()
        self.problem: HubError | None = None
        """Why listening ended early, None where it did not."""
        self._ended = False
        self._dropped = 0
        self._number = 0
        self._name = ""
        self._agreement = Agreement()
        self._looked = self._rest = 0.0
        self._looks = 0

    async def take(self, block: SoundBlock, share: float) -> None:
        """Take a block in; for a file this waits until the utterance that it ends has its turn."""
        await self._put(self._cutter.take(block.start, block.samples, share))
        self._tell()

    async def end(self) -> None:
        """End what has begun."""
        await self._put(self._cutter.finish())

    def close(self) -> None:
        """Say that nothing more comes."""
        self._ended = True
        self._tell()

    def ear(self, loudness: float, lost: float) -> Ear:
        """Return what may be told now."""
        return Ear(max(SILENT, min(0.0, loudness)), self._cutter.speaking, len(self._pieces), self._dropped, lost)

    async def next(self) -> _Work | None:
        """Return what is to be understood next, or None at the end."""
        while True:
            if self._given_up:
                return self._given_up.popleft()
            if self._pieces:
                work = self._pieces.popleft()
                self._tell()
                return work
            if self._ended:
                return None
            if self._live and (look := self._look()) is not None:
                return look
            await self._changed.wait()

    def _look(self) -> _Look | None:
        spoken = self._cutter.spoken
        if self._cutter.pausing or spoken < FIRST_LOOK:
            return None
        piece = self._cutter.now()
        if piece is None or (piece.number == self._number and spoken - self._looked < self._rest):
            return None
        name = self._name_of(piece)
        self._looked = spoken
        return _Look(piece, name, self._agreement)

    def looked(self, seconds: float, *, confirmed: bool) -> None:
        """Say how long the last look took, and whether words are confirmed: how soon the next comes depends on both."""
        self._looks = SOON_LOOKS if confirmed else self._looks + 1
        self._rest = LOOK_SOON if self._looks < SOON_LOOKS else max(LOOK_AGAIN, LOOK_REST * seconds)

    async def _put(self, piece: Piece | None) -> None:
        if piece is None:
            return
        while not self._live and len(self._pieces) >= self._capacity:
            await self._changed.wait()
        if len(self._pieces) >= self._capacity:
            oldest = self._pieces.popleft()
            self._given_up.append(_GivenUp(oldest.piece, oldest.name))
            self._dropped += 1
        self._pieces.append(_Work(piece, self._name_of(piece)))

    def _name_of(self, piece: Piece) -> str:
        if piece.number != self._number:
            self._number, self._name, self._agreement = piece.number, self._identify(), Agreement()
            self._looked, self._looks = 0.0, 0
        return self._name

    def _tell(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


class _Understanding:
    """Makes text of an utterance's sound, or says why there is none."""

    def __init__(
        self,
        transcriber: Transcriber,
        worker: Worker,
        settings: SpeechSettings,
        expected: tuple[str, ...],
        *,
        translate: bool,
    ) -> None:
        self._transcriber = transcriber
        self._worker = worker
        self._settings = settings
        self._sure_for_now = settings.least_log_probability - SURE_FOR_NOW
        self._not_sure = replace(settings, least_log_probability=-math.inf)
        self._expected = expected
        self._translate = translate

    async def final(self, piece: Piece, blank: Utterance) -> Utterance:
        """Return the final record of an utterance."""
        if reason := too_quiet(voice_level(piece.samples), self._settings):
            return _not_understood(blank, reason)
        try:
            return await self._understand(piece, blank)
        except Exception as error:  # noqa: BLE001  # a plugin may raise or return anything; it costs this utterance
            why = plain(str(error)) if isinstance(error, HubError) else f"the transcriber failed: {locate(error)}"
            return _not_understood(blank, why)

    async def _understand(self, piece: Piece, blank: Utterance) -> Utterance:
        hearing, choice = await self._hear(piece)
        if not choice.expected:
            # Not even which language it may be: a guess outside of the set is what officers complain of.
            return replace(blank, state=UtteranceState.NOT_EXPECTED, doubt="not one of the expected languages")
        written, english = await self._write_all(hearing, choice)
        if reason := invented(written, blank.end - blank.start, self._settings):
            return _not_understood(blank, reason)
        original = plain(written.text, LONGEST_TEXT)
        doubts = [doubt(written, choice.probability, translated=english)]
        translation = original if choice.language == ENGLISH else ""
        if english is not None:
            if repeated(english.text, self._settings.most_compression):
                doubts.append("no translation: the same words over and over")
            else:
                translation = plain(english.text, LONGEST_TEXT)
        return replace(
            blank,
            state=UtteranceState.UNDERSTOOD,
            language=choice.language,
            probability=choice.probability,
            original=original,
            translation=translation,
            doubt="; ".join(each for each in doubts if each),
            confirmed=len(original),
        )

    async def look(self, piece: Piece, blank: Utterance, agreement: Agreement) -> Utterance | None:
        """Return the provisional record of an utterance that goes on, None where there is nothing to show."""
        if too_quiet(voice_level(piece.samples), self._settings):
            return None
        try:
            hearing, choice = await self._hear(piece)
            if not choice.expected or choice.probability < SURE_ENOUGH:
                return None
            written = await self._write(hearing, choice, quick=True)
        except Exception:  # noqa: BLE001  # the final one will say what is wrong
            return None
        seconds = blank.end - blank.start
        if invented(written, seconds, self._not_sure):
            return None
        sure = written.log_probability >= self._sure_for_now
        provisional = agreement.take(plain(written.text, LONGEST_TEXT), choice.language, sure=sure)
        if not sure:
            return None
        return replace(
            blank,
            language=choice.language,
            probability=choice.probability,
            original=provisional.text,
            doubt="provisional: somebody still speaks",
            confirmed=provisional.confirmed,
        )

    async def _hear(self, piece: Piece) -> tuple[Hearing, Choice]:
        hearing = await self._worker.call(self._transcriber.hear, piece.samples, deadline=DECODE_SECONDS)
        return hearing, choose(hearing.languages, self._expected, self._settings.least_expected)

    async def _write(self, hearing: Hearing, choice: Choice, *, quick: bool = False) -> Written:
        write = partial(self._transcriber.write, hearing, choice.language, quick=quick)
        return await self._worker.call(write, deadline=DECODE_SECONDS)

    async def _write_all(self, hearing: Hearing, choice: Choice) -> tuple[Written, Written | None]:
        """Return the original, and English where it is wanted and another language."""
        if not self._translate or choice.language == ENGLISH:
            return await self._write(hearing, choice), None
        write = partial(self._transcriber.write_both, hearing, choice.language)
        return await self._worker.call(write, deadline=2 * DECODE_SECONDS)  # two texts


def _blank(work: _Work, source: str, at: datetime) -> Utterance:
    """Return the record of an utterance of which nothing is known yet."""
    return Utterance(
        utterance=work.name,
        source=source,
        at=at + timedelta(seconds=work.piece.start),
        start=round(work.piece.start, 3),
        end=round(work.piece.end, 3),
        state=UtteranceState.PROVISIONAL,
        language="",
        probability=0.0,
        original="",
        translation="",
        doubt="",
    )


def _not_understood(blank: Utterance, reason: str) -> Utterance:
    return replace(blank, state=UtteranceState.NOT_UNDERSTOOD, doubt=f"not understood: {reason}")
