"""What the operator says of a service: where it is, how the hub is known there, what is sent and what comes back.

::

    [lookups.sources.rdw]
    uses = "records_http"
    reach = "on_request"             # undeclared it is restricted
    deadline = 4.0
    [lookups.sources.rdw.settings]
    address = "https://opendata.rdw.nl"
    seconds = 3.5                    # for the whole of one call; less than the deadline
    [lookups.sources.rdw.settings.plate]                 # or person, or document
    path = ["resource", "m9d7-ebf2.json"]
    query = { kenteken = "{plate}" }
    entry = "/kenteken"
    [lookups.sources.rdw.settings.plate.fields]          # field of the closed schema = where it stands in a record
    plate = "/kenteken"
    make = "/merk"
    insurance_status = { at = "/wam_verzekerd", values = { Ja = "insured", Nee = "uninsured" } }

Whole examples are in ``examples/``. A placeholder such as ``{plate}`` is a whole value or a whole step of the path,
never a part of one; what it stands for is encoded where it goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from hub.documents import NUMBERS
from hub.errors import SourceError
from hub.messages import SubjectKind
from hub.plugin_settings import read_settings
from hub.records import RULES
from hub.text import plain

Pointer = Annotated[str, Meta(pattern=r"^(/[^\x00]*)?$", max_length=200)]
"""A place in JSON after RFC 6901: ``/data/0/make``; ``""`` for the whole."""

PLACEHOLDERS: Final[Mapping[SubjectKind, frozenset[str]]] = MappingProxyType(
    {
        SubjectKind.PLATE: frozenset({"{plate}"}),
        SubjectKind.PERSON: frozenset({"{name}", "{birth_date}"}),
        SubjectKind.DOCUMENT: frozenset({"{number}", "{country}"}),
    }
)
"""What a request may hold of what is asked."""

FOUND_BY: Final[Mapping[SubjectKind, frozenset[str]]] = MappingProxyType(
    {
        SubjectKind.PLATE: frozenset({"plate"}),
        SubjectKind.PERSON: frozenset({"family_name"}),
        SubjectKind.DOCUMENT: frozenset(NUMBERS),
    }
)
"""Fields of which an answer needs one, or the hub could not tell whether it is about what was asked."""

_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,60}")
_OWN_HEADERS: Final = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "accept", "accept-encoding"}
)


class FieldSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a field comes from, where that takes more than a pointer."""

    at: Pointer | None = None
    """Its place in a record."""
    values: dict[str, str] = {}
    """What the service says, and what the hub calls it; anything else is left out."""
    always: str = ""
    """What it is in every record; in place of `at`."""


class RequestSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of request: the tables ``plate``, ``person`` and ``document``."""

    fields: dict[str, Pointer | FieldSettings]
    """Fields of the hub's closed schema, and where each stands in a record."""
    method: Literal["GET", "POST"] = "GET"
    """A GET that failed is sent again; a POST never is."""
    path: tuple[str, ...] = ()
    """Steps of the path; each is encoded by itself."""
    query: dict[str, str] = {}
    """What stands behind the question mark."""
    body: dict[str, Any] = {}
    """What is sent as JSON with a POST."""
    records: Pointer = ""
    """Where in the answer the record or the list of records stands."""
    entry: Pointer = ""
    """Where in a record its identifier stands; "" numbers the records."""
    none: tuple[Annotated[int, Meta(ge=200, le=499)], ...] = ()
    """Status codes that mean that there is no such record; without any, an empty list says so."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The table of a service."""

    address: Annotated[str, Meta(max_length=300)]
    """``https://host`` or ``https://host:port``."""
    plate: RequestSettings | None = None
    """How it is asked about a plate, `{plate}`."""
    person: RequestSettings | None = None
    """How it is asked about a person, `{name}` and `{birth_date}`."""
    document: RequestSettings | None = None
    """How it is asked about a document, `{number}` and `{country}`."""
    root_certificate: str = ""
    """File of the certificates that vouch for the service; "" for the system's."""
    client_certificate: str = ""
    """File with the hub's own certificate, where the service asks for one."""
    client_key: str = ""
    """Its key, readable by the hub's account alone."""
    token_file: str = ""
    """File with a token, readable by the hub's account alone."""
    token_variable: str = ""
    """Environment variable with the token, where there is no file."""
    token_header: str = "authorization"  # noqa: S105  # no secret: its name
    """Header that carries the token."""
    token_scheme: str = "Bearer"  # noqa: S105
    """Word before the token; "" for none."""
    headers: dict[str, str] = {}
    """Headers that are the same in every request."""
    seconds: Annotated[float, Meta(gt=0, le=60)] = 1.8
    """For the whole of one call, retries included; keep it below the source's deadline."""
    attempts: Annotated[int, Meta(ge=1, le=5)] = 3
    """How often a GET is sent at most."""
    largest: Annotated[int, Meta(ge=1000, le=4_000_000)] = 1_000_000
    """Most bytes of an answer."""

    def requests(self) -> dict[SubjectKind, RequestSettings]:
        """Return what is sent for each kind that the service answers."""
        tables = {SubjectKind.PLATE: self.plate, SubjectKind.PERSON: self.person, SubjectKind.DOCUMENT: self.document}
        return {kind: table for kind, table in tables.items() if table is not None}


