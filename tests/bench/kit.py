"""What benchmarks share: rendered pictures, counters, a unit with a list, and the JSON lines in which they report."""

from __future__ import annotations

import csv
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import trio

from hub.authority.officers import Role
from hub.backends import PlateReader
from hub.clocks import SystemClock
from hub.config import Settings
from hub.demo.clip import LISTED_PLATE, Painter
from hub.importing import import_file
from hub.plates.grammar import load_grammars
from hub.plugins import Part, PluginHost
from hub.unit import open_unit

OFFICER, PASSPHRASE = "100", "a passphrase for benchmarks"


def report(bench: str, **figures: object) -> None:
    """Print one line of the table."""
    sys.stdout.write(json.dumps({"bench": bench, **figures}) + "\n")
    sys.stdout.flush()


def pick(values: list[float], share: float, *, scale: float = 1.0) -> float:
    """Return a quantile of some measurements, to three significant digits."""
    return significant(scale * float(np.quantile(values, share)))


def significant(value: float) -> float:
    """Return a figure to three significant digits."""
    return float(f"{value:.3g}")


def street_pictures(folder: Path, count: int, *, seed: int = 1) -> Path:
    """Fill a folder with JPEG pictures, 1280 x 720, of the demonstration's street: two cars drive through it."""
    folder.mkdir()
    painter = Painter(LISTED_PLATE, seed)
    for number in range(count):
        image = painter.frame(number * 60 // count)
        cv2.imwrite(str(folder / f"{number:04}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 92])
    return folder


class Calls:
    """How often something was called."""

    count = 0


@contextmanager
def counted(owner: Any, name: str) -> Iterator[Calls]:
    """Count the calls of a module's function, or of a method on all instances of a class, for the block."""
    original: Callable[..., Any] = getattr(owner, name)
    calls, one_at_a_time = Calls(), threading.Lock()

    def counting(*args: Any, **more: Any) -> Any:
        with one_at_a_time:
            calls.count += 1
        return original(*args, **more)

    setattr(owner, name, counting)
    try:
        yield calls
    finally:
        setattr(owner, name, original)


class OneReader(PluginHost):
    """The installed plugins, with a plate reader that is open already in place of the one that they would open."""

    def __init__(self, reader: PlateReader) -> None:
        super().__init__()
        self._part = Part("plates_ppocr", Settings().plates.reader, lambda context: reader)

    @property
    def plate_readers(self) -> dict[str, Part[Any]]:
        """The one reader, under the name that the default settings ask for."""
        return {self._part.name: self._part}


def prepare_unit(state: Path, entries: int, *, seed: int = 1) -> None:
    """Give a new unit an officer and a development list of plates drawn from the grammars."""
    state.mkdir(mode=0o700)
    plates = load_grammars().sample(np.random.default_rng(seed), entries)
    table = state.parent / "wanted.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["entry", "category", "plate", "legal_basis", "issuing_authority", "expires"])
        for number, plate in enumerate(plates):
            writer.writerow([f"W-{number}", "stolen_vehicle", plate, "benchmark", "benchmark", "2099-12-31"])
    trio.run(_import, state, table)


async def _import(state: Path, table: Path) -> None:
    plugins = PluginHost()
    plugins.load_all()
    async with open_unit(Settings(), state, clock=SystemClock()) as unit:
        await unit.officers.add(OFFICER, PASSPHRASE, Role.SUPERVISOR)
        requester = (await unit.officers.sign_in(OFFICER, PASSPHRASE)).requester
        done = await import_file(unit, plugins, "wanted_persons", table, requester, development=True)
        assert done.imported, done.bad[:1]


def resident() -> float:
    """Return the memory that this process occupies, in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
