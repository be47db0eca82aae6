"""A unit of commands that follows an authority, which names the unit's two test signers as its issuer's.

Founded and signed through the authority's own code; the unit takes each update by command, as an officer would.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from hub.authority.keys import KeySigner, load_key
from hub.watchlists.package_info import read_info
from hub.watchlists.repository import AuthorityFolder
from hub.watchlists.trust import SignerKey
from tests.kit import ISSUER, PASSPHRASES, Unit
from tests.kit_authority import public, signer


def follow(unit: Unit) -> None:
    """Found an authority for the keys ``first.pem`` and ``second.pem``, and have a supervisor hand over its root."""
    desk, now = AuthorityFolder(unit.folder / "authority"), datetime.now(UTC)
    desk.create([public("anna"), public("ben")], [public("daily")], now)
    desk.add_issuer(ISSUER, [SignerKey(each.name, each.public) for each in _issuers(unit)], now)
    for name in ("anna", "ben"):
        desk.sign(signer(name))
    desk.refresh([signer("daily")], now)
    root = unit.folder / "authority/metadata/1.root.json"
    words = ("authority", "update", str(unit.folder / "authority"), "--root", str(root), "--officer", "100")
    assert unit.run(*words, stdin=PASSPHRASES["100"]).status == 0


def publish(unit: Unit, file: Path) -> None:
    """Have the issuer publish a list, and the officer who is signed in take the update."""
    desk, now = AuthorityFolder(unit.folder / "authority"), datetime.now(UTC)
    desk.publish(file, read_info(file), now)
    for each in _issuers(unit):
        desk.sign(each)
    desk.refresh([signer("daily")], now)
    assert unit.run("authority", "update", str(unit.folder / "authority")).status == 0


def _issuers(unit: Unit) -> tuple[KeySigner, ...]:
    first, second = (load_key(unit.folder / f"{name}.pem", name) for name in ("first", "second"))
    return first, second
