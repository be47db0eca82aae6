"""Measures what a dashboard that watches a camera costs the reading of plates.

The hub runs over the same folder of pictures with nobody watching and with a watcher that takes every picture it is
given, round by round. Exits 1 where watching takes more than `LIMIT` times as long, or gives fewer than `PICTURES` a
second.

    python -m tests.bench.bench_viewing [--pictures N] [--rounds N]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import trio

from hub.app import Hub, Watched, open_hub
from hub.backends import PlateReader
from hub.capture import parse_source
from hub.clocks import SystemClock
from hub.config import Settings
from plates_ppocr.reader import PpocrReader
from tests.bench.kit import OneReader, prepare_unit, report, significant, street_pictures

LIMIT, PICTURES = 1.10, 2.0


async def look(hub: Hub, seen: list[int]) -> None:
    with hub._viewing.watch("street") as pictures:
        async for picture in pictures:
            seen.append(len(picture.picture.jpeg))  # noqa: PERF401  # cancelled before the end


async def run(folder: Path, state: Path, reader: PlateReader, *, watching: bool) -> tuple[float, int]:
    """Return the seconds of a run and how many pictures the watcher got."""
    watched = (Watched("street", parse_source(str(folder))),)
    seen: list[int] = []
    async with (
        open_hub(
            Settings(), state, watched, clock=SystemClock(), until_end=True, development=True, plugins=OneReader(reader)
        ) as hub,
        trio.open_nursery() as nursery,
    ):
        await nursery.start(hub._viewing.run)
        if watching:
            nursery.start_soon(look, hub, seen)
        started = time.perf_counter()
        ended = await hub.run(trio.Event())
        seconds = time.perf_counter() - started
        nursery.cancel_scope.cancel()
    if ended.failed:
        sys.exit(f"the hub did not run to its end: {ended.event.cause}")
    return seconds, len(seen)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print the line, and compare with the limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    reader = PpocrReader()
    with tempfile.TemporaryDirectory() as scratch:
        folder, state = street_pictures(Path(scratch) / "street", options.pictures), Path(scratch) / "state"
        prepare_unit(state, 100)
        once = partial(trio.run, partial(run, folder, state, reader, watching=False))
        watched = partial(trio.run, partial(run, folder, state, reader, watching=True))
        once()
        rounds = [(once(), watched()) for _ in range(options.rounds)]
    ratios = [with_[0] / without[0] for without, with_ in rounds]
    shown = statistics.median(count / seconds for _, (seconds, count) in rounds)
    ratio = statistics.median(ratios)
    report(
        "viewing",
        rounds=options.rounds,
        ratio=round(ratio, 4),
        ratios=[round(each, 3) for each in ratios],
        limit=LIMIT,
        pictures_a_second=significant(shown),
        least_pictures_a_second=PICTURES,
    )
    return 1 if ratio > LIMIT or shown < PICTURES else 0


if __name__ == "__main__":
    sys.exit(main())
