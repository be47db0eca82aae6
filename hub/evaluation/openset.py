"""Measures 1:N identification among strangers on a research set. No camera, no list, nothing kept (charter C1)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct

from hub.backends import FaceEngine
from hub.errors import InputError
from hub.evaluation.embedding import Progress, embed_photos, person_of, refuse_few

RATES: Final = {"1e-2": 1e-2, "1e-3": 1e-3}
"""Shares of strangers who may lead to a false alert."""


class Listed(Struct, frozen=True):
    """One person of the set who is listed for the measurement."""

    id: str
    reference: str
    probe: str


class OpenSet(Struct, frozen=True):
    """Who is listed and who is not."""

    gallery: tuple[Listed, ...]
    strangers: tuple[str, ...]


class OpenSetReport(Struct, frozen=True):
    """Aggregates. A face that was not found is a miss, of a stranger it is no alert."""

    gallery: int
    strangers: int
    tpir: dict[str, float]
    """Share of the listed whose own entry comes first and over the threshold at which this share of strangers leads to
    a false alert."""
    threshold: float
    """Similarity at 1e-2."""
    rank1: float
    """Share of the listed whose own entry comes first, whatever the similarity."""
    thresholds: dict[str, float]
    false_alerts: dict[str, int]
    """Strangers over each threshold: under 10 of them a figure is rough (charter C10)."""
    failed_to_detect: int


def evaluate_openset(
    file: Path, images: Path, engine: FaceEngine, *, progress: Progress = lambda _done, _all: None
) -> OpenSetReport:
    """Look for the listed and for strangers among the listed.

    Args:
        file: JSON as `OpenSet`.
        images: Folder of photos, one folder a person.
        engine: The engine to measure.
        progress: Told after each photo.

    Raises:
        InputError: A file is missing or wrong, or there are fewer than 100 people.
        ModelError: The engine does not run.
    """
    people = read_openset(file)
    refuse_few({each.id for each in people.gallery} | {person_of(name) for name in people.strangers})
    references, probes = ([getattr(each, part) for each in people.gallery] for part in ("reference", "probe"))
    names = list(dict.fromkeys([*references, *probes, *people.strangers]))
    embedded = embed_photos(images, names, engine, progress=progress)
    index = embedded.index()
    # A face that was not found is similar to nothing.
    rows = np.where(embedded.found[:, None], embedded.rows, 0).astype(np.float32)
    gallery = rows[[index[name] for name in references]]
    mates = rows[[index[name] for name in probes]] @ gallery.T
    own = np.diagonal(mates)
    first = (mates.argmax(axis=1) == np.arange(len(mates))) & (own > 0)
    best = np.sort((rows[[index[name] for name in people.strangers]] @ gallery.T).max(axis=1))[::-1]
    thresholds = {name: float(best[int(len(best) * rate)]) for name, rate in RATES.items()}
    return OpenSetReport(
        gallery=len(gallery),
        strangers=len(best),
        tpir={name: float((first & (own > at)).mean()) for name, at in thresholds.items()},
        threshold=thresholds["1e-2"],
        rank1=float(first.mean()),
        thresholds=thresholds,
        false_alerts={name: int((best > at).sum()) for name, at in thresholds.items()},
        failed_to_detect=int((~embedded.found).sum()),
    )


def read_openset(file: Path) -> OpenSet:
    """Read who is listed and who is not.

    Raises:
        InputError: The file is missing or wrong, an identifier is given twice, or a part is empty.
    """
    try:
        people = msgspec.json.decode(file.read_bytes(), type=OpenSet)
    except OSError as error:
        raise InputError(f"{file.name}: cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{file.name}: {error}") from error
    if len({each.id for each in people.gallery}) != len(people.gallery):
        raise InputError(f"{file.name}: an identifier is given twice")
    if not people.gallery or not people.strangers:
        raise InputError(f"{file.name}: listed people and strangers are needed")
    return people
