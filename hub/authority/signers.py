"""Signers by address: ``file:PATH`` or a plain path for a key in a file, ``pkcs11:...`` for one that a token holds.

A PKCS #11 address is as in RFC 7512: ``pkcs11:token=NAME;object=LABEL?module-path=LIBRARY&pin-source=FILE``. The
token's key is Ed25519 (CKM_EDDSA) and never leaves it. Reading key files is `hub.authority.keys`'.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import unquote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from securesystemslib.signer import Key, SecretsHandler, Signature, SSlibKey  # type: ignore[attr-defined]
from securesystemslib.signer import Signer as LibraryBase  # type: ignore[attr-defined]

from hub.authority.keys import Signer, load_key
from hub.errors import UsageError

PKCS11: Final = "pkcs11:"


class LibrarySigner(LibraryBase):  # type: ignore[misc, unused-ignore]
    """One of our signers as the libraries for TUF and DSSE call it."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._key = SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(signer.public))

    @property
    def public_key(self) -> Key:
        """The public key, with the identifier that is derived from it."""
        return self._key

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None
    ) -> LibrarySigner:
        """Open a key by its address; the token's PIN comes from its own source, never from a handler."""
        del public_key, secrets_handler
        return cls(open_signer(priv_key_uri))

    def sign(self, payload: bytes) -> Signature:
        """Return the signature of a message."""
        return Signature(self._key.keyid, self._signer.sign(payload).hex())


def open_signer(address: str) -> Signer:
    """Return the signer of an address.

    Args:
        address: A path, ``file:PATH`` or ``pkcs11:...``.

    Raises:
        UsageError: The address is of another kind, or lacks something.
        NotAllowedError: Others may read the key's file.
        InputError: There is no such key, or it is of another kind.
    """
    if address.startswith(PKCS11):
        from hub.authority.tokens import open_token

        return open_token(address)
    kind, colon, rest = address.partition(":")
    if colon and kind not in ("file", "") and not Path(address).exists():
        raise UsageError(f"a key is named by its file, or by an address file:PATH or pkcs11:..., not {kind}:")
    path = Path(unquote(rest.removeprefix("//")) if kind == "file" and colon else address)
    return load_key(path, path.stem)
