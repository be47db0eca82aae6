"""The vocabulary: every record that crosses a channel, a store's edge or the wire.

Frozen msgspec structs and enumerations only; no behaviour beyond what a record can say of itself, no I/O, and no
import but the standard library and msgspec (arrays are named for the type checker alone, so a record that holds
pixels cannot be encoded by accident). Times are timezone-aware UTC; boxes are whole pixels of the frame they name.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]
    Probabilities: TypeAlias = NDArray[np.float32]
    Samples: TypeAlias = NDArray[np.float32]
else:
    Pixels = Any
    Probabilities = Any
    Samples = Any


# --------------------------------------------------------------------------------------------- frames


class Box(Struct, frozen=True):
    """An upright rectangle in pixels of its frame."""

    x: int
    """Left edge, 0 at the left of the frame."""
    y: int
    """Top edge, 0 at the top of the frame."""
    w: int
    """Width, at least 1."""
    h: int
    """Height, at least 1."""


class SourceKind(StrEnum):
    """How frames arrive, which decides what may be dropped."""

    STILL = "still"
    """Photos and folders: lossless, every frame stands alone."""
    PACED = "paced"
    """A video file played at its own speed: newest frame wins."""
    LOSSLESS = "lossless"
    """A video file run to its end: capture waits for its readers."""
    LIVE = "live"
    """A camera or stream: newest frame wins."""

    @property
    def newest_wins(self) -> bool:
        """True where an older frame gives way to a newer one."""
        return self in (SourceKind.PACED, SourceKind.LIVE)


class Frame(Struct, frozen=True, eq=False):
    """One picture in memory. Never encoded, never written."""

    camera: str
    """Name of the camera or source."""
    number: int
    """Counts from 0 over the life of the source."""
    at: datetime
    """Wall time at which the frame was taken or read."""
    position: float
    """Seconds from the start of the medium; for live sources since it was opened."""
    kind: SourceKind
    """How frames of this source arrive."""
    origin: str
    """File name, or the address of a stream without its credentials."""
    image: Pixels
    """uint8 [height, width, 3], BGR, read-only."""


class FrameGap(Struct, frozen=True):
    """A frame that was expected and could not be decoded."""

    camera: str
    """Name of the camera or source."""
    number: int
    """The number that the frame would have had."""
    origin: str
    """File name, or the address of a stream without its credentials."""
    detail: str
    """One line that says why."""


class Reason(StrEnum):
    """Why a frame or a read went nowhere, or where it went: exactly one for each."""

    # a frame
    READ = "read"
    """The frame holds at least one text region that passed every gate."""
    NO_TEXT = "no_text"
    """No region of the frame looks like text."""
    UNREADABLE = "unreadable_frame"
    """The frame could not be decoded."""
    REPLACED = "replaced_by_newer"
    """A newer frame of a live source took its place."""
    READER_UNAVAILABLE = "reader_unavailable"
    """The plate reader raised or did not answer within its deadline."""
    STOPPED = "stopped"
    """The hub was told to stop before the frame was looked at."""
    # a region or a read (a frame without a read takes the reason of its best region)
    TOO_SMALL = "too_small"
    """Characters are too few pixels high."""
    BLURRED = "blurred"
    """Too little detail to tell characters apart."""
    WRONG_SHAPE = "wrong_shape"
    """Not the proportions or the place of a plate."""
    LOW_CHARACTER = "low_character_confidence"
    """At least one character is too doubtful."""
    NO_GRAMMAR = "no_grammar_fits"
    """No jurisdiction issues such a plate."""
    NOT_A_PLATE = "text_is_no_plate"
    """A badge, lettering, sign, watermark or burnt-in date."""
    # a track
    TOO_FEW_VOTES = "too_few_votes"
    """The track ended before enough frames agreed."""
    SAME_VEHICLE = "same_vehicle"
    """Read before and still there (a parked car), or another part of the same track."""
    # a read that was looked up
    NOT_LISTED = "not_listed"
    """No automatic source lists it."""
    UNAVAILABLE = "source_unavailable"
    """No automatic source could answer."""
    NO_SOURCE = "no_source"
    """No automatic source is loaded."""
    ALERT = "alert"
    """It became an alert."""
    SAME_ALERT = "same_alert"
    """The same entry has an open alert already."""
    # a frame that is looked at for faces
    FACES = "faces"
    """The frame holds at least one face."""
    NO_FACE = "no_face"
    """No face was found in the frame."""
    NO_ORDER = "no_order"
    """No deployment order is in force here and now: nothing is looked for and nothing compared."""
    ENGINE_UNAVAILABLE = "face_engine_unavailable"
    """The face engine raised or did not answer within its deadline."""
    # a face, over its track (the flaws are those of `hub.vision.face_quality`)
    CUT = "cut_by_the_border"
    FACE_TOO_SMALL = "face_too_small"
    TURNED = "face_turned"
    TOO_DARK = "face_too_dark"
    TOO_BRIGHT = "face_too_bright"
    FLAT = "face_without_contrast"
    FACE_BLURRED = "face_blurred"
    NO_LIST = "no_list_open"
    """The order is in force and its list is not open, or not yet: nothing is compared."""
    NOT_RESEMBLED = "resembles_no_entry"
    """It was compared once with the list in force, and no entry reached the threshold."""


# --------------------------------------------------------------------------------------------- plates


class PlateEvidence(Struct, frozen=True, eq=False):
    """What a plate reader saw in one text region, before any decision.

    A confusion network: each slot is a place where at most one character stands. `hub.plates` alone turns it into
    readings.
    """

    box: Box
    """Region in the frame, upright."""
    corners: tuple[tuple[float, float], ...]
    """Four corners in the frame, clockwise from the text's top left."""
    slots: Probabilities
    """float32 [slots, len(SYMBOLS) + 1]; rows sum to at most 1; the last column is "no character here".
    Columns follow `hub.plates.alphabet.SYMBOLS`; what is missing to 1 belongs to characters outside of it."""
    lines: tuple[int, ...]
    """Number of slots in each line of text, top to bottom; they add up to ``len(slots)``."""
    breaks: Probabilities
    """float32 [slots]: probability that a separator (space, dash, emblem) stands before the slot."""
    centres: Probabilities
    """float32 [slots]: horizontal place of each slot in the region, 0 at its left to 1 at its right."""
    text: str
    """What the reader would say by itself, for diagnosis in memory only."""
    score: float
    """Detector's probability that this is text, 0 to 1."""
    sharpness: float
    """Detail in the region, 0 (flat) to 1; see `hub.vision.quality`."""
    look: float = 0.5
    """How much the region looks like a number on a plate rather than lettering, 0 to 1; 0.5 where the reader does not
    say; see `hub.vision.quality.plate_look`."""


