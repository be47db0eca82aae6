"""Measures face detection on photos of crowds: what is found, and what redaction would leave. Compares no faces."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from msgspec import Struct

from hub.backends import FaceRegion
from hub.errors import InputError
from hub.evaluation.embedding import Progress, open_photo
from hub.evaluation.plates import overlap
from hub.evaluation.timing import Milliseconds, milliseconds
from hub.messages import Box
from hub.vision.redaction import clip, face_area

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]

HEIGHTS: Final = (20, 40)
"""Least heights of the faces counted, in pixels."""

OVERLAP: Final = 0.5
"""Least intersection over union at which a face is found."""

COVERED: Final = 0.9
"""Least share of a face that redaction has to cover."""

Detect: TypeAlias = "Callable[[Image], Sequence[FaceRegion]]"


class Found(Struct, frozen=True):
    """One setting of the detector, by least height of a face."""

    recall: dict[str, float]
    """Share of faces found."""
    leak: dict[str, float]
    """Share of faces of which the areas that would be redacted cover less than nine tenths."""
    milliseconds: Milliseconds


class CrowdReport(Struct, frozen=True):
    """Aggregates over all photos, in the redaction setting."""

    faces: int
    """Valid faces at least 20 pixels high."""
    recall: dict[str, float]
    leak: dict[str, float]
    milliseconds: Milliseconds
    probe: Found
    """The same in the probe setting, which is made for speed."""


def evaluate_crowd(
    folder: Path, redaction: Detect, probe: Detect, *, progress: Progress = lambda _done, _all: None
) -> CrowdReport:
    """Find the faces of a set.

    Args:
        folder: Photos and ``boxes.csv`` with the columns image, x, y, w, h, invalid.
        redaction: Finds faces in the redaction setting.
        probe: Finds faces in the probe setting.
        progress: Told after each photo.

    Raises:
        InputError: A file is missing or wrong.
        ModelError: The detector does not run.
    """
    truth = read_boxes(folder / "boxes.csv")
    tallies = (_Tally(), _Tally())
    for number, (name, faces) in enumerate(truth.items(), start=1):
        image = open_photo(folder, name, number)
        for tally, detect in zip(tallies, (redaction, probe), strict=True):
            tally.take(image, faces, detect)
        progress(number, len(truth))
    careful, quick = (tally.result() for tally in tallies)
    return CrowdReport(
        faces=sum(face.h >= HEIGHTS[0] for faces in truth.values() for face in faces),
        recall=careful.recall,
        leak=careful.leak,
        milliseconds=careful.milliseconds,
        probe=quick,
    )


def read_boxes(file: Path) -> dict[str, list[Box]]:
    """Read the valid faces of each photo; a photo whose faces are all invalid is kept, with none.

    Raises:
        InputError: The file is missing or wrong, or has no valid face.
    """
    truth: dict[str, list[Box]] = {}
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            for number, row in enumerate(csv.DictReader(lines), start=2):
                try:
                    box = Box(*(round(float(row[key])) for key in "xywh"))
                    name, valid = row["image"], row["invalid"] == "0"
                except (KeyError, TypeError, ValueError) as error:
                    raise InputError(
                        f"{file.name}, line {number}: the columns are image,x,y,w,h,blur,occlusion,invalid"
                    ) from error
                faces = truth.setdefault(name, [])
                if valid and box.w > 0 and box.h > 0:
                    faces.append(box)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}: cannot be read as a table of faces") from error
    if not any(face.h >= max(HEIGHTS) for faces in truth.values() for face in faces):
        raise InputError(f"{file.name}: no valid face of {max(HEIGHTS)} pixels or more in it")
    return truth


class _Tally:
    """Counts for one setting."""

    def __init__(self) -> None:
        self._faces: list[tuple[int, bool, bool]] = []
        self._durations: list[float] = []

    def take(self, image: Image, faces: Sequence[Box], detect: Detect) -> None:
        """Look at one photo."""
        started = time.perf_counter()
        regions = detect(image)
        self._durations.append((time.perf_counter() - started) * 1000)
        covered = np.zeros(image.shape[:2], np.bool_)
        for region in regions:
            area = clip(face_area(region.box), image.shape[1], image.shape[0])
            if area is not None:
                covered[area.y : area.y + area.h, area.x : area.x + area.w] = True
        for face in faces:
            found = any(overlap(region.box, (face.x, face.y, face.w, face.h)) >= OVERLAP for region in regions)
            inside = clip(face, image.shape[1], image.shape[0])
            share = 0.0
            if inside is not None:
                share = float(covered[inside.y : inside.y + inside.h, inside.x : inside.x + inside.w].mean())
            self._faces.append((face.h, found, share < COVERED))

    def result(self) -> Found:
        """Return the shares."""
        recall, leak = {}, {}
        for height in HEIGHTS:
            counted = [(found, left) for high, found, left in self._faces if high >= height]
            recall[str(height)] = sum(found for found, _ in counted) / len(counted)
            leak[str(height)] = sum(left for _, left in counted) / len(counted)
        return Found(recall, leak, milliseconds(self._durations))
