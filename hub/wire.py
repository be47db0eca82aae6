"""What travels between the hub and a dashboard: records, and the frames that carry them. Nothing here does I/O.

A frame is a four-byte big-endian length and that many bytes of MessagePack, one tagged record. A dashboard says
`Hello` first; the hub answers `Welcome`, then a `Snapshot`, then what happens. Each request has a number of the
dashboard's own, and exactly one of the hub's messages ends it: `Done`, `Refused`, or the record that was asked for.

Rule C3 holds on this wire: no read is in any record before it is an alert. Rule C12: what an alert holds is sent to
a connection with a signed-in officer only; the others learn how many wait.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta, Struct

from hub.errors import WireError
from hub.events import AlertEvent, Event, SourceState
from hub.messages import (
    TRANSCRIPT_NOTICE,
    ActorHealth,
    Alert,
    AlertState,
    Answer,
    Box,
    CameraHealth,
    Field,
    ListenMode,
    MachineTranslation,
    Picture,
    Reason,
    ReasonCount,
    Requester,
    SubjectKind,
    Utterance,
    WatchHealth,
)

PROTOCOL: Final = 1
"""Both ends must say the same number; it grows with every change that an older end would not understand."""
SOCKET_FILE: Final = "hub.sock"
"""Name of the socket in the state folder."""
LONGEST_REQUEST: Final = 64 * 2**10
"""Bytes of a frame that a dashboard may send."""
LONGEST_GRANT: Final = 60_000
"""Bytes of a grant in a request."""
LONGEST_MESSAGE: Final = 8 * 2**20
"""Bytes of a frame that the hub may send: an alert with its pictures."""
PULSE_SECONDS: Final = 0.5
"""The hub sends a `Pulse` this often, also when nothing happens."""

_LENGTH: Final = struct.Struct(">I")

Number = Annotated[int, Meta(ge=0, le=2**53)]
Word = Annotated[str, Meta(max_length=200)]
Text = Annotated[str, Meta(max_length=2000)]


# --------------------------------------------------------------------------------- from a dashboard to the hub


class _Asks(Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True):
    pass


class _Request(_Asks, frozen=True, kw_only=True):
    request: Number
    """The dashboard's number of this request; the hub's answer names it."""


class Hello(_Asks, frozen=True, tag="hello"):
    """First record of a connection."""

    protocol: Number
    client: Word
    """What attaches, such as ``dashboard``."""


class SignIn(_Request, frozen=True, tag="sign_in"):
    """Sign an officer in on this connection. Ended by `Done`; a `Snapshot` with the officer's alerts comes before."""

    number: Word
    passphrase: Text

    def __repr__(self) -> str:
        """Leave the passphrase out, wherever this is printed."""
        return f"SignIn(request={self.request}, number={self.number!r})"


class SignOut(_Request, frozen=True, tag="sign_out"):
    """End the session of this connection. Ended by `Done`; a `Snapshot` without alerts comes before."""


class ShowAlert(_Request, frozen=True, tag="show_alert"):
    """Ask for an alert with its pictures. Ended by `AlertShown`."""

    alert: Word


class DecideAlert(_Request, frozen=True, tag="decide_alert"):
    """Take a step of an alert. Ended by `AlertShown` with the alert after it; answers of registers follow later."""

    alert: Word
    state: AlertState
    reason: Text
    correction: bool = False
    """True where the step corrects an earlier decision."""


class LookUp(_Request, frozen=True, tag="look_up"):
    """Ask sources. Each answer comes as `AnswerCame` when it is there; ended by `Done`."""

    subject_kind: SubjectKind
    value: Word
    """Plate (``?`` for one unknown character, ``*`` for several), name, or number."""
    reason: Text
    born: Word = ""
    """Day of birth, YYYY-MM-DD, or ""."""
    country: Word = ""
    """Issuing state of a document, three letters, or ""."""
    sources: Annotated[tuple[Word, ...], Meta(max_length=64)] = ()
    """Names of the sources to ask; empty for all that may be asked."""
    grant: Annotated[bytes, Meta(max_length=LONGEST_GRANT)] = b""
    """A signed grant as it came, which opens one restricted source; verified by the hub. Empty for none."""


