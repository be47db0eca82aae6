"""Checks the records and reference photos that are to become a face list, before anybody is looked for with it.

Row by row: what an entry must have, the photo's age and quality, exactly one face on it. Then all with all: the same
photo twice, one person under two names, and whether the model can tell the list's people apart at the threshold at
which it will be searched. Photos come from a folder that an authority filled; nothing here can see a camera (C2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from msgspec import Struct

from hub.backends import FaceEngine, FaceRegion
from hub.calibration import Calibration
from hub.errors import InputError, UsageError
from hub.records import RULES, check_value
from hub.text import plain
from hub.vision.face_pictures import bounded
from hub.vision.face_quality import FaceFloor, flaw, measure
from hub.vision.pictures import decode_picture
from hub.vision.redaction import clip, encode_jpeg, grow
from hub.watchlists.faces import LARGEST_CARD, MOST_ENTRIES, FaceCategory, FaceEntry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hub.messages import Pixels

    Floats: TypeAlias = NDArray[np.float32]

FLOOR: Final = FaceFloor(eyes=24.0, turn=0.7)
"""A reference photo is compared with every face that passes, so that it has to be better than those."""
OLDEST_YEARS: Final = 10
"""An older photo is refused: no passport is valid longer."""
AGED_YEARS: Final = 5
"""An older photo is remarked on."""
AGED_CHILD_YEARS: Final = 2
"""A child's older photo is remarked on: a face changes faster then."""
SAME_PHOTO: Final = 0.999
"""Two photos that are so alike are one photo, saved twice."""
LARGEST_PHOTO: Final = 32 * 2**20
"""Bytes of a photo file; what is larger is refused unread."""
MARGIN: Final = 0.4
"""Share of the face's longer side that the kept photo shows around it: hair, chin and ears."""
MOST_PAIRS: Final = 100
"""Pairs that a report names."""
_YEAR: Final = 365.25
_BLOCK: Final = 1024
_TEXTS: Final = (
    # column, field of the schema whose rule holds for it, whether an entry may lack it
    ("name", "family_name", False),
    ("instruction", "instruction", False),
    ("legal_basis", "legal_basis", False),
    ("issuing_authority", "issuing_authority", False),
    ("reference", "reference", True),
)


class Finding(Struct, frozen=True):
    """What is wrong with a row, or worth knowing."""

    row: int
    """Record in the file, from 1; 0 for the list as a whole."""
    entry: str
    text: str
    """What it is and how to mend it."""
    refuses: bool
    """False for a remark: the list may be used as it is."""


class Reference(Struct, frozen=True, eq=False):
    """One row that is as it should be."""

    row: int
    entry: FaceEntry
    photo: bytes
    """JPEG of the face with a margin."""
    template: Floats
    """float32 [numbers], of length 1."""


class Checked(Struct, frozen=True, eq=False):
    """What came of checking a list."""

    rows: int
    findings: tuple[Finding, ...]
    references: tuple[Reference, ...]
    """The rows without fault, in their order."""
    threshold: float
    """Similarity from which a search will call a face a candidate."""
    ceiling: float
    """Highest similarity between two entries with different names; -1 where there is none."""
    closest: tuple[str, str]
    """Which two entries that is; "" where there is none."""

    @property
    def refused(self) -> bool:
        """Whether no list may be built of it."""
        return any(finding.refuses for finding in self.findings)


