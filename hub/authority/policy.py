"""The only place that answers "may I?" (C5, C6, C12).

Pure: it gets what is known and says yes or no with the reason in the charter's terms. It does not check sessions
(`hub.authority.officers` turns a token into a `Requester`) and it does not log; whoever asks does both.

Roles, and what each may do:

================  ========  ===========  =======  =============  ===============
role              look up   decide       import   read the log   manage officers
================  ========  ===========  =======  =============  ===============
officer           yes       yes          yes      yes
supervisor        yes       yes          yes      yes            yes
administrator                            yes                     yes
================  ========  ===========  =======  =============  ===============

The log says whom officers looked up, so that whoever only administers a unit verifies and reports it, and reads none.

The first officer of a unit is added without anybody signed in, and is at least a supervisor, or nobody could add the
second. Nobody removes themselves, so that somebody stays who can. A unit by itself has no role here: it looks plates up
on automatic sources and raises alerts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from hub.authority.adjudication import is_true
from hub.authority.subjects import names_subject
from hub.errors import NotAllowedError, NotSignedInError
from hub.messages import (
    Alert,
    AlertState,
    OrderReason,
    OrderStanding,
    Reach,
    Requester,
    Subject,
    TakingPart,
)

if TYPE_CHECKING:
    from hub.authority.grants import Grant  # whoever has one has loaded what reads signatures

UNIT_ROLE: Final = "unit"
"""What stands in place of a role where the unit itself acts."""


class Role(StrEnum):
    """What an officer is on this unit."""

    OFFICER = "officer"
    SUPERVISOR = "supervisor"
    ADMINISTRATOR = "administrator"


class Right(StrEnum):
    """What a role may do."""

    LOOK_UP = "look things up"
    DECIDE = "see and decide alerts"
    IMPORT = "load lists and records"
    READ_LOG = "read the log"
    MANAGE = "add and remove officers"


RIGHTS: Final[Mapping[Role, frozenset[Right]]] = MappingProxyType(
    {
        Role.OFFICER: frozenset({Right.LOOK_UP, Right.DECIDE, Right.IMPORT, Right.READ_LOG}),
        Role.SUPERVISOR: frozenset(Right),
        Role.ADMINISTRATOR: frozenset({Right.IMPORT, Right.MANAGE}),
    }
)
"""The table above."""


WHY_NOT_WATCH: Final[Mapping[OrderReason, str]] = MappingProxyType(
    {
        OrderReason.NO_ORDER: "faces are watched for only under a signed deployment order, and none is loaded",
        OrderReason.NOT_BEGUN: "the order has not begun",
        OrderReason.OTHER_CAMERA: "the order does not hold for this camera",
        OrderReason.NO_FIX: "no position of the last 30 s says that the unit is in the order's place",
        OrderReason.OUTSIDE: "the unit is outside the order's place",
        OrderReason.WINDOW_OVER: "the order's time is over",
        OrderReason.WITHDRAWN: "the authority has withdrawn the order",
        OrderReason.CLOCK_SET_BACK: "the unit's clock was set back, which ends the order",
        OrderReason.LEFT_PLACE: "the unit has left the order's place, which ends the order",
        OrderReason.OTHER_LIST: "the watch-list is no longer the one that the order names",
    }
)
"""What an officer reads in place of a reason code."""


class Decision(Struct, frozen=True):
    """An answer to "may I?"."""

    allowed: bool
    reason: str
    """One line in the charter's terms; why not, or on what ground."""
    sign_in: bool = False
    """True where it is refused because nobody is signed in."""

    def demand(self) -> None:
        """Return where it is allowed.

        Raises:
            NotSignedInError: It is refused because nobody is signed in.
            NotAllowedError: It is refused.
        """
        if self.allowed:
            return
        if self.sign_in:
            raise NotSignedInError(self.reason)
        raise NotAllowedError(self.reason)


def unit_requester(unit: str) -> Requester:
    """Return the requester of what a unit does by itself."""
    return Requester(officer="", role=UNIT_ROLE, unit=unit)


