"""For plugins: the table that a part is opened with as a checked record, and secrets from where nobody else reads.

What a setting means is told by the plugin. A value is never repeated in an error: it may be a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from hub.authority.files import read_private
from hub.errors import HubError, SourceError
from hub.text import plain

T = TypeVar("T")

LONGEST_SECRET: Final = 4096
"""Most bytes of a password or token."""


def read_settings(settings: Mapping[str, Any], kind: type[T]) -> T:
    """Return a plugin's table as the record that the plugin describes it with.

    Args:
        settings: `hub.backends.PluginContext.settings`.
        kind: A frozen ``msgspec.Struct``; give it ``forbid_unknown_fields=True`` so that a misspelt key is found.

    Raises:
        SourceError: A key is missing, unknown or of the wrong type; one line that names it and no value.
    """
    try:
        return msgspec.convert(dict(settings), kind)
    except msgspec.ValidationError as error:
        what, _, where = str(error).replace("`", "").partition(" - at ")
        what = re.sub(r"(?i)(invalid enum value).*", r"\1", what)
        key = where.removeprefix("$").removeprefix(".")
        what = what[:1].lower() + what[1:]
        raise SourceError(f"its settings are wrong: {plain(f'{key}: {what}' if key else what)}") from None


def read_secret(file: str, variable: str, *, what: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return a password or token from a private file or from the environment; "" where neither is named.

    Args:
        file: Absolute path of a file that only the hub's account may read (mode 0600), or "".
        variable: Name of an environment variable, or "". A file goes before it.
        what: What the secret is, for errors: ``password``.
        environ: The environment.

    Raises:
        SourceError: It is not there, others may read it, or it is no single line of text.
    """
    if file:
        if not Path(file).is_absolute():
            raise SourceError(f"the file of the {what} must be named by its whole path")
        try:
            text = read_private(Path(file), limit=LONGEST_SECRET + 1).decode()
        except HubError as error:
            raise SourceError(f"the {what} cannot be used: {error}") from error
        except UnicodeDecodeError:
            raise SourceError(f"the file of the {what} is not text") from None
    elif variable:
        if variable not in environ:
            raise SourceError(f"the {what} is not there: the environment has no {plain(variable, limit=60)}")
        text = environ[variable]
    else:
        return ""
    text = text.strip("\r\n")
    if not text or not text.isprintable() or len(text) > LONGEST_SECRET:
        raise SourceError(f"the {what} is empty, too long or holds control characters")
    return text