class CharacterRead(Struct, frozen=True):
    """One character of a reading."""

    text: str
    """One symbol of `hub.plates.alphabet.SYMBOLS`, or "?" where none is known."""
    probability: float
    """Of this symbol in its place, 0 to 1."""


class RegionFit(Struct, frozen=True):
    """A jurisdiction whose grammar a reading fits."""

    code: str
    """ISO 3166-1 alpha-2, or alpha-2 and subdivision such as ``US-CA``."""
    probability: float
    """Share of this jurisdiction among those that fit, 0 to 1."""


class Reading(Struct, frozen=True):
    """One way to read a plate."""

    plate: str
    """Letters and digits without separators, upper case."""
    confidence: float
    """Probability of this reading among all, 0 to 1, on the reader's own scale."""
    regions: tuple[RegionFit, ...]
    """Jurisdictions that issue such a plate, most probable first."""
    characters: tuple[CharacterRead, ...]
    """One for each character of `plate`."""


class PlateRead(Struct, frozen=True, eq=False):
    """One vehicle's plate as read over its track; for photos over the one picture."""

    camera: str
    """Camera that saw it."""
    track: int
    """Number of the track in its camera."""
    origin: str
    """File or stream it comes from."""
    kind: SourceKind
    """How frames of this source arrive."""
    first_seen: float
    """Seconds from the start of the medium."""
    last_seen: float
    """Seconds from the start of the medium."""
    at: datetime
    """Wall time of the read."""
    frames: int
    """Frames in which the track was seen."""
    votes: int
    """Frames whose own reading agrees with the best one."""
    box: Box
    """Region in the best frame."""
    readings: tuple[Reading, ...]
    """Ranked, best first; at least one."""
    slots: Probabilities
    """Evidence summed over the track, as in `PlateEvidence.slots`."""
    crop: Pixels | None
    """The plate's pixels in the best frame, in memory until an alert redacts and keeps them."""
    scene: Pixels | None
    """The best frame, in memory until an alert redacts and keeps it."""


