"""What a leaf of the log is: metadata as canonical JSON, with a commitment to the payload. Pure functions.

``leaf = SHA-256(0x00 || metadata)``, where the metadata hold ``payload = SHA-256(nonce || payload)``. The nonce has a
fixed length and is as secret as the payload: with both destroyed, the commitment says nothing about what was there,
and the leaf is still what it was.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from hub.audit.merkle import leaf_hash
from hub.errors import AuditError
from hub.messages import Act

NONCE_BYTES: Final = 32


class Metadata(Struct, frozen=True, forbid_unknown_fields=True):
    """What stays of an entry for ever. Nothing in it is about a person who was looked at."""

    index: int
    """Place in the log, from 0."""
    at: datetime
    """UTC, never less than that of the entry before."""
    act: Act
    officer: str
    role: str
    unit: str
    outcome: str
    camera: str
    source: str
    payload: str
    """Commitment to nonce and payload, hexadecimal; "" where there is none."""
    payload_until: datetime | None
    """When nonce and payload are destroyed; None where they live as long as the log, or there are none."""
    behind: float
    """Seconds by which the unit's clock was behind the newest entry: above 0, somebody had set it back."""


_DECODER: msgspec.json.Decoder[Metadata] = msgspec.json.Decoder(Metadata)


def encode_metadata(metadata: Metadata) -> bytes:
    """Return metadata as canonical JSON: fields in the order of their definition, no spaces, times in UTC."""
    return msgspec.json.encode(metadata)


def decode_metadata(data: bytes) -> Metadata:
    """Read what `encode_metadata` wrote.

    Raises:
        AuditError: It is damaged, written by a newer version, or not canonical.
    """
    try:
        metadata = _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise AuditError(f"its metadata cannot be read: {error}") from error
    if encode_metadata(metadata) != data:
        raise AuditError("its metadata are not in canonical form")
    return metadata


def hash_metadata(data: bytes) -> bytes:
    """Return the leaf hash of canonical metadata, 32 bytes."""
    return leaf_hash(data)


def commit(nonce: bytes, payload: bytes) -> str:
    """Return the commitment to a payload, hexadecimal.

    Args:
        nonce: `NONCE_BYTES` secret random bytes.
        payload: As `hub.audit.records.encode_payload` gives it.
    """
    return hashlib.sha256(nonce + payload).hexdigest()
