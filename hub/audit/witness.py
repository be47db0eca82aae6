"""Takes the log's state out of the unit, where somebody else keeps it: the commands and the dashboard do the same.

What a checkpoint is and says stands in `hub.audit.checkpoint`.
"""

from __future__ import annotations

from datetime import datetime

from hub.audit.log import AuditLog
from hub.audit.records import CheckpointPayload
from hub.messages import Act, Entry, Requester


async def export_checkpoint(log: AuditLog, requester: Requester, at: datetime) -> str:
    """Return a signed checkpoint that can name the first changed entry, and account for its export.

    The entry stands before the copy, so the copy vouches for the entry that tells of it.

    Args:
        log: The log.
        requester: Who takes it out; the unit itself where nobody is signed in.
        at: Wall time.

    Raises:
        AuditError: The log cannot be written.
    """
    await log.append(Entry(Act.CHECKPOINT, at, requester, "exported", CheckpointPayload(size=0, root="")))
    return await log.checkpoint()