# --------------------------------------------------------------------------------------------- look-ups


class Reach(StrEnum):
    """When a source may be asked (C5). Undeclared is restricted."""

    AUTOMATIC = "automatic"
    """Closed lists of wanted, missing or stolen: all that a plate read may start."""
    ON_REQUEST = "on_request"
    """Registers: an officer with a reason, or an alert adjudicated true."""
    RESTRICTED = "restricted"
    """Only under a signed grant."""


class SubjectKind(StrEnum):
    """What a look-up is about."""

    PLATE = "plate"
    PERSON = "person"
    DOCUMENT = "document"


class PlateQuery(Struct, frozen=True, eq=False):
    """Asks for a plate."""

    readings: tuple[Reading, ...]
    """Ranked readings; one with probability 1 where an officer typed it. "?" stands for one unknown character and
    "*" for any number of them (a partial plate)."""
    slots: Probabilities | None
    """Evidence as in `PlateEvidence.slots`, or None where the plate was typed."""


class PersonQuery(Struct, frozen=True):
    """Asks for a person."""

    name: str
    """As the officer wrote it, any order, any script that ICAO transliterates."""
    birth_date: date | None
    """Day of birth, where known."""


class DocumentQuery(Struct, frozen=True):
    """Asks for a document."""

    number: str
    """Upper case, without fillers."""
    country: str
    """Issuing state, ICAO 9303 three letters, or ""."""


Subject: TypeAlias = PlateQuery | PersonQuery | DocumentQuery


class Query(Struct, frozen=True, eq=False):
    """What a source sees: the subject and nothing else, no frame and no other source's answer."""

    lookup: str
    """Identifier of the look-up."""
    subject: Subject
    """What is asked."""
    now: datetime
    """Wall time of the look-up."""
    fields: tuple[str, ...] = ()
    """Fields that a grant allows, so that a restricted source need fetch no others besides what names the subject;
    empty for every other source."""
    reference: str = ""
    """Reference of the grant's legal basis, for the source's own account; "" for every other source."""
    within: float | None = None
    """Highest cost at which a plate counts on this source's list, in nats, so that a store need not fetch others; None
    where the host did not say."""


class Field(Struct, frozen=True):
    """One field of a record, from the closed schema in `hub.records`."""

    name: str
    value: str


class Record(Struct, frozen=True):
    """A candidate record after the host's closed schema was applied."""

    entry: str
    """The source's own identifier of the entry."""
    fields: tuple[Field, ...]
    """In the schema's order."""

    def get(self, name: str) -> str:
        """Return the value of a field, or "" where the record has none."""
        return next((field.value for field in self.fields if field.name == name), "")


class AlignedCharacter(Struct, frozen=True):
    """One column of an alignment between a read and an entry."""

    read: str
    """Character read, "" where the entry has one more, "?" where unknown."""
    entry: str
    """Character of the entry, "" where the read has one more."""
    probability: float
    """Probability that the reader gave to the entry's character in this place, 0 to 1."""
    cost: float
    """What this column adds to the cost, in nats; 0 where they agree."""


class HitKind(StrEnum):
    """How an entry agrees with a read."""

    EXACT = "exact"
    FOLDED = "folded"
    """Equal once look-alikes (O and 0, I and 1, ...) are written the same."""
    FUZZY = "fuzzy"
    """Within the cost limit."""
    PARTIAL = "partial"
    """Equal where the plate is known."""
    PERSON = "person"
    """A person candidate under the rule of `hub.names`."""
    DOCUMENT = "document"
    """Same number and state."""
    FACE = "face"
    """A face resembles the entry's reference photo more than the threshold asks."""


