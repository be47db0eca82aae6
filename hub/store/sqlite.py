"""SQLite as the hub uses it: durable before acknowledged, physically gone after deletion, one thread a database.

`open_database` is for the hub's own stores, `connect`, `snapshot` and `transaction` for blocking code in plugins and
offline tools. What tables there are is each store's own business; how long a row may live is `hub.store.retention`'s.

Settings, and why:

* WAL with ``synchronous=FULL``: COMMIT returns after fsync, so what was acknowledged survives a power cut.
* ``secure_delete=ON`` zeroes freed content, `purge` then rewrites the file and empties the write-ahead log.
* ``temp_store=MEMORY``: no sort spills rows into a temporary file.
"""

from __future__ import annotations

import errno
import os
import queue
import shutil
import sqlite3
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from itertools import islice, takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Generic, TypeVar

import trio
from msgspec import Struct

from hub.errors import StoreError, StoreFullError
from hub.store.migrations import migrate

T = TypeVar("T")

BUSY_SECONDS: Final = 5.0
"""Longest wait for another process that holds the file."""
WAITING_JOBS: Final = 1000
"""Calls that may wait for a database; a further one is refused."""
SHARED_COMMIT: Final = 64
"""Most writes that share one COMMIT."""
CANCEL_SECONDS: Final = BUSY_SECONDS + 1
"""Longest wait, after a cancellation, for the thread to say whether the transaction was done or not."""
PURGE_SECONDS: Final = 1.0
"""Longest wait of `purge` for others: it can be called again, and nobody should stand in line behind it."""
CLOSE_SECONDS: Final = 10.0
"""Longest wait for the thread when a database is closed."""
_BUSY_STEP_MS: Final = 100
"""Milliseconds between two looks, while another process holds the file, at whether the job was cancelled."""
_FIRST_STEP_SECONDS: Final = 0.005
"""Wait before the next try at a file's first write-ahead log, which others make at the same time."""
_PROGRESS_STEPS: Final = 2000
"""Steps of SQLite's machine between two looks at whether the job was cancelled: well under a millisecond."""


# ------------------------------------------------------------------------------------------------- errors


def store_error(path: Path, error: sqlite3.Error | OSError) -> StoreError:
    """Say in one line, naming the file, what SQLite or the file system could not do."""
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return StoreFullError(f"the disk is full: {path} could not be written; free some space")
        return StoreError(f"{path} cannot be opened: {error.strerror or error}")
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    primary = code & 0xFF
    if primary == sqlite3.SQLITE_FULL or (primary == sqlite3.SQLITE_IOERR and _no_space_left(path)):
        return StoreFullError(f"the disk is full: {path} could not be written; free some space")
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreError(f"{path} is locked by another process for over {BUSY_SECONDS:g} s: stop it, then try again")
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreError(f"{path} is damaged or no database; it was left as it is: move it away or restore a copy")
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return StoreError(f"{path} cannot be written: the file, its folder or its disk is read-only")
    if primary == sqlite3.SQLITE_CANTOPEN:
        return StoreError(f"{path} cannot be opened: check that its folder exists and that you may write there")
    if primary == sqlite3.SQLITE_INTERRUPT:
        return StoreError(f"work on {path} was interrupted and undone")
    return StoreError(f"{path}: {error}")


def _no_space_left(path: Path) -> bool:
    try:
        return os.statvfs(path.parent).f_bavail == 0
    except OSError:
        return False


