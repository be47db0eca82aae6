"""Renders the demonstration's clip: a street through which two cars with invented plates drive.

Everything in it is drawn from numbers in this file: no photo of a person, a car or a plate is shipped or needed. The
plates follow Spain's grammar in series that Spain has not reached, so that they are nobody's. Around them stand what a
reader must not take for a plate: a maker's name, a lorry's lettering, and a bystander.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import cv2
import numpy as np
from msgspec import Struct

from hub.demo.lettering import number_plate, sign
from hub.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]
    Points: TypeAlias = NDArray[np.float64]

Colour: TypeAlias = tuple[int, int, int]

LISTED_PLATE: Final = "4721XKP"
"""Plate of the car that the demonstration puts on its list."""

OTHER_PLATE: Final = "6258YHF"
"""Plate of the car that is on no list."""

WIDTH: Final = 1280
HEIGHT: Final = 720
FRAMES_A_SECOND: Final = 10.0
SECONDS: Final = 6.0

_FOCAL: Final = 1700.0
_CENTRE: Final = (640.0, 250.0)
_EYE: Final = 1.45
"""Height of the camera over the road in metres."""

_LANE: Final = 1.15
"""Metres from the camera's axis to the middle of the lane."""

_FAR: Final = 24.0
_NEAR: Final = 4.6
_CROSSING: Final = 2.9
"""Seconds that a car takes from `_FAR` to `_NEAR` metres."""


class ClipFacts(Struct, frozen=True):
    """What a rendered clip holds: the truth that a run over it is compared with."""

    path: Path
    frames: int
    frames_a_second: float
    width: int
    height: int
    listed: str | None
    """Plate of the first car, or None where it is blank."""
    other: str
    """Plate of the second car."""


class _Vehicle(Struct, frozen=True):
    """A car that comes towards the camera in its lane."""

    plate: str | None
    maker: str
    paint: Colour
    """BGR."""
    starts: float
    """Seconds after which it is `_FAR` away."""

    def distance(self, seconds: float) -> float:
        """Metres from the camera to the car's front."""
        return _FAR + (_NEAR - _FAR) * (seconds - self.starts) / _CROSSING


def render_clip(path: Path, *, plate: str | None = LISTED_PLATE, seed: int = 0) -> ClipFacts:
    """Write the clip as MP4.

    Args:
        path: File to write; its folder exists.
        plate: Number of the first car; None leaves its plate blank.
        seed: Of the sensor's noise and the camera's tremble; the same seed gives the same pictures.

    Returns:
        What is in it.

    Raises:
        InputError: The file cannot be written.
        UsageError: The plate cannot be drawn.
    """
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FRAMES_A_SECOND, (WIDTH, HEIGHT))
    if not writer.isOpened():
        raise InputError(f"the clip {path} cannot be written: is there such a folder, and room in it?")
    count = int(SECONDS * FRAMES_A_SECOND)
    try:
        painter = Painter(plate, seed)
        for number in range(count):
            writer.write(painter.frame(number))
    finally:
        writer.release()
    return ClipFacts(
        path=path,
        frames=count,
        frames_a_second=FRAMES_A_SECOND,
        width=WIDTH,
        height=HEIGHT,
        listed=plate,
        other=OTHER_PLATE,
    )


