"""How an authority's TUF metadata is named, bounded and read; the one place that speaks to python-tuf's classes.

A repository is a folder with ``metadata/`` and ``targets/`` in consistent snapshots: every file but
``metadata/timestamp.json`` carries its version or its SHA-256 in its name, so one that is half copied is the older
one. python-tuf (https://theupdateframework.github.io/specification/latest/) parses and verifies signatures; what it
leaves open is closed here: kinds of keys, thresholds, hashes that may be absent, numbers that are none.

The order of an update and what makes one acceptable are `hub.watchlists.trusted`'s.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from datetime import datetime
from typing import Final, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct, structs
from securesystemslib.exceptions import Error as LibraryError
from securesystemslib.signer import Key, SSlibKey  # type: ignore[attr-defined]
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (  # type: ignore[attr-defined]
    TOP_LEVEL_ROLE_NAMES,
    DelegatedRole,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from hub.errors import TrustError, UsageError
from hub.text import plain
from hub.watchlists.trust import SIGNERS, SignerKey

T = TypeVar("T", Root, Timestamp, Snapshot, Targets)

TIMESTAMP: Final = "metadata/timestamp.json"
PEOPLE: Final = "people.json"
"""Signed target that says who may sign orders and grants."""
REVOKED: Final = "revoked.json"
"""Signed target that says what was withdrawn."""
ROOT_BYTES: Final = 512 * 2**10
TIMESTAMP_BYTES: Final = 16 * 2**10
METADATA_BYTES: Final = 4 * 2**20
"""Most bytes of a snapshot, of targets and of a delegated role, whatever the metadata says of its length."""
TARGET_BYTES: Final = 2**20
"""Most bytes of `PEOPLE` and `REVOKED`."""

_HOLDER: Final = "x-patrol-hub-holder"
"""Field of a key that names the person who holds it."""
_ISSUER: Final = "x-patrol-hub-issuer"
"""Field of a delegated role that names its issuer as it stands in lists."""
_ROLE: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_FAILURES: Final = (RepositoryError, LibraryError, ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What the libraries raise on metadata that is none."""


class RoleKeys(Struct, frozen=True, forbid_unknown_fields=True):
    """Who may sign orders, grants and their withdrawal; nobody stands in both roles."""

    authority: tuple[SignerKey, ...] = ()
    commander: tuple[SignerKey, ...] = ()


class Withdrawn(Struct, frozen=True, forbid_unknown_fields=True):
    """What an authority has withdrawn."""

    lists: tuple[str, ...] = ()
    """SHA-256, hexadecimal, of package files or of the content that they sign."""
    orders: tuple[str, ...] = ()
    """Identifiers."""
    grants: tuple[str, ...] = ()
    """Identifiers."""
    keys: tuple[str, ...] = ()
    """Raw public keys, hexadecimal."""
    issuers: tuple[str, ...] = ()
    """Names."""


# ------------------------------------------------------------------------------------------------- names


def metadata_name(role: str, version: int) -> str:
    """Return the file of a version of a role, other than the timestamp."""
    return f"metadata/{version}.{role}.json"


def target_name(path: str, digest: str) -> str:
    """Return the file of a target, which carries its SHA-256 in its name."""
    folder, slash, name = path.rpartition("/")
    return f"targets/{folder}{slash}{digest}.{name}"


def slug(name: str) -> str:
    """Return a name that is safe in any file system and address: lower case, digits and dashes."""
    short = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60].strip("-")
    kept = sum(character.isalnum() and character.isascii() for character in name)
    if kept < sum(character.isalnum() for character in name) or not short:
        short = f"{short[:40].strip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:12]}".strip("-")
    return short


def role_of(issuer: str) -> str:
    """Return the delegated role of an issuer.

    Raises:
        UsageError: It has no name, or one that a top-level role has.
    """
    if not issuer.strip() or plain(issuer, limit=80) != issuer:
        raise UsageError("an issuer needs a name of one plain line, 80 characters at most")
    role = slug(issuer)
    if role in TOP_LEVEL_ROLE_NAMES:
        raise UsageError(f"an issuer cannot be called {issuer!r}")
    return role


def list_path(role: str, name: str) -> str:
    """Return the path under which an issuer's role publishes a list: a newer list of this name takes its place."""
    return f"lists/{role}/{slug(name)}"