class ShowAuthority(_Request, frozen=True, tag="show_authority"):
    """Ask on what authority the unit works, besides the sources of each `Pulse`. Ended by `AuthorityShown`."""


class ShowLog(_Request, frozen=True, tag="show_log"):
    """Ask for the newest entries of the log. Ended by `LogShown`."""

    last: Annotated[int, Meta(ge=1, le=500)] = 50
    own: bool = True
    """Only the officer's own, among the newest ten thousand."""


class VerifyLog(_Request, frozen=True, tag="verify_log"):
    """Verify the log. Ended by `LogVerified`."""

    checkpoint: Annotated[str, Meta(max_length=60_000)] = ""
    """Text of a checkpoint kept outside the unit; without one nothing vouches for the log."""


class TakeCheckpoint(_Request, frozen=True, tag="take_checkpoint"):
    """Sign the log's present state, to be kept outside the unit. Ended by `CheckpointTaken`."""


class Watch(_Request, frozen=True, tag="watch"):
    """Ask for the reduced pictures of one camera, in place of another, until the session ends.

    Ended by `Done`; then a `CameraPicture` comes up to five times a second while the camera gives any.
    """

    camera: Word
    """Name of the camera; "" for none."""


class Listen(_Request, frozen=True, tag="listen"):
    """Open the microphone for this connection, until `StopListening`, the end of the session or of the connection.

    Ended by `Done` when it is open. Then come `Heard` and `HearingNow`; every dashboard is told `ListeningChanged`.
    """

    languages: Annotated[tuple[Word, ...], Meta(max_length=100)] = ()
    """Codes of the languages that are expected, such as ``es``; empty for any."""
    open: bool = False
    """True to listen until stopped; a dashboard asks for it only while it shows that it listens."""


class StopListening(_Request, frozen=True, tag="stop_listening"):
    """Close the microphone. Ended by `Done` once what was said until now has come as final `Heard`."""


class SaveTranscript(_Request, frozen=True, tag="save_transcript"):
    """Keep one final utterance of this session until its date, sealed in the log. Ended by `Done`."""

    utterance: Word
    reason: Text


class ShowAnswering(_Request, frozen=True, tag="show_answering"):
    """Ask how somebody can be answered in another language. Ended by `AnsweringShown`."""


class Translate(_Request, frozen=True, tag="translate"):
    """Ask for an English text in another language. Ended by `Translated`."""

    text: Annotated[str, Meta(max_length=1000)]
    target: Word
    """Code of the language, such as ``es``."""


class SayPhrase(_Request, frozen=True, tag="say_phrase"):
    """Have a sentence of the phrasebook said aloud where the hub runs. Ended by `Done` once it was said."""

    phrase: Word
    """Identifier in the phrasebook."""
    language: Word


class ProbeFace(_Request, frozen=True, tag="probe_face"):
    """Compare the one face in front of a camera with the face list in force: one deliberate act. Ended by `Probed`."""

    camera: Word
    """Name of the camera."""
    reason: Text
    list_digest: Word = ""
    """SHA-256 of the list, where several are loaded."""


class StopHub(_Request, frozen=True, tag="stop_hub"):
    """Stop the hub. Ended by `Done`; then the hub says `Stopping` and ends."""


Request: TypeAlias = (
    SignIn
    | SignOut
    | ShowAlert
    | DecideAlert
    | LookUp
    | ProbeFace
    | ShowAuthority
    | ShowLog
    | VerifyLog
    | TakeCheckpoint
    | Watch
    | Listen
    | StopListening
    | SaveTranscript
    | ShowAnswering
    | Translate
    | SayPhrase
    | StopHub
)


# --------------------------------------------------------------------------------- from the hub to a dashboard