class Painter:
    """Paints the clip's pictures one by one."""

    def __init__(self, plate: str | None, seed: int) -> None:
        """Draw what does not move; see `render_clip` for the arguments."""
        self._seed = seed
        self._vehicles = (
            _Vehicle(plate=plate, maker="VARO", paint=(60, 40, 150), starts=0.2),
            _Vehicle(plate=OTHER_PLATE, maker="LUMEN", paint=(140, 105, 50), starts=3.1),
        )
        self._plates = [number_plate(vehicle.plate) for vehicle in self._vehicles]
        self._makers = [sign(vehicle.maker, (400, 90), (42, 42, 44), (200, 205, 205)) for vehicle in self._vehicles]
        self._street = _street()

    def frame(self, number: int) -> Image:
        """Return one picture, uint8 [720, 1280, 3], BGR; it depends on the number and the seed alone."""
        rng = np.random.default_rng([self._seed, number])
        image = self._street.copy()
        seconds = number / FRAMES_A_SECOND
        shown = [
            (vehicle.distance(seconds), vehicle, plate, maker)
            for vehicle, plate, maker in zip(self._vehicles, self._plates, self._makers, strict=True)
        ]
        for distance, vehicle, plate, maker in sorted(shown, key=lambda each: -each[0]):
            if 2.2 < distance <= _FAR:
                _car(image, distance, vehicle.paint, plate, maker)
        _bystander(image, x=-1.75, z=7.5)
        return _photograph(image, rng)


def _street() -> Image:
    """Paint sky, houses, road, pavement and a parked lorry."""
    image = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    horizon = int(_CENTRE[1])
    image[:horizon] = np.linspace((222, 200, 176), (232, 226, 218), horizon)[:, None]
    image[horizon:] = np.linspace((104, 106, 106), (74, 76, 76), HEIGHT - horizon)[:, None]
    for index, (left, right, top) in enumerate([(-30, -17, 9), (-16, -9, 12), (6, 12, 8), (13, 22, 14), (23, 40, 10)]):
        shade = 120 + 17 * (index % 3)
        _quad(image, [(left, top, 45), (right, top, 45), (right, 0, 45), (left, 0, 45)], (shade, shade + 8, shade + 18))
        for row in range(1, top - 1, 2):
            for column in range(left + 1, right - 1, 2):
                corners = [(column, row + 1.2, 45), (column + 0.9, row + 1.2, 45), (column + 0.9, row, 45)]
                _quad(image, [*corners, (column, row, 45)], (92, 84, 74))
    _quad(image, [(-40, 0, 44), (-1.1, 0, 44), (-1.1, 0, 2.2), (-40, 0, 2.2)], (138, 142, 146))  # pavement
    for start in range(4, 44, 6):  # line along the middle of the road
        _quad(image, [(2.5, 0, start + 3), (2.62, 0, start + 3), (2.62, 0, start), (2.5, 0, start)], (205, 210, 210))
    _lorry(image, left=3.4, right=5.8, front=17.0, back=25.0)
    return image


def _lorry(image: Image, *, left: float, right: float, front: float, back: float) -> None:
    """Paint a lorry parked with its back towards the camera, lettered on its back and its side."""
    green, white = (70, 96, 40), (228, 232, 232)
    side = [(left, 3.4, back), (left, 3.4, front), (left, 0.9, front), (left, 0.9, back)]
    rear = [(left, 3.4, front), (right, 3.4, front), (right, 0.9, front), (left, 0.9, front)]
    _quad(image, [(left, 0, front), (right, 0, front), (right, 0, back), (left, 0, back)], (48, 48, 50))
    _paste(image, sign("TRANSPORTES", (900, 300), green, white), side)
    _paste(image, sign("FRUTAS DEL SUR", (900, 300), white, green), _inside(rear, 0.06, 0.2, 0.94, 0.55), rear, white)
    for x in (left + 0.15, right - 0.75):
        _quad(image, [(x, 0.9, front), (x + 0.6, 0.9, front), (x + 0.6, 0, front), (x, 0, front)], (30, 30, 32))


