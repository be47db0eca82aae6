"""What faces may be compared under and what restricted sources may be asked under: order, face lists, grants."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

from hub.messages import OrderReason, WatchHealth
from hub.tui.lines import BAD, DOUBT, GOOD, QUIET, STRONG, put, span, words
from hub.tui.order_words import words_for
from hub.tui.state import State
from hub.wire import FaceListShown, GrantShown, OrderShown

_NO_ORDER = "No deployment order: no camera is watched for faces; a probe (F4) is one deliberate act."

_POSITIONS = {"fixed": "fixed, by the officer's word", "replay": "replay file, by the officer's word"}
"""What is no receiver's word."""


def mandate_lines(state: State, now: datetime) -> list[Text]:
    """Return the order, then the face lists, then the grants, each after an empty line."""
    known = state.authority
    order = None if known is None else known.order
    lines = [Text(""), put(_NO_ORDER)] if state.watch is None else _order(state.watch, order, now)
    if known is None:
        if state.officer is not None:
            lines += [Text(""), put(("asking for face lists and grants …", QUIET))]
        return lines
    for face_list in known.face_lists:
        lines += _face_list(face_list, now)
    if not known.face_lists:
        lines += [Text(""), put("No face list is loaded.")]
    for grant in known.grants:
        lines += _grant(grant, now)
    return lines


def _order(watch: WatchHealth, order: OrderShown | None, now: datetime) -> list[Text]:
    lines = [Text(""), put(("ORDER ", STRONG), (watch.order, STRONG), "  ", _standing(watch, now))]
    if watch.reason is OrderReason.IN_FORCE:
        if watch.entries:
            lines.append(put(f"  allows: faces are compared with {watch.list_name}, {watch.entries} entries in memory"))
            lines.append(put(f"  {watch.compared} faces compared; {watch.expected:.2g} false alerts an hour expected"))
        else:
            lines.append(put((f"  its list is not open: {watch.detail or 'it is being opened'}", DOUBT)))
    else:
        lines.append(put(f"  {words_for(watch.reason)}; nothing is compared, no template is in memory"))
        if watch.ended:
            lines.append(put("  it does not come back by itself: an officer may load an order that stands"))
    if watch.development:
        lines.append(put(("  DEVELOPMENT: what it compares may be files, or cameras of no configuration", BAD)))
    lines.append(put(f"  purpose: {words(watch.purpose)}"))
    if watch.position:
        lines.append(put(f"  position: {_POSITIONS.get(watch.position, watch.position)}"))
    if order is not None:
        lines.append(put(f"  place: {order.place}"))
        lines.append(put(f"  from {order.begins:%Y-%m-%d %H:%M} to {order.ends:%Y-%m-%d %H:%M} UTC"))
        lines.append(put(f"  issued by the roles authority and commander; loaded by officer {order.officer}"))
        lines.append(put(f"  authorisation {order.authorisation}; impact assessment {order.impact_assessment}"))
    lines.append(put((f"  list {watch.list_digest[:16]}", QUIET)))
    return lines


def _standing(watch: WatchHealth, now: datetime) -> tuple[str, str]:
    if watch.ended:
        return "ENDED", BAD
    if watch.reason is OrderReason.IN_FORCE:
        return f"in force, {span(watch.ends, now)} left", GOOD
    if watch.reason is OrderReason.NOT_BEGUN:
        return "NOT BEGUN", DOUBT
    return f"SUSPENDED, {span(watch.ends, now)} left", BAD


def _face_list(face_list: FaceListShown, now: datetime) -> list[Text]:
    over = "  EXPIRED" if face_list.expires <= now else ""
    lines = [Text("")]
    lines.append(put(("FACE LIST ", STRONG), (face_list.name, STRONG), f"  {face_list.entries} entries", (over, BAD)))
    lines.append(put(f"  issued by {face_list.issuer} under {face_list.authority}"))
    lines.append(put(f"  {words(face_list.category)}; legal basis {face_list.legal_basis}"))
    lines.append(put(f"  purpose: {words(face_list.purpose)}; place: {face_list.place}"))
    lines.append(put(f"  expires {face_list.expires:%Y-%m-%d %H:%M} UTC, {span(face_list.expires, now)} left"))
    lines.append(put("  allows: a probe with a reason, or a watch under an order that names it"))
    lines.append(put((f"  version {face_list.version}, digest {face_list.digest[:16]}", QUIET)))
    return lines


def _grant(grant: GrantShown, now: datetime) -> list[Text]:
    lines = [Text(""), put(("GRANT ", STRONG), (grant.grant, STRONG), f"  opens {grant.source} for its one subject")]
    lines.append(put(f"  {words(grant.legal_basis)} {grant.reference}; signed in the role authority"))
    lines.append(put(f"  allows: {', '.join(words(each) for each in grant.fields)}"))
    lines.append(put(f"  expires {grant.expires:%Y-%m-%d %H:%M} UTC, {span(grant.expires, now)} left"))
    lines.append(put((f"  used {grant.used:%H:%M} by officer {grant.officer}", QUIET)))
    return lines
