"""The unit's own X25519 key: what is wrapped for it can be opened on this unit, and only after an officer signed in.

The secret is made with the unit's first officer and lies on disk only in slots, one an officer: sealed (AES-256-GCM)
under a key that scrypt makes of that officer's passphrase with a salt of its own. So a copy of the state folder opens
nothing without a passphrase. Who has a slot, and when it is opened, is `hub.authority.officers`' business.

What is wrapped for a unit is RFC 9180 (HPKE, base mode): X25519, HKDF-SHA256, AES-256-GCM.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from hub.authority.passphrases import SALT_BYTES, ScryptCost, hash_passphrase
from hub.errors import InputError, NotAllowedError, TrustError

NONCE_BYTES: Final = 12
PUBLIC_BYTES: Final = 32
LABEL: Final = "x25519:"
"""Stands before a public key where people copy it."""
_SUITE: Final = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


class UnitKey:
    """The unlocked key. Lives in memory; neither printed nor encoded by accident."""

    __slots__ = ("_key", "public")

    def __init__(self, secret: bytes) -> None:
        self._key = X25519PrivateKey.from_private_bytes(secret)
        self.public = self._key.public_key().public_bytes_raw()
        """Raw public key, 32 bytes."""

    def __repr__(self) -> str:
        return f"UnitKey({self.public[:4].hex()}...)"

    def unwrap(self, wrapped: bytes, purpose: bytes) -> bytes:
        """Return what `wrap` took.

        Raises:
            TrustError: It was wrapped for another unit or another purpose, or altered.
        """
        try:
            return _SUITE.decrypt(wrapped, self._key, purpose)
        except (InvalidTag, ValueError) as error:
            raise TrustError("what was wrapped for this unit was altered, or is another unit's") from error

    def secret(self) -> bytes:
        """Return the raw secret, 32 bytes, for those who seal it at once."""
        return self._key.private_bytes_raw()


class KeySlot(Struct, frozen=True):
    """The unit's secret, sealed under one officer's passphrase."""

    cost: ScryptCost
    salt: bytes
    """Random, 16 bytes; not that of the officer's passphrase hash."""
    sealed: bytes
    """Nonce, secret and tag."""


def make_key(random: Callable[[int], bytes]) -> UnitKey:
    """Return a new key from a source of that many random bytes."""
    return UnitKey(random(PUBLIC_BYTES))


def close_slot(
    key: UnitKey, officer: str, passphrase: str, random: Callable[[int], bytes], cost: ScryptCost
) -> KeySlot:
    """Seal the key under an officer's passphrase. Takes as long as `hash_passphrase`: call it in a worker thread."""
    salt, nonce = random(SALT_BYTES), random(NONCE_BYTES)
    opener = hash_passphrase(passphrase, salt, cost).hash
    return KeySlot(cost, salt, nonce + AESGCM(opener).encrypt(nonce, key.secret(), _bound(officer, key.public)))


def open_slot(slot: KeySlot, officer: str, passphrase: str, public: bytes) -> UnitKey:
    """Return the key from an officer's slot. Takes as long as `hash_passphrase`: call it in a worker thread.

    Raises:
        NotAllowedError: The slot is damaged, of another officer or unit, or the passphrase is wrong.
    """
    opener = hash_passphrase(passphrase, slot.salt, slot.cost).hash
    nonce, sealed = slot.sealed[:NONCE_BYTES], slot.sealed[NONCE_BYTES:]
    try:
        return UnitKey(AESGCM(opener).decrypt(nonce, sealed, _bound(officer, public)))
    except (InvalidTag, ValueError) as error:
        raise NotAllowedError(f"the unit's key does not open for officer {officer}: its slot was altered") from error


def wrap(secret: bytes, public: bytes, purpose: bytes) -> bytes:
    """Return something that only the unit with this raw public key can open, and only for the same purpose.

    Raises:
        InputError: It is no X25519 public key.
    """
    try:
        return _SUITE.encrypt(secret, X25519PublicKey.from_public_bytes(public), purpose)
    except ValueError as error:
        raise InputError("this is no public key of a unit") from error


def write_public(public: bytes) -> str:
    """Return a unit's public key as people copy it."""
    return LABEL + public.hex()


def read_public(text: str) -> bytes:
    """Read what `write_public` wrote.

    Raises:
        InputError: It is no unit's public key.
    """
    word = text.strip()
    try:
        public = bytes.fromhex(word.removeprefix(LABEL))
    except ValueError:
        public = b""
    if not word.startswith(LABEL) or len(public) != PUBLIC_BYTES:
        raise InputError(
            f"{text[:40]!r} is no unit's public key: expected the output of `patrol-hub authority unit-key`"
        )
    return public


def _bound(officer: str, public: bytes) -> bytes:
    return b"patrol-hub unit key" + public + officer.encode("utf-8")
