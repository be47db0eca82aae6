"""The first way to the desk: one JSON file a dispatch in a folder that something else carries away.

A file appears whole or not at all and is on the disk before `send` returns. The same dispatch sent again gives the
same file. The folder is created; what becomes of its files is up to whoever empties it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar, Final

import msgspec
import trio

from hub.authority.files import make_folder, write_file
from hub.backends import Dispatcher
from hub.errors import SourceUnavailableError, StoreError
from hub.messages import Dispatch

_NAME: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")


class FileDispatcher(Dispatcher):
    """Writes dispatches into a folder as ``IDENTIFIER.json``, mode 0600."""

    name: ClassVar[str] = "file"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, dispatch: Dispatch) -> None:
        """Write one dispatch, durably.

        Raises:
            SourceUnavailableError: The folder or the file cannot be written now; the outbox tries again.
        """
        # Shielded by nothing: a write that is given up leaves at most a temporary file, and the outbox sends again.
        await trio.to_thread.run_sync(self._write, dispatch, abandon_on_cancel=True)

    def _write(self, dispatch: Dispatch) -> None:
        if not _NAME.fullmatch(dispatch.dispatch):
            raise SourceUnavailableError(f"the dispatch {dispatch.dispatch!r} has no name that a file can have")
        try:
            make_folder(self._folder)
            content = msgspec.json.format(msgspec.json.encode(dispatch), indent=2) + b"\n"
            write_file(self._folder / f"{dispatch.dispatch}.json", content)
        except OSError as error:
            raise SourceUnavailableError(f"{self._folder} cannot be made: {error.strerror}") from error
        except StoreError as error:
            raise SourceUnavailableError(str(error)) from error
