"""An update of the trusted set, step by step: sections 5.3 to 5.6 of the TUF specification.

(https://theupdateframework.github.io/specification/latest/) A state machine that fetches nothing, writes nothing and
gets the time as an argument. It asks for one file after the other (`Wanted`) and believes nothing of a file before its
signatures, version, hash and date hold: root by root, then timestamp, snapshot, targets, the authority's two signed
files, the issuers' roles. An update is accepted whole or not at all.

One thing does not hold the others up: an issuer whose role has expired, or has lost signers, publishes nothing, and
the rest of the update counts; else whoever lets a role lapse could keep a withdrawal from a unit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Struct
from tuf.api.metadata import (  # type: ignore[attr-defined]
    DelegatedRole,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from hub.errors import TrustError
from hub.text import plain
from hub.watchlists.metadata import (
    METADATA_BYTES,
    PEOPLE,
    REVOKED,
    ROOT_BYTES,
    TARGET_BYTES,
    TIMESTAMP,
    TIMESTAMP_BYTES,
    RoleKeys,
    Withdrawn,
    check_pinned,
    check_signed,
    expired,
    holds,
    issuer_of,
    metadata_name,
    parse,
    pin,
    read_people,
    read_withdrawn,
    signers,
    target_name,
)
from hub.watchlists.trust import SIGNERS, Issuer, Trust, issuer_problem
from hub.watchlists.trusted_set import Anchor, Listing, TrustedSet

MOST_ROOTS: Final = 64
"""Roots that one update follows; a chain without end would keep a unit busy for ever."""
MOST_ISSUERS: Final = 64
LARGEST_LIST: Final = 2**31
"""Most bytes of a list's package file."""


class Wanted(Struct, frozen=True):
    """A file that an update needs next; the answer is its content, or None where there is none."""

    name: str
    most: int
    """Bytes that it may have; one more is read to see that it is too large."""


Steps: TypeAlias = Generator[Wanted, bytes | None, TrustedSet]
Files: TypeAlias = dict[str, bytes]
_Fetch: TypeAlias = Generator[Wanted, bytes | None, bytes]


class _Custom(Struct, frozen=True):
    """What an issuer says of a list, its ``custom`` metadata; other fields are ignored."""

    digest: str = ""
    purpose: str = ""
    size: int = 0
    model: str = ""


def steps(trusted: TrustedSet | Anchor, now: datetime) -> Steps:
    """Ask for one file after the other, and return what is trusted then.

    A file that was accepted before and is still wanted is not asked for again.

    Args:
        trusted: What was trusted before; it is not changed.
        now: The time, timezone-aware, floored by the newest log entry.

    Raises:
        TrustError: The update is refused; the message is the one reason.
    """
    before = trusted if isinstance(trusted, TrustedSet) else None
    kept: Mapping[str, bytes] = before.files if before else {}
    files: Files = {}
    root = yield from _roots(trusted, now, files)
    timestamp = yield from _timestamp(root.signed, before, now, files)

    meta = timestamp.signed.snapshot_meta
    name = metadata_name("snapshot", meta.version)
    snapshot = parse(Snapshot, (yield from _pinned(meta, name, METADATA_BYTES, kept, files)), name)
    check_signed(root.signed, "snapshot", snapshot, name)
    _check_version(snapshot, meta, name)
    _check_not_older(snapshot.signed, before, root.signed)
    _refuse(expired(snapshot.signed, "the snapshot", now))

    targets, _ = yield from _targets(root.signed, "targets", snapshot.signed, kept, files)
    _refuse(expired(targets.signed, "what the authority says", now))
    people = read_people((yield from _own(targets.signed, PEOPLE, kept, files)))
    withdrawn = read_withdrawn((yield from _own(targets.signed, REVOKED, kept, files)))

    issuers: list[Issuer] = []
    standing: list[Issuer] = []
    listings: list[Listing] = []
    ends: dict[str, datetime] = {}
    for role in _delegations(targets.signed):
        issuer = _issuer(targets.signed, role, issuers)
        issuers.append(issuer)
        left = tuple(key for key in issuer.keys if key.public.hex() not in withdrawn.keys)
        trusted_still = issuer.name not in withdrawn.issuers and len(left) >= SIGNERS
        if trusted_still:
            standing.append(Issuer(issuer.name, left))
        if f"{role.name}.json" not in snapshot.signed.meta:
            continue  # delegated, and nothing published yet
        published, signed_by = yield from _targets(targets.signed, role.name, snapshot.signed, kept, files)
        if published.signed.delegations is not None:
            raise TrustError(f"{role.name} delegates further: an issuer's lists are signed by its own signers")
        found = [_listing(issuer.name, role, each) for each in published.signed.targets.values()]
        if trusted_still and len(signed_by - set(withdrawn.keys)) >= SIGNERS:
            listings += found
            ends[issuer.name] = published.signed.expires
    return TrustedSet(
        files=MappingProxyType(files),
        root=root,
        timestamp=timestamp,
        snapshot=snapshot,
        targets=targets,
        issuers=Trust(tuple(standing)),
        people=_people_left(people, withdrawn),
        withdrawn=withdrawn,
        listings=tuple(listings),
        ends=MappingProxyType(ends),
    )


