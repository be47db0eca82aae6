"""Deployment orders (C4): written by the authority, signed in two roles, verified on the unit at every use.

An order is the only ground on which faces are watched for continuously. It is a DSSE envelope with the signatures of
one key of the role `authority` and one of the role `commander`. Whether it is in force here and now is
`hub.authority.order_watch`'s; who may load it, `hub.authority.policy`'s. Pure functions.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct

from hub.authority.dsse import (
    add_signature,
    count_signatures,
    digest_of,
    make_envelope,
    read_envelope,
    read_payload,
)
from hub.authority.keys import Signer
from hub.authority.particulars import identifier_problem, reference_problem, zone_problem
from hub.authority.place import Place, place_problem
from hub.errors import TrustError, UsageError
from hub.text import plain
from hub.watchlists.metadata import RoleKeys

ORDER_TYPE: Final = "application/vnd.patrol-hub.order+json"
LONGEST: Final = timedelta(hours=24)
"""Longest window of an order (C4)."""
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class Purpose(StrEnum):
    """What faces may be watched for. The list is closed (C4)."""

    MISSING_OR_VULNERABLE = "missing_or_vulnerable_person"
    ARREST_SERIOUS_OFFENCE = "arrest_warrant_for_a_serious_offence"
    IMMINENT_THREAT = "imminent_threat_to_life"


class Order(Struct, frozen=True, forbid_unknown_fields=True):
    """What an order says."""

    order: str
    """Identifier under which it is withdrawn; 3 to 64 letters, digits and ``. _ / -``."""
    purpose: Purpose
    place: Place
    begins: datetime
    ends: datetime
    """At most `LONGEST` after it begins."""
    list_digest: str
    """SHA-256 of the one watch-list that it allows, hexadecimal."""
    impact_assessment: str
    """Reference of its impact assessment."""
    authorisation: str
    """Reference of its judicial or independent authorisation."""


def build_order(order: Order) -> bytes:
    """Return an order as a file that nobody has signed yet.

    Raises:
        UsageError: It says too little, its window is longer than 24 hours, or its place is none.
    """
    if problem := _problem(order):
        raise UsageError(f"the order is not made: {problem}")
    return make_envelope(msgspec.json.encode(order), ORDER_TYPE)


def sign_order(file: bytes, signer: Signer) -> bytes:
    """Return the file with one signature more; the second signer signs what the first one signed.

    Raises:
        TrustError: It is no order.
    """
    return add_signature(file, signer, payload_type=ORDER_TYPE, what="order")


def verify_order(envelope: bytes, people: RoleKeys, revoked: frozenset[str], now: datetime) -> Order:
    """Return what an order says, once both roles stand for it and its end has not come.

    An order that begins later is returned: `OrderWatch` lets nothing happen before.

    Args:
        envelope: The file's content.
        people: Who may sign.
        revoked: Identifiers that the authority withdrew.
        now: The time, timezone-aware, never less than the newest entry of the log.

    Raises:
        TrustError: It is damaged, altered, signed by too few or by somebody unknown, over, withdrawn, or says what no
            order may say; the message says which.
    """
    read = read_envelope(envelope, payload_type=ORDER_TYPE, what="order", exact=True)
    if not read.signatures:
        raise TrustError("the order is unsigned: it needs the signatures of an authority and of a commander")
    authorities = count_signatures(read, people.authority, "order")
    commanders = count_signatures(read, people.commander, "order")
    if {key.public for key in authorities} & {key.public for key in commanders}:
        raise TrustError("one key stands in both roles: an order needs two people")
    if not authorities or not commanders:
        lacking = " and ".join(
            role for role, held in (("the authority", authorities), ("the commander", commanders)) if not held
        )
        raise TrustError(f"the order lacks the signature of {lacking}: two people in these roles sign it")
    if len(authorities) + len(commanders) < len(read.signatures):
        raise TrustError("the order also bears the signature of somebody who may not sign orders for this unit")
    order = read_payload(read, Order, "order")
    if problem := _problem(order):
        raise TrustError(f"the order is refused: {problem}")
    if now >= order.ends:
        raise TrustError(f"the order ended at {order.ends:%Y-%m-%d %H:%M} UTC")
    if order.order in revoked or digest_of(read) in revoked:
        raise TrustError(f"the order {order.order} was withdrawn by the authority")
    return order


def list_problem(order: Order, digest: str, purpose: str) -> str:
    """Say why a list may not be used under an order; "" where it may.

    Args:
        order: The order.
        digest: SHA-256 of the list's signed content, hexadecimal.
        purpose: What the list says it is for; has to be the order's word.
    """
    if digest != order.list_digest:
        return f"the order {order.order} is for another list"
    if purpose != order.purpose.value:
        return f"the list is for {plain(purpose, limit=60)!r} and the order for {order.purpose.value!r}"
    return ""


def _problem(order: Order) -> str:
    """Say what no order may say; "" where nothing is wrong."""
    if problem := identifier_problem(order.order) or zone_problem(order.begins, order.ends):
        return problem
    if order.ends <= order.begins:
        return "it ends before it begins"
    if order.ends - order.begins > LONGEST:
        return f"its window is over {LONGEST.total_seconds() / 3600:g} hours"
    if not _DIGEST.fullmatch(order.list_digest):
        return "it names no list: the SHA-256 of the list's content, 64 hexadecimal digits"
    return (
        reference_problem(order.impact_assessment, "impact assessment")
        or reference_problem(order.authorisation, "judicial or independent authorisation")
        or place_problem(order.place)
    )
