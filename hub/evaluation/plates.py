"""Measures plate reading on a folder of photos with known plates. Prints nothing, keeps nothing, looks nothing up."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from hub.backends import PlateReader
from hub.errors import InputError
from hub.evaluation.timing import Milliseconds, milliseconds
from hub.messages import Box
from hub.plates.alphabet import normalise
from hub.plates.grammar import GrammarBook
from hub.plates.reading import RegionRead, read_image
from hub.plates.settings import PlateSettings

FOLD: Final = str.maketrans("OIQDZSB", "0100258")
"""Look-alikes that `PlatesReport.folded` treats as equal."""

OVERLAP: Final = 0.1
"""Least intersection over union at which a read lies over a marked plate: characters fill a part of their plate."""


class PlatesReport(Struct, frozen=True):
    """Counts over a folder. A truth file's plate counts once."""

    plates: int
    """Marked plates."""
    detected: int
    """Plates with a text region over them, read or not."""
    exact: int
    """Plates whose best read is right in every character."""
    folded: int
    """The same with O=0, I=1, Q=0, D=0, Z=2, S=5, B=8."""
    top3: int
    """Plates that are among the best read's first three readings."""
    misread: int
    """Plates whose best read is wrong."""
    false_reads: int
    """Reads over no marked plate and over no box of ``others.csv``."""
    milliseconds: Milliseconds


class MarkedPlate(Struct, frozen=True):
    """One line of a truth file."""

    image: Path
    box: tuple[float, float, float, float]
    """x, y, width, height in pixels."""
    plate: str
    """Normalised."""


def evaluate_plates(folder: Path, reader: PlateReader, book: GrammarBook, settings: PlateSettings) -> PlatesReport:
    """Read every photo of a folder and compare with its truth files.

    Args:
        folder: Photos, a ``NAME.txt`` beside each (tab-separated: image, x, y, w, h, plate) and, where there are
            other real plates to ignore, ``others.csv`` (``image,x,y,w,h``).
        reader: The plate reader.
        book: The grammars.
        settings: Thresholds of the gates.

    Raises:
        InputError: The folder or a file in it is missing or cannot be read.
        ModelError: The model does not run.
    """
    truth = list(marked_plates(folder))
    others = other_plates(folder)
    photos: dict[Path, list[MarkedPlate]] = {}
    for marked in truth:
        photos.setdefault(marked.image, []).append(marked)
    detected = exact = folded = top3 = misread = false_reads = 0
    durations = []
    for path, plates in photos.items():
        image = _photo(path)
        started = time.perf_counter()
        result = read_image(reader, image, book, settings)
        durations.append((time.perf_counter() - started) * 1000)
        for marked in plates:
            over = [region for region in result.regions if overlap(region.evidence.box, marked.box) >= OVERLAP]
            detected += bool(over)
            reads = [region for region in over if region in result.passed]
            if not reads:
                continue
            said = [reading.plate for reading in reads[0].readings]
            exact += said[0] == marked.plate
            folded += said[0].translate(FOLD) == marked.plate.translate(FOLD)
            top3 += marked.plate in said[:3]
            misread += said[0] != marked.plate
        known = [marked.box for marked in plates] + others.get(path.name, [])
        false_reads += sum(_is_false(region, known) for region in result.passed)
    return PlatesReport(len(truth), detected, exact, folded, top3, misread, false_reads, milliseconds(durations))


def marked_plates(folder: Path) -> Iterator[MarkedPlate]:
    """Yield the plates of a folder's truth files, in the order of their names.

    Raises:
        InputError: The folder holds no truth file, or one cannot be read.
    """
    files = sorted(folder.glob("*.txt")) if folder.is_dir() else []
    if not files:
        raise InputError(f"{folder}: no truth file (NAME.txt beside NAME.jpg) in it")
    for file in files:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            if not line.strip():
                continue
            try:
                name, x, y, w, h, plate = line.split("\t")
                box = (float(x), float(y), float(w), float(h))
            except ValueError as error:
                raise InputError(f"{file.name}, line {number}: write image, x, y, w, h, plate with tabs") from error
            yield MarkedPlate(folder / name, box, normalise(plate))


def other_plates(folder: Path) -> dict[str, list[tuple[float, float, float, float]]]:
    """Return the boxes of ``others.csv`` by image name; empty where there is no such file.

    Raises:
        InputError: The file cannot be read.
    """
    file = folder / "others.csv"
    boxes: dict[str, list[tuple[float, float, float, float]]] = {}
    if not file.is_file():
        return boxes
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            try:
                box = (float(row["x"]), float(row["y"]), float(row["w"]), float(row["h"]))
                boxes.setdefault(row["image"], []).append(box)
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(f"{file.name}: columns must be image,x,y,w,h with numbers") from error
    return boxes


def overlap(box: Box, other: tuple[float, float, float, float]) -> float:
    """Return intersection over union of two upright rectangles, 0 to 1."""
    x, y, w, h = other
    wide = min(box.x + box.w, x + w) - max(box.x, x)
    high = min(box.y + box.h, y + h) - max(box.y, y)
    if wide <= 0 or high <= 0:
        return 0.0
    return wide * high / (box.w * box.h + w * h - wide * high)


def _is_false(region: RegionRead, known: list[tuple[float, float, float, float]]) -> bool:
    return all(overlap(region.evidence.box, box) < OVERLAP for box in known)


def _photo(path: Path) -> NDArray[np.uint8]:
    try:
        content = np.frombuffer(path.read_bytes(), np.uint8)
        image = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    except (OSError, cv2.error) as error:
        raise InputError(f"{path.name}: cannot be read") from error
    if image is None:
        raise InputError(f"{path.name}: is no picture")
    return np.asarray(image, np.uint8)
