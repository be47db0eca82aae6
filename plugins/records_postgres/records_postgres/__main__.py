"""Prints the statements that make one table quick to ask, for its owner to run; connects to nothing.

::

    python -m records_postgres registers.vehicles --role patrol_hub --column plate=registration | psql registers
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from hub.errors import SourceError
from records_postgres.index import write_out
from records_postgres.settings import load_table


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the statements; exit status 2 where the call is wrong."""
    parser = argparse.ArgumentParser(prog="python -m records_postgres", description=__doc__.splitlines()[0])
    parser.add_argument("table", help="a table, or schema.table")
    parser.add_argument("--role", required=True, help="the hub's role, which is allowed to read and nothing else")
    parser.add_argument(
        "--column",
        action="append",
        required=True,
        metavar="FIELD=COLUMN",
        help="plate, family_name, given_names, document_number or licence_number, and the column that holds it",
    )
    given = parser.parse_args(arguments)
    columns = dict(pair.partition("=")[::2] for pair in given.column)
    try:
        table = load_table({"table": given.table, "entry": "entry", "columns": columns})
    except SourceError as error:
        parser.error(str(error))
    write_out(sys.stdout, table, given.role)
    return 0


if __name__ == "__main__":
    sys.exit(main())
