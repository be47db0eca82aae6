"""Face lists for tests: made of random templates that are nobody's, signed by two signers, for a unit's key."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from msgspec.structs import replace

from hub.authority.orders import Purpose
from hub.authority.unit_key import UnitKey, make_key
from hub.testing.faces import MODEL, face_picture
from hub.watchlists.face_building import Particulars, ReceivingUnit, build_faces
from hub.watchlists.faces import FaceCategory, FaceEntry, VerifiedFaces, sign_faces, verify_faces
from hub.watchlists.gallery import Gallery, open_gallery
from hub.watchlists.hygiene import Checked, Reference
from hub.watchlists.trust import SignerKey, Trust, add_issuer
from tests.kit_authority import NORTH, signer

NOW = datetime(2030, 1, 2, 12, 0, tzinfo=UTC)
"""When lists are made and used."""
ISSUER = NORTH
SIGNERS = tuple(signer(name) for name in ("cleo", "dan"))
"""Who signs for this issuer in `tests.kit_authority` too."""
TRUST = add_issuer(Trust(), ISSUER, [SignerKey(each.name, each.public) for each in SIGNERS])
KEY = make_key(secrets.token_bytes)
"""Key of the unit for which lists are made."""
PARTICULARS = Particulars(
    name="children",
    issuer=ISSUER,
    authority="Test authority",
    purpose=Purpose.MISSING_OR_VULNERABLE,
    place="Test town",
    legal_basis="Test act",
    size=20_000,
    created=NOW,
    expires=NOW + timedelta(hours=12),
    version=1,
    units=(ReceivingUnit("car-1", KEY.public),),
)
THRESHOLD = 0.9
HEADER = "entry,name,photo,photo_date,category,legal_basis,issuing_authority,expires,instruction,reference\n"


def templates(count: int, *, numbers: int = 128, seed: int = 1) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return directions of length 1 that are nobody's, float32 [count, numbers]."""
    rows = np.random.default_rng(seed).standard_normal((count, numbers)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def entry(number: int, **changes: Any) -> FaceEntry:
    """Return an entry about nobody."""
    made = FaceEntry(
        entry=f"E-{number}",
        name=f"Nobody {number}",
        instruction="Stay with the child and call the desk",
        category=FaceCategory.MISSING_CHILD,
        legal_basis="Test order",
        issuing_authority="Test authority",
        expires=date(2030, 2, 1),
        photo_date=date(2029, 6, 1),
    )
    return replace(made, **changes)


def checked(rows: Any, *, entries: tuple[FaceEntry, ...] = (), ceiling: float = 0.6) -> Checked:
    """Return templates as if hygiene had found their photos good."""
    entries = entries or tuple(entry(number) for number in range(len(rows)))
    references = tuple(
        Reference(number + 1, each, b"photo of " + each.entry.encode(), row)
        for number, (each, row) in enumerate(zip(entries, rows, strict=True))
    )
    return Checked(len(references), (), references, THRESHOLD, ceiling, ("", ""))


def build(file: Path, rows: Any, *, signers: int = 2, entries: tuple[FaceEntry, ...] = (), **changes: Any) -> Path:
    """Build a list and have it signed by so many signers."""
    build_faces(
        file,
        checked(rows, entries=entries),
        replace(PARTICULARS, **changes),
        model=MODEL,
        random=secrets.token_bytes,
    )
    for each in SIGNERS[:signers]:
        sign_faces(file, each)
    return file


def verified(file: Path, rows: Any, **changes: Any) -> VerifiedFaces:
    """Build, sign and verify a list."""
    return verify_faces(build(file, rows, **changes), TRUST, NOW)


class Time:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@contextmanager
def in_force(
    file: Path, rows: Any, *, key: UnitKey = KEY, time: Time | None = None, **changes: Any
) -> Iterator[Gallery]:
    """Give a list in force for the block."""
    with open_gallery(verified(file, rows, **changes), key, model=MODEL, now=time or Time()) as gallery:
        yield gallery


def photo(file: Path, person: int, **options: Any) -> str:
    """Write a picture on which `ScriptedEngine` finds faces, and return its name."""
    assert cv2.imwrite(str(file), face_picture(person, **options))
    return file.name
