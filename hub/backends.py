"""What a plugin implements. The abstract class is the contract; `hub.testing` holds the tests that prove it kept.

Methods here are plain and blocking unless they say ``async``: the host runs them in worker threads with a deadline
and gives up on those that hang. No implementation lives here.
"""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from msgspec import Struct

from hub.messages import Box, CharacterRead, Dispatch, Fix, PlateEvidence, Query, Reach, SubjectKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]
    Embeddings: TypeAlias = NDArray[np.float32]
    Samples: TypeAlias = NDArray[np.float32]
else:
    Image = Embeddings = Samples = Any


class PluginContext(Struct, frozen=True):
    """What the host hands a plugin when it opens one of its parts."""

    state: Path
    """Folder of this plugin's own, created, mode 0700."""
    models: Path
    """Folder of model weights, read only."""
    settings: Mapping[str, Any]
    """The plugin's table of the configuration, ``[plugins.NAME]``, or for a source ``[lookups.sources.NAME.settings]``
    in its place: texts, numbers, true or false, and lists and tables of them."""
    development: bool
    """True where ``--development`` allows unsigned lists."""
    threads: int = 2
    """Threads that one model call may use."""
    now: datetime | None = None
    """Wall time of the call for which the context was made; None where nothing in it depends on time."""
    trust: Path | None = None
    """The unit's file of trusted issuers, see `hub.watchlists.trust`; None where it trusts nobody by that file."""
    authority: Path | None = None
    """Folder with what the unit's authority says, see `hub.watchlists.trusted`. Where it holds something, that alone
    says which lists may be used."""


class PrintedCharacter(Struct, frozen=True):
    """A character of a line of print as a reader saw it."""

    text: str
    """One character, of whatever script."""
    probability: float
    """Of this character in its place, 0 to 1."""
    others: tuple[CharacterRead, ...]
    """What else may stand there: every other character with a probability of 0.01 or more."""
    place: float
    """Its middle along the line, 0 to 1."""


class PrintedLine(Struct, frozen=True):
    """A line of print as a reader saw it."""

    characters: tuple[PrintedCharacter, ...]
    """Every character that it made out, of whatever script, spaces included."""
    box: Box
    """Where it stands."""


class PlateReader(abc.ABC):
    """Finds text on vehicles and says what it saw, character by character."""

    name: ClassVar[str]

    at_once: ClassVar[int] = 1
    """Calls of `read` that the hub may make at the same time, each in a thread of its own. More than 1 only where
    they do not disturb each other, and where two pictures at once are done sooner than one after the other."""

    @abc.abstractmethod
    def read(self, image: Image) -> Sequence[PlateEvidence]:
        """Look at one picture.

        Args:
            image: uint8 [height, width, 3], BGR. Must not be kept or changed.

        Returns:
            Evidence of each region that may be a plate, in any order; empty where there is none.

        Raises:
            ModelError: The model does not run.
        """

    def lines(self, image: Image) -> Sequence[PrintedLine]:
        """Read printed lines as they stand, for the machine readable zone of a document; no decision is made on them.

        Args:
            image: uint8 [height, width, 3], BGR; the hub turns it where nothing shows. Must not be kept or changed.

        Returns:
            Long lines from top to bottom; empty where there is none, and from a reader that reads plates alone.

        Raises:
            ModelError: The model does not run.
        """
        del image
        return ()

    def close(self) -> None:
        """Free the model. May be called twice."""


class FaceRegion(Struct, frozen=True):
    """Where a face is. It says nothing of whose."""

    box: Box
    score: float
    """Detector's probability, 0 to 1."""
    landmarks: tuple[tuple[float, float], ...]
    """Image-left eye, image-right eye, nose tip, image-left and image-right mouth corner, in pixels."""


