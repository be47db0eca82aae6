"""`patrol-hub doctor`: is it working, and what is to be mended. It changes nothing and looks nobody up."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

import trio
from msgspec import Struct

from hub.answering import Answering
from hub.app import Hub, open_hub
from hub.audit.reading import read_entries
from hub.audit.verify import verify_log
from hub.clocks import SystemClock
from hub.commands.console import Form, emit, note, say
from hub.commands.explain import numbered
from hub.config import Settings, load_config, state_folder
from hub.errors import HubError, StoreError
from hub.events import SourceState
from hub.health import source_state
from hub.isolation.limits import guards
from hub.messages import Reach
from hub.models import check_models
from hub.parts import installed_plugins, translator_specs
from hub.phrasebook.book import load_phrasebook
from hub.phrasebook.signing import translators_of
from hub.phrasebook.speaking import speaker
from hub.plates.budget import CostLimit
from hub.plates.grammar import load_grammars
from hub.plugins import PluginHost, PluginState
from hub.sources import OPEN_SECONDS
from hub.unit import AUDIT_FILE, origin_of
from hub.watchlists.locked import LockedMemory
from hub.watchlists.put_back import put_back
from hub.watchlists.trust import TRUSTED_FOLDER
from hub.watchlists.trusted import open_trusted

DUE: Final = timedelta(days=1)
"""Before the end of what the authority says, in which a newer update is asked for."""
LEAST_FREE: Final = 200_000_000
"""Bytes of free disk under which look-ups will soon stop because the log cannot be written."""


class Check(Struct, frozen=True):
    """One thing that was looked at."""

    what: str
    ok: bool
    detail: str


class Limit(Struct, frozen=True):
    """Cost limit of one list, and what it leads to one to expect."""

    source: str
    limit: CostLimit


class Diagnosis(Struct, frozen=True):
    """What ``doctor --format json`` prints."""

    ok: bool
    checks: tuple[Check, ...]
    sources: tuple[SourceState, ...]
    limits: tuple[Limit, ...]


def doctor(*, config: Path | None, development: bool, form: Form) -> int:
    """Check everything that can be checked without a camera."""
    diagnosis = trio.run(partial(_diagnose, config, development=development))
    if form == "json":
        emit(diagnosis)
        return 0 if diagnosis.ok else 1
    for check in diagnosis.checks:
        say(f"{'ok  ' if check.ok else 'MEND'}  {check.what}: {check.detail}")
    for source in diagnosis.sources:
        say(_source(source))
    for each in diagnosis.limits:
        say(f"hot-list {each.source}: cost limit {each.limit.limit:.2f} nats; {each.limit.describe()}")
    return 0 if diagnosis.ok else 1


def _source(source: SourceState) -> str:
    size = numbered(source.entries, "entry", "entries") if source.entries >= 0 else "entries unknown"
    expires = f", expires {source.expires}" if source.expires else ""
    marks = ", UNSIGNED DEVELOPMENT LIST" if source.development else ""
    return f"source {source.source}: {source.reach}, {size}{expires}{marks}"


async def _diagnose(config: Path | None, *, development: bool) -> Diagnosis:
    settings = load_config(config)
    state = state_folder()
    plugins = installed_plugins(settings)
    checks = [*_models(), _disk(state), _grammars()]
    async with open_hub(
        settings,
        state,
        clock=SystemClock(),
        development=development,
        plugins=plugins,
        say=note,
        patience=OPEN_SECONDS,
    ) as hub:
        checks += _plugins(plugins)
        checks.append(_isolation(plugins, settings))
        checks += [_clock(hub), await _officers(hub), await trio.to_thread.run_sync(_face_lists, hub)]
        checks.append(await trio.to_thread.run_sync(_authority, hub))
        checks.append(await _answering(plugins, settings, state))
        statuses = hub.sources.statistics()
        checks += [Check(f"source {each.name}", each.usable, each.detail or "answers") for each in statuses]
        sources = tuple(source_state(status) for status in statuses)
        limits = tuple(
            Limit(each.name, each.limit)
            for each in statuses
            if each.limit is not None and each.reach is Reach.AUTOMATIC
        )
    checks.append(await trio.to_thread.run_sync(_log, state, origin_of(settings.unit)))
    return Diagnosis(all(check.ok for check in checks), tuple(checks), sources, limits)


def _models() -> Iterator[Check]:
    for each in check_models().checks:
        yield Check(f"model {each.model.name}", each.good, each.detail or f"SHA-256 {each.model.sha256[:16]}")


def _disk(state: Path) -> Check:
    free = shutil.disk_usage(state).free
    return Check("disk", free >= LEAST_FREE, f"{free // 1_000_000} MB free for {state}")


def _grammars() -> Check:
    book = load_grammars()
    return Check("plate grammars", True, numbered(len({pattern.code for pattern in book.patterns}), "jurisdiction"))


def _plugins(plugins: PluginHost) -> Iterator[Check]:
    for info in plugins.list():
        if info.state is not PluginState.NOT_LOADED:
            detail = info.reason or ", ".join(info.parts)
            yield Check(f"plugin {info.name}", info.state is PluginState.LOADED, detail)


def _isolation(plugins: PluginHost, settings: Settings) -> Check:
    """Say what keeps third parties' plugins apart; what is missing is to be mended only where there is one."""
    there = guards()
    enough = there.landlock > 0 or (there.root and bool(settings.isolation.user))
    apart = [info.name for info in plugins.list() if info.isolated]
    what = f"third parties' plugins: {', '.join(apart)}" if apart else "no plugin of a third party is installed"
    missing = "" if enough else "; nothing would keep one from the hub's files, so none is started"
    return Check("isolation", enough or not apart, f"{there.describe()}; {what}{missing}")


