"""Measures the dashboard at the real socket of a real hub in another process.

First how long it takes from an alert's creation in the hub to its row on screen, alert by alert. Then a minute of 1,000
events a second: how long a key takes to change the screen meanwhile, how far behind the dashboard is, and whether its
memory grows. Exits 1 where a row takes longer than `ROW_MS` in the median, a key longer than `KEY_MS` in nine of ten
cases, or the memory grows by more than `GROWTH_MB` after the first third.

    python -m tests.bench.bench_dashboard [--alerts N] [--rate N] [--seconds N]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input

from hub.client import open_client
from hub.tui.app import Dashboard
from hub.tui.screens.base import HubScreen
from tests.bench.kit import OFFICER, PASSPHRASE, pick, prepare_unit, report, resident, significant

ROW_MS, KEY_MS, GROWTH_MB = 150.0, 100.0, 15.0


class Timed(Dashboard):
    """A dashboard that notes when each alert was first on its screen."""

    def __init__(self, socket: Path) -> None:
        super().__init__(partial(open_client, socket), now=lambda: datetime.now(UTC))
        self.rows: dict[str, float] = {}

    def _show(self) -> None:
        super()._show()
        news = [each for each in self.state.alerts if each.alert not in self.rows]
        if news:
            self.call_after_refresh(self._note, news)

    def _note(self, news: list) -> None:
        for each in news:
            self.rows.setdefault(each.alert, time.time() - each.at.timestamp())


class Child:
    """The hub."""

    def __init__(self, state: Path) -> None:
        command = [sys.executable, "-m", "tests.bench.dashboard_hub", str(state)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        assert self.process.stdout.readline() == "ready\n"

    def say(self, line: str) -> None:
        self.process.stdin.write(line + "\n")

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(10)


async def sign_in(pilot: Pilot, app: Timed) -> None:
    for _ in range(200):
        if fields := app.screen.query(Input):
            break
        await pilot.pause(0.05)
    for field, text in zip(fields, (OFFICER, PASSPHRASE), strict=True):
        field.value = text
    await pilot.press("enter", "enter")
    while app.state.officer is None:
        await pilot.pause(0.05)


async def rows(pilot: Pilot, app: Timed, child: Child, alerts: int) -> list[float]:
    for number in range(alerts):
        child.say(f"alert E-{number}")
        while len(app.rows) <= number:
            await pilot.pause(0.02)
    return [1000 * seconds for seconds in app.rows.values()]


async def keys(pilot: Pilot, app: Timed, seconds: float) -> tuple[list[float], list[tuple[float, float]]]:
    """Press keys now and then; return ms from each key to the screen that it leads to, and MB over time."""
    taken, memory = [], []
    start, place = time.monotonic(), 0
    while time.monotonic() < start + seconds:
        key, name = (("f5", "health"), ("f4", "live"), ("f2", "alerts"))[place % 3]
        place += 1
        began = time.perf_counter()
        app.simulate_key(key)
        while not (isinstance(app.screen, HubScreen) and name == app.screen.PLACE and app.screen.is_mounted):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        done = asyncio.Event()
        app.call_after_refresh(done.set)
        await done.wait()
        taken.append(1000 * (time.perf_counter() - began))
        memory.append((time.monotonic() - start, resident()))
        await asyncio.sleep(0.5)
    return taken, memory


async def measure(state: Path, alerts: int, rate: int, seconds: float) -> int:
    child = Child(state)
    app = Timed(state / "hub.sock")
    try:
        async with app.run_test(size=(120, 40)) as pilot:
            await sign_in(pilot, app)
            shown = await rows(pilot, app, child, alerts)
            child.say(f"flood {rate} {seconds}")
            taken, memory = await keys(pilot, app, seconds)
            published = int(child.process.stdout.readline().split()[1])
            for _ in range(100):
                if max(each.frames for each in app.state.cameras) == published - 1:
                    break
                await pilot.pause(0.05)
            behind = published - 1 - max(each.frames for each in app.state.cameras)
            missed = app.state.missed
    finally:
        child.close()
    warm = max(megabytes for at, megabytes in memory if at < seconds / 3)
    growth = max(megabytes for _, megabytes in memory) - warm
    row, key = statistics.median(shown), pick(taken, 0.9)
    report(
        "dashboard",
        alerts=len(shown),
        row_ms=significant(row),
        row_p95_ms=pick(shown, 0.95),
        row_limit_ms=ROW_MS,
        events=published,
        events_a_second=rate,
        missed_and_brought_up_to_date=missed,
        behind_at_the_end=behind,
        key_ms=significant(statistics.median(taken)),
        key_p90_ms=key,
        key_limit_ms=KEY_MS,
        memory_mb=round(warm),
        growth_mb=round(growth, 1),
        growth_limit_mb=GROWTH_MB,
    )
    return 1 if row > ROW_MS or key > KEY_MS or growth > GROWTH_MB or behind else 0


def main(arguments: list[str] | None = None) -> int:
    """Measure, print the line, and compare with the limits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--alerts", type=int, default=40)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        state = Path(scratch) / "state"
        prepare_unit(state, 10)
        return asyncio.run(measure(state, options.alerts, options.rate, options.seconds))


if __name__ == "__main__":
    sys.exit(main())
