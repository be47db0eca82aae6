"""`patrol-hub authority verify` and `update`: what a unit trusts, and how it hears of what is new."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import trio
from msgspec import Struct

from hub.audit.reading import read_entries
from hub.authority.files import make_folder
from hub.clocks import SystemClock
from hub.commands.acting import acting, open_configured
from hub.commands.console import Form, emit, note, say
from hub.commands.explain import numbered
from hub.errors import HubError, InputError, NotAllowedError, StoreError, TrustError
from hub.unit import AUDIT_FILE
from hub.watchlists.drafts import describe
from hub.watchlists.metadata import ROOT_BYTES
from hub.watchlists.origins import Origin, open_origin
from hub.watchlists.put_back import put_back
from hub.watchlists.repository import AuthorityFolder
from hub.watchlists.trusted import TRUSTED_FOLDER, Anchor, Listing, TrustedSet, open_trusted
from hub.watchlists.updating import fetch_list, take_update


class _Issuer(Struct, frozen=True):
    name: str
    signers: tuple[str, ...]
    expires: datetime | None


class _List(Struct, frozen=True):
    issuer: str
    name: str
    digest: str
    file: str
    """Where it lies in the authority's folder."""
    admitted: bool
    reason: str


class _State(Struct, frozen=True):
    ok: bool
    reason: str
    update: int = 0
    expires: datetime | None = None
    issuers: tuple[_Issuer, ...] = ()
    lists: tuple[_List, ...] = ()
    authority: tuple[str, ...] = ()
    commander: tuple[str, ...] = ()
    revoked: tuple[str, ...] = ()


def verify(folder: Path | None, *, config: Path | None, form: Form) -> int:
    """Verify what a unit trusts, or what an authority publishes."""
    if folder is None:
        return trio.run(_verify_unit, config, form)
    desk = AuthorityFolder(folder)
    status = _show(desk.published, "nothing is published yet: sign what waits, then refresh", SystemClock().now(), form)
    if form == "text":
        for draft in desk.drafts():
            say(describe(draft))
    return status


async def _verify_unit(config: Path | None, form: Form) -> int:
    async with open_configured(config) as unit:
        folder, log, now = unit.state / TRUSTED_FOLDER, unit.state / AUDIT_FILE, unit.clock.now()

    def opening() -> TrustedSet | None:
        trusted = open_trusted(folder)
        if problem := put_back(trusted, read_entries(log)):
            raise TrustError(problem)
        return trusted

    none = "this unit trusts no authority: hand it an update with `patrol-hub authority update`"
    return _show(opening, none, now, form)


def _show(opening: Callable[[], TrustedSet | None], none: str, now: datetime, form: Form) -> int:
    try:
        trusted = opening()
    except NotAllowedError as error:
        trusted, state = None, _State(ok=False, reason=str(error))
    else:
        state = _state(trusted, now) if trusted else _State(ok=False, reason=none)
    if form == "json":
        emit(state)
        return 0 if state.ok else 1
    say(f"update {state.update}, valid until {state.expires:%Y-%m-%d %H:%M} UTC" if state.ok else f"NO: {state.reason}")
    for issuer in state.issuers:
        say(f"issuer {issuer.name}: {' and '.join(issuer.signers)}")
    for each in state.lists:
        say(f"list {each.name} of {each.issuer}, SHA-256 {each.digest}: {each.reason or 'in force'}")
        say(f"  {each.file}")
    for role, names in (("authority", state.authority), ("commander", state.commander)):
        if names:
            say(f"orders, as {role}: {', '.join(names)}")
    for withdrawn in state.revoked:
        say(f"withdrawn: {withdrawn}")
    return 0 if state.ok else 1


def _state(trusted: TrustedSet, now: datetime) -> _State:
    reason = trusted.standing(now)
    reasons = [(each, trusted.admits(each.file_digest, now, issuer=each.issuer)) for each in trusted.listings]
    return _State(
        ok=not reason,
        reason=reason,
        update=trusted.versions[1],
        expires=trusted.expires,
        issuers=tuple(
            _Issuer(each.name, tuple(key.name for key in each.keys), trusted.ends.get(each.name))
            for each in trusted.issuers.issuers
        ),
        lists=tuple(
            _List(each.issuer, each.name, each.content_digest or each.file_digest, each.file, not why, why)
            for each, why in reasons
        ),
        authority=tuple(key.name for key in trusted.people.authority),
        commander=tuple(key.name for key in trusted.people.commander),
        revoked=tuple(sorted(trusted.revoked)),
    )


def update(
    address: str, *, root: Path | None, lists: Path | None, ca: Path | None, officer: str | None, config: Path | None
) -> int:
    """Take an update to this unit."""
    return trio.run(_update, address, root, lists, ca, officer, config)


async def _update(
    address: str, root: Path | None, lists: Path | None, ca: Path | None, officer: str | None, config: Path | None
) -> int:
    anchor = Anchor(_read(root)) if root else None
    async with (
        open_origin(address, authorities=ca) as origin,
        open_configured(config) as unit,
        acting(unit, officer) as requester,
    ):
        folder = unit.state / TRUSTED_FOLDER
        try:
            done = await take_update(folder, origin, anchor=anchor, log=unit.log, clock=unit.clock, requester=requester)
        except HubError:
            _still(folder, unit.clock.now())
            raise
        number, until = done.trusted.versions[1], done.trusted.expires
        what = "in force" if done.newer else "in force already"
        issuers = numbered(len(done.trusted.issuers.issuers), "issuer")
        say(f"update {number} is {what} until {until:%Y-%m-%d %H:%M} UTC: {issuers}")
        for listing in done.trusted.listings if lists else ():
            say(f"list {listing.name} of {listing.issuer}: {await _fetch(origin, listing, lists or Path())}")
    return 0


def _still(folder: Path, now: datetime) -> None:
    """Say what is in force after a failing update."""
    try:
        trusted = open_trusted(folder)
    except HubError:
        return
    if trusted is not None:
        ended = trusted.standing(now)
        stands = f"stands until {trusted.expires:%Y-%m-%d %H:%M} UTC" if not ended else f"does not help: {ended}"
        note(f"nothing was changed; update {trusted.versions[1]}, which this unit has, {stands}")


async def _fetch(origin: Origin, listing: Listing, folder: Path) -> Path:
    path = folder / f"{listing.path.removeprefix('lists/').replace('/', '.')}.list"
    try:
        make_folder(folder)
    except OSError as error:
        raise StoreError(f"{folder} cannot be made: {error.strerror}") from error
    await fetch_list(origin, listing, path)
    return path


def _read(root: Path) -> bytes:
    try:
        with root.open("rb") as file:
            return file.read(ROOT_BYTES + 1)
    except OSError as error:
        raise InputError(f"{root} cannot be read: {error.strerror}") from error