class _Tells(Struct, frozen=True, kw_only=True, tag_field="kind"):
    pass


class _Answer(_Tells, frozen=True, kw_only=True):
    request: int
    """The number of the request that this answers."""


class Welcome(_Tells, frozen=True, tag="welcome"):
    """The hub takes the connection."""

    protocol: int
    unit: str
    version: str


class Rejected(_Tells, frozen=True, tag="rejected"):
    """The hub does not take, or no longer keeps, the connection; it closes it next."""

    reason: str


class SourceHealth(Struct, frozen=True):
    """A record source as it stands."""

    state: SourceState
    answers: tuple[SubjectKind, ...]
    """What it can be asked about."""
    usable: bool
    breaker: str
    """``closed`` where it is asked; otherwise why it is left alone for now."""
    asked: int
    unavailable: int
    """Answers that did not come."""


class QueueHealth(Struct, frozen=True):
    """A channel between two actors."""

    queue: str
    waiting: int
    capacity: int
    dropped: int


class Latency(Struct, frozen=True):
    """How long something took lately."""

    what: str
    """Such as ``plates front`` or ``source drivers``."""
    milliseconds: float
    """Median of the newest few."""


class Pulse(_Tells, frozen=True, tag="pulse"):
    """Sign of life twice a second, with what changes all the time."""

    at: datetime
    session_left: float | None
    """Seconds until the session of this connection ends; None where nobody is signed in."""
    open_alerts: int
    """Alerts that wait for a decision."""
    counts: tuple[ReasonCount, ...]
    """Why nothing, since the hub started."""
    queues: tuple[QueueHealth, ...]
    sources: tuple[SourceHealth, ...]
    latencies: tuple[Latency, ...] = ()
    watch: WatchHealth | None = None
    """The deployment order under which faces are watched for; None where there is none."""


class Snapshot(_Tells, frozen=True, tag="snapshot"):
    """Everything that a dashboard shows, as of now; it replaces what was shown before."""

    at: datetime
    officer: Requester | None
    """Who is signed in on this connection."""
    cameras: tuple[CameraHealth, ...]
    actors: tuple[ActorHealth, ...]
    alerts: tuple[AlertEvent, ...]
    """Open ones, and the newest of the others, oldest first, for a signed-in officer; empty for everybody else."""
    parked: tuple[str, ...]
    """Plugins that could not be used, each with its reason."""
    development: bool
    """True where unsigned lists are allowed; shown on every screen."""
    detail: str
    """What was found at the start of the hub, such as look-ups that had been interrupted; "" where nothing was."""
    pulse: Pulse
    listening: ListenMode = ListenMode.OFF
    """Whether the microphone is open, for whichever dashboard."""


class Told(_Tells, frozen=True, tag="told"):
    """Something happened. An `hub.events.AlertEvent` comes to a signed-in officer only."""

    event: Event


class Lagged(_Tells, frozen=True, tag="lagged"):
    """The dashboard was too slow and missed events; a `Snapshot` comes next."""

    missed: int


class SeenBox(Struct, frozen=True):
    """A text region in a camera's picture, without what it says (C3)."""

    box: Box
    """In pixels of the frame as it was captured."""
    reason: Reason


class CameraPicture(_Tells, frozen=True, tag="camera_picture"):
    """A camera's picture with everything redacted (C8), at most a few a second."""

    camera: str
    at: datetime
    picture: Picture
    frame_width: int
    """Width of the frame in which the boxes lie; the picture may be smaller."""
    frame_height: int
    boxes: tuple[SeenBox, ...]


class Heard(_Tells, frozen=True, tag="heard"):
    """What somebody said, to the connection that listens; a later record of the same utterance replaces it."""

    utterance: Utterance
    notice: str = TRANSCRIPT_NOTICE
    """Stands beside every transcript."""


