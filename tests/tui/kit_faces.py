"""What a scripted hub knows of orders, face lists, grants and faces."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from hub.messages import OrderReason, WatchHealth
from hub.wire import AuthorityShown, FaceListShown, GrantShown, OrderShown
from tests.tui.kit import NOW

DIGEST = "a7" * 32
ENDS = NOW + timedelta(minutes=41)
WATCH = WatchHealth(
    order="2030/17",
    reason=OrderReason.IN_FORCE,
    ended=False,
    purpose="missing_or_vulnerable_person",
    ends=ENDS,
    list_name="missing_children",
    list_digest=DIGEST,
    entries=12,
    expected=0.021,
    compared=34,
    detail="",
)
ORDER = OrderShown(
    order="2030/17",
    purpose="missing_or_vulnerable_person",
    place="cameras front, rear of unit-1",
    begins=NOW - timedelta(hours=2),
    ends=ENDS,
    list_digest=DIGEST,
    impact_assessment="IA 2029-4",
    authorisation="District Court 12 Gs 7/30",
    officer="4711",
)
FACE_LIST = FaceListShown(
    name="missing_children",
    issuer="Missing Persons Bureau",
    authority="Police Act, section 15",
    legal_basis="missing person report",
    purpose="missing_or_vulnerable_person",
    place="City of Brno",
    category="missing_child",
    entries=12,
    version=3,
    created=NOW - timedelta(hours=5),
    expires=NOW + timedelta(days=2, hours=3),
    digest=DIGEST,
)
GRANT = GrantShown(
    grant="G-2030-4",
    source="credit_records",
    fields=("name", "outstanding_debt"),
    legal_basis="court_order",
    reference="District Court 3 C 11/30",
    expires=NOW + timedelta(days=6),
    officer="4711",
    used=NOW - timedelta(minutes=12),
)
AUTHORITY = AuthorityShown(request=0, order=ORDER, face_lists=(FACE_LIST,), grants=(GRANT,))


def watch(reason: OrderReason = OrderReason.IN_FORCE, **changes: object) -> WatchHealth:
    """Return a watch; one that is not in force has nothing in memory."""
    made = WATCH if reason is OrderReason.IN_FORCE else replace(WATCH, reason=reason, entries=0, expected=0.0)
    return replace(made, **changes)
