"""Writes `examples/settings.md`, the reference of every setting, from the docstrings beside the settings.

python -m tests.meta.settings_reference > examples/settings.md
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

from hub.config import Settings

HEAD = """\
# Settings

Every key of the configuration file, which `--config FILE` names, with its default. All may be left out. A mistake is
one line with its key and its place. This file is generated: `python -m tests.meta.settings_reference`.
"""


class Setting(NamedTuple):
    """One key of the configuration file."""

    table: str
    """``plates.reading``, ``[cameras]`` for an array of tables, ``lookups.sources.NAME``; "" for the top."""
    record: type[msgspec.Struct]
    field: str
    default: str
    meaning: str
    """Its docstring, "" where it has none."""


def settings(kind: type[msgspec.Struct] = Settings, table: str = "") -> Iterator[Setting]:
    """Yield every setting, the keys of a table before the tables in it."""
    hints = get_type_hints(kind)
    meanings = field_docstrings(kind)
    inner: list[tuple[type[msgspec.Struct], str]] = []
    for field in msgspec.structs.fields(kind):
        hint = hints[field.name]
        records = list(records_in(hint))
        path = f"{table}.{field.name}" if table else field.name
        if records:
            origin = get_origin(hint)
            name = (
                f"[{path}]" if origin is tuple else f"{path}.NAME" if origin is not None and records != [hint] else path
            )
            inner.append((records[0], name))
        else:
            yield Setting(table, kind, field.name, shown_default(field), meanings.get(field.name, ""))
    for record, name in inner:
        yield from settings(record, name)


def records_in(hint: Any) -> Iterator[type[msgspec.Struct]]:
    """Yield the records that a type holds."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        yield hint
    for argument in get_args(hint):
        yield from records_in(argument)


def field_docstrings(kind: type[msgspec.Struct]) -> dict[str, str]:
    """Return the docstring that stands after each field."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0].body  # type: ignore[attr-defined]
    return {
        field.target.id: " ".join(after.value.value.split())
        for field, after in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
        and isinstance(after.value.value, str)
    }


def shown_default(field: msgspec.structs.FieldInfo) -> str:
    """Return a setting's default as a table shows it."""
    if field.required:
        return "to be given"
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default  # type: ignore[misc]
    if value is None or value == () or (isinstance(value, Mapping) and not value):
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return f'"{value.value}"'
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple | frozenset):
        return "[" + ", ".join(f'"{each}"' if isinstance(each, str) else str(each) for each in value) + "]"
    return f'"{value}"' if isinstance(value, str | Path) else str(value)


def render() -> str:
    """Return the whole reference."""
    lines = [HEAD]
    table = None
    for setting in settings():
        if setting.table != table:
            table = setting.table
            lines += ["", f"## `[{table}]`" if table else "## At the top", "", "| key | default | |", "|---|---|---|"]
        meaning = setting.meaning.replace("|", "\\|").replace("``", "`")
        lines.append(f"| `{setting.field}` | {setting.default} | {meaning} |")
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


if __name__ == "__main__":
    sys.stdout.write(render())
