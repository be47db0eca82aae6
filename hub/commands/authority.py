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
_Signs = Parameter(name="--key", help="Sign with this secret key: a file, or pkcs11:... for one on a token.")
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
def order(
    file: Path,
    *,
    key: Annotated[str | None, _Signs] = None,
    purpose: Annotated[
        Literal["missing-or-vulnerable-person", "arrest-warrant-for-a-serious-offence", "imminent-threat-to-life"]
        | None,
        Parameter(help="What faces are watched for; there is no other purpose."),
    ] = None,
    polygon: Annotated[
        str | None, Parameter(help="Place: corners as LAT,LON LAT,LON LAT,LON; the unit needs a position then.")
    ] = None,
    camera: Annotated[tuple[str, ...], Parameter(name="--camera", help="Place: a camera of --unit; repeat it.")] = (),
    unit: Annotated[str | None, Parameter(help="Name of the unit whose cameras these are.")] = None,
    begins: Annotated[str | None, Parameter(help="ISO 8601; default: now.")] = None,
    ends: Annotated[str | None, Parameter(help="ISO 8601, or 12h after it begins; at most 24 h.")] = None,
    list_: Annotated[
        str | None, Parameter(name="--list", help="The one face list: its file, or the SHA-256 of its content.")
    ] = None,
    impact_assessment: Annotated[str | None, Parameter(help="Reference of its impact assessment.")] = None,
    authorisation: Annotated[
        str | None, Parameter(help="Reference of its judicial or independent authorisation.")
    ] = None,
    identifier: Annotated[str | None, Parameter(help="Under which it is withdrawn; default: a random one.")] = None,
) -> int:
    """Make a deployment order in FILE, or sign the one that is there: one key of the authority, one of a commander."""
    from hub.commands.orders import OrderWords
    from hub.commands.orders import order as body

    words = OrderWords(
        purpose=purpose,
        cameras=camera,
        unit=unit,
        polygon=polygon,
        begins=begins,
        ends=ends,
        list_=list_,
        impact_assessment=impact_assessment,
        authorisation=authorisation,
        order=identifier,
    )
    return body(file, words, key=key)


@authority.command
def grant(
    file: Path,
    *,
    key: Annotated[str | None, _Signs] = None,
    person: Annotated[str | None, Parameter(help="Subject: a person's full name, with --born.")] = None,
    born: Annotated[str | None, Parameter(help="Day of birth, YYYY-MM-DD.")] = None,
    document: Annotated[str | None, Parameter(help="Subject: a document's number, with --country.")] = None,
    country: Annotated[str | None, Parameter(help="Issuing state of the document, three letters.")] = None,
    plate: Annotated[str | None, Parameter(help="Subject: a number plate.")] = None,
    source: Annotated[str | None, Parameter(help="The one restricted source that it opens.")] = None,
    field: Annotated[
        tuple[str, ...], Parameter(name="--field", help="A field that may come back; repeat it. No other does.")
    ] = (),
    legal_basis: Annotated[
        Literal["court-order", "written-consent"] | None, Parameter(help="What it rests on; there is nothing else.")
    ] = None,
    reference: Annotated[str | None, Parameter(help="Reference of the court order or of the written consent.")] = None,
    expires: Annotated[str | None, Parameter(help="ISO 8601, or 3d from now; at most 31 days.")] = None,
    identifier: Annotated[str | None, Parameter(help="Under which it is withdrawn; default: a random one.")] = None,
) -> int:
    """Make a grant for a restricted source in FILE, or sign the one that is there: one key of the authority."""
    from hub.commands.orders import GrantWords
    from hub.commands.orders import grant as body

    words = GrantWords(
        person=person,
        document=document,
        plate=plate,
        born=born,
        country=country,
        source=source,
        fields=field,
        legal_basis=legal_basis,
        reference=reference,
        expires=expires,
        grant=identifier,
    )
    return body(file, words, key=key)


@authority.command
def verify(folder: Path | None = None, *, config: _Config = None, format: _Json = "text") -> int:  # noqa: A002
    """Verify what this unit trusts, an order or grant in a file by it, or what an authority publishes in FOLDER.

    Exits 1 where it may not be relied on.
    """
    if folder is not None and not folder.is_dir():
        from hub.commands.orders import verify as of_file

        return of_file(folder, config=config, form=format)
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
