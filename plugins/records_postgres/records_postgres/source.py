"""The source: opens the mapped tables, finds out how quickly they can be asked, and hands candidates over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any, ClassVar, Final

from psycopg import sql

from hub.backends import PluginContext, RecordSource, SourceInfo, SourceRecord
from hub.errors import SourceError
from hub.messages import (
    CharacterRead,
    DocumentQuery,
    PersonQuery,
    PlateQuery,
    Query,
    Reach,
    Reading,
    Subject,
    SubjectKind,
)
from hub.text import plain
from records_postgres.connections import Pool
from records_postgres.settings import Settings, Table, load
from records_postgres.statements import Indexed, select

EXAMINE_SECONDS: Final = 10.0
"""The server's limit for each statement while the source is opened."""
_MAY_WRITE: Final = "INSERT, UPDATE, DELETE, TRUNCATE"
_PLATE: Final = "AB123CD"
_SAMPLES: Final[dict[str, Subject]] = {
    "plates": PlateQuery((Reading(_PLATE, 1.0, (), tuple(CharacterRead(c, 1.0) for c in _PLATE)),), None),
    "names": PersonQuery("Anna Novak", None),
    "documents": DocumentQuery("AB123456", ""),
}
"""What the planner is asked about, for each index."""


class RecordsPostgres(RecordSource):
    """Tables and views of a PostgreSQL database, read only, mapped to the closed schema."""

    name: ClassVar[str] = "records_postgres"
    reach: ClassVar[Reach] = Reach.RESTRICTED
    may_declare: ClassVar[frozenset[Reach]] = frozenset({Reach.ON_REQUEST})
    answers: ClassVar[frozenset[SubjectKind]] = frozenset(SubjectKind)
    needs_settings: ClassVar[bool] = True

    def __init__(self) -> None:
        self._pool: Pool | None = None
        self._tables: dict[str, tuple[Table, Indexed]] = {}

    def open(self, context: PluginContext) -> SourceInfo:
        """Connect, and check every table: that it is there, that it cannot be changed, and what is indexed.

        Raises:
            SourceError: The settings are wrong, the database does not answer, or the role may write.
        """
        self.close()
        settings = load(context.settings)
        # Asked so, the planner reads a whole table only where it has no other way, however small the table is.
        examining = settings.connecting(EXAMINE_SECONDS, enable_seqscan="off")
        with closing(Pool(examining, keep=1, seconds=EXAMINE_SECONDS)) as pool:
            tables = {name: (table, _examine(pool, settings, name, table)) for name, table in settings.tables.items()}
            entries = sum(_estimate(pool, table) for table in settings.tables.values())
        how = settings.connecting(settings.statement_seconds)
        self._pool = Pool(how, keep=settings.connections, seconds=settings.statement_seconds)
        self._tables = tables
        answers = frozenset(
            kind
            for table, indexed in tables.values()
            for kind in table.answers
            if kind is not SubjectKind.PERSON or indexed.names
        )
        return SourceInfo(
            entries=entries,
            detail=_describe(settings, tables),
            exact_only=any("plate" in table.columns and not indexed.plates for table, indexed in tables.values()),
            answers=answers,
        )

    def find(self, query: Query) -> Iterable[SourceRecord]:
        """Return candidates of every table that is about such a subject.

        Raises:
            SourceError: The source is not open, or the database does not answer.
        """
        if self._pool is None:
            raise SourceError("the database is not open")
        return list(self._find(self._pool, query))

    def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            self._pool.close()
        self._pool = None

    def _find(self, pool: Pool, query: Query) -> Iterator[SourceRecord]:
        for name, (table, indexed) in self._tables.items():
            statement = select(table, query.subject, indexed, query.within)
            if statement is None:
                continue
            for entry, *values in pool.fetch(statement.text, statement.values):
                fields: dict[str, object] = dict(zip(table.columns, values, strict=True))
                yield SourceRecord(f"{name}:{entry}", fields)


def _examine(pool: Pool, settings: Settings, name: str, table: Table) -> Indexed:
    """Hold a table to what is asked of it, and return what it can be asked quickly.

    Raises:
        SourceError: It is not there, lacks a column, or may be changed.
    """
    shown = plain(f"table {name}", limit=60)
    identifier = sql.Identifier(*table.table.split("."))
    columns = sql.SQL(", ").join(map(sql.Identifier, [table.entry, *table.columns.values()]))
    try:
        pool.fetch(sql.SQL("SELECT {} FROM {} LIMIT 0").format(columns, identifier))
        may_write = pool.fetch(
            sql.SQL("SELECT has_table_privilege({}::regclass, {})").format(
                sql.Literal(identifier.as_string()), sql.Literal(_MAY_WRITE)
            )
        )[0][0]
    except SourceError as error:
        raise SourceError(f"{shown}: {error}") from None
    if may_write:
        role = plain(settings.user, limit=40)
        raise SourceError(f"{shown}: the role {role} may change it; give it SELECT and nothing else")
    there = pool.fetch(sql.SQL("SELECT to_regnamespace('patrol_hub') IS NOT NULL"))[0][0]
    return Indexed(**{kind: bool(there) and _quick(pool, table, kind) for kind in _SAMPLES})


def _quick(pool: Pool, table: Table, kind: str) -> bool:
    """Ask the planner whether it can answer such a look-up without reading the whole table, also below a view."""
    statement = select(table, _SAMPLES[kind], Indexed(plates=True, names=True, documents=True))
    if statement is None:
        return False
    try:
        plan = pool.fetch(sql.SQL("EXPLAIN (FORMAT JSON) {}").format(statement.text), statement.values)[0][0]
    except SourceError:  # a function is missing or may not be used
        return False
    return not any(node.get("Node Type") == "Seq Scan" for node in _nodes(plan[0]["Plan"]))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", ()):
        yield from _nodes(inner)


def _estimate(pool: Pool, table: Table) -> int:
    """Return about how many rows a table or view has, as the planner sees it."""
    text = sql.SQL("EXPLAIN (FORMAT JSON) SELECT 1 FROM {}").format(sql.Identifier(*table.table.split(".")))
    return int(pool.fetch(text)[0][0][0]["Plan"]["Plan Rows"])


def _describe(settings: Settings, tables: dict[str, tuple[Table, Indexed]]) -> str:
    said = [f"database {settings.database}"]
    for name, (table, indexed) in tables.items():
        if "plate" in table.columns and not indexed.plates:
            said.append(f"{name}: plates exactly as written only, its index is missing")
        if "family_name" in table.columns and not indexed.names:
            said.append(f"{name}: not asked about persons, its index is missing")
    return plain("; ".join(said), limit=200)
