"""What an authority's own machine does: say who may issue lists and sign orders, publish lists, withdraw, renew.

One folder: ``metadata/`` and ``targets/`` are what units fetch or get on a stick; ``staged/`` holds what waits for
signatures. A change is staged by anybody and signed by one person at a time with `sign`; `refresh` brings into force
what has all its signatures, and nothing that a unit would not accept: it runs the unit's own state machine first.
Nothing here opens a socket. Times are passed in.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final, TypeVar

import msgspec
from msgspec import Struct, structs
from tuf.api.metadata import (  # type: ignore[attr-defined]
    Delegations,
    Metadata,
    MetaFile,
    Role,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from hub.authority.files import make_folder, replacing, write_file
from hub.authority.keys import Signer
from hub.authority.signers import LibrarySigner
from hub.errors import InputError, StoreError, UsageError
from hub.watchlists.drafts import Draft, describe, draft_of, says
from hub.watchlists.metadata import (
    PEOPLE,
    REVOKED,
    ROOT_BYTES,
    TIMESTAMP,
    RoleKeys,
    Withdrawn,
    holds,
    issuer_of,
    issuer_role,
    library_key,
    list_path,
    metadata_name,
    parse,
    people_problem,
    pin,
    read_people,
    read_withdrawn,
    role_of,
    signer_key,
    target_name,
)
from hub.watchlists.package_info import PackageInfo
from hub.watchlists.steps import LARGEST_LIST, Wanted, steps
from hub.watchlists.trust import SIGNERS, Issuer, SignerKey, Trust, add_issuer
from hub.watchlists.trusted import EVER, Anchor, TrustedSet, drive, read_below

ROOT_LASTS: Final = timedelta(days=365)
TARGETS_LAST: Final = timedelta(days=92)
"""Who may issue and sign: to be signed again each quarter."""
LISTS_LAST: Final = timedelta(days=31)
"""What an issuer publishes: to be signed again each month."""
DAYS: Final = 7
"""Days for which a refresh holds: so long can a unit be kept from hearing of a withdrawal."""
MOST_DAYS: Final = 31

S = TypeVar("S", Root, Targets)


class Refreshed(Struct, frozen=True):
    """What a refresh brought into force."""

    trusted: TrustedSet
    """As a unit sees it now."""
    changed: tuple[str, ...]
    """Roles that were brought into force."""
    waiting: tuple[Draft, ...]
    """What still waits for signatures."""


class AuthorityFolder:
    """An authority's folder.

    Args:
        folder: The folder; `create` makes it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._staged = folder / "staged"

    # ------------------------------------------------------------------------------------------ what there is

    def published(self) -> TrustedSet | None:
        """Return what is published, expired or not; None where nothing is yet.

        Raises:
            TrustError: It does not verify.
            InputError: The folder is none of an authority's.
        """
        first = read_below(self._folder, metadata_name("root", 1), ROOT_BYTES)
        if first is None:
            if not self._staged.is_dir():
                raise InputError(f"{self._folder} is no folder of an authority: make one with `authority init`")
            return None
        return drive(steps(Anchor(first), EVER), self._read)

    def drafts(self) -> tuple[Draft, ...]:
        """Return what waits, in the order in which it takes effect."""
        published = self.published()
        root = published.root.signed if published else None
        targets = published.targets.signed if published else None
        found = []
        for role in self._waiting():
            if role == "root":
                fresh = self._read_draft(Root, role)
                draft = draft_of(role, fresh, fresh.signed, *((root,) if root else ()))
                root = fresh.signed if draft.ready else root
            else:
                staged = self._read_draft(Targets, role)
                newest = self._newest(Root, "root") if role == "targets" else self._newest(Targets, "targets")
                in_force = root if role == "targets" else targets
                draft = draft_of(role, staged, newest)
                if in_force is None or not holds(in_force, role, staged):
                    draft = structs.replace(draft, ready=False)
                targets = staged.signed if role == "targets" and draft.ready else targets
            found.append(draft)
        return tuple(found)

    def says(self, role: str) -> tuple[str, ...]:
        """Return what a draft says, one line each, for whoever is about to sign it."""
        if role == "root":
            return says(self._read_draft(Root, role).signed)
        signed = self._read_draft(Targets, role).signed
        return says(signed, self.people(), self.withdrawn()) if role == "targets" else says(signed)

    def people(self) -> RoleKeys:
        """Return who may sign orders, as staged or published."""
        return read_people(self._own(PEOPLE))

    def withdrawn(self) -> Withdrawn:
        """Return what is withdrawn, as staged or published."""
        return read_withdrawn(self._own(REVOKED))

    def issuers(self) -> Trust:
        """Return the issuers, as staged or published."""
        targets = self._newest(Targets, "targets")
        return Trust(
            tuple(
                Issuer(issuer_of(role), tuple(signer_key(targets.get_key(keyid)) for keyid in role.keyids))
                for role in _roles(targets).values()
            )
        )

    # ----------------------------------------------------------------------------------------------- changes

    def create(self, keys: Sequence[SignerKey], daily: Sequence[SignerKey], now: datetime) -> None:
        """Stage a first root: who may sign root and targets, two of them at a time, and whose key signs each refresh.

        Raises:
            UsageError: There is one already, or the keys are not of at least two people.
            StoreError: The folder cannot be written.
        """
        if (self._folder / "metadata").exists() or self._staged.exists():
            raise UsageError(f"{self._folder} is the folder of an authority already")
        root = Root(version=1, expires=_whole(now + ROOT_LASTS))
        _set_keys(root, keys, daily)
        try:
            for folder in (self._folder / "metadata", self._folder / "targets", self._staged):
                make_folder(folder)
        except OSError as error:
            raise StoreError(f"{self._folder} cannot be made: {error.strerror}") from error
        targets = Targets(version=1, expires=_whole(now + TARGETS_LAST), delegations=Delegations({}, {}))
        self._put_own(targets, PEOPLE, RoleKeys())
        self._put_own(targets, REVOKED, Withdrawn())
        self._stage("targets", targets)
        self._stage("root", root)

    def set_keys(self, keys: Sequence[SignerKey], daily: Sequence[SignerKey], now: datetime) -> None:
        """Stage a root with other keys: it needs the signatures that the old root asks for, and those of its own."""
        root = self._edit(Root, "root", now + ROOT_LASTS)
        _set_keys(root, keys, daily)
        self._stage("root", root)

    def add_issuer(self, name: str, keys: Sequence[SignerKey], now: datetime) -> None:
        """Stage an issuer, or other keys for one that there is.

        Raises:
            UsageError: Fewer than two signers, or a key that signs for another issuer.
        """
        role = role_of(name)
        targets = self._edit(Targets, "targets", now + TARGETS_LAST)
        add_issuer(self.issuers(), name, keys)
        if role in (roles := _roles(targets)) and issuer_of(roles[role]) != name:
            raise UsageError(f"{name} would publish under the same name as {issuer_of(roles[role])}: call it otherwise")
        roles[role] = issuer_role(role, name, keys)
        known = dict(targets.delegations.keys) if targets.delegations else {}
        known |= {made.keyid: made for made in map(library_key, keys)}
        used = {keyid for each in roles.values() for keyid in each.keyids}
        targets.delegations = Delegations({keyid: known[keyid] for keyid in used}, roles)
        self._stage("targets", targets)

    def set_people(self, people: RoleKeys, now: datetime) -> None:
        """Stage who may sign orders and grants.

        Raises:
            UsageError: A person or a key stands there twice.
        """
        if problem := people_problem(people):
            raise UsageError(problem)
        targets = self._edit(Targets, "targets", now + TARGETS_LAST)
        self._put_own(targets, PEOPLE, people)
        self._stage("targets", targets)

    def withdraw(self, more: Withdrawn, now: datetime) -> Withdrawn:
        """Stage the withdrawal of lists, orders, grants, keys and issuers, and return all that is withdrawn then."""
        targets = self._edit(Targets, "targets", now + TARGETS_LAST)
        old = self.withdrawn()
        whole = Withdrawn(**{
            name: tuple(sorted({*getattr(old, name), *getattr(more, name)})) for name in Withdrawn.__struct_fields__
        })  # fmt: skip
        self._put_own(targets, REVOKED, whole)
        self._stage("targets", targets)
        return whole

    def publish(self, package: Path, info: PackageInfo, now: datetime) -> str:
        """Stage a list in its issuer's role, in place of the one of that name, and return the role.

        Args:
            package: The list's file; it is copied.
            info: What stands in the metadata beside it.
            now: The time.

        Raises:
            UsageError: The issuer is not one of this authority's.
            InputError: The file cannot be read, or is too large.
        """
        role = role_of(info.issuer)
        if role not in _roles(self._newest(Targets, "targets")):
            raise UsageError(f"{info.issuer} is no issuer here: add it with `authority add-issuer`")
        path = list_path(role, info.name)
        try:
            with package.open("rb") as file:
                target = TargetFile.from_data(path, file)
                if target.length > LARGEST_LIST:
                    raise InputError(f"{package} is too large for a list: over {LARGEST_LIST // 2**30} GB")
                file.seek(0)
                self._put_target(target, file)
        except OSError as error:
            raise InputError(f"{package} cannot be read: {error.strerror}") from error
        said = {"digest": info.digest, "purpose": info.purpose, "size": info.size, "model": info.model}
        target.unrecognized_fields["custom"] = {name: value for name, value in said.items() if value}
        targets = self._edit(Targets, role, now + LISTS_LAST)
        targets.targets[path] = target
        self._stage(role, targets)
        return role

    def renew(self, role: str, now: datetime) -> None:
        """Stage a role as it is, to be signed again for another time: ``root``, ``targets`` or an issuer's name."""
        if role == "root":
            self._stage(role, self._edit(Root, role, now + ROOT_LASTS))
        elif role == "targets":
            self._stage(role, self._edit(Targets, role, now + TARGETS_LAST))
        else:
            self._stage(role_of(role), self._edit(Targets, role_of(role), now + LISTS_LAST))

    # ----------------------------------------------------------------------------------------------- signing

    def sign(self, signer: Signer) -> tuple[Draft, ...]:
        """Add one person's signature to everything that waits and that this key may sign; return that.

        Raises:
            UsageError: Nothing waits that this key may sign.
        """
        signed = []
        for draft in self.drafts():
            if signer.public in {key.public for key in draft.may_sign}:
                metadata: Metadata[Any] = self._read_draft(Root if draft.role == "root" else Targets, draft.role)
                metadata.sign(LibrarySigner(signer), append=True)
                self._write_draft(draft.role, metadata)
                signed.append(draft.role)
        if not signed:
            raise UsageError(f"nothing waits here that the key of {signer.name} may sign")
        return tuple(draft for draft in self.drafts() if draft.role in signed)

    def refresh(self, signers: Sequence[Signer], now: datetime, *, days: int = DAYS) -> Refreshed:
        """Bring into force what has its signatures, under a new snapshot and timestamp that hold for some days.

        Args:
            signers: The keys that sign snapshot and timestamp.
            now: The time.
            days: Days for which units rely on it, 1 to `MOST_DAYS`.

        Raises:
            UsageError: The first root or targets lack signatures, or a key may not sign a refresh.
            TrustError: A unit would refuse the result, such as because something has expired; nothing was published.
            StoreError: It cannot be written; what was published before stands.
        """
        if not 1 <= days <= MOST_DAYS:
            raise UsageError(f"a refresh holds for 1 to {MOST_DAYS} days")
        published = self.published()
        drafts = {draft.role: draft for draft in self.drafts()}
        ready = [role for role, draft in drafts.items() if draft.ready]
        meta = dict(published.snapshot.signed.meta) if published else {}
        files = {metadata_name(role, drafts[role].version): self._draft_bytes(role) for role in ready}
        for role in ready:
            if role != "root":
                version = drafts[role].version
                meta[f"{role}.json"] = MetaFile.from_data(version, files[metadata_name(role, version)], ["sha256"])
        if "root" in ready:
            root = self._read_draft(Root, "root").signed
        elif published:
            root = published.root.signed
        else:
            raise UsageError(f"nothing is published yet: {describe(drafts['root'])}")
        if "targets.json" not in meta:
            raise UsageError(f"nothing is published yet: {describe(drafts['targets'])}")
        until = _whole(now + timedelta(days=days))
        snapshot = Snapshot(version=published.snapshot.signed.version + 1 if published else 1, expires=until, meta=meta)
        data = _signed(snapshot, "snapshot", root, signers)
        files[metadata_name("snapshot", snapshot.version)] = data
        timestamp = Timestamp(
            version=published.timestamp.signed.version + 1 if published else 1,
            expires=until,
            snapshot_meta=MetaFile.from_data(snapshot.version, data, ["sha256"]),
        )
        files[TIMESTAMP] = _signed(timestamp, "timestamp", root, signers)

        before = published or Anchor(files[metadata_name("root", 1)])
        trusted = drive(steps(before, now), lambda wanted: files.get(wanted.name) or self._read(wanted))
        for name, content in files.items():  # the timestamp comes last: until then units see what was there before
            write_file(self._folder / name, content, mode=0o644)
        for role in ready:
            (self._staged / f"{role}.json").unlink(missing_ok=True)
        return Refreshed(trusted, tuple(ready), tuple(draft for draft in drafts.values() if not draft.ready))

    # ------------------------------------------------------------------------------------------------- files

    def _read(self, wanted: Wanted) -> bytes | None:
        return read_below(self._folder, wanted.name, wanted.most)

    def _waiting(self) -> list[str]:
        names = [file.stem for file in self._staged.glob("*.json")] if self._staged.is_dir() else []
        return [role for role in _FIRST if role in names] + sorted(set(names) - set(_FIRST))

    def _draft_bytes(self, role: str) -> bytes:
        try:
            return (self._staged / f"{role}.json").read_bytes()
        except OSError as error:
            raise InputError(f"{self._staged / role}.json cannot be read: {error.strerror}") from error

    def _read_draft(self, kind: type[S], role: str) -> Metadata[S]:
        return parse(kind, self._draft_bytes(role), f"staged {role}.json")

    def _write_draft(self, role: str, metadata: Metadata[Any]) -> None:
        write_file(self._staged / f"{role}.json", metadata.to_bytes(), mode=0o644)

    def _stage(self, role: str, signed: Root | Targets) -> None:
        """Let a change wait. Signatures of an older draft are gone with it: they were made for something else."""
        try:
            make_folder(self._staged)
        except OSError as error:
            raise StoreError(f"{self._staged} cannot be made: {error.strerror}") from error
        self._write_draft(role, Metadata(signed))

    def _newest(self, kind: type[S], role: str) -> S:
        """Return a role as it is staged, or else published.

        Raises:
            InputError: It is neither.
        """
        if role in self._waiting():
            return self._read_draft(kind, role).signed
        published = self.published()
        data = None
        if published is not None:
            of_role = [name for name in published.files if name.endswith(f".{role}.json")]
            data = published.files[of_role[0]] if of_role else None
        if data is None:
            raise InputError(f"{self._folder} has nothing of {role} yet")
        return parse(kind, data, role).signed

    def _edit(self, kind: type[S], role: str, until: datetime) -> S:
        """Return a role to be changed: the draft, or what is published under the next version."""
        try:
            signed = self._newest(kind, role)
        except InputError:
            if role in _FIRST:
                raise
            return kind(version=1, expires=_whole(until))
        if role not in self._waiting():
            signed.version += 1
        signed.expires = _whole(until)
        return signed

    def _own(self, path: str) -> bytes:
        target = self._newest(Targets, "targets").targets[path]
        name = target_name(path, pin(target, path, LARGEST_LIST)[0])
        data = read_below(self._folder, name, target.length)
        if data is None:
            raise InputError(f"{self._folder / name} is missing")
        return data

    def _put_own(self, targets: Targets, path: str, content: Struct) -> None:
        data = msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n"
        target = targets.targets[path] = TargetFile.from_data(path, data)
        write_file(self._folder / target_name(path, pin(target, path, LARGEST_LIST)[0]), data, mode=0o644)

    def _put_target(self, target: TargetFile, file: IO[bytes]) -> None:
        place = self._folder / target_name(target.path, pin(target, target.path, LARGEST_LIST)[0])
        make_folder(place.parent)
        with replacing(place, mode=0o644) as copy:
            shutil.copyfileobj(file, copy)


