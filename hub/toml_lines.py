"""On which line of a TOML text a key stands: tomllib does not say.

Works on text that tomllib has accepted; checks nothing itself. Standard library only.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Final, TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys from the root down; an integer counts the tables of an array from 0."""

_TOKEN: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"""+'  # basic text over several lines, which may end in up to two quotes of its own
    r"|'''.*?'''+"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|[\[\]{}\n]"
    r"|[^\[\]{}\n\"'\#]+",
    re.DOTALL,
)
_KEY: Final = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)\s*(\.?)""")


def line_of(text: str, path: KeyPath) -> int | None:
    """Return the line, counted from 1, that sets a key or opens a table.

    Args:
        text: TOML.
        path: The key. What stands inside of an inline table or list is found on the line of the key that holds it;
            of a key that is not there, the line of its table is given.

    Returns:
        The line of the longest part of the path that stands in the text; None where there is no part of it.
    """
    lines: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for line, statement in _statements(text):
        if statement.startswith("[["):
            array = _inside(_keys(statement[2:]), counts)
            counts[array] = counts.get(array, -1) + 1
            table = (*array, counts[array])
            here = table
        elif statement.startswith("["):
            table = _inside(_keys(statement[1:]), counts)
            here = table
        else:
            here = (*table, *_keys(statement))
        for length in range(1, len(here) + 1):
            lines.setdefault(here[:length], line)
    return next((lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in lines), None)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each header or ``key = value`` with its first line; a value over several lines is one statement."""
    line, depth, start, statement = 1, 0, 1, ""
    for found in _TOKEN.finditer(text + "\n"):
        piece = found.group()
        if piece == "\n" and depth == 0:
            if statement.strip():
                yield start, statement.strip()
            start, statement = line + 1, ""
        elif not piece.startswith("#"):
            statement += piece
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(piece, 0)
        line += piece.count("\n")


def _keys(text: str) -> tuple[str, ...]:
    """Return the parts of the dotted key with which a text begins."""
    keys: list[str] = []
    position = 0
    while found := _KEY.match(text, position):
        key = found.group(1)
        keys.append(_unquoted(key) if key[0] in "\"'" else key)
        position = found.end()
        if not found.group(2):
            break
    return tuple(keys)


def _unquoted(key: str) -> str:
    return next(iter(tomllib.loads(f"{key} = 0")))


def _inside(keys: tuple[str, ...], counts: dict[KeyPath, int]) -> KeyPath:
    """Return a header's path, with the number of the current table after each array that it goes through."""
    path: KeyPath = ()
    for position, key in enumerate(keys):
        path = (*path, key)
        if path in counts and position < len(keys) - 1:
            path = (*path, counts[path])
    return path