def may_look_up(requester: Requester, reach: Reach, reason: str, *, alert: Alert | None = None) -> Decision:
    """Say whether a source may be asked (C5).

    Args:
        requester: The officer of a checked session, or the unit itself for an automatic look-up.
        reach: The source's.
        reason: The officer's; "" for an automatic look-up.
        alert: The alert that the look-up follows, where it follows one. Adjudicated true, it stands for a reason.
    """
    if reach is Reach.RESTRICTED:
        return _no("a restricted source is asked only under a signed grant, and none was given")
    if requester.role == UNIT_ROLE and not requester.officer:
        if reach is Reach.AUTOMATIC:
            return _yes("an automatic source: a closed list of wanted, missing or stolen")
        return _no("this source is asked only by a signed-in officer with a reason", sign_in=True)
    if refusal := _lacks(requester, Right.LOOK_UP):
        return refusal
    if alert is not None and is_true(alert):
        return _yes(f"alert {alert.alert} was adjudicated true")
    if not reason.strip():
        return _no("a look-up needs a reason: say why")
    return _yes("a signed-in officer with a reason")


def may_open_restricted(
    requester: Requester, source: str, subject: Subject, reason: str, grant: Grant | None, now: datetime
) -> Decision:
    """Say whether a restricted source may be asked about a subject (C5).

    Args:
        requester: The officer of a checked session; the unit itself never may.
        source: The source's name.
        subject: What would be asked.
        reason: The officer's; a grant stands for none.
        grant: A grant whose signature was verified for this use; None where there is none.
        now: The time, timezone-aware.
    """
    if grant is None:
        return _no("a restricted source is asked only under a signed grant, and none was given")
    if refusal := _lacks(requester, Right.LOOK_UP):
        return refusal
    if not reason.strip():
        return _no("a look-up needs a reason: say why")
    if now >= grant.expires:
        return _no(f"the grant expired at {grant.expires:%Y-%m-%d %H:%M} UTC")
    if source != grant.source:
        return _no(f"the grant {grant.grant} opens another source and not {source}")
    if not names_subject(grant.subject, subject):
        return _no(f"the grant {grant.grant} is about another subject: ask as it names the subject, in full")
    return _yes(f"the grant {grant.grant}: {grant.legal_basis.value.replace('_', ' ')} {grant.reference}")


def may_load_order(requester: Requester) -> Decision:
    """Say whether somebody may load a deployment order, so that the unit watches under it (C4, C12)."""
    return _lacks(requester, Right.LOOK_UP) or _yes("a signed-in officer")


def may_watch(standing: OrderStanding | None) -> Decision:
    """Say whether a face in a camera's picture may be compared with the watch-list (C4): only under an order in force.

    Args:
        standing: What `OrderWatch.check` has just said; None where no order is loaded.
    """
    if standing is None:
        return _no(WHY_NOT_WATCH[OrderReason.NO_ORDER])
    if not standing.in_force:
        return _no(WHY_NOT_WATCH[standing.reason])
    return _yes(f"the order {standing.order} is in force")


class WatchedCamera(Struct, frozen=True):
    """A source of frames that would be watched under an order."""

    name: str
    medium: str
    """What it is in words, such as ``folder``."""
    live: bool
    """Whether it is a camera or a stream, and no photo, folder or video file."""
    configured: bool
    """Whether the configuration has a camera of this name and source."""


def may_watch_cameras(cameras: Iterable[WatchedCamera], named: Collection[str], *, development: bool) -> Decision:
    """Say whether these cameras may be watched under an order (C4, C9): live ones, known wherever the order names them.

    Pictures in files are past captures, and a camera's name on the command line is whatever somebody typed.

    Args:
        cameras: All that the hub would watch.
        named: The cameras that the order's place names; empty where it is an area.
        development: Whether ``--development`` was given.
    """
    if development:
        return _yes("a development run, marked as one")
    for camera in cameras:
        if not camera.live:
            return _no(
                "under an order faces are compared as a live camera sees them, and "
                f"{camera.name} is a {camera.medium}: leave it out (--development allows it, marked on every screen)"
            )
        if camera.name in named and not camera.configured:
            return _no(
                f"the order names the camera {camera.name}, and the configuration's [[cameras]] has none of this name "
                "and source (--development allows it, marked on every screen)"
            )
    return _yes("live cameras alone")