class FaceDetector(abc.ABC):
    """Finds faces, so that what may stay sharper in a redacted picture can be decided."""

    name: ClassVar[str]

    @abc.abstractmethod
    def detect(self, image: Image, *, threshold: float | None = None) -> Sequence[FaceRegion]:
        """Find faces in one picture, uint8 [height, width, 3], BGR: rather one too many than one too few.

        Args:
            image: The picture. Must not be kept or changed.
            threshold: Least probability; None for the detector's own.

        Raises:
            ModelError: The model does not run.
        """

    def close(self) -> None:
        """Free the model. May be called twice."""


class FaceEngine(abc.ABC):
    """Finds faces quickly and turns them into numbers that can be compared.

    It compares nothing and keeps nothing: what an embedding may be compared with, and whether a face is good enough
    for it, is the host's to decide (`hub.vision.face_quality`).
    """

    name: ClassVar[str]
    size: ClassVar[int]
    """Numbers of an embedding."""
    model: str
    """SHA-256 of the model that embeds, hexadecimal: embeddings of another one cannot be compared with these."""

    @abc.abstractmethod
    def detect(self, image: Image) -> Sequence[FaceRegion]:
        """Find the faces that may be worth a comparison in one picture, uint8 [height, width, 3], BGR; best first.

        Raises:
            ModelError: The model does not run.
        """

    @abc.abstractmethod
    def embed(self, image: Image, faces: Sequence[FaceRegion]) -> Embeddings:
        """Turn faces of one picture into embeddings.

        Args:
            image: uint8 [height, width, 3], BGR. Must not be kept or changed.
            faces: Faces of this picture.

        Returns:
            float32 [faces, size], rows of length 1: their products are similarities from -1 to 1.

        Raises:
            ModelError: The model does not run.
        """

    def close(self) -> None:
        """Free the models. May be called twice."""


class SourceRecord(Struct, frozen=True):
    """A candidate record as a plugin hands it over; the host drops fields outside its closed schema."""

    entry: str
    """Identifier of the entry in the source, stable."""
    fields: Mapping[str, object]
    """Names and values; see `hub.records` for what is kept."""


class SourceInfo(Struct, frozen=True):
    """What a source says of itself when it is opened."""

    entries: int
    """Number of entries; -1 where unknown."""
    list_digest: str = ""
    """SHA-256 of a closed list's content, hexadecimal; "" for a register."""
    expires: str = ""
    """ISO 8601 time at which the closed list expires; "" for a register."""
    development: bool = False
    """True where the list is unsigned."""
    detail: str = ""
    """One line for the officer."""
    exact_only: bool = False
    """True where it turned out on opening that a plate can only be looked up exactly as written."""
    answers: frozenset[SubjectKind] | None = None
    """What it can be asked about, where it turned out on opening to be less than the source declares."""


class RecordSource(abc.ABC):
    """Holds records that a look-up may ask for. It returns candidates; `hub.plates` and `hub.names` alone decide."""

    name: ClassVar[str]
    """Short name, lower case, unique: ``wanted_persons``."""
    reach: ClassVar[Reach] = Reach.RESTRICTED
    """When the source may be asked. The host enforces it; undeclared is restricted."""
    may_declare: ClassVar[frozenset[Reach]] = frozenset()
    """What else the configuration may declare, for a source whose records the operator chooses. A narrower reach than
    `reach` may always be declared, a wider one only where it stands here."""
    needs_settings: ClassVar[bool] = False
    """True where the source is nothing without settings: it is opened only where the configuration has some for it."""
    answers: ClassVar[frozenset[SubjectKind]]
    """What the source can be asked about."""
    exact_only: ClassVar[bool] = False
    """True where the source can only look up a plate exactly as written; the host then says so in the answer."""

    def open(self, context: PluginContext) -> SourceInfo:
        """Open the records. Called once before the first query.

        All calls come one at a time, but not always from the same thread.

        Raises:
            SourceError: The records cannot be opened; the message is for the officer.
            TrustError: The list is unsigned, altered or expired.
        """
        del context
        return SourceInfo(entries=-1)

    @abc.abstractmethod
    def find(self, query: Query) -> Iterable[SourceRecord]:
        """Return candidate records for a query, in any order; empty where there is none.

        For plates: every record whose ``plate`` could be what was read. `hub.plates.keys` gives keys under which a
        store finds them. A list past its expiry at ``query.now`` returns nothing and raises `TrustError`.

        Raises:
            SourceError: The source cannot answer; the message is for the officer.
            SourceChangedError: The records were replaced since `open`; the host opens the source again.
        """

    def plates(self) -> Iterable[str]:
        """Return the plates of all entries, once after `open`: the host sets the list's cost limit from them.

        A source that returns none has its limit set from `SourceInfo.entries` alone.
        """
        return ()

    def erase_due(self, context: PluginContext, keep: timedelta) -> int:
        """Destroy what is past its date (C11): a closed list so long after its expiry, bytes included.

        Called from time to time on an object of its own, whether the source is open or not.

        Args:
            context: As for `open`; its time is the time.
            keep: How long a list may still lie there after its expiry.

        Returns:
            How many entries were destroyed.
        """
        del context, keep
        return 0

    def close(self) -> None:
        """Free what was opened. May be called twice."""


