"""Measures the log: durable appends alone and with 16 callers at once, a checkpoint, and verifying 10,000 entries.

An append returns once its entry is on the disk, so the figures are mostly those of the disk under the temporary
folder; set TMPDIR to measure another.

    python -m tests.bench.bench_audit [--entries N]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import trio

from hub.audit.log import AuditLog, open_log
from hub.audit.records import UnitPayload
from hub.audit.verify import verify_log
from hub.authority.policy import unit_requester
from hub.clocks import SystemClock
from hub.messages import Act, Entry
from hub.testing.audit import SeedSigner
from tests.bench.kit import pick, report, significant

CALLERS = 16
ALONE = 300


async def append(log: AuditLog, count: int, taken: list[float]) -> None:
    payload = UnitPayload(version="benchmark", detail="an entry of ordinary length, as a look-up or a start has it")
    requester = unit_requester("unit-7")
    for _ in range(count):
        started = time.perf_counter()
        await log.append(Entry(Act.UNIT_START, SystemClock().now(), requester, "started", payload))
        taken.append(time.perf_counter() - started)


async def measure(path: Path, entries: int) -> str:
    signer = SeedSigner("unit-7")
    async with open_log(path, origin="patrol-hub/unit-7", signer=signer, clock=SystemClock()) as log:
        alone: list[float] = []
        await append(log, ALONE, alone)
        together: list[float] = []
        started = time.perf_counter()
        async with trio.open_nursery() as nursery:
            for _ in range(CALLERS):
                nursery.start_soon(append, log, (entries - ALONE) // CALLERS, together)
        seconds = time.perf_counter() - started
        started = time.perf_counter()
        witness = await log.checkpoint()
        signing = time.perf_counter() - started
        plain = await log.checkpoint(leaves=False)
    report(
        "audit",
        entries=len(alone) + len(together),
        alone_a_second=round(len(alone) / sum(alone)),
        alone_ms={"median": pick(alone, 0.5, scale=1e3), "p99": pick(alone, 0.99, scale=1e3)},
        callers=CALLERS,
        together_a_second=round(len(together) / seconds),
        together_ms={"median": pick(together, 0.5, scale=1e3), "p99": pick(together, 0.99, scale=1e3)},
        checkpoint_ms=significant(1e3 * signing),
        checkpoint_bytes={"plain": len(plain.encode()), "witness": len(witness.encode())},
    )
    return witness


def main(arguments: list[str] | None = None) -> int:
    """Measure; exits 1 where the log does not verify."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=10_000)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "audit.sqlite3"
        witness = trio.run(partial(measure, path, options.entries))
        started = time.perf_counter()
        verified = verify_log(path, witness)
        report(
            "audit_verify", entries=verified.entries, ok=verified.ok, seconds=significant(time.perf_counter() - started)
        )
    return 0 if verified.ok else 1


if __name__ == "__main__":
    sys.exit(main())