class Hit(Struct, frozen=True):
    """A record together with why it was found."""

    kind: HitKind
    record: Record
    cost: float
    """In nats, 0 for an exact hit; for persons the number of differences; for faces 0, see `similarity`."""
    limit: float
    """Highest cost that still counts, for this list."""
    aligned: tuple[AlignedCharacter, ...]
    """Empty for persons and documents."""
    region_agrees: bool | None
    """Whether the entry's region is among the read's; None where either is unknown."""
    ambiguous: bool
    """True where another entry has the same cost: neither is put first."""
    competing: tuple[str, ...]
    """Other entries within the limit, by identifier."""
    why: str
    """One sentence for the officer."""
    similarity: float | None = None
    """Of a face with the entry's reference, -1 to 1; None for everything else."""
    margin: float | None = None
    """By how much a face is more similar to this entry than to the next one; None where there is no other."""


class AnswerStatus(StrEnum):
    """What a source answered."""

    HIT = "hit"
    AMBIGUOUS = "ambiguous"
    NO_HIT = "no_hit"
    UNAVAILABLE = "unavailable"
    REFUSED = "refused"


class Answer(Struct, frozen=True):
    """One source's answer to one look-up."""

    lookup: str
    source: str
    reach: Reach
    status: AnswerStatus
    hits: tuple[Hit, ...]
    """Best first; empty unless `status` is hit or ambiguous."""
    milliseconds: float
    """From asking to answer, on the monotonic clock."""
    explanation: str
    """One sentence: why, or why not."""
    list_digest: str
    """SHA-256 of the closed list that was consulted, "" for registers."""
    development: bool
    """True where the list is unsigned and allowed only by ``--development``."""
    withheld: int = 0
    """Fields and records of a restricted source that its grant does not cover; they went no further."""


class TakingPart(StrEnum):
    """How the person whose face is checked against a document takes part (C1)."""

    HANDED_OVER = "handed_over"
    """The person handed the document over."""
    ASKED_FOR = "asked_for"
    """The person asked for the check."""
    UNABLE = "unable"
    """The person is unable to take part, such as somebody unconscious; why is stated."""


class Requester(Struct, frozen=True):
    """Who asks: the officer of a checked session, or the unit itself for automatic look-ups."""

    officer: str
    """Officer's number; "" for the unit itself."""
    role: str
    """Role of the officer; "unit" for the unit itself."""
    unit: str
    """Name of the unit."""


class LookupRequest(Struct, frozen=True, eq=False):
    """An officer's look-up, or an automatic one."""

    lookup: str
    """Identifier, unique."""
    subject: Subject
    requester: Requester
    reason: str
    """Mandatory for an officer; "" for an automatic look-up."""
    sources: tuple[str, ...]
    """Names of the sources to ask; empty for all that are eligible."""
    at: datetime
    grant: bytes = b""
    """A signed grant as it came, which opens one restricted source; verified at each use. Empty for none."""


# --------------------------------------------------------------------------------------------- speech


TRANSCRIPT_NOTICE: Final = "machine translation, not evidence"
"""Stands beside every transcript."""


class ListenMode(StrEnum):
    """How the microphone listens."""

    OFF = "off"
    PUSH_TO_TALK = "push_to_talk"
    """From one key press to the next, and a minute at most."""
    OPEN = "open"
    """Until it is stopped; only while the dashboard that asked for it is attached and shows that it listens."""


class SoundBlock(Struct, frozen=True, eq=False):
    """32 ms of sound in memory. Never encoded, never written."""

    start: float
    """Seconds from the start of the medium, or since listening began."""
    samples: Samples
    """float32 [512], 16 kHz, -1 to 1, read-only."""


class UtteranceState(StrEnum):
    """What an utterance stands for."""

    PROVISIONAL = "provisional"
    """Somebody still speaks: the text may change, but for the part that two decodes agree on."""
    UNDERSTOOD = "understood"
    """Final: original and translation, with the doubt that is left in words."""
    NOT_UNDERSTOOD = "not_understood"
    """Final: a guard says that the text may be invented, so there is none."""
    NOT_EXPECTED = "not_expected"
    """Final: it is not one of the languages that the officer expects, so nothing was written down."""


