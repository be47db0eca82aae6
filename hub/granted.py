"""What a restricted source is asked and what of its answer comes back (C5): verified at every use, field by field.

The source may be anybody's code. So the query is withheld from it, rather than it being trusted to look at the grant,
and of what it returns only the granted fields of records about exactly the granted subject go on. Whether it may be
asked is `hub.authority.policy`'s; who asks it, `hub.sources`'; the log, `hub.lookups`'.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from msgspec import Struct, structs

from hub.authority.dsse import SMALL
from hub.authority.files import read_bounded
from hub.authority.grants import Grant, allowed_fields, verify_grant
from hub.authority.policy import Decision, may_open_restricted
from hub.authority.signatories import trusted_now
from hub.authority.subjects import NAMING, is_about
from hub.messages import Hit, LookupRequest, Query, Record
from hub.watchlists.trusted_set import TrustedSet


class Granted(Struct, frozen=True, eq=False):
    """A grant that was verified for one look-up."""

    grant: Grant
    request: LookupRequest
    now: datetime
    """When it was verified."""

    def opens(self, source: str) -> Decision:
        """Say whether a restricted source may be asked."""
        request = self.request
        return may_open_restricted(request.requester, source, request.subject, request.reason, self.grant, self.now)

    def query(self, query: Query) -> Query:
        """Return what the opened source is asked."""
        return structs.replace(query, fields=self.grant.fields, reference=self.grant.reference)


class GrantBook:
    """Verifies grants for this unit, each time that one is used.

    Args:
        trusted: Returns what the unit trusts now; None where it trusts no authority.
    """

    def __init__(self, trusted: Callable[[], TrustedSet | None]) -> None:
        self._trusted = trusted

    def open(self, request: LookupRequest, now: datetime) -> Granted:
        """Verify the grant that a request carries. What it opens is `Granted.opens`' to say.

        Args:
            request: The look-up.
            now: The time, never less than the newest entry of the log.

        Raises:
            TrustError: It does not stand now; the message says why.
            HubError: What the unit trusts cannot be read.
        """
        trusted = trusted_now(self._trusted(), now)
        return Granted(verify_grant(request.grant, trusted.people, trusted.revoked, now), request, now)


class Narrowed(Struct, frozen=True):
    """What is left of an answer."""

    hits: tuple[Hit, ...]
    fields: int
    """Fields that came and were neither granted nor needed to tell whom the record is about."""
    others: int
    """Records that came and are not about the subject."""


def narrow(hits: Sequence[Hit], grant: Grant, source: str) -> Narrowed:
    """Leave of an answer what a grant allows.

    The source's own identifiers of its entries are no granted field: records are numbered instead.
    """
    allowed, naming = allowed_fields(grant, source), NAMING[grant.subject.kind]
    about = [hit for hit in hits if is_about(grant.subject, hit.record)]
    left, withheld = [], 0
    for number, hit in enumerate(about, start=1):
        kept = tuple(field for field in hit.record.fields if field.name in allowed)
        withheld += sum(field.name not in allowed | naming for field in hit.record.fields)
        record = Record(f"record {number}", kept)
        left.append(structs.replace(hit, record=record, competing=(), ambiguous=len(about) > 1))
    return Narrowed(tuple(left), withheld, len(hits) - len(about))


def read_grant(path: Path) -> bytes:
    """Read a grant's file.

    Raises:
        InputError: It cannot be read, or is larger than any grant.
    """
    return read_bounded(path, "grant", SMALL)