def load(settings: Mapping[str, Any]) -> Settings:
    """Return the checked settings of a service.

    Raises:
        SourceError: They are wrong; one line that names the key.
    """
    loaded = read_settings(settings, Settings)
    _check_address(loaded.address)
    if bool(loaded.client_certificate) != bool(loaded.client_key):
        raise _wrong("client_certificate and client_key belong together")
    for key in ("root_certificate", "client_certificate", "client_key"):
        file = getattr(loaded, key)
        if file and not (Path(file).is_absolute() and Path(file).is_file()):
            raise _wrong(f"{key} is no file; name it by its whole path")
    if loaded.client_key and Path(loaded.client_key).stat().st_mode & 0o077:
        raise _wrong("client_key can be read by others: give it mode 0600")
    for name, value in {**loaded.headers, loaded.token_header: loaded.token_scheme}.items():
        if not _HEADER.fullmatch(name) or name.lower() in _OWN_HEADERS or not (value.isascii() and value.isprintable()):
            raise _wrong(f"{plain(name, limit=40)} is no header that can be set")
    if not loaded.requests():
        raise _wrong("it needs a table plate, person or document")
    for kind, request in loaded.requests().items():
        _check_request(kind, request)
    return loaded


def texts_of(value: object) -> Iterator[str]:
    """Yield every text of a request's body."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts_of(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts_of(inner)


def _check_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        good = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise _wrong("address must be https://host or https://host:port: nothing is asked without TLS")
    if parts.username or parts.password or parts.path.strip("/") or parts.query or parts.fragment:
        raise _wrong("address holds more than host and port: a path goes to path, a token to token_file")


def _check_request(kind: SubjectKind, request: RequestSettings) -> None:
    where = kind.value
    if unknown := sorted(set(request.fields) - set(RULES)):
        raise _wrong(f"{where}.fields: {plain(unknown[0], limit=40)} is no field of the hub's closed schema")
    if not FOUND_BY[kind] & set(request.fields):
        raise _wrong(f"{where}.fields needs {' or '.join(sorted(FOUND_BY[kind]))}, to tell what an answer is about")
    if request.method == "GET" and request.body:
        raise _wrong(f"{where}.body: a GET has none; set method to POST")
    if any(step in {"", ".", ".."} for step in request.path):
        raise _wrong(f"{where}.path: a step is empty or made of dots")
    texts = [*request.path, *request.query.values(), *texts_of(request.body)]
    for text in texts:
        if ("{" in text or "}" in text) and text not in PLACEHOLDERS[kind]:
            there = ", ".join(sorted(PLACEHOLDERS[kind]))
            raise _wrong(
                f"{where}: {plain(text, limit=40)} is no placeholder; there are {there}, each as a whole value"
            )
    if not PLACEHOLDERS[kind] & set(texts):
        raise _wrong(f"{where}: the request asks for nothing: none of {', '.join(sorted(PLACEHOLDERS[kind]))} is in it")


def _wrong(what: str) -> SourceError:
    return SourceError(f"its settings are wrong: {what}")
