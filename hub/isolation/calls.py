"""What goes through the pipes between the hub and the child that runs one record source: records, in MessagePack.

The hub sends one request at a time and reads replies until the one that ends it. A query is the subject and nothing
else: there is no record here that could carry a frame, an embedding or another source's answer. Starting and stopping
the child is `hub.isolation.process`'s, what it does with a request `hub.isolation.child`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from hub.isolation.limits import Confinement
from hub.isolation.pipes import LENGTH
from hub.messages import DocumentQuery, PersonQuery, PlateQuery, Query, Reading, Subject, SubjectKind
from hub.text import plain

if TYPE_CHECKING:
    from hub.backends import PluginContext, SourceInfo

LONGEST_REPLY: Final = 1 << 20
"""Bytes of all replies to one request, where nothing else is said; a child that announces more is killed. What is sent
counts, names as well as values: nothing that a child can say is bounded by less than its bytes."""
MOST_BAD: Final = 10_000
"""Rows that were not imported and are told of, at most."""
MOST_ROWS: Final = 10**9
"""Rows of a file that anybody imports, at most; a larger number is no number of rows."""
BATCH: Final = 64
"""Records in one reply, at most."""
PLATES_BATCH: Final = 20_000
"""Plates in one reply, at most."""
MOST_FIELDS: Final = 200
"""Fields of one record, at most: the bounds on numbers are checked before anything is made of a reply, since millions
of empty records fit into its bytes."""
LONGEST_ENTRY: Final = 1_000
"""Characters of an entry's identifier, at most; the host keeps fewer."""
LONGEST_NAME: Final = 100
"""Characters of a field's name, at most."""
LONGEST_PLATE: Final = 40
"""Characters of a plate, at most."""
LONGEST_PROBLEM: Final = 400
"""Characters of what is wrong with a row, at most."""

Scalar: TypeAlias = str | int | float | bool | None


# --------------------------------------------------------------------------------------------- requests


class Begin(Struct, frozen=True, tag="begin"):
    """First request: confine yourself, import this plugin, make this source."""

    confinement: Confinement
    plugin: str
    """Name of the entry point."""
    entry_point: str
    """What it names, ``module`` or ``module:object``."""
    source: str
    """Name of the source."""
    private: str
    """Folder of the hub that is none of the plugin's business: trying to open something in it ends the child."""
    own: tuple[str, ...]
    """What in that folder is the plugin's all the same."""
    importer: bool = False
    """Whether it is the source's importer that is made, instead of the source."""
    fault: str = ""
    """For tests: name of the fault that the source is wrapped in; see `hub.testing.faults.NAMED`."""


class OpenSource(Struct, frozen=True, tag="open"):
    """Open the source: a `PluginContext` with its paths as text."""

    state: str
    models: str
    settings: dict[str, Any]
    development: bool
    threads: int
    now: datetime | None
    trust: str | None


class ListPlates(Struct, frozen=True, tag="plates"):
    """Name the plates of all entries."""


class Find(Struct, frozen=True, tag="find"):
    """Answer a query. One of the three subjects is there."""

    lookup: str
    now: datetime
    plate: tuple[Reading, ...] | None = None
    slots: bytes | None = None
    """float32, row after row; None where the plate was typed."""
    columns: int = 0
    person: PersonQuery | None = None
    document: DocumentQuery | None = None
    fields: tuple[str, ...] = ()
    reference: str = ""
    within: float | None = None


class EraseDue(Struct, frozen=True, tag="erase"):
    """Destroy what is past its date."""

    context: OpenSource
    keep_seconds: float


class ImportFile(Struct, frozen=True, tag="import"):
    """Take a file into the source's store."""

    context: OpenSource
    file: str


class CloseSource(Struct, frozen=True, tag="close"):
    """Close the source and leave."""


Request: TypeAlias = Begin | OpenSource | ListPlates | Find | EraseDue | ImportFile | CloseSource


# ---------------------------------------------------------------------------------------------- replies


class Begun(Struct, frozen=True, tag="begun"):
    """The plugin is loaded; this is what its source declares."""

    reach: str
    answers: Annotated[tuple[str, ...], Meta(max_length=10)]
    exact_only: bool
    erases: bool
    """Whether it has anything to erase: False where the method is the base class's."""
    guards: Annotated[tuple[str, ...], Meta(max_length=10)]
    """What confines the child."""


class SourceOpened(Struct, frozen=True, tag="opened"):
    """What the source says of itself."""

    entries: int
    list_digest: str
    expires: str
    development: bool
    detail: str
    exact_only: bool
    answers: Annotated[tuple[str, ...], Meta(max_length=10)] | None


class Plates(Struct, frozen=True, tag="plates"):
    """Some plates; the last reply has `last` set."""

    plates: Annotated[tuple[Annotated[str, Meta(max_length=LONGEST_PLATE)], ...], Meta(max_length=PLATES_BATCH)]
    last: bool


class FoundRecord(Struct, frozen=True, array_like=True):
    """A record with values that the schema could keep; anything else became False, which it drops and counts."""

    entry: Annotated[str, Meta(max_length=LONGEST_ENTRY)]
    fields: Annotated[Mapping[Annotated[str, Meta(max_length=LONGEST_NAME)], Scalar], Meta(max_length=MOST_FIELDS)]


class Records(Struct, frozen=True, tag="records"):
    """Some records; the last reply has `last` set."""

    records: Annotated[tuple[FoundRecord, ...], Meta(max_length=BATCH)]
    last: bool