def _car(image: Image, z: float, paint: Colour, plate: Image, maker: Image) -> None:
    """Paint a car whose front is `z` metres away."""
    dark, glass, tyre = _shade(paint, 0.62), (84, 74, 62), (28, 28, 30)
    left, right, back = _LANE - 0.9, _LANE + 0.9, z + 4.2
    _quad(image, [(left - 0.1, 0, back), (right + 0.1, 0, back), (right + 0.1, 0, z), (left - 0.1, 0, z)], (46, 47, 48))
    for x in (left, right):  # wheels, seen from the front
        for depth in (back - 0.9, z + 0.8):
            inner = x + (0.2 if x == left else -0.2)
            _quad(image, [(x, 0.62, depth), (inner, 0.62, depth), (inner, 0, depth), (x, 0, depth)], tyre)
    side = [(left, 0.78, z), (left, 0.9, z + 1.1), (left, 0.9, back), (left, 0.25, back), (left, 0.25, z)]
    _quad(image, side, dark)
    for depth in (z + 0.8, back - 0.9):  # wheels, seen from the side
        angles = np.arange(24) * np.pi / 12
        rim = [(left - 0.01, 0.31 + 0.31 * np.sin(a), depth + 0.31 * np.cos(a)) for a in angles]
        _quad(image, rim, tyre)
    shoulder = [(left, 0.9, z + 1.1), (left, 0.9, back), (left + 0.1, 0.9, back), (left + 0.1, 0.9, z + 1.1)]
    _quad(image, shoulder, paint)
    roof, sill = [(left + 0.25, 1.42), (right - 0.25, 1.42)], [(left + 0.08, 0.9), (right - 0.08, 0.9)]
    cabin = [(*roof[0], z + 1.9), (*roof[0], z + 3.4), (*sill[0], z + 4.0), (*sill[0], z + 1.1)]
    _quad(image, cabin, _shade(paint, 0.5))
    _quad(image, _inside(cabin, 0.12, 0.14, 0.88, 0.8), glass)
    _quad(image, [(*roof[0], z + 1.9), (*roof[1], z + 1.9), (*roof[1], z + 3.4), (*roof[0], z + 3.4)], dark)
    screen = [(*roof[0], z + 1.9), (*roof[1], z + 1.9), (*sill[1], z + 1.1), (*sill[0], z + 1.1)]
    _quad(image, screen, dark)
    _quad(image, _inside(screen, 0.05, 0.08, 0.95, 0.94), glass)
    bonnet = [(left, 0.9, z + 1.1), (right, 0.9, z + 1.1), (right, 0.78, z), (left, 0.78, z)]
    _quad(image, bonnet, _shade(paint, 1.12))
    front = [(left, 0.78, z), (right, 0.78, z), (right, 0.2, z), (left, 0.2, z)]
    _quad(image, front, paint)
    _quad(image, _inside(front, 0.26, 0.06, 0.74, 0.36), (42, 42, 44))  # grille
    _paste(image, maker, _inside(front, 0.42, 0.09, 0.58, 0.27))
    for near, far in ((0.03, 0.2), (0.8, 0.97)):
        _quad(image, _inside(front, near, 0.08, far, 0.32), (236, 240, 238))
    _quad(image, _inside(front, 0.02, 0.82, 0.98, 1.0), (38, 38, 40))
    middle, half = _LANE, 0.26  # 520 x 110 mm
    _paste(image, plate, [(middle - half, 0.50, z - 0.02), (middle + half, 0.50, z - 0.02),
                          (middle + half, 0.39, z - 0.02), (middle - half, 0.39, z - 0.02)])  # fmt: skip


def _bystander(image: Image, *, x: float, z: float) -> None:
    """Paint somebody on the pavement: a coat, legs and a plain head."""
    _quad(image, [(x - 0.2, 0.85, z), (x + 0.2, 0.85, z), (x + 0.14, 0, z), (x - 0.14, 0, z)], (70, 52, 40))
    _quad(image, [(x - 0.24, 1.48, z), (x + 0.24, 1.48, z), (x + 0.27, 0.75, z), (x - 0.27, 0.75, z)], (40, 90, 150))
    (head,) = _project([(x, 1.62, z)])
    radius = _FOCAL * 0.115 / z
    centre = (round(head[0]), round(head[1]))
    cv2.ellipse(image, centre, (round(radius * 0.85), round(radius * 1.1)), 0, 0, 360, (128, 160, 196), -1, cv2.LINE_AA)