_FIRST: Final = ("root", "targets")
"""Roles without which nothing can be published, in the order in which they take effect."""


def _roles(targets: Targets) -> dict[str, Any]:
    return dict(targets.delegations.roles or {}) if targets.delegations else {}


def _set_keys(root: Root, keys: Sequence[SignerKey], daily: Sequence[SignerKey]) -> None:
    for group, least, what in ((keys, SIGNERS, "root and targets need"), (daily, 1, "a refresh needs")):
        people = {key.name for key in group}
        if len(people) < least or len(people) < len(group) or len({key.public for key in group}) < len(group):
            raise UsageError(f"{what} the keys of at least {least} different people")
    root.keys = {}
    root.roles = {role: Role([], 1) for role in ("root", "targets", "snapshot", "timestamp")}
    for role, entry in root.roles.items():
        entry.threshold = SIGNERS if role in _FIRST else 1
        for key in keys if role in _FIRST else daily:
            root.add_key(library_key(key), role)


def _signed(signed: Snapshot | Timestamp, role: str, root: Root, signers: Sequence[Signer]) -> bytes:
    metadata: Metadata[Any] = Metadata(signed)
    for signer in signers:
        metadata.sign(LibrarySigner(signer), append=True)
    if not holds(root, role, metadata):
        entry = root.get_delegated_role(role)
        may = ", ".join(signer_key(root.get_key(keyid)).name for keyid in entry.keyids)
        raise UsageError(f"a refresh is signed with the key of {may}")
    return metadata.to_bytes()


def _whole(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
