"""Changes of an officer who is there, as statements of one transaction. Who may, and what the log says, is `officers`'.

What an officer leaves behind when removed is nothing here: the number stands in the log's entries alone.
"""

from __future__ import annotations

import sqlite3

from hub.authority import key_slots
from hub.authority.passphrases import PassphraseHash
from hub.authority.policy import RIGHTS, Right
from hub.authority.unit_key import KeySlot

MANAGERS = tuple(role.value for role, rights in RIGHTS.items() if Right.MANAGE in rights)


def role_of(connection: sqlite3.Connection, number: str) -> str | None:
    """Return an officer's role, None where there is no such officer."""
    row = connection.execute("SELECT role FROM officers WHERE number = ?", (number,)).fetchone()
    return None if row is None else str(row[0])


def needed(connection: sqlite3.Connection, number: str) -> str:
    """Say what a unit would lose for good with an officer; "" where nothing.

    Args:
        connection: Of the officers' database.
        number: The officer's.
    """
    marks = ", ".join("?" * len(MANAGERS))
    managers = f"SELECT count(*) FROM officers WHERE role IN ({marks})"  # noqa: S608 - marks alone
    if role_of(connection, number) in MANAGERS and not _others(connection, managers, number, *MANAGERS):
        return "nobody else on this unit may add or remove officers"
    slots = "SELECT count(*) FROM key_slots WHERE true"
    if key_slots.find_slot(connection, number) is not None and not _others(connection, slots, number):
        return "nobody else on this unit opens its key, and so no face list"
    return ""


def remove(connection: sqlite3.Connection, number: str) -> None:
    """Delete an officer with sessions and slot."""
    for table in ("sessions", "key_slots", "officers"):
        connection.execute(f"DELETE FROM {table} WHERE number = ?", (number,))  # noqa: S608 - fixed names


def put_passphrase(connection: sqlite3.Connection, number: str, kept: PassphraseHash, slot: KeySlot | None) -> bool:
    """Put a passphrase in place of an officer's, and the slot that it opens. Returns False where they are gone."""
    changed = connection.execute(
        "UPDATE officers SET n = ?, r = ?, p = ?, salt = ?, hash = ? WHERE number = ?",
        (kept.cost.n, kept.cost.r, kept.cost.p, kept.salt, kept.hash, number),
    )
    if not changed.rowcount:
        return False
    connection.execute("DELETE FROM key_slots WHERE number = ?", (number,))
    if slot is not None:
        key_slots.put_slot(connection, number, slot)
    return True


def _others(connection: sqlite3.Connection, query: str, number: str, *values: str) -> int:
    return int(connection.execute(f"{query} AND number != ?", (*values, number)).fetchone()[0])
