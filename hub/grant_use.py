"""A grant's use by one look-up: verified, weighed against what is asked, and entered in the log before anything is.

What a grant opens, and what it leaves of an answer, is `hub.granted`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from msgspec import structs

from hub.audit.records import GrantPayload
from hub.authority.accounting import Log
from hub.clocks import Clock
from hub.errors import HubError, NotAllowedError
from hub.granted import GrantBook, Granted
from hub.messages import Act, Entry, LookupRequest, Requester, SubjectKind
from hub.subjects import kind_of
from hub.text import plain
from hub.wire import GrantShown

MOST_USED: Final = 32
"""Grants that are told of as used: the newest."""


class GrantUse:
    """Opens grants for look-ups, and accounts for each.

    Args:
        book: Verifies them.
        log: Takes the entries.
        clock: Wall time that is never less than the newest entry of the log.
    """

    def __init__(self, book: GrantBook, *, log: Log, clock: Clock) -> None:
        self._book = book
        self._log = log
        self._clock = clock
        self._used: dict[str, GrantShown] = {}

    def used(self) -> tuple[GrantShown, ...]:
        """Return the grants that were used and have not expired, the newest last."""
        now = self._clock.now()
        return tuple(each for each in self._used.values() if each.expires > now)

    async def open(self, request: LookupRequest, restricted: Mapping[str, Collection[SubjectKind]]) -> Granted:
        """Verify the grant that a request carries, for this use. A refusal is an entry.

        Args:
            request: The look-up.
            restricted: The unit's restricted sources, and what each answers about.

        Raises:
            NotAllowedError: It does not stand, or opens none of what is asked; the message says why.
            HubError: What the unit trusts cannot be read.
            AuditError: The refusal cannot be written.
        """
        payload = GrantPayload(request.lookup)
        try:
            granted = self._book.open(request, self._clock.now())
            payload = _particulars(granted)
            if why_not := _why_not(granted, restricted):
                raise NotAllowedError(why_not)
        except HubError as error:
            refused = structs.replace(payload, refusal=plain(str(error), limit=300))
            await self._append(request.requester, "refused", refused)
            raise
        return granted

    async def account(self, granted: Granted, outcome: str, *, withheld: int = 0) -> None:
        """Enter that a grant is used, or what of the answer was withheld.

        Raises:
            AuditError: The log cannot be written: the grant is not used.
        """
        payload = structs.replace(_particulars(granted), withheld=withheld)
        await self._append(granted.request.requester, outcome, payload)
        self._note(granted)

    def _note(self, granted: Granted) -> None:
        grant = granted.grant
        self._used.pop(grant.grant, None)
        self._used[grant.grant] = GrantShown(
            grant=grant.grant,
            source=grant.source,
            fields=grant.fields,
            legal_basis=grant.legal_basis.value,
            reference=plain(grant.reference, limit=300),
            expires=grant.expires,
            officer=granted.request.requester.officer,
            used=granted.now,
        )
        if len(self._used) > MOST_USED:
            del self._used[next(iter(self._used))]

    async def _append(self, requester: Requester, outcome: str, payload: GrantPayload) -> None:
        at = self._clock.now()
        await self._log.append(Entry(Act.GRANT, at, requester, outcome, payload, source=payload.source))


def _why_not(granted: Granted, restricted: Mapping[str, Collection[SubjectKind]]) -> str:
    """Say why a verified grant opens none of what is asked; "" where it does."""
    source, request = granted.grant.source, granted.request
    kind = kind_of(request.subject)
    if source not in restricted:
        return f"this unit has no restricted source {plain(source, limit=40)} that the grant could open"
    if kind not in restricted[source]:
        return f"{source} does not answer about a {kind.value}"
    if request.sources and source not in request.sources:
        return f"the grant {granted.grant.grant} opens another source than {', '.join(request.sources)}"
    decision = granted.opens(source)
    return "" if decision.allowed else decision.reason


def _particulars(granted: Granted) -> GrantPayload:
    grant = granted.grant
    return GrantPayload(
        lookup=granted.request.lookup,
        grant=grant.grant,
        source=grant.source,
        fields=grant.fields,
        legal_basis=grant.legal_basis.value,
        reference=plain(grant.reference, limit=300),
    )
