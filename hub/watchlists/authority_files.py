"""The files of an authority's folder: what is published, and the drafts that wait for signatures.

Reads and writes; whose signature counts and what comes into force is `hub.watchlists.repository`'s. Published files are
for everybody (mode 0644): they are signed, not secret.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final, TypeVar

import msgspec
from msgspec import Struct
from tuf.api.metadata import Metadata, Root, TargetFile, Targets  # type: ignore[attr-defined]

from hub.authority.files import make_folder, replacing, write_file
from hub.errors import InputError, StoreError
from hub.watchlists.metadata import ROOT_BYTES, check_pinned, metadata_name, parse, pin, target_name
from hub.watchlists.steps import LARGEST_LIST, Wanted, steps
from hub.watchlists.trusted import EVER, Anchor, TrustedSet, drive, read_below

S = TypeVar("S", Root, Targets)

FIRST: Final = ("root", "targets")
"""Roles without which nothing can be published, in the order in which they take effect."""


class AuthorityFiles:
    """An authority's folder as files.

    Args:
        folder: The folder; `make` makes it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._staged = folder / "staged"
        self._seen: frozenset[tuple[str, int, int]] = frozenset()
        self._published: TrustedSet | None = None

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
        stamp = self._stamp()
        if self._published is None or stamp != self._seen:
            self._published, self._seen = drive(steps(Anchor(first), EVER), self.read), stamp
        return self._published

    def _stamp(self) -> frozenset[tuple[str, int, int]]:
        """Return what tells that nothing was published since; verifying is slow, and each act asks many times."""
        files = [(file.name, file.stat()) for file in (self._folder / "metadata").iterdir()]
        return frozenset((name, status.st_mtime_ns, status.st_size) for name, status in files)

    def exist(self) -> bool:
        """Say whether this is the folder of an authority."""
        return (self._folder / "metadata").exists() or self._staged.exists()

    def make(self) -> None:
        """Make the folder.

        Raises:
            StoreError: It cannot be made.
        """
        try:
            for name in ("metadata", "targets", "staged"):
                make_folder(self._folder / name)
        except OSError as error:
            raise StoreError(f"{self._folder} cannot be made: {error.strerror}") from error

    def read(self, wanted: Wanted) -> bytes | None:
        """Return a published file, as an update asks for it."""
        return read_below(self._folder, wanted.name, wanted.most)

    def publish(self, files: Mapping[str, bytes]) -> None:
        """Write files in their order, the timestamp last: until then units see what was there before.

        Raises:
            StoreError: One cannot be written; what was published before stands.
        """
        for name, content in files.items():
            write_file(self._folder / name, content, mode=0o644)
        self.waiting()

    def waiting(self) -> list[str]:
        """Return the roles that have drafts, in the order in which they take effect; drop drafts that are published."""
        names = [file.stem for file in self._staged.glob("*.json")] if self._staged.is_dir() else []
        published = self.published() if names else None
        waits = []
        for role in [role for role in FIRST if role in names] + sorted(set(names) - set(FIRST)):
            if self._version(role) > _published_version(published, role):
                waits.append(role)
            else:
                (self._staged / f"{role}.json").unlink(missing_ok=True)
        return waits

    def _version(self, role: str) -> int:
        draft: Metadata[Any] = self.read_draft(Root if role == "root" else Targets, role)
        return int(draft.signed.version)

    def draft_bytes(self, role: str) -> bytes:
        """Return a draft as it lies there.

        Raises:
            InputError: It cannot be read.
        """
        try:
            return (self._staged / f"{role}.json").read_bytes()
        except OSError as error:
            raise InputError(f"{self._staged / role}.json cannot be read: {error.strerror}") from error

    def read_draft(self, kind: type[S], role: str) -> Metadata[S]:
        """Return a draft with the signatures that it has.

        Raises:
            TrustError: It is damaged.
        """
        return parse(kind, self.draft_bytes(role), f"staged {role}.json")

    def write_draft(self, role: str, metadata: Metadata[Any]) -> None:
        """Write a draft with the signatures that it has."""
        write_file(self._staged / f"{role}.json", metadata.to_bytes(), mode=0o644)

    def stage(self, role: str, signed: Root | Targets) -> None:
        """Let a change wait. Signatures of an older draft are gone with it: they were made for something else."""
        try:
            make_folder(self._staged)
        except OSError as error:
            raise StoreError(f"{self._staged} cannot be made: {error.strerror}") from error
        self.write_draft(role, Metadata(signed))

    def newest(self, kind: type[S], role: str) -> S:
        """Return a role as it is staged, or else published.

        Raises:
            InputError: It is neither.
        """
        if role in self.waiting():
            return self.read_draft(kind, role).signed
        published = self.published()
        data = None
        if published is not None:
            of_role = [name for name in published.files if name.endswith(f".{role}.json")]
            data = published.files[of_role[0]] if of_role else None
        if data is None:
            raise InputError(f"{self._folder} has nothing of {role} yet")
        return parse(kind, data, role).signed

    def edit(self, kind: type[S], role: str, until: datetime) -> S:
        """Return a role to be changed: the draft, or what is published under the next version."""
        try:
            signed = self.newest(kind, role)
        except InputError:
            if role in FIRST:
                raise
            return kind(version=1, expires=whole_second(until))
        if role not in self.waiting():
            signed.version += 1
        signed.expires = whole_second(until)
        return signed

    def own(self, path: str) -> bytes:
        """Return one of the files that the authority itself signs for, as staged or published."""
        target = self.newest(Targets, "targets").targets[path]
        name = target_name(path, pin(target, path, LARGEST_LIST)[0])
        data = read_below(self._folder, name, target.length)
        if data is None:
            raise InputError(f"{self._folder / name} is missing")
        check_pinned(target, data, name, LARGEST_LIST)
        return data

    def put_own(self, targets: Targets, path: str, content: Struct) -> None:
        """Write one of the files that the authority itself signs for, and name it in its targets."""
        data = msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n"
        target = targets.targets[path] = TargetFile.from_data(path, data)
        write_file(self._folder / target_name(path, pin(target, path, LARGEST_LIST)[0]), data, mode=0o644)

    def put_target(self, target: TargetFile, file: IO[bytes]) -> None:
        """Copy a list's file to where its target names it."""
        place = self._folder / target_name(target.path, pin(target, target.path, LARGEST_LIST)[0])
        make_folder(place.parent)
        with replacing(place, mode=0o644) as copy:
            shutil.copyfileobj(file, copy)


def whole_second(moment: datetime) -> datetime:
    """Return a time as metadata can hold it."""
    return moment.astimezone(UTC).replace(microsecond=0)


def _published_version(published: TrustedSet | None, role: str) -> int:
    if published is None:
        return 0
    if role == "root":
        return int(published.root.signed.version)
    meta = published.snapshot.signed.meta.get(f"{role}.json")
    return meta.version if meta else 0
