"""Measures what the hub costs on top of decoding and reading: `run --until-end` against a plain loop.

Both go over the same folder of pictures with the same reader, opened once. The plain loop is the least that any
program has to do: read the file, decode it, call the reader. The hub does the same under supervision and then finds
the plates in what was seen, looks each up on a list of 1,000 entries, enters it in the log and raises alerts. Starting
up is left out on both sides; `bench_startup` has it. A round goes loop, hub, hub, loop and compares the sums, because a
machine's speed drifts; the figure is the median of the rounds. Exits 1 where the hub takes more than `LIMIT` times as long.

    python -m tests.bench.bench_overhead [--pictures N] [--rounds N]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import onnxruntime
import trio

from hub.app import Watched, open_hub
from hub.backends import PlateReader
from hub.capture import folder_pictures, parse_source
from hub.clocks import SystemClock
from hub.config import Settings
from plates_ppocr.reader import PpocrReader
from tests.bench.kit import OneReader, counted, prepare_unit, report, significant, street_pictures

LIMIT = 1.05
ENTRIES = 1_000


class Times(NamedTuple):
    """One way over the folder."""

    seconds: float
    processor: float
    """Seconds on all processors, in every thread of this process."""

    def plus(self, other: Times) -> Times:
        """Return both together."""
        return Times(self.seconds + other.seconds, self.processor + other.processor)


class Work(NamedTuple):
    """What was done on it."""

    decoded: int
    read: int
    networks: int
    """Runs of a network: the detector's and the recogniser's, at least two a picture with text."""


def timed(way: Callable[[], Times]) -> tuple[Times, Work]:
    with (
        counted(cv2, "imdecode") as decoded,
        counted(PpocrReader, "read") as read,
        counted(onnxruntime.InferenceSession, "run") as networks,
    ):
        times = way()
    return times, Work(decoded.count, read.count, networks.count)


def plain_loop(folder: Path, reader: PlateReader) -> Times:
    started, processor = time.perf_counter(), time.process_time()
    for path in folder_pictures(folder):
        image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        reader.read(image)
    return Times(time.perf_counter() - started, time.process_time() - processor)


def hub_run(folder: Path, state: Path, reader: PlateReader) -> Times:
    return trio.run(_hub_run, folder, state, reader)


async def _hub_run(folder: Path, state: Path, reader: PlateReader) -> Times:
    watched = (Watched("street", parse_source(str(folder))),)
    async with open_hub(
        Settings(), state, watched, clock=SystemClock(), until_end=True, development=True, plugins=OneReader(reader)
    ) as hub:
        started, processor = time.perf_counter(), time.process_time()
        ended = await hub.run(trio.Event())
        times = Times(time.perf_counter() - started, time.process_time() - processor)
    if ended.failed or not ended.event.balanced:
        sys.exit(f"the hub did not run to its end: {ended.event.cause}")
    return times


def main(arguments: list[str] | None = None) -> int:
    """Measure, print the line, and compare with the limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    reader = PpocrReader()
    with tempfile.TemporaryDirectory() as scratch:
        folder, state = street_pictures(Path(scratch) / "street", options.pictures), Path(scratch) / "state"
        prepare_unit(state, ENTRIES)
        ways = (partial(plain_loop, folder, reader), partial(hub_run, folder, state, reader))
        for way in ways:  # once to warm up: caches, the allocator, the grammars' table
            timed(way)
        measured = [[timed(way) for way in (*ways, *reversed(ways))] for _ in range(options.rounds)]
    works = {work for each in measured for _, work in each}
    rounds = [(loop.plus(last), hub.plus(again)) for (loop, _), (hub, _), (again, _), (last, _) in measured]
    ratios = [hub.seconds / loop.seconds for loop, hub in rounds]
    processor = [hub.processor / loop.processor for loop, hub in rounds]
    ratio = statistics.median(ratios)
    once = 1000 / (2 * options.pictures)
    (work, *others) = works
    report(
        "overhead",
        pictures=options.pictures,
        rounds=options.rounds,
        **work._asdict(),
        same_calls=not others,
        loop_ms=significant(once * statistics.median(loop.seconds for loop, _ in rounds)),
        hub_ms=significant(once * statistics.median(hub.seconds for _, hub in rounds)),
        ratio=round(ratio, 4),
        ratios=[round(each, 3) for each in ratios],
        processor_ratio=round(statistics.median(processor), 4),
        limit=LIMIT,
    )
    if others:
        sys.stderr.write(f"the two sides did not do the same work: {works}\n")
    return 1 if others or ratio > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
