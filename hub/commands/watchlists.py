"""`patrol-hub watchlist`: keys of signers, whom the unit trusts, and building, signing and verifying lists."""

from __future__ import annotations

import csv
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import trio
from msgspec import Struct, structs

from hub.audit.records import ConfigPayload
from hub.authority.files import write_file
from hub.authority.keys import create_key, load_public_key
from hub.authority.policy import may_import
from hub.authority.signers import open_signer
from hub.clocks import SystemClock
from hub.commands.acting import acting, open_configured
from hub.commands.console import Form, emit, note, say
from hub.commands.explain import numbered
from hub.commands.face_lists import header_lines
from hub.commands.face_lists import show as show_faces
from hub.config import load_config, state_folder
from hub.errors import InputError, TrustError, UsageError
from hub.messages import Act, Entry
from hub.watchlists.admission import admit_hot_list
from hub.watchlists.faces import is_face_list, sign_faces
from hub.watchlists.package import (
    HOT_LIST,
    HotList,
    ListHeader,
    RefusedEntry,
    build_entries,
    build_package,
    peek_package,
    sign_package,
)
from hub.watchlists.trust import (
    TRUST_FILE,
    TRUSTED_FILE,
    TRUSTED_FOLDER,
    SignerKey,
    add_issuer,
    load_trust,
    save_trust,
)
from hub.watchlists.trusted import open_trusted

_LIST_MODE: Final = 0o644
"""Of a new list: nothing in it is secret from whoever may come to sign it."""


class _Verified(Struct, frozen=True):
    ok: bool
    reason: str
    name: str = ""
    issuer: str = ""
    signers: tuple[str, ...] = ()
    entries: int = 0
    expires: datetime | None = None
    digest: str = ""
    refused: tuple[RefusedEntry, ...] = ()


class _Shown(ListHeader, frozen=True, kw_only=True):
    entries: int


def new_key(file: Path) -> int:
    """Make a signer's key pair."""
    try:
        create_key(file)
    except FileExistsError as error:
        raise UsageError(f"{file} exists: a key is never overwritten") from error
    say(f"secret key {file} (keep it with its signer alone), public key {file}.pub")
    return 0


def trust(issuer: str, keys: tuple[Path, ...], *, officer: str | None, config: Path | None) -> int:
    """Trust an issuer."""
    return trio.run(_trust, issuer, keys, officer, config)


async def _trust(issuer: str, keys: tuple[Path, ...], officer: str | None, config: Path | None) -> int:
    async with open_configured(config) as unit, acting(unit, officer) as requester:
        may_import(requester).demand()
        if (unit.state / TRUSTED_FOLDER / TRUSTED_FILE).exists():
            raise UsageError(
                "this unit follows an authority, which says who issues lists: `patrol-hub authority add-issuer` there, "
                "then `authority update` here"
            )
        path = unit.state / TRUST_FILE
        signers = [SignerKey(key.name.partition(".")[0], load_public_key(key)) for key in keys]
        changed = add_issuer(load_trust(path), issuer, signers)
        payload = ConfigPayload(digest="", changed=(f"trust.{issuer}",))
        await unit.log.append(Entry(Act.CONFIGURATION, unit.clock.now(), requester, "issuer_trusted", payload))
        save_trust(path, changed)
    say(f"{issuer} is trusted with {numbered(len(signers), 'signer')}: any two of them sign a list")
    return 0


def build(
    file: Path,
    *,
    output: Path,
    name: str,
    issuer: str,
    authority: str,
    purpose: str,
    place: str,
    expires: str,
    version: int,
) -> int:
    """Build an unsigned list."""
    entries, refused = build_entries(read_rows(file))
    for bad in refused:
        note(f"{file.name}, record {bad.number} {bad.entry}: {bad.problem}")
    if refused:
        raise UsageError(f"{numbered(len(refused), 'record')} cannot be in a list: mend them, nothing was written")
    content = HotList(
        kind=HOT_LIST,
        name=name,
        issuer=issuer,
        authority=authority,
        purpose=purpose,
        place=place,
        created=SystemClock().now(),
        expires=read_time(expires),
        version=version,
        entries=entries,
    )
    _write(output, build_package(content))
    say(f"{output}: {numbered(len(entries), 'entry', 'entries')}, not signed yet")
    return 0


