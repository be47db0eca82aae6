"""Records of a PostgreSQL database, read only, for Patrol Hub.

Registers one source, which is opened where the configuration has settings for it; see `records_postgres.settings`.
``python -m records_postgres`` prints the statements with which the owner of a table makes it quick to ask.
"""

from __future__ import annotations

from hub.hookspecs import RegisterRecordSource, hookimpl
from records_postgres.source import RecordsPostgres

__all__ = ["RecordsPostgres", "register_record_sources"]


@hookimpl
def register_record_sources(register: RegisterRecordSource) -> None:
    """Register the source."""
    register(RecordsPostgres)
