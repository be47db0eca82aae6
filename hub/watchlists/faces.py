"""Face lists as files: a signed envelope in front of sealed entries, verified on the unit (C1, C2).

Layout: `MAGIC`; the length of the envelope, 4 bytes, big-endian; the envelope (DSSE, as hot-lists have); the sealed
area. What the signers sign are the header, the list's key as wrapped for each unit, and the SHA-256 of the sealed
area: no name, no photo and no template can be read or exchanged without a unit's key and both signers.

The sealed area holds a template for each entry, all of one length, then a card for each: `FaceEntry` and reference
photo. Each is sealed by itself (AES-256-GCM) under the list's key, which is made for one list and never used again, so
that its place in the list is its nonce.

This module reads and verifies. Lists are made offline by `hub.watchlists.face_building` and opened by
`hub.watchlists.gallery`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta, Struct
from securesystemslib.dsse import Envelope

from hub.authority.dsse import add_signature, digest_of, read_envelope, read_payload
from hub.authority.files import replacing
from hub.authority.keys import Signer
from hub.authority.orders import Purpose
from hub.errors import InputError, TrustError
from hub.messages import is_missing
from hub.text import plain
from hub.watchlists.package import ListHeader, check_dates, check_version, issued_by
from hub.watchlists.trust import Trust

FACE_LIST: Final = "face-list"
"""Kind of the lists in this form."""
PAYLOAD_TYPE: Final = "application/vnd.patrol-hub.face-list+json"
MAGIC: Final = b"PHFACES1"
MOST_ENTRIES: Final = 20_000
"""Entries of a face list, whatever its authority states (C2)."""
LARGEST_ENVELOPE: Final = 16 * 2**20
"""Bytes of the signed part; what is larger is refused unread."""
LARGEST_CARD: Final = 128 * 1024
"""Bytes of a sealed card: a photo has some 20 kB."""
TAG_BYTES: Final = 16
"""AES-GCM's, at the end of what is sealed."""
_LENGTH_BYTES: Final = 4
_CHUNK: Final = 2**20


class FaceCategory(StrEnum):
    """Why somebody stands on a face list: the purposes of C4, with children by themselves, and nothing else."""

    MISSING_CHILD = "missing_child"
    MISSING_PERSON = "missing_person"
    VULNERABLE_PERSON = "vulnerable_person"
    WANTED_PERSON = "wanted_person"
    THREAT_TO_LIFE = "threat_to_life"


class FaceEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One person on a list. The template is not part of it."""

    entry: str
    """Identifier, unique in its list."""
    name: str
    """Of the person, as officers are shown it."""
    instruction: str
    """What the officer is to do."""
    category: FaceCategory
    legal_basis: str
    issuing_authority: str
    expires: date
    """Last day, in UTC, on which it may be acted on."""
    photo_date: date
    """Day on which the reference photo was taken."""
    reference: str = ""
    """Case number at the issuing authority."""

    @property
    def comes_first(self) -> bool:
        """Whether the entry is of somebody missing or in danger, whose alerts come before others."""
        return is_missing(self.category)


class Card(Struct, frozen=True):
    """What is sealed of an entry beside its template."""

    entry: FaceEntry
    photo: bytes
    """The reference photo's face, JPEG."""


class WrappedKey(Struct, frozen=True, forbid_unknown_fields=True):
    """The list's key for one unit."""

    unit: str
    """The unit's name, for people."""
    public: bytes
    """The unit's raw X25519 public key, 32 bytes."""
    wrapped: bytes
    """See `hub.authority.unit_key`."""


