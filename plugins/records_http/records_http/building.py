"""A request from its template: what is asked goes in as whole values, encoded where it goes. Pure functions.

A value becomes one step of the path, one value behind the question mark or one text of the JSON body. It never is a
header, a name, or a part of a template, and is not looked at for placeholders again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

from hub.errors import SourceError
from hub.messages import PersonQuery, PlateQuery, Subject
from records_http.settings import RequestSettings


class Request(Struct, frozen=True):
    """What is sent."""

    method: str
    target: str
    """Path and query, percent-encoded ASCII."""
    body: bytes


def build(template: RequestSettings, subject: Subject) -> Request:
    """Return the request for a subject.

    Raises:
        SourceError: The subject lacks what the path needs, or cannot stand in one.
    """
    values = _values(subject)
    try:
        steps = "/".join(_step(values.get(step, step)) for step in template.path)
        asked = {name: values.get(value, value) for name, value in template.query.items()}
        pairs = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in asked.items() if value)
        body = msgspec.json.encode(_fill(template.body, values)) if template.method == "POST" else b""
    except UnicodeEncodeError:
        raise SourceError("what was asked holds characters that cannot be sent") from None
    return Request(template.method, f"/{steps}{'?' if pairs else ''}{pairs}", body)


def _values(subject: Subject) -> dict[str, str]:
    if isinstance(subject, PlateQuery):
        return {"{plate}": subject.readings[0].plate if subject.readings else ""}
    if isinstance(subject, PersonQuery):
        born = subject.birth_date
        return {"{name}": subject.name, "{birth_date}": born.isoformat() if born else ""}
    return {"{number}": subject.number, "{country}": subject.country}


def _step(text: str) -> str:
    if text in {"", ".", ".."}:  # these would walk to another path
        raise SourceError("what was asked cannot stand in this service's path")
    return quote(text, safe="")


def _fill(template: object, values: Mapping[str, str]) -> Any:  # noqa: ANN401  # whatever JSON holds
    """Return a template with its placeholders filled; keys whose value is not known are left out."""
    if isinstance(template, dict):
        filled = {key: _fill(inner, values) for key, inner in template.items()}
        return {key: inner for key, inner in filled.items() if inner is not None}
    if isinstance(template, list | tuple):
        return [_fill(inner, values) for inner in template]
    if isinstance(template, str) and template in values:
        return values[template] or None
    return template
