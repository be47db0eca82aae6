"""Opens what a command acts on, and finds out who acts (C12).

An officer acts through the session that `officer sign-in` opened on this unit, or for one command with
``--officer NUMBER`` and the passphrase.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from hub.authority.session_file import read_token
from hub.authority.session_slot import read_slot
from hub.authority.unit_key import UnitKey
from hub.backends import Dispatcher
from hub.clocks import Clock, SystemClock
from hub.commands.console import ask_passphrase
from hub.config import Settings, load_config, state_folder
from hub.errors import NotAllowedError, NotSignedInError
from hub.messages import Requester
from hub.unit import Unit, open_unit


@asynccontextmanager
async def open_configured(
    config: Path | None, *, clock: Clock | None = None, dispatching: bool = False
) -> AsyncIterator[Unit]:
    """Open the unit that a configuration and the environment name, for the block.

    Args:
        config: The configuration file; None for the one that the environment names.
        clock: Default the system's.
        dispatching: Load the plugins that may offer a way to the desk: a decision goes by each of them, or waits.
    """
    settings = load_config(config)
    targets: tuple[Dispatcher, ...] = ()
    if dispatching and settings.plugins_in_process:  # nobody else's code is handed a dispatch
        from hub.parts import dispatchers, installed_plugins  # most commands do without what it brings

        plugins = installed_plugins(settings)
        plugins.load_all()
        targets = dispatchers(plugins, settings, state_folder())
    async with open_unit(settings, state_folder(), clock=clock or SystemClock(), targets=targets) as unit:
        yield unit


@asynccontextmanager
async def acting(unit: Unit, officer: str | None) -> AsyncIterator[Requester]:
    """Find out who acts, for the block.

    Args:
        unit: The unit.
        officer: Number given with ``--officer``; None takes whoever is signed in.

    Raises:
        NotSignedInError: Nobody is signed in, or the session has ended.
        NotAllowedError: The passphrase is wrong.
    """
    token = read_token(unit.state)
    if officer is None:
        yield await unit.officers.check(token)
        return
    try:
        requester = await unit.officers.check(token)
    except NotSignedInError:
        requester = None
    if requester is not None and requester.officer == officer:
        yield requester
        return
    passphrase = await trio.to_thread.run_sync(ask_passphrase, f"passphrase of officer {officer}")
    session = await unit.officers.sign_in(officer, passphrase)
    try:
        yield session.requester
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 2):
            await unit.officers.sign_out(session.token)


async def unlocked(unit: Unit, requester: Requester) -> UnitKey:
    """Return the unit's key for an officer who acts: as their sign-in unlocked it, else by asking the passphrase again.

    Raises:
        NotAllowedError: The passphrase is wrong, or this officer has no slot for the key.
    """
    if (key := unit.officers.key_of(requester)) is not None:
        return key
    token, public = read_token(unit.state), await unit.officers.public_key()
    if token and public and (key := read_slot(unit.state, token, public)) is not None:
        unit.officers.adopt(requester, token, key)
        return key
    whose = f"passphrase of officer {requester.officer}"
    passphrase = await trio.to_thread.run_sync(ask_passphrase, f"{whose} once more")
    try:
        return await unit.officers.unlock(requester, passphrase)
    except NotAllowedError as error:
        # They are signed in and may not know that it was asked for, least of all by a pipe.
        raise NotAllowedError(f"{error} (the {whose} was asked for once more)") from error


async def whoever(unit: Unit, officer: str | None) -> Requester:
    """Return who is signed in, or the unit itself where nobody is and none was named: for what needs no officer."""
    if officer is None:
        try:
            return await unit.officers.check(read_token(unit.state))
        except NotSignedInError:
            return unit.itself
    async with acting(unit, officer) as requester:
        return requester


def settings_of(config: Path | None) -> Settings:
    """Return the configuration alone, for commands that open no store."""
    return load_config(config)