# ------------------------------------------------------------------------------------------- top level


def _roots(
    trusted: TrustedSet | Anchor, now: datetime, files: Files
) -> Generator[Wanted, bytes | None, Metadata[Root]]:
    """Follow the chain of roots: each new one is signed as the one before it asks, and as it asks itself."""
    if isinstance(trusted, TrustedSet):
        root = trusted.root
        data = trusted.files[metadata_name("root", root.signed.version)]
    else:
        data = _bounded(trusted.root, "the root", ROOT_BYTES)
        root = parse(Root, data, "the root")
        _check_root(root, "the root")
    for _ in range(MOST_ROOTS):
        name = metadata_name("root", root.signed.version + 1)
        fresh = yield Wanted(name, ROOT_BYTES)
        if fresh is None:
            break
        following = parse(Root, _bounded(fresh, name, ROOT_BYTES), name)
        if following.signed.version != root.signed.version + 1:
            raise TrustError(f"{name} says that it is version {following.signed.version}")
        check_signed(root.signed, "root", following, f"{name}, asked of the signers of the root before it,")
        _check_root(following, name)
        root, data = following, fresh
    else:
        raise TrustError(f"the update has over {MOST_ROOTS} new roots: take it in smaller steps")
    _refuse(expired(root.signed, "the root", now))
    files[metadata_name("root", root.signed.version)] = data
    return root


def _check_root(root: Metadata[Root], name: str) -> None:
    check_signed(root.signed, "root", root, name)
    for role, least in (("root", SIGNERS), ("targets", SIGNERS), ("snapshot", 1), ("timestamp", 1)):
        signers(root.signed, role, least=least)


def _timestamp(
    root: Root, before: TrustedSet | None, now: datetime, files: Files
) -> Generator[Wanted, bytes | None, Metadata[Timestamp]]:
    data = yield from _fetch(TIMESTAMP, TIMESTAMP_BYTES)
    fresh = parse(Timestamp, data, TIMESTAMP)
    check_signed(root, "timestamp", fresh, TIMESTAMP)
    # Where the root has taken the key away, versions that it signed bind nobody: a thief may have run them up (5.3.11).
    if before is not None and holds(root, "timestamp", before.timestamp):
        old, new = before.timestamp.signed, fresh.signed
        if new.version < old.version or new.snapshot_meta.version < old.snapshot_meta.version:
            raise TrustError(
                f"the update was rolled back: it is number {new.version} and this unit has had number {old.version}"
            )
        if new.version == old.version and fresh.signed_bytes != before.timestamp.signed_bytes:
            raise TrustError(f"two different updates say that they are number {new.version}: ask the authority")
    _refuse(expired(fresh.signed, "the timestamp", now))
    files[TIMESTAMP] = data
    return fresh


def _check_not_older(snapshot: Snapshot, before: TrustedSet | None, root: Root) -> None:
    if before is None or not holds(root, "snapshot", before.snapshot):
        return
    for name, old in before.snapshot.signed.meta.items():
        new = snapshot.meta.get(name)
        if new is None:
            raise TrustError(f"the update leaves out {plain(name, limit=80)}, which this unit has had")
        if new.version < old.version:
            raise TrustError(
                f"{plain(name, limit=80)} was rolled back to version {new.version}: this unit has had {old.version}"
            )
        if new.version == old.version and new.hashes != old.hashes:
            raise TrustError(f"two different {plain(name, limit=80)} say that they are version {new.version}")


