"""Measures whether the hub grows: it runs over 300 pictures while its resident memory is looked at.

The first third warms up caches and allocators; the rest must not add more than `LIMIT` MB. Exits 1 where it does.

    python -m tests.bench.bench_memory [--pictures N]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import trio

from hub.app import Hub, Watched, open_hub
from hub.capture import parse_source
from hub.clocks import SystemClock
from hub.config import Settings
from hub.ledger import Stage
from plates_ppocr.reader import PpocrReader
from tests.bench.kit import OneReader, prepare_unit, report, resident, street_pictures

LIMIT = 30.0
DISTINCT = 60
"""Pictures that are drawn; more are links to the same files."""


async def watch(hub: Hub, seen: list[tuple[int, float]]) -> None:
    while True:
        left = sum(each.count for each in hub.ledger.snapshot() if each.stage == Stage.FRAME)
        seen.append((left, resident()))
        await trio.sleep(0.25)


async def run(folder: Path, state: Path) -> list[tuple[int, float]]:
    """Return how many frames were through and the MB at that time, several times a second."""
    seen: list[tuple[int, float]] = []
    watched = (Watched("street", parse_source(str(folder))),)
    async with (
        open_hub(
            Settings(),
            state,
            watched,
            clock=SystemClock(),
            until_end=True,
            development=True,
            plugins=OneReader(PpocrReader()),
        ) as hub,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(watch, hub, seen)
        await hub.run(trio.Event())
        nursery.cancel_scope.cancel()
    return seen


def main(arguments: list[str] | None = None) -> int:
    """Measure, print the line, and compare with the limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=300)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        folder, state = street_pictures(Path(scratch) / "street", DISTINCT), Path(scratch) / "state"
        for number in range(DISTINCT, options.pictures):
            (folder / f"{number:04}.jpg").hardlink_to(folder / f"{number % DISTINCT:04}.jpg")
        prepare_unit(state, 1_000)
        seen = trio.run(run, folder, state)
    warm = [megabytes for frames, megabytes in seen if options.pictures / 3 <= frames < options.pictures / 2]
    late = [megabytes for frames, megabytes in seen if frames >= 5 * options.pictures / 6]
    growth = max(late) - max(warm)
    report(
        "memory",
        frames=seen[-1][0],
        start_mb=round(seen[0][1]),
        after_a_third_mb=round(max(warm)),
        end_mb=round(max(late)),
        growth_mb=round(growth, 1),
        limit_mb=LIMIT,
    )
    return 1 if growth > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
