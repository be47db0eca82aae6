"""What a scripted hub knows of orders, face lists, grants and faces; no face here is anybody's."""

from __future__ import annotations

import io
from datetime import timedelta

from msgspec.structs import replace
from PIL import Image, ImageDraw

from hub.messages import Alert, Field, Hit, HitKind, OrderReason, Picture, Record, WatchHealth
from hub.wire import AuthorityShown, FaceListShown, GrantShown, OrderShown, Probed
from tests.tui.kit import NOW, alert

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
BELOW_THE_FLOOR = Probed(
    request=0,
    status="not_compared",
    candidates=(),
    reason="The face is below the quality floor: face too small; nothing was compared.",
)
AUTHORITY = AuthorityShown(request=0, order=ORDER, face_lists=(FACE_LIST,), grants=(GRANT,))


def watch(reason: OrderReason = OrderReason.IN_FORCE, **changes: object) -> WatchHealth:
    """Return a watch; one that is not in force has nothing in memory."""
    made = WATCH if reason is OrderReason.IN_FORCE else replace(WATCH, reason=reason, entries=0, expected=0.0)
    return replace(made, **changes)


def face_jpeg(shade: int, size: tuple[int, int] = (96, 112)) -> Picture:
    """Return a drawn face that is nobody's."""
    image = Image.new("RGB", size, (70, 80, 90))
    pen = ImageDraw.Draw(image)
    pen.ellipse((14, 8, 82, 106), fill=(shade, shade - 30, shade - 50))
    for x in (36, 60):
        pen.ellipse((x - 6, 42, x + 6, 52), fill=(40, 40, 60))
    pen.rectangle((36, 80, 60, 86), fill=(150, 60, 60))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return Picture(file.getvalue(), *size)


def street_jpeg() -> Picture:
    """Return a street with somebody in it and a car, in blocks as coarse as the hub leaves them."""
    image = Image.new("RGB", (32, 18), (150, 170, 200))
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 4, 31, 11), fill=(120, 90, 80))
    pen.rectangle((0, 12, 31, 17), fill=(80, 80, 80))
    pen.rectangle((11, 8, 20, 13), fill=(40, 70, 130))
    pen.rectangle((25, 6, 26, 7), fill=(200, 170, 140))
    pen.rectangle((24, 8, 27, 12), fill=(160, 50, 50))
    file = io.BytesIO()
    image.resize((640, 360), Image.Resampling.NEAREST).save(file, "JPEG", quality=95)
    return Picture(file.getvalue(), 640, 360)


def face_alert(name: str = "F-1", *, raised_by: str = "", after: float = 0.0, **changes: object) -> Alert:
    """Return an alert about a child's face."""
    made = alert(name, category="missing_child", camera="front", after=after)
    fields = (
        Field("category", "missing_child"),
        Field("instruction", "Stay with the child and call the desk"),
        Field("issuing_authority", "Missing Persons Bureau"),
        Field("name", "Nobody, Nina"),
    )
    hit = Hit(
        kind=HitKind.FACE,
        record=Record("E-7", fields),
        cost=0.0,
        limit=0.0,
        aligned=(),
        region_agrees=None,
        ambiguous=False,
        competing=(),
        why="The face resembles the reference photo of 2029-10-04: similarity 0.612 over 3 pictures, a candidate from "
        "0.548 on, 0.171 ahead of the next entry. 0.021 false alerts are expected an hour.",
        similarity=0.612,
        margin=0.171,
    )
    return replace(
        made,
        **{
            "source": "missing_children",
            "list_digest": DIGEST,
            "hit": hit,
            "readings": (),
            "raised_by": raised_by,
            "crop": face_jpeg(200),
            "reference": face_jpeg(225),
        }
        | changes,
    )
