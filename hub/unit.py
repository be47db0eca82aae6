"""A unit's opened stores: log, officers, alerts and outbox, as the hub and every command that acts need them.

Opening is all that happens here; what the parts may do is theirs to say. The actors are put together in `hub.app`.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

import trio
from msgspec import Struct

from hub.actors.outbox import Outbox
from hub.alerts import AlertBook, FollowUp
from hub.audit.log import AuditLog, open_log
from hub.authority.files import sweep_unfinished
from hub.authority.keys import KeySigner, load_or_create_unit_key
from hub.authority.meter import METER_FILE, Meter
from hub.authority.meter import MIGRATIONS as METER_TABLES
from hub.authority.metering import limits_of
from hub.authority.officers import MIGRATIONS as OFFICER_TABLES
from hub.authority.officers import OFFICERS_FILE, OfficerStore
from hub.authority.policy import unit_requester
from hub.authority.session_file import read_token
from hub.authority.session_slot import remove_slot
from hub.backends import Dispatcher
from hub.clocks import Clock, FlooredClock, SteadyClock, boot_identifier
from hub.config import Settings
from hub.configuration import KEY_BYTES, account_configuration
from hub.dispatch_file import FileDispatcher
from hub.errors import HubError, StoreError
from hub.face_lists import FaceLists
from hub.messages import Requester
from hub.picturing import Picturing
from hub.store.alerts import ALERTS_FILE, AlertStore
from hub.store.alerts import MIGRATIONS as ALERT_TABLES
from hub.store.outbox import MIGRATIONS as OUTBOX_TABLES
from hub.store.outbox import OUTBOX_FILE, OutboxStore
from hub.store.retention import Retention, shorten
from hub.store.sqlite import open_database
from hub.watchlists.trust import TRUSTED_FOLDER

AUDIT_FILE: Final = "audit.sqlite3"
"""Name of the log in the state folder."""

TARGET_CLOSE_SECONDS: Final = 2.0
"""Longest wait for a way to the desk to let go of its connection."""
_ALPHABET: Final = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""Letters and digits that are not mistaken for one another when they are read out."""


def new_identifier(length: int = 8) -> str:
    """Return a random identifier that an officer can read out and type."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def origin_of(unit: str) -> str:
    """Return the name under which a unit's log signs its checkpoints."""
    return f"patrol-hub/{unit}"


class Unit(Struct, frozen=True, eq=False):
    """What is open while a unit works."""

    settings: Settings
    state: Path
    clock: Clock
    """Wall time that is never less than the newest entry of the log's."""
    retention: Retention
    signer: KeySigner
    log: AuditLog
    officers: OfficerStore
    alerts: AlertBook
    outbox: Outbox
    meter: Meter
    """Says when a face may be checked."""
    face_lists: FaceLists

    @property
    def itself(self) -> Requester:
        """The unit as requester of what it does by itself."""
        return unit_requester(self.settings.unit)

    async def sweep(self) -> None:
        """Destroy what the meter of face checks holds past its date, or later where another process holds the file.

        So it is with what removed officers and old passphrases left. Face lists go 24 hours after their expiry. The key
        that a session of the command line left in the runtime folder goes once that session has ended.
        """
        with suppress(StoreError):
            await self.meter.sweep()
        with suppress(StoreError):
            await self.officers.sweep()
        with suppress(HubError):
            await self._remove_ended_slot()
        with suppress(HubError):
            await self.face_lists.erase_due()

    async def _remove_ended_slot(self) -> None:
        token = read_token(self.state)
        if token and await self.officers.left(token):
            return
        # Read again: an officer may have signed in by another process meanwhile, and the slot is that session's then.
        if read_token(self.state) == token:
            remove_slot(self.state)


async def _close_all(targets: Sequence[Dispatcher]) -> None:
    for target in targets:
        with trio.move_on_after(TARGET_CLOSE_SECONDS, shield=True), suppress(Exception):
            await target.aclose()


