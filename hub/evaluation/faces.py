"""Measures face verification on pairs of a research set. No camera, no list, nothing kept but counts (charter C1)."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from msgspec import Struct, field

from hub.backends import FaceEngine
from hub.errors import InputError
from hub.evaluation.embedding import Embedded, Progress, embed_photos, person_of, refuse_few
from hub.evaluation.timing import Milliseconds, milliseconds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values: TypeAlias = NDArray[np.float64]

RATES: Final = {"1e-2": 1e-2, "1e-3": 1e-3, "1e-4": 1e-4}
"""False-match rates at which true matches are counted."""

LEAST_FALSE: Final = 10
"""False matches that a rate must stand on; one that stands on fewer is not given (charter C10)."""

FOLDS: Final = 10

_BLOCK: Final = 1024


class FacesReport(Struct, frozen=True):
    """Aggregates over all pairs. A face that was not found counts as an error in each of its pairs."""

    pairs: int
    failed_to_detect: int
    """Photos in which no face was found."""
    accuracy: float
    """Mean of the rates of same and of different pairs told right, 10-fold, threshold from the other folds."""
    auc: float
    """Probability that a same pair is more similar than a different one."""
    tpr: dict[str, float | None]
    """Share of same pairs over the threshold of each false-match rate; None where too few pairs support the rate."""
    cross_pairs: int
    """Pairs of photos of different people, from which the false-match rates are."""
    milliseconds: Milliseconds
    """Finding and embedding one face."""
    people: int
    under_floor: int
    """Faces that the hub would refuse to compare for their quality; compared here."""
    thresholds: dict[str, float | None] = field(default_factory=dict)
    """Similarity at each false-match rate."""


class Pair(Struct, frozen=True):
    """One line of the file of pairs."""

    left: str
    right: str
    same: bool


def evaluate_faces(
    images: Path, pairs: Path, engine: FaceEngine, *, progress: Progress = lambda _done, _all: None
) -> FacesReport:
    """Compare the pairs of a research set.

    Args:
        images: Folder of photos, one folder a person.
        pairs: CSV with the columns left, right, same.
        engine: The engine to measure.
        progress: Told after each photo.

    Raises:
        InputError: A file is missing or wrong, or there are fewer than 100 people.
        ModelError: The engine does not run.
    """
    rows = read_pairs(pairs)
    names = sorted({name for pair in rows for name in (pair.left, pair.right)})
    people = {person_of(name) for name in names}
    refuse_few(people)
    embedded = embed_photos(images, names, engine, progress=progress)
    index = embedded.index()
    left, right = (np.array([index[getattr(pair, side)] for pair in rows]) for side in ("left", "right"))
    same = np.array([pair.same for pair in rows])
    similarity = np.einsum("ij,ij->i", embedded.rows[left], embedded.rows[right]).astype(np.float64)
    found = embedded.found[left] & embedded.found[right]
    strangers = int(_cross_count(embedded))
    tops = largest_cross(embedded, int(strangers * max(RATES.values())) + 1)
    thresholds = {name: threshold_at(tops, strangers, rate) for name, rate in RATES.items()}
    genuine = np.where(found, similarity, -np.inf)[same]
    return FacesReport(
        pairs=len(rows),
        failed_to_detect=int((~embedded.found).sum()),
        accuracy=folded_accuracy(similarity, same, found),
        auc=area(genuine, np.where(found, similarity, np.inf)[~same]),
        tpr={name: None if at is None else float((genuine > at).mean()) for name, at in thresholds.items()},
        cross_pairs=strangers,
        milliseconds=milliseconds(embedded.durations),
        people=len(people),
        under_floor=embedded.under_floor,
        thresholds=thresholds,
    )


def read_pairs(file: Path) -> tuple[Pair, ...]:
    """Read the file of pairs.

    Raises:
        InputError: It is missing or wrong, or has no pairs of one kind.
    """
    pairs = []
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            for number, row in enumerate(csv.DictReader(lines), start=2):
                left, right, same = (row.get(name) for name in ("left", "right", "same"))
                if not left or not right or same not in {"0", "1"}:
                    raise InputError(f"{file.name}, line {number}: the columns are left, right and same (0 or 1)")
                pairs.append(Pair(left, right, same == "1"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file.name}: cannot be read as a table of pairs") from error
    if not {pair.same for pair in pairs} == {True, False}:
        raise InputError(f"{file.name}: pairs of the same and of different people are needed")
    return tuple(pairs)


def largest_cross(embedded: Embedded, count: int) -> Values:
    """Return the `count` highest similarities of photos of different people, the highest first."""
    rows, people = embedded.rows[embedded.found], embedded.people()[embedded.found]
    best = np.zeros(0, np.float32)
    for start in range(0, len(rows), _BLOCK):
        stop = start + _BLOCK
        similar = rows[start:stop] @ rows.T
        # Each pair once: the later photo comes in a later column.
        later = np.arange(len(rows)) > np.arange(start, min(stop, len(rows)))[:, None]
        different = people[start:stop, None] != people
        best = np.concatenate([best, similar[later & different]])
        if len(best) > count:
            best = np.partition(best, len(best) - count)[-count:]
    return np.sort(best)[::-1].astype(np.float64)


def threshold_at(tops: Values, comparisons: int, rate: float) -> float | None:
    """Return the similarity that at most this share of false comparisons exceeds, or None where too few support it.

    Args:
        tops: The highest similarities of false comparisons, the highest first.
        comparisons: How many false comparisons there were.
        rate: Share of them.
    """
    allowed = int(comparisons * rate)
    return float(tops[allowed]) if LEAST_FALSE <= allowed < len(tops) else None


def folded_accuracy(similarity: Values, same: NDArray[np.bool_], found: NDArray[np.bool_]) -> float:
    """Return balanced accuracy over ten folds, each with the threshold that was best on the others.

    Args:
        similarity: float64 [pairs].
        same: bool [pairs].
        found: bool [pairs]; a pair without a face is an error whatever it is.
    """
    fold = np.empty(len(same), np.int64)
    for kind in (True, False):  # each fold has its share of both
        fold[same == kind] = np.arange((same == kind).sum()) % FOLDS
    right = np.zeros(len(same), np.bool_)
    for number in range(FOLDS):
        inside = fold == number
        usable = ~inside & found
        at = best_threshold(similarity[usable], same[usable])
        right[inside] = ((similarity[inside] >= at) == same[inside]) & found[inside]
    return float((right[same].mean() + right[~same].mean()) / 2)


def best_threshold(similarity: Values, same: NDArray[np.bool_]) -> float:
    """Return the similarity from which to call a pair the same so that balanced accuracy is highest."""
    order = np.argsort(-similarity, kind="stable")
    hits = np.cumsum(same[order]) / max(int(same.sum()), 1)
    errors = np.cumsum(~same[order]) / max(int((~same).sum()), 1)
    if not len(order):
        return 0.0
    best = int(np.argmax(hits - errors))
    below = similarity[order[best + 1]] if best + 1 < len(order) else similarity[order[best]]
    return float((similarity[order[best]] + below) / 2)


def area(genuine: Values, impostor: Values) -> float:
    """Return the probability that a genuine value is above an impostor's, half where they are equal."""
    ordered = np.sort(impostor)
    below = np.searchsorted(ordered, genuine, side="left")
    not_above = np.searchsorted(ordered, genuine, side="right")
    return float((below + not_above).sum() / (2 * len(genuine) * len(impostor)))


def _cross_count(embedded: Embedded) -> int:
    counts = np.bincount(embedded.people()[embedded.found])
    total = int(counts.sum())
    return (total * total - int((counts**2).sum())) // 2
