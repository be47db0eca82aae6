"""Makes a calibration from a folder of a research set: one folder a person, its pictures in it.

Compares every picture with every other, keeps counts and forgets the rest. Opens no camera, list or unit.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from hub.backends import FaceEngine, FaceRegion
from hub.calibration import Calibration
from hub.errors import InputError
from hub.vision.face_quality import FaceFloor, flaw, measure
from hub.vision.pictures import decode_picture

if TYPE_CHECKING:
    from hub.messages import Pixels

LEAST_PEOPLE: Final = 100
"""Fewer people say nothing of people."""
WIDTH: Final = 0.0005
"""Width of a bin of the histograms."""
PICTURES: Final = (".jpg", ".jpeg", ".png", ".webp")
NOT_MEASURED: Final = (
    "by group (age, sex, skin tone)",
    "photos printed in documents",
    "pictures many years apart",
    "by night",
)


def calibrate_faces(
    folder: Path, name: str, engine: FaceEngine, *, say: Callable[[str], None] = lambda _: None
) -> Calibration:
    """Measure how alike different people appear to an engine.

    Args:
        folder: One folder a person.
        name: What the set is called.
        engine: Embeds.
        say: Gets a line from time to time.

    Raises:
        InputError: Fewer than `LEAST_PEOPLE` people have a face above the quality floor.
        ModelError: The engine does not run.
    """
    files = sorted(path for path in folder.glob("*/*") if path.suffix.lower() in PICTURES)
    _demand_people(folder, {path.parent.name for path in files})  # before any picture is opened
    contents, people, rows = hashlib.sha256(), [], []
    for number, path in enumerate(files, start=1):
        content = path.read_bytes()
        contents.update(hashlib.sha256(content).digest())
        image = decode_picture(content)
        face = _subject(engine, image)
        if face is not None and flaw(measure(image, face), FaceFloor()) is None:
            people.append(path.parent.name)
            rows.append(engine.embed(image, [face])[0])
        if number % 200 == 0:
            say(f"{number} of {len(files)} pictures")
    _demand_people(folder, set(people))
    embeddings, who = np.stack(rows), np.unique(people, return_inverse=True)[1]
    upper = np.triu_indices(len(rows), 1)
    similarities, same = (embeddings @ embeddings.T)[upper], who[upper[0]] == who[upper[1]]
    low = math.floor(float(similarities.min()) / WIDTH) * WIDTH
    place = ((similarities - low) / WIDTH).astype(int)
    bins = int(place.max()) + 1
    counts = [np.bincount(place[which], minlength=bins) for which in (~same, same)]
    return Calibration(
        model=engine.model,
        set=name,
        digest=contents.hexdigest(),
        people=len(set(people)),
        pictures=len(rows),
        left_out=len(files) - len(rows),
        low=round(low, 6),
        width=WIDTH,
        different=tuple(map(int, counts[0])),
        same=tuple(map(int, counts[1])),
        not_measured=NOT_MEASURED,
    )


def _demand_people(folder: Path, people: set[str]) -> None:
    if len(people) < LEAST_PEOPLE:
        raise InputError(f"{folder} has {len(people)} people with a usable face; {LEAST_PEOPLE} are needed at least")


def _subject(engine: FaceEngine, image: Pixels) -> FaceRegion | None:
    """Return the face nearest to the middle: pictures of research sets show bystanders too."""
    height, width = image.shape[:2]

    def off(face: FaceRegion) -> float:
        return math.hypot(face.box.x + face.box.w / 2 - width / 2, face.box.y + face.box.h / 2 - height / 2)

    return min(engine.detect(image), key=off, default=None)