# --------------------------------------------------------------------------------------------- targets


def _targets(
    delegator: Root | Targets, role: str, snapshot: Snapshot, kept: Mapping[str, bytes], files: Files
) -> Generator[Wanted, bytes | None, tuple[Metadata[Targets], set[str]]]:
    """Return a role's targets and the public keys, hexadecimal, whose signatures of it hold."""
    meta = snapshot.meta.get(f"{role}.json")
    if meta is None:
        raise TrustError(f"the snapshot does not name {role}.json")
    name = metadata_name(role, meta.version)
    found = parse(Targets, (yield from _pinned(meta, name, METADATA_BYTES, kept, files)), name)
    signed_by = check_signed(delegator, role, found, name)
    _check_version(found, meta, name)
    return found, signed_by


def _own(targets: Targets, path: str, kept: Mapping[str, bytes], files: Files) -> _Fetch:
    """Return one of the two files that the authority itself signs for."""
    target = targets.targets.get(path)
    if target is None:
        raise TrustError(f"the authority's targets do not name {path}")
    digest, _ = pin(target, path, TARGET_BYTES)
    return (yield from _pinned(target, target_name(path, digest), TARGET_BYTES, kept, files))


def _delegations(targets: Targets) -> tuple[DelegatedRole, ...]:
    if targets.delegations is None:
        return ()
    if targets.delegations.roles is None:
        raise TrustError("the authority delegates to roles without a name: every issuer has its own")
    if len(targets.delegations.roles) > MOST_ISSUERS:
        raise TrustError(f"the authority delegates to over {MOST_ISSUERS} issuers")
    return tuple(targets.delegations.roles.values())


def _issuer(targets: Targets, role: DelegatedRole, others: list[Issuer]) -> Issuer:
    issuer = Issuer(issuer_of(role), signers(targets, role.name, least=SIGNERS))
    _refuse(issuer_problem(issuer, others))
    return issuer


def _listing(issuer: str, role: DelegatedRole, target: TargetFile) -> Listing:
    path = target.path
    if not role.is_delegated_path(path) or plain(path) != path or path.endswith(("/", "/.", "/..")):
        raise TrustError(f"{role.name} publishes {plain(path, limit=80)!r}, which is none of its lists")
    digest, length = pin(target, path, LARGEST_LIST)
    custom: Any = target.custom
    try:
        said = msgspec.convert({} if custom is None else custom, _Custom)
    except msgspec.ValidationError as error:
        raise TrustError(f"what {role.name} says of {path} is damaged: {plain(str(error), limit=80)}") from error
    return Listing(issuer, path, digest, length, said.digest, said.purpose, said.size, said.model)


def _people_left(people: RoleKeys, withdrawn: Withdrawn) -> RoleKeys:
    return RoleKeys(
        tuple(key for key in people.authority if key.public.hex() not in withdrawn.keys),
        tuple(key for key in people.commander if key.public.hex() not in withdrawn.keys),
    )


# --------------------------------------------------------------------------------------------- one file


def _fetch(name: str, most: int) -> _Fetch:
    data = yield Wanted(name, most)
    if data is None:
        raise TrustError(f"{name} is missing")
    return _bounded(data, name, most)


def _pinned(meta: MetaFile | TargetFile, name: str, most: int, kept: Mapping[str, bytes], files: Files) -> _Fetch:
    """Return the file that signed metadata names by hash: the one that is kept where it is the same."""
    digest, length = pin(meta, name, most)
    have = kept.get(name)
    if have is None or hashlib.sha256(have).hexdigest() != digest:
        have = yield from _fetch(name, length)
    check_pinned(meta, have, name, most)
    files[name] = have
    return have


def _bounded(data: bytes, name: str, most: int) -> bytes:
    if len(data) > most:
        raise TrustError(f"{name} is too large: over {most} bytes")
    return data


def _check_version(metadata: Metadata[Snapshot] | Metadata[Targets], meta: MetaFile, name: str) -> None:
    if metadata.signed.version != meta.version:
        raise TrustError(f"{name} says that it is version {metadata.signed.version}: files of two updates were mixed")


def _refuse(problem: str) -> None:
    if problem:
        raise TrustError(problem)
