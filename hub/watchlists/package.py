"""Hot-lists as files: built from records, signed by two people of the issuer, verified on the unit (C1).

A package is a DSSE envelope (https://github.com/secure-systems-lab/dsse) around JSON. The functions are pure: bytes
and the time come in, a list or a `TrustError` with its reason goes out, in this order of checks: form, signatures,
kind, dates, version, then each entry by itself. Nothing of the content is believed before both signatures are.

Where lists are kept, and who may load one, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final, Protocol

import msgspec
from msgspec import Struct
from securesystemslib.dsse import Envelope

from hub.authority.dsse import (
    add_signature,
    count_signatures,
    digest_of,
    make_envelope,
    read_envelope,
    read_payload,
)
from hub.authority.keys import Signer
from hub.errors import TrustError, UsageError
from hub.messages import Field, SubjectKind
from hub.records import RULES, check_value
from hub.text import plain
from hub.watchlists.trust import KNOWN, SIGNERS, Trust

HOT_LIST: Final = "hot-list"
"""Kind of the lists made here: plates, persons and documents that are wanted, missing or stolen."""
PAYLOAD_TYPE: Final = "application/vnd.patrol-hub.list+json"
LARGEST_PACKAGE: Final = 64 * 2**20
"""Bytes; what is larger is refused unread."""
REQUIRED: Final = ("category", "legal_basis", "issuing_authority", "expires")
"""Fields without which an entry is refused."""
_SUBJECTS: Final = (
    ("plate", SubjectKind.PLATE),
    ("family_name", SubjectKind.PERSON),
    ("document_number", SubjectKind.DOCUMENT),
)
"""The field that says what an entry is about; the first that it has counts."""


class ListEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One entry. Its fields are of the closed schema in `hub.records`."""

    entry: str
    """Identifier, unique in its list."""
    fields: tuple[Field, ...]

    @property
    def subject(self) -> SubjectKind:
        """What the entry is about."""
        names = {field.name for field in self.fields}
        return next(kind for name, kind in _SUBJECTS if name in names)

    def get(self, name: str) -> str:
        """Return the value of a field, or "" where the entry has none."""
        return next((field.value for field in self.fields if field.name == name), "")

    def expired(self, now: datetime) -> bool:
        """Say whether the last day, in UTC, on which it may be acted on is over."""
        return now.date() > date.fromisoformat(self.get("expires"))


class ListHeader(Struct, frozen=True, kw_only=True):
    """What a list says of itself."""

    kind: str
    """`HOT_LIST`."""
    name: str
    issuer: str
    """Name under which the unit trusts its signers."""
    authority: str
    """Legal authority under which it was issued."""
    purpose: str
    place: str
    """Where it may be used."""
    created: datetime
    expires: datetime
    version: int
    """Counts up with each issue; a lower one than the unit has is refused."""


class HotList(ListHeader, frozen=True, kw_only=True):
    """A list with its entries."""

    entries: tuple[ListEntry, ...]


class RefusedEntry(Struct, frozen=True):
    """An entry, or a row that was to become one, that is left out."""

    number: int
    """Place in the list or file, from 1."""
    entry: str
    problem: str
    """What is wrong and how to mend it."""


class VerifiedList(Struct, frozen=True):
    """A list that may be used until it expires."""

    list: HotList
    digest: str
    """SHA-256 of the signed content, hexadecimal."""
    signers: tuple[str, ...]
    """Names of those whose signatures were verified; empty for a development list."""
    refused: tuple[RefusedEntry, ...]
    development: bool = False
    """True where nobody's signature was asked for."""


class _RawList(ListHeader, frozen=True, kw_only=True, forbid_unknown_fields=True):
    entries: tuple[msgspec.Raw, ...]


# ---------------------------------------------------------------------------------------------- building


def build_entries(rows: Sequence[Mapping[str, str]]) -> tuple[tuple[ListEntry, ...], tuple[RefusedEntry, ...]]:
    """Make entries of records, such as the rows of a CSV file.

    Args:
        rows: Field names and values; ``entry`` is the identifier, the others are the closed schema's. Empty values
            are left out.

    Returns:
        The good entries in their order, and what is wrong with each of the others.
    """
    good: list[ListEntry] = []
    bad: list[RefusedEntry] = []
    seen: set[str] = set()
    for number, row in enumerate(rows, start=1):
        fields = tuple(
            Field(name, value.strip()) for name, value in row.items() if name != "entry" and value and value.strip()
        )
        entry = ListEntry(str(row.get("entry", "")).strip(), fields)
        try:
            good.append(_checked(entry, seen))
        except ValueError as error:
            bad.append(RefusedEntry(number, plain(entry.entry, limit=80), str(error)))
    return tuple(good), tuple(bad)


