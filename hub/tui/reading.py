"""What the state says about itself: what needs the officer, what is wrong, what may be done now. Pure.

Which steps exist is written down here a second time, because the dashboard imports nothing that decides; a test holds
the two together. A key that is offered is only an offer: the hub says whether the step is taken (C6, C12).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from hub.events import AlertEvent
from hub.messages import ActorState, Alert, AlertState, OrderReason
from hub.tui.order_words import words_for
from hub.tui.state import Link, State

NEXT: Final[Mapping[AlertState, tuple[AlertState, ...]]] = MappingProxyType(
    {
        AlertState.ALERT: (AlertState.ADJUDICATED_TRUE, AlertState.ADJUDICATED_FALSE),
        AlertState.ADJUDICATED_TRUE: (AlertState.ENGAGED,),
        AlertState.ENGAGED: (AlertState.CONFIRMED_TRUE, AlertState.CONFIRMED_FALSE),
    }
)
"""Steps that follow a state."""
CORRECTS: Final[Mapping[AlertState, AlertState]] = MappingProxyType(
    {
        AlertState.ADJUDICATED_TRUE: AlertState.ADJUDICATED_FALSE,
        AlertState.ADJUDICATED_FALSE: AlertState.ADJUDICATED_TRUE,
        AlertState.CONFIRMED_TRUE: AlertState.CONFIRMED_FALSE,
        AlertState.CONFIRMED_FALSE: AlertState.CONFIRMED_TRUE,
    }
)
"""What a decision is corrected to."""


def chosen(state: State) -> AlertEvent | None:
    """Return the alert under the mark; None where the queue is empty."""
    return next((each for each in state.alerts if each.alert == state.chosen), None)


def page_of(state: State) -> Alert | None:
    """Return the alert under the mark with all that is known of it, once it came."""
    return state.page.alert if state.page is not None and state.page.alert.alert == state.chosen else None


def neighbour(state: State, by: int) -> str:
    """Return the alert that many places further down the queue, at its ends the last one there."""
    names = [each.alert for each in state.alerts]
    if state.chosen not in names:
        return names[0] if names else ""
    return names[max(0, min(len(names) - 1, names.index(state.chosen) + by))]


def can_act(state: State) -> bool:
    """Say whether an officer can ask the hub for anything."""
    return state.link is Link.UP and state.officer is not None


def steps_for(state: State) -> tuple[AlertState, ...]:
    """Return the next steps of the alert under the mark, once everything about it is on screen (C6)."""
    page = page_of(state)
    if page is None or not can_act(state) or (page.state is AlertState.ALERT and is_own(state, page)):
        return ()
    return NEXT.get(page.state, ())


def is_own(state: State, alert: Alert) -> bool:
    """Say whether the officer raised an alert, as by a probe: then another one decides about it (C6)."""
    return state.officer is not None and bool(alert.raised_by) and alert.raised_by == state.officer.officer


def correction_for(state: State) -> AlertState | None:
    """Return what the decision on the alert under the mark could be corrected to; None where there is none."""
    page = page_of(state)
    return CORRECTS.get(page.state) if page is not None and can_act(state) else None


def is_pending(state: State, kind: type[Struct]) -> bool:
    """Say whether a request of a kind waits for the hub."""
    return any(isinstance(each, kind) for each in state.pending)


def troubles(state: State) -> tuple[str, ...]:
    """Return what is wrong, worst first, one line each; nothing where nothing is."""
    lines = []
    if state.link is Link.LOST:
        lines.append(_said("hub lost", state.link_detail))
    ill = (ActorState.PARKED, ActorState.BACKING_OFF)
    lines += [_said(f"{each.actor} {_words(each.state)}", each.detail) for each in state.actors if each.state in ill]
    for camera in state.cameras:
        if camera.stalled:
            lines.append(_said(f"camera {camera.camera} stalled", camera.detail))
        elif not camera.open and not has_ended(state, camera.camera):
            lines.append(_said(f"camera {camera.camera} not open", camera.detail))
    if why := watch_trouble(state):
        lines.append(why)
    lines += [f"plugin parked: {each}" for each in state.parked]
    for source in state.sources:
        if not source.usable:
            lines.append(_said(f"source {source.state.source} cannot be used", source.state.detail or source.breaker))
        elif source.breaker != "closed":
            lines.append(_said(f"source {source.state.source} does not answer", source.breaker))
    return tuple(lines)


def watch_trouble(state: State) -> str:
    """Say why faces are not watched for although somebody loaded an order for it; "" where they are, or will be."""
    watch = state.watch
    if watch is None or watch.reason is OrderReason.NOT_BEGUN:
        return ""
    if watch.reason is not OrderReason.IN_FORCE:
        return f"order {watch.order} {'ended' if watch.ended else 'suspended'}: {words_for(watch.reason)}"
    return f"order {watch.order}: its list is not open: {watch.detail}" if watch.detail else ""


def has_ended(state: State, camera: str) -> bool:
    """Say whether the actor behind a camera is through with it, as after the last picture of a file."""
    return any(each.actor == f"capture {camera}" and each.state is ActorState.DONE for each in state.actors)


def _said(what: str, why: str) -> str:
    return f"{what}: {why}" if why else what


def _words(state: ActorState) -> str:
    return state.value.replace("_", " ")
