"""Checkpoints: what the log was at a size, signed, in a form that others' tools read.

The form is C2SP tlog-checkpoint (https://c2sp.org/tlog-checkpoint) in a C2SP signed note
(https://c2sp.org/signed-note) with Ed25519: origin, size and root, then extension lines of our own:

* ``at TIME``: when it was made, UTC.
* ``key VKEY``: the key that signs it, as a note verifier key. A copy that lies outside the unit thereby says which
  key the unit had, so a key that is changed later shows.
* ``leaves START BASE64``: the first 8 bytes of the hashes of up to 64 leaves from START on, one after the other. They
  stand in the *witness copy* only, cover every leaf, and cost about 11 bytes each. The root vouches for the log; the
  prefixes only say where it was changed, which a root cannot: after a log has been rewritten and signed again with
  the unit's own key, nothing on the unit remembers what stood where.

Pure functions; no file and no clock.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from hub.errors import TrustError, UsageError

PREFIX_BYTES: Final = 8
LEAVES_A_LINE: Final = 64
_SIGNATURE_START: Final = "\u2014 "
_ED25519: Final = b"\x01"
_MOST_SIGNATURES: Final = 100


class Signer(Protocol):
    """Something that signs with Ed25519 and never shows its secret."""

    @property
    def name(self) -> str:
        """Who signs, such as the unit's name."""
        ...

    @property
    def public(self) -> bytes:
        """Raw Ed25519 public key, 32 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the Ed25519 signature of a message, 64 bytes."""
        ...


# ------------------------------------------------------------------------------------------------- keys


class VerifierKey(Struct, frozen=True):
    """A public key together with the name that it signs under."""

    name: str
    public: bytes
    """Raw Ed25519 public key, 32 bytes."""

    @property
    def identifier(self) -> bytes:
        """The key's 4-byte identifier in signature lines."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.identifier.hex()}+{_to_base64(_ED25519 + self.public)}"


def key_of(signer: Signer) -> VerifierKey:
    """Return the public half of a signer under a name that a signature line can carry."""
    return VerifierKey(name=key_name(signer.name), public=signer.public)


def key_name(name: str) -> str:
    """Return a name without what a signature line does not allow: spaces, ``+`` and control characters."""
    cleaned = "".join("-" if character.isspace() or character == "+" else character for character in name.strip())
    return "".join(character for character in cleaned if character.isprintable()) or "unit"


def parse_key(text: str) -> VerifierKey:
    """Read a note verifier key, ``NAME+IDENTIFIER+BASE64``.

    Raises:
        UsageError: It is none, or not Ed25519.
    """
    name, _, rest = text.strip().partition("+")
    identifier, _, encoded = rest.partition("+")
    raw = _from_base64(encoded)
    if raw is None or len(raw) != 33 or raw[:1] != _ED25519:
        raise UsageError(f"{text[:60]!r} is no verifier key: expected NAME+IDENTIFIER+BASE64 of an Ed25519 key")
    key = VerifierKey(name=name, public=raw[1:])
    if key.identifier.hex() != identifier:
        raise UsageError(f"the verifier key of {name!r} has the wrong identifier: it was copied badly")
    return key


# ------------------------------------------------------------------------------------------------- notes


class Signature(Struct, frozen=True):
    """One signature line of a note."""

    name: str
    identifier: bytes
    """4 bytes."""
    value: bytes
    """64 bytes for Ed25519; other kinds are kept and ignored."""


class Note(Struct, frozen=True):
    """A signed text. Nothing in it may be believed before `check_note` has passed."""

    text: str
    """Ends with a newline."""
    signatures: tuple[Signature, ...]


def sign_note(text: str, signer: Signer) -> str:
    """Return a text, which ends with a newline, as a note signed by one key."""
    key = key_of(signer)
    return f"{text}\n{_SIGNATURE_START}{key.name} {_to_base64(key.identifier + signer.sign(text.encode()))}\n"


def parse_note(note: str) -> Note:
    """Split a note into its text and its signatures.

    Raises:
        UsageError: It is no signed note.
    """
    if any(character < " " and character != "\n" for character in note):
        raise UsageError("not a signed note: it holds control characters")
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise UsageError("not a signed note: no blank line before its signatures, or it is cut off")
    signatures = []
    for line in lines.removesuffix("\n").split("\n")[: _MOST_SIGNATURES + 1]:
        name, space, encoded = line.removeprefix(_SIGNATURE_START).partition(" ")
        raw = _from_base64(encoded)
        if not line.startswith(_SIGNATURE_START) or not name or not space or raw is None or len(raw) < 5:
            raise UsageError(f"not a signed note: {line[:60]!r} is no signature line")
        signatures.append(Signature(name=name, identifier=raw[:4], value=raw[4:]))
    if len(signatures) > _MOST_SIGNATURES:
        raise UsageError(f"not a signed note: over {_MOST_SIGNATURES} signatures")
    return Note(text=text + "\n", signatures=tuple(signatures))


def check_note(note: Note, keys: Sequence[VerifierKey]) -> VerifierKey:
    """Return the first known key that signed a note. Signatures of unknown keys are ignored.

    Raises:
        TrustError: No known key signed it, or a known key's signature is wrong.
    """
    for signature in note.signatures:
        for key in keys:
            if (signature.name, signature.identifier) == (key.name, key.identifier):
                try:
                    Ed25519PublicKey.from_public_bytes(key.public).verify(signature.value, note.text.encode())
                except (InvalidSignature, ValueError) as error:
                    raise TrustError(f"the signature of {key.name!r} is wrong: the checkpoint was altered") from error
                return key
    raise TrustError("the checkpoint is not signed with a key that is known here")


# ------------------------------------------------------------------------------------------------- checkpoints


class Checkpoint(Struct, frozen=True):
    """The head of a log at one size."""

    origin: str
    """Identity of the log."""
    size: int
    """Number of entries."""
    root: bytes
    """Root hash of RFC 6962 over them, 32 bytes."""
    at: datetime | None = None
    """When it was made; None where it does not say."""
    key: VerifierKey | None = None
    """The key that it names as the unit's."""
    prefixes: tuple[bytes, ...] = ()
    """The first 8 bytes of each leaf hash, or empty."""


