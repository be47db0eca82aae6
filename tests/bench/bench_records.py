"""Measures plate look-ups among many registered vehicles, in SQLite and in PostgreSQL, as the host makes them.

A look-up is everything between query and hits: the store, the closed schema and the match. Plates are drawn from the
grammars; "exact" asks for registered plates and for plates of nobody in turn, "fuzzy" for reads in doubt of registered
plates, "partial" for plates of which only four characters were seen. PostgreSQL is left out where it is not installed.

    python -m tests.bench.bench_records [--rows N] [--lookups N] [--seed N] [--only sqlite|postgres]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psycopg
from msgspec.structs import replace

from drivers import Drivers
from drivers.source import FILE
from hub.backends import PluginContext, RecordSource
from hub.consulting import Opened, consult, open_source
from hub.lookups import typed_plate
from hub.messages import PlateQuery, Query
from hub.plates.budget import cost_limit
from hub.plates.grammar import GrammarBook, load_grammars
from hub.store.records import TABLES, put_records
from hub.store.sqlite import connect, transaction
from hub.testing.sources import context
from records_postgres import RecordsPostgres
from records_postgres.index import functions, statements
from records_postgres.settings import load_table
from tests.bench.bench_match import noisy_read
from tests.bench.kit import pick, report, significant
from tests.kit_postgres import READER, Server, binaries, running_server

NOW = datetime(2030, 1, 2, tzinfo=UTC)
LIMITS = {"sqlite": {"exact": 5.0, "fuzzy": 30.0}, "postgres": {"exact": 10.0, "fuzzy": 30.0}}
"""Milliseconds that the 99th percentile is to stay under."""
COLUMNS = {"plate": "plate", "make": "make", "keeper_name": "keeper"}


def draw(book: GrammarBook, rng: np.random.Generator, count: int, *, dense: bool = False) -> list[str]:
    """Return so many different plates; dense ones as one country gives them out in order: all neighbours exist."""
    if dense:
        letters = "BCDFGHJKLMNPRSTVWXYZ"
        series = (f"{a}{b}{c}" for a in letters for b in letters for c in letters)
        return list(islice((f"{number:04}{three}" for three in series for number in range(10_000)), count))
    plates: dict[str, None] = {}
    while len(plates) < count:
        plates.update(dict.fromkeys(book.sample(rng, min(count, 200_000))))
    return list(plates)[:count]


def queries(kind: str, plates: list[str], rng: np.random.Generator, book: GrammarBook, count: int) -> list[PlateQuery]:
    """Return what is asked."""
    chosen = [plates[i] for i in rng.integers(len(plates), size=count)]
    if kind == "exact":
        strangers = book.sample(rng, count)
        return [typed_plate(plate) for pair in zip(chosen, strangers, strict=True) for plate in pair][:count]
    if kind == "fuzzy":
        return [query for plate in chosen if (query := noisy_read(plate, rng, book)).readings[0].plate]
    return [typed_plate(f"{plate[:4]}*") for plate in chosen if len(plate) > 4]


def in_sqlite(plates: list[str], folder: Path) -> tuple[RecordSource, PluginContext]:
    """Fill the register of `drivers`."""
    where = context(folder)
    connection = connect(where.state / FILE, [TABLES])
    rows = ((f"V{n}", {"plate": p, "make": "Volvo", "keeper_name": f"Keeper {n}"}) for n, p in enumerate(plates))
    with transaction(connection, where.state / FILE):
        put_records(connection, rows)
    connection.close()
    return Drivers(), where


def in_postgres(plates: list[str], folder: Path, server: Server) -> tuple[RecordSource, PluginContext]:
    """Fill a table by COPY and build what its owner would."""
    table = {"table": "vehicles", "entry": "id", "columns": COLUMNS}
    server.execute("CREATE TABLE vehicles (id bigint, plate text, make text, keeper text)")
    with psycopg.connect(**server.as_owner()) as connection, connection.cursor() as cursor:
        with cursor.copy("COPY vehicles FROM STDIN") as copy:
            for number, plate in enumerate(plates):
                copy.write_row((number, plate, "Volvo", f"Keeper {number}"))
        connection.commit()
    server.script("SET maintenance_work_mem = '512MB';\n" + functions() + statements(load_table(table), READER))
    settings = server.settings(tables={"vehicles": table})
    return RecordsPostgres(), replace(context(folder), settings=settings)


def measure(opened: Opened, asked: list[PlateQuery]) -> tuple[list[float], list[float], int, int]:
    """Return milliseconds of each look-up and those computed in it here, the most candidates, and how many had a hit."""
    spent, computed, most, hits = [], [], 0, 0
    for number, query in enumerate(asked):
        begun, used = time.perf_counter(), time.thread_time()
        found = consult(opened, Query(str(number), query, NOW))
        spent.append((time.perf_counter() - begun) * 1e3)
        computed.append((time.thread_time() - used) * 1e3)
        most, hits = max(most, found.compared), hits + bool(found.hits)
    return spent, computed, most, hits


def run(store: str, source: RecordSource, where: PluginContext, plates: list[str], options: argparse.Namespace,
        book: GrammarBook, built: float) -> Iterator[bool]:  # fmt: skip
    """Measure one store; yields whether each limit was kept."""
    opened = open_source(None, source, where, partial(cost_limit, book=book))
    try:
        for kind in ("exact", "fuzzy", "partial"):
            rng = np.random.default_rng(options.seed + 1)
            asked = queries(kind, plates, rng, book, options.lookups)
            measure(opened, asked[:50])
            spent, computed, most, hits = measure(opened, asked)
            limit = LIMITS[store].get(kind)
            p99 = pick(spent, 0.99)
            report(
                "records", store=store, rows=len(plates), dense=options.dense, kind=kind, lookups=len(asked),
                p50_ms=pick(spent, 0.5), p99_ms=p99, limit_ms=limit, worst_ms=significant(max(spent)),
                computed_p99_ms=pick(computed, 0.99), most_candidates=most, with_hit=hits,
                cost_limit=opened.limit.limit, build_seconds=significant(built),
            )  # fmt: skip
            yield limit is None or p99 < limit
    finally:
        opened.source.close()


def main(arguments: list[str] | None = None) -> int:
    """Print the figures; exit status 1 where a limit was not kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--lookups", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dense", action="store_true", help="plates that one country gave out in order")
    parser.add_argument("--only", choices=sorted(LIMITS))
    options = parser.parse_args(arguments)
    book = load_grammars()
    plates = draw(book, np.random.default_rng(options.seed), options.rows, dense=options.dense)
    kept: list[bool] = []
    with TemporaryDirectory() as name:
        if options.only != "postgres":
            begun = time.perf_counter()
            source, where = in_sqlite(plates, Path(name) / "sqlite")
            kept += run("sqlite", source, where, plates, options, book, time.perf_counter() - begun)
        if options.only != "sqlite" and binaries() is not None:
            with running_server() as server:
                begun = time.perf_counter()
                source, where = in_postgres(plates, Path(name) / "postgres", server)
                kept += run("postgres", source, where, plates, options, book, time.perf_counter() - begun)
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