# -------------------------------------------------------------------------------------------------- keys


def library_key(signer: SignerKey) -> SSlibKey:
    """Return a key as it stands in metadata: its identifier derived from the key, its holder beside it."""
    key = SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(signer.public))
    key.unrecognized_fields[_HOLDER] = signer.name
    return key


def signer_key(key: Key) -> SignerKey:
    """Return a key out of metadata.

    Raises:
        TrustError: It is of another kind, has no holder, or an identifier of its own: one key could sign twice.
    """
    holder = key.unrecognized_fields.get(_HOLDER)
    if (key.keytype, key.scheme) != ("ed25519", "ed25519") or not isinstance(key.keyval.get("public"), str):
        raise TrustError(f"the key {plain(key.keyid, limit=20)} is no Ed25519 key")
    if not isinstance(holder, str) or not holder.strip():
        raise TrustError(f"the key {plain(key.keyid, limit=20)} does not say who holds it")
    try:
        signer = SignerKey(plain(holder, limit=80), bytes.fromhex(key.keyval["public"]))
        derived = library_key(signer).keyid
    except ValueError as error:
        raise TrustError(f"the key of {plain(holder, limit=80)} is no Ed25519 key") from error
    if derived != key.keyid or key.keyval != {"public": signer.public.hex()}:
        raise TrustError(f"the key of {signer.name} has an identifier that is not its own")
    return signer


def signers(delegator: Root | Targets, role: str, *, least: int) -> tuple[SignerKey, ...]:
    """Return who may sign a role.

    Args:
        delegator: Names keys and threshold of the role.
        role: Its name.
        least: Lowest threshold that is acceptable.

    Raises:
        TrustError: Its threshold is too low or cannot be reached, or two of its keys belong to one person.
    """
    try:
        entry = delegator.get_delegated_role(role)
        keys = [signer_key(delegator.get_key(keyid)) for keyid in entry.keyids]
    except ValueError as error:
        raise TrustError(f"nobody says who may sign {role}") from error
    if not is_whole(entry.threshold) or entry.threshold < least:
        raise TrustError(f"{role} would need fewer than {least} signatures")
    if len({key.name for key in keys}) < len(keys):
        raise TrustError(f"two keys that may sign {role} belong to the same person")
    if len(keys) < entry.threshold:
        raise TrustError(f"{role} needs {entry.threshold} signatures and only {len(keys)} may sign it")
    return tuple(keys)


def issuer_role(role: str, issuer: str, keys: Collection[SignerKey]) -> DelegatedRole:
    """Return the delegation to an issuer: two signers, its own lists, nothing further."""
    return DelegatedRole(
        role,
        [library_key(key).keyid for key in keys],
        SIGNERS,
        terminating=True,
        paths=[f"lists/{role}/*"],
        unrecognized_fields={_ISSUER: issuer},
    )


def issuer_of(role: DelegatedRole) -> str:
    """Return the name of the issuer to whom a role is delegated.

    Raises:
        TrustError: It is not a delegation as `issuer_role` makes them.
    """
    issuer = role.unrecognized_fields.get(_ISSUER)
    if not _ROLE.fullmatch(role.name) or role.name in TOP_LEVEL_ROLE_NAMES:
        raise TrustError(f"{plain(role.name, limit=60)!r} is no name of an issuer's role")
    if role.paths != [f"lists/{role.name}/*"] or role.terminating is not True:
        raise TrustError(f"{role.name} may publish more than its own lists")
    if not isinstance(issuer, str) or not issuer.strip() or plain(issuer, limit=80) != issuer:
        raise TrustError(f"{role.name} does not say which issuer it belongs to")
    return issuer


# ----------------------------------------------------------------------------------------------- reading


def parse(kind: type[T], data: bytes, name: str) -> Metadata[T]:
    """Read one file of metadata. Nothing of it is believed yet.

    Raises:
        TrustError: It is damaged or of another kind.
    """
    try:
        read: Metadata[T] = Metadata.from_bytes(data)
        if not isinstance(read.signed, kind):
            raise TrustError(f"{name} says that it is {plain(read.signed.type, limit=20)}")
        _ = read.signed_bytes
    except _FAILURES as error:
        cause = error.__cause__ or error
        detail = plain(str(cause), limit=100) or type(cause).__name__
        raise TrustError(f"{name} is damaged or no metadata: {detail}") from error
    if not is_whole(read.signed.version):
        raise TrustError(f"{name} has no whole number for its version")
    return read