class HearingNow(_Tells, frozen=True, tag="hearing_now"):
    """About four times a second while this connection listens."""

    level: float
    """Loudness of the last moment in dB of full scale, -120 to 0."""
    speaking: bool
    """True while the voice detector hears somebody."""
    waiting: int
    """Utterances that wait to be understood."""
    dropped: int
    """Utterances that were given up since listening began because too many waited: the oldest went."""
    lost: float = 0.0
    """Seconds of sound since listening began that nobody had time for."""


class Stopping(_Tells, frozen=True, tag="stopping"):
    """The hub ends in good order; the connection closes next."""

    cause: str


class Done(_Answer, frozen=True, tag="done"):
    """It is done."""

    text: str


class Refused(_Answer, frozen=True, tag="refused"):
    """It was not done."""

    reason: str
    sign_in: bool = False
    """True where signing in is what is missing."""


class AlertShown(_Answer, frozen=True, tag="alert_shown"):
    """An alert with its pictures."""

    alert: Alert
    repeats: int
    """Further hits of the same entry that it stands for."""


class AnswerCame(_Answer, frozen=True, tag="answer_came"):
    """One source's answer; more may come."""

    answer: Answer


class ProbeEntry(Struct, frozen=True):
    """An entry that a probed face resembles."""

    entry: str
    similarity: float
    margin: float | None
    """By how much more than the next entry; None where there is no other."""
    category: str
    name: str
    instruction: str
    """What the officer is to do."""


class Probed(_Answer, frozen=True, tag="probed"):
    """What came of a probe. A candidate is an alert as well, which another officer adjudicates."""

    status: str
    """``candidate``, ``ambiguous``, ``no_candidate`` or ``not_compared``."""
    candidates: tuple[ProbeEntry, ...]
    """Who is missing or in danger first."""
    reason: str


class OrderShown(Struct, frozen=True):
    """A deployment order that an officer loaded, as it was signed; whether it is in force now is in each `Pulse`."""

    order: str
    purpose: str
    place: str
    """In words: cameras by name, or how many corners its area has."""
    begins: datetime
    ends: datetime
    list_digest: str
    impact_assessment: str
    authorisation: str
    officer: str
    """Number of the officer who loaded it."""


class FaceListShown(Struct, frozen=True):
    """A face list on this unit, as its file says: it is verified again before each use."""

    name: str
    issuer: str
    authority: str
    """Legal authority under which it was issued."""
    legal_basis: str
    purpose: str
    place: str
    category: str
    entries: int
    version: int
    created: datetime
    expires: datetime
    digest: str


class GrantShown(Struct, frozen=True):
    """A grant that was used since the hub started. Whom it is about stays in the log."""

    grant: str
    source: str
    fields: tuple[str, ...]
    legal_basis: str
    reference: str
    expires: datetime
    officer: str
    """Number of the officer who used it last."""
    used: datetime


class AuthorityShown(_Answer, frozen=True, tag="authority_shown"):
    """On what authority the unit works."""

    order: OrderShown | None
    face_lists: tuple[FaceListShown, ...]
    grants: tuple[GrantShown, ...]


class LogLine(Struct, frozen=True):
    """One entry of the log."""

    index: int
    at: datetime
    act: str
    officer: str
    """Number of the officer; "" for the unit itself."""
    role: str
    outcome: str
    camera: str
    source: str
    particulars: tuple[Field, ...]
    """What its payload says; empty where there is none."""
    payload: str
    """``open``, ``none``, ``destroyed`` or ``sealed``."""


class LogShown(_Answer, frozen=True, tag="log_shown"):
    """Entries of the log, oldest first."""

    lines: tuple[LogLine, ...]


class LogVerified(_Answer, frozen=True, tag="log_verified"):
    """Whether the log verifies."""

    ok: bool
    """True where it is whole and a checkpoint from outside the unit vouches for it."""
    entries: int
    first_bad: int | None
    witnessed: bool
    reason: str


class CheckpointTaken(_Answer, frozen=True, tag="checkpoint_taken"):
    """A signed checkpoint."""

    text: str