def may_see_alerts(requester: Requester) -> Decision:
    """Say whether somebody may list alerts and see what they hold."""
    return _lacks(requester, Right.DECIDE) or _yes("a signed-in officer")


def may_adjudicate(requester: Requester, alert: Alert, state: AlertState, *, shown: bool) -> Decision:
    """Say whether somebody may take a step of an alert, or correct one (C6).

    Whether the step exists is `hub.authority.adjudication`'s to say.

    Args:
        requester: The officer of a checked session.
        alert: The alert as it is now.
        state: Where the step leads.
        shown: Whether the alert was put before this officer, with what explains it, since it was raised.
    """
    if refusal := _lacks(requester, Right.DECIDE):
        return refusal
    if state in (AlertState.ALERT, AlertState.EXPIRED):
        return _no("an alert is raised by the hub and expires by itself; nobody decides that")
    second_look = state in (AlertState.ADJUDICATED_TRUE, AlertState.ADJUDICATED_FALSE)
    if second_look and requester.officer == alert.raised_by:
        return _no("nobody is the second verifier of an alert that they raised: ask another officer")
    if second_look and not shown:
        return _no("nobody decides on an alert that they have not seen: look at it first")
    return _yes("a signed-in officer")


def may_read_log(requester: Requester) -> Decision:
    """Say whether somebody may read entries of the log; to verify it and to count needs nobody's leave."""
    return _lacks(requester, Right.READ_LOG) or _yes("a signed-in officer")


def may_see_authority(requester: Requester) -> Decision:
    """Say whether somebody may see on what authority the unit works: whoever is signed in, as it names nobody."""
    if not requester.officer:
        return _no("nobody is signed in: sign in with `patrol-hub officer sign-in`", sign_in=True)
    return _yes("a signed-in officer")


def may_import(requester: Requester) -> Decision:
    """Say whether somebody may load a list or take records into a source's store."""
    return _lacks(requester, Right.IMPORT) or _yes("a signed-in officer")


def may_trust(requester: Requester, *, first: bool) -> Decision:
    """Say whether somebody may hand the unit an update of what its authority says.

    Args:
        requester: The officer of a checked session.
        first: Whether it is the first, which decides whom the unit trusts from then on.
    """
    if refusal := _lacks(requester, Right.IMPORT):
        return refusal
    if first and _lacks(requester, Right.MANAGE):
        return _no(f"whom this unit trusts is decided by a supervisor or an administrator, not by an {requester.role}")
    return _yes("a signed-in officer")


def may_check_document(requester: Requester, reason: str) -> Decision:
    """Say whether the lines of a document may be checked and its number looked up."""
    if refusal := _lacks(requester, Right.LOOK_UP):
        return refusal
    if not reason.strip():
        return _no("a check needs a reason: say why")
    return _yes("a signed-in officer with a reason")


def may_check_face(requester: Requester, reason: str, part: TakingPart | None, why: str = "") -> Decision:
    """Say whether a face may be checked against one document's photo (C1, C4). How often is `metering`'s to say.

    Args:
        requester: The officer of a checked session.
        reason: The officer's.
        part: How the person takes part; None where it was not stated.
        why: Why the person is unable to take part.
    """
    if refusal := _lacks(requester, Right.LOOK_UP):
        return refusal
    if not reason.strip():
        return _no("a check needs a reason: say why")
    if part is None:
        return _no("a face is checked only where the person takes part: handed over the document, asked for it, unable")
    if part is TakingPart.UNABLE and not why.strip():
        return _no("say why the person is unable to take part")
    return _yes("a signed-in officer with a reason, and the person takes part")