class Utterance(Struct, frozen=True):
    """What somebody said between two silences, as a machine heard it: not evidence, and matched against nothing."""

    utterance: str
    """Identifier; every record of one utterance has the same."""
    source: str
    """``microphone``, or the file's name."""
    at: datetime
    """Wall time at which it began; for a file as if it had been played from when it was opened."""
    start: float
    """Seconds from the start of the medium, or since listening began."""
    end: float
    """Seconds; up to now while it is provisional."""
    state: UtteranceState
    language: str
    """ISO 639-1 code (639-3 where there is none); "" where it is not known."""
    probability: float
    """Of that language among all that the model knows, 0 to 1."""
    original: str
    """In the language that was spoken; "" where it was not understood."""
    translation: str
    """In English; the original where that is English; "" while provisional."""
    doubt: str
    """One line in words that says what is doubtful, or why there is no text; "" where nothing is."""
    confirmed: int = 0
    """Characters from the start of `original` that two decodes agreed on; all of them once it is final."""


class MachineTranslation(Struct, frozen=True):
    """What a translator made of an officer's words: shown under `TRANSCRIPT_NOTICE`, kept nowhere."""

    translator: str
    """Name of the translator that made it."""
    source: str
    """ISO 639-1 code (639-3 where there is none) of the text's language."""
    target: str
    text: str
    """One line in the target language."""
    unknown: tuple[str, ...]
    """Words that were not translated; they stand in the text as they were, or in square brackets."""


# --------------------------------------------------------------------------------------------- alerts


class AlertState(StrEnum):
    """States of an alert (C6), in South Wales Police's terms."""

    ALERT = "alert"
    ADJUDICATED_TRUE = "adjudicated_true"
    ADJUDICATED_FALSE = "adjudicated_false"
    ENGAGED = "engaged"
    CONFIRMED_TRUE = "confirmed_true"
    CONFIRMED_FALSE = "confirmed_false"
    EXPIRED = "expired"


_MISSING: Final = ("missing", "vulnerable", "child")


def is_missing(category: str) -> bool:
    """Say whether a category is of somebody missing or in danger; such alerts come first, everywhere."""
    return any(word in category for word in _MISSING)


class Picture(Struct, frozen=True):
    """A picture that may leave memory: redacted by default-deny (C8), JPEG."""

    jpeg: bytes
    width: int
    height: int


class Step(Struct, frozen=True):
    """One step of an alert's life."""

    state: AlertState
    at: datetime
    officer: str
    """Number of the officer; "" where the unit or time did it."""
    reason: str
    corrects: int | None = None
    """Index of the step that this one corrects, or None."""


class Alert(Struct, frozen=True):
    """A candidate that waits for, or has had, an officer's decision."""

    alert: str
    """Identifier, unique."""
    unit: str
    camera: str
    raised_by: str
    """Number of the officer whose act raised it; "" for the unit itself."""
    at: datetime
    source: str
    hit: Hit
    readings: tuple[Reading, ...]
    category: str
    """The entry's category, such as ``stolen_vehicle`` or ``missing_person``."""
    list_digest: str
    development: bool
    state: AlertState
    steps: tuple[Step, ...]
    decide_by: datetime
    """An undecided alert ends here (C11)."""
    keep_until: datetime
    """The date on which everything of it is gone (C11)."""
    crop: Picture | None
    scene: Picture | None
    answers: tuple[Answer, ...] = ()
    """Answers of sources asked after it was adjudicated true."""
    reference: Picture | None = None
    """The entry's reference photo, to be seen beside `crop`; None for everything but faces."""


class FaceCandidate(Struct, frozen=True, eq=False):
    """A face that resembles an entry of the list in force: under an order, or by an officer's probe. Never encoded."""

    camera: str
    """Camera that saw it; "" for a picture file."""
    track: int
    """Number of the track in its camera."""
    at: datetime
    """Wall time of the frame that shows it best."""
    first_seen: float
    """Seconds from the start of the medium."""
    last_seen: float
    """Seconds from the start of the medium."""
    views: int
    """Pictures of it whose embeddings were pooled, weighted by quality."""
    box: Box
    """Where it is in `scene`."""
    scene: Pixels
    """The frame that shows it best, in memory until an alert redacts and keeps it."""
    others: tuple[Box, ...]
    """Other faces in `scene`, of each of which the alert keeps one colour."""
    order: str
    """Identifier of the deployment order; "" for a probe."""
    references: tuple[tuple[str, bytes], ...]
    """For each entry that it resembles the entry's identifier and reference photo, JPEG."""


