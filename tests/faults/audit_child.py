"""A unit in small, for the crash tests: appends entries and decides on alerts, and says so only when it is durable.

Usage: ``python audit_child.py FOLDER SEED COUNT [print]``: acknowledges in FOLDER for `powercut`, or, with ``print``,
on standard output, for the test that kills it. COUNT 0 goes on until killed.
"""

from __future__ import annotations

import itertools
import random
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trio

from hub.audit.log import open_log
from hub.audit.records import LookupPayload
from hub.clocks import ManualClock
from hub.messages import Act, Entry, Requester, SubjectKind
from hub.store.sqlite import open_database
from hub.testing.audit import SeedSigner
from tests.faults.powercut import acknowledge

ORIGIN = "example.org/unit-7"
ALERTS = ("CREATE TABLE alert (id INTEGER PRIMARY KEY, state TEXT NOT NULL, picture BLOB NOT NULL);",)
OFFICER = Requester(officer="4711", role="officer", unit="unit-7")


async def work(folder: Path, seed: int, count: int, say: Callable[[str], None]) -> None:
    """Append and decide, several at a time, with a checkpoint, a purge and an erasure now and then."""
    rng = random.Random(seed)
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=seed))
    async with (
        open_log(folder / "audit.sqlite3", origin=ORIGIN, signer=SeedSigner(), clock=clock) as log,
        open_database(folder / "alerts.sqlite3", ALERTS) as alerts,
    ):

        async def one(number: int) -> None:
            payload = LookupPayload(f"l{number}", f"reason {number}", SubjectKind.PLATE, "AB12CD", ("wanted",))
            entry = Entry(
                Act.LOOKUP, clock.now(), OFFICER, "asked", payload, payload_until=clock.now() + timedelta(hours=2)
            )
            receipt = await log.append(entry)
            say(f"entry {receipt.index} {receipt.leaf.hex()}")
            picture = rng.randbytes(rng.randrange(1, 6000))
            row = await alerts.write(
                lambda c: c.execute("INSERT INTO alert (state, picture) VALUES ('true', ?)", (picture,)).lastrowid
            )
            say(f"alert {row} {picture[:16].hex()}")

        for step in itertools.count():
            if count and step * 3 >= count:
                break
            async with trio.open_nursery() as nursery:
                for number in range(3):
                    nursery.start_soon(one, step * 3 + number)
            clock.advance(rng.choice((1, 600, 3600)))
            if step % 4 == 3:
                size = len((await log.checkpoint(leaves=False)).splitlines())
                say(f"checkpoint {size}")
            if step % 5 == 4:
                await log.erase_due()
                await alerts.purge()


def main() -> None:
    """Read the arguments and work."""
    folder, seed, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    if sys.argv[4:] == ["print"]:
        trio.run(work, folder, seed, count, lambda text: print(text, flush=True))
    else:
        trio.run(work, folder, seed, count, lambda text: acknowledge(folder, text))


if __name__ == "__main__":
    main()
