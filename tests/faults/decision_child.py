"""Alerts and their outbox in small, for the crash tests: raises, decides and sends, and says so only when it is done.

Usage: ``python decision_child.py FOLDER SEED COUNT [print]``: as `audit_child`. COUNT 0 goes on until killed.
"""

from __future__ import annotations

import itertools
import random
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import trio

from hub.actors.outbox import Outbox
from hub.alerts import AlertBook
from hub.backends import Dispatcher
from hub.clocks import ManualClock
from hub.dispatch_file import FileDispatcher
from hub.messages import AlertState, Picture, RaisedHit
from hub.store import alerts as alert_store
from hub.store import outbox as outbox_store
from hub.store.sqlite import open_database
from hub.testing import alerts as kit
from tests.faults.powercut import acknowledge

TRUE, FALSE = AlertState.ADJUDICATED_TRUE, AlertState.ADJUDICATED_FALSE


async def open_book(
    stack: AsyncExitStack, folder: Path, target: Dispatcher, identify: Callable[[], str]
) -> tuple[AlertBook, Outbox]:
    """Open the stores of a folder as the hub does, with a log in memory."""
    alerts = await stack.enter_async_context(open_database(folder / alert_store.ALERTS_FILE, alert_store.MIGRATIONS))
    waiting = outbox_store.OutboxStore(
        await stack.enter_async_context(open_database(folder / outbox_store.OUTBOX_FILE, outbox_store.MIGRATIONS))
    )
    clock, log = ManualClock(kit.START), kit.MemoryLog()

    async def redact(scene: object, box: object) -> tuple[Picture, Picture]:
        return Picture(b"crop" * 500, 1, 1), Picture(b"scene" * 2000, 1, 1)

    store = alert_store.AlertStore(alerts)
    book = AlertBook(store, waiting, log=log, clock=clock, unit="unit-1", identify=identify, redact=redact)
    return book, Outbox(waiting, [target], log=log, clock=clock, unit="unit-1")


async def work(folder: Path, seed: int, count: int, say: Callable[[str], None]) -> None:
    """Raise alerts, decide on them one way or the other, and send what is to be sent now and then."""
    rng = random.Random(seed)
    numbers = itertools.count()
    async with AsyncExitStack() as stack:
        book, outbox = await open_book(stack, folder, FileDispatcher(folder), lambda: f"r{seed}n{next(numbers)}")
        for step in itertools.count():
            if count and step == count:
                break
            hit = kit.hit(entry=f"entry-{seed}-{step}")
            await book.raise_hit(RaisedHit(None, kit.answer(hit), kit.requester("", "unit")))
            name = f"r{seed}n{step}"
            say(f"alert {name} alert")
            state = rng.choice((TRUE, TRUE, FALSE))
            await kit.decide(book, kit.requester("7"), name, state, "seen")
            say(f"alert {name} {state.value}")
            if state is TRUE and rng.random() < 0.3:
                await kit.decide(book, kit.requester("7"), name, FALSE, "another car", correction=True)
                say(f"alert {name} {FALSE.value}")
            if step % 3 == 2 and await outbox.flush() == 0:
                say(f"sent {step}")


def main() -> None:
    """Read the arguments and work."""
    folder, seed, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    folder.mkdir(exist_ok=True)
    if sys.argv[4:] == ["print"]:
        trio.run(work, folder, seed, count, lambda text: print(text, flush=True))
    else:
        trio.run(work, folder, seed, count, lambda text: acknowledge(folder, text))


if __name__ == "__main__":
    main()
