"""What the operator says of a database: where it is, how it is reached, and which columns are which fields.

::

    [plugins.records_postgres]
    host = "db.example"            # or the folder of a local socket: "/run/postgresql"
    database = "registers"
    user = "patrol_hub"            # a role that may SELECT from these tables and nothing else
    password_file = "/etc/patrol-hub/postgres"         # mode 0600; or password_variable = "NAME"
    root_certificate = "/etc/patrol-hub/db-root.pem"   # or "system"
    [plugins.records_postgres.tables.vehicles]
    table = "registers.vehicles"   # a table or view
    entry = "vehicle_id"           # the column that identifies a record
    [plugins.records_postgres.tables.vehicles.columns]
    plate = "registration"         # field of the hub's closed schema = column
    make = "manufacturer"
    keeper_name = "keeper"
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from hub.documents import NUMBERS
from hub.errors import SourceError
from hub.messages import SubjectKind
from hub.plugin_settings import read_secret, read_settings
from hub.records import RULES
from hub.text import plain

Text = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^\x00]*$")]
Identifier = Annotated[str, Meta(min_length=1, max_length=63, pattern=r"^[^\x00]*$")]
"""A name as the database has it, in its own case."""

MOST_PARTS: Final = 2
"""Parts of a table's name: schema and table."""


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    """A table or view, ``[plugins.records_postgres.tables.NAME]``."""

    table: Annotated[str, Meta(min_length=1, max_length=127, pattern=r"^[^\x00]*$")]
    """Its name, with or without the schema in front: ``registers.vehicles``."""
    entry: Identifier
    """Column that identifies a record, shown to the officer."""
    columns: dict[str, Identifier]
    """Fields of the hub's closed schema (`hub.records`), and which column holds each."""

    @property
    def answers(self) -> frozenset[SubjectKind]:
        """What the table can be asked about."""
        kinds = {
            SubjectKind.PLATE: "plate" in self.columns,
            SubjectKind.PERSON: "family_name" in self.columns,
            SubjectKind.DOCUMENT: any(name in self.columns for name in NUMBERS),
        }
        return frozenset(kind for kind, there in kinds.items() if there)


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The table ``[plugins.records_postgres]``."""

    host: Text
    """Name or address of the server, or the folder of its local socket."""
    database: Identifier
    """Name of the database."""
    user: Identifier
    """A role that may only read."""
    tables: dict[str, Table]
    """By a short name, which stands in front of each entry's identifier."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 5432
    """Port of the server; of a local socket the number in its name."""
    password_file: str = ""
    """File with the password, readable by the hub's account alone."""
    password_variable: str = ""
    """Environment variable with the password, where there is no file."""
    tls: Literal["verify-full", "verify-ca"] = "verify-full"
    """How the server's certificate is checked; over a network there is no connection without."""
    root_certificate: str = ""
    """File of the certificates that vouch for the server, or ``system``. Needed over a network."""
    client_certificate: str = ""
    """File with the hub's own certificate, where the server asks for one."""
    client_key: str = ""
    """Its key, readable by the hub's account alone."""
    connect_seconds: Annotated[int, Meta(ge=2, le=60)] = 2
    """Seconds for a new connection; libpq knows whole ones from 2 on."""
    statement_seconds: Annotated[float, Meta(gt=0, le=60)] = 1.5
    """Seconds for one statement, after which the server gives it up; keep it below the source's deadline."""
    connections: Annotated[int, Meta(ge=1, le=8)] = 2
    """Connections that are kept open while nobody asks."""

    @property
    def local(self) -> bool:
        """Whether the server is reached through a socket of this machine."""
        return self.host.startswith("/")

    def connecting(self, seconds: float, **more: str) -> dict[str, str | int]:
        """Return what libpq connects with.

        Args:
            seconds: The server's limit for one statement.
            **more: Further settings of the session.

        Raises:
            SourceError: The password or a certificate cannot be used.
        """
        options = {
            "default_transaction_read_only": "on",
            "statement_timeout": f"{int(seconds * 1000)}ms",
            "lock_timeout": f"{int(seconds * 1000)}ms",
            "idle_in_transaction_session_timeout": "60s",
            "search_path": "pg_catalog,public",
            "DateStyle": "ISO",
            # A look-up fetches few rows: compiling it or sharing it among processes costs more than the look-up.
            "jit": "off",
            "max_parallel_workers_per_gather": "0",
            **more,
        }
        how: dict[str, str | int] = {
            "host": self.host,
            "port": self.port,
            "dbname": self.database,
            "user": self.user,
            "connect_timeout": self.connect_seconds,
            "client_encoding": "utf8",
            "application_name": "patrol-hub",
            "gssencmode": "disable",
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
            "keepalives_idle": 10,
            "tcp_user_timeout": int(seconds * 2000),
        }
        if password := read_secret(self.password_file, self.password_variable, what="password"):
            how["password"] = password
        if not self.local:
            how |= {"sslmode": self.tls, "sslrootcert": self.root_certificate}
            if self.client_certificate:
                how |= {"sslcert": self.client_certificate, "sslkey": self.client_key}
        return how


def load(settings: Mapping[str, object]) -> Settings:
    """Return the checked settings of a database.

    Raises:
        SourceError: They are wrong; one line that names the key.
    """
    loaded = read_settings(settings, Settings)
    if not loaded.local and not loaded.root_certificate:
        raise SourceError("its settings are wrong: root_certificate is missing, without which nobody vouches for it")
    if bool(loaded.client_certificate) != bool(loaded.client_key):
        raise SourceError("its settings are wrong: client_certificate and client_key belong together")
    for key in ("root_certificate", "client_certificate", "client_key"):
        file = getattr(loaded, key)
        if file and file != "system" and not (Path(file).is_absolute() and Path(file).is_file()):
            raise SourceError(f"its settings are wrong: {key} is no file; name it by its whole path")
    if not loaded.tables:
        raise SourceError("its settings are wrong: tables has none")
    for name, table in loaded.tables.items():
        _check(plain(name, limit=40), table)
    return loaded


def load_table(table: Mapping[str, object]) -> Table:
    """Return one checked table.

    Raises:
        SourceError: It is wrong; one line that names the key.
    """
    loaded = read_settings(table, Table)
    _check("table", loaded)
    return loaded


def _check(name: str, table: Table) -> None:
    where = f"its settings are wrong: tables.{name}"
    parts = table.table.split(".")
    if len(parts) > MOST_PARTS or not all(parts):
        raise SourceError(f"{where}.table must be a table or schema.table")
    if unknown := sorted(set(table.columns) - set(RULES)):
        raise SourceError(f"{where}.columns: {plain(unknown[0], limit=40)} is no field of the hub's closed schema")
    if not table.answers:
        raise SourceError(f"{where}.columns needs plate, family_name or a document's number to be found by")
