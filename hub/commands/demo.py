"""`patrol-hub demo`: the main job on a clip that it draws itself, from the signed list to the verified log.

It has no way into the hub that others do not have: it renders a clip, builds and imports a list as an issuer and an
officer would, runs the public hub, adjudicates the alert as a signed-in officer, and reads the figures afterwards.
"""

from __future__ import annotations

import csv
import io
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

import trio
from msgspec import Struct

from hub.app import Ended, Hub, Watched, open_hub
from hub.audit.verify import Verification, verify_log
from hub.authority.keys import create_key, load_key
from hub.authority.policy import Role
from hub.authority.session_file import write_token
from hub.capture import parse_source
from hub.channels import Subscription
from hub.clocks import SystemClock
from hub.commands.alerts import describe
from hub.commands.console import note, say, table
from hub.commands.explain import answered, counted
from hub.config import STATE_VARIABLE, Settings, state_folder
from hub.demo.clip import LISTED_PLATE, ClipFacts, render_clip
from hub.errors import ClosedChannelError, LaggedError, UsageError
from hub.events import AlertEvent, Event
from hub.importing import import_file
from hub.messages import Alert, AlertState, Reason, Requester
from hub.plugins import PluginHost
from hub.unit import AUDIT_FILE, Unit, open_unit, origin_of
from hub.watchlists.package import HOT_LIST, HotList, build_entries, build_package, sign_package
from hub.watchlists.trust import TRUST_FILE, SignerKey, Trust, add_issuer, save_trust

OFFICER: Final = "demo"
PASSPHRASE: Final = "for the demonstration alone"  # noqa: S105  # of a unit that guards nothing
ISSUER: Final = "Demonstration issuer"
SETTINGS: Final = Settings()

_WANTED: Final = (
    {
        "entry": "DEMO-1",
        "category": "stolen_vehicle",
        "plate": LISTED_PLATE,
        "region": "ES",
        "make": "Varo",
        "colour": "red",
        "legal_basis": "invented for the demonstration",
        "issuing_authority": "Demonstration issuer",
        "reference": "D-2026-1",
        "expires": "",
        "instruction": "Stop the vehicle when it is safe, and check the plate by eye first.",
    },
)
_KEEPERS: Final = (
    {
        "entry": "K-1",
        "plate": LISTED_PLATE,
        "region": "ES",
        "make": "Varo",
        "colour": "red",
        "keeper_name": "Invented Keeper",
        "insurance_status": "insured",
    },
)


class Outcome(Struct, frozen=True, eq=False):
    """What the demonstration came to."""

    clip: ClipFacts
    ended: Ended
    alert: Alert | None
    alerted_after: float
    """Seconds from the start of the run to the alert; 0 where there was none."""
    seconds: float
    """How long the run over the clip took."""
    dispatches: tuple[str, ...]
    waiting: int
    verification: Verification


def demo(*, headless: bool, without_plate: bool) -> int:
    """Run the demonstration."""
    with _state() as state, tempfile.TemporaryDirectory(prefix="patrol-hub-demo-") as folder:
        show = not headless and sys.stderr.isatty()
        return trio.run(partial(_demo, state, Path(folder), plate=None if without_plate else LISTED_PLATE, show=show))


@contextmanager
def _state() -> Iterator[Path]:
    """Give the state folder that the environment names, else one that is thrown away."""
    if os.environ.get(STATE_VARIABLE):
        yield state_folder()
        return
    with tempfile.TemporaryDirectory(prefix="patrol-hub-demo-state-") as folder:
        yield Path(folder)


async def _demo(state: Path, folder: Path, *, plate: str | None, show: bool) -> int:
    say("drawing a clip: two cars pass, one of them on a signed list")
    clip = await trio.to_thread.run_sync(partial(render_clip, folder / "street.mp4", plate=plate))
    async with open_unit(SETTINGS, state, clock=SystemClock()) as unit:
        requester = await _officer(unit)
        await _bring_lists(unit, requester, folder)
    say("running the hub on it")
    outcome = await _run(state, clip, folder, show=show)
    return _figures(outcome)


async def _officer(unit: Unit) -> Requester:
    officers = await unit.officers.list()
    if any(each.number != OFFICER for each in officers):
        raise UsageError(f"{unit.state} is the state of a real unit: the demonstration needs a folder of its own")
    if not officers:
        await unit.officers.add(OFFICER, PASSPHRASE, Role.SUPERVISOR)
    return (await unit.officers.sign_in(OFFICER, PASSPHRASE)).requester


async def _bring_lists(unit: Unit, requester: Requester, folder: Path) -> None:
    """Issue a list with two signers, trust its issuer, and import it and a register: what operators do by command."""
    expires = unit.clock.now() + timedelta(hours=1)
    trust, package = Trust(), _build(unit, expires.date().isoformat())
    signers = []
    for name in ("first signer", "second signer"):
        key = folder / f"{name.replace(' ', '-')}.pem"
        signers.append(SignerKey(name, create_key(key)))
        package = sign_package(package, load_key(key, name))
    save_trust(unit.state / TRUST_FILE, add_issuer(trust, ISSUER, signers))
    files = {"wanted_persons": folder / "wanted.json", "drivers": folder / "keepers.csv"}
    await trio.Path(files["wanted_persons"]).write_bytes(package)
    await trio.Path(files["drivers"]).write_text(_csv(_KEEPERS))
    plugins = PluginHost()
    plugins.load_all()
    for source, file in files.items():
        report = await import_file(unit, plugins, source, file, requester)
        for bad in report.bad:
            note(f"{source}, line {bad.line}: {bad.problem}")


