"""Whether what the unit keeps of its authority is what it accepted last, by the word of its log.

Signatures cannot tell: an older update was as good in its time. The log can, and the log is vouched for from outside.
"""

from __future__ import annotations

from collections.abc import Iterable

from hub.audit.reading import LoggedEntry
from hub.audit.records import TrustPayload
from hub.authority.accounting import NOT_DONE
from hub.messages import Act
from hub.watchlists.trusted_set import TrustedSet


def put_back(trusted: TrustedSet | None, entries: Iterable[LoggedEntry]) -> str:
    """Say that what is kept is older than what was accepted last; "" where it is not, or the log cannot tell.

    Args:
        trusted: What is kept; None where nothing is.
        entries: The log's entries, in order.
    """
    accepted = before = 0
    for entry in entries:
        if entry.metadata.act is Act.TRUST_UPDATE and isinstance(entry.payload, TrustPayload):
            if entry.metadata.outcome == "accepted":
                accepted, before = entry.payload.timestamp, accepted
            elif entry.metadata.outcome == NOT_DONE:
                accepted = before
    have = trusted.versions[1] if trusted else 0
    if have >= accepted:
        return ""
    kept = f"update {have} lies here" if have else "nothing lies here any more"
    return f"this unit has accepted update {accepted} and {kept}: somebody changed its state folder"
