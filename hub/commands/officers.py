"""`patrol-hub officer`: add and remove officers, sign in and out, change a passphrase, list them."""

from __future__ import annotations

import secrets
from pathlib import Path

import trio
from msgspec import Struct

from hub.authority.officers import Officer
from hub.authority.policy import Role, may_add_officer
from hub.authority.session_file import read_token, remove_token, write_token
from hub.authority.session_slot import remove_slot, write_slot
from hub.authority.unit_key import UnitKey
from hub.commands.acting import acting, open_configured, unlocked
from hub.commands.console import Form, ask_passphrase, emit, say, table
from hub.errors import NotSignedInError
from hub.messages import Requester
from hub.unit import Unit


class _Officers(Struct, frozen=True):
    officers: tuple[Officer, ...]


def add(number: str, *, role: str, officer: str | None, config: Path | None) -> int:
    """Add an officer."""
    return trio.run(_add, number, Role(role), officer, config)


async def _add(number: str, role: Role, officer: str | None, config: Path | None) -> int:
    async with open_configured(config) as unit:
        if not await unit.officers.list():
            return await _insert(unit, number, role, None, None)
        async with acting(unit, officer) as requester:
            may_add_officer(requester, first=False).demand()  # before anything is asked
            key = await unlocked(unit, requester)
            return await _insert(unit, number, role, requester, key)


async def _insert(unit: Unit, number: str, role: Role, by: Requester | None, key: UnitKey | None) -> int:
    passphrase = await trio.to_thread.run_sync(lambda: ask_passphrase(f"new passphrase of {number}", twice=True))
    added = await unit.officers.add(number, passphrase, role, by=by, key=key)
    say(f"officer {added.number} added as {added.role}")
    return 0


def remove(number: str, *, officer: str | None, config: Path | None) -> int:
    """Remove an officer."""
    return trio.run(_remove, number, officer, config)


async def _remove(number: str, officer: str | None, config: Path | None) -> int:
    async with open_configured(config) as unit, acting(unit, officer) as requester:
        await unit.officers.remove(number, by=requester)
        say(f"officer {number} removed")
    return 0


def passphrase(*, config: Path | None) -> int:
    """Change the passphrase of whoever is signed in."""
    return trio.run(_passphrase, config)


async def _passphrase(config: Path | None) -> int:
    async with open_configured(config) as unit, acting(unit, None) as requester:
        number = requester.officer
        old = await trio.to_thread.run_sync(ask_passphrase, f"present passphrase of officer {number}")
        new = await trio.to_thread.run_sync(lambda: ask_passphrase(f"new passphrase of {number}", twice=True))
        await unit.officers.change_passphrase(requester, old, new, keep=read_token(unit.state) or "")
        say(f"passphrase of officer {number} changed; their other sessions have ended")
    return 0


def sign_in(number: str, *, config: Path | None) -> int:
    """Open a session on this unit."""
    return trio.run(_sign_in, number, config)


async def _sign_in(number: str, config: Path | None) -> int:
    async with open_configured(config) as unit:
        passphrase = await trio.to_thread.run_sync(ask_passphrase, f"passphrase of officer {number}")
        session = await unit.officers.sign_in(number, passphrase)
        write_token(unit.state, session.token)
        if session.key is not None:
            write_slot(unit.state, session.token, session.key, secrets.token_bytes)
        minutes = session.idle.total_seconds() / 60
        say(f"officer {number} signed in as {session.requester.role}; ends after {minutes:g} minutes idle")
    return 0


def sign_out(*, config: Path | None) -> int:
    """End the session on this unit."""
    return trio.run(_sign_out, config)


async def _sign_out(config: Path | None) -> int:
    async with open_configured(config) as unit:
        token = read_token(unit.state)
        try:
            if token is None:
                raise NotSignedInError("nobody is signed in on this unit")
            requester = await unit.officers.sign_out(token)
        finally:
            remove_slot(unit.state)
            remove_token(unit.state)
        say(f"officer {requester.officer} signed out")
    return 0


def list_officers(*, config: Path | None, form: Form) -> int:
    """List officers without secrets."""
    return trio.run(_list, config, form)


async def _list(config: Path | None, form: Form) -> int:
    async with open_configured(config) as unit:
        officers = await unit.officers.list()
    if form == "json":
        emit(_Officers(officers))
    elif officers:
        rows = [("NUMBER", "ROLE", "SIGNED IN")]
        rows += [(each.number, each.role.value, "yes" if each.signed_in else "no") for each in officers]
        table(rows)
    else:
        say("no officer yet: patrol-hub officer add NUMBER")
    return 0
