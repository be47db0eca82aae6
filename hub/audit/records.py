"""What an entry's payload can be: one frozen struct for each kind of act, with a stable tag.

A payload is sealed and can be destroyed on its date; what the yearly statistics need for ever stands in the entry's
metadata or in `CountPayload`, which holds numbers only. A tag, once released, keeps its meaning: fields are added
with a default, never renamed. Sealing and storing are `hub.audit.log`'s.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

import msgspec
from msgspec import Struct

from hub.errors import AuditError
from hub.messages import AlertState, AnswerStatus, HitKind, SubjectKind, TakingPart


class UnitPayload(Struct, frozen=True, tag="unit"):
    """A unit starts or stops. Acts `UNIT_START`, `UNIT_STOP`."""

    version: str
    """Version of the hub."""
    detail: str = ""
    """Why it stops, or what was found at the start, such as a look-up that had been interrupted."""


class ConfigPayload(Struct, frozen=True, tag="configuration"):
    """A configuration takes effect. Act `CONFIGURATION`."""

    digest: str
    """SHA-256 of the configuration file, hexadecimal; "" for the built-in one."""
    changed: tuple[str, ...] = ()
    """Keys that differ from the configuration before, sorted; values are not logged."""


class OfficerPayload(Struct, frozen=True, tag="officer"):
    """An officer is added or removed, signs in or out, or is refused (`OFFICER_ADDED`, `SIGN_IN` and their like)."""

    officer: str
    """The officer's number, as given."""
    role: str = ""
    reason: str = ""
    """Why it was refused, or how the session ended."""


class ListPayload(Struct, frozen=True, tag="list"):
    """A closed list is loaded, refused or ended. Acts `LIST_LOADED`, `LIST_REFUSED`, `LIST_ENDED`."""

    source: str
    digest: str
    """SHA-256 of the list, hexadecimal; "" where it could not be read."""
    entries: int
    """Number of entries; 0 where it was refused."""
    expires: datetime | None
    signers: tuple[str, ...] = ()
    development: bool = False
    reason: str = ""
    """Why it was refused, or why it ended."""


class TrustPayload(Struct, frozen=True, tag="trust"):
    """An update of what the authority says is accepted or refused. Act `TRUST_UPDATE`."""

    source: str
    """Folder or address that it came from."""
    root: int = 0
    """Version of the root that is trusted afterwards; 0 where none is."""
    timestamp: int = 0
    """Number of the update that is in force afterwards."""
    expires: datetime | None = None
    """When that ends."""
    reason: str = ""
    """Why the update was refused."""


class ImportPayload(Struct, frozen=True, tag="import"):
    """Records are imported into a source. Act `RECORDS_IMPORTED`."""

    source: str
    digest: str
    """SHA-256 of the file, hexadecimal."""
    imported: int
    """Rows that were taken."""
    refused: int
    """Rows that were not."""
    reason: str = ""


class LookupPayload(Struct, frozen=True, tag="lookup"):
    """An officer's look-up begins. Act `LOOKUP`; also `LOOKUP_REFUSED`, with why in `refusal`."""

    lookup: str
    """Identifier of the look-up."""
    reason: str
    """The officer's reason."""
    subject: SubjectKind
    asked: str
    """What was asked, as the officer typed it."""
    sources: tuple[str, ...]
    refusal: str = ""
    """Why policy said no; "" where it did not."""


class AnswerCount(Struct, frozen=True):
    """One source's answer, without its records."""

    source: str
    status: AnswerStatus
    hits: int


class LookupDonePayload(Struct, frozen=True, tag="lookup_done"):
    """An officer's look-up has ended. Act `LOOKUP_DONE`; a `LOOKUP` without one was interrupted."""

    lookup: str
    answers: tuple[AnswerCount, ...]
    reason: str = ""
    """Why it ended early; "" where all sources answered or had their time."""


class OpenedPayload(Struct, frozen=True, tag="automatic_opened"):
    """Automatic look-ups of a camera begin in this minute. Act `AUTOMATIC_OPENED`."""

    camera: str
    minute: datetime
    sources: tuple[str, ...]