async def _answering(plugins: PluginHost, settings: Settings, state: Path) -> Check:
    """Say how somebody can be answered in another language. All of it may be missing: nothing has to be mended."""
    book = load_phrasebook()
    signed = translators_of(state, book)
    answering = Answering(translator_specs(plugins, settings, state))
    offers = await answering.offers()
    await answering.aclose()
    told = [f"phrasebook version {book.version}, {len(signed)} of {numbered(len(book.languages), 'language')} signed"]
    told.append("spoken by espeak-ng" if speaker() else "not spoken: espeak-ng is not installed")
    for offer in offers:
        pairs = ", ".join(f"{pair.source} to {pair.target}" for pair in offer.pairs)
        told.append(f"{offer.translator} {pairs or 'offers nothing: ' + offer.problem}")
    return Check("answering", True, "; ".join(told))


def _clock(hub: Hub) -> Check:
    # The machine's own clock: the unit's is never behind its log.
    now, newest = SystemClock().now(), hub.unit.log.newest_at
    if newest is not None and newest > now:
        behind = (newest - now).total_seconds()
        return Check("clock", False, f"{behind:.0f} s behind the newest entry of the log: set it")
    return Check("clock", True, f"{now:%Y-%m-%d %H:%M:%S} UTC")


async def _officers(hub: Hub) -> Check:
    officers = await hub.unit.officers.list()
    return Check("officers", bool(officers), numbered(len(officers), "officer") if officers else "add the first one")


def _face_lists(hub: Hub) -> Check:
    loaded = [each.header for each in hub.unit.face_lists.lists()]
    if not loaded:
        return Check("face lists", True, "none loaded")
    try:
        LockedMemory(max(header.entries * header.numbers * 4 for header in loaded)).wipe()
    except StoreError as error:
        return Check("face lists", False, str(error))
    names = ", ".join(f"{header.name} until {header.expires:%Y-%m-%d %H:%M} UTC" for header in loaded)
    return Check("face lists", True, names)


def _authority(hub: Hub) -> Check:
    """Say whether what the authority says is in force; a refresh that is due soon is told before it is too late."""
    now = hub.unit.clock.now()
    try:
        trusted = open_trusted(hub.unit.state / TRUSTED_FOLDER)
        problem = put_back(trusted, read_entries(hub.unit.state / AUDIT_FILE))
    except HubError as error:
        return Check("authority", False, str(error))
    if problem or trusted is None:
        return Check(
            "authority",
            not problem,
            problem or "none followed: hot-lists count by `watchlist trust`, no face list does",
        )
    update = f"update {trusted.versions[1]} until {trusted.expires:%Y-%m-%d %H:%M} UTC"
    soon = now >= trusted.expires - DUE
    return Check("authority", not soon, trusted.standing(now) or f"{update}{'; take a newer one' if soon else ''}")


def _log(state: Path, origin: str) -> Check:
    result = verify_log(state / AUDIT_FILE, origin=origin)
    return Check("log", result.first_bad is None, f"{numbered(result.entries, 'entry', 'entries')}; {result.reason}")
