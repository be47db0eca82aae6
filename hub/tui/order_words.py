"""Why an order is in force or not, in an officer's words.

They are written down here a second time, because the dashboard imports nothing that decides; a test sees to it that no
reason is without words.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hub.messages import OrderReason

WORDS: Final[Mapping[OrderReason, str]] = MappingProxyType(
    {
        OrderReason.IN_FORCE: "it is in force",
        OrderReason.NO_ORDER: "what the authority says of it cannot be read",
        OrderReason.NOT_BEGUN: "it has not begun",
        OrderReason.OTHER_CAMERA: "it does not hold for this unit's cameras",
        OrderReason.NO_FIX: "no position of the last 30 s says that the unit is in its place",
        OrderReason.OUTSIDE: "the unit is outside its place",
        OrderReason.WINDOW_OVER: "its time is over",
        OrderReason.WITHDRAWN: "the authority has withdrawn it or its list",
        OrderReason.CLOCK_SET_BACK: "the clock was set back",
        OrderReason.LEFT_PLACE: "the unit has left its place",
        OrderReason.OTHER_LIST: "the list is no longer the one that it names",
    }
)


def words_for(reason: OrderReason) -> str:
    """Return a reason in words."""
    return WORDS[reason]
