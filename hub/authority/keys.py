"""Ed25519 keys in files: the unit's own, which signs the log's checkpoints, and those of a list's signers.

A secret lies in a PEM file (PKCS #8, mode 0600) that belongs to whoever runs the hub; any other file is refused
rather than mended, because it may have been read already. A public key lies beside it with ``.pub`` at its end. What
is signed, and whose signature counts, is not decided here.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hub.authority.files import read_bounded, read_private, write_file, write_once
from hub.errors import InputError

UNIT_KEY: Final = "unit.key"
"""Name of the unit's secret in its state folder."""
_LARGEST: Final = 4096
"""Bytes of a public key's file that are looked at; a PEM of an Ed25519 key has under 200."""


class Signer(Protocol):
    """Something that signs and never shows its secret: a file today, a token or TPM later."""

    @property
    def name(self) -> str:
        """Who signs, such as the unit's name; part of a checkpoint's signature line."""
        ...

    @property
    def public(self) -> bytes:
        """Raw Ed25519 public key, 32 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the Ed25519 signature of a message, 64 bytes."""
        ...


class KeySigner:
    """Signs with an Ed25519 key held in memory."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        self._name = name
        self._key = key

    @property
    def name(self) -> str:
        """Who signs."""
        return self._name

    @property
    def public(self) -> bytes:
        """Raw public key, 32 bytes."""
        return self._key.public_key().public_bytes_raw()

    @property
    def private_key(self) -> Ed25519PrivateKey:
        """The key itself, for libraries that sign with it."""
        return self._key

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message, 64 bytes."""
        return self._key.sign(message)


def verify_signature(public: bytes, signature: bytes, message: bytes) -> bool:
    """Say whether a signature of a message was made with the key that belongs to a raw public key."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def load_or_create_unit_key(state: Path, name: str) -> KeySigner:
    """Return the unit's signer, with a key made on first use.

    Args:
        state: The unit's state folder; must exist.
        name: The unit's name.

    Raises:
        NotAllowedError: Others may read the key file, or it belongs to somebody else.
        InputError: The file holds no Ed25519 key.
        StoreError: The file cannot be read or written.
    """
    path = state / UNIT_KEY
    if not path.exists() and not path.is_symlink():
        with suppress(FileExistsError):  # another process of this unit was first: its key counts
            create_key(path)
    return load_key(path, name)


def create_key(path: Path, *, key: Ed25519PrivateKey | None = None) -> bytes:
    """Write a new secret to a file with mode 0600 and its public half beside it, and return the latter, 32 bytes.

    Args:
        path: File of the secret; must not exist.
        key: The key to write; a new one from the system's randomness where None.

    Raises:
        FileExistsError: The file exists: a key is never overwritten.
        StoreError: The file cannot be written.
    """
    key = key or Ed25519PrivateKey.generate()
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    write_once(path, secret)
    try:
        write_file(path.with_name(path.name + ".pub"), public, mode=0o644)
    except BaseException:
        path.unlink()  # a secret whose public half nobody has would only stand in the way of a second try
        raise
    return key.public_key().public_bytes_raw()


def load_key(path: Path, name: str) -> KeySigner:
    """Read a secret after checking that nobody else could.

    Raises:
        NotAllowedError: Others may read or write the file, it belongs to somebody else, or it is not a plain file.
        InputError: It is missing, or holds no Ed25519 key, or a public one.
        StoreError: It cannot be read.
    """
    if _is_public(path):  # before its mode: that everybody may read it is no reason for alarm
        raise InputError(f"{path} is a public key: name the private one that belongs to it")
    try:
        key = serialization.load_pem_private_key(read_private(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError(f"{path} holds no key that can be used: expected Ed25519 as unencrypted PEM") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{path} holds a key of another kind: expected Ed25519")
    return KeySigner(name, key)


def _is_public(path: Path) -> bool:
    """Say whether a file holds a public key and no secret, without using any of it."""
    if not path.is_file():
        return False
    try:
        content = read_bounded(path, "key", _LARGEST)
    except InputError:  # whoever uses it says what is wrong
        return False
    return b"-----BEGIN PUBLIC KEY-----" in content and b"PRIVATE" not in content


def load_public_key(path: Path) -> bytes:
    """Read a public key from a PEM file and return it raw, 32 bytes.

    Raises:
        InputError: The file is missing, or holds no public Ed25519 key (a secret one is refused too).
    """
    try:
        with path.open("rb") as file:
            key = serialization.load_pem_public_key(file.read(_LARGEST))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(f"{path} holds no public key: expected the .pub file of a signer, PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(f"{path} holds a key of another kind: expected Ed25519")
    return key.public_bytes_raw()