def write_checkpoint(checkpoint: Checkpoint, signer: Signer) -> str:
    """Return a checkpoint as a signed note.

    Raises:
        UsageError: The origin cannot stand on a line of its own.
    """
    origin = checkpoint.origin
    if not origin.strip() or not origin.isprintable():
        raise UsageError(f"the origin of a log must be one line of printable text, not {origin!r}")
    lines = [origin, str(checkpoint.size), _to_base64(checkpoint.root)]
    if checkpoint.at is not None:
        lines.append(f"at {checkpoint.at.isoformat()}")
    if checkpoint.key is not None:
        lines.append(f"key {checkpoint.key}")
    lines.extend(
        f"leaves {start} {_to_base64(b''.join(checkpoint.prefixes[start : start + LEAVES_A_LINE]))}"
        for start in range(0, len(checkpoint.prefixes), LEAVES_A_LINE)
    )
    return sign_note("\n".join(lines) + "\n", signer)


def read_checkpoint(note: Note) -> Checkpoint:
    """Read the text of a note as a checkpoint. Extension lines that are not ours are ignored.

    Raises:
        UsageError: It is no checkpoint.
    """
    lines = note.text.removesuffix("\n").split("\n")
    if len(lines) < 3 or not all(lines):
        raise UsageError("not a checkpoint: expected origin, size and root, each on a line")
    root = _from_base64(lines[2])
    if not (lines[1].isascii() and lines[1].isdecimal() and str(int(lines[1])) == lines[1]):
        raise UsageError(f"not a checkpoint: {lines[1][:40]!r} is no size")
    if root is None or len(root) != 32:
        raise UsageError("not a checkpoint: its third line is no SHA-256 root")
    size = int(lines[1])
    extensions = [line.partition(" ") for line in lines[3:]]
    return Checkpoint(
        origin=lines[0],
        size=size,
        root=root,
        at=next((_time(value) for name, _, value in extensions if name == "at"), None),
        key=next((parse_key(value) for name, _, value in extensions if name == "key"), None),
        prefixes=tuple(_prefixes((value for name, _, value in extensions if name == "leaves"), size)),
    )


def _prefixes(lines: Iterator[str], size: int) -> Iterator[bytes]:
    count = 0
    for line in lines:
        start, _, encoded = line.partition(" ")
        raw = _from_base64(encoded)
        if start != str(count) or not raw or len(raw) % PREFIX_BYTES:
            raise UsageError(f"not a witness copy: its line 'leaves {start[:20]}' is damaged or out of order")
        for offset in range(0, len(raw), PREFIX_BYTES):
            yield raw[offset : offset + PREFIX_BYTES]
        count += len(raw) // PREFIX_BYTES
    if count not in (0, size):
        raise UsageError(f"not a witness copy: it covers {count} leaves of {size}")


def _time(text: str) -> datetime:
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"not a checkpoint: {text[:40]!r} is no time") from error
    if value.tzinfo is None:
        raise UsageError(f"not a checkpoint: {text[:40]!r} has no time zone")
    return value


def _to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _from_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
