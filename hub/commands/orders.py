"""`patrol-hub authority order`, `grant` and `verify FILE`: make them, sign them one key at a time, say what they say.

No unit and no officer is needed to make or sign: whoever holds a key signs with it. Verifying asks what this unit
trusts.
"""

from __future__ import annotations

import re
import secrets
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

import trio
from msgspec import Struct

from hub.authority.dsse import SMALL
from hub.authority.files import read_bounded, write_file
from hub.authority.grants import GRANT_TYPE, Grant, LegalBasis, build_grant, sign_grant, verify_grant
from hub.authority.orders import Order, Purpose, build_order, sign_order, verify_order
from hub.authority.place import Place, parse_polygon
from hub.authority.signatories import trusted_now
from hub.authority.signers import open_signer
from hub.authority.subjects import GrantSubject
from hub.clocks import SystemClock
from hub.commands.acting import open_configured
from hub.commands.console import Form, emit, say
from hub.errors import TrustError, UsageError
from hub.messages import SubjectKind
from hub.watchlists.package_info import read_info
from hub.watchlists.trusted import TRUSTED_FOLDER, open_trusted

ChoiceT = TypeVar("ChoiceT", bound=StrEnum)

_DIGEST: Final = re.compile(r"[0-9a-fA-F]{64}")


class _Verified(Struct, frozen=True):
    ok: bool
    reason: str
    order: Order | None = None
    grant: Grant | None = None


class OrderWords(Struct, frozen=True):
    """What somebody typed for a new order; None where nothing."""

    purpose: str | None
    cameras: tuple[str, ...]
    unit: str | None
    polygon: str | None
    begins: str | None
    ends: str | None
    list_: str | None
    impact_assessment: str | None
    authorisation: str | None
    order: str | None


class GrantWords(Struct, frozen=True):
    """What somebody typed for a new grant; None where nothing."""

    person: str | None
    document: str | None
    plate: str | None
    born: str | None
    country: str | None
    source: str | None
    fields: tuple[str, ...]
    legal_basis: str | None
    reference: str | None
    expires: str | None
    grant: str | None


def order(file: Path, words: OrderWords, *, key: str | None) -> int:
    """Make an order, sign one, or both."""
    content = _read(file) if _nothing(words) else build_order(_order(words))
    return _finish(file, content, key, new=not _nothing(words), what="order")


def grant(file: Path, words: GrantWords, *, key: str | None) -> int:
    """Make a grant, sign one, or both."""
    content = _read(file) if _nothing(words) else build_grant(_grant(words))
    return _finish(file, content, key, new=not _nothing(words), what="grant")


def verify(file: Path, *, config: Path | None, form: Form) -> int:
    """Verify an order or a grant by what this unit trusts."""
    return trio.run(_verify, _read(file), config, form)


async def _verify(content: bytes, config: Path | None, form: Form) -> int:
    async with open_configured(config) as unit:
        found = _verified(content, unit.state, unit.clock.now())
    if form == "json":
        emit(found)
    elif found.order is not None:
        _show_order(found.order)
    elif found.grant is not None:
        _show_grant(found.grant)
    else:
        say(f"REFUSED: {found.reason}")
    return 0 if found.ok else 1


def _verified(content: bytes, state: Path, now: datetime) -> _Verified:
    try:
        trusted = trusted_now(open_trusted(state / TRUSTED_FOLDER), now)
        if GRANT_TYPE.encode() in content:
            found = verify_grant(content, trusted.people, trusted.revoked, now)
            return _Verified(ok=True, reason="", grant=found)
        return _Verified(ok=True, reason="", order=verify_order(content, trusted.people, trusted.revoked, now))
    except TrustError as error:
        return _Verified(ok=False, reason=str(error))


def _show_order(order: Order) -> None:
    place = order.place
    where = f"cameras {', '.join(place.cameras)} of {place.unit}" if place.cameras else _corners(place)
    say(f"order {order.order}: {order.purpose.value}, signed by authority and commander")
    say(f"from {order.begins:%Y-%m-%d %H:%M} to {order.ends:%Y-%m-%d %H:%M} UTC; {where}")
    say(f"list {order.list_digest}")
    say(f"impact assessment {order.impact_assessment}; authorisation {order.authorisation}")


