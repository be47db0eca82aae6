"""The sentences themselves: read from the tables beside this module, checked, and found by language, topic and number.

`english.toml` has topics and English, `languages/CODE.toml` one language each. Light on purpose: the dashboard reads
it too. Signatures are `hub.phrasebook.signing`'s, sound is `hub.phrasebook.speaking`'s.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from hub.errors import ConfigError, UsageError
from hub.text import harmless, plain

FOLDER: Final = Path(__file__).parent
"""Where the shipped tables are."""
UNCHECKED: Final = "not checked by a sworn translator"
"""The mark of a language that nobody has signed."""
MOST: Final = 9
"""Topics, and sentences of a topic: a digit chooses."""
RIGHT_TO_LEFT: Final = frozenset({"Arabic"})
"""Scripts that are written from right to left."""

_JOINER: Final = "\u200c"  # parts the letters of a Persian word, and is dropped from anybody else's text
_T = TypeVar("_T")
_Code = Annotated[str, Meta(pattern=r"^[a-z]{2,3}$")]
_Name = Annotated[str, Meta(pattern=r"^[a-z_]{1,40}$")]
_Words = Annotated[str, Meta(min_length=1, max_length=200)]
_Sentences = dict[_Name, _Words]


class Topic(Struct, frozen=True, forbid_unknown_fields=True):
    """Sentences that belong together."""

    topic: _Name
    title: _Words
    """In English, for the officer."""
    sentences: _Sentences
    """English by identifier, in the order of their numbers."""


class Language(Struct, frozen=True, forbid_unknown_fields=True):
    """One language's column of the phrasebook."""

    language: _Code
    """ISO 639-1 code."""
    name: _Words
    """In English."""
    own_name: _Words
    """As its speakers write it."""
    script: _Words
    """Name of its script: ``Latin``, ``Cyrillic``, ``Arabic`` or ``Han``."""
    voice: _Words
    """espeak-ng's voice for it."""
    sentences: _Sentences
    """By identifier."""
    romanised: _Sentences = {}
    """The same in Latin letters, to be read aloud; only where the script is another one."""

    @property
    def right_to_left(self) -> bool:
        """Say whether it is written from right to left."""
        return self.script in RIGHT_TO_LEFT


class Phrase(Struct, frozen=True):
    """One sentence in one language."""

    phrase: str
    """Identifier."""
    topic: str
    english: str
    language: str
    text: str
    romanised: str
    """In Latin letters; "" where the script is Latin."""


class Phrasebook(Struct, frozen=True):
    """All sentences in all languages."""

    version: int
    topics: tuple[Topic, ...]
    languages: Mapping[str, Language]
    """By code."""

    def language(self, code: str) -> Language:
        """Return a language.

        Raises:
            UsageError: The phrasebook has no such language.
        """
        if code not in self.languages:
            raise UsageError(f"the phrasebook has no language {plain(code, 20)!r}; it has {', '.join(self.languages)}")
        return self.languages[code]

    def topic(self, name: str) -> Topic:
        """Return a topic.

        Raises:
            UsageError: There is none of that name.
        """
        for topic in self.topics:
            if topic.topic == name:
                return topic
        names = ", ".join(topic.topic for topic in self.topics)
        raise UsageError(f"the phrasebook has no topic {plain(name, 40)!r}; it has {names}")

    def phrases(self, code: str, topic: str = "") -> tuple[Phrase, ...]:
        """Return the sentences of a language, of one topic or of all, in their order.

        Raises:
            UsageError: There is no such language or topic.
        """
        column = self.language(code)
        topics = (self.topic(topic),) if topic else self.topics
        return tuple(
            Phrase(name, each.topic, english, code, column.sentences[name], column.romanised.get(name, ""))
            for each in topics
            for name, english in each.sentences.items()
        )

    def phrase(self, name: str, code: str) -> Phrase:
        """Return one sentence in a language.

        Raises:
            UsageError: There is no such sentence or language.
        """
        found = {each.phrase: each for each in self.phrases(code)}
        if name in found:
            return found[name]
        near = difflib.get_close_matches(name, found, n=1)
        hint = f"did you mean {near[0]}?" if near else "see: patrol-hub phrase list"
        raise UsageError(f"the phrasebook has no sentence {plain(name, 40)!r}; {hint}")


class _English(Struct, frozen=True, forbid_unknown_fields=True):
    version: Annotated[int, Meta(ge=1)]
    topics: Annotated[tuple[Topic, ...], Meta(min_length=1, max_length=MOST)]


@lru_cache(maxsize=2)
def load_phrasebook(folder: Path = FOLDER) -> Phrasebook:
    """Read the phrasebook; the tables are read once a process.

    Args:
        folder: Has ``english.toml`` and ``languages``.

    Raises:
        ConfigError: A table is missing or wrong; the message names the file and what is wrong with it.
    """
    english = _read(folder / "english.toml", _English)
    names = [name for topic in english.topics for name in topic.sentences]
    if len(set(names)) < len(names) or len({topic.topic for topic in english.topics}) < len(english.topics):
        raise ConfigError("english.toml names a topic or a sentence twice")
    if full := [topic.topic for topic in english.topics if not 1 <= len(topic.sentences) <= MOST]:
        raise ConfigError(f"english.toml: the topic {full[0]} needs 1 to {MOST} sentences")
    columns = [(path, _read(path, Language)) for path in sorted((folder / "languages").glob("*.toml"))]
    for path, column in columns:
        _check(path, column, names)
    return Phrasebook(english.version, english.topics, {column.language: column for _, column in columns})


def shown(text: str) -> str:
    """Return a sentence of the phrasebook as screens show it: harmless, with what spelling needs."""
    return _JOINER.join(harmless(part) for part in text.split(_JOINER))


def canonical_bytes(book: Phrasebook, code: str) -> bytes:
    """Return what a translator's signature of a language covers: version, language, and each sentence with its English.

    Raises:
        UsageError: The phrasebook has no such language.
    """
    rows = [(each.phrase, each.english, each.text, each.romanised) for each in book.phrases(code)]
    return b"patrol-hub phrasebook 1\n" + msgspec.json.encode((book.version, code, sorted(rows)))


def _read(path: Path, kind: type[_T]) -> _T:
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), kind)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{path.name}: {plain(str(error))}") from error


def _check(path: Path, column: Language, names: list[str]) -> None:
    """Raise `ConfigError` where a language has not exactly the sentences that there are."""
    if path.stem != column.language:
        raise ConfigError(f"{path.name} holds the language {column.language}")
    wanted = [("sentences", column.sentences)]
    if column.script != "Latin":
        wanted.append(("romanised", column.romanised))
    elif column.romanised:
        raise ConfigError(f"{path.name}: a language in Latin letters needs no second spelling")
    for table, sentences in wanted:
        if odd := sorted(set(names).symmetric_difference(sentences)):
            raise ConfigError(f"{path.name}: [{table}] lacks or does not belong: {', '.join(odd[:3])}")