class Erased(Struct, frozen=True, tag="erased"):
    """How many entries were destroyed."""

    entries: int


class BadLine(Struct, frozen=True, array_like=True):
    """A row that was not imported."""

    line: Annotated[int, Meta(ge=0, le=MOST_ROWS)]
    problem: Annotated[str, Meta(max_length=LONGEST_PROBLEM)]


class Imported(Struct, frozen=True, tag="imported"):
    """What an import did."""

    imported: Annotated[int, Meta(ge=0, le=MOST_ROWS)]
    bad: Annotated[tuple[BadLine, ...], Meta(max_length=MOST_BAD)]
    list_digest: str


class Failure(StrEnum):
    """What kind of failure a reply tells of."""

    SOURCE = "source"
    TRUST = "trust"
    CHANGED = "changed"
    INPUT = "input"
    """A file is of no use."""
    PLUGIN = "plugin"
    """It cannot be loaded."""
    TRESPASS = "trespass"
    """It tried to open what is the hub's."""
    OTHER = "other"


class Failed(Struct, frozen=True, tag="failed"):
    """The request was not done."""

    failure: Failure
    what: str
    """One line; of foreign exceptions kind and place only."""


Reply: TypeAlias = Begun | SourceOpened | Plates | Records | Erased | Imported | Failed

_encoder: Final = msgspec.msgpack.Encoder()
_requests: Final[msgspec.msgpack.Decoder[Request]] = msgspec.msgpack.Decoder(Request)
_replies: Final[msgspec.msgpack.Decoder[Reply]] = msgspec.msgpack.Decoder(Reply)


def pack(message: Request | Reply) -> bytes:
    """Return a record with its length before it."""
    body = _encoder.encode(message)
    return LENGTH.pack(len(body)) + body


def read_request(body: bytes) -> Request:
    """Return the request without its length.

    Raises:
        msgspec.DecodeError: It is none of ours.
    """
    return _requests.decode(body)


def read_reply(body: bytes | bytearray) -> Reply:
    """Return the reply that a child sent, without its length.

    Raises:
        msgspec.DecodeError: It is none of ours.
    """
    try:
        return _replies.decode(body)
    except (UnicodeDecodeError, RecursionError, OverflowError) as error:  # msgspec passes these on as they are
        raise msgspec.DecodeError("it is no record of ours") from error


# ---------------------------------------------------------------------------------- to and from the interface


def send_context(context: PluginContext) -> OpenSource:
    """Return a context as it is sent."""
    return OpenSource(
        state=str(context.state),
        models=str(context.models),
        settings=dict(context.settings),
        development=context.development,
        threads=context.threads,
        now=context.now,
        trust=str(context.trust) if context.trust else None,
    )


def take_context(sent: OpenSource) -> PluginContext:
    """Return a context as a plugin gets it."""
    from hub.backends import PluginContext

    return PluginContext(
        state=Path(sent.state),
        models=Path(sent.models),
        settings=sent.settings,
        development=sent.development,
        threads=sent.threads,
        now=sent.now,
        trust=Path(sent.trust) if sent.trust else None,
    )


def send_query(query: Query) -> Find:
    """Return a query as it is sent."""
    subject = query.subject
    sent = Find(query.lookup, query.now, fields=query.fields, reference=query.reference, within=query.within)
    if isinstance(subject, PersonQuery):
        return replace(sent, person=subject)
    if isinstance(subject, DocumentQuery):
        return replace(sent, document=subject)
    if subject.slots is None:
        return replace(sent, plate=subject.readings)
    slots = subject.slots.astype("float32", copy=False)
    return replace(sent, plate=subject.readings, slots=slots.tobytes(), columns=slots.shape[1])


def take_query(sent: Find) -> Query:
    """Return a query as a source gets it."""
    subject: Subject
    if sent.person is not None:
        subject = sent.person
    elif sent.document is not None:
        subject = sent.document
    else:
        slots = None
        if sent.slots is not None:
            import numpy as np  # a typed plate does without

            slots = np.frombuffer(sent.slots, np.float32).reshape(-1, sent.columns)
        subject = PlateQuery(sent.plate or (), slots)
    return Query(sent.lookup, subject, sent.now, sent.fields, sent.reference, sent.within)


def scalar(value: object) -> Scalar:
    """Return a value as it may be sent; False, which no field accepts, for what is no scalar."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return str.__str__(value)
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int) and abs(value) < 1 << 60:
        return int(value)
    return False


def send_info(info: SourceInfo) -> SourceOpened:
    """Return what a source says of itself as it is sent."""
    return SourceOpened(
        entries=int(info.entries),
        list_digest=str(info.list_digest),
        expires=str(info.expires),
        development=bool(info.development),
        detail=str(info.detail),
        exact_only=bool(info.exact_only),
        answers=None if info.answers is None else tuple(sorted(kind.value for kind in info.answers)),
    )


def take_info(sent: SourceOpened) -> SourceInfo:
    """Return what a source says of itself as the host gets it."""
    from hub.backends import SourceInfo

    return SourceInfo(
        entries=sent.entries,
        list_digest=sent.list_digest,
        expires=sent.expires,
        development=sent.development,
        detail=plain(sent.detail),
        exact_only=sent.exact_only,
        answers=None if sent.answers is None else kinds(sent.answers),
    )


def kinds(names: tuple[str, ...]) -> frozenset[SubjectKind]:
    """Return what a source answers; nothing where one of the names is unknown."""
    known = {kind.value: kind for kind in SubjectKind}
    return frozenset(known[name] for name in names) if all(name in known for name in names) else frozenset()