def check_faces(
    rows: Sequence[Mapping[str, str]],
    folder: Path,
    engine: FaceEngine,
    *,
    threshold: float,
    size: int,
    today: date,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Checked:
    """Check records and photos. Blocking: a few tens of milliseconds a photo.

    Args:
        rows: Records with the columns entry, name, photo, photo_date, category, legal_basis, issuing_authority,
            expires, instruction and, where there is one, reference.
        folder: Where the photos lie.
        engine: Finds and embeds.
        threshold: Similarity from which a search will call a face a candidate.
        size: Most entries, as the authority stated.
        today: The day, in UTC.
        progress: Told after each row.

    Raises:
        ModelError: The engine does not run.
    """
    findings = list(_size_findings(len(rows), size))
    references: list[Reference] = []
    entries: set[str] = set()
    photos: dict[str, str] = {}
    # A list that is too long is not worth the time that its photos take.
    for number, row in enumerate(rows if not findings else (), start=1):
        name = plain(row.get("entry", "").strip(), limit=80)
        try:
            entry = _entry(row, entries)
            entries.add(entry.entry)
            _check_dates(entry, today)
            content = _photo(folder, row.get("photo", "").strip())
            digest = hashlib.sha256(content).hexdigest()
            if digest in photos:
                raise InputError(f"its photo is that of entry {photos[digest]}: each person has one of their own")
            photos[digest] = name
            photo, template = _embed(content, engine)
            references.append(Reference(number, entry, photo, template))
            findings += (Finding(number, name, text, refuses=False) for text in _remarks(entry, today))
        except (ValueError, UsageError) as error:
            findings.append(Finding(number, name, plain(str(error), limit=300), refuses=True))
        progress(number, len(rows))
    pairs, ceiling, closest = _pairs(references, threshold)
    findings += pairs
    return Checked(len(rows), tuple(findings), tuple(references), threshold, ceiling, closest)


def lost_at(calibration: Calibration, threshold: float) -> str:
    """Say what a threshold costs: how many pairs of one person it would not have found."""
    lost, pairs = calibration.same_below(threshold)
    return f"{lost} of {pairs} pairs of one person would have been missed ({calibration.set})"


# ---------------------------------------------------------------------------------------------- one row


def _size_findings(rows: int, size: int) -> Iterator[Finding]:
    if not 1 <= size <= MOST_ENTRIES:
        yield Finding(0, "", f"an authority may state 1 to {MOST_ENTRIES:,} entries, not {size:,}", refuses=True)
    if rows > min(size, MOST_ENTRIES):
        allowed = f"its authority stated {size:,} at most" if size <= MOST_ENTRIES else f"{MOST_ENTRIES:,} is the most"
        yield Finding(0, "", f"there are {rows:,} records and {allowed}: shorten the list", refuses=True)
    if not rows:
        yield Finding(0, "", "there are no records", refuses=True)


def _entry(row: Mapping[str, str], seen: set[str]) -> FaceEntry:
    """Return a row as an entry.

    Raises:
        ValueError: Something is missing or wrong; the message says what.
    """
    identifier = plain(row.get("entry", "").strip(), limit=80)
    if not identifier:
        raise ValueError("it has no identifier: fill in entry")
    if identifier in seen:
        raise ValueError("the identifier stands in the list already")
    needed = [column for column, _, optional in _TEXTS if not optional]
    if missing := [each for each in (*needed, "category", "expires", "photo_date") if not row.get(each, "").strip()]:
        raise ValueError(f"it lacks {' and '.join(missing)}: no entry without it")
    texts = {
        column: check_value(RULES[rule], row[column].strip())
        for column, rule, _ in _TEXTS
        if row.get(column, "").strip()
    }
    category = row["category"].strip().lower().replace(" ", "_").replace("-", "_")
    if category not in set(FaceCategory):
        raise ValueError(f"category is none of {', '.join(FaceCategory)}")
    return FaceEntry(
        entry=identifier,
        category=FaceCategory(category),
        expires=_day(row, "expires"),
        photo_date=_day(row, "photo_date"),
        **texts,
    )


def _day(row: Mapping[str, str], column: str) -> date:
    try:
        return date.fromisoformat(row[column].strip())
    except ValueError as error:
        raise ValueError(f"{column} is no date: write it as 2030-12-31") from error


def _check_dates(entry: FaceEntry, today: date) -> None:
    if entry.expires < today:
        raise ValueError(f"it expired on {entry.expires}: leave it out or have it renewed")
    if entry.photo_date > today:
        raise ValueError(f"its photo is said to have been taken on {entry.photo_date}, which is to come")
    if (age := _years(entry, today)) > OLDEST_YEARS:
        raise ValueError(f"its photo is {age:.0f} years old, and {OLDEST_YEARS} are the most: find a newer one")


def _remarks(entry: FaceEntry, today: date) -> Iterator[str]:
    limit = AGED_CHILD_YEARS if entry.category is FaceCategory.MISSING_CHILD else AGED_YEARS
    if (age := _years(entry, today)) > limit:
        yield f"its photo is {age:.0f} years old: a newer one would find more"


def _years(entry: FaceEntry, today: date) -> float:
    return (today - entry.photo_date).days / _YEAR


def _photo(folder: Path, name: str) -> bytes:
    path = PurePosixPath(name)
    if not name:
        raise InputError("it has no photo: name its file in the column photo")
    if path.is_absolute() or ".." in path.parts:
        raise InputError("its photo lies outside of the folder of photos")
    try:
        with (folder / path).open("rb") as file:
            content = file.read(LARGEST_PHOTO + 1)
    except OSError as error:
        raise InputError(f"its photo cannot be read: {error.strerror}") from error
    if len(content) > LARGEST_PHOTO:
        raise InputError(f"its photo has over {LARGEST_PHOTO // 2**20} MB: reduce it")
    return content


def _embed(content: bytes, engine: FaceEngine) -> tuple[bytes, Floats]:
    """Return the one face of a photo as a picture and as a template.

    Raises:
        InputError: The photo is corrupt, shows no face or several, or the face is below the floor.
    """
    try:
        image = decode_picture(content)
    except InputError as error:
        raise InputError(f"its photo cannot be used: {error}") from error
    faces = engine.detect(image)
    if len(faces) != 1:
        raise InputError(
            f"its photo shows {len(faces) or 'no'} face{'s' * (len(faces) > 1)}, and exactly one is needed"
        )
    if (reason := flaw(measure(image, faces[0]), FLOOR)) is not None:
        raise InputError(f"its photo is below the quality floor for reference photos: {reason.value.replace('_', ' ')}")
    return _portrait(image, faces[0]), engine.embed(image, faces)[0]


def _portrait(image: Pixels, face: FaceRegion) -> bytes:
    """Return the face with a margin as JPEG: who else or what else is on the photo stays behind."""
    height, width = image.shape[:2]
    box = clip(grow(face.box, MARGIN * max(face.box.w, face.box.h)), width, height)
    if box is None:
        raise InputError("its photo's face lies outside of the picture")
    photo = encode_jpeg(bounded(image[box.y : box.y + box.h, box.x : box.x + box.w])).jpeg
    if len(photo) > LARGEST_CARD // 2:
        raise InputError("its photo's face takes too much room")
    return photo


# ------------------------------------------------------------------------------------------- all with all


def _pairs(references: Sequence[Reference], threshold: float) -> tuple[list[Finding], float, tuple[str, str]]:
    """Compare every two entries of the list."""
    found: list[Finding] = []
    ceiling, closest = -1.0, ("", "")
    if not references:
        return found, ceiling, closest
    templates = np.stack([each.template for each in references])
    names = np.unique([each.entry.name.casefold() for each in references], return_inverse=True)[1]
    for start in range(0, len(templates), _BLOCK):
        rows = slice(start, start + _BLOCK)
        similar = templates[rows] @ templates.T
        # Each pair once: the later entry comes in a later column.
        later = np.arange(len(templates)) > np.arange(start, start + len(similar))[:, None]
        different = np.where(later & (names[rows, None] != names), similar, -1.0)
        row, column = divmod(int(different.argmax()), len(templates))
        if (top := float(different[row, column])) > ceiling:
            ceiling, closest = top, (references[start + row].entry.entry, references[column].entry.entry)
        for one, other in np.argwhere(later & (similar >= threshold)):
            first, second = references[start + int(one)], references[int(other)]
            found.append(_alike(first, second, float(similar[one, other]), threshold))
    if len(found) > MOST_PAIRS:
        found = [*found[:MOST_PAIRS], Finding(0, "", f"and {len(found) - MOST_PAIRS} pairs more", refuses=True)]
    return found, ceiling, closest


def _alike(first: Reference, second: Reference, similarity: float, threshold: float) -> Finding:
    """Say what two entries that cannot be told apart may be."""
    other, same_name = first.entry.entry, first.entry.name.casefold() == second.entry.name.casefold()
    if similarity >= SAME_PHOTO and not same_name:
        text = f"its photo is that of entry {other}, under another name: find out who it shows"
    elif same_name:
        text = f"the same person as entry {other} stands there twice: keep one of them"
    else:
        text = (
            f"as alike as one person to entry {other} (similarity {similarity:.4f}, threshold {threshold:.4f}): either "
            "one person under two names, or two whom the model cannot tell apart; mend the name, exchange a photo, "
            "leave one out, or raise the threshold"
        )
    return Finding(second.row, second.entry.entry, text, refuses=True)
