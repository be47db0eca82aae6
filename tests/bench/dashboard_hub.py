"""The hub of `bench_dashboard`, a process of its own: it raises alerts and floods events as its input says.

``alert NAME`` raises an alert; ``flood RATE SECONDS`` publishes so many events a second, evenly.

    python -m tests.bench.dashboard_hub STATE
"""

from __future__ import annotations

import sys
from pathlib import Path

import trio

from hub.app import Hub, open_hub
from hub.attach import claim_socket
from hub.clocks import SystemClock
from hub.config import Settings
from hub.messages import CameraHealth, RaisedHit
from hub.testing import alerts as kit

TICK = 0.01


async def flood(hub: Hub, rate: float, seconds: float) -> None:
    start, sent = trio.current_time(), 0
    while (gone := trio.current_time() - start) < seconds:
        while sent < gone * rate:
            health = CameraHealth(f"camera {sent % 4}", open=True, stalled=False, frames=sent, reopened=0, detail="")
            hub._on_camera(health)
            sent += 1
        await trio.sleep(TICK)
    print(f"flooded {sent}", flush=True)


async def obey(hub: Hub, nursery: trio.Nursery) -> None:
    async with trio.lowlevel.FdStream(0) as commands:
        rest = b""
        async for chunk in commands:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                word, *values = line.decode().split()
                if word == "alert":
                    hit = kit.hit("KE123AB", entry=values[0])
                    raised = RaisedHit(None, kit.answer(hit, lookup=values[0]), hub.unit.itself)
                    await hub._hits.send(raised)
                elif word == "flood":
                    nursery.start_soon(flood, hub, float(values[0]), float(values[1]))


async def main(state: Path) -> None:
    stop = trio.Event()
    with claim_socket(state) as listener:
        async with (
            open_hub(Settings(), state, clock=SystemClock(), development=True, listener=listener) as hub,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(hub.run, stop)
            print("ready", flush=True)
            await obey(hub, nursery)
            stop.set()


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]))
