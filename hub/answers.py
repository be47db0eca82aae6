"""What a dashboard may ask for in order to answer somebody: what there is, free text, a prepared sentence aloud.

Nobody is looked up and nothing is kept, so no entry of the log is made; that somebody is signed in on the connection
is `hub.attach`'s to see to.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

import trio

from hub.answering import Answering
from hub.errors import BusyError
from hub.inference import Worker
from hub.messages import Field
from hub.phrasebook.book import Phrasebook, load_phrasebook
from hub.phrasebook.signing import translators_of
from hub.phrasebook.speaking import SECONDS, speak, speaker
from hub.wire import AnsweringShown, Done, Message, SayPhrase, ShowAnswering, Translate, Translated, TranslatorHealth

SLACK_SECONDS: Final = 2.0
"""By which the thread that speaks may outlive the program that speaks."""


class Answers:
    """Carries out requests about answering.

    Args:
        answering: The unit's translators.
        state: The state folder, which has the accepted signatures.
        book: The phrasebook; the shipped one where None.
        program: Path of espeak-ng; found by itself where None.
    """

    def __init__(
        self, answering: Answering, state: Path, *, book: Phrasebook | None = None, program: str | None = None
    ) -> None:
        self._answering = answering
        self._state = state
        self._book = book
        self._program = program
        self._voice = Worker("the voice", queue=0)

    async def answer(self, request: ShowAnswering | Translate | SayPhrase) -> Message:
        """Carry a request out.

        Raises:
            HubError: It could not be done; the message says why.
        """
        match request:
            case ShowAnswering():
                return await self._show(request.request)
            case Translate():
                made = await self._answering.translate(request.text, request.target)
                return Translated(request=request.request, made=made)
            case SayPhrase():
                return await self._say(request)

    async def _show(self, number: int) -> AnsweringShown:
        book = await self._phrasebook()
        signed = await trio.to_thread.run_sync(translators_of, self._state, book)
        return AnsweringShown(
            request=number,
            translators=tuple(
                TranslatorHealth(
                    translator=offer.translator,
                    targets=tuple(pair.target for pair in offer.pairs if pair.source == "en"),
                    problem=offer.problem,
                )
                for offer in await self._answering.offers()
            ),
            signed=tuple(Field(code, name) for code, name in signed.items()),
            speaks=(self._program or speaker()) is not None,
        )

    async def _say(self, request: SayPhrase) -> Done:
        book = await self._phrasebook()
        phrase, language = book.phrase(request.phrase, request.language), book.language(request.language)
        say = partial(speak, phrase.text, language.voice, program=self._program)
        try:
            await self._voice.call(say, deadline=SECONDS + SLACK_SECONDS)
        except BusyError as error:
            raise BusyError("a sentence is being said: wait until it was said") from error
        return Done(request=request.request, text=f"said in {language.name}: {phrase.english}")

    async def _phrasebook(self) -> Phrasebook:
        if self._book is None:
            self._book = await trio.to_thread.run_sync(load_phrasebook)
        return self._book
