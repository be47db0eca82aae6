"""What a list's package file says of itself to whoever publishes it: issuer, name, and the digest of what is signed.

Believes nothing: whether a package is worth anything is for `hub.watchlists.package` and `hub.watchlists.faces`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import IO, Any, Final

import msgspec
from msgspec import Struct

from hub.errors import InputError

_FACES: Final = b"PHFACES1"
"""First bytes of a face list, see `hub.watchlists.faces`: length and envelope follow, then what is sealed."""
_LARGEST: Final = 64 * 2**20
"""Most bytes of an envelope."""


class PackageInfo(Struct, frozen=True):
    """What the metadata says of a list."""

    issuer: str
    name: str
    digest: str
    """SHA-256, hexadecimal, of the content that the package's envelope signs."""
    purpose: str = ""
    size: int = 0
    """Entries at most."""
    model: str = ""
    """SHA-256 of the model that made its templates; "" where it has none."""
    kind: str = ""


class _Envelope(Struct, frozen=True):
    payload: bytes


class _Header(Struct, frozen=True):
    issuer: str
    name: str
    kind: str = ""
    purpose: str = ""
    size: int = 0
    model: str = ""
    entries: Any = None


def read_info(package: Path) -> PackageInfo:
    """Return what a package file says of itself.

    Raises:
        InputError: It cannot be read or is no package.
    """
    try:
        with package.open("rb") as file:
            envelope = _envelope(file)
    except OSError as error:
        raise InputError(f"{package} cannot be read: {error.strerror}") from error
    try:
        payload = msgspec.json.decode(envelope, type=_Envelope).payload
        header = msgspec.json.decode(payload, type=_Header)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{package} is no list: make one with `patrol-hub watchlist build` and sign it") from error
    size = header.size or (len(header.entries) if isinstance(header.entries, list) else 0)
    digest = hashlib.sha256(payload).hexdigest()
    return PackageInfo(header.issuer, header.name, digest, header.purpose, size, header.model, header.kind)


def _envelope(file: IO[bytes]) -> bytes:
    start = file.read(len(_FACES))
    if start != _FACES:
        return start + file.read(_LARGEST)
    return file.read(min(int.from_bytes(file.read(4), "big"), _LARGEST))