def _build(unit: Unit, day: str) -> bytes:
    now = unit.clock.now()
    entries, refused = build_entries([{**row, "expires": day} for row in _WANTED])
    for bad in refused:
        note(f"{bad.entry}: {bad.problem}")
    # A second demonstration in the same folder brings a newer list: the version goes up with time.
    return build_package(
        HotList(
            kind=HOT_LIST,
            name="demonstration",
            issuer=ISSUER,
            authority="invented for the demonstration",
            purpose="show the hub at work",
            place="the demonstration's street",
            created=now - timedelta(minutes=1),
            expires=now + timedelta(hours=1),
            version=int(now.timestamp()),
            entries=entries,
        )
    )


def _csv(rows: tuple[dict[str, str], ...]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


async def _run(state: Path, clip: ClipFacts, folder: Path, *, show: bool) -> Outcome:
    watched = (Watched("street", parse_source(str(clip.path))),)
    async with open_hub(SETTINGS, state, watched, clock=SystemClock(), until_end=True, say=note) as hub:
        session = await hub.unit.officers.sign_in(OFFICER, PASSPHRASE)
        write_token(state, session.token)  # for whoever looks at the alerts and the log afterwards
        requester = session.requester
        started = time.monotonic()
        alerts: list[tuple[Alert, float]] = []
        with hub.events.subscribe() as subscription:
            async with trio.open_nursery() as nursery:
                if show:
                    nursery.start_soon(_progress, hub, clip.frames)
                nursery.start_soon(_adjudicate_first, hub, subscription, requester, started, alerts)
                ended = await hub.run(trio.Event())
                seconds = time.monotonic() - started
                nursery.cancel_scope.deadline = trio.current_time() + 5
        waiting = await hub.unit.outbox.flush()
        alert, after = alerts[0] if alerts else (None, 0.0)
        if alert is not None:
            alert = await hub.unit.alerts.show(requester, alert.alert)
        note_of_head = await hub.unit.log.checkpoint()
    outside = folder / "checkpoint"
    await trio.Path(outside).write_text(note_of_head, encoding="utf-8")
    verification = await trio.to_thread.run_sync(
        partial(verify_log, state / AUDIT_FILE, note_of_head, origin=origin_of(SETTINGS.unit))
    )
    dispatches = tuple(sorted(path.name for path in (state / "dispatches").glob("*.json")))
    return Outcome(clip, ended, alert, after, seconds, dispatches, waiting, verification)


async def _adjudicate_first(
    hub: Hub,
    subscription: Subscription[Event],
    requester: Requester,
    started: float,
    alerts: list[tuple[Alert, float]],
) -> None:
    """Look at each new alert as an officer would, and decide on it: true where the plate is the listed one."""
    while True:
        try:
            event = await subscription.receive()
        except LaggedError:
            continue
        except ClosedChannelError:
            return
        if not isinstance(event, AlertEvent) or event.state is not AlertState.ALERT:
            continue
        after = time.monotonic() - started
        alert = await hub.unit.alerts.show(requester, event.alert)
        for text in describe(alert):
            say(f"  {text}")
        agrees = event.plate == event.entry_plate
        decision = AlertState.ADJUDICATED_TRUE if agrees else AlertState.ADJUDICATED_FALSE
        reason = "the plate in the picture is the entry's" if agrees else "the plate in the picture is another one"
        alerts.append((await hub.unit.alerts.decide(requester, event.alert, decision, reason), after))


async def _progress(hub: Hub, frames: int) -> None:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("frames", total=frames)
        while True:
            bar.update(task, completed=sum(each.count for each in hub.ledger.snapshot() if each.stage == "frame"))
            await trio.sleep(0.1)


def _figures(outcome: Outcome) -> int:
    """Print what happened, and return the exit status."""
    alert, check = outcome.alert, outcome.verification
    if alert is not None:
        for answer in alert.answers:
            for text in answered(answer):
                say(f"  {text}")
    table(counted(outcome.ended.event.counts))
    frames = outcome.clip.frames
    each = 1000 * outcome.seconds / frames
    say(f"frames {frames}, {each:.0f} ms each; counts add up: {_yes(outcome.ended.event.balanced)}")
    reads = sum(each.count for each in outcome.ended.event.counts if each.stage == "read")
    unlisted = sum(each.count for each in outcome.ended.event.counts if each.reason is Reason.NOT_LISTED)
    say(f"reads {reads}, of these on no list and gone: {unlisted}")
    if alert is None:
        say("no alert")
    else:
        say(f"alert {alert.alert} {outcome.alerted_after:.1f} s after the start, now {alert.state.value}")
    say(f"dispatches delivered {len(outcome.dispatches)}, waiting {outcome.waiting}")
    say(f"log: {check.entries} entries; {check.reason}")
    done = (
        alert is not None
        and alert.state is AlertState.ADJUDICATED_TRUE
        and bool(outcome.dispatches)
        and check.ok
        and outcome.ended.event.balanced
    )
    say("the main job was done from end to end" if done else "the main job was NOT done")
    return 0 if done else 1


def _yes(answer: bool) -> str:
    return "yes" if answer else "NO"
