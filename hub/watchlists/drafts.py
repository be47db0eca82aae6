"""What waits for signatures on an authority's machine: whose it needs, whose it has, what it says in words."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from tuf.api.metadata import Metadata, Root, Targets  # type: ignore[attr-defined]

from hub.text import plain
from hub.watchlists.metadata import RoleKeys, Withdrawn, holds, issuer_of, library_key, signer_key
from hub.watchlists.trust import SignerKey


class Draft(Struct, frozen=True):
    """A change that waits."""

    role: str
    version: int
    signed_by: tuple[str, ...]
    """Holders of the keys that have signed it."""
    needed: int
    """Signatures that it needs; for a new root as many of the old one's signers too."""
    may_sign: tuple[SignerKey, ...]
    ready: bool
    """Whether the next `AuthorityFolder.refresh` brings it into force."""


def describe(draft: Draft) -> str:
    """Say in one line what a draft waits for."""
    signed = " and ".join(draft.signed_by) or "nobody"
    may = ", ".join(key.name for key in draft.may_sign)
    waits = "ready for the next refresh" if draft.ready else f"needs {draft.needed} signatures of {may}"
    return f"{draft.role} version {draft.version}: signed by {signed}; {waits}"


def draft_of(role: str, metadata: Metadata[Any], *delegators: Root | Targets) -> Draft:
    """Return how a draft stands with those who say who may sign it; a new root asks the old one as well."""
    keys: dict[bytes, SignerKey] = {}
    needed = 0
    for delegator in delegators:
        try:
            entry = delegator.get_delegated_role(role)
        except ValueError:
            continue
        needed = max(needed, entry.threshold)
        found = (signer_key(delegator.get_key(keyid)) for keyid in entry.keyids)
        keys |= {key.public: key for key in found}
    return Draft(
        role=role,
        version=metadata.signed.version,
        signed_by=tuple(key.name for key in keys.values() if library_key(key).keyid in metadata.signatures),
        needed=needed,
        may_sign=tuple(keys.values()),
        ready=all(holds(delegator, role, metadata) for delegator in delegators),
    )


def says(signed: Root | Targets, people: RoleKeys | None = None, withdrawn: Withdrawn | None = None) -> tuple[str, ...]:
    """Return what metadata says, one line each, for whoever is about to sign it."""
    lines = [f"holds until {signed.expires:%Y-%m-%d %H:%M} UTC"]
    if isinstance(signed, Root):
        for role, entry in sorted(signed.roles.items()):
            holders = ", ".join(signer_key(signed.get_key(keyid)).name for keyid in entry.keyids)
            lines.append(f"{role}: {entry.threshold} of {holders}")
        return tuple(lines)
    for delegated in ((signed.delegations.roles or {}) if signed.delegations else {}).values():
        holders = ", ".join(signer_key(signed.get_key(keyid)).name for keyid in delegated.keyids)
        lines.append(f"issuer {issuer_of(delegated)}: {delegated.threshold} of {holders}")
    for role, keys in (("authority", people.authority), ("commander", people.commander)) if people else ():
        lines.append(f"orders, as {role}: {', '.join(key.name for key in keys) or 'nobody'}")
    for what in Withdrawn.__struct_fields__ if withdrawn else ():
        lines.extend(f"withdrawn, of {what}: {plain(each, limit=80)}" for each in getattr(withdrawn, what))
    for path, target in signed.targets.items():
        if path.startswith("lists/"):
            custom = target.custom if isinstance(target.custom, dict) else {}
            size = f", {custom['size']} entries" if custom.get("size") else ""
            purpose = f", {plain(str(custom['purpose']), limit=80)}" if custom.get("purpose") else ""
            lines.append(f"list {path.rpartition('/')[2]}{size}{purpose}, SHA-256 {target.hashes['sha256']}")
    return tuple(lines)