@contextmanager
def mapped_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite raises in the block into `StoreError`, with its cause kept."""
    try:
        yield
    except sqlite3.Error as error:
        raise store_error(path, error) from error


@contextmanager
def _mapped_file_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise store_error(path, error) from error


# --------------------------------------------------------------------------------------------- blocking part


def connect(
    path: Path,
    migrations: Sequence[str] = (),
    *,
    readonly: bool = False,
    busy_seconds: float = BUSY_SECONDS,
    check_same_thread: bool = True,
) -> sqlite3.Connection:
    """Open a database with the hub's settings, in autocommit mode; write through `transaction`.

    A file that does not exist is created with mode 0600 and its folder with mode 0700. A damaged file is never
    overwritten.

    Args:
        path: The database's file.
        migrations: Scripts that make its tables; empty where another part of the program has made them.
        readonly: Only read; the file must exist.
        busy_seconds: Longest wait for another process's lock.
        check_same_thread: As in `sqlite3.connect`.

    Raises:
        StoreError: Missing, locked, damaged, newer than this program, or not to be opened.
        StoreFullError: The disk is full.
    """
    with mapped_errors(path):
        with _mapped_file_errors(path):
            if not readonly:
                _create(path)
            _check_header(path)
        connection = sqlite3.connect(
            _uri(path, "mode=ro" if readonly else "mode=rw"),
            uri=True,
            timeout=busy_seconds,
            isolation_level=None,
            check_same_thread=check_same_thread,
        )
        try:
            _configure(connection, path, readonly=readonly)
            if migrations and not readonly:
                migrate(connection, migrations, path)
        except BaseException:
            connection.close()
            raise
        return connection


def _uri(path: Path, options: str) -> str:
    return f"{path.absolute().as_uri()}?{options}"


def _configure(connection: sqlite3.Connection, path: Path, *, readonly: bool) -> None:
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("SELECT 1 FROM sqlite_schema").fetchone()  # a damaged file shows before it is touched
    if readonly:
        return
    if _write_ahead(connection) != ("wal",):
        raise StoreError(f"{path} lies on a file system without write-ahead logs: use a local disk")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")


def _write_ahead(connection: sqlite3.Connection) -> object:
    """Keep a write-ahead log from now on. Of several who do so first, SQLite refuses all but one without its wait."""
    until = time.monotonic() + _patience(connection)
    while True:
        try:
            return connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if not _busy(error) or time.monotonic() >= until:
                raise
        time.sleep(_FIRST_STEP_SECONDS)


def _patience(connection: sqlite3.Connection) -> float:
    """Return the seconds for which a connection waits for others."""
    return float(connection.execute("PRAGMA busy_timeout").fetchone()[0]) / 1000


def _busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _create(path: Path) -> None:
    """Make the file with mode 0600 (SQLite gives its -wal and -shm the same) in a folder with mode 0700."""
    missing = [folder for folder in path.absolute().parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(folder.parent)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fchmod(descriptor, 0o600)  # by its descriptor: a plugin's process may change no mode by a path
            finally:
                os.close(descriptor)
    else:
        _sync_folder(path.absolute().parent)


def _check_header(path: Path) -> None:
    """Refuse what SQLite would take for an empty database and write over: a stub, or a log without its file."""
    size = path.stat().st_size
    log = path.with_name(f"{path.name}-wal")
    stub = 0 < size < 512 or (size == 0 and log.exists() and log.stat().st_size > 0)
    if stub:
        raise StoreError(f"{path} is damaged or no database; it was left as it is: move it away or restore a copy")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def transaction(
    connection: sqlite3.Connection, path: Path, *, given_up: Callable[[], bool] | None = None
) -> Iterator[sqlite3.Connection]:
    """Run the block as one transaction: durable when the block has ended, undone when it raised.

    Args:
        connection: Of `connect`.
        path: Only for messages.
        given_up: Asked while another process holds the file, whether to wait no longer.

    Raises:
        StoreError: SQLite could not do it; nothing of the block was kept.
        StoreFullError: The disk is full; nothing of the block was kept.
    """
    with mapped_errors(path):
        _begin(connection, given_up)
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # SQLite itself has rolled back after some errors
                connection.execute("ROLLBACK")
            raise


@contextmanager
def snapshot(connection: sqlite3.Connection, path: Path) -> Iterator[sqlite3.Connection]:
    """Run the block, which only reads, on one unchanging state of the database: what others commit is not seen in it.

    Outside of one each statement sees a state of its own, so that what one found may be another's row in the next.
    Errors of the block are mapped too.

    Args:
        connection: Of `connect`, no transaction open.
        path: Only for messages.

    Raises:
        StoreError: SQLite could not do it.
    """
    with mapped_errors(path):
        connection.execute("BEGIN")  # the state is the one that the first statement finds
        try:
            yield connection
        finally:
            if connection.in_transaction:  # SQLite itself has rolled back after some errors
                connection.execute("ROLLBACK")


def _begin(connection: sqlite3.Connection, given_up: Callable[[], bool] | None) -> None:
    """Take the file for writing. SQLite's own wait for another process cannot be interrupted, so it waits in steps."""
    if given_up is None:
        connection.execute("BEGIN IMMEDIATE")
        return
    patience = _patience(connection)
    until = time.monotonic() + patience
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_STEP_MS}")
    try:
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if not _busy(error) or given_up() or time.monotonic() >= until:
                    raise
            else:
                return
    finally:
        connection.execute(f"PRAGMA busy_timeout = {round(patience * 1000)}")


