"""A whole hub for the crash tests: it watches a folder, an officer looks up and decides, and it says what is durable.

Usage: ``python hub_child.py STATE PHOTOS SEED ROUNDS [print]``: acknowledges in STATE for `powercut`, or, with
``print``, on standard output, for the test that kills it. ROUNDS 0 goes on until killed. It is the public hub of
`hub.app` with the plugin of `tests.kit_plugin` for a reader; time is the system's.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path

import trio

from hub.app import Hub, Watched, open_hub
from hub.authority.files import write_file
from hub.authority.policy import Role
from hub.capture import parse_source
from hub.channels import Subscription
from hub.clocks import SystemClock
from hub.config import load_config
from hub.errors import ClosedChannelError, LaggedError
from hub.events import AlertEvent, Event
from hub.importing import import_file
from hub.lookups import typed_plate
from hub.messages import AlertState, Answer, Requester
from hub.plugins import PluginHost
from hub.testing.alerts import decide
from hub.unit import open_unit
from hub.watchlists.trust import TRUST_FILE
from tests.faults.powercut import acknowledge

OFFICER, PASSPHRASE = "4711", "first passphrase"
TRUE, FALSE = AlertState.ADJUDICATED_TRUE, AlertState.ADJUDICATED_FALSE


async def prepare(state: Path) -> None:
    """Give an empty unit what officers and issuers have given a real one: the files beside its folder.

    A kill may come between any two of these steps, so each is done where it is not done yet, and the last one is the
    mark of all.
    """
    prepared = trio.Path(state.parent / "prepared")
    if await prepared.exists():
        return
    settings = load_config(state.parent / "patrol.toml")
    plugins = PluginHost(in_process=None, off=settings.plugins_off)
    plugins.load_all()
    async with open_unit(settings, state, clock=SystemClock()) as unit:
        if not await unit.officers.list():
            await unit.officers.add(OFFICER, PASSPHRASE, Role.SUPERVISOR)
        requester = (await unit.officers.sign_in(OFFICER, PASSPHRASE)).requester
        write_file(state / TRUST_FILE, await trio.Path(state.parent / "trusted").read_bytes())
        await import_file(unit, plugins, "wanted_persons", state.parent / "list.json", requester)
    await prepared.touch()


async def work(state: Path, photos: Path, seed: int, rounds: int, say: Callable[[str], None]) -> None:
    """Run the hub over the photos again and again; each time one officer decides and another task looks up."""
    settings, rng = load_config(state.parent / "patrol.toml"), random.Random(seed)
    await prepare(state)
    for number in itertools.count():
        if rounds and number == rounds:
            return
        watched = (Watched(f"camera{seed}x{number}", parse_source(str(photos))),)
        async with open_hub(settings, state, watched, clock=SystemClock(), until_end=True) as hub:
            session = await hub.unit.officers.sign_in(OFFICER, PASSPHRASE)
            with hub.events.subscribe() as events:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_decide, hub, events, session.requester, rng, say)
                    nursery.start_soon(_look_up, hub, session.requester, say)
                    await hub.run(trio.Event())
            # The copy is kept outside of what a crash can touch.
            witness = state.parent / f"witness-{seed}-{number}"
            await trio.Path(witness).write_text(await hub.unit.log.checkpoint(), encoding="utf-8")
            say(f"witness {witness.name}")


async def _decide(
    hub: Hub, events: Subscription[Event], requester: Requester, rng: random.Random, say: Callable[[str], None]
) -> None:
    while True:
        try:
            event = await events.receive()
        except LaggedError:
            continue
        except ClosedChannelError:
            return
        if not isinstance(event, AlertEvent) or event.state is not AlertState.ALERT:
            continue
        say(f"alert {event.alert} alert")
        decision = rng.choice((TRUE, TRUE, FALSE))
        await decide(hub.unit.alerts, requester, event.alert, decision, "seen")
        say(f"alert {event.alert} {decision.value}")
        if decision is TRUE and rng.random() < 0.3:
            await decide(hub.unit.alerts, requester, event.alert, FALSE, "another car", correction=True)
            say(f"alert {event.alert} {FALSE.value}")


async def _look_up(hub: Hub, requester: Requester, say: Callable[[str], None]) -> None:
    async def deliver(answer: Answer) -> None:
        say(f"answer {answer.lookup} {answer.source}")

    for plate in ("1234BCD", "5678FGH"):
        request = hub.lookups.request(typed_plate(plate), requester, "stop")
        await hub.lookups.on_request(request, deliver)
        say(f"lookup {request.lookup} done")


def main() -> None:
    """Read the arguments and work."""
    state, photos, seed, rounds = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    os.umask(0o077)
    if sys.argv[5:] == ["print"]:
        trio.run(work, state, photos, seed, rounds, lambda text: print(text, flush=True))
    else:
        trio.run(work, state, photos, seed, rounds, lambda text: acknowledge(state, text))


if __name__ == "__main__":
    main()
