"""The life of an alert as a pure state machine (C6), in the terms of the UK's guidance.

No I/O, no clock, no rights: who may take a step is `hub.authority.policy`'s to say, and it is asked first. The states
and the steps between them::

    alert -+-> adjudicated_true ---> engaged -+-> confirmed_true
           +-> adjudicated_false              +-> confirmed_false
           +-> expired (nobody decided in time)

A decision is never undone. A correction is a further step, with a reason, that names the step it corrects: from
``adjudicated_true`` to ``adjudicated_false`` and back while nobody has been engaged, and between the two
confirmations.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

import msgspec

from hub.errors import StateError
from hub.messages import Alert, AlertState, Hit, Record, Step

_NEXT: Final[Mapping[AlertState, tuple[AlertState, ...]]] = MappingProxyType(
    {
        AlertState.ALERT: (AlertState.ADJUDICATED_TRUE, AlertState.ADJUDICATED_FALSE),
        AlertState.ADJUDICATED_TRUE: (AlertState.ENGAGED,),
        AlertState.ENGAGED: (AlertState.CONFIRMED_TRUE, AlertState.CONFIRMED_FALSE),
    }
)
"""Steps that an officer takes. Expiry is time's step and a correction has its own table."""

_CORRECTS: Final[Mapping[AlertState, AlertState]] = MappingProxyType(
    {
        AlertState.ADJUDICATED_TRUE: AlertState.ADJUDICATED_FALSE,
        AlertState.ADJUDICATED_FALSE: AlertState.ADJUDICATED_TRUE,
        AlertState.CONFIRMED_TRUE: AlertState.CONFIRMED_FALSE,
        AlertState.CONFIRMED_FALSE: AlertState.CONFIRMED_TRUE,
    }
)
"""What a decision can be corrected to."""

_DECIDED_TRUE: Final = frozenset(
    {AlertState.ADJUDICATED_TRUE, AlertState.ENGAGED, AlertState.CONFIRMED_TRUE, AlertState.CONFIRMED_FALSE}
)


def advance(alert: Alert, state: AlertState, officer: str, reason: str, now: datetime) -> Alert:
    """Let an officer take an alert's next step.

    Args:
        alert: As it is now.
        state: Where it goes.
        officer: Number of the officer who decides.
        reason: Why; kept with the step.
        now: Time of the step.

    Returns:
        The alert with one step more; see `settle` for what a state leaves of it.

    Raises:
        StateError: The step does not exist, comes too late, has no reason or no officer, or the clock was set back.
    """
    _check_step(alert, officer, reason, now)
    if alert.state is AlertState.ALERT and now >= alert.decide_by:
        raise StateError(f"alert {alert.alert} was not decided by {alert.decide_by:%H:%M:%S} UTC and has expired")
    allowed = _NEXT.get(alert.state, ())
    if state not in allowed:
        raise StateError(_no_such_step(alert, state, allowed))
    return _with_step(alert, Step(state, now, officer, reason.strip()))


def correct(alert: Alert, state: AlertState, officer: str, reason: str, now: datetime) -> Alert:
    """Follow a decision by its correction; the decision stays on record.

    Args:
        alert: As it is now.
        state: What the decision should have been.
        officer: Number of the officer who corrects.
        reason: Why; mandatory.
        now: Time of the step.

    Raises:
        StateError: There is no decision to correct, it says the same, somebody has been engaged since, no reason or
            officer is given, or the clock was set back.
    """
    _check_step(alert, officer, reason, now)
    if _CORRECTS.get(alert.state) is not state:
        raise StateError(
            f"alert {alert.alert} is {_words(alert.state)}: there is no decision to correct to {_words(state)}"
        )
    return _with_step(alert, Step(state, now, officer, reason.strip(), corrects=len(alert.steps) - 1))


def expire(alert: Alert, now: datetime) -> Alert:
    """Let time end an alert that nobody decided.

    Raises:
        StateError: It was decided, or it is not time yet.
    """
    if alert.state is not AlertState.ALERT:
        raise StateError(f"alert {alert.alert} is {_words(alert.state)} and does not expire")
    if now < alert.decide_by:
        raise StateError(f"alert {alert.alert} may be decided until {alert.decide_by:%H:%M:%S} UTC")
    return _with_step(alert, Step(AlertState.EXPIRED, now, "", "nobody decided in time"))


def settle(alert: Alert) -> Alert:
    """Drop what an alert's state leaves no ground to keep (C11, C3).

    Adjudicated false: every picture and all that was read, which is the plate of somebody who is not listed; the
    entry stays, so that the decision can be read and corrected. Expired: everything but when, where and from which
    list. In the other states nothing.
    """
    if alert.state is AlertState.ADJUDICATED_FALSE:
        hit = msgspec.structs.replace(
            alert.hit, cost=0.0, aligned=(), competing=(), region_agrees=None, why="", similarity=None, margin=None
        )
        return msgspec.structs.replace(alert, hit=hit, readings=(), crop=None, scene=None, reference=None, answers=())
    if alert.state is AlertState.EXPIRED:
        hit = Hit(alert.hit.kind, Record("", ()), 0.0, 0.0, (), None, ambiguous=False, competing=(), why="")
        return msgspec.structs.replace(alert, hit=hit, readings=(), crop=None, scene=None, reference=None, answers=())
    return alert


def is_open(alert: Alert) -> bool:
    """Say whether an alert waits for its decision."""
    return alert.state is AlertState.ALERT


def is_true(alert: Alert) -> bool:
    """Say whether an alert stands adjudicated true, whatever came of it afterwards."""
    return alert.state in _DECIDED_TRUE


def is_told(alert: Alert) -> bool:
    """Say whether the desk hears of an alert's newest step: once adjudicated true, of every step from there on.

    So a correction to false follows its dispatch, and an alert that was never adjudicated true leaves nothing.
    """
    return any(step.state is AlertState.ADJUDICATED_TRUE for step in alert.steps)


def _check_step(alert: Alert, officer: str, reason: str, now: datetime) -> None:
    if not officer:
        raise StateError(f"alert {alert.alert} is decided by a named officer only")
    if not reason.strip():
        raise StateError(f"alert {alert.alert} is decided with a reason only: say why")
    newest = alert.steps[-1].at if alert.steps else alert.at
    if now < newest:
        raise StateError(f"the clock stands before the newest step of alert {alert.alert}: set it right, then decide")
    if now >= alert.keep_until:
        raise StateError(f"alert {alert.alert} was kept until {alert.keep_until:%Y-%m-%d %H:%M} UTC and is gone")


def _no_such_step(alert: Alert, state: AlertState, allowed: tuple[AlertState, ...]) -> str:
    line = f"alert {alert.alert} is {_words(alert.state)} and cannot become {_words(state)}"
    if _CORRECTS.get(alert.state) is state:
        return f"{line}: a decision is not undone; correct it, with a reason"
    if not allowed:
        return line
    return f"{line}: next is {' or '.join(_words(each) for each in allowed)}"


def _with_step(alert: Alert, step: Step) -> Alert:
    return msgspec.structs.replace(alert, state=step.state, steps=(*alert.steps, step))


def _words(state: AlertState) -> str:
    return state.value.replace("_", " ")