def may_probe(requester: Requester, reason: str) -> Decision:
    """Say whether a face may be compared with the face list in force (C1, C4). How often is `metering`'s to say."""
    if refusal := _lacks(requester, Right.LOOK_UP):
        return refusal
    if not reason.strip():
        return _no("a probe needs a reason: say why")
    return _yes("a signed-in officer with a reason: one deliberate act")


def may_read_files(requester: Requester, reason: str) -> Decision:
    """Say whether the plates in files may be read. It needs a reason; nobody has to be signed in.

    C12 names the acts that need an officer, and this is none of them: nothing is looked up, no camera is opened, and
    the call has its entry. Who is signed in is named there; a role that may not look things up may not read either.
    """
    if requester.officer and (refusal := _lacks(requester, Right.LOOK_UP)):
        return refusal
    if not reason.strip():
        return _no("reading files needs a reason: say why")
    return _yes("files are read, with a reason")


def may_translate_files(requester: Requester) -> Decision:
    """Say whether what is said in files may be translated. As with `may_read_files` nobody has to be signed in.

    A transcript is matched against nothing and is no look-up (C12 names those); the call has its entry.
    """
    if requester.officer and (refusal := _lacks(requester, Right.LOOK_UP)):
        return refusal
    return _yes("files are translated; nothing is matched or kept")


def may_listen(requester: Requester) -> Decision:
    """Say whether a microphone or a stream may be listened to: people are heard live, so an officer answers for it."""
    return _lacks(requester, Right.LOOK_UP) or _yes("a signed-in officer")


def may_save_transcript(requester: Requester, reason: str) -> Decision:
    """Say whether an utterance may be kept beyond its session (C11)."""
    if refusal := _lacks(requester, Right.LOOK_UP):
        return refusal
    if not reason.strip():
        return _no("keeping what somebody said needs a reason: say why")
    return _yes("a signed-in officer with a reason")


def may_add_officer(requester: Requester, *, first: bool) -> Decision:
    """Say whether somebody may add an officer.

    Args:
        requester: Who adds; the unit itself where nobody is signed in.
        first: Whether the unit has no officer yet.
    """
    if first:
        return _yes("the first officer of this unit")
    return _lacks(requester, Right.MANAGE) or _yes("signed in with the right to add officers")


def may_remove_officer(requester: Requester, number: str) -> Decision:
    """Say whether somebody may remove an officer. Without whom a unit cannot be is `hub.authority.officers`' to say.

    Args:
        requester: The officer of a checked session.
        number: Of the officer who would be removed.
    """
    if refusal := _lacks(requester, Right.MANAGE):
        return refusal
    if requester.officer == number:
        return _no("nobody removes themselves: somebody must stay who may add officers")
    return _yes("signed in with the right to remove officers")


def may_change_passphrase(requester: Requester) -> Decision:
    """Say whether somebody may change a passphrase: whoever is signed in, their own."""
    if not requester.officer:
        return _no("nobody is signed in: sign in with `patrol-hub officer sign-in`", sign_in=True)
    return _yes("a signed-in officer, their own")


def first_role(role: Role) -> Role:
    """Return the role of a unit's first officer: the one asked for, but at least one that may add the second."""
    return role if Right.MANAGE in RIGHTS[role] else Role.SUPERVISOR


def _lacks(requester: Requester, right: Right) -> Decision | None:
    """Return the refusal, or None where the requester has the right."""
    if not requester.officer:
        return _no("nobody is signed in: sign in with `patrol-hub officer sign-in`", sign_in=True)
    if requester.role not in RIGHTS or right not in RIGHTS[Role(requester.role)]:
        return _no(f"the role {requester.role} may not {right.value} on this unit")
    return None


def _yes(reason: str) -> Decision:
    return Decision(allowed=True, reason=reason)


def _no(reason: str, *, sign_in: bool = False) -> Decision:
    return Decision(allowed=False, reason=reason, sign_in=sign_in)