def _show_grant(grant: Grant) -> None:
    subject = grant.subject
    more = "".join(f", {text}" for text in (subject.born and f"born {subject.born}", subject.country) if text)
    say(f"grant {grant.grant}: {grant.source} about the {subject.kind.value} {subject.value}{more}")
    say(f"fields {', '.join(grant.fields)}; until {grant.expires:%Y-%m-%d %H:%M} UTC")
    say(f"{grant.legal_basis.value.replace('_', ' ')} {grant.reference}, signed by the authority")


def _corners(place: Place) -> str:
    return "polygon " + " ".join(f"{latitude:g},{longitude:g}" for latitude, longitude in place.polygon)


# ------------------------------------------------------------------------------------------------- making


def _order(words: OrderWords) -> Order:
    begins = _time(words.begins) if words.begins else _whole(SystemClock().now())
    try:
        polygon = parse_polygon(words.polygon) if words.polygon else ()
    except ValueError as error:
        raise UsageError(str(error)) from error
    return Order(
        order=words.order or _identifier("O", begins),
        purpose=_choice(Purpose, words.purpose, "--purpose"),
        place=Place(words.unit or "", words.cameras, polygon),
        begins=begins,
        ends=_end(words.ends, begins, "--ends"),
        list_digest=_list_digest(words.list_),
        impact_assessment=words.impact_assessment or "",
        authorisation=words.authorisation or "",
    )


def _grant(words: GrantWords) -> Grant:
    issued = _whole(SystemClock().now())
    try:
        born = date.fromisoformat(words.born) if words.born else None
    except ValueError as error:
        raise UsageError(f"{words.born!r} is no day of birth: write it as YYYY-MM-DD") from error
    named = [(kind, getattr(words, kind.value)) for kind in SubjectKind if getattr(words, kind.value)]
    if len(named) != 1:
        raise UsageError("a grant names one subject: --person NAME --born DAY, --document NUMBER --country, or --plate")
    (kind, value) = named[0]
    return Grant(
        grant=words.grant or _identifier("G", issued),
        subject=GrantSubject(kind, value.strip(), born, (words.country or "").upper()),
        source=words.source or "",
        fields=words.fields,
        legal_basis=_choice(LegalBasis, words.legal_basis, "--legal-basis"),
        reference=words.reference or "",
        issued=issued,
        expires=_end(words.expires, issued, "--expires"),
    )


def _choice(kind: type[ChoiceT], text: str | None, option: str) -> ChoiceT:
    try:
        return kind((text or "").replace("-", "_"))
    except ValueError as error:
        given = f"{text!r} is no {option}" if text else f"{option} is missing"
        raise UsageError(f"{given}: one of {', '.join(each.replace('_', '-') for each in kind)}") from error


def _end(text: str | None, begins: datetime, option: str) -> datetime:
    """Return a time, or so many hours or days after the beginning (12h, 3d)."""
    if not text:
        raise UsageError(f"{option} is missing: write 2026-12-01T18:00Z, or 12h for as long after it begins")
    if found := re.fullmatch(r"(\d{1,4})([hd])", text):
        return begins + int(found[1]) * (timedelta(hours=1) if found[2] == "h" else timedelta(days=1))
    return _time(text)


def _list_digest(text: str | None) -> str:
    """Return the digest of a list's content, given as such or by its file."""
    if not text:
        raise UsageError("--list is missing: the list's file, or the SHA-256 of its content")
    return text.lower() if _DIGEST.fullmatch(text) else read_info(Path(text)).digest


def _identifier(letter: str, at: datetime) -> str:
    return f"{letter}-{at:%Y%m%d}-{secrets.token_hex(4)}"


def _whole(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no time: write it as 2026-12-01T06:00Z") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


# ------------------------------------------------------------------------------------------------- files


def _nothing(words: OrderWords | GrantWords) -> bool:
    return not any(getattr(words, name) for name in words.__struct_fields__)


def _finish(file: Path, content: bytes, key: str | None, *, new: bool, what: str) -> int:
    if not new and key is None:
        raise UsageError(f"nothing to do: give --key to sign {file}, or what the {what} says to make it")
    if new and file.exists():
        raise UsageError(f"{file} exists: what others may have signed is not overwritten")
    signed = ""
    if key is not None:
        signer = open_signer(key)
        content = (sign_order if what == "order" else sign_grant)(content, signer)
        signed = f" with {signer.name}"
    write_file(file, content, mode=0o644)
    if new:
        say(f"{file}: made, {'signed' + signed if signed else 'not signed yet'}")
    else:
        say(f"{file}: signed{signed}")
    return 0


def _read(file: Path) -> bytes:
    return read_bounded(file, "order and no grant", SMALL)