class FaceHeader(ListHeader, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the signers of a face list stand for."""

    category: str
    """Of its entries: one `FaceCategory`, or several with commas between them, sorted."""
    legal_basis: str
    size: Annotated[int, Meta(ge=1, le=MOST_ENTRIES)]
    """Most entries, as the authority stated before the list was made (C2)."""
    model: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    """SHA-256 of the model that made the templates: those of another one cannot be compared with them."""
    ceiling: Annotated[float, Meta(ge=-1, le=1.001)]
    """Highest similarity between two different people of the list; -1 where there is only one."""
    threshold: Annotated[float, Meta(ge=-1, le=1)]
    """Least similarity from which a search may call a face a candidate; it lies above `ceiling`. A budget may ask for
    a higher one, never for a lower one."""
    entries: Annotated[int, Meta(ge=1, le=MOST_ENTRIES)]
    numbers: Annotated[int, Meta(ge=1, le=4096)]
    """Numbers of a template, float32."""
    seal: Annotated[bytes, Meta(min_length=16, max_length=16)]
    """Random; ties everything that is sealed, and the wrapped keys, to this list."""
    cards: Annotated[tuple[Annotated[int, Meta(ge=TAG_BYTES, le=LARGEST_CARD)], ...], Meta(max_length=MOST_ENTRIES)]
    """Bytes of each entry's sealed card."""
    sealed: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    """SHA-256 of the sealed area."""
    keys: Annotated[tuple[WrappedKey, ...], Meta(max_length=4096)]
    """The list's key for each unit that may open it."""

    @property
    def template_bytes(self) -> int:
        """Bytes of a sealed template."""
        return 4 * self.numbers + TAG_BYTES

    @property
    def sealed_bytes(self) -> int:
        """Bytes of the sealed area."""
        return self.entries * self.template_bytes + sum(self.cards)

    def key_for(self, public: bytes) -> WrappedKey:
        """Return the list's key as it was wrapped for a unit.

        Raises:
            TrustError: The list was not made for that unit.
        """
        for key in self.keys:
            if key.public == public:
                return key
        raise TrustError(
            f"the list {self.name} was not made for this unit: give its issuer the output of "
            "`patrol-hub authority unit-key`"
        )


class VerifiedFaces(Struct, frozen=True):
    """A face list that may be used until it expires."""

    header: FaceHeader
    digest: str
    """SHA-256 of the signed content, hexadecimal."""
    signers: tuple[str, ...]
    """Names of those whose signatures were verified."""
    file: Path
    start: int
    """Where the sealed area begins in the file."""


class Part(StrEnum):
    """What is sealed."""

    TEMPLATE = "tmpl"
    CARD = "card"


def nonce_of(part: Part, number: int) -> bytes:
    """Return the 12-byte nonce of one sealed thing: its place, which occurs once under a list's key."""
    return part.encode("ascii") + number.to_bytes(8, "big")


def purpose_of_key(seal: bytes, public: bytes) -> bytes:
    """Return what a wrapped key is bound to: this list and this unit."""
    return b"patrol-hub face list" + seal + public


def is_face_list(file: Path) -> bool:
    """Say whether a file begins as a face list does.

    Raises:
        InputError: It cannot be read.
    """
    try:
        with file.open("rb") as content:
            return content.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error


def read_header(file: Path) -> FaceHeader:
    """Return what a list says of itself, believed by nobody: no signature is looked at.

    Raises:
        TrustError: It is no face list.
        InputError: It cannot be read.
    """
    return _header(_envelope(_front(file)[0]))


def sign_faces(file: Path, signer: Signer) -> None:
    """Add one signature to a list's file, which is replaced in one step.

    Raises:
        TrustError: It is no face list.
        InputError: It cannot be read.
        StoreError: It cannot be written; it is as it was.
    """
    front, start = _front(file)
    _header(_envelope(front))
    signed = add_signature(front, signer, payload_type=PAYLOAD_TYPE, what="face list", limit=LARGEST_ENVELOPE)
    with replacing(file) as new, file.open("rb") as old:
        new.write(preamble(signed))
        old.seek(start)
        for chunk in iter(lambda: old.read(_CHUNK), b""):
            new.write(chunk)


def preamble(envelope: bytes) -> bytes:
    """Return what stands before the sealed area."""
    return MAGIC + len(envelope).to_bytes(_LENGTH_BYTES, "big") + envelope


def verify_faces(
    file: Path, trust: Trust, now: datetime, *, previous_version: int = 0, previous_digest: str = ""
) -> VerifiedFaces:
    """Return a list once two signers of a trusted issuer stand for all of it. Opens nothing that is sealed.

    Args:
        file: The list.
        trust: Whom the unit trusts.
        now: The time, timezone-aware.
        previous_version: Version of the list of this name and issuer that the unit has; 0 for none.
        previous_digest: Digest of that list; "" where unknown.

    Raises:
        TrustError: It is damaged, unsigned, signed by too few, of an unknown issuer, altered, not yet valid, expired,
            rolled back, or has more entries than its authority stated; the message says which.
        InputError: It cannot be read.
    """
    front, start = _front(file)
    envelope = _envelope(front)
    header = read_payload(envelope, FaceHeader, "face list")
    signers = issued_by(envelope, header, trust)
    _check(header)
    check_dates(header, now)
    digest = digest_of(envelope)
    check_version(header, digest, previous_version, previous_digest)
    area = hashlib.sha256()
    try:
        if file.stat().st_size != start + header.sealed_bytes:
            raise TrustError("the list is cut off or has something added to it")
        for chunk in _chunks(file, start):
            area.update(chunk)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    if area.hexdigest() != header.sealed:
        raise TrustError("the list was altered after it was signed: its entries are not those of its signers")
    return VerifiedFaces(header, digest, signers, file, start)


def check_model(header: FaceHeader, model: str) -> None:
    """Refuse a list of another model.

    Raises:
        TrustError: Its templates were made by another model than this one, SHA-256, hexadecimal.
    """
    if header.model != model:
        raise TrustError(
            f"the list {header.name} was made with the face model {header.model[:16]} and this unit has {model[:16]}: "
            "ask its issuer for one that was made with this unit's"
        )


def _check(header: FaceHeader) -> None:
    if header.kind != FACE_LIST:
        raise TrustError("this is no face list")
    if header.purpose not in set(Purpose):
        raise TrustError(f"{plain(header.purpose, limit=60)!r} is no purpose for which faces may be compared")
    if header.entries > header.size:
        raise TrustError(f"the list has {header.entries} entries and its authority stated {header.size} at most")
    if header.ceiling >= header.threshold:
        raise TrustError("two people of the list are as alike as the list's threshold: it cannot tell them apart")
    if len(header.cards) != header.entries:
        raise TrustError("the list is damaged: it has not one card an entry")
    if set(header.category.split(",")) - set(FaceCategory):
        raise TrustError("the list says that it is of a category that no face list has")


def _header(envelope: Envelope) -> FaceHeader:
    header = read_payload(envelope, FaceHeader, "face list")
    _check(header)
    return header


def _envelope(front: bytes) -> Envelope:
    return read_envelope(front, payload_type=PAYLOAD_TYPE, what="face list", limit=LARGEST_ENVELOPE)


def _front(file: Path) -> tuple[bytes, int]:
    """Return the envelope's bytes, and where the sealed area begins."""
    try:
        with file.open("rb") as content:
            if content.read(len(MAGIC)) != MAGIC:
                raise TrustError(f"{file} is no face list")
            length = int.from_bytes(content.read(_LENGTH_BYTES), "big")
            if length > LARGEST_ENVELOPE:
                raise TrustError(f"{file} is no face list: its signed part has over {LARGEST_ENVELOPE // 2**20} MB")
            return content.read(length), content.tell()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror or error}") from error


def _chunks(file: Path, start: int) -> Iterator[bytes]:
    with file.open("rb") as content:
        content.seek(start, os.SEEK_SET)
        yield from iter(lambda: content.read(_CHUNK), b"")