def _photograph(image: Image, rng: np.random.Generator) -> Image:
    """Add what a camera adds: a tremble, a little blur, uneven light and noise."""
    shift = rng.normal(0, 0.5, 2)
    moved = cv2.warpAffine(
        image, np.array([[1, 0, shift[0]], [0, 1, shift[1]]]), (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE
    )
    soft = cv2.GaussianBlur(moved, (0, 0), 0.7).astype(np.float32)
    soft *= np.linspace(0.9, 1.04, WIDTH, dtype=np.float32)[None, :, None]
    soft += rng.standard_normal((HEIGHT, WIDTH, 1), dtype=np.float32) * 3.5
    return np.rint(soft).clip(0, 255).astype(np.uint8)


def _project(points: list[tuple[float, float, float]]) -> Points:
    """Return where points in metres (right, up, away) are seen, float64 [n, 2] in pixels."""
    x, y, z = np.array(points, np.float64).T
    return np.stack([_CENTRE[0] + _FOCAL * x / z, _CENTRE[1] + _FOCAL * (_EYE - y) / z], axis=1)


def _quad(image: Image, corners: list[tuple[float, float, float]], colour: Colour) -> None:
    """Fill a flat shape that is given by its corners in metres."""
    seen = np.round(_project(corners) * 16).clip(-(2**20), 2**20).astype(np.int32)
    cv2.fillPoly(image, [seen], colour, lineType=cv2.LINE_AA, shift=4)


def _inside(
    corners: list[tuple[float, float, float]], left: float, top: float, right: float, bottom: float
) -> list[tuple[float, float, float]]:
    """Return the part of a four-cornered shape between shares of its width and height."""
    a, b, c, d = (np.array(corner, np.float64) for corner in corners)

    def at(u: float, v: float) -> tuple[float, float, float]:
        x, y, z = (a * (1 - u) + b * u) * (1 - v) + (d * (1 - u) + c * u) * v
        return float(x), float(y), float(z)

    return [at(left, top), at(right, top), at(right, bottom), at(left, bottom)]


def _paste(
    image: Image,
    texture: Image,
    corners: list[tuple[float, float, float]],
    ground: list[tuple[float, float, float]] | None = None,
    colour: Colour = (0, 0, 0),
) -> None:
    """Put a picture onto a four-cornered shape, over a plain `ground` of the given colour where there is one."""
    if ground is not None:
        _quad(image, ground, colour)
    seen = _project(corners)
    # Reduce the texture to about twice the size at which it is seen first, or it flickers.
    span = max(float(np.linalg.norm(seen[1] - seen[0])), float(np.linalg.norm(seen[2] - seen[3])), 1.0)
    if (factor := 2 * span / texture.shape[1]) < 1:
        texture = cv2.resize(texture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA).astype(np.uint8)
    height, width = texture.shape[:2]
    low = np.floor(seen.min(axis=0)).clip((0, 0), (WIDTH, HEIGHT)).astype(int)
    high = np.ceil(seen.max(axis=0)).clip((0, 0), (WIDTH, HEIGHT)).astype(int)
    size = (int(high[0] - low[0]), int(high[1] - low[1]))
    if min(size) < 1:
        return
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(flat, (seen - low).astype(np.float32))
    warped = cv2.warpPerspective(texture, matrix, size, flags=cv2.INTER_LINEAR)
    mask = cv2.warpPerspective(np.full((height, width), 255, np.uint8), matrix, size, flags=cv2.INTER_LINEAR)
    share = mask[:, :, None].astype(np.float32) / 255
    part = image[low[1] : high[1], low[0] : high[0]]
    # What was warped fades to black at its border by the same share, so it is added as it is.
    part[:] = np.rint(part * (1 - share) + warped).clip(0, 255).astype(np.uint8)


def _shade(colour: Colour, share: float) -> Colour:
    blue, green, red = (min(255, round(channel * share)) for channel in colour)
    return blue, green, red