class Importer(abc.ABC):
    """Takes records from a file into a source's own store; implemented beside a `RecordSource` that has one."""

    name: ClassVar[str]

    @abc.abstractmethod
    def import_file(self, context: PluginContext, file: Path) -> ImportReport:
        """Import every good row of a file in one transaction and report every bad one.

        Raises:
            InputError: The file cannot be read at all (missing, not text in UTF-8, no header).
            TrustError: The file is a signed list that does not verify.
            StoreError: The store cannot be written; nothing was imported.
        """


class BadRow(Struct, frozen=True):
    """A row that was not imported."""

    line: int
    """Line in the file, 1 for the header."""
    problem: str
    """What is wrong and how to mend it."""


class ImportReport(Struct, frozen=True):
    """What an import did."""

    imported: int
    bad: tuple[BadRow, ...]
    list_digest: str = ""
    """SHA-256 of the closed list as it now stands; "" for a register."""


class VoiceDetector(abc.ABC):
    """Says, 32 ms by 32 ms, how probably somebody speaks. One object listens to one stream of sound."""

    name: ClassVar[str]

    @abc.abstractmethod
    def hear(self, blocks: Samples) -> Samples:
        """Take the next blocks of the stream in.

        Args:
            blocks: float32 [blocks, 512] at 16 kHz, -1 to 1. Must not be kept or changed.

        Returns:
            float32 [blocks]: probability of speech in each, 0 to 1.

        Raises:
            ModelError: The model does not run.
        """

    @abc.abstractmethod
    def reset(self) -> None:
        """Forget the stream: another one begins."""

    def close(self) -> None:
        """Free the model. May be called twice."""


class LanguageGuess(Struct, frozen=True):
    """A language that may have been spoken."""

    language: str
    """ISO 639-1 code; ISO 639-3 where there is none."""
    probability: float
    """Among all that the model knows, 0 to 1."""


class Hearing(Struct, frozen=True, eq=False):
    """One utterance as a transcriber has taken it in. It lives as long as its utterance and is never encoded."""

    languages: tuple[LanguageGuess, ...]
    """All that the model knows, most probable first."""
    handle: object
    """The transcriber's own; handed back to it as it is."""


class Written(Struct, frozen=True):
    """What a transcriber wrote down of a `Hearing`. Whether it may be invented is the host's to judge."""

    text: str
    log_probability: float
    """Mean over the text's tokens, natural logarithm; 0 at best."""
    no_speech: float
    """Probability that nobody spoke, 0 to 1."""


