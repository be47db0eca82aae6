"""Answers in another language, from the translators that are installed.

They are asked one after the other, each in a thread of its own with a deadline; one that fails is left alone for a
while. What comes out is a machine's and is marked so wherever it is shown; nothing is looked up, compared or kept
here. The prepared sentences are `hub.phrasebook`'s and need no translator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import trio
from msgspec import Struct

from hub.backends import LanguagePair, Translation, Translator
from hub.breaker import Breaker
from hub.errors import BusyError, DeadlineError, HubError, TranslatorError, UsageError
from hub.inference import Worker
from hub.messages import MachineTranslation
from hub.text import locate, plain

DEADLINE_SECONDS: Final = 10.0
"""For one translator and one text."""
OPEN_SECONDS: Final = 20.0
"""For opening one translator and asking what it offers."""
CLOSE_SECONDS: Final = 2.0
LONGEST: Final = 1000
"""Characters of a text."""
LONGEST_ANSWER: Final = 4000
MOST_UNKNOWN: Final = 50
"""Words that are named as not translated."""
WAITING: Final = 4
"""Texts that wait for one translator; beyond that it is busy."""


class TranslatorSpec(Struct, frozen=True, eq=False):
    """A translator that a plugin offers."""

    name: str
    make: Callable[[], Translator]


class Offer(Struct, frozen=True):
    """What one translator offers now."""

    translator: str
    pairs: tuple[LanguagePair, ...]
    problem: str
    """Why it offers nothing, or what to install for more; "" where nothing is to be said."""


class _Asked:
    """One translator with its thread and its breaker."""

    def __init__(self, spec: TranslatorSpec) -> None:
        self.name = spec.name
        self.make = spec.make
        self.worker = Worker(spec.name, queue=WAITING)
        self.breaker = Breaker()
        self.translator: Translator | None = None
        self.pairs: tuple[LanguagePair, ...] = ()
        self.problem = ""


class Answering:
    """The unit's translators. They are opened when the first one is needed, and not before.

    Args:
        specs: The translators, in the order in which they are asked.
        deadline: Seconds for one translator and one text.
        now: Seconds on a clock that does not go back; trio's by default.
    """

    def __init__(
        self,
        specs: Sequence[TranslatorSpec],
        *,
        deadline: float = DEADLINE_SECONDS,
        now: Callable[[], float] = trio.current_time,
    ) -> None:
        self._asked = tuple(_Asked(spec) for spec in specs)
        self._deadline = deadline
        self._now = now
        self._opening = trio.Lock()
        self._open = False

    async def offers(self) -> tuple[Offer, ...]:
        """Return what each translator offers."""
        await self._ready()
        return tuple(Offer(each.name, each.pairs, each.problem) for each in self._asked)

    async def translate(self, text: str, target: str, source: str = "en") -> MachineTranslation:
        """Translate a text with the first translator that can.

        Args:
            text: What to say; line breaks count as spaces.
            target: Code of the language that is wanted.
            source: Code of the language of the text.

        Raises:
            UsageError: No text, too long a text, or no translator offers the pair.
            TranslatorError: Those that offer it fail, are too slow or are left alone for now; the message says which.
        """
        line = plain(text, LONGEST + 1)
        if not line:
            raise UsageError("there is nothing to translate")
        if len(line) > LONGEST:
            raise UsageError(f"this text is too long: at most {LONGEST} characters")
        await self._ready()
        pair = LanguagePair(source, target)
        able = [each for each in self._asked if pair in each.pairs]
        if not able:
            raise UsageError(self._nobody(pair))
        reasons = []
        for each in able:
            try:
                return await self._ask(each, line, pair)
            except TranslatorError as error:
                reasons.append(f"{each.name}: {error}")
        raise TranslatorError("no translation. " + "; ".join(reasons))

    async def aclose(self) -> None:
        """Close what was opened; one that hangs is left behind."""
        longest = (1 + len(self._asked)) * CLOSE_SECONDS
        with trio.CancelScope(shield=True, deadline=trio.current_time() + longest):
            for each in self._asked:
                translator, each.translator, each.pairs = each.translator, None, ()
                if translator is not None:
                    await _attempt(each.worker, translator.close, CLOSE_SECONDS)

    async def _ready(self) -> None:
        async with self._opening:
            if self._open:
                return
            async with trio.open_nursery() as nursery:
                for each in self._asked:
                    nursery.start_soon(_open, each)
            self._open = True

    async def _ask(self, asked: _Asked, line: str, pair: LanguagePair) -> MachineTranslation:
        if not asked.breaker.lets_through(self._now()):
            raise TranslatorError("it failed several times and is left alone for now")
        if asked.translator is None:
            raise TranslatorError("it is closed")
        asked.breaker = asked.breaker.started()
        try:
            made = await asked.worker.call(
                asked.translator.translate, line, pair.source, pair.target, deadline=self._deadline
            )
            answer = _checked(made, asked.name, pair)
        except trio.Cancelled:
            asked.breaker = asked.breaker.withdrawn()
            raise
        except BusyError as error:
            asked.breaker = asked.breaker.withdrawn()
            raise TranslatorError("it has too much to do") from error
        except Exception as error:
            asked.breaker = asked.breaker.failed(self._now())
            raise TranslatorError(_reason(error, self._deadline)) from error
        asked.breaker = asked.breaker.succeeded()
        return answer

    def _nobody(self, pair: LanguagePair) -> str:
        others = sorted({each.target for asked in self._asked for each in asked.pairs if each.source == pair.source})
        hints = [f"{each.name}: {each.problem}" for each in self._asked if each.problem]
        has = f"; there is {', '.join(others)}" if others else ""
        why = f" ({'; '.join(hints)})" if hints else ""
        return f"no translator from {plain(pair.source, 20)} to {plain(pair.target, 20)}{has}{why}"


async def _open(asked: _Asked) -> None:
    """Open a translator and ask what it offers; one that cannot be used says why and offers nothing."""

    def look() -> tuple[Translator, tuple[LanguagePair, ...], str]:
        translator = asked.make()
        pairs = tuple(dict.fromkeys(translator.pairs()))
        if not all(isinstance(pair, LanguagePair) for pair in pairs):
            raise TypeError("pairs of languages are LanguagePair")
        return translator, pairs, plain(translator.missing())

    try:
        asked.translator, asked.pairs, asked.problem = await asked.worker.call(look, deadline=OPEN_SECONDS)
    except Exception as error:  # noqa: BLE001  # a foreign part may raise anything
        asked.problem = f"cannot be used: {_reason(error, OPEN_SECONDS)}"


async def _attempt(worker: Worker, fn: Callable[[], object], deadline: float) -> None:
    try:
        await worker.call(fn, deadline=deadline)
    except Exception:  # noqa: BLE001  # it is given up either way
        return


def _reason(error: Exception, deadline: float) -> str:
    """Return one harmless line; of a foreign exception its kind and place only, as it may repeat what was said."""
    if isinstance(error, DeadlineError):
        return f"no answer within {deadline:g} s"
    return plain(str(error)) if isinstance(error, HubError) else locate(error)


def _checked(made: object, name: str, pair: LanguagePair) -> MachineTranslation:
    """Return what a translator made, without anything that steers a screen; whatever else it gave is refused."""
    said, unknown = getattr(made, "text", None), getattr(made, "unknown", None)
    if not (isinstance(made, Translation) and isinstance(said, str) and isinstance(unknown, tuple)):
        raise TranslatorError("what it gave is no translation")
    text = plain(said, LONGEST_ANSWER)
    if not text:
        raise TranslatorError("it gave no text")
    words = (plain(word, 60) for word in unknown[:MOST_UNKNOWN] if isinstance(word, str))
    return MachineTranslation(name, pair.source, pair.target, text, tuple(filter(None, words)))
