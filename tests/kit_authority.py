"""Test kit: an authority with its people and keys, which runs its own ceremony in a folder, and what a unit gets of it.

Everything is made with fixed keys and the time that a test gives.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.formats import encode_canonical

from hub.authority.keys import KeySigner
from hub.messages import Field
from hub.watchlists.metadata import TIMESTAMP, RoleKeys, library_key
from hub.watchlists.package import HOT_LIST, HotList, ListEntry, build_package, sign_package
from hub.watchlists.package_info import read_info
from hub.watchlists.repository import AuthorityFolder
from hub.watchlists.trust import SignerKey
from hub.watchlists.trusted import Anchor, Repository, TrustedSet, update

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NORTH = "North District"
SOUTH = "South District"


def signer(name: str) -> KeySigner:
    """Return somebody's key, the same at every call."""
    return KeySigner(name, Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"#")[:32]))


def public(name: str) -> SignerKey:
    """Return somebody's public key."""
    return SignerKey(name, signer(name).public)


def hot_list(
    version: int = 1, *, issuer: str = NORTH, signers: tuple[str, ...] = ("cleo", "dan"), days: int = 7
) -> bytes:
    """Return a small signed hot-list."""
    fields = {
        "plate": "4721XKP",
        "category": "stolen_vehicle",
        "legal_basis": "Police Act s. 9",
        "issuing_authority": issuer,
        "expires": (NOW + timedelta(days=days)).date().isoformat(),
    }
    content = HotList(
        kind=HOT_LIST,
        name="stolen",
        issuer=issuer,
        authority="Police Act s. 9",
        purpose="stolen vehicles",
        place="North District",
        created=NOW - timedelta(hours=1),
        expires=NOW + timedelta(days=days),
        version=version,
        entries=(ListEntry("V-1", tuple(Field(name, value) for name, value in fields.items())),),
    )
    package = build_package(content)
    for name in signers:
        package = sign_package(package, signer(name))
    return package


class Ceremony:
    """An authority whose root and targets Anna and Ben sign, two issuers, and a unit that follows."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "authority"
        self.desk = AuthorityFolder(self.path)
        self.scratch = folder / "list.json"

    def begin(self, now: datetime = NOW) -> Ceremony:
        """Found the authority, with North District as its issuer and who may sign orders."""
        (self.path / "staged").mkdir(parents=True)
        for name, content in _founded(now).items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_bytes(content)
        return self

    def _found(self, now: datetime) -> Ceremony:
        self.desk.create([public("anna"), public("ben")], [public("daily")], now)
        self.desk.add_issuer(NORTH, [public("cleo"), public("dan")], now)
        self.desk.set_people(RoleKeys((public("judge"),), (public("chief"),)), now)
        self.sign("anna", "ben")
        self.refresh(now)
        return self

    def sign(self, *names: str) -> None:
        """Let people sign what waits."""
        for name in names:
            self.desk.sign(signer(name))

    def refresh(self, now: datetime = NOW, *, days: int = 7, by: str = "daily") -> TrustedSet:
        """Bring into force what is signed."""
        return self.desk.refresh([signer(by)], now, days=days).trusted

    def publish(self, package: bytes, now: datetime = NOW, *, signers: tuple[str, ...] = ("cleo", "dan")) -> bytes:
        """Publish a list and bring it into force."""
        self.scratch.write_bytes(package)
        self.desk.publish(self.scratch, read_info(self.scratch), now)
        self.sign(*signers)
        self.refresh(now)
        return package

    def files(self) -> dict[str, bytes]:
        """Return the repository as a unit would fetch it."""
        return {
            str(file.relative_to(self.path)): file.read_bytes()
            for folder in ("metadata", "targets")
            for file in (self.path / folder).rglob("*")
            if file.is_file()
        }

    def anchor(self) -> Anchor:
        """Return the first root."""
        return Anchor((self.path / "metadata" / "1.root.json").read_bytes())

    def unit(self, trusted: TrustedSet | None = None, now: datetime = NOW) -> TrustedSet:
        """Return what a unit trusts after it took an update."""
        return update(trusted or self.anchor(), Repository(self.files()), now)


@cache
def _founded(now: datetime) -> dict[str, bytes]:
    """Found an authority once, and return its files: each durable write waits for a disk."""
    with TemporaryDirectory() as folder:
        path = Ceremony(Path(folder))._found(now).path
        return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def forge(
    files: Mapping[str, bytes],
    role: str,
    change: Callable[[dict[str, Any]], object],
    *,
    by: Sequence[str],
    again: bool = True,
    daily: str = "daily",
) -> dict[str, bytes]:
    """Return a repository in which one role says something else, as somebody who holds some of the keys could make it.

    Args:
        files: The repository.
        role: The role whose newest version is changed, in place.
        change: Changes the signed part, as a dictionary.
        by: Whose keys sign the change; nobody's leaves it unsigned.
        again: Name the change in snapshot and timestamp, under the next update's number.
        daily: Whose key signs these two.
    """
    forged = dict(files)
    name = newest(files, role)
    forged[name] = resign(files[name], change, by)
    if not again:
        return forged
    snapshot_name = newest(files, "snapshot")
    if role not in ("snapshot", "timestamp", "root"):
        forged[snapshot_name] = resign(
            forged[snapshot_name], lambda signed: pin_again(signed["meta"][f"{role}.json"], forged[name]), [daily]
        )
    if role != "timestamp":

        def follow(signed: dict[str, Any]) -> None:
            signed["version"] += 1
            pin_again(signed["meta"]["snapshot.json"], forged[snapshot_name])

        forged[TIMESTAMP] = resign(forged[TIMESTAMP], follow, [daily])
    return forged


def newest(files: Mapping[str, bytes], role: str) -> str:
    """Return the file of the newest version of a role."""
    if role == "timestamp":
        return TIMESTAMP
    versions = [name for name in files if name.startswith("metadata/") and name.endswith(f".{role}.json")]
    return max(versions, key=lambda name: int(name.removeprefix("metadata/").partition(".")[0]))


def resign(data: bytes, change: Callable[[dict[str, Any]], object], by: Sequence[str]) -> bytes:
    """Return metadata with its signed part changed and signed by some people."""
    whole = json.loads(data)
    change(whole["signed"])
    message = encode_canonical(whole["signed"])
    assert message is not None
    whole["signatures"] = [
        {"keyid": library_key(public(name)).keyid, "sig": signer(name).sign(message.encode()).hex()} for name in by
    ]
    return json.dumps(whole).encode()


def pin_again(meta: dict[str, Any], data: bytes) -> None:
    """Name other bytes in metadata."""
    meta.update(length=len(data), hashes={"sha256": hashlib.sha256(data).hexdigest()})