class TranslatorHealth(Struct, frozen=True):
    """A translator as it stands."""

    translator: str
    targets: tuple[str, ...]
    """Codes of the languages that it writes from English; empty where it cannot be used."""
    problem: str
    """Why not, or what to install; "" where nothing is to be said."""


class AnsweringShown(_Answer, frozen=True, tag="answering_shown"):
    """How somebody can be answered in another language. The phrasebook itself is on both sides of the socket."""

    translators: tuple[TranslatorHealth, ...]
    signed: tuple[Field, ...]
    """Languages of the phrasebook that a translator has signed: code and name; the others stand under the mark."""
    speaks: bool
    """True where a sentence can be said aloud."""


class Translated(_Answer, frozen=True, tag="translated"):
    """What a translator made of a text."""

    made: MachineTranslation
    notice: str = TRANSCRIPT_NOTICE
    """Stands beside every translation."""


Message: TypeAlias = (
    Welcome
    | Rejected
    | Pulse
    | Snapshot
    | Told
    | Lagged
    | CameraPicture
    | Heard
    | HearingNow
    | Stopping
    | Done
    | Refused
    | AlertShown
    | AnswerCame
    | Probed
    | AuthorityShown
    | LogShown
    | LogVerified
    | CheckpointTaken
    | AnsweringShown
    | Translated
)


# ------------------------------------------------------------------------------------------------- frames

_encoder: Final = msgspec.msgpack.Encoder()
_requests: Final[msgspec.msgpack.Decoder[Hello | Request]] = msgspec.msgpack.Decoder(Hello | Request)
_messages: Final[msgspec.msgpack.Decoder[Message]] = msgspec.msgpack.Decoder(Message)


def pack_request(record: Hello | Request) -> bytes:
    """Return a dashboard's record as a frame.

    Raises:
        WireError: It is longer than `LONGEST_REQUEST`.
    """
    return _pack(record, LONGEST_REQUEST)


def pack_message(record: Message) -> bytes:
    """Return a record of the hub's as a frame.

    Raises:
        WireError: It is longer than `LONGEST_MESSAGE`.
    """
    return _pack(record, LONGEST_MESSAGE)


def _pack(record: Struct, limit: int) -> bytes:
    body = _encoder.encode(record)
    if len(body) > limit:
        raise WireError(f"a frame of {len(body)} bytes is too long: at most {limit}")
    return _LENGTH.pack(len(body)) + body


def unpack_request(body: bytes) -> Hello | Request:
    """Return the record in a dashboard's frame.

    Raises:
        WireError: It is none, whatever the bytes are.
    """
    try:
        return _requests.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise WireError("a frame holds no request of this protocol") from error


def unpack_message(body: bytes) -> Message:
    """Return the record in a frame of the hub's.

    Raises:
        WireError: It is none, whatever the bytes are.
    """
    try:
        return _messages.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise WireError("a frame holds no message of this protocol") from error


class Frames:
    """Cuts a stream of bytes into the bodies of its frames, however the bytes arrive.

    Args:
        limit: Most bytes of a body.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Take in what came."""
        self._buffer += data

    def next(self) -> bytes | None:
        """Return the next whole body, or None until more has come.

        Raises:
            WireError: A frame announces more than the limit; nothing after it can be told apart.
        """
        if len(self._buffer) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._buffer)
        if length > self._limit:
            raise WireError(f"a frame announces {length} bytes: at most {self._limit}")
        end = _LENGTH.size + length
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[_LENGTH.size : end])
        del self._buffer[:end]
        return body

    @property
    def partial(self) -> bool:
        """True where the beginning of a frame is there, but not all of it."""
        return bool(self._buffer)


# ------------------------------------------------------------------------------------------------ address


@contextmanager
def reachable(path: Path) -> Iterator[str]:
    """Give a name under which a socket can be bound and reached, for the block, however long its path is.

    An address has room for 107 bytes; a longer path is reached through the open folder.

    Raises:
        OSError: The folder cannot be opened.
    """
    if len(bytes(path)) <= 107:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
