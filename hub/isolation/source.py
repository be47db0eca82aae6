"""A record source that lives in a process of its own: the hub's side, used like any other `RecordSource`.

Each call goes to the child and has to be answered within its time, or the child is killed. The next call then asks the
host to open the source again, which starts a new child, after a rest that doubles; one whose children keep dying, and
one that reached for what is the hub's, is parked by name. What the source declares is the manifest's word. Threads and
deadlines of look-ups are `hub.sources`'; what confines a child `hub.isolation.limits`'.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Final, NoReturn, TypeVar

from msgspec.structs import replace

from hub.backends import PluginContext, RecordSource, SourceInfo, SourceRecord
from hub.errors import (
    DeadlineError,
    PluginError,
    PluginParkedError,
    SourceChangedError,
    SourceError,
    SourceGoneError,
    SourceUnavailableError,
    TrustError,
)
from hub.isolation.calls import (
    LONGEST_REPLY,
    Begin,
    Begun,
    Erased,
    EraseDue,
    Failed,
    Failure,
    ListPlates,
    Plates,
    Records,
    Reply,
    Request,
    SourceOpened,
    kinds,
    send_context,
    send_query,
    take_info,
)
from hub.isolation.confining import LARGEST_STORE, confine_source
from hub.isolation.manifest import IsolatedPart
from hub.isolation.process import ChildGoneError, ChildProcess
from hub.isolation.settings import Isolation
from hub.messages import Query
from hub.text import plain

R = TypeVar("R")

START_SECONDS: Final = 10.0
"""Longest time until a child has confined itself and imported its plugin."""
OPEN_SECONDS: Final = 24.0
"""Longest time for opening the source, for naming its plates and for erasing; with the start under the host's 60."""
CLOSE_SECONDS: Final = 1.0
"""Longest wait for a child to leave by itself."""
MOST_DEATHS: Final = 5
"""So many children in a row that died without an answer between them park the plugin."""
LONGEST_REST: Final = 60.0
"""Seconds between two children, at most; the first rest is half a second."""
MOST_RECORDS: Final = 10_001
"""Records after which no more are taken; the host refuses an answer of so many."""
MOST_BYTES: Final = 4 << 20
"""Bytes of one answer; what the hub makes of them takes some tens of times as much memory while it decides."""
MOST_PLATES: Final = 1_000_000
"""Plates that a source may name: ten times a hot list, and as many as the largest register that was measured."""
PLATES_BYTES: Final = 48 * MOST_PLATES
"""Bytes of all of them."""


