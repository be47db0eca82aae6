"""A change of configuration is an act: it is entered in the log before it takes effect (C7).

The settings in force are remembered as one keyed digest a key, so that the entry can name which keys differ without
any value: a camera's address may hold a password. Reading the file is `hub.config`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from hub.audit.records import ConfigPayload
from hub.authority.accounting import Log
from hub.authority.files import read_private, write_file
from hub.clocks import Clock
from hub.config import Settings
from hub.errors import InputError
from hub.messages import Act, Entry, Requester

FILE: Final = "configuration.json"
"""Name of the file in the state folder."""
LARGEST: Final = 1_000_000
KEY_BYTES: Final = 32
"""Length of the digests' key."""


class _Kept(Struct, frozen=True):
    key: bytes
    digests: dict[str, str]


async def account_configuration(
    settings: Settings, state: Path, *, log: Log, clock: Clock, requester: Requester, fresh_key: bytes
) -> tuple[str, ...]:
    """Enter in the log which keys differ from the configuration before, if any; then remember the new one.

    Args:
        settings: The settings that are about to take effect.
        state: The state folder.
        log: Takes the entry.
        clock: Gives its time.
        requester: The unit itself: whoever changed a file did not sign in for it.
        fresh_key: 32 random bytes, used where nothing is remembered yet.

    Returns:
        The keys that differ, sorted; all that differ from the built-in ones at the first start.

    Raises:
        AuditError: The log cannot be written: the configuration must not take effect.
        NotAllowedError: Others may write the remembered digests.
        StoreError: They cannot be read or written.
    """
    path = state / FILE
    kept = _load(path)
    key = kept.key if kept else fresh_key
    before = kept.digests if kept else _digests(Settings(), key)
    after = _digests(settings, key)
    changed = tuple(sorted(name for name in {*before, *after} if before.get(name) != after.get(name)))
    if changed:
        whole = hashlib.sha256(msgspec.json.encode(after, order="deterministic")).hexdigest()
        payload = ConfigPayload(digest=whole, changed=changed)
        await log.append(Entry(Act.CONFIGURATION, clock.now(), requester, "changed", payload))
    if changed or kept is None:
        write_file(path, msgspec.json.encode(_Kept(key, after)))
    return changed


def _load(path: Path) -> _Kept | None:
    try:
        return msgspec.json.decode(read_private(path, limit=LARGEST), type=_Kept)
    except (InputError, msgspec.MsgspecError):
        return None


def _digests(settings: Settings, key: bytes) -> dict[str, str]:
    """Return one digest for each key that says something, by its dotted name."""
    plain = msgspec.to_builtins(settings, enc_hook=_encode)
    return {
        name: hashlib.blake2b(msgspec.json.encode(value), key=key, digest_size=16).hexdigest()
        for name, value in _leaves(plain, "")
    }


def _encode(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


def _leaves(value: object, name: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for step, inner in value.items():
            yield from _leaves(inner, f"{name}.{step}" if name else str(step))
    else:
        yield name, value
