"""Whom a unit that follows no authority trusts to issue hot-lists: issuers by name, each with its signers' public keys.

The file is the unit's root of trust: mode 0600, written by a signed-in officer's act and refused when anybody else
could have written it. What a signature must cover is `hub.watchlists.package`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from hub.authority.files import read_private, write_file
from hub.errors import InputError, UsageError

TRUST_FILE: Final = "trust.json"
"""Name of the file in the state folder."""
TRUSTED_FOLDER: Final = "authority"
"""Name of the folder in the state folder that holds what an authority says; where there is one it counts alone, see
`hub.watchlists.trusted`."""
TRUSTED_FILE: Final = "trusted.json"
"""Name of the file in `TRUSTED_FOLDER`."""
KNOWN: Final = (
    "its authority names issuers (`patrol-hub authority update`); where it has none, `patrol-hub watchlist trust` does"
)
"""Where an issuer becomes known, for whoever reads that one is not."""
SIGNERS: Final = 2
"""Different signers of its issuer whom a list needs (C1)."""
_BYTES: Final = 2**20


class SignerKey(Struct, frozen=True, forbid_unknown_fields=True):
    """One signer's public key."""

    name: str
    """Who holds the key."""
    public: bytes
    """Raw Ed25519 public key, 32 bytes; base64 in the file."""


class Issuer(Struct, frozen=True, forbid_unknown_fields=True):
    """An authority that may issue lists."""

    name: str
    keys: tuple[SignerKey, ...]
    """At least two, of different people."""


class Trust(Struct, frozen=True, forbid_unknown_fields=True):
    """Everybody whom a unit trusts to issue lists."""

    issuers: tuple[Issuer, ...] = ()

    def issuer(self, name: str) -> Issuer | None:
        """Return the issuer of this name, or None."""
        return next((issuer for issuer in self.issuers if issuer.name == name), None)


def add_issuer(trust: Trust, name: str, keys: Sequence[SignerKey]) -> Trust:
    """Return a trust with one issuer more, or with other keys for one that it has.

    Raises:
        UsageError: No name, fewer than two signers, or two signers who are one: the same key or the same name. A key
            that signs for another issuer is refused too.
    """
    issuer = Issuer(name, tuple(keys))
    others = tuple(each for each in trust.issuers if each.name != name)
    if problem := issuer_problem(issuer, others):
        raise UsageError(problem)
    return Trust((*others, issuer))


def load_trust(path: Path) -> Trust:
    """Read the trust file; one that does not exist trusts nobody.

    Raises:
        NotAllowedError: Others may read or write the file, or it belongs to somebody else.
        InputError: It is damaged, or names an issuer without two different signers.
        StoreError: It cannot be read.
    """
    if not path.exists() and not path.is_symlink():
        return Trust()
    try:
        trust = msgspec.json.decode(read_private(path, limit=_BYTES), type=Trust)
    except msgspec.MsgspecError as error:
        raise InputError(f"{path} is damaged ({error}): make it again with `patrol-hub watchlist trust`") from error
    for number, issuer in enumerate(trust.issuers):
        if problem := issuer_problem(issuer, trust.issuers[:number]):
            raise InputError(f"{path}: {problem}")
    return trust


def save_trust(path: Path, trust: Trust) -> None:
    """Write the trust file, durably.

    Raises:
        StoreError: It cannot be written; the older one is as it was.
    """
    write_file(path, msgspec.json.format(msgspec.json.encode(trust), indent=2) + b"\n")


def issuer_problem(issuer: Issuer, others: Sequence[Issuer]) -> str:
    """Say what is wrong with an issuer beside others; "" where nothing is."""
    if not issuer.name.strip():
        return "an issuer needs a name"
    if any(other.name == issuer.name for other in others):
        return f"the issuer {issuer.name} stands there twice"
    if any(len(key.public) != 32 for key in issuer.keys):
        return f"a key of {issuer.name} is no Ed25519 public key"
    if len({key.public for key in issuer.keys}) < len(issuer.keys):
        return f"two signers of {issuer.name} have the same key: each needs one of their own"
    if len({key.name for key in issuer.keys}) < len(issuer.keys):
        return f"two keys of {issuer.name} belong to the same signer: its lists are signed by two people"
    if len(issuer.keys) < SIGNERS:
        return f"{issuer.name} needs the keys of at least {SIGNERS} signers"
    taken = {key.public for other in others for key in other.keys}
    if any(key.public in taken for key in issuer.keys):
        return f"a key of {issuer.name} signs for another issuer already"
    return ""
