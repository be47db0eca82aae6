"""The hub's end of its socket: dashboards of the same user attach, see what happens, and ask.

Only transport and sessions live here: who may connect, how long a peer may take, which officer a connection stands
for. What is asked is carried out by `hub.requests`; what travels is `hub.wire`'s.

A session belongs to its connection and ends with it. What an officer has decided is carried through also when the
dashboard dies meanwhile; a look-up, whose answer nobody would see any more, is broken off and the log says so.
No connection is waited for: one that reads too slowly misses events and is shown the present instead.
"""

from __future__ import annotations

import errno
import math
import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import trio
from msgspec import Struct

from hub import __version__
from hub.alerts import AlertBook
from hub.authority.officers import OfficerStore
from hub.authority.policy import may_see_alerts
from hub.board import Board
from hub.channels import Broadcast, Subscription
from hub.clocks import Clock
from hub.errors import (
    ClosedChannelError,
    HubError,
    LaggedError,
    NotSignedInError,
    StoreError,
    UsageError,
    WireError,
)
from hub.events import AlertEvent, Event, alert_event
from hub.hearing import Conversation, UnitMicrophone
from hub.inference import let_go
from hub.ledger import Ledger
from hub.messages import Alert, AlertState, Requester, WatchHealth
from hub.requests import Requests
from hub.store.locks import take
from hub.text import locate, plain
from hub.viewing import Viewing
from hub.wire import (
    LONGEST_REQUEST,
    PROTOCOL,
    PULSE_SECONDS,
    SOCKET_FILE,
    DecideAlert,
    Done,
    Frames,
    Hello,
    Lagged,
    Latency,
    Listen,
    LookUp,
    Message,
    ProbeFace,
    Pulse,
    QueueHealth,
    Refused,
    Rejected,
    Request,
    SaveTranscript,
    SignIn,
    SignOut,
    Snapshot,
    SourceHealth,
    StopListening,
    Stopping,
    Told,
    Watch,
    Welcome,
    pack_message,
    reachable,
    unpack_request,
)

MOST_CONNECTIONS: Final = 8
"""Dashboards that may be attached at once."""
MOST_REQUESTS: Final = 4
"""Requests of one connection that are under way at once; the next one is read when one of them has ended."""
HELLO_SECONDS: Final = 2.0
"""In which a peer must have said `Hello`."""
FRAME_SECONDS: Final = 5.0
"""In which a frame must be whole once it has begun."""
SEND_SECONDS: Final = 30.0
"""After which a connection that takes nothing is given up."""
LAST_SECONDS: Final = 1.0
"""Longest time for what is said to a connection, and for ending its session, when it or the hub ends."""
MOST_ALERTS: Final = 200
"""Decided or expired alerts in a snapshot: the newest."""
LOCK_FILE: Final = "hub.lock"
_CREDENTIALS: Final = struct.Struct("3i")


class Served(Struct, frozen=True, eq=False):
    """What connections are served from."""

    unit: str
    clock: Clock
    officers: OfficerStore
    alerts: AlertBook
    requests: Requests
    events: Broadcast[Event]
    board: Board
    ledger: Ledger
    source_health: Callable[[], tuple[SourceHealth, ...]]
    latencies: Callable[[], tuple[Latency, ...]]
    watch: Callable[[], WatchHealth | None]
    queues: Callable[[], tuple[QueueHealth, ...]]
    viewing: Viewing
    parked: tuple[str, ...]
    development: bool
    say: Callable[[str], None]
    hearing: UnitMicrophone | None = None
    """The unit's microphone; None where nothing is heard."""


# ------------------------------------------------------------------------------------------------ the socket