class CountPayload(Struct, frozen=True, tag="automatic_counted"):
    """Automatic look-ups of one camera, source and minute, by number only (C7). Act `AUTOMATIC_COUNTED`."""

    camera: str
    source: str
    minute: datetime
    """Start of the minute."""
    asked: int
    hit: int
    unavailable: int


class AlertPayload(Struct, frozen=True, tag="alert"):
    """An alert is raised or expires undecided. Acts `ALERT_RAISED`, `ALERT_EXPIRED`."""

    alert: str
    camera: str
    source: str
    entry: str
    """The source's identifier of the entry; the plate itself is not repeated here."""
    category: str
    kind: HitKind
    list_digest: str
    development: bool = False


class DecisionPayload(Struct, frozen=True, tag="decision"):
    """An officer takes a step on an alert. Act `ALERT_DECIDED`."""

    alert: str
    state: AlertState
    reason: str
    corrects: int | None = None
    """Index of the step that this one corrects, or None."""
    shown: datetime | None = None
    """When the alert was last put before this officer by the process that took the step; None where it was not."""


class DispatchPayload(Struct, frozen=True, tag="dispatch"):
    """A dispatch goes to the outbox. Act `DISPATCHED`."""

    dispatch: str
    alert: str
    state: AlertState
    reason: str
    correction: bool = False


class DocumentCheckPayload(Struct, frozen=True, tag="document_check"):
    """An officer checks the lines of a document. Act `DOCUMENT_CHECK`."""

    reason: str
    """The officer's reason."""
    document: str
    """Number and issuing state, as the lines say; "" where they were not read, or not yet."""
    agrees: bool
    """Whether its check digits and dates agree; False where they were not read, or not yet."""
    refusal: str = ""
    """Why policy said no; "" where it did not."""


class FaceCheckPayload(Struct, frozen=True, tag="face_check"):
    """An officer checks a face against one document (act `FACE_CHECK`). No picture, template, name or file name."""

    reason: str
    """The officer's reason."""
    part: TakingPart | None
    """How the person takes part; None in a refusal because it was not stated."""
    why: str = ""
    """Why the person is unable to take part."""
    verdict: str = ""
    """What came of it; "" before."""
    refusal: str = ""
    """Why policy or metering said no; "" where they did not."""


class ProbePayload(Struct, frozen=True, tag="probe"):
    """An officer compares a face with the face list in force (act `PROBE`). No picture, template or file name."""

    reason: str
    """The officer's reason."""
    list_digest: str = ""
    """SHA-256 of the list, hexadecimal; "" where there is none."""
    verdict: str = ""
    """What came of it; "" before. Entries are named by the alert alone."""
    refusal: str = ""
    """Why policy, metering or the list said no; "" where they did not."""


class WatchPayload(Struct, frozen=True, tag="watch"):
    """Watching under a deployment order begins, is refused, or has ended (act `WATCH`). Numbers only."""

    order: str
    """Identifier of the order."""
    list_digest: str
    entries: int
    """Entries of the list."""
    threshold: float = 0.0
    """Similarity from which a face is a candidate."""
    false_alerts: float = 0.0
    """Expected false alerts an hour at that threshold."""
    compared: int = 0
    """Comparisons that were made, one a face; 0 at the beginning."""
    reason: str = ""
    """Why it was refused, or why it has ended."""


class OrderPayload(Struct, frozen=True, tag="order"):
    """A deployment order is loaded or refused, or has ended (act `ORDER`). It names no person and no position."""

    order: str
    """Identifier of the order; "" where it could not be read."""
    purpose: str = ""
    list_digest: str = ""
    """SHA-256 of the list that it allows, hexadecimal."""
    begins: datetime | None = None
    ends: datetime | None = None
    impact_assessment: str = ""
    """Reference of its impact assessment."""
    authorisation: str = ""
    """Reference of its judicial or independent authorisation."""
    position: str = ""
    """What says where the unit is, such as ``gpsd`` or ``replay``; "" where its place is cameras."""
    reason: str = ""
    """Why it was refused, or why it has ended."""
    development: bool = False
    """Whether ``--development`` let pictures in files, or cameras that the configuration lacks, be watched."""


