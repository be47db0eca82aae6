"""Passphrases as scrypt (RFC 7914) makes them: parameters beside each hash, so that they can be raised later.

What a wrong passphrase leads to is `hub.authority.officers`' business.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from typing import Final

from msgspec import Struct

from hub.errors import UsageError

SHORTEST: Final = 8
"""Fewest characters of a passphrase."""
LONGEST: Final = 1024
"""Most characters of a passphrase: what is longer is a mistake or an attempt to keep the machine busy."""
SALT_BYTES: Final = 16
_HASH_BYTES: Final = 32


class ScryptCost(Struct, frozen=True):
    """What one guess costs: 128 * n * r bytes of memory and time in proportion to n * r * p."""

    n: int = 2**15
    """A power of two. With r = 8 a guess takes 32 MB."""
    r: int = 8
    p: int = 1


SHIPPED: ScryptCost = ScryptCost()
"""The cost for officers added from now on. In their own process tests, where hundreds sign in, lower it."""


class PassphraseHash(Struct, frozen=True):
    """A passphrase that can be checked and not read back."""

    cost: ScryptCost
    salt: bytes
    """Random, 16 bytes."""
    hash: bytes
    """32 bytes."""


def check_strength(passphrase: str, number: str) -> None:
    """Refuse what is guessed at once.

    Raises:
        UsageError: Too short, too long, or the officer's own number.
    """
    if len(passphrase) < SHORTEST:
        raise UsageError(f"the passphrase is too short: use at least {SHORTEST} characters, better a few words")
    if len(passphrase) > LONGEST:
        raise UsageError(f"the passphrase is too long: use at most {LONGEST} characters")
    if passphrase.casefold() == number.casefold():
        raise UsageError("the passphrase is the officer's number: choose another")


def hash_passphrase(passphrase: str, salt: bytes, cost: ScryptCost) -> PassphraseHash:
    """Hash a passphrase. Takes a tenth of a second and 32 MB by default: call it in a worker thread."""
    # NFKC, so that the same keys give the same bytes on every keyboard and system.
    secret = unicodedata.normalize("NFKC", passphrase).encode("utf-8")
    made = hashlib.scrypt(
        secret,
        salt=salt,
        n=cost.n,
        r=cost.r,
        p=cost.p,
        maxmem=128 * cost.r * (cost.n + cost.p + 2) + 2**20,
        dklen=_HASH_BYTES,
    )
    return PassphraseHash(cost, salt, made)


def agrees(passphrase: str, kept: PassphraseHash) -> bool:
    """Say whether a passphrase is the one that was hashed, in time that does not depend on where they differ."""
    if len(passphrase) > LONGEST:
        return False
    return hmac.compare_digest(hash_passphrase(passphrase, kept.salt, kept.cost).hash, kept.hash)
