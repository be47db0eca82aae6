"""Orders and grants for tests, signed with the fixed keys of `tests.kit_authority`."""

from __future__ import annotations

from datetime import date, timedelta

from msgspec import structs

from hub.authority.grants import Grant, LegalBasis, build_grant, sign_grant
from hub.authority.orders import Order, Purpose, build_order, sign_order
from hub.authority.place import Place
from hub.authority.subjects import GrantSubject
from hub.messages import SubjectKind
from hub.watchlists.metadata import RoleKeys
from tests.kit_authority import NOW, public, signer

PEOPLE = RoleKeys((public("judge"), public("deputy")), (public("chief"), public("second chief")))
SQUARE = ((48.0, 17.0), (48.0, 17.2), (48.2, 17.2), (48.2, 17.0))
INSIDE, OUTSIDE = (48.1, 17.1), (48.3, 17.1)
DIGEST = "ab" * 32

ORDER = Order(
    order="2026/117",
    purpose=Purpose.MISSING_OR_VULNERABLE,
    place=Place(polygon=SQUARE),
    begins=NOW,
    ends=NOW + timedelta(hours=12),
    list_digest=DIGEST,
    impact_assessment="DPIA 2026-4",
    authorisation="Judge 3 Ntc 118/26",
)
GRANT = Grant(
    grant="G-2026-9",
    subject=GrantSubject(SubjectKind.PERSON, "Jana Novak", date(1980, 1, 2)),
    source="credit_records",
    fields=("licence_status", "reference"),
    legal_basis=LegalBasis.COURT_ORDER,
    reference="Court 5 C 77/26",
    issued=NOW,
    expires=NOW + timedelta(days=3),
)


def order(*signers: str, **changes: object) -> bytes:
    """Return an order's file, signed by the judge and the chief unless others are named."""
    file = build_order(structs.replace(ORDER, **changes))
    for name in signers or ("judge", "chief"):
        file = sign_order(file, signer(name))
    return file


def grant(*signers: str, **changes: object) -> bytes:
    """Return a grant's file, signed by the judge unless others are named."""
    file = build_grant(structs.replace(GRANT, **changes))
    for name in signers or ("judge",):
        file = sign_grant(file, signer(name))
    return file
