"""`patrol-hub phrase`: the prepared sentences, said aloud where espeak-ng is, and free text through translators.

Reading or saying a sentence looks nothing up and needs no officer, and a translation neither; to accept a
translator's signature on this unit does, and is an entry of the log before it counts.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Final

import trio
from msgspec import Struct

from hub.answering import Answering
from hub.audit.records import ConfigPayload
from hub.authority.files import write_file
from hub.authority.keys import load_key, load_public_key
from hub.authority.policy import may_import
from hub.clocks import SystemClock
from hub.commands.acting import acting, open_configured, settings_of
from hub.commands.console import Form, emit, note, say, table
from hub.config import state_folder
from hub.errors import DeadlineError, InputError, TranslatorError
from hub.messages import TRANSCRIPT_NOTICE, Act, Entry, MachineTranslation
from hub.parts import installed_plugins, translator_specs
from hub.phrasebook.book import Phrase, Phrasebook, load_phrasebook, shown
from hub.phrasebook.signing import (
    check_signature,
    decode_signature,
    encode_signature,
    keep_signature,
    mark_of,
    sign_language,
    translators_of,
)
from hub.phrasebook.speaking import speak, speaker

_LARGEST: Final = 4096
"""Bytes of a signature's file that are looked at."""


class _Language(Struct, frozen=True):
    language: str
    name: str
    own_name: str
    signed_by: str
    """Translator who signed it; "" where nobody did."""
    mark: str


class _English(Struct, frozen=True):
    phrase: str
    topic: str
    english: str


class _Languages(Struct, frozen=True):
    version: int
    languages: tuple[_Language, ...]
    phrases: tuple[_English, ...]


class _Column(Struct, frozen=True):
    version: int
    language: _Language
    phrases: tuple[Phrase, ...]


class _Said(Struct, frozen=True):
    phrase: Phrase
    mark: str
    spoken: bool


class _Translated(Struct, frozen=True):
    translation: MachineTranslation
    notice: str = TRANSCRIPT_NOTICE


def list_phrases(*, topic: str, language: str, form: Form) -> int:
    """List languages and sentences, or one language's sentences."""
    book = load_phrasebook()
    signed = translators_of(state_folder(), book)
    if language:
        return _list_column(book, topic, language, signed, form)
    languages = tuple(_language(book, code, signed) for code in book.languages)
    topics = (book.topic(topic),) if topic else book.topics
    phrases = tuple(_English(name, each.topic, text) for each in topics for name, text in each.sentences.items())
    if form == "json":
        emit(_Languages(book.version, languages, phrases))
        return 0
    table([("LANGUAGE", "NAME", "MARK", "OWN NAME"), *((e.language, e.name, e.mark, e.own_name) for e in languages)])
    say("")
    table([("PHRASE", "TOPIC", "ENGLISH"), *((each.phrase, each.topic, each.english) for each in phrases)])
    return 0


def _list_column(book: Phrasebook, topic: str, code: str, signed: dict[str, str], form: Form) -> int:
    column, phrases = _language(book, code, signed), book.phrases(code, topic)
    if form == "json":
        emit(_Column(book.version, column, phrases))
        return 0
    say(f"{column.name} ({column.own_name}), version {book.version}: {column.mark}")
    for each in phrases:
        say(f"{each.phrase}: {each.english}")
        _print(f"  {shown(each.text)}")
        if each.romanised:
            _print(f"  {shown(each.romanised)}")
    return 0


def say_phrase(name: str, *, language: str, silent: bool, form: Form) -> int:
    """Print one sentence and say it aloud where that is possible; exit status 1 where saying it failed."""
    book = load_phrasebook()
    phrase = book.phrase(name, language)
    mark = mark_of(translators_of(state_folder(), book), language)
    if form != "json":
        _print(shown(phrase.text))
        if phrase.romanised:
            _print(shown(phrase.romanised))
        say(f"{phrase.english} ({mark})")
    program = None if silent else speaker()
    failed = False
    if program is not None:
        try:
            speak(phrase.text, book.language(language).voice, program=program)
        except (TranslatorError, DeadlineError) as error:
            failed = True
            note(str(error))
    elif not silent:
        note("nothing was said: espeak-ng is not installed (apt install espeak-ng)")
    if form == "json":
        emit(_Said(phrase, mark, spoken=program is not None and not failed))
    return 1 if failed else 0


def translate(text: str, *, target: str, source: str, config: Path | None, form: Form) -> int:
    """Translate free text with the translators that are installed."""
    return trio.run(_translate, text, target, source, config, form)


async def _translate(text: str, target: str, source: str, config: Path | None, form: Form) -> int:
    settings = settings_of(config)
    plugins = installed_plugins(settings)
    plugins.load_all()
    answering = Answering(translator_specs(plugins, settings, state_folder()))
    try:
        made = await answering.translate(text, target, source)
    finally:
        await answering.aclose()
    if form == "json":
        emit(_Translated(made))
        return 0
    say(made.text)
    if made.unknown:
        say(f"not translated: {', '.join(made.unknown)}")
    say(f"{TRANSCRIPT_NOTICE} ({made.translator}, {made.source} to {made.target})")
    return 0


def sign(language: str, *, key: Path, name: str, output: Path) -> int:
    """Sign a language of the phrasebook, as its translator."""
    signer = load_key(key, name)
    signed = sign_language(load_phrasebook(), language, name, signer, SystemClock().now())
    write_file(output, encode_signature(signed), mode=0o644)
    say(f"{output}: {signed.language}, version {signed.version}, signed by {signed.translator}")
    return 0


def accept(file: Path, *, key: Path, officer: str | None, config: Path | None) -> int:
    """Accept a translator's signature on this unit."""
    return trio.run(_accept, file, key, officer, config)


async def _accept(file: Path, key: Path, officer: str | None, config: Path | None) -> int:
    try:
        with file.open("rb") as stream:
            content = stream.read(_LARGEST)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    signed = decode_signature(content)
    check_signature(load_phrasebook(), signed, load_public_key(key))
    async with open_configured(config) as unit, acting(unit, officer) as requester:
        may_import(requester).demand()
        payload = ConfigPayload(hashlib.sha256(content).hexdigest(), (f"phrases.{signed.language}",))
        entry = Entry(Act.CONFIGURATION, unit.clock.now(), requester, "translator_accepted", payload)
        await unit.log.append(entry)
        keep_signature(unit.state, signed)
    say(f"{signed.language}: signed by {signed.translator}; the mark is gone until a sentence changes")
    return 0


def _language(book: Phrasebook, code: str, signed: dict[str, str]) -> _Language:
    column = book.language(code)
    return _Language(code, column.name, column.own_name, signed.get(code, ""), mark_of(signed, code))


def _print(line: str) -> None:
    """Print a line of the phrasebook, which `say` would take letters' joints from."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
