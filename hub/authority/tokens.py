"""Signers whose key a token holds (PKCS #11): smart card, HSM, or a software token for tries.

An address is as in RFC 7512: ``pkcs11:token=NAME;object=LABEL?module-path=LIBRARY&pin-source=FILE``. The key is Ed25519
(CKM_EDDSA) and never leaves its token. The PIN lies in a private file. Needs the optional library python-pkcs11.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from msgspec import Struct

from hub.authority.files import read_private
from hub.errors import InputError, UsageError

SCHEME: Final = "pkcs11:"


class TokenAddress(Struct, frozen=True):
    """Which key of which token."""

    token: str
    key: str
    """Label of the key pair."""
    library: Path
    """The token's PKCS #11 library."""
    pin: Path
    """Private file with the PIN."""


class TokenSigner:
    """Signs with a key that a token holds; a session lasts for one signature."""

    def __init__(self, address: TokenAddress, token: Any, pin: str) -> None:  # noqa: ANN401 - a foreign class
        self._address, self._token, self._pin = address, token, pin
        self._public = self._with_session(_public)

    @property
    def name(self) -> str:
        """Who signs: the key's label."""
        return self._address.key

    @property
    def public(self) -> bytes:
        """Raw Ed25519 public key, 32 bytes."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message, 64 bytes.

        Raises:
            InputError: The token is gone, locked or refuses.
        """
        return self._with_session(lambda session, label: _sign(session, label, message))

    def _with_session(self, act: Any) -> bytes:  # noqa: ANN401
        import pkcs11

        try:
            with self._token.open(user_pin=self._pin) as session:
                return bytes(act(session, self._address.key))
        except pkcs11.exceptions.PKCS11Error as error:
            why = str(error) or type(error).__name__
            raise InputError(f"the token {self._address.token} did not sign with {self._address.key}: {why}") from error


def open_token(address: str) -> TokenSigner:
    """Return the signer of an address.

    Raises:
        UsageError: The address lacks something, or python-pkcs11 is not installed.
        NotAllowedError: Others may read the PIN.
        InputError: There is no such library, token or key.
    """
    where = parse_address(address)
    try:
        import pkcs11
    except ImportError as error:
        raise UsageError("a key on a token needs python-pkcs11: install patrol-hub with its extra pkcs11") from error
    pin = read_private(where.pin).decode("utf-8", "replace").strip()
    try:
        token = pkcs11.lib(str(where.library)).get_token(token_label=where.token)
    except (pkcs11.exceptions.PKCS11Error, RuntimeError, OSError) as error:
        why = str(error) or type(error).__name__
        raise InputError(f"there is no token {where.token} at {where.library}: {why}") from error
    return TokenSigner(where, token, pin)


def parse_address(address: str) -> TokenAddress:
    """Read a PKCS #11 address.

    Raises:
        UsageError: It lacks a part.
    """
    path, _, query = address.removeprefix(SCHEME).partition("?")
    parts = [part.partition("=") for part in (*path.split(";"), *query.split("&")) if part]
    found = {name: unquote(value) for name, _, value in parts}
    if missing := [name for name in ("token", "object", "module-path", "pin-source") if not found.get(name)]:
        raise UsageError(
            f"the address lacks {' and '.join(missing)}: "
            "pkcs11:token=NAME;object=LABEL?module-path=LIBRARY&pin-source=FILE"
        )
    pin = found["pin-source"].removeprefix("file:").removeprefix("//")
    return TokenAddress(found["token"], found["object"], Path(found["module-path"]), Path(pin))


def _public(session: Any, label: str) -> bytes:  # noqa: ANN401
    from pkcs11 import Attribute, ObjectClass

    point = bytes(session.get_key(object_class=ObjectClass.PUBLIC_KEY, label=label)[Attribute.EC_POINT])
    raw = point[2:] if point[:2] == b"\x04\x20" else point  # an OCTET STRING, as the standard asks
    if len(raw) != 32:
        raise InputError(f"the key {label} is of another kind: expected Ed25519")
    return raw


def _sign(session: Any, label: str, message: bytes) -> bytes:  # noqa: ANN401
    from pkcs11 import Mechanism, ObjectClass

    key = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=label)
    return bytes(key.sign(message, mechanism=Mechanism.EDDSA))