class Transcriber(abc.ABC):
    """Writes down what was said, in the language that was spoken or in English.

    An utterance is taken in once by `hear`, which is the expensive half; the host then chooses the language and asks
    for the original and for English, both of the same hearing. Calls come one at a time.
    """

    name: ClassVar[str]
    languages: frozenset[str]
    """Codes of the languages that it knows."""
    longest: ClassVar[float] = 28.0
    """Seconds of an utterance that it takes in at once."""

    @abc.abstractmethod
    def hear(self, samples: Samples) -> Hearing:
        """Take an utterance in and say which language it may be.

        Args:
            samples: float32 [samples] at 16 kHz, -1 to 1, at most `longest` seconds. Must not be kept or changed.

        Raises:
            ModelError: The model does not run.
        """

    @abc.abstractmethod
    def write(self, hearing: Hearing, language: str, *, english: bool = False, quick: bool = False) -> Written:
        """Write an utterance down.

        Args:
            hearing: From `hear` of this object.
            language: Code of the language that was spoken, one of `languages`.
            english: True for an English translation in place of the original.
            quick: True for a text that is replaced soon: fast rather than best.

        Raises:
            ModelError: The model does not run.
        """

    def write_both(self, hearing: Hearing, language: str) -> tuple[Written, Written]:
        """Write an utterance down as it was spoken, and in English: the same two texts that `write` gives.

        A model that can do both in less time than one after the other should.

        Args:
            hearing: From `hear` of this object.
            language: Code of the language that was spoken, one of `languages`.

        Raises:
            ModelError: The model does not run.
        """
        return self.write(hearing, language), self.write(hearing, language, english=True)

    def close(self) -> None:
        """Free the model. May be called twice."""


class LanguagePair(Struct, frozen=True):
    """A direction in which a translator works."""

    source: str
    """ISO 639-1 code of the language it reads, two letters in lower case; ISO 639-3 where there is none."""
    target: str
    """Code of the language it writes."""


class Translation(Struct, frozen=True):
    """What a translator made of a text. It is a machine's, and nothing follows from it but what somebody says."""

    text: str
    """In the target language; the host shows it as one line, without what steers a terminal."""
    unknown: tuple[str, ...] = ()
    """Words that the engine did not know and left as they were, in their order, each once."""


class Translator(abc.ABC):
    """Puts free text into another language, with engines and data that are on this machine."""

    name: ClassVar[str]
    """Short name, lower case, unique: ``apertium``."""

    @abc.abstractmethod
    def pairs(self) -> Sequence[LanguagePair]:
        """Return what it can do now; empty where the engine or its data are not installed."""

    @abc.abstractmethod
    def translate(self, text: str, source: str, target: str) -> Translation:
        """Translate one text of at most 1,000 characters.

        The host waits 10 s (`hub.answering.DEADLINE_SECONDS`); what the plugin has started has to end by itself
        before that.

        Args:
            text: One line.
            source: Code of its language.
            target: Code of the language that is wanted.

        Raises:
            TranslatorError: It cannot: no such pair, the engine fails or is too slow. The message is for the officer.
        """

    def missing(self) -> str:
        """Return one line on what to install for it to offer more; "" where nothing is missing."""
        return ""

    def close(self) -> None:
        """Free what was opened. May be called twice."""


class PositionSource(abc.ABC):
    """Says where the unit is. Made when it is opened, and made anew when it failed.

    How old a fix may be, and what follows from it, is the host's to decide. Nothing of where the unit was is kept.
    """

    name: ClassVar[str]
    refused: int = 0
    """What came and was damaged, impossible or not new, so far."""

    @abc.abstractmethod
    def fix(self) -> Fix | None:
        """Return the newest fix that has not been returned before, waiting for it no longer than a second.

        Returns:
            None where none came, or where the receiver says that it does not know.

        Raises:
            PositionError: The receiver is gone or silent; the host closes the source and makes another one.
        """

    def close(self) -> None:
        """Free what was opened. May be called twice."""


class Dispatcher(abc.ABC):
    """Takes adjudicated alerts to the desk. Must be idempotent: the same identifier may come twice."""

    name: ClassVar[str]

    @abc.abstractmethod
    async def send(self, dispatch: Dispatch) -> None:
        """Deliver one dispatch and return once the other side has it for good.

        Raises:
            SourceUnavailableError: The other side is not there; the outbox tries again.
        """

    async def aclose(self) -> None:
        """Let go of the connection. May be called twice."""
