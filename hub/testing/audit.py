"""Stand-ins for the log: one in memory that can be told to fail, and a signer made from a seed.

For tests of everything that has to append before it acts. The real log's own tests use the real log.
"""

from __future__ import annotations

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.audit.log import Receipt
from hub.errors import AuditError
from hub.messages import Act, Entry


class SeedSigner:
    """Signs with an Ed25519 key that follows from a seed: the same in every run, and a secret to nobody."""

    def __init__(self, name: str = "unit-7", seed: int = 7) -> None:
        self._name = name
        self._key = Ed25519PrivateKey.from_private_bytes(seed.to_bytes(32, "big"))

    @property
    def name(self) -> str:
        """Who signs."""
        return self._name

    @property
    def public(self) -> bytes:
        """Raw public key, 32 bytes."""
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message, 64 bytes."""
        return self._key.sign(message)


class MemoryLog:
    """Keeps entries in a list.

    To prove that something is accounted for before it is done, let `watch` look, at the moment of each entry, at
    what must not have happened yet.

    Args:
        watch: Called with each entry before it is kept.
    """

    def __init__(self, watch: Callable[[Entry], None] | None = None) -> None:
        self.entries: list[Entry] = []
        self.broken = False
        """Set it, and `append` raises `AuditError` as a full disk would make it."""
        self._watch = watch

    @property
    def acts(self) -> list[Act]:
        """The acts accounted for, in order."""
        return [entry.act for entry in self.entries]

    async def append(self, entry: Entry, /) -> Receipt:
        """Keep an entry.

        Raises:
            AuditError: `broken` is set.
        """
        if self.broken:
            raise AuditError("the log cannot take an entry, so nothing was done: it is broken for a test")
        if self._watch is not None:
            self._watch(entry)
        self.entries.append(entry)
        return Receipt(index=len(self.entries) - 1, leaf=bytes(32), at=entry.at)
