"""The log (C7) as those see it who only append to it.

The log itself is `hub.audit`'s. An entry is appended before the act; where that raises, the act does not happen.
"""

from __future__ import annotations

from typing import Final, Protocol

from hub.messages import Entry

NOT_DONE: Final = "not_done"
"""Outcome of a second entry that says: what the entry before it announced could not be done."""


class Log(Protocol):
    """Takes entries."""

    async def append(self, entry: Entry, /) -> object:
        """Append an entry and return once it is durable.

        Raises:
            AuditError: It is not in the log: the act must not happen.
        """
        ...