@asynccontextmanager
async def open_unit(
    settings: Settings,
    state: Path,
    *,
    clock: Clock,
    follow_up: FollowUp | None = None,
    picturing: Picturing | None = None,
    targets: Sequence[Dispatcher] = (),
    identify: Callable[[], str] = new_identifier,
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> AsyncIterator[Unit]:
    """Open a unit's stores for the block, and do what time asks for: expire, erase, finish what a crash left.

    Args:
        settings: The configuration.
        state: The state folder, private to this account.
        clock: Wall and running time.
        follow_up: Asks registers about an alert that was adjudicated true.
        picturing: Makes the pictures of alerts; None reduces them without looking for faces first.
        targets: Where dispatches go besides the outbox folder, each with a name of its own; closed after the block.
        identify: Gives identifiers of alerts.
        random: Gives that many random bytes.

    Raises:
        ConfigError: A retention time is longer than the charter's.
        NotAllowedError: The unit's key can be read by others.
        StoreError: A store cannot be opened.
        AuditError: The log cannot be opened.
    """
    retention = shorten(settings.retention)
    signer = load_or_create_unit_key(state, origin_of(settings.unit))
    picturing = picturing or Picturing()
    dispatches = settings.outbox_folder or state / "dispatches"
    async with AsyncExitStack() as stack:
        log = await stack.enter_async_context(
            open_log(
                state / AUDIT_FILE,
                origin=origin_of(settings.unit),
                signer=signer,
                clock=clock,
                unit=settings.unit,
                retention=retention,
                random=random,
            )
        )
        officers = await stack.enter_async_context(open_database(state / OFFICERS_FILE, OFFICER_TABLES))
        alerts = await stack.enter_async_context(open_database(state / ALERTS_FILE, ALERT_TABLES))
        outgoing = await stack.enter_async_context(open_database(state / OUTBOX_FILE, OUTBOX_TABLES))
        turns = await stack.enter_async_context(open_database(state / METER_FILE, METER_TABLES))
        outbox = OutboxStore(outgoing)
        stack.push_async_callback(_close_all, targets)
        itself = unit_requester(settings.unit)
        await account_configuration(
            settings, state, log=log, clock=clock, requester=itself, fresh_key=random(KEY_BYTES)
        )
        # A clock that is set back neither revives an alert nor keeps one longer: time goes on as the machine runs.
        floored = SteadyClock(FlooredClock(clock, lambda: log.newest_at), boot=boot_identifier())
        unit = Unit(
            settings=settings,
            state=state,
            clock=floored,
            retention=retention,
            signer=signer,
            log=log,
            officers=OfficerStore(
                officers,
                log=log,
                clock=clock,
                unit=settings.unit,
                secrets=random,
                idle=timedelta(minutes=settings.session_idle_minutes),
            ),
            alerts=AlertBook(
                AlertStore(alerts),
                outbox,
                log=log,
                clock=floored,
                unit=settings.unit,
                identify=identify,
                redact=picturing.of_plate,
                redact_face=picturing.of_face,
                follow_up=follow_up,
                retention=retention,
            ),
            outbox=Outbox(
                outbox,
                [FileDispatcher(dispatches), *targets],
                log=log,
                clock=floored,
                unit=settings.unit,
            ),
            face_lists=FaceLists(state, log=log, clock=floored, unit=settings.unit, retention=retention),
            meter=Meter(turns, clock=floored, random=random, limits=limits_of(settings.checks)),
        )
        # By the machine's own clock, which is what files are dated with.
        for folder in (state, state / TRUSTED_FOLDER, dispatches):
            await trio.to_thread.run_sync(sweep_unfinished, folder, clock.now())
        with suppress(StoreError):  # held by another process: the hub that runs looks after time's work each second
            await unit.alerts.sweep()
        await unit.sweep()
        await log.erase_due()
        yield unit
