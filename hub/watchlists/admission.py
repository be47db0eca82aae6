"""Whether this unit may use a hot-list now: by what its authority says where it follows one, else by its trust file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from hub.errors import TrustError
from hub.watchlists.package import VerifiedList, verify_package
from hub.watchlists.trust import Trust, load_trust
from hub.watchlists.trusted_set import TrustedSet


def admit_hot_list(package: bytes, now: datetime, *, trust: Path | None, authority: TrustedSet | None) -> VerifiedList:
    """Return what a package holds, where this unit may use it now.

    Args:
        package: The file's content.
        now: The time, timezone-aware, floored by the newest log entry.
        trust: The unit's trust file, which counts only where there is no authority; None trusts nobody by it.
        authority: What the unit's authority says; None where it follows none.

    Raises:
        TrustError: It does not verify, has expired, was superseded or withdrawn, or the authority has not been heard
            of for too long; the message says which.
        HubError: The trust file cannot be read.
    """
    if authority is None:
        return verify_package(package, Trust() if trust is None else load_trust(trust), now)
    if reason := authority.standing(now):
        raise TrustError(reason)
    found = verify_package(package, authority.issuers, now)
    if reason := authority.admits(found.digest, now, issuer=found.list.issuer):
        raise TrustError(reason)
    return found