def check_signed(delegator: Root | Targets, role: str, metadata: Metadata[T], name: str) -> set[str]:
    """Return the public keys, hexadecimal, whose signatures hold, where they are enough.

    Raises:
        TrustError: They are not.
    """
    try:
        result = delegator.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
    except _FAILURES as error:
        raise TrustError(f"nobody says who may sign {name}") from error
    if not result:
        raise TrustError(
            f"{name} carries {len(result.signed)} of the {result.threshold} signatures that it needs: it is unsigned, "
            "signed by too few, altered, or signed with a key that may not"
        )
    return {str(key.keyval["public"]) for key in result.signed.values()}


def holds(delegator: Root | Targets, role: str, metadata: Metadata[T]) -> bool:
    """Say whether metadata carries enough signatures of those who may sign a role now."""
    try:
        check_signed(delegator, role, metadata, role)
    except TrustError:
        return False
    return True


def check_pinned(meta: MetaFile | TargetFile, data: bytes, name: str, most: int) -> None:
    """Let pass the very bytes that signed metadata names.

    Raises:
        TrustError: They are others: a file of another update was put in its place, or it was altered or cut short.
    """
    digest, length = pin(meta, name, most)
    if len(data) != length or hashlib.sha256(data).hexdigest() != digest:
        raise TrustError(
            f"{name} is not the file that the signed metadata names: altered, cut short or of another update"
        )


def pin(meta: MetaFile | TargetFile, name: str, most: int) -> tuple[str, int]:
    """Return SHA-256 and length that signed metadata gives for a file.

    Raises:
        TrustError: It gives none, or the file would be too large.
    """
    digest, length = (meta.hashes or {}).get("sha256", ""), meta.length
    if not _DIGEST.fullmatch(digest) or length is None or not is_whole(length):
        raise TrustError(f"the signed metadata gives no SHA-256 and length of {name}")
    if length > most:
        raise TrustError(f"{name} has {length} bytes: more than {most}")
    return digest, length


def read_people(data: bytes) -> RoleKeys:
    """Read `PEOPLE`.

    Raises:
        TrustError: It is damaged, holds a key that is none, or one person or key stands in it twice.
    """
    try:
        people = msgspec.json.decode(data, type=RoleKeys)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise TrustError(f"{PEOPLE} is damaged: {plain(str(error), limit=100)}") from error
    if problem := people_problem(people):
        raise TrustError(problem)
    return people


def people_problem(people: RoleKeys) -> str:
    """Say what is wrong with who may sign orders; "" where nothing is."""
    everybody = (*people.authority, *people.commander)
    if any(len(key.public) != 32 or not key.name.strip() for key in everybody):
        return f"{PEOPLE} holds a key that is no Ed25519 key or belongs to nobody"
    if len({key.public for key in everybody}) < len(everybody) or len({key.name for key in everybody}) < len(everybody):
        return "a person or a key stands twice among those who may sign orders: authority and commander are different"
    return ""


def read_withdrawn(data: bytes) -> Withdrawn:
    """Read `REVOKED`.

    Raises:
        TrustError: It is damaged.
    """
    try:
        read = msgspec.json.decode(data, type=Withdrawn)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise TrustError(f"{REVOKED} is damaged: {plain(str(error), limit=100)}") from error
    lower = {name: tuple(each.lower() for each in getattr(read, name)) for name in ("lists", "keys")}
    return structs.replace(read, **lower)


def is_whole(value: object) -> bool:
    """Say whether a number out of JSON is a whole one that counts something; True and 1.0 are none."""
    return type(value) is int and 0 < value < 2**53


def expired(signed: Root | Timestamp | Snapshot | Targets, name: str, now: datetime) -> str:
    """Say that metadata has expired; "" where it has not."""
    if now < signed.expires:
        return ""
    return f"{name} expired at {signed.expires:%Y-%m-%d %H:%M} UTC: take a newer update of the authority"