class Dated(Protocol):
    """What every list says of itself, beside words."""

    @property
    def created(self) -> datetime:
        """When it was made."""
        ...

    @property
    def expires(self) -> datetime:
        """When it ends."""
        ...

    @property
    def version(self) -> int:
        """Its number among those of its name."""
        ...


def check_particulars(particulars: Dated, words: Sequence[str], what: str) -> None:
    """Check what a list of either kind says of itself before it is built.

    Args:
        particulars: What it says.
        words: Names of its texts, none of which may be empty.
        what: What it is, such as ``face list``.

    Raises:
        UsageError: Something is missing, or its times or version cannot be.
    """
    for word in words:
        if not getattr(particulars, word).strip():
            raise UsageError(f"a {what} needs its {word.replace('_', ' ')}")
    if particulars.created.tzinfo is None or particulars.expires.tzinfo is None:
        raise UsageError("a list's times need a time zone, such as 2026-12-01T06:00Z")
    if particulars.expires <= particulars.created:
        raise UsageError("the list expires before it was made")
    if particulars.version < 1:
        raise UsageError("a list's version counts from 1")


def build_package(content: HotList) -> bytes:
    """Return a list as a package that nobody has signed yet.

    Raises:
        UsageError: The header lacks something, the list expires before it was made, or an entry is wrong.
    """
    if content.kind != HOT_LIST:
        raise UsageError(f"a list of kind {content.kind!r} is not built here")
    check_particulars(content, ("name", "issuer", "authority", "purpose", "place"), "list")
    seen: set[str] = set()
    for entry in content.entries:
        try:
            _checked(entry, seen)
        except ValueError as error:
            raise UsageError(f"entry {entry.entry!r}: {error}") from error
    return make_envelope(msgspec.json.encode(content), PAYLOAD_TYPE)


def sign_package(package: bytes, signer: Signer) -> bytes:
    """Return the package with one signature more.

    Raises:
        TrustError: It is no package.
    """
    return add_signature(package, signer, payload_type=PAYLOAD_TYPE, what="list", limit=LARGEST_PACKAGE)


# --------------------------------------------------------------------------------------------- verifying


def verify_package(
    package: bytes, trust: Trust, now: datetime, *, previous_version: int = 0, previous_digest: str = ""
) -> VerifiedList:
    """Return what a package holds once two signers of a trusted issuer stand for it.

    Args:
        package: The file's content.
        trust: Whom the unit trusts.
        now: The time, timezone-aware.
        previous_version: Version of the list of this name and issuer that the unit has; 0 for none.
        previous_digest: Digest of that list; "" where unknown.

    Raises:
        TrustError: It is damaged, unsigned, signed by too few, of an unknown issuer, altered, of another kind, not
            yet valid, expired or rolled back; the message says which.
    """
    envelope = _unpack(package)
    # Its front alone: millions of empty entries take a gigabyte, and nobody has vouched for them yet.
    signers = issued_by(envelope, read_payload(envelope, ListHeader, "list"), trust)
    raw = read_payload(envelope, _RawList, "list")
    digest = digest_of(envelope)
    _check_header(raw, now)
    check_version(raw, digest, previous_version, previous_digest)
    entries, refused = _entries(raw)
    return VerifiedList(_hot_list(raw, entries), digest, signers, refused)


def read_development_package(package: bytes, now: datetime) -> VerifiedList:
    """Return what a package holds without asking who signed it; only for ``--development``, and marked so.

    Raises:
        TrustError: It is damaged, of another kind, not yet valid or expired.
    """
    envelope = _unpack(package)
    raw = read_payload(envelope, _RawList, "list")
    _check_header(raw, now)
    entries, refused = _entries(raw)
    digest = digest_of(envelope)
    return VerifiedList(_hot_list(raw, entries), digest, (), refused, development=True)


def peek_package(package: bytes) -> tuple[ListHeader, int]:
    """Return what a hot-list says of itself and how many entries it has, believed by nobody: no signature is looked at.

    Raises:
        TrustError: It is no list.
    """
    raw = read_payload(_unpack(package), _RawList, "list")
    return ListHeader(**{name: getattr(raw, name) for name in ListHeader.__struct_fields__}), len(raw.entries)


