"""DSSE envelopes (https://github.com/secure-systems-lab/dsse) as files: one signature at a time, checked by hand.

What an envelope holds, whose signatures it needs and when it is valid is decided by those who call this:
`hub.watchlists.package`, `hub.authority.orders` and `hub.authority.grants`. Pure functions on bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final, Protocol, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error as LibraryError
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Signature, SSlibKey  # type: ignore[attr-defined]

from hub.authority.keys import Signer
from hub.errors import TrustError
from hub.text import plain

SMALL: Final = 64 * 1024
"""Bytes of an order or a grant; what is larger is refused unread."""

T = TypeVar("T", bound=Struct)


class PublicKey(Protocol):
    """A key whose signature may count."""

    @property
    def name(self) -> str:
        """Who holds it."""
        ...

    @property
    def public(self) -> bytes:
        """Raw Ed25519 public key, 32 bytes."""
        ...


KeyT = TypeVar("KeyT", bound=PublicKey)


class _Signature(Struct, frozen=True):
    keyid: str
    sig: str


class _Envelope(Struct, frozen=True):
    payload: str
    payloadType: str  # noqa: N815  # as DSSE spells it
    signatures: tuple[_Signature, ...]


def make_envelope(payload: bytes, payload_type: str) -> bytes:
    """Return a file that nobody has signed yet."""
    return _write(Envelope(payload, payload_type, {}))


def add_signature(file: bytes, signer: Signer, *, payload_type: str, what: str, limit: int = SMALL) -> bytes:
    """Return the file with one signature more. Earlier ones stay; the same key's is made again.

    Args:
        file: The envelope.
        signer: Who signs.
        payload_type: What the envelope must hold.
        what: The same as one word for people, such as ``order``.
        limit: Most bytes of the file.

    Raises:
        TrustError: It is no such envelope.
    """
    envelope = read_envelope(file, payload_type=payload_type, what=what, limit=limit)
    key = key_identifier(signer.public)
    envelope.signatures[key] = Signature(key, signer.sign(envelope.pae()).hex())
    return _write(envelope)


def read_envelope(file: bytes, *, payload_type: str, what: str, limit: int = SMALL, exact: bool = False) -> Envelope:
    """Return what a file holds, with no signature checked yet.

    Args:
        file: The envelope.
        payload_type: What it must hold.
        what: The same as one word for people.
        limit: Most bytes of the file.
        exact: Refuse a file that is not byte for byte as `add_signature` writes it: then not even a space can be
            changed unnoticed.

    Raises:
        TrustError: It is too large, no envelope, damaged, signed twice with a key, or holds something else.
    """
    if len(file) > limit:
        size = f"{limit // 2**20} MB" if limit >= 2**20 else f"{limit // 1024} kB"
        raise TrustError(f"the file is no {what}: it has over {size}")
    try:
        checked = msgspec.json.decode(file, type=_Envelope)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise TrustError(f"the file is no signed {what}: it holds no DSSE envelope") from error
    if len({signature.keyid for signature in checked.signatures}) < len(checked.signatures):
        raise TrustError(f"the same key signed twice: two different people sign a {what}")
    if checked.payloadType != payload_type:
        raise TrustError(f"the envelope holds {plain(checked.payloadType, limit=60)!r} and no {what}")
    try:
        # The library's own reader is loosely typed, so it gets only what was checked above.
        fresh: dict[str, Any] = msgspec.to_builtins(checked)
        envelope = Envelope.from_dict(fresh)
    except (KeyError, ValueError, TypeError, LibraryError) as error:
        raise TrustError(f"the file is no signed {what}: its envelope is damaged") from error
    if exact and _write(envelope) != file:
        raise TrustError(f"the file was altered: it is not the {what} as it was signed")
    return envelope


def read_payload(envelope: Envelope, kind: type[T], what: str) -> T:
    """Return the content of an envelope as a record. Believe nothing of it before its signatures are counted.

    Raises:
        TrustError: It is no such record; the message names the field.
    """
    try:
        return msgspec.json.decode(envelope.payload, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise TrustError(f"the file is no {what}: {plain(str(error), limit=120)}") from error


def count_signatures(envelope: Envelope, keys: Iterable[KeyT], what: str) -> tuple[KeyT, ...]:
    """Return those of the keys whose signatures hold, in their order; signatures of other keys do not count.

    Raises:
        TrustError: A signature of one of the keys does not hold.
    """
    held: list[KeyT] = []
    message = envelope.pae()
    for key in keys:
        public = _library_key(key.public)
        signature = envelope.signatures.get(public.keyid)
        if signature is None:
            continue
        try:
            public.verify_signature(signature, message)
        except UnverifiedSignatureError as error:
            raise TrustError(f"the {what} was altered after {plain(key.name, limit=80)} signed it") from error
        held.append(key)
    return tuple(held)


def digest_of(envelope: Envelope) -> str:
    """Return the SHA-256 of the signed content, hexadecimal."""
    return hashlib.sha256(envelope.payload).hexdigest()


def key_identifier(public: bytes) -> str:
    """Return the identifier of a raw public key, as it stands beside a signature: derived from the key alone."""
    return _library_key(public).keyid


def _write(envelope: Envelope) -> bytes:
    return msgspec.json.format(msgspec.json.encode(envelope.to_dict()), indent=1) + b"\n"


def _library_key(public: bytes) -> SSlibKey:
    return SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(public))
