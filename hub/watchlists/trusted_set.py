"""What a unit trusts after its newest accepted update, as a record: issuers, lists in force, people, what is withdrawn.

It answers and changes nothing. How one comes about is `hub.watchlists.steps`', keeping it `hub.watchlists.trusted`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp  # type: ignore[attr-defined]

from hub.watchlists.metadata import RoleKeys, Withdrawn, expired, target_name
from hub.watchlists.trust import Trust


class Anchor(Struct, frozen=True):
    """A first root, which came on a way of its own: whoever hands it over decides whom the unit trusts."""

    root: bytes


class Repository(Struct, frozen=True):
    """What was fetched, by file name below the repository; as untrusted as it gets."""

    files: Mapping[str, bytes]


class Listing(Struct, frozen=True):
    """A list that its issuer publishes now."""

    issuer: str
    path: str
    """Name of the target: a newer list takes the place of an older one of the same path."""
    file_digest: str
    """SHA-256 of the package file, hexadecimal."""
    length: int
    """Bytes of the package file."""
    content_digest: str = ""
    """SHA-256 of the content that the package's envelope signs; "" where the issuer did not say."""
    purpose: str = ""
    size: int = 0
    """Entries, as the issuer states; 0 where it did not say."""
    model: str = ""
    """SHA-256 of the model that templates were made with; "" where there are none."""

    @property
    def name(self) -> str:
        """Short name, unique among its issuer's lists."""
        return self.path.rpartition("/")[2]

    @property
    def file(self) -> str:
        """Where the package file lies in the repository."""
        return target_name(self.path, self.file_digest)


class TrustedSet(Struct, frozen=True, eq=False):
    """What a unit trusts. Made by `update` and `open_trusted` alone."""

    files: Mapping[str, bytes]
    """The files that were accepted, by name."""
    root: Metadata[Root]
    timestamp: Metadata[Timestamp]
    snapshot: Metadata[Snapshot]
    targets: Metadata[Targets]
    issuers: Trust
    """Whoever may issue lists, with the signers whose keys were not withdrawn."""
    people: RoleKeys
    """Who may sign orders and grants, those whose keys were withdrawn left out; ask `standing` first."""
    withdrawn: Withdrawn
    listings: tuple[Listing, ...]
    ends: Mapping[str, datetime]
    """When what an issuer publishes expires, by its name."""

    @property
    def revoked(self) -> frozenset[str]:
        """What the authority withdrew: SHA-256 (hexadecimal) of lists, identifiers of orders and grants."""
        return frozenset((*self.withdrawn.lists, *self.withdrawn.orders, *self.withdrawn.grants))

    @property
    def expires(self) -> datetime:
        """When all of it ends unless a newer update is accepted."""
        return min(each.signed.expires for each in (self.root, self.timestamp, self.snapshot, self.targets))

    @property
    def versions(self) -> tuple[int, int, int, int]:
        """Versions of root, timestamp, snapshot and targets."""
        signed = (self.root.signed, self.timestamp.signed, self.snapshot.signed, self.targets.signed)
        return signed[0].version, signed[1].version, signed[2].version, signed[3].version

    def standing(self, now: datetime) -> str:
        """Say why nothing of this may be relied on any more; "" while it may.

        Args:
            now: The time, timezone-aware, floored by the newest log entry.
        """
        return (
            expired(self.root.signed, "the root", now)
            or expired(self.timestamp.signed, "the timestamp", now)
            or expired(self.snapshot.signed, "the snapshot", now)
            or expired(self.targets.signed, "what the authority says", now)
        )

    def admits(self, digest: str, now: datetime, *, issuer: str = "") -> str:
        """Say why a list may not be used; "" where it may.

        Args:
            digest: SHA-256, hexadecimal, of the package file or of the content that its envelope signs.
            now: The time, timezone-aware, floored by the newest log entry.
            issuer: Name of the issuer whose signatures the list carries; "" asks for any.
        """
        if reason := self.standing(now):
            return reason
        if digest in self.withdrawn.lists:
            return "the authority has withdrawn this list"
        found = [each for each in self.listings if digest and digest in (each.file_digest, each.content_digest)]
        if any({each.file_digest, each.content_digest} & set(self.withdrawn.lists) for each in found):
            return "the authority has withdrawn this list"
        published = [each for each in found if issuer in ("", each.issuer)]
        if not published:
            return (
                "this list is not what its issuer publishes now: it was superseded, taken back or never published; "
                "load the newest"
            )
        name = published[0].issuer
        if now >= self.ends[name]:
            return f"what {name} publishes expired at {self.ends[name]:%Y-%m-%d %H:%M} UTC: its signers renew it"
        return ""