class GrantPayload(Struct, frozen=True, tag="grant"):
    """A grant opens a restricted source for one look-up, or is refused (act `GRANT`)."""

    lookup: str
    """Identifier of the look-up."""
    grant: str = ""
    """Identifier of the grant; "" where it did not verify."""
    source: str = ""
    fields: tuple[str, ...] = ()
    """Names of the fields that may come back."""
    legal_basis: str = ""
    reference: str = ""
    """Reference of the court order or of the written consent."""
    withheld: int = 0
    """Fields and records that came and were not granted; they went no further."""
    refusal: str = ""
    """Why it opened nothing; "" where it did."""


class FilesReadPayload(Struct, frozen=True, tag="files_read"):
    """Files are read without any look-up. Act `FILES_READ`."""

    reason: str
    files: int
    """Number of files."""


class SpeechPayload(Struct, frozen=True, tag="speech"):
    """Speech is listened to. Act `SPEECH_HEARD`. No text and no file name."""

    mode: str
    """``files``, ``stream``, ``push_to_talk`` or ``open``."""
    files: int
    """Number of files; 0 for a microphone."""
    languages: tuple[str, ...]
    """Codes of the languages that were expected; empty for any."""
    reason: str = ""


class TranscriptPayload(Struct, frozen=True, tag="transcript"):
    """An officer keeps one utterance. Act `TRANSCRIPT_SAVED`."""

    reason: str
    utterance: str
    heard: datetime
    language: str
    original: str
    translation: str
    doubt: str
    notice: str
    """What is said of every transcript: a machine's, not evidence."""


class PluginPayload(Struct, frozen=True, tag="plugin"):
    """A plugin is parked. Act `PLUGIN_PARKED`."""

    plugin: str
    reason: str


class ErasedPayload(Struct, frozen=True, tag="erased"):
    """Data were destroyed on their date (C11). Act `ERASED`."""

    what: str
    """What was destroyed, such as ``log_payload`` or ``alert``."""
    count: int


class CheckpointPayload(Struct, frozen=True, tag="checkpoint"):
    """A checkpoint leaves the unit. Act `CHECKPOINT`."""

    size: int
    """Entries that it vouches for."""
    root: str
    """Root hash, hexadecimal."""


Payload: TypeAlias = (
    UnitPayload
    | ConfigPayload
    | OfficerPayload
    | ListPayload
    | TrustPayload
    | ImportPayload
    | LookupPayload
    | LookupDonePayload
    | OpenedPayload
    | CountPayload
    | AlertPayload
    | DecisionPayload
    | DispatchPayload
    | DocumentCheckPayload
    | FaceCheckPayload
    | ProbePayload
    | WatchPayload
    | OrderPayload
    | GrantPayload
    | FilesReadPayload
    | SpeechPayload
    | TranscriptPayload
    | PluginPayload
    | ErasedPayload
    | CheckpointPayload
)

_DECODER: msgspec.json.Decoder[Payload] = msgspec.json.Decoder(Payload)


def encode_payload(payload: Struct) -> bytes:
    """Return a payload as canonical JSON: fields in the order of their definition, no spaces.

    Raises:
        AuditError: It is none of `Payload`, or holds what is no text.
    """
    if not isinstance(payload, Payload):
        raise AuditError(f"{type(payload).__name__} is no payload of the log: see hub.audit.records")
    try:
        return msgspec.json.encode(payload)
    except UnicodeEncodeError as error:
        raise AuditError("the entry holds bytes that are no text: write the reason in UTF-8") from error


def decode_payload(data: bytes) -> Payload:
    """Read what `encode_payload` wrote.

    Raises:
        AuditError: It was written by a newer version, or is damaged.
    """
    try:
        return _DECODER.decode(data)
    except msgspec.MsgspecError as error:
        raise AuditError(f"a payload cannot be read: {error}") from error
