"""The composition root: opens a unit's stores, plugins, models and sources, and makes a hub of them.

Nobody imports this but the commands and tests. What the hub then does is in `hub.running`.
"""

from __future__ import annotations

import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

import trio

from hub.answering import Answering
from hub.audit.records import ListPayload
from hub.clocks import Clock
from hub.config import Settings
from hub.granted import GrantBook
from hub.hearing import SpeechParts
from hub.listening import OpenMicrophone, open_portaudio
from hub.lookups import Lookups
from hub.messages import (
    Act,
    Alert,
    Entry,
    Requester,
)
from hub.parking import Parking
from hub.parts import (
    dispatchers,
    installed_plugins,
    open_face_detector,
    open_grammars,
    open_plate_reader,
    open_transcriber,
    open_voice_detector,
    source_specs,
    translator_specs,
)
from hub.picturing import Picturing
from hub.plugins import PluginHost
from hub.probing import ProbeDesk
from hub.running import Ended, Hub, Watched
from hub.sources import PATIENCE, SourceStatus, open_sources
from hub.unit import Unit, new_identifier, open_unit
from hub.watchlists.trust import TRUSTED_FOLDER
from hub.watchlists.trusted import TrustedReader

__all__ = ["Ended", "Hub", "Watched", "open_hub"]


@asynccontextmanager
async def open_hub(
    settings: Settings,
    state: Path,
    watched: Sequence[Watched] = (),
    *,
    clock: Clock,
    until_end: bool = False,
    development: bool = False,
    plugins: PluginHost | None = None,
    rng: random.Random | None = None,
    say: Callable[[str], None] = lambda _: None,
    listener: socket.socket | None = None,
    microphone: OpenMicrophone | None = None,
    patience: float = PATIENCE,
) -> AsyncIterator[Hub]:
    """Open a unit with its plugins and sources for the block; `Hub.run` starts the actors.

    Args:
        settings: The configuration.
        state: The state folder.
        watched: Sources of frames; none for look-ups alone, and then no model is loaded.
        clock: Wall and running time.
        until_end: Read files losslessly, and stop when all have ended.
        development: Allow unsigned lists; marked everywhere.
        plugins: Found but not loaded; default those installed.
        rng: Spreads waits of things that failed together.
        say: Gets one-line remarks for the operator.
        listener: Socket on which dashboards attach, from `hub.attach.claim_socket`; None for none.
        microphone: Opens the microphone; default the configuration's, through PortAudio.
        patience: Seconds to wait for sources that no read is compared with; see `open_sources`.

    Raises:
        HubError: A store, the log, the models or a plugin that is needed cannot be opened.
    """
    book = open_grammars(settings)
    plugins = plugins or installed_plugins(settings)
    plugins.load_all()
    follow: list[Callable[[Alert, Requester], Awaitable[None]]] = []

    async def follow_up(alert: Alert, requester: Requester) -> None:
        for each in follow:
            await each(alert, requester)

    picturing = Picturing(partial(open_face_detector, plugins, settings, state))
    targets = dispatchers(plugins, settings, state)
    async with open_unit(
        settings, state, clock=clock, follow_up=follow_up, picturing=picturing, targets=targets
    ) as unit:
        parking = Parking(plugins, state, log=unit.log, clock=unit.clock, unit=settings.unit, say=say)
        await parking.account()
        answering = Answering(translator_specs(plugins, settings, state))
        probes = ProbeDesk(unit, plugins, unit.officers.key_of)
        reader = None
        if watched:
            reader = await trio.to_thread.run_sync(open_plate_reader, plugins, settings, state)
        try:
            async with open_sources(
                source_specs(plugins, settings, state, development=development),
                clock=unit.clock,
                book=book,
                per_ten_thousand=settings.plates.reading.false_alerts_per_ten_thousand,
                patience=patience,
                on_opened=partial(_on_opened, unit, parking),
                on_ended=partial(_account_end, unit),
            ) as sources:
                lookups = Lookups(
                    sources,
                    log=unit.log,
                    clock=unit.clock,
                    unit=settings.unit,
                    identify=new_identifier,
                    retention=unit.retention,
                    grants=GrantBook(TrustedReader(state / TRUSTED_FOLDER).current),
                )

                await lookups.erase_due()
                hub = Hub(
                    unit,
                    sources,
                    lookups,
                    book,
                    reader,
                    watched,
                    parking.parked(),
                    until_end=until_end,
                    development=development,
                    rng=rng or random.Random(),  # noqa: S311  # spreads waits
                    say=say,
                    listener=listener,
                    answering=answering,
                    probes=probes,
                    speech=SpeechParts(
                        partial(open_transcriber, plugins, settings, state),
                        partial(open_voice_detector, plugins, settings, state),
                        microphone or open_portaudio(settings.speech.device),
                    ),
                )
                follow.append(hub.follow_up)
                parking.on_parked = hub.plugin_parked
                yield hub
        finally:
            await answering.aclose()
            picturing.close()
            probes.close()
            if reader is not None:
                reader.close()


async def _on_opened(unit: Unit, parking: Parking, status: SourceStatus) -> None:
    if status.parked:
        await parking.park(status.plugin, status.detail)
        return
    if status.usable:
        parking.works(status.plugin)
    await _account_list(unit, status)


async def _account_list(unit: Unit, status: SourceStatus) -> None:
    """Enter a closed list that is about to be used, or that was refused, in the log; registers are none."""
    if not status.info.list_digest and status.usable:
        return
    act, outcome = (Act.LIST_OPENED, "opened") if status.usable else (Act.LIST_REFUSED, "refused")
    await _enter_list(unit, status, act, outcome)


async def _account_end(unit: Unit, status: SourceStatus) -> None:
    """Enter a closed list that has expired while it was open."""
    await _enter_list(unit, status, Act.LIST_ENDED, "expired")


async def _enter_list(unit: Unit, status: SourceStatus, act: Act, outcome: str) -> None:
    payload = ListPayload(
        source=status.name,
        digest=status.info.list_digest,
        entries=max(0, status.info.entries),
        expires=datetime.fromisoformat(status.info.expires) if status.info.expires else None,
        development=status.info.development,
        reason="" if status.usable else status.detail,
    )
    entry = Entry(act, unit.clock.now(), unit.itself, outcome, payload, source=status.name)
    await unit.log.append(entry)
