"""The child process that runs one record source of a third party: ``python -m hub.isolation.child PARENT``.

It reads requests from standard input and writes replies to standard output; nothing else comes in or goes out. It
confines itself before it imports anything foreign, answers one request at a time, and ends with its parent. What the
kernel refuses it cannot do; `_Watch` only sees to it that an attempt has a name, and no wall is built on it. Deadlines
and what a failure means are the hub's business.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from hub.isolation.calls import (
    BATCH,
    LONGEST_ENTRY,
    LONGEST_NAME,
    LONGEST_PLATE,
    LONGEST_PROBLEM,
    MOST_BAD,
    MOST_FIELDS,
    MOST_ROWS,
    PLATES_BATCH,
    BadLine,
    Begin,
    Begun,
    CloseSource,
    Erased,
    EraseDue,
    Failed,
    Failure,
    Find,
    FoundRecord,
    Imported,
    ImportFile,
    ListPlates,
    OpenSource,
    Plates,
    Records,
    Reply,
    Request,
    pack,
    read_request,
    scalar,
    send_info,
    take_context,
    take_query,
)
from hub.isolation.limits import confine
from hub.isolation.pipes import LENGTH

if TYPE_CHECKING:
    from hub.backends import Importer, RecordSource

_OTHER_PROCESS: Final = re.compile(r"/proc/(\d+)(/.*)")


def main() -> None:
    """Serve one source, or its importer, until it is closed or the hub goes."""
    pipe = _Pipe()
    begin = pipe.receive()
    if not isinstance(begin, Begin):
        return
    try:
        guards = confine(begin.confinement, int(sys.argv[1]))
    except OSError as error:
        pipe.send(Failed(Failure.PLUGIN, f"its process cannot be confined: {error.strerror}"))
        return
    sys.addaudithook(_Watch(begin, pipe))
    pipe.watch()
    try:
        source = _load(begin)
    except BaseException as error:  # noqa: BLE001  # also SystemExit: a script that was taken for a plugin
        pipe.send(_failed(error, loading=True))
        return
    pipe.send(_begun(source, guards))
    with contextlib.suppress(BrokenPipeError):
        while not isinstance(request := pipe.receive(), CloseSource):
            _serve(source, request, pipe)
        with contextlib.suppress(Exception):
            source.close()  # type: ignore[union-attr]  # an importer has nothing to close


class _Pipe:
    """Both ends of the child; a plugin has neither, since standard output is none any more."""

    def __init__(self) -> None:
        self._input, self._output = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(2, 1)  # whatever a plugin prints must not get between our records
        os.close(nothing)
        self._lock = threading.Lock()
        self._waiting: queue.SimpleQueue[Request] | None = None

    def watch(self) -> None:
        """Read on in a thread of its own from now on: a source that hangs must not outlive the hub."""
        self._waiting = queue.SimpleQueue()
        threading.Thread(target=self._read_on, args=(self._waiting,), daemon=True).start()

    def _read_on(self, waiting: queue.SimpleQueue[Request]) -> None:
        while True:
            waiting.put(self._next())

    def receive(self) -> Request:
        """Return the next request; the process ends where the hub is gone."""
        return self._next() if self._waiting is None else self._waiting.get()

    def _next(self) -> Request:
        (length,) = LENGTH.unpack(self._read(LENGTH.size))
        return read_request(self._read(length))

    def _read(self, size: int) -> bytes:
        parts = []
        while size:
            part = os.read(self._input, min(size, 1 << 20))
            if not part:
                os._exit(0)
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def send(self, reply: Reply, *, patience: float = -1) -> None:
        """Write a reply; waits until the hub takes it.

        Raises:
            BrokenPipeError: The hub is gone.
        """
        got = self._lock.acquire(timeout=patience)
        try:
            rest = memoryview(pack(reply))
            while rest:
                rest = rest[os.write(self._output, rest) :]
        finally:
            if got:
                self._lock.release()


class _Watch:
    """Names a plugin that tries to open what is the hub's, and ends it there and then.

    An audit hook of the interpreter: code that goes round Python goes round it too, and meets the kernel's refusal.
    """

    def __init__(self, begin: Begin, pipe: _Pipe) -> None:
        self._private = os.path.realpath(begin.private) if begin.private else ""
        self._own = tuple(os.path.realpath(path) for path in begin.own)
        self._pipe = pipe
        self._pid = str(os.getpid())

    def __call__(self, event: str, args: tuple[object, ...]) -> None:
        if event not in ("open", "sqlite3.connect", "os.listdir", "os.scandir") or not args:
            return
        path = args[0]
        if isinstance(path, bytes | str) and (what := self._trespass(os.fsdecode(path))):
            with contextlib.suppress(OSError):
                self._pipe.send(Failed(Failure.TRESPASS, f"tried to open {what}"), patience=0.2)
            os._exit(1)

    def _trespass(self, path: str) -> str:
        real = os.path.realpath(path.removeprefix("file:").partition("?")[0])
        found = _OTHER_PROCESS.match(real)
        if found and found[1] != self._pid:
            return f"{found[2]} of another process"
        if not self._private or not _lies_in(real, self._private) or any(_lies_in(real, own) for own in self._own):
            return ""
        return f"{os.path.relpath(real, self._private)} in the hub's state folder"


def _lies_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + os.sep)


def _load(begin: Begin) -> RecordSource | Importer:
    from hub.errors import PluginError
    from hub.plugins import PluginHost, PluginState

    host = PluginHost.of(begin.plugin, begin.entry_point)
    info = host.load_one(begin.plugin)
    if info.state is not PluginState.LOADED:
        raise PluginError(info.reason)
    part = (host.importers if begin.importer else host.record_sources).get(begin.source)
    if part is None or not isinstance(part.make, type):
        what = "importer" if begin.importer else "record source"
        raise PluginError(f"registers no {what} {begin.source}, which its manifest names")
    made: RecordSource | Importer = part.make()
    if begin.fault:
        from hub.backends import RecordSource
        from hub.testing.faults import NAMED

        assert isinstance(made, RecordSource)  # noqa: S101  # faults are for sources
        return NAMED[begin.fault](made)
    return made


def _begun(source: RecordSource | Importer, guards: tuple[str, ...]) -> Begun:
    from hub.backends import Importer, RecordSource

    if isinstance(source, Importer):
        return Begun(reach="", answers=(), exact_only=False, erases=False, guards=guards)
    return Begun(
        reach=source.reach.value,
        answers=tuple(sorted(kind.value for kind in source.answers)),
        exact_only=source.exact_only is True,
        erases=type(source).erase_due is not RecordSource.erase_due,
        guards=guards,
    )


def _serve(source: RecordSource | Importer, request: Request, pipe: _Pipe) -> None:
    try:
        for reply in _replies(source, request):
            pipe.send(reply)
    except BrokenPipeError:
        raise
    except BaseException as error:  # noqa: BLE001  # whatever a plugin raises is told, and nothing of it comes through
        pipe.send(_failed(error))


def _replies(source: RecordSource | Importer, request: Request) -> Iterator[Reply]:
    from hub.backends import Importer

    if isinstance(source, Importer):
        if isinstance(request, ImportFile):
            yield _imported(source, request)
    elif isinstance(request, Find):
        yield from _records(source.find(take_query(request)))
    elif isinstance(request, OpenSource):
        yield send_info(source.open(take_context(request)))
    elif isinstance(request, ListPlates):
        batch: list[str] = []
        for plate in source.plates():
            batch.append(str(plate)[:LONGEST_PLATE])
            if len(batch) == PLATES_BATCH:
                yield Plates(tuple(batch), last=False)
                batch.clear()
        yield Plates(tuple(batch), last=True)
    elif isinstance(request, EraseDue):
        from datetime import timedelta

        yield Erased(int(source.erase_due(take_context(request.context), timedelta(seconds=request.keep_seconds))))


def _imported(importer: Importer, request: ImportFile) -> Imported:
    from hub.errors import PluginError

    report = importer.import_file(take_context(request.context), Path(request.file))
    if not all(0 <= int(number) <= MOST_ROWS for number in (report.imported, *(row.line for row in report.bad))):
        raise PluginError(f"its report has a number of rows that is below 0 or above {MOST_ROWS}")
    bad = tuple(BadLine(int(row.line), str(row.problem)[:LONGEST_PROBLEM]) for row in report.bad[:MOST_BAD])
    return Imported(int(report.imported), bad, str(report.list_digest))


def _records(found: Iterable[object]) -> Iterator[Records]:
    from hub.backends import SourceRecord
    from hub.errors import SourceError

    batch: list[FoundRecord] = []
    for record in found:
        if type(record) is not SourceRecord or not isinstance(record.entry, str):
            raise SourceError("it answered with something that is no record")
        if len(record.fields) > MOST_FIELDS:
            raise SourceError(f"a record of it has over {MOST_FIELDS} fields")
        fields = {str(name)[:LONGEST_NAME]: scalar(value) for name, value in record.fields.items()}
        batch.append(FoundRecord(str.__str__(record.entry)[:LONGEST_ENTRY], fields))
        if len(batch) == BATCH:
            yield Records(tuple(batch), last=False)
            batch.clear()
    yield Records(tuple(batch), last=True)


def _failed(error: BaseException, *, loading: bool = False) -> Failed:
    """Return what the hub is told of an error, whatever the error does when its text is asked for."""
    from hub.text import locate

    try:
        return _told(error, loading=loading)
    except BaseException:  # noqa: BLE001  # its text, too, is made by a plugin
        return Failed(Failure.PLUGIN if loading else Failure.OTHER, f"{locate(error)}, whose text cannot be had")


def _told(error: BaseException, *, loading: bool) -> Failed:
    """Return texts meant for officers as they are, of anything else kind and place."""
    from hub.errors import HubError, InputError, PluginError, SourceChangedError, TrustError
    from hub.text import describe, locate, plain

    if loading:
        return Failed(Failure.PLUGIN, plain(str(error)) if isinstance(error, PluginError) else describe(error))
    for kind, failure in (
        (SourceChangedError, Failure.CHANGED),
        (TrustError, Failure.TRUST),
        (InputError, Failure.INPUT),
        (HubError, Failure.SOURCE),
    ):
        if isinstance(error, kind):
            return Failed(failure, plain(str(error)))
    return Failed(Failure.OTHER, locate(error))


def _run() -> NoReturn:
    main()
    os._exit(0)  # a thread that a plugin left behind does not keep the process


if __name__ == "__main__":
    _run()
