"""Who may sign orders and grants now: what the unit's trusted set says, asked at every use."""

from __future__ import annotations

from datetime import datetime

from hub.errors import TrustError
from hub.watchlists.trusted_set import TrustedSet


def trusted_now(trusted: TrustedSet | None, now: datetime) -> TrustedSet:
    """Return the trusted set where it may be relied on; its `people` sign, its `revoked` are withdrawn.

    Args:
        trusted: What the unit trusts; None where it trusts no authority.
        now: The time, timezone-aware, never less than the newest entry of the log.

    Raises:
        TrustError: There is none, or it has expired.
    """
    if trusted is None:
        raise TrustError("this unit trusts no authority, so nobody may sign an order or a grant for it")
    if reason := trusted.standing(now):
        raise TrustError(f"what the authority says may not be relied on: {reason}")
    return trusted
