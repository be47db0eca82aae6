"""Makes a new plugin from the template that lies beside this module: `patrol-hub plugins new`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hub.errors import InputError, UsageError
from hub.plugins import NAME, SHIPPED

TEMPLATE: Final = Path(__file__).parent / "template"
"""A copier template; `copier copy` takes it as well."""


def new_plugin(name: str, folder: Path) -> tuple[Path, ...]:
    """Write a plugin that installs, loads and passes its own tests.

    Args:
        name: Of plugin, package and source.
        folder: Where it is put; made here, and not there yet.

    Returns:
        The files, relative to the folder.

    Raises:
        UsageError: The name is none for a plugin, or is taken by one that is shipped.
        InputError: The folder is there already or cannot be written.
    """
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a plugin: lower case letters, digits and _ only, a letter first")
    if name in SHIPPED or name in ("hub", "tests"):
        raise UsageError(f"the name {name} is taken: choose another")
    if folder.exists():
        raise InputError(f"{folder} is there already: nothing was written")
    import copier

    try:
        copier.run_copy(str(TEMPLATE), folder, data={"package": name}, defaults=True, quiet=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}") from error
    return tuple(sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file()))
