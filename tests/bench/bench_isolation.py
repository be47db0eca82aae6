"""Measures what a call into a source's own process costs against a call in the hub's process.

The same source, one record an answer, asked the same query in turn: as an object, and as the hub asks a third party's,
through two pipes to a confined child. Also what it costs to start such a child until the source is open.

    python -m tests.bench.bench_isolation [--calls N] [--starts N]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hub.backends import RecordSource
from hub.messages import PlateQuery, Query
from hub.testing.sources import START, context, typed_plate
from tests.bench.kit import pick, report, significant
from tests.kit_isolation import Stranger


def times_of(call: Callable[[], object], count: int) -> list[float]:
    """Return the milliseconds that each call took."""
    times = []
    for _ in range(count):
        started = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - started))
    return times


def main(arguments: list[str] | None = None) -> int:
    """Measure and print the lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--starts", type=int, default=10)
    options = parser.parse_args(arguments)
    readings = typed_plate("KE123AB").readings
    queries = {
        "typed plate": Query("L1", PlateQuery(readings, None), START),
        "plate read by a camera": Query("L1", PlateQuery(readings, np.full((8, 37), 1 / 37, np.float32)), START),
    }
    with tempfile.TemporaryDirectory() as folder:
        site, state = Path(folder) / "site", Path(folder) / "state"
        sys.path.insert(0, str(site))
        plugin = Stranger.put(site, "bench_stranger")
        import bench_stranger  # type: ignore[import-not-found]

        here: RecordSource = bench_stranger.Source()
        here.open(context(state / "here"))
        with plugin.source(state) as child:
            starts = times_of(lambda: child.open(plugin.context(state)), options.starts)
            for name, query in queries.items():
                ways = {"in_process": lambda: list(here.find(query)), "child": lambda: list(child.find(query))}  # noqa: B023
                for way in ways.values():
                    times_of(way, 100)
                times = {way: times_of(call, options.calls) for way, call in ways.items()}
                report(
                    "isolation",
                    query=name,
                    calls=options.calls,
                    in_process_ms=pick(times["in_process"], 0.5),
                    child_ms=pick(times["child"], 0.5),
                    child_p99_ms=pick(times["child"], 0.99),
                    added_ms=significant(float(np.median(times["child"]) - np.median(times["in_process"]))),
                )
            report("isolation start", starts=options.starts, median_ms=pick(starts, 0.5), p95_ms=pick(starts, 0.95))
    return 0


if __name__ == "__main__":
    sys.exit(main())
