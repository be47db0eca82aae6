"""Grants (C5): what opens a restricted source, for one subject, some fields and some time.

A grant is a DSSE envelope with the signature of one key of the role `authority`. A commander's does not count: whoever
leads an operation does not decide whose files it opens. Grants are verified at every use; which sources get which
query is `hub.granted`'s. Pure functions.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct

from hub.authority.dsse import add_signature, count_signatures, digest_of, make_envelope, read_envelope, read_payload
from hub.authority.keys import Signer
from hub.authority.particulars import LONGEST_TEXT, identifier_problem, reference_problem, zone_problem
from hub.authority.subjects import GrantSubject
from hub.errors import TrustError, UsageError
from hub.messages import SubjectKind
from hub.records import RULES
from hub.text import plain
from hub.watchlists.metadata import RoleKeys

GRANT_TYPE: Final = "application/vnd.patrol-hub.grant+json"
LONGEST: Final = timedelta(days=31)
"""Longest life of a grant: as long as the hub keeps anything of a case (C11)."""


class LegalBasis(StrEnum):
    """What a grant may rest on. The list is closed."""

    COURT_ORDER = "court_order"
    WRITTEN_CONSENT = "written_consent"
    """The subject's own, in writing."""


class Grant(Struct, frozen=True, forbid_unknown_fields=True):
    """What a grant says."""

    grant: str
    """Identifier under which it is withdrawn; 3 to 64 letters, digits and ``. _ / -``."""
    subject: GrantSubject
    source: str
    """Name of the one source that it opens."""
    fields: tuple[str, ...]
    """Names of the fields that may come back; of `hub.records`."""
    legal_basis: LegalBasis
    reference: str
    """Reference of the court order or of the written consent."""
    issued: datetime
    expires: datetime
    """At most `LONGEST` after it was issued."""


def build_grant(grant: Grant) -> bytes:
    """Return a grant as a file that nobody has signed yet.

    Raises:
        UsageError: It says too little, or lives too long.
    """
    if problem := _problem(grant):
        raise UsageError(f"the grant is not made: {problem}")
    return make_envelope(msgspec.json.encode(grant), GRANT_TYPE)


def sign_grant(file: bytes, signer: Signer) -> bytes:
    """Return the file with one signature more.

    Raises:
        TrustError: It is no grant.
    """
    return add_signature(file, signer, payload_type=GRANT_TYPE, what="grant")


def verify_grant(envelope: bytes, people: RoleKeys, revoked: frozenset[str], now: datetime) -> Grant:
    """Return what a grant says, once the authority stands for it.

    Args:
        envelope: The file's content.
        people: Who may sign.
        revoked: Identifiers that the authority withdrew.
        now: The time, timezone-aware, never less than the newest entry of the log.

    Raises:
        TrustError: It is damaged, altered, not signed by the authority, not yet valid, expired, withdrawn, or says
            what no grant may say; the message says which.
    """
    read = read_envelope(envelope, payload_type=GRANT_TYPE, what="grant", exact=True)
    if not read.signatures:
        raise TrustError("the grant is unsigned: it needs the signature of the authority")
    signers = count_signatures(read, people.authority, "grant")
    if not signers:
        raise TrustError("the grant lacks the signature of the authority: no other role may open a restricted source")
    if len(signers) < len(read.signatures):
        raise TrustError("the grant also bears the signature of somebody who may not sign grants for this unit")
    grant = read_payload(read, Grant, "grant")
    if problem := _problem(grant):
        raise TrustError(f"the grant is refused: {problem}")
    if now < grant.issued:
        raise TrustError(f"the grant is valid from {grant.issued:%Y-%m-%d %H:%M} UTC on: check this unit's clock")
    if now >= grant.expires:
        raise TrustError(f"the grant expired at {grant.expires:%Y-%m-%d %H:%M} UTC")
    if grant.grant in revoked or digest_of(read) in revoked:
        raise TrustError(f"the grant {grant.grant} was withdrawn by the authority")
    return grant


def allowed_fields(grant: Grant, source: str) -> frozenset[str]:
    """Return the fields that may come back from a source; none of any other source than the granted one."""
    return frozenset(grant.fields) if source == grant.source else frozenset()


def _problem(grant: Grant) -> str:
    """Say what no grant may say; "" where nothing is wrong."""
    if problem := identifier_problem(grant.grant) or _subject_problem(grant.subject):
        return problem
    if not grant.source.strip():
        return "it names no source"
    if not grant.fields:
        return "it names no field that may come back"
    if unknown := [name for name in grant.fields if name not in RULES]:
        return f"{plain(unknown[0], limit=40)} is no field that a record may carry"
    basis = grant.legal_basis.value.replace("_", " ")
    if problem := reference_problem(grant.reference, basis) or zone_problem(grant.issued, grant.expires):
        return problem
    if grant.expires <= grant.issued:
        return "it expires before it was issued"
    if grant.expires - grant.issued > LONGEST:
        return f"it lives longer than {LONGEST.days} days"
    return ""


def _subject_problem(subject: GrantSubject) -> str:
    if not subject.value.strip() or len(subject.value) > LONGEST_TEXT:
        return "it names no subject"
    if subject.kind is SubjectKind.PERSON and subject.born is None:
        return "a person is named with the day of birth: a name alone is many people's"
    if subject.kind is SubjectKind.DOCUMENT and not subject.country.strip():
        return "a document is named with the state that issued it"
    return ""
