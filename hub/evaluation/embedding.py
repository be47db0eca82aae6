"""Photos of a research set into embeddings, for as long as one evaluation runs. Opens photos and nothing else.

A set of fewer than `FEWEST_PEOPLE` is refused: this measures models, it does not look for somebody. Errors name a
line or a position, not a person.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from msgspec import Struct

from hub.backends import FaceEngine, FaceRegion
from hub.errors import InputError
from hub.vision.face_quality import FaceFloor, flaw, measure
from hub.vision.pictures import decode_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]
    Image: TypeAlias = NDArray[np.uint8]

FEWEST_PEOPLE: Final = 100
"""Fewer people are no research set."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with how many photos are done, of how many."""


class Embedded(Struct, frozen=True, eq=False):
    """The embeddings of a set's photos, in the order in which they were asked for."""

    names: tuple[str, ...]
    rows: Floats
    """float32 [photos, size]; a row of no number where no face was found."""
    found: NDArray[np.bool_]
    """bool [photos]: whether a face was found."""
    under_floor: int
    """Faces that the hub would refuse to compare for their quality; they are compared here."""
    durations: tuple[float, ...]
    """Milliseconds of finding and embedding for each photo."""

    def index(self) -> dict[str, int]:
        """Return the row of each name."""
        return {name: row for row, name in enumerate(self.names)}

    def people(self) -> NDArray[np.int64]:
        """Return a number for each photo that is the same for the same person."""
        return np.unique([person_of(name) for name in self.names], return_inverse=True)[1].astype(np.int64)


def person_of(name: str) -> str:
    """Return whose photo it is: the folder it lies in."""
    return str(PurePosixPath(name).parent)


def refuse_few(people: Iterable[str]) -> None:
    """Refuse a set that is too small to be one.

    Raises:
        InputError: Fewer than `FEWEST_PEOPLE` different people.
    """
    count = len(set(people))
    if count < FEWEST_PEOPLE:
        raise InputError(
            f"{count} people are too few: the evaluation measures models on research sets of at least {FEWEST_PEOPLE}"
        )


def embed_photos(
    folder: Path, names: Sequence[str], engine: FaceEngine, *, progress: Progress = lambda _done, _all: None
) -> Embedded:
    """Find and embed the face in the middle of each photo.

    Args:
        folder: Folder of the photos.
        names: Their paths below it, with forward slashes, each once.
        engine: The engine to measure.
        progress: Told after each photo.

    Raises:
        InputError: A photo is missing or cannot be read.
        ModelError: The engine does not run.
    """
    rows = np.full((len(names), engine.size), np.nan, np.float32)
    durations, under = [], 0
    floor = FaceFloor()
    for number, name in enumerate(names):
        image = open_photo(folder, name, number + 1)
        started = time.perf_counter()
        face = central(engine.detect(image), image)
        if face is not None:
            rows[number] = engine.embed(image, (face,))[0]
        durations.append((time.perf_counter() - started) * 1000)
        under += face is not None and flaw(measure(image, face), floor) is not None
        progress(number + 1, len(names))
    found = np.asarray(np.isfinite(rows).all(axis=1), np.bool_)
    return Embedded(tuple(names), rows, found, under, tuple(durations))


def central(faces: Sequence[FaceRegion], image: Image) -> FaceRegion | None:
    """Return the face nearest the middle of a photo, whose person the photo's name means; None where there is none."""
    middle = np.array([image.shape[1], image.shape[0]]) / 2

    def distance(face: FaceRegion) -> float:
        return float(np.hypot(*(np.array([face.box.x + face.box.w / 2, face.box.y + face.box.h / 2]) - middle)))

    return min(faces, key=distance, default=None)


def open_photo(folder: Path, name: str, number: int) -> Image:
    """Open one photo of a set.

    Raises:
        InputError: It is missing, cannot be read or lies outside of the folder; says which by its number.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise InputError(f"photo {number} of the set lies outside of its folder")
    try:
        return decode_picture((folder / path).read_bytes())
    except OSError as error:
        raise InputError(f"photo {number} of the set cannot be read: {error.strerror}") from error
    except InputError as error:
        raise InputError(f"photo {number} of the set cannot be used: {error}") from error