def sign(file: Path, *, key: str) -> int:
    """Add one signature."""
    signer = open_signer(key)
    if is_face_list(file):
        sign_faces(file, signer)
    else:
        _write(file, sign_package(_read(file), signer))
    say(f"{file}: signed with {signer.name}")
    return 0


def verify(file: Path, *, config: Path | None, form: Form) -> int:
    """Verify a list."""
    if is_face_list(file):
        return trio.run(_verify_faces, file, config, form)
    load_config(config)
    try:
        state = state_folder()
        authority = open_trusted(state / TRUSTED_FOLDER)
        now = SystemClock().now()
        verified = admit_hot_list(_read(file), now, trust=state / TRUST_FILE, authority=authority)
    except TrustError as error:
        return _refused(error, form)
    content = verified.list
    if form == "json":
        emit(
            _Verified(
                True,
                "",
                content.name,
                content.issuer,
                verified.signers,
                len(content.entries),
                content.expires,
                verified.digest,
                verified.refused,
            )
        )
        return 0
    say(f"{content.name} of {content.issuer}, version {content.version}, signed by {' and '.join(verified.signers)}")
    say(f"{numbered(len(content.entries), 'entry', 'entries')}, expires {content.expires:%Y-%m-%d %H:%M} UTC")
    say(f"authority {content.authority}; purpose {content.purpose}; place {content.place}")
    for bad in verified.refused:
        say(f"left out: record {bad.number} {bad.entry}: {bad.problem}")
    return 0


def show(file: Path, *, form: Form) -> int:
    """Say what a list says of itself. No signature is looked at."""
    if is_face_list(file):
        return show_faces(file, form=form)
    header, entries = peek_package(_read(file))
    if form == "json":
        emit(_Shown(**structs.asdict(header), entries=entries))
        return 0
    say(f"{header.name} of {header.issuer}, version {header.version}: {header.kind}")
    say(f"{numbered(entries, 'entry', 'entries')}, expires {header.expires:%Y-%m-%d %H:%M} UTC")
    say(f"authority {header.authority}; purpose {header.purpose}; place {header.place}")
    say("nobody's signature was looked at: patrol-hub watchlist verify does that")
    return 0


def _refused(error: TrustError, form: Form) -> int:
    """Say that a list is not believed, and return the status for it."""
    if form == "json":
        emit(_Verified(ok=False, reason=str(error)))
    else:
        say(f"REFUSED: {error}")
    return 1


async def _verify_faces(file: Path, config: Path | None, form: Form) -> int:
    async with open_configured(config) as unit:
        try:
            verified = await trio.to_thread.run_sync(unit.face_lists.verify, file)
        except TrustError as error:
            return _refused(error, form)
    header = verified.header
    if form == "json":
        emit(
            _Verified(
                True,
                "",
                header.name,
                header.issuer,
                verified.signers,
                header.entries,
                header.expires,
                verified.digest,
            )
        )
        return 0
    for line in header_lines(header):
        say(line)
    say(f"signed by {' and '.join(verified.signers)}; list {verified.digest}")
    return 0


def read_rows(file: Path) -> list[dict[str, str]]:
    """Return the records of a CSV file with a header.

    Raises:
        InputError: It cannot be read, is no text in UTF-8, or holds no records.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not text in UTF-8: save it as UTF-8") from error
    rows = list(csv.DictReader(text.splitlines(), restkey="", restval=""))
    if not rows:
        raise InputError(f"{file} holds no records below its header")
    return [{key: value for key, value in row.items() if isinstance(value, str)} for row in rows]


def read_time(text: str) -> datetime:
    """Return a time as somebody typed it; without a time zone it is UTC.

    Raises:
        UsageError: It is none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no time: write it as 2026-12-01T06:00Z") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error


def _write(file: Path, content: bytes) -> None:
    """Write a list in one durable step: the older one, with the signatures that it has, is whole until then.

    Raises:
        InputError: It cannot be looked at, or a device or pipe does not take it.
        StoreError: It cannot be written; the older one is as it was.
    """
    try:
        mode = file.stat().st_mode
        if not stat.S_ISREG(mode):  # such as /dev/stdout, which nothing can take the place of
            file.write_bytes(content)
            return
    except FileNotFoundError:
        mode = _LIST_MODE
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}") from error
    # A link stays one: the file that it names is replaced.
    write_file(Path(os.path.realpath(file)), content, mode=stat.S_IMODE(mode))