class RaisedHit(Struct, frozen=True, eq=False):
    """What a look-up hands to the alerts: a source's hit with the read that it is about."""

    read: PlateRead | None
    """The read, with its pixels; None where an officer's act raised it without one."""
    answer: Answer
    """Status hit or ambiguous. Its `lookup` names the look-up: several answers of one belong to one read."""
    requester: Requester
    """Whose act it was: the unit itself for an automatic look-up and for a watch."""
    face: FaceCandidate | None = None
    """The face that it is about; None for everything else."""


class Dispatch(Struct, frozen=True):
    """An adjudicated alert on its way to the desk; its identifier makes delivery idempotent."""

    dispatch: str
    alert: str
    unit: str
    at: datetime
    officer: str
    category: str
    plate: str
    entry: str
    source: str
    state: AlertState
    reason: str
    correction: bool = False


# --------------------------------------------------------------------------------------------- orders and position


class Fix(Struct, frozen=True):
    """Where the unit is, as a receiver said."""

    latitude: float
    """Degrees, north positive, -90 to 90."""
    longitude: float
    """Degrees, east positive, -180 to 180."""
    at: float
    """Running time (CLOCK_BOOTTIME) in seconds at which it came."""
    accuracy: float
    """Metres within which the receiver believes it is, over 0."""


class OrderReason(StrEnum):
    """Whether a deployment order is in force here and now, and why not."""

    IN_FORCE = "in_force"
    NO_ORDER = "no_order"
    """No order is loaded."""
    # not now or not here; it may be in force again
    NOT_BEGUN = "order_not_begun"
    OTHER_CAMERA = "camera_not_in_order"
    NO_FIX = "no_position"
    """No fix, one older than 30 s, or one too inaccurate to say."""
    OUTSIDE = "outside_the_place"
    """The newest fix lies outside; it ends the order unless one inside follows within 30 s."""
    # ended, for good
    WINDOW_OVER = "order_window_over"
    WITHDRAWN = "order_withdrawn"
    CLOCK_SET_BACK = "clock_set_back"
    LEFT_PLACE = "left_the_place"
    OTHER_LIST = "list_changed"


class OrderStanding(Struct, frozen=True):
    """How an order stands. Where it is not in force, nothing is compared and no template stays in memory."""

    order: str
    """Identifier; "" where there is none."""
    reason: OrderReason
    ended: bool = False
    """True where it will not be in force again."""

    @property
    def in_force(self) -> bool:
        """Whether faces may be compared."""
        return self.reason is OrderReason.IN_FORCE


# --------------------------------------------------------------------------------------------- account


