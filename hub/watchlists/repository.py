"""What an authority's own machine does: say who may issue lists and sign orders, publish lists, withdraw, renew.

One folder: ``metadata/`` and ``targets/`` are what units fetch or get on a stick; ``staged/`` holds what waits for
signatures. A change is staged by anybody and signed by one person at a time with `sign`; `refresh` brings into force
what has all its signatures, and nothing that a unit would not accept: it runs the unit's own state machine first.
Nothing here opens a socket. Times are passed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

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

from hub.authority.keys import Signer
from hub.authority.signers import LibrarySigner
from hub.errors import InputError, UsageError
from hub.watchlists.authority_files import FIRST, AuthorityFiles, whole_second
from hub.watchlists.drafts import Draft, describe, draft_of, says
from hub.watchlists.metadata import (
    PEOPLE,
    REVOKED,
    TIMESTAMP,
    RoleKeys,
    Withdrawn,
    holds,
    issuer_of,
    issuer_role,
    library_key,
    list_path,
    metadata_name,
    people_problem,
    read_people,
    read_withdrawn,
    role_of,
    signer_key,
)
from hub.watchlists.package_info import PackageInfo
from hub.watchlists.steps import LARGEST_LIST, steps
from hub.watchlists.trust import SIGNERS, Issuer, SignerKey, Trust, add_issuer
from hub.watchlists.trusted import Anchor, TrustedSet, drive

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
        self._files = AuthorityFiles(folder)

    # ------------------------------------------------------------------------------------------ what there is

    def published(self) -> TrustedSet | None:
        """Return what is published, expired or not; None where nothing is yet.

        Raises:
            TrustError: It does not verify.
            InputError: The folder is none of an authority's.
        """
        return self._files.published()

    def drafts(self) -> tuple[Draft, ...]:
        """Return what waits, in the order in which it takes effect."""
        published = self.published()
        root = published.root.signed if published else None
        targets = published.targets.signed if published else None
        found = []
        for role in self._files.waiting():
            if role == "root":
                fresh = self._files.read_draft(Root, role)
                draft = draft_of(role, fresh, fresh.signed, *((root,) if root else ()))
                root = fresh.signed if draft.ready else root
            else:
                staged = self._files.read_draft(Targets, role)
                newest = (
                    self._files.newest(Root, "root") if role == "targets" else self._files.newest(Targets, "targets")
                )
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
            return says(self._files.read_draft(Root, role).signed)
        signed = self._files.read_draft(Targets, role).signed
        return says(signed, self.people(), self.withdrawn()) if role == "targets" else says(signed)

    def people(self) -> RoleKeys:
        """Return who may sign orders, as staged or published."""
        return read_people(self._files.own(PEOPLE))

    def withdrawn(self) -> Withdrawn:
        """Return what is withdrawn, as staged or published."""
        return read_withdrawn(self._files.own(REVOKED))

    def issuers(self) -> Trust:
        """Return the issuers, as staged or published."""
        targets = self._files.newest(Targets, "targets")
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
        if self._files.exist():
            raise UsageError(f"{self._folder} is the folder of an authority already")
        root = Root(version=1, expires=whole_second(now + ROOT_LASTS))
        _set_keys(root, keys, daily)
        self._files.make()
        targets = Targets(version=1, expires=whole_second(now + TARGETS_LAST), delegations=Delegations({}, {}))
        self._files.put_own(targets, PEOPLE, RoleKeys())
        self._files.put_own(targets, REVOKED, Withdrawn())
        self._files.stage("targets", targets)
        self._files.stage("root", root)

    def set_keys(self, keys: Sequence[SignerKey], daily: Sequence[SignerKey], now: datetime) -> None:
        """Stage a root with other keys: it needs the signatures that the old root asks for, and those of its own."""
        root = self._files.edit(Root, "root", now + ROOT_LASTS)
        _set_keys(root, keys, daily)
        self._files.stage("root", root)

    def add_issuer(self, name: str, keys: Sequence[SignerKey], now: datetime) -> None:
        """Stage an issuer, or other keys for one that there is.

        Raises:
            UsageError: Fewer than two signers, or a key that signs for another issuer.
        """
        role = role_of(name)
        targets = self._files.edit(Targets, "targets", now + TARGETS_LAST)
        add_issuer(self.issuers(), name, keys)
        if role in (roles := _roles(targets)) and issuer_of(roles[role]) != name:
            raise UsageError(f"{name} would publish under the same name as {issuer_of(roles[role])}: call it otherwise")
        roles[role] = issuer_role(role, name, keys)
        known = dict(targets.delegations.keys) if targets.delegations else {}
        known |= {made.keyid: made for made in map(library_key, keys)}
        used = {keyid for each in roles.values() for keyid in each.keyids}
        targets.delegations = Delegations({keyid: known[keyid] for keyid in used}, roles)
        self._files.stage("targets", targets)

    def set_people(self, people: RoleKeys, now: datetime) -> None:
        """Stage who may sign orders and grants.

        Raises:
            UsageError: A person or a key stands there twice.
        """
        if problem := people_problem(people):
            raise UsageError(problem)
        targets = self._files.edit(Targets, "targets", now + TARGETS_LAST)
        self._files.put_own(targets, PEOPLE, people)
        self._files.stage("targets", targets)

    def withdraw(self, more: Withdrawn, now: datetime) -> Withdrawn:
        """Stage the withdrawal of lists, orders, grants, keys and issuers, and return all that is withdrawn then."""
        targets = self._files.edit(Targets, "targets", now + TARGETS_LAST)
        old = self.withdrawn()
        whole = Withdrawn(**{
            name: tuple(sorted({*getattr(old, name), *getattr(more, name)})) for name in Withdrawn.__struct_fields__
        })  # fmt: skip
        self._files.put_own(targets, REVOKED, whole)
        self._files.stage("targets", targets)
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
        if role not in _roles(self._files.newest(Targets, "targets")):
            raise UsageError(f"{info.issuer} is no issuer here: add it with `authority add-issuer`")
        path = list_path(role, info.name)
        try:
            with package.open("rb") as file:
                target = TargetFile.from_data(path, file)
                if target.length > LARGEST_LIST:
                    raise InputError(f"{package} is too large for a list: over {LARGEST_LIST // 2**30} GB")
                file.seek(0)
                self._files.put_target(target, file)
        except OSError as error:
            raise InputError(f"{package} cannot be read: {error.strerror}") from error
        said = {"digest": info.digest, "purpose": info.purpose, "size": info.size, "model": info.model}
        target.unrecognized_fields["custom"] = {name: value for name, value in said.items() if value}
        targets = self._files.edit(Targets, role, now + LISTS_LAST)
        targets.targets[path] = target
        self._files.stage(role, targets)
        return role

    def renew(self, role: str, now: datetime) -> None:
        """Stage a role as it is, to be signed again for another time: ``root``, ``targets`` or an issuer's name."""
        if role == "root":
            self._files.stage(role, self._files.edit(Root, role, now + ROOT_LASTS))
        elif role == "targets":
            self._files.stage(role, self._files.edit(Targets, role, now + TARGETS_LAST))
        else:
            self._files.stage(role_of(role), self._files.edit(Targets, role_of(role), now + LISTS_LAST))

    # ----------------------------------------------------------------------------------------------- signing

    def sign(self, signer: Signer) -> tuple[Draft, ...]:
        """Add one person's signature to everything that waits and that this key may sign; return that.

        Raises:
            UsageError: Nothing waits that this key may sign.
        """
        signed = []
        for draft in self.drafts():
            if signer.public in {key.public for key in draft.may_sign}:
                metadata: Metadata[Any] = self._files.read_draft(Root if draft.role == "root" else Targets, draft.role)
                metadata.sign(LibrarySigner(signer), append=True)
                self._files.write_draft(draft.role, metadata)
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
        files = {metadata_name(role, drafts[role].version): self._files.draft_bytes(role) for role in ready}
        for role in ready:
            if role != "root":
                version = drafts[role].version
                meta[f"{role}.json"] = MetaFile.from_data(version, files[metadata_name(role, version)], ["sha256"])
        if "root" in ready:
            root = self._files.read_draft(Root, "root").signed
        elif published:
            root = published.root.signed
        else:
            raise UsageError(f"nothing is published yet: {describe(drafts['root'])}")
        if "targets.json" not in meta:
            raise UsageError(f"nothing is published yet: {describe(drafts['targets'])}")
        until = whole_second(now + timedelta(days=days))
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
        trusted = drive(steps(before, now), lambda wanted: files.get(wanted.name) or self._files.read(wanted))
        self._files.publish(files)
        return Refreshed(trusted, tuple(ready), tuple(draft for draft in drafts.values() if not draft.ready))


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
        entry.threshold = SIGNERS if role in FIRST else 1
        for key in keys if role in FIRST else daily:
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
