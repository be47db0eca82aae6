"""What orders and grants have in common: an identifier to withdraw them by, references of what they rest on, two times.

Each function says what is wrong, "" where nothing is. Pure.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

LONGEST_TEXT: Final = 300
"""Most characters of a reference or a subject."""
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{2,63}")


def identifier_problem(identifier: str) -> str:
    """Say what is wrong with an identifier."""
    return "" if _IDENTIFIER.fullmatch(identifier) else "its identifier needs 3 to 64 letters, digits and . _ / -"


def reference_problem(reference: str, of: str) -> str:
    """Say what is wrong with the reference of a document, such as ``impact assessment``."""
    if not reference.strip() or len(reference) > LONGEST_TEXT:
        return f"it needs the reference of its {of}, in at most {LONGEST_TEXT} characters"
    return ""


def zone_problem(*times: datetime) -> str:
    """Say whether a time lacks its zone."""
    if any(time.tzinfo is None for time in times):
        return "its times need a time zone, such as 2026-12-01T06:00Z"
    return ""