class IsolatedSource(RecordSource):
    """A source in a child process.

    Args:
        part: What the manifest says of it.
        private: The hub's state folder, which is none of the plugin's business.
        deadline: Seconds for an answer; the child is killed a little before them, so that no thread of ours hangs.
        isolation: What the configuration says.
        fault: For tests: name of the fault that the child wraps the source in.
        now: Running time in seconds.
    """

    answers = frozenset()

    def __init__(
        self,
        part: IsolatedPart,
        private: Path,
        *,
        deadline: float,
        isolation: Isolation = Isolation(),  # noqa: B008
        fault: str = "",
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        declared = part.manifest
        vars(self).update(
            name=declared.name,
            reach=declared.reach,
            answers=frozenset(declared.answers),
            exact_only=declared.exact_only,
            may_declare=frozenset(declared.may_declare),
        )
        self.part = part
        self._private = private
        self._isolation = isolation
        self._fault = fault
        self._now = now
        self._seconds = max(0.8 * deadline, deadline - 0.1)
        self._lock = threading.RLock()
        self._child: ChildProcess | None = None
        self._erases = True
        self._deaths = 0
        self._not_before = 0.0
        self.parked = ""
        """Why it is parked; "" where it is not."""
        self.guards: tuple[str, ...] = ()
        """What confines its child."""

    @property
    def pid(self) -> int | None:
        """Number of the child's process; None where there is none."""
        return self._child.pid if self._child else None

    def open(self, context: PluginContext) -> SourceInfo:
        """Start a child and open the source in it.

        Raises:
            PluginParkedError: The plugin is parked, or it is now, because it cannot be confined or loaded, declares
                what its manifest does not, or reached for what is the hub's.
            SourceError: Its children died, and the next one has to wait; or the source says that it cannot be opened.
            TrustError: The list is unsigned, altered or expired.
        """
        with self._lock:
            self.close()
            if self.parked:
                raise PluginParkedError(f"it is parked: {self.parked}")
            if (rest := self._not_before - self._now()) > 0:
                raise SourceError(f"{self._times()}; the next one starts in {rest:.0f} s")
            context = self._start(context)
            try:
                opened = self._call(send_context(context), SourceOpened, OPEN_SECONDS)
            except BaseException:
                self._drop()  # one that is not open is of no use until the next attempt
                raise
            return take_info(opened)

    def find(self, query: Query) -> Iterable[SourceRecord]:
        """Hand the query over and return what comes back.

        Raises:
            SourceGoneError: The child is gone; the host is to open the source again.
            DeadlineError: No answer in time; the child was killed.
            SourceError: The source cannot answer; SourceUnavailableError where its child died over it.
            PluginError: It raised something else.
        """
        with self._lock:
            if self._child is None:
                if self._deaths or self.parked:
                    raise SourceGoneError(f"its process has to be started again: {self.parked or self._times()}")
                raise SourceError(f"{self.name} is not open")
            found: list[SourceRecord] = []
            for reply in self._ask(send_query(query), self._seconds, MOST_BYTES):
                if not isinstance(reply, Records):
                    self._unexpected(reply)
                found += (SourceRecord(record.entry, record.fields) for record in reply.records)
                if len(found) > MOST_RECORDS:
                    self._refuse(f"its answer is too large: over {MOST_RECORDS - 1} records")
                if reply.last:
                    break
            self._deaths = 0
            return found

    def plates(self) -> Iterable[str]:
        """Return the plates of all entries.

        Raises:
            SourceError: As `find`.
        """
        with self._lock:
            if self._child is None:
                return ()
            plates: list[str] = []
            for reply in self._ask(ListPlates(), OPEN_SECONDS, PLATES_BYTES):
                if not isinstance(reply, Plates):
                    self._unexpected(reply)
                plates += reply.plates
                if len(plates) > MOST_PLATES:
                    self._refuse(f"it names too many plates: over {MOST_PLATES}")
                if reply.last:
                    break
            return plates

    def erase_due(self, context: PluginContext, keep: timedelta) -> int:
        """Have a child of its own destroy what is past its date: the open one may hang.

        Raises:
            SourceError: It cannot.
        """
        if not self._erases or self.parked:
            return 0
        other = IsolatedSource(
            self.part, self._private, deadline=OPEN_SECONDS, isolation=self._isolation, now=self._now
        )
        try:
            context = other._start(context, destroys=True)
            self._erases = other._erases
            if not self._erases:
                return 0
            return other._call(EraseDue(send_context(context), keep.total_seconds()), Erased, OPEN_SECONDS).entries
        finally:
            other.close()

    def close(self) -> None:
        """Let the child close the source and leave."""
        with self._lock:
            if self._child is not None:
                self._child.close(patience=CLOSE_SECONDS)
            self._child = None

    # ------------------------------------------------------------------------------------------ the child

    def _start(self, context: PluginContext, *, destroys: bool = False) -> PluginContext:
        """Start a child, have it load the plugin, and hold what the source declares against the manifest.

        Args:
            context: With what it would be opened in this process.
            destroys: Whether it destroys records, for which it has to reach every place of what an importer has made.

        Returns:
            The context with which the source is opened there.
        """
        try:
            context, allowed = confine_source(self.part, context, self._private, self._isolation)
        except PluginParkedError as error:
            self.parked = str(error)
            raise
        begin = Begin(
            confinement=replace(allowed, file_size=LARGEST_STORE) if destroys else allowed,
            plugin=self.part.plugin,
            entry_point=self.part.entry_point,
            source=self.part.manifest.name,
            private=str(self._private),
            own=(str(context.state), *((str(context.trust),) if context.trust else ()), str(context.models)),
            fault=self._fault,
        )
        self._child = ChildProcess(str(context.state))
        begun = self._call(begin, Begun, START_SECONDS)
        declared = self.part.manifest
        said = (begun.reach, kinds(begun.answers), begun.exact_only)
        if said != (declared.reach.value, frozenset(declared.answers), declared.exact_only):
            self._park(f"{self.name} declares something else than its manifest: {_declared(begun)}")
        self._erases, self.guards = begun.erases, tuple(plain(guard, 40) for guard in begun.guards)
        return context

    def _call(self, request: Request, kind: type[R], seconds: float) -> R:
        reply = next(iter(self._ask(request, seconds)))
        if not isinstance(reply, kind):
            self._unexpected(reply)
        return reply

    def _ask(self, request: Request, seconds: float, most: int = LONGEST_REPLY) -> Iterable[Reply]:
        """Yield the child's replies; whatever ends it is drawn its consequence from here."""
        assert self._child is not None  # noqa: S101  # each caller has looked
        try:
            yield from self._child.ask(request, until=time.monotonic() + seconds, most=most)
        except DeadlineError:
            self._died(f"no answer within {seconds:.3g} s")
            raise DeadlineError(f"no answer within {seconds:.3g} s") from None
        except (ChildGoneError, OSError) as error:
            self._died(str(error))
            raise SourceUnavailableError(str(error)) from None

    def _unexpected(self, reply: Reply) -> NoReturn:
        """Raise what a reply that ends a call stands for."""
        if not isinstance(reply, Failed):
            self._refuse("it sent a reply to something else")
        what = plain(reply.what) or "no reason given"
        if reply.failure in (Failure.TRESPASS, Failure.PLUGIN):
            self._park(what)
        if reply.failure is Failure.CHANGED:
            raise SourceChangedError(what)
        if reply.failure is Failure.TRUST:
            raise TrustError(what)
        if reply.failure is Failure.SOURCE:
            raise SourceError(what)
        raise PluginError(f"it failed with {what}")

    def _park(self, why: str) -> NoReturn:
        self.parked = why
        self._drop()
        raise PluginParkedError(f"it is parked: {why}")

    def _refuse(self, why: str) -> NoReturn:
        self._died(why)
        raise SourceUnavailableError(why)

    def _died(self, how: str) -> None:
        """Note that a child is of no more use, and when the next one may start."""
        self._drop()
        self._deaths += 1
        self._not_before = self._now() + min(0.5 * 2 ** (self._deaths - 2), LONGEST_REST) if self._deaths > 1 else 0.0
        if self._deaths >= MOST_DEATHS:
            self.parked = f"{self._times()}: {how}"

    def _times(self) -> str:
        return "its process ended" + (f" {self._deaths} times in a row" if self._deaths > 1 else "")

    def _drop(self) -> None:
        if self._child is not None:
            self._child.kill()
        self._child = None


def _declared(begun: Begun) -> str:
    return plain(f"reach {begun.reach}, answers {', '.join(begun.answers)}, exact_only {begun.exact_only}")