class Act(StrEnum):
    """What an entry of the log accounts for (C7)."""

    UNIT_START = "unit_start"
    UNIT_STOP = "unit_stop"
    CONFIGURATION = "configuration"
    OFFICER_ADDED = "officer_added"
    OFFICER_REMOVED = "officer_removed"
    PASSPHRASE_CHANGED = "passphrase_changed"  # noqa: S105 - the name of an act
    SIGN_IN = "sign_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGN_OUT = "sign_out"
    LIST_LOADED = "list_loaded"
    """An officer loads a closed list."""
    LIST_OPENED = "list_opened"
    """The unit begins to use a list that an officer has loaded."""
    LIST_REFUSED = "list_refused"
    LIST_ENDED = "list_ended"
    LOOKUP = "lookup"
    LOOKUP_DONE = "lookup_done"
    LOOKUP_REFUSED = "lookup_refused"
    AUTOMATIC_OPENED = "automatic_opened"
    """Automatic look-ups of one camera begin in this minute."""
    AUTOMATIC_COUNTED = "automatic_counted"
    """Number of automatic look-ups by camera, source and minute: asked, hit, unavailable."""
    ALERT_RAISED = "alert_raised"
    ALERT_DECIDED = "alert_decided"
    ALERT_EXPIRED = "alert_expired"
    DISPATCHED = "dispatched"
    DOCUMENT_CHECK = "document_check"
    """The lines of a document are checked; a look-up of its number has entries of its own."""
    FACE_CHECK = "face_check"
    """A live picture is compared with a document's, one to one; a second entry has what came of it."""
    PROBE = "probe"
    """A face is compared with the face list in force; a second entry has what came of it."""
    WATCH = "watch"
    """Watching under a deployment order begins, is refused, or has ended."""
    FILES_READ = "files_read"
    SPEECH_HEARD = "speech_heard"
    """Files are translated, or an officer opens the microphone. What was said is not in it."""
    TRANSCRIPT_SAVED = "transcript_saved"
    """An officer keeps one utterance: its text is the entry's payload, sealed, until its date."""
    RECORDS_IMPORTED = "records_imported"
    PLUGIN_PARKED = "plugin_parked"
    TRUST_UPDATE = "trust_update"
    """An officer hands the unit an update of what its authority says: who may issue, which lists are in force."""
    ORDER = "order"
    GRANT = "grant"
    ERASED = "erased"
    CHECKPOINT = "checkpoint"


class Entry(Struct, frozen=True):
    """One entry of the log before it is sealed."""

    act: Act
    at: datetime
    requester: Requester
    outcome: str
    """Short word such as ``asked``, ``refused``, ``adjudicated_true``; never personal data."""
    payload: Struct | None
    """A frozen struct with the particulars (reason, subject, counts): sealed, destructible on its date."""
    camera: str = ""
    """Camera that it is about, for the yearly statistics; "" where none is."""
    source: str = ""
    """Source that it is about, comma-separated where several are, for the yearly statistics."""
    payload_until: datetime | None = None
    """Date on which payload and nonce are destroyed where that is before the retention table's, which the log knows."""


# --------------------------------------------------------------------------------------------- events and health


class ActorState(StrEnum):
    """State of a supervised actor."""

    STARTING = "starting"
    RUNNING = "running"
    BACKING_OFF = "backing_off"
    PARKED = "parked"
    STOPPED = "stopped"
    DONE = "done"


class ActorHealth(Struct, frozen=True):
    """Health of one actor."""

    actor: str
    state: ActorState
    restarts: int
    detail: str


class CameraHealth(Struct, frozen=True):
    """Health of one camera."""

    camera: str
    open: bool
    stalled: bool
    frames: int
    reopened: int
    detail: str


class PositionHealth(Struct, frozen=True):
    """Health of the position source. It does not say where the unit is."""

    source: str
    """What is read, such as ``gpsd``."""
    open: bool
    fix: bool
    """Whether the newest fix is young enough for an order."""
    reopened: int
    refused: int
    """Sentences or reports that were damaged, impossible or not new."""
    detail: str


class WatchHealth(Struct, frozen=True):
    """A watch under a deployment order, as it stands. It names nobody."""

    order: str
    """Identifier of the order."""
    reason: OrderReason
    """Whether it is in force, and why not."""
    ended: bool
    """True where it will not be in force again."""
    purpose: str
    ends: datetime
    list_name: str
    """"" before the list was opened for the first time."""
    list_digest: str
    entries: int
    """Entries whose templates are in memory now."""
    expected: float
    """False alerts expected in an hour; 0 while nothing is open."""
    compared: int
    """Faces that were compared, once each."""
    detail: str
    """Why the list is not open although the order is in force, "" where it is."""
    development: bool = False
    """Whether it watches with ``--development``: pictures in files, or cameras that the configuration lacks."""
    position: str = ""
    """What says where the unit is, such as ``gpsd``, ``fixed`` or ``replay``; "" where the order's place is cameras."""


class ReasonCount(Struct, frozen=True):
    """How often a reason was given on a camera."""

    camera: str
    stage: str
    """``frame``, ``region``, ``track``, ``read``, ``face_frame`` or ``face``."""
    reason: Reason
    count: int