def issued_by(envelope: Envelope, header: ListHeader, trust: Trust) -> tuple[str, ...]:
    """Return the names of the issuer's signers who signed a list, hot-list or face list: two or more.

    Raises:
        TrustError: It is unsigned, signed by too few, altered after it was signed, or of an unknown issuer.
    """
    if not envelope.signatures:
        raise TrustError("the list is unsigned: it needs the signatures of two signers of its issuer")
    name = plain(header.issuer, limit=80)
    issuer = trust.issuer(header.issuer)
    if issuer is None:
        raise TrustError(f"the issuer {name!r} is unknown to this unit: {KNOWN}")
    signers = tuple(key.name for key in count_signatures(envelope, issuer.keys, "list"))
    if len(signers) < SIGNERS:
        raise TrustError(
            f"{len(signers)} of the {SIGNERS} signatures that it needs are of signers of {name}: "
            "two different people of the issuer sign a list"
        )
    return signers


def check_dates(header: ListHeader, now: datetime) -> None:
    """Refuse a list outside of its dates.

    Raises:
        TrustError: Its times have no time zone, it is not yet valid, or it has expired.
    """
    if header.created.tzinfo is None or header.expires.tzinfo is None:
        raise TrustError("the list's times have no time zone")
    if now < header.created:
        raise TrustError(f"the list is valid from {header.created:%Y-%m-%d %H:%M} UTC on: check this unit's clock")
    if now >= header.expires:
        raise TrustError(f"the list expired at {header.expires:%Y-%m-%d %H:%M} UTC: load a new one")


def check_version(header: ListHeader, digest: str, previous_version: int, previous_digest: str) -> None:
    """Refuse a list that is older than the one of its name and issuer that the unit has.

    Raises:
        TrustError: It was rolled back, or two different lists say that they are the same version.
    """
    if header.version < previous_version:
        raise TrustError(
            f"the list was rolled back: it is version {header.version} and this unit has version {previous_version}"
        )
    if header.version == previous_version and previous_digest and digest != previous_digest:
        raise TrustError(
            f"two different lists say that they are version {header.version}: "
            f"ask {plain(header.issuer, limit=80)} for a new one"
        )


def _check_header(raw: _RawList, now: datetime) -> None:
    if raw.kind != HOT_LIST:
        raise TrustError(f"this is no hot-list but says that it is {plain(raw.kind, limit=40)!r}")
    check_dates(raw, now)


def _entries(raw: _RawList) -> tuple[tuple[ListEntry, ...], tuple[RefusedEntry, ...]]:
    good: list[ListEntry] = []
    bad: list[RefusedEntry] = []
    seen: set[str] = set()
    for number, each in enumerate(raw.entries, start=1):
        entry = ""
        try:
            parsed = msgspec.json.decode(each, type=ListEntry)
            entry = plain(parsed.entry, limit=80)
            good.append(_checked(parsed, seen))
        except (msgspec.MsgspecError, ValueError) as error:
            bad.append(RefusedEntry(number, entry, plain(str(error), limit=200)))
    return tuple(good), tuple(bad)


def _checked(entry: ListEntry, seen: set[str]) -> ListEntry:
    """Return an entry whose values are as the closed schema keeps them, and add it to those seen.

    Raises:
        ValueError: Something is missing or wrong; the message says what.
    """
    if not entry.entry.strip():
        raise ValueError("it has no identifier: fill in entry")
    if entry.entry in seen:
        raise ValueError(f"the identifier {plain(entry.entry, limit=80)} stands in the list already")
    names = [field.name for field in entry.fields]
    if len(set(names)) < len(names):
        raise ValueError("a field stands there twice")
    if unknown := sorted(set(names) - set(RULES)):
        raise ValueError(f"{plain(unknown[0], limit=40)} is no field that a record may carry")
    if missing := [name for name in REQUIRED if not entry.get(name).strip()]:
        raise ValueError(f"it lacks {' and '.join(missing)}: no entry without it")
    if not any(entry.get(name).strip() for name, _ in _SUBJECTS):
        raise ValueError("it is about nothing: fill in plate, family_name or document_number")
    fields = tuple(Field(field.name, check_value(RULES[field.name], field.value)) for field in entry.fields)
    seen.add(entry.entry)
    return ListEntry(entry.entry, fields)


# ------------------------------------------------------------------------------------------------- form


def _unpack(package: bytes) -> Envelope:
    return read_envelope(package, payload_type=PAYLOAD_TYPE, what="list", limit=LARGEST_PACKAGE)


def _hot_list(raw: _RawList, entries: tuple[ListEntry, ...]) -> HotList:
    header = {name: getattr(raw, name) for name in ListHeader.__struct_fields__}
    return HotList(**header, entries=entries)
