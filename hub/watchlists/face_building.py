"""Makes face lists, offline, of what `hub.watchlists.hygiene` has found good: nothing else becomes an entry (C2).

No part of the hub that sees a frame can reach this module; a test in `tests/charter` holds that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec
import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from hub.authority.dsse import make_envelope
from hub.authority.files import replacing
from hub.authority.orders import Purpose
from hub.authority.unit_key import wrap
from hub.errors import UsageError
from hub.watchlists.faces import (
    FACE_LIST,
    LARGEST_CARD,
    PAYLOAD_TYPE,
    TAG_BYTES,
    Card,
    FaceCategory,
    FaceHeader,
    Part,
    WrappedKey,
    nonce_of,
    preamble,
    purpose_of_key,
)
from hub.watchlists.gallery import KEY_BYTES
from hub.watchlists.hygiene import Checked
from hub.watchlists.package import check_particulars

CATEGORIES: Final[Mapping[Purpose, frozenset[FaceCategory]]] = MappingProxyType(
    {
        Purpose.MISSING_OR_VULNERABLE: frozenset(
            {FaceCategory.MISSING_CHILD, FaceCategory.MISSING_PERSON, FaceCategory.VULNERABLE_PERSON}
        ),
        Purpose.ARREST_SERIOUS_OFFENCE: frozenset({FaceCategory.WANTED_PERSON}),
        Purpose.IMMINENT_THREAT: frozenset({FaceCategory.THREAT_TO_LIFE}),
    }
)
"""Whom a list of each purpose may hold (C4)."""
SEAL_BYTES: Final = 16


class ReceivingUnit(Struct, frozen=True):
    """A unit that may open the list."""

    name: str
    public: bytes
    """Raw X25519 public key, 32 bytes."""


class Particulars(Struct, frozen=True, kw_only=True):
    """What an authority says of a list that is to be made."""

    name: str
    issuer: str
    """Name under which units trust its signers."""
    authority: str
    """Who answers for the list, and stated its size."""
    purpose: Purpose
    place: str
    legal_basis: str
    size: int
    """Most entries."""
    created: datetime
    expires: datetime
    version: int
    units: tuple[ReceivingUnit, ...]


def build_faces(
    output: Path, checked: Checked, particulars: Particulars, *, model: str, random: Callable[[int], bytes]
) -> FaceHeader:
    """Write a list that nobody has signed yet.

    Args:
        output: The file; an older one is replaced.
        checked: What hygiene found; a refused list is not built.
        particulars: What its authority says.
        model: SHA-256 of the model that made the templates, hexadecimal.
        random: Gives that many random bytes.

    Returns:
        The header as it stands in the list.

    Raises:
        UsageError: The list was refused, says too little, or holds somebody whom its purpose does not cover.
        StoreError: The file cannot be written; an older one is as it was.
    """
    _check(checked, particulars)
    list_key, seal = random(KEY_BYTES), random(SEAL_BYTES)
    cipher = AESGCM(list_key)
    templates, cards = [], []
    for number, each in enumerate(checked.references):
        row = np.ascontiguousarray(each.template, "<f4").tobytes()
        templates.append(cipher.encrypt(nonce_of(Part.TEMPLATE, number), row, seal))
        card = msgspec.msgpack.encode(Card(each.entry, each.photo))
        cards.append(cipher.encrypt(nonce_of(Part.CARD, number), card, seal))
        if len(card) + TAG_BYTES > LARGEST_CARD:
            raise UsageError(f"entry {each.entry.entry} takes too much room: shorten its texts")
    area = hashlib.sha256()
    for part in (*templates, *cards):
        area.update(part)
    header = FaceHeader(
        kind=FACE_LIST,
        name=particulars.name,
        issuer=particulars.issuer,
        authority=particulars.authority,
        purpose=particulars.purpose.value,
        place=particulars.place,
        created=particulars.created,
        expires=particulars.expires,
        version=particulars.version,
        category=",".join(sorted({each.entry.category.value for each in checked.references})),
        legal_basis=particulars.legal_basis,
        size=particulars.size,
        model=model,
        ceiling=checked.ceiling,
        threshold=checked.threshold,
        entries=len(cards),
        numbers=len(checked.references[0].template),
        seal=seal,
        cards=tuple(map(len, cards)),
        sealed=area.hexdigest(),
        keys=tuple(
            WrappedKey(unit.name, unit.public, wrap(list_key, unit.public, purpose_of_key(seal, unit.public)))
            for unit in particulars.units
        ),
    )
    with replacing(output) as file:
        file.write(preamble(make_envelope(msgspec.json.encode(header), PAYLOAD_TYPE)))
        file.writelines(templates)
        file.writelines(cards)
    return header


def _check(checked: Checked, particulars: Particulars) -> None:
    if checked.refused or not checked.references:
        raise UsageError("the list was refused: mend what `patrol-hub watchlist check` names, nothing was written")
    check_particulars(particulars, ("name", "issuer", "authority", "place", "legal_basis"), "face list")
    if not particulars.units:
        raise UsageError("name the units that may open the list with --unit, the output of `authority unit-key`")
    if len({unit.public for unit in particulars.units}) < len(particulars.units):
        raise UsageError("two of the units have the same key")
    allowed = CATEGORIES[particulars.purpose]
    for each in checked.references:
        if each.entry.category not in allowed:
            raise UsageError(
                f"entry {each.entry.entry} is a {each.entry.category.value}, and a list for "
                f"{particulars.purpose.value} holds {', '.join(sorted(allowed))} alone"
            )