def purge(connection: sqlite3.Connection, path: Path, *, rewrite: bool = True) -> None:
    """Make earlier deletions physical: no byte of a deleted row is left in any of the database's files.

    ``secure_delete`` zeroes a row where it lies, but not the copies that a page keeps in its unused middle after
    SQLite has moved rows between pages. So the whole file is rewritten, the rewritten pages are copied over the old
    ones, and the write-ahead log is cut to nothing. It costs about as much as copying the file.

    Args:
        connection: Of `connect`, no transaction open.
        path: Only for messages.
        rewrite: False spares the rewriting, for rows that are worthless without a key that is destroyed elsewhere.

    Raises:
        StoreError: Another process reads or writes the file, so the old bytes are still there: call again later.
    """
    with mapped_errors(path):
        patience = _patience(connection)
        connection.execute(f"PRAGMA busy_timeout = {round(min(patience, PURGE_SECONDS) * 1000)}")
        try:
            if rewrite:
                connection.execute("VACUUM")
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            connection.execute(f"PRAGMA busy_timeout = {round(patience * 1000)}")
    if busy:
        raise StoreError(f"{path} is read by another process, so deleted rows are not overwritten yet: try again later")


@contextmanager
def open_snapshot(path: Path) -> Iterator[sqlite3.Connection]:
    """Open one unchanging state of a database for reading, and leave what lies there as it is.

    Works beside a running hub, on a copy that still has its write-ahead log, and on read-only media. Errors of the
    block are mapped too.

    Raises:
        StoreError: Missing, damaged or not to be opened.
    """
    with mapped_errors(path), ExitStack() as stack:
        source, options = path, "mode=ro"
        with _mapped_file_errors(path):
            _check_header(path)
            log, index = (path.with_name(path.name + ending) for ending in ("-wal", "-shm"))
            if not index.exists():  # nobody has it open
                if log.exists() and log.stat().st_size:
                    # Reading a write-ahead log makes an index beside it: in a copy, not where the evidence lies.
                    folder = Path(stack.enter_context(TemporaryDirectory(prefix="patrol-hub-")))
                    for file in (path, log):
                        shutil.copyfile(file, folder / file.name)
                    source = folder / path.name
                else:
                    options = "mode=ro&immutable=1"
        connection = sqlite3.connect(_uri(source, options), uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        stack.callback(connection.close)
        _configure(connection, path, readonly=True)
        connection.execute("BEGIN")
        connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
        yield connection


# ------------------------------------------------------------------------------------------------ async part


class DatabaseStatistics(Struct, frozen=True):
    """What a database's thread has done so far."""

    writes: int
    """Calls of `Database.write` that are durable."""
    commits: int
    """Transactions that they took; fewer than `writes` where several shared one."""
    reads: int
    """Reads answered."""
    failed: int
    """Jobs that raised; nothing of them was kept."""
    cancelled: int
    """Jobs that were cancelled before COMMIT; nothing of them was kept."""
    waiting: int
    """Jobs in the queue or running now."""


class _Job(Generic[T]):
    """One call on its way through the thread. Each field is set by one side only."""

    def __init__(self, run: Callable[[], T], *, writes: bool) -> None:
        self.run = run
        self.writes = writes
        self.done = trio.Event()
        self.cancelled = False  # set by the caller, read by the thread
        self.answered = False  # the thread's, like the rest
        self.value: T | None = None
        self.error: BaseException | None = None

    def unwrap(self) -> T:
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # T may itself be None


class _CancelledJobError(Exception):
    """The caller has gone: roll back and answer nobody."""


class Database:
    """A database that one thread of its own reads and writes; see `open_database`.

    Calls are done in the order in which they came. Each caller waits for its own; where `WAITING_JOBS` wait already,
    a further call is refused. Writes that wait one behind the other share one COMMIT, and with it one fsync.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._queue: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._token = trio.lowlevel.current_trio_token()
        self._stopped = trio.Event()
        self._closed = False
        self._current: _Job[Any] | None = None
        self._connection: sqlite3.Connection | None = None
        self._writes = self._commits = self._reads = self._failed = self._cancelled = self._waiting = 0

    def statistics(self) -> DatabaseStatistics:
        """Return counters."""
        return DatabaseStatistics(
            writes=self._writes,
            commits=self._commits,
            reads=self._reads,
            failed=self._failed,
            cancelled=self._cancelled,
            waiting=self._waiting,
        )

    async def write(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """Run a function as one transaction and return after it is durable.

        A call that is cancelled before its COMMIT began leaves nothing; one that is cancelled later returns as if
        it had not been, because it is done.

        Args:
            fn: Gets the connection; runs in the database's thread; must not end the transaction. After a rollback
                that another call caused it is run again, so it must change nothing but the database.

        Raises:
            StoreError: It was not done: locked, damaged, read-only, closed.
            StoreFullError: It was not done: the disk is full.
        """
        return await self._submit(lambda: fn(self._open_connection()), writes=True)

    async def read(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """Run a function that only reads, on one consistent state of the database.

        Raises:
            StoreError: Damaged, closed, or the function tried to write.
        """

        def run() -> T:
            connection = self._open_connection()
            with mapped_errors(self.path):
                connection.execute("PRAGMA query_only = ON")
                try:
                    with snapshot(connection, self.path):
                        return fn(connection)
                finally:
                    connection.execute("PRAGMA query_only = OFF")
                    self._reads += 1

        return await self._submit(run)

    async def purge(self, *, rewrite: bool = True) -> None:
        """Make earlier deletions physical, see the function `purge`.

        Raises:
            StoreError: Another process holds the file: the old bytes are still there, call again later.
        """
        await self._submit(lambda: purge(self._open_connection(), self.path, rewrite=rewrite))

    async def aclose(self) -> None:
        """Finish what waits in the queue and close the file. May be called twice."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSE_SECONDS):
            await self._stopped.wait()

    def _start(self, migrations: Sequence[str]) -> _Job[None]:
        """Start the thread; the job that it returns is the opening of the file."""

        def run() -> None:
            self._connection = connect(self.path, migrations)
            self._connection.set_progress_handler(self._is_cancelled, _PROGRESS_STEPS)

        job = _Job(run, writes=False)
        self._queue.put(job)
        # A daemon, so that a disk that hangs cannot keep the process from ending.
        threading.Thread(target=self._serve, name=f"store {self.path.name}", daemon=True).start()
        return job

    async def _submit(self, run: Callable[[], T], *, writes: bool = False) -> T:
        # Nothing is awaited before the job stands in the queue: that keeps the order of the calls.
        if self._closed:
            raise StoreError(f"{self.path} is closed")
        if self._waiting >= WAITING_JOBS:
            raise StoreError(f"{self.path} is overloaded: {self._waiting} calls wait for it")
        job = _Job(run, writes=writes)
        self._waiting += 1
        try:
            self._queue.put(job)
            return await _finish(job)
        finally:
            self._waiting -= 1

    # -------------------------------------------------------------------------------- in the database's thread

    def _serve(self) -> None:
        waiting: deque[_Job[Any] | None] = deque()
        while True:
            waiting.append(self._queue.get())
            while not self._queue.empty():
                waiting.append(self._queue.get())
            while waiting:
                if waiting[0] is None:
                    self._close()
                    return
                writes = takewhile(lambda job: job is not None and job.writes, waiting)
                jobs = list(islice(writes, SHARED_COMMIT)) or [waiting[0]]
                for _ in jobs:
                    waiting.popleft()
                self._do([job for job in jobs if job is not None])
                del jobs  # keep no row of a finished job while waiting for the next

    def _close(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):  # what was acknowledged is durable already
                self._connection.close()
            self._connection = None
        self._tell(self._stopped.set)

    def _do(self, jobs: list[_Job[Any]]) -> None:
        # Where one of several fails, none of them is kept, and each is tried alone: a write that fills the disk or
        # breaks a constraint takes no other with it.
        if len(jobs) > 1 and self._commit_together(jobs):
            return
        for job in jobs:
            self._do_alone(job)

    def _commit_together(self, jobs: list[_Job[Any]]) -> bool:
        try:
            connection = self._open_connection()
            with transaction(connection, self.path, given_up=lambda: any(job.cancelled for job in jobs)):
                values = [self._run(job) for job in jobs]
                self._current = None
        except BaseException:  # noqa: BLE001  # each caller gets its own when tried alone
            return False
        self._commits += 1
        for job, value in zip(jobs, values, strict=True):
            self._writes += 1
            job.value = value
            self._answer(job)
        return True

    def _do_alone(self, job: _Job[Any]) -> None:
        try:
            if job.writes:
                with transaction(self._open_connection(), self.path, given_up=lambda: job.cancelled):
                    job.value = self._run(job)
                    if job.cancelled:
                        raise _CancelledJobError  # noqa: TRY301  # leaves the transaction, which undoes it
                    self._current = None  # from here on it is either done or not: COMMIT is not interrupted
                self._commits += 1
                self._writes += 1
            else:
                job.value = self._run(job)
        except BaseException as error:  # noqa: BLE001  # handed to the caller, who raises it
            job.value = None
            if job.cancelled:
                job.error = _CancelledJobError()
                self._cancelled += 1
            else:
                job.error = error
                self._failed += 1
        self._answer(job)

    def _run(self, job: _Job[T]) -> T:
        self._current = job
        if job.cancelled:
            raise _CancelledJobError
        return job.run()

    def _answer(self, job: _Job[Any]) -> None:
        self._current = None
        job.answered = True
        self._tell(job.done.set)

    def _is_cancelled(self) -> bool:
        # Asked by SQLite while it works. `Connection.interrupt` would reach only the statement that runs at that
        # instant; this also ends a job that is between two of many thousand short ones.
        job = self._current
        return job is not None and job.cancelled

    def _open_connection(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreError(f"{self.path} is closed")
        return self._connection

    def _tell(self, wake: Callable[[], None]) -> None:
        with suppress(trio.RunFinishedError):  # nobody is left to hear it
            self._token.run_sync_soon(wake)


async def _finish(job: _Job[T]) -> T:
    """Wait for the thread's answer; when cancelled, wait for what became of the transaction, but not for ever."""
    try:
        await job.done.wait()
    except trio.Cancelled:
        job.cancelled = True
        with trio.CancelScope(shield=True, deadline=trio.current_time() + CANCEL_SECONDS):
            await job.done.wait()
        if not job.answered or isinstance(job.error, _CancelledJobError):
            raise
    return job.unwrap()


@asynccontextmanager
async def open_database(path: Path, migrations: Sequence[str]) -> AsyncIterator[Database]:
    """Open a database for the block, with one thread of its own.

    Args:
        path: Its file; created with mode 0600, its folder with mode 0700, where missing.
        migrations: Scripts that make its tables, oldest first, see `hub.store.migrations`.

    Raises:
        StoreError: Locked, damaged, newer than this program, or not to be opened.
        StoreFullError: The disk is full.
    """
    database = Database(path)
    opening = database._start(migrations)
    try:
        await _finish(opening)
        yield database
    finally:
        await database.aclose()
