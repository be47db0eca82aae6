"""The state of the Speech screen: what was heard on this connection, and what is being answered. Pure.

`hub.tui.state` hands messages on to `reduce_speech`; everything here belongs to the signed-in officer and goes with
the session. Transcripts are in memory only: what is kept is the hub's, and only where the officer asked for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from hub.events import ListeningChanged
from hub.messages import ListenMode, MachineTranslation, Utterance, UtteranceState
from hub.wire import (
    AnsweringShown,
    Done,
    Heard,
    HearingNow,
    Listen,
    Refused,
    SaveTranscript,
    SayPhrase,
    StopListening,
    Translate,
    Translated,
)

HEARD_KEPT: Final = 30
"""Utterances on screen; the oldest go first, also unsaved."""


class Spoke(Struct, frozen=True):
    """The officer chose the language to answer in."""

    language: str


class Opened(Struct, frozen=True):
    """The officer opened a topic of the phrasebook; "" goes back to the topics."""

    topic: str


class Picked(Struct, frozen=True):
    """The officer chose a sentence."""

    phrase: str


class Marked(Struct, frozen=True):
    """The officer put the mark on an utterance."""

    utterance: str


class Expected(Struct, frozen=True):
    """The officer said which languages are expected; none for those of the unit's settings."""

    languages: tuple[str, ...]


SpeechChoice: TypeAlias = Spoke | Opened | Picked | Marked | Expected


class SpeechPage(Struct, frozen=True):
    """What the screen shows."""

    heard: tuple[Utterance, ...] = ()
    """Oldest first; a provisional one is at its utterance's place until the final one comes."""
    marked: str = ""
    """Identifier of the utterance under the mark; "" for the newest one."""
    saved: frozenset[str] = frozenset()
    """Utterances that the hub keeps until their date."""
    mine: bool = False
    """True while the microphone is open for this connection."""
    now: HearingNow | None = None
    """Level and queue, while `mine`."""
    expected: tuple[str, ...] = ()
    """Codes of the languages that are expected; empty for those of the unit's settings."""
    language: str = ""
    """Code of the language to answer in; "" for the one that was heard last."""
    topic: str = ""
    phrase: str = ""
    """Identifier of the chosen sentence."""
    saying: str = ""
    """What is being said aloud now."""
    answering: AnsweringShown | None = None
    asked: str = ""
    """The officer's own words that were or are being translated."""
    made: MachineTranslation | None = None
    refused: str = ""
    """Why there is no translation of `asked`."""


def chosen_utterance(page: SpeechPage) -> Utterance | None:
    """Return the utterance under the mark, or the newest; None where nothing was heard."""
    newest = page.heard[-1] if page.heard else None
    return next((each for each in page.heard if each.utterance == page.marked), newest)


def neighbour_utterance(page: SpeechPage, by: int) -> str:
    """Return the utterance that many places further up (towards the newest), at the ends the last one there."""
    names = [each.utterance for each in page.heard]
    current = chosen_utterance(page)
    if current is None:
        return ""
    return names[max(0, min(len(names) - 1, names.index(current.utterance) + by))]


def can_save(page: SpeechPage) -> bool:
    """Say whether the utterance under the mark can be saved: final, with a text, and not saved yet."""
    chosen = chosen_utterance(page)
    return chosen is not None and chosen.state is UtteranceState.UNDERSTOOD and chosen.utterance not in page.saved


def offers(page: SpeechPage) -> tuple[bool, ...]:
    """Return what of the screen's keys depends on the page; another value, other keys in its footer."""
    return can_save(page), can_say(page)


def can_say(page: SpeechPage) -> bool:
    """Say whether a sentence is chosen that can be said aloud now."""
    return bool(page.phrase) and not page.saying


def heard_language(page: SpeechPage, known: Mapping[str, object] = MappingProxyType({})) -> str:
    """Return the newest language that was understood and is among the known ones; "" where there is none."""
    final = (each for each in reversed(page.heard) if each.state is UtteranceState.UNDERSTOOD)
    return next((each.language for each in final if each.language in known), "")


def choose(page: SpeechPage, choice: SpeechChoice) -> SpeechPage:
    """Return the page after the officer chose something."""
    match choice:
        case Spoke():
            return replace(page, language=choice.language)
        case Opened():
            return replace(page, topic=choice.topic, phrase="")
        case Picked():
            return replace(page, phrase=choice.phrase)
        case Marked():
            return replace(page, marked=choice.utterance)
        case Expected():
            return replace(page, expected=choice.languages)


def hear(page: SpeechPage, message: Heard | HearingNow | ListeningChanged) -> SpeechPage:
    """Return the page after the hub told of the microphone."""
    match message:
        case Heard():
            return _take(page, message.utterance)
        case HearingNow():
            return replace(page, now=message) if page.mine else page
        case ListeningChanged():
            return replace(page, mine=False, now=None) if message.mode is ListenMode.OFF else page


def _take(page: SpeechPage, utterance: Utterance) -> SpeechPage:
    if any(each.utterance == utterance.utterance for each in page.heard):
        heard = tuple(utterance if each.utterance == utterance.utterance else each for each in page.heard)
        return replace(page, heard=heard)
    heard = (*page.heard, utterance)[-HEARD_KEPT:]
    kept = {each.utterance for each in heard}
    return replace(page, heard=heard, marked=page.marked if page.marked in kept else "", saved=page.saved & kept)


def ask(page: SpeechPage, request: object) -> SpeechPage:
    """Return the page after a request was sent."""
    match request:
        case Translate():
            return replace(page, asked=request.text, made=None, refused="")
        case SayPhrase():
            return replace(page, saying=request.phrase)
        case _:
            return page


def answer(page: SpeechPage, request: object, reply: Done | Refused | AnsweringShown | Translated) -> SpeechPage:
    """Return the page after a request was answered."""
    match reply:
        case AnsweringShown():
            return replace(page, answering=reply)
        case Translated():
            return replace(page, made=reply.made)
        case Done():
            return _done(page, request)
        case Refused():
            return _refused(page, request, reply.reason)


def _done(page: SpeechPage, request: object) -> SpeechPage:
    match request:
        case Listen():
            return replace(page, mine=True, now=None)
        case StopListening():
            return replace(page, mine=False, now=None)
        case SaveTranscript() if any(each.utterance == request.utterance for each in page.heard):
            return replace(page, saved=page.saved | {request.utterance})
        case SayPhrase():
            return replace(page, saying="")
        case _:
            return page


def _refused(page: SpeechPage, request: object, reason: str) -> SpeechPage:
    match request:
        case Translate():
            return replace(page, refused=reason)
        case SayPhrase():
            return replace(page, saying="")
        case _:
            return page


def forget(page: SpeechPage) -> SpeechPage:
    """Return the page after the session ended: nothing that anybody said, only how the screen was set."""
    return SpeechPage(expected=page.expected, language=page.language, topic=page.topic, phrase=page.phrase)


def lose(page: SpeechPage) -> SpeechPage:
    """Return the page after the hub was lost: nothing listens for this connection any more."""
    refused = page.refused or ("the hub was lost" if page.asked and page.made is None else "")
    return replace(page, mine=False, now=None, saying="", refused=refused)
