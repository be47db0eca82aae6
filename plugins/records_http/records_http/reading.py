"""Records out of an answer's JSON: bounded, and nothing but what the mapping names. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from hub.backends import SourceRecord
from hub.errors import SourceError
from records_http.settings import FieldSettings, RequestSettings

DEEPEST: Final = 32
"""Levels of nesting of an answer."""
MOST_VALUES: Final = 100_000
"""Values of an answer."""
MOST_RECORDS: Final = 1_000
"""Records of an answer."""


def read_answer(body: bytes, template: RequestSettings) -> list[SourceRecord]:
    """Return the records of an answer.

    Raises:
        SourceError: It is no JSON, too deep or too large, or has no records where they should be.
    """
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        raise SourceError("the service answered with something that is no JSON") from None
    _bound(answer)
    found = point(answer, template.records)
    if isinstance(found, dict):
        found = [found]
    if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
        raise SourceError(f"the service's answer has no records at {template.records or 'its top'}")
    if len(found) > MOST_RECORDS:
        raise SourceError(f"the service answered with over {MOST_RECORDS} records")
    return list(_records(found, template))


def point(value: object, pointer: str) -> Any:  # noqa: ANN401  # whatever JSON holds
    """Return what stands at a place in JSON (RFC 6901), or None where nothing does."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isascii() and name.isdigit() and len(name) < 7 and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def _records(found: list[dict[str, Any]], template: RequestSettings) -> Iterator[SourceRecord]:
    for number, record in enumerate(found, start=1):
        entry = _text(point(record, template.entry)) if template.entry else ""
        yield SourceRecord(entry or str(number), {name: _field(record, at) for name, at in template.fields.items()})


def _field(record: dict[str, Any], at: str | FieldSettings) -> str | None:
    if isinstance(at, str):
        return _text(point(record, at)) or None
    if at.always:
        return at.always
    text = _text(point(record, at.at)) if at.at is not None else ""
    return (at.values.get(text) if at.values else text) or None


def _text(value: object) -> str:
    """Return a scalar of JSON as text, "" for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int) and abs(value) < 10**18:
        return str(value)
    return repr(value) if isinstance(value, float) and math.isfinite(value) else ""


def _bound(answer: object) -> None:
    level, depth, count = [answer], 0, 0
    while level:
        depth += 1
        count += len(level)
        if depth > DEEPEST or count > MOST_VALUES:
            raise SourceError(f"the service's answer is over {DEEPEST} levels deep or has over {MOST_VALUES} values")
        below: list[object] = []
        for value in level:
            if isinstance(value, dict):
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
        level = below