@contextmanager
def claim_unit(state: Path) -> Iterator[None]:
    """Be the one hub of a state folder for the block: of two, each would end what the log says of the other's run.

    A lock that ends with the process says which hub is alive.

    Raises:
        UsageError: Another hub runs on this state folder.
        StoreError: The folder cannot be used.
    """
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(state / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StoreError(f"the state folder {state} cannot be used: {error.strerror}") from error
    try:
        if not take(lock):
            raise UsageError(f"a hub runs on {state} already: attach to it with `patrol-hub tui`, or stop it first")
        yield
    finally:
        os.close(lock)


@contextmanager
def claim_socket(state: Path) -> Iterator[socket.socket]:
    """Make the hub's socket in the state folder, mode 0600, for the block; nobody is listened to yet.

    What a dead hub left behind is replaced; see `claim_unit`.

    Raises:
        UsageError: Another hub runs on this state folder.
        StoreError: The socket cannot be made.
    """
    with claim_unit(state), _bound(state / SOCKET_FILE) as listener:
        yield listener


@contextmanager
def _bound(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        try:
            path.unlink(missing_ok=True)
            os.fchmod(listener.fileno(), 0o600)  # before it has a name, so that it never has another mode
            with reachable(path) as address:
                listener.bind(address)
        except OSError as error:
            raise StoreError(f"the socket {path} cannot be made: {error.strerror}") from error
        try:
            yield listener
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def peer_user(connection: socket.socket | trio.socket.SocketType) -> int:
    """Return the user id of whoever is at the other end, as the kernel knows it."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(data)
    return int(user)


# ------------------------------------------------------------------------------------------------ the actor


async def run_attach(
    listener: socket.socket,
    served: Served,
    finished: trio.Event,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve dashboards until the hub's work is finished.

    Args:
        listener: From `claim_socket`.
        served: What they are served from.
        finished: Set when the hub's other actors have ended.
        task_status: Started when dashboards may connect.

    Raises:
        HubError: Alerts of an earlier run cannot be read.
    """
    for alert in (await served.alerts.changes(0)).alerts:
        served.board.note_alert(alert.alert, alert.state, alert.decide_by)
    listener.setblocking(False)
    listener.listen(MOST_CONNECTIONS)
    attached: set[_Connection] = set()
    async with trio.open_nursery() as nursery:
        await nursery.start(served.viewing.run)
        nursery.start_soon(_accept, trio.socket.from_stdlib_socket(listener.dup()), served, attached, nursery)
        task_status.started()
        await finished.wait()
        with trio.move_on_after(LAST_SECONDS):
            async with trio.open_nursery() as last:
                for connection in attached:
                    last.start_soon(connection.send, Stopping(cause="the hub stops"))
        nursery.cancel_scope.cancel()


async def _accept(
    listener: trio.socket.SocketType, served: Served, attached: set[_Connection], nursery: trio.Nursery
) -> None:
    with listener:
        while True:
            try:
                peer, _ = await listener.accept()
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ECONNABORTED):
                    raise
                await trio.sleep(0.1)
                continue
            nursery.start_soon(_serve, peer, served, attached)


async def _serve(peer: trio.socket.SocketType, served: Served, attached: set[_Connection]) -> None:
    """Serve one connection; nothing that goes wrong in it reaches another."""
    async with trio.SocketStream(peer) as stream:
        connection = _Connection(stream, served)
        try:
            if (user := peer_user(peer)) != os.geteuid():
                served.say(f"the user {user} tried to attach and was refused")
                return
            if len(attached) >= MOST_CONNECTIONS:
                await connection.reject(f"{MOST_CONNECTIONS} dashboards are attached already: close one first")
                return
            attached.add(connection)
            await connection.run()
        except Exception as error:  # noqa: BLE001  # a fault here costs this dashboard, never the hub
            served.say(f"a dashboard's connection failed: {locate(error)}")
        finally:
            attached.discard(connection)


class _Session(Struct, frozen=True, eq=False):
    token: str
    officer: Requester

    def __repr__(self) -> str:
        return f"_Session({self.officer.officer!r})"


class _Connection:
    """One dashboard."""

    def __init__(self, stream: trio.SocketStream, served: Served) -> None:
        self._stream = stream
        self._served = served
        self._frames = Frames(LONGEST_REQUEST)
        self._sending = trio.Lock()
        self._scope = trio.CancelScope()  # ends everything that is only for whoever watches
        self._gone = False
        self._session: _Session | None = None
        self._until = 0.0  # running time at which the session ends unless it is used
        self._turns = trio.Semaphore(MOST_REQUESTS)
        self._waiting = trio.CancelScope()
        self._watching: trio.Nursery | None = None
        self._showing = trio.CancelScope()  # the camera that is watched
        self._conversation = Conversation(served.hearing, self.send)
        self._stale = False  # the present has to be shown again
        self._shown = trio.Event()  # it was, the next time

    async def run(self) -> None:
        """Serve until the dashboard goes away, breaks the protocol, or takes nothing any more."""
        if not await self._greet():
            return
        try:
            async with trio.open_nursery() as acts:  # finished also when whoever asked has gone
                with self._scope:
                    async with trio.open_nursery() as self._watching:
                        self._watching.start_soon(self._tell)
                        self._watching.start_soon(self._pulse)
                        self._watching.start_soon(self._follow_session)
                        await self._take(acts, self._watching)
                        self._leave()
        finally:
            session, self._session = self._session, None
            await self._forget(session)

    # ---------------------------------------------------------------------------------------- coming in

    async def _greet(self) -> bool:
        try:
            with trio.move_on_after(HELLO_SECONDS):
                hello = await self._receive()
                if hello is None:
                    return False
                _check_greeting(hello)
                await self.send(Welcome(protocol=PROTOCOL, unit=self._served.unit, version=__version__))
                return not self._gone
        except WireError as error:
            await self.reject(str(error))
            return False
        await self.reject("no greeting came")
        return False

    async def _take(self, acts: trio.Nursery, watching: trio.Nursery) -> None:
        try:
            while (record := await self._receive()) is not None:
                request = _check_request(record)
                if isinstance(request, SignIn | SignOut | Watch):  # in their order: they change what comes after
                    await self._answer(request)
                    continue
                await self._turns.acquire()
                nursery = watching if isinstance(request, LookUp | ProbeFace | Listen | StopListening) else acts
                nursery.start_soon(self._answer_in_turn, request)
        except WireError as error:
            self._served.say(f"a dashboard was refused: {error}")
            await self.reject(str(error))

    async def _receive(self) -> Hello | Request | None:
        """Return the next record, or None where the dashboard is gone.

        Raises:
            WireError: What came is none, or a frame was not finished in time.
        """
        until = math.inf
        while (body := self._frames.next()) is None:
            data = b""
            if self._frames.partial:
                until = min(until, trio.current_time() + FRAME_SECONDS)
            with trio.move_on_at(until) as late, suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                data = await self._stream.receive_some(2**16)
            if late.cancelled_caught:
                raise WireError("a frame was begun and not finished")
            if not data:
                return None
            self._frames.feed(data)
        return unpack_request(body)

    # ------------------------------------------------------------------------------------------ answering

    async def _answer_in_turn(self, request: Request) -> None:
        try:
            await self._answer(request)
        finally:
            self._turns.release()

    async def _answer(self, request: Request) -> None:
        number = request.request
        try:
            message = await self._carry_out(request)
        except HubError as error:
            message = Refused(
                request=number, reason=plain(str(error), limit=500), sign_in=isinstance(error, NotSignedInError)
            )
            let_go(error)  # and whom it was asked about
        except Exception as error:  # noqa: BLE001  # a fault costs this request, never the hub
            self._served.say(f"a request failed: {type(request).__name__}, {locate(error)}")
            message = Refused(request=number, reason="the hub failed to do this; its own log says where")
            let_go(error)
        await self.send(message)

    async def _carry_out(self, request: Request) -> Message:
        match request:
            case SignIn():
                return await self._sign_in(request)
            case SignOut():
                officer = await self._sign_out()
                return Done(request=request.request, text=f"officer {officer.officer} signed out")
        session = self._session
        if session is None:
            raise NotSignedInError("nobody is signed in on this dashboard: sign in first")
        requester = await self._check(session)
        if isinstance(request, Watch):
            self._watch(request.camera)
            return Done(request=request.request, text=f"watching {request.camera}" if request.camera else "")

        match request:
            case Listen() if self._watching is not None:
                return await self._conversation.begin(request, requester, self._watching)
            case StopListening():
                return await self._conversation.end(request.request)
            case SaveTranscript():
                return await self._conversation.save(request, requester)

        async def tell(message: Message) -> None:
            if self._session is session:  # else what was asked for is nobody's on this dashboard any more
                await self.send(message)

        message = await self._served.requests.answer(request, requester, tell)
        if self._session is not session and not isinstance(request, DecideAlert):
            raise NotSignedInError("the session ended before the answer came")
        if self._session is not session:
            return Done(request=request.request, text="done; the session ended meanwhile")
        return message

    def _watch(self, camera: str) -> None:
        """Begin to send a camera's pictures in place of another's."""
        if camera:
            self._served.viewing.check(camera)
        self._showing.cancel()
        if camera and self._watching is not None:
            self._showing = trio.CancelScope()
            self._watching.start_soon(self._show, camera, self._showing)

    async def _show(self, camera: str, showing: trio.CancelScope) -> None:
        with showing, self._served.viewing.watch(camera) as pictures:
            async for picture in pictures:
                await self.send(picture)

    # --------------------------------------------------------------------------------------- the session

    async def _sign_in(self, request: SignIn) -> Message:
        opened = await self._served.officers.sign_in(request.number, request.passphrase)
        before, self._session = self._session, _Session(opened.token, opened.requester)
        self._until = self._served.clock.boottime() + opened.idle.total_seconds()
        self._showing.cancel()
        self._conversation.forget()
        await self._forget(before)
        await self._refresh()
        return Done(request=request.request, text=f"officer {request.number} signed in as {opened.requester.role}")

    async def _sign_out(self) -> Requester:
        session = self._session
        if session is None:
            raise NotSignedInError("nobody is signed in on this dashboard")
        officer = await self._served.officers.sign_out(session.token)
        await self._end_session(session)
        return officer

    async def _check(self, session: _Session) -> Requester:
        try:
            requester = await self._served.officers.check(session.token)
        except NotSignedInError:
            await self._end_session(session)
            raise
        self._until = self._served.clock.boottime() + await self._served.officers.left(session.token)
        return requester

    async def _end_session(self, session: _Session) -> None:
        """Show nothing more to whoever's session has ended."""
        if self._session is session:
            self._session = None
            self._showing.cancel()
            self._conversation.forget()
            await self._refresh()

    async def _forget(self, session: _Session | None) -> None:
        """Sign out whoever was signed in, if somebody was."""
        if session is not None:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + LAST_SECONDS), suppress(HubError):
                await self._served.officers.sign_out(session.token)

    async def _follow_session(self) -> None:
        """End a session that is over, here or because another process ended it. The store may take its time over it."""
        while not self._gone:
            await trio.sleep(PULSE_SECONDS)
            session = self._session
            if session is None:
                continue
            try:
                left = await self._served.officers.left(session.token)
            except StoreError:
                left = self._until - self._served.clock.boottime()
            if left <= 0:
                await self._end_session(session)
            elif self._session is session:
                self._until = self._served.clock.boottime() + left

    def _left(self) -> float | None:
        """Return how many seconds the session stands as far as is known, None where nobody is signed in."""
        return None if self._session is None else max(0.0, self._until - self._served.clock.boottime())

    # ------------------------------------------------------------------------------------------ telling

    async def _tell(self) -> None:
        """Show the present, then tell what happens; whoever was too slow for that is shown the present again."""
        with suppress(ClosedChannelError):
            while not self._gone:
                self._stale = False
                with self._served.events.subscribe() as events:
                    snapshot = await self._snapshot()
                    if self._stale:
                        continue  # who is signed in changed meanwhile
                    shown, self._shown = self._shown, trio.Event()
                    try:
                        await self.send(snapshot)
                    finally:
                        shown.set()
                    await self._follow(events)
        self._leave()

    async def _follow(self, events: Subscription[Event]) -> None:
        """Tell what happens until the present has to be shown again."""
        while not (self._stale or self._gone):
            try:
                with trio.CancelScope() as self._waiting:
                    event = await events.receive()
            except LaggedError as error:
                await self.send(Lagged(missed=error.missed))
                return
            if not self._waiting.cancelled_caught:
                await self._tell_of(event)

    async def _tell_of(self, event: Event) -> None:
        if not isinstance(event, AlertEvent) or self._sees_alerts():
            await self.send(Told(event=event))

    def _sees_alerts(self) -> bool:
        session = self._session
        if session is None or self._served.clock.boottime() >= self._until:
            return False
        return may_see_alerts(session.officer).allowed

    async def _refresh(self) -> None:
        """Have the present shown, and wait until it was sent. Only the teller sends it, so it is never an old one."""
        self._stale, shown = True, self._shown
        self._waiting.cancel()
        if not self._gone:
            await shown.wait()

    async def _pulse(self) -> None:
        """Show that the hub lives. Waits for no store: a dashboard that hears nothing takes the hub for lost."""
        while not self._gone:
            await trio.sleep(PULSE_SECONDS)
            await self.send(self._now())

    def _now(self) -> Pulse:
        served, now = self._served, self._served.clock.now()
        return Pulse(
            at=now,
            session_left=self._left(),
            open_alerts=served.board.open_alerts(now),
            counts=served.ledger.snapshot(),
            queues=served.queues(),
            sources=served.source_health(),
            latencies=served.latencies(),
            watch=served.watch(),
        )

    async def _snapshot(self) -> Snapshot:
        served, session = self._served, self._session
        detail = served.board.detail
        alerts: tuple[AlertEvent, ...] = ()
        if session is not None and self._sees_alerts():
            try:
                alerts = _events(await served.alerts.list(session.officer, everything=True), served)
            except HubError as error:
                detail = f"alerts cannot be read: {error}"
        return Snapshot(
            at=served.clock.now(),
            officer=None if session is None else session.officer,
            cameras=served.board.cameras,
            actors=served.board.actors,
            alerts=alerts,
            parked=served.parked,
            development=served.development,
            detail=detail,
            pulse=self._now(),
            listening=served.board.listening,
        )

    async def send(self, message: Message) -> None:
        """Send a message, or drop it where the dashboard is gone."""
        if self._gone:
            return
        try:
            frame = pack_message(message)
        except WireError as error:
            request = getattr(message, "request", None)
            if request is None:
                raise
            frame = pack_message(Refused(request=request, reason=str(error)))
        try:
            async with self._sending:
                with trio.fail_after(SEND_SECONDS):
                    await self._stream.send_all(frame)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._leave()
        except trio.TooSlowError:
            self._served.say("a dashboard took nothing any more and was left")
            self._leave()

    async def reject(self, reason: str) -> None:
        """Say why the connection ends."""
        with trio.move_on_after(LAST_SECONDS):
            await self.send(Rejected(reason=reason))
        self._leave()

    def _leave(self) -> None:
        self._gone = True
        self._shown.set()
        self._scope.cancel()


def _check_greeting(record: Hello | Request) -> None:
    if not isinstance(record, Hello):
        raise WireError("the first frame is no greeting")
    if record.protocol != PROTOCOL:
        raise WireError(f"this hub speaks protocol {PROTOCOL}, the dashboard {record.protocol}: use the same version")


def _check_request(record: Hello | Request) -> Request:
    if isinstance(record, Hello):
        raise WireError("a dashboard greets once")
    return record


def _events(alerts: tuple[Alert, ...], served: Served) -> tuple[AlertEvent, ...]:
    """Return alerts as a snapshot tells of them: all that wait, and the newest of the others, oldest first."""
    others = [alert for alert in alerts if alert.state is not AlertState.ALERT][-MOST_ALERTS:]
    kept = {alert.alert for alert in others}
    shown = (alert for alert in alerts if alert.state is AlertState.ALERT or alert.alert in kept)
    now = served.clock.now()
    return tuple(alert_event(alert, at=now, unit=served.unit) for alert in shown)
