"""What a unit trusts after its newest accepted update: who may issue lists, which lists are in force, who may sign.

TUF metadata (https://theupdateframework.github.io/specification/latest/) over python-tuf's metadata classes, under a
state machine of our own that gets the time as an argument. Fetching is `hub.watchlists.updating`'s, making the
metadata `hub.watchlists.repository`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

from hub.watchlists.trust import SignerKey, Trust

TRUSTED_FOLDER: Final = "authority"
"""Name of the folder in the state folder that `open_trusted` reads."""


class RoleKeys(Struct, frozen=True, forbid_unknown_fields=True):
    """Who may sign orders, grants and their withdrawal; nobody stands in both roles."""

    authority: tuple[SignerKey, ...] = ()
    commander: tuple[SignerKey, ...] = ()


class Repository(Struct, frozen=True):
    """What was fetched, by file name; as untrusted as it gets."""

    files: Mapping[str, bytes]


class TrustedSet:
    """What a unit trusts; immutable."""

    @property
    def issuers(self) -> Trust:
        """Whoever may issue lists, with their signers."""
        raise NotImplementedError

    @property
    def people(self) -> RoleKeys:
        """Who may sign orders and grants."""
        raise NotImplementedError

    @property
    def revoked(self) -> frozenset[str]:
        """What the authority withdrew: SHA-256 (hexadecimal) of lists, identifiers of orders and grants."""
        raise NotImplementedError

    def admits(self, digest: str, now: datetime, *, issuer: str = "") -> str:
        """Say why a list may not be used; "" where it may.

        Args:
            digest: SHA-256, hexadecimal, of the package file or of the content that its envelope signs.
            now: The time, timezone-aware, floored by the newest log entry.
            issuer: Name of the issuer that the list claims; "" asks for any.
        """
        raise NotImplementedError


def open_trusted(folder: Path) -> TrustedSet | None:
    """Return what the unit has kept, or None where no authority was ever trusted."""
    raise NotImplementedError


def update(trusted: TrustedSet, fetched: Repository, now: datetime) -> TrustedSet:
    """Return what is trusted after an update; raises `NotAllowedError` with the reason, and nothing has changed."""
    raise NotImplementedError
