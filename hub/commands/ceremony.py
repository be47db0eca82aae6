"""`patrol-hub authority`, on an authority's own machine: found it, name issuers, publish, withdraw, sign, refresh.

No unit and no officer: whoever holds a key signs with it, and nothing counts before two have. Files and keys alone
are touched.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from msgspec import structs

from hub.authority.keys import load_public_key
from hub.authority.signers import open_signer
from hub.clocks import SystemClock
from hub.commands.console import say
from hub.commands.explain import numbered
from hub.errors import UsageError
from hub.watchlists.drafts import describe
from hub.watchlists.metadata import RoleKeys, Withdrawn
from hub.watchlists.package import verify_package
from hub.watchlists.package_info import read_info
from hub.watchlists.repository import AuthorityFolder
from hub.watchlists.trust import SignerKey


def init(folder: Path, keys: Sequence[Path], daily: Sequence[Path]) -> int:
    """Found an authority."""
    AuthorityFolder(folder).create(_public(keys), _public(daily), SystemClock().now())
    return _tell(folder)


def change_keys(folder: Path, keys: Sequence[Path], daily: Sequence[Path]) -> int:
    """Stage other keys of the authority."""
    AuthorityFolder(folder).set_keys(_public(keys), _public(daily), SystemClock().now())
    return _tell(folder)


def add_issuer(folder: Path, name: str, signers: Sequence[Path]) -> int:
    """Stage an issuer."""
    AuthorityFolder(folder).add_issuer(name, _public(signers), SystemClock().now())
    return _tell(folder)


def set_people(folder: Path, authority: Sequence[Path], commander: Sequence[Path]) -> int:
    """Stage who may sign orders and grants."""
    AuthorityFolder(folder).set_people(RoleKeys(_public(authority), _public(commander)), SystemClock().now())
    return _tell(folder)


def publish(folder: Path, file: Path, size: int) -> int:
    """Stage a list."""
    desk, now = AuthorityFolder(folder), SystemClock().now()
    info = read_info(file)
    if info.kind == "hot-list":  # what units would refuse is not published
        verify_package(file.read_bytes(), desk.issuers(), now)
    if size < 0 or (size and info.size > size):
        raise UsageError(f"{file} has {numbered(info.size, 'entry', 'entries')}: more than the {size} that were stated")
    desk.publish(file, structs.replace(info, size=size or info.size), now)
    return _tell(folder)


def revoke(
    folder: Path,
    *,
    lists: Sequence[str],
    orders: Sequence[str],
    grants: Sequence[str],
    keys: Sequence[Path],
    issuers: Sequence[str],
) -> int:
    """Stage a withdrawal."""
    more = Withdrawn(
        lists=tuple(map(_digest, lists)),
        orders=tuple(orders),
        grants=tuple(grants),
        keys=tuple(key.public.hex() for key in _public(keys)),
        issuers=tuple(issuers),
    )
    if more == Withdrawn():
        raise UsageError("say what is withdrawn: --list, --order, --grant, --withdraw-key or --issuer")
    desk = AuthorityFolder(folder)
    if unknown := sorted(set(issuers) - {issuer.name for issuer in desk.issuers().issuers}):
        raise UsageError(f"{unknown[0]} is no issuer here")
    desk.withdraw(more, SystemClock().now())
    return _tell(folder)


def renew(folder: Path, role: str) -> int:
    """Stage a role as it is for another time."""
    AuthorityFolder(folder).renew(role, SystemClock().now())
    return _tell(folder)


def sign(folder: Path, key: str) -> int:
    """Add one person's signature."""
    desk, signer = AuthorityFolder(folder), open_signer(key)
    for draft in desk.sign(signer):
        for line in desk.says(draft.role):
            say(f"  {line}")
        say(describe(draft))
    return 0


def refresh(folder: Path, keys: Sequence[str], days: int) -> int:
    """Bring into force what is signed."""
    done = AuthorityFolder(folder).refresh([open_signer(key) for key in keys], SystemClock().now(), days=days)
    for role in done.changed:
        say(f"{role} is in force")
    for draft in done.waiting:
        say(describe(draft))
    number, until = done.trusted.versions[1], done.trusted.expires
    say(f"{folder}: update {number} holds until {until:%Y-%m-%d %H:%M} UTC; hand metadata and targets to the units")
    return 0


def _tell(folder: Path) -> int:
    for draft in AuthorityFolder(folder).drafts():
        say(describe(draft))
    return 0


def _public(files: Sequence[Path]) -> tuple[SignerKey, ...]:
    return tuple(SignerKey(file.name.partition(".")[0], load_public_key(file)) for file in files)


def _digest(text: str) -> str:
    if re.fullmatch(r"[0-9a-fA-F]{64}", text):
        return text.lower()
    return read_info(Path(text)).digest
