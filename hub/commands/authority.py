"""`patrol-hub authority`: the command group, its parameters and help.

What the commands do stands in `hub.commands.ceremony` (an authority's own machine) and `hub.commands.trusting` (a
unit), which are imported when they are called.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

authority = App(name="authority", help="Say who may publish lists and sign orders; keep a unit's trust up to date.")

_Config = Annotated[Path | None, Parameter(name="--config", help="Settings, TOML; see examples/patrol.toml.")]
_Officer = Annotated[
    str | None, Parameter(name="--officer", help="Number of the officer who acts; default: who is signed in.")
]
_Json = Annotated[Literal["text", "json"], Parameter(name="--format")]
_Signer = Annotated[str, Parameter(name="--key", help="Secret key: a file, or pkcs11:... for one on a token.")]
_Keys = Annotated[
    tuple[Path, ...],
    Parameter(name="--key", help="Public key of somebody who may sign root and targets, two at a time; repeat it."),
]
_Daily = Annotated[
    tuple[Path, ...], Parameter(name="--daily", help="Public key that signs each refresh; may lie on a machine in use.")
]


@authority.command
def init(folder: Path, *, key: _Keys, daily: _Daily) -> int:
    """Found an authority in FOLDER: who signs for it, two people at a time, and which key signs each refresh."""
    from hub.commands.ceremony import init as body

    return body(folder, key, daily)


@authority.command
def keys(folder: Path, *, key: _Keys, daily: _Daily) -> int:
    """Give the authority other keys; two signers of the old ones and two of the new ones sign it."""
    from hub.commands.ceremony import change_keys as body

    return body(folder, key, daily)


@authority.command(name="add-issuer")
def add_issuer(folder: Path, name: str, *signers: Path) -> int:
    """Let an issuer publish lists: its NAME and the public keys of its signers, at least two."""
    from hub.commands.ceremony import add_issuer as body

    return body(folder, name, signers)


@authority.command
def people(
    folder: Path,
    *,
    authority: Annotated[
        tuple[Path, ...], Parameter(name="--authority", help="Public key of who orders or grants; repeat it.")
    ],
    commander: Annotated[tuple[Path, ...], Parameter(name="--commander", help="Public key of a commander; repeat it.")],
) -> int:
    """Say who may sign orders and grants, in place of whoever could before; nobody stands in both roles."""
    from hub.commands.ceremony import set_people as body

    return body(folder, authority, commander)


@authority.command
def publish(
    folder: Path,
    file: Path,
    *,
    size: Annotated[int, Parameter(help="Entries that the authority states the list may have.")] = 0,
) -> int:
    """Publish a signed list in place of the issuer's older one of that name; two of its signers sign it."""
    from hub.commands.ceremony import publish as body

    return body(folder, file, size)


@authority.command
def revoke(
    folder: Path,
    *,
    list_: Annotated[tuple[str, ...], Parameter(name="--list", help="SHA-256 of a list, or its file; repeat it.")] = (),
    order: Annotated[tuple[str, ...], Parameter(name="--order", help="Identifier of an order; repeat it.")] = (),
    grant: Annotated[tuple[str, ...], Parameter(name="--grant", help="Identifier of a grant; repeat it.")] = (),
    key: Annotated[tuple[Path, ...], Parameter(name="--withdraw-key", help="Public key of a signer; repeat it.")] = (),
    issuer: Annotated[tuple[str, ...], Parameter(name="--issuer", help="Name of an issuer; repeat it.")] = (),
) -> int:
    """Withdraw lists, orders, grants, signers' keys or issuers; two signers of the authority sign it."""
    from hub.commands.ceremony import revoke as body

    return body(folder, lists=list_, orders=order, grants=grant, keys=key, issuers=issuer)


@authority.command
def renew(folder: Path, role: str) -> int:
    """Stage ROLE as it is, to be signed for another time: root, targets, or an issuer's name."""
    from hub.commands.ceremony import renew as body

    return body(folder, role)


@authority.command
def sign(folder: Path, *, key: _Signer) -> int:
    """Sign what waits in FOLDER and this key may sign; says what that is."""
    from hub.commands.ceremony import sign as body

    return body(folder, key)


@authority.command
def refresh(
    folder: Path,
    *,
    key: Annotated[
        tuple[str, ...], Parameter(name="--key", help="Secret key of --daily: a file, or pkcs11:... on a token.")
    ],
    days: Annotated[int, Parameter(help="Days for which units rely on it, at most 31.")] = 7,
) -> int:
    """Bring into force what has its signatures, for some days; repeat it before they are over."""
    from hub.commands.ceremony import refresh as body

    return body(folder, key, days)


@authority.command
def verify(folder: Path | None = None, *, config: _Config = None, format: _Json = "text") -> int:  # noqa: A002
    """Verify what this unit trusts, or what an authority publishes in FOLDER; exits 1 where it may not be relied on."""
    from hub.commands.trusting import verify as body

    return body(folder, config=config, form=format)


@authority.command
def update(
    origin: str,
    *,
    root: Annotated[
        Path | None, Parameter(name="--root", help="First root, got on a way of its own; for the first update alone.")
    ] = None,
    lists: Annotated[
        Path | None, Parameter(name="--lists", help="Folder for the lists that are published now.")
    ] = None,
    ca: Annotated[
        Path | None, Parameter(name="--ca", help="PEM file of who vouches for the server; default: the system's.")
    ] = None,
    officer: _Officer = None,
    config: _Config = None,
) -> int:
    """Take an update of the authority to this unit from ORIGIN: a folder, a stick, or an address https://..."""
    from hub.commands.trusting import update as body

    return body(origin, root=root, lists=lists, ca=ca, officer=officer, config=config)


@authority.command(name="unit-key")
def unit_key(*, config: _Config = None) -> int:
    """Print this unit's name and public key: whoever builds a face list for it needs them."""
    from hub.commands.face_lists import unit_key as body

    return body(config=config)
