"""Taking an update: from a folder and from a real HTTPS server, accounted for, kept, refused, broken, slow, hostile."""

from __future__ import annotations

import fcntl
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import httpx2
import pytest
import trio
import trustme

from hub.clocks import ManualClock
from hub.errors import (
    AuditError,
    BusyError,
    InputError,
    NotAllowedError,
    NotSignedInError,
    SourceUnavailableError,
    StoreError,
    TrustError,
    UsageError,
)
from hub.messages import Act, Requester
from hub.testing.audit import MemoryLog
from hub.watchlists import origins, updating
from hub.watchlists.metadata import Withdrawn
from hub.watchlists.origins import open_origin
from hub.watchlists.trusted import TRUSTED_FILE, open_trusted
from hub.watchlists.updating import fetch_list, take_update
from tests.kit_authority import NOW, Ceremony, hot_list

SUPERVISOR = Requester("4711", "supervisor", "unit-7")
OFFICER = Requester("0815", "officer", "unit-7")
UNIT = Requester("", "unit", "unit-7")


class Bench:
    """A unit's side of an update."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "state"
        self.log = MemoryLog()
        self.clock = ManualClock(NOW)

    async def take(self, address, *, root=None, by=SUPERVISOR, authorities=None):
        async with open_origin(str(address), authorities=authorities) as origin:
            return await take_update(self.folder, origin, anchor=root, log=self.log, clock=self.clock, requester=by)

    def kept(self):
        return open_trusted(self.folder)


@pytest.fixture
def own(tmp_path):
    return Ceremony(tmp_path).begin()


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


# --------------------------------------------------------------------------------------------------- a folder


async def test_an_update_is_accounted_for_and_kept(own, bench):
    done = await bench.take(own.path, root=own.anchor())
    assert done.newer
    assert bench.kept().versions == done.trusted.versions == (1, 1, 1, 1)
    own.publish(hot_list())
    assert (await bench.take(own.path, by=OFFICER)).trusted.listings
    assert not (await bench.take(own.path)).newer
    assert bench.log.acts == [Act.TRUST_UPDATE] * 3
    first = bench.log.entries[0]
    assert (first.outcome, first.requester, first.payload.timestamp) == ("accepted", SUPERVISOR, 1)
    assert first.payload.source == str(own.path)


async def test_a_refused_update_is_accounted_for_and_leaves_what_was_trusted(own, bench):
    older = own.files()
    own.publish(hot_list())
    await bench.take(own.path, root=own.anchor())
    before = (bench.folder / TRUSTED_FILE).read_bytes()
    (own.path / "metadata/timestamp.json").write_bytes(older["metadata/timestamp.json"])
    with pytest.raises(TrustError, match="rolled back"):
        await bench.take(own.path)
    assert (bench.folder / TRUSTED_FILE).read_bytes() == before
    refused = bench.log.entries[-1]
    assert (refused.outcome, refused.payload.timestamp) == ("refused", 2)
    assert "rolled back" in refused.payload.reason


async def test_what_stands_ends_by_itself_where_no_update_comes(own, bench):
    await bench.take(own.path, root=own.anchor())
    bench.clock.advance(7 * 86_400)
    with pytest.raises(TrustError, match="timestamp expired"):
        await bench.take(own.path)
    assert "expired" in bench.kept().standing(bench.clock.now())


async def test_a_clock_that_is_set_back_takes_no_expired_update(own, bench):
    """The unit's clock is floored by its log; here the floor is the clock itself."""
    from hub.clocks import FlooredClock

    await bench.take(own.path, root=own.anchor())
    bench.clock.advance(8 * 86_400)
    late = bench.clock.now()
    bench.clock.set_wall(NOW)
    bench.clock = FlooredClock(bench.clock, lambda: late)
    with pytest.raises(TrustError, match="timestamp expired"):
        await bench.take(own.path)


async def test_who_may(own, bench):
    for by in (UNIT, Requester("1", "nonsense", "unit-7")):
        with pytest.raises(NotAllowedError):
            await bench.take(own.path, root=own.anchor(), by=by)
    with pytest.raises(NotSignedInError):
        await bench.take(own.path, root=own.anchor(), by=UNIT)
    with pytest.raises(NotAllowedError, match="whom this unit trusts is decided by a supervisor"):
        await bench.take(own.path, root=own.anchor(), by=OFFICER)
    assert bench.kept() is None
    await bench.take(own.path, root=own.anchor())
    await bench.take(own.path, by=OFFICER)


async def test_the_first_root_comes_once_and_on_a_way_of_its_own(own, bench, tmp_path):
    with pytest.raises(UsageError, match="--root"):
        await bench.take(own.path)
    await bench.take(own.path, root=own.anchor())
    other = Ceremony(tmp_path / "other").begin()
    with pytest.raises(UsageError, match="trusts an authority already"):
        await bench.take(other.path, root=other.anchor())


async def test_no_entry_no_update(own, bench):
    bench.log.broken = True
    with pytest.raises(AuditError):
        await bench.take(own.path, root=own.anchor())
    assert bench.kept() is None


async def test_the_entry_comes_before_the_act(own, bench):
    seen = []
    bench.log = MemoryLog(lambda _entry: seen.append(bench.kept()))
    await bench.take(own.path, root=own.anchor())
    assert seen == [None]


async def test_a_full_disk_changes_nothing_and_is_in_the_log(own, bench, monkeypatch):
    await bench.take(own.path, root=own.anchor())
    own.publish(hot_list())

    def full(*_):
        raise StoreError("the disk is full")

    monkeypatch.setattr(updating, "keep", full)
    with pytest.raises(StoreError, match="full"):
        await bench.take(own.path)
    assert bench.kept().versions[1] == 1
    assert [entry.outcome for entry in bench.log.entries] == ["accepted", "accepted", "not_done"]


async def test_one_update_at_a_time(own, bench):
    await bench.take(own.path, root=own.anchor())
    descriptor = os.open(bench.folder / f"{TRUSTED_FILE}.lock", os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(BusyError):
            await bench.take(own.path)
    finally:
        os.close(descriptor)
    await bench.take(own.path)


async def test_folders_that_are_none(own, bench, tmp_path):
    for address in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(InputError, match="holds no update"):
            await bench.take(address, root=own.anchor())
    for address in ("http://example.org/", "ftp://example.org/", "https://me:secret@example.org/"):
        with pytest.raises(UsageError) as raised:
            await bench.take(address, root=own.anchor())
        assert "secret" not in str(raised.value).replace("not secret", "")


@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
async def test_a_stick_with_traps(own, bench, kind):
    """What is no plain file is not read: a link could point anywhere, a pipe would hold the hub for ever."""
    await bench.take(own.path, root=own.anchor())
    trap = own.path / "metadata/timestamp.json"
    trap.unlink()
    if kind == "link":
        trap.symlink_to("/dev/zero")
    elif kind == "fifo":
        os.mkfifo(trap)
    else:
        trap.mkdir()
    with pytest.raises(InputError, match=r"links are not followed|no plain file"):
        await bench.take(own.path)
    assert bench.log.entries[-1].outcome == "refused"


# ------------------------------------------------------------------------------------------------------- https


class Server:
    """A real HTTPS server over an authority's folder; what it answers can be changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.answer: Callable[[BaseHTTPRequestHandler, str], bool] = lambda _handler, _name: False
        self.address = ""
        self.authorities = Path()

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        name = unquote(handler.path).removeprefix("/desk/")
        self.asked.append(name)
        if self.answer(handler, name):
            return
        file = self.folder / name
        if not file.is_file():
            handler.send_error(404)
            return
        send(handler, 200, file.read_bytes())


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> bool:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)
    return True


@contextmanager
def serving(folder: Path, scratch: Path) -> Iterator[Server]:
    server = Server(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.handle(self)

        def log_message(self, *_: object) -> None:
            pass

    authority = trustme.CA()
    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    listener.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that hang up are expected
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    server.authorities = scratch / "ca.pem"
    authority.cert_pem.write_to_path(server.authorities)
    server.address = f"https://localhost:{listener.server_port}/desk"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join(5)


@pytest.fixture
def server(own, tmp_path):
    with serving(own.path, tmp_path) as running:
        yield running


async def test_over_https(own, bench, server):
    await bench.take(server.address, root=own.anchor(), authorities=server.authorities)
    own.desk.withdraw(Withdrawn(orders=("O-1",)), NOW)
    own.sign("anna", "ben")
    own.refresh()
    server.asked.clear()
    done = await bench.take(server.address + "/", authorities=server.authorities)
    assert done.trusted.revoked == {"O-1"}
    assert bench.log.entries[-1].payload.source == server.address
    people = [name for name in server.asked if name.endswith("people.json")]
    assert (server.asked[0], people) == ("metadata/2.root.json", [])  # what was kept is not fetched again


@pytest.mark.parametrize("over", ["folder", "https"])
async def test_a_list_is_written_where_it_is_the_one_that_was_signed_for(own, bench, server, tmp_path, over):
    package = own.publish(hot_list())
    (listing,) = own.unit().listings
    address, path = (str(own.path) if over == "folder" else server.address), tmp_path / "list"
    async with open_origin(address, authorities=server.authorities) as origin:
        await fetch_list(origin, listing, path)
        assert path.read_bytes() == package
        for content in (package + b"x" * 100_000, package[:-1], b""):
            (own.path / listing.file).write_bytes(content)
            with pytest.raises(TrustError, match="not the list that its issuer has signed for"):
                await fetch_list(origin, listing, path)
        (own.path / listing.file).unlink()
        with pytest.raises(TrustError, match="missing"):
            await fetch_list(origin, listing, path)
        assert path.read_bytes() == package
    assert sorted(file.name for file in tmp_path.glob(".*")) == []


async def test_a_server_that_nobody_vouches_for(own, bench, server):
    with pytest.raises(SourceUnavailableError, match="certificate"):
        await bench.take(server.address, root=own.anchor())
    assert server.asked == []
    with pytest.raises(InputError, match="holds no certificates"):
        await bench.take(server.address, root=own.anchor(), authorities=own.path / "metadata/timestamp.json")


async def test_nobody_answers(own, bench, server):
    with pytest.raises(SourceUnavailableError, match="does not answer"):
        await bench.take("https://localhost:1/desk", root=own.anchor())
    assert bench.log.entries[-1].outcome == "refused"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(own, bench, server, status):
    server.answer = lambda handler, _: send(handler, status, b"", Location="https://localhost:1/elsewhere")
    with pytest.raises(SourceUnavailableError, match="sends elsewhere"):
        await bench.take(server.address, root=own.anchor(), authorities=server.authorities)
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [403, 500, 503, 206])
async def test_any_other_answer_is_told(own, bench, server, status):
    server.answer = lambda handler, _: send(handler, status, b"no")
    with pytest.raises(SourceUnavailableError, match=f"answers {status}"):
        await bench.take(server.address, root=own.anchor(), authorities=server.authorities)


async def test_nothing_is_unpacked(own, bench, server):
    """A few bytes that unpack to gigabytes: packed answers were not asked for and are not taken."""
    server.answer = lambda handler, _: send(handler, 200, b"\x1f\x8b" + bytes(100), Content_Encoding="gzip")
    with pytest.raises(SourceUnavailableError):
        await bench.take(server.address, root=own.anchor(), authorities=server.authorities)


async def test_an_endless_answer_ends(own, bench, server):
    def endless(handler, name):
        if name != "metadata/timestamp.json":
            return False
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(bytes(64 * 1024))
        except OSError:
            return True

    server.answer = endless
    with pytest.raises(TrustError, match="too large"):
        await bench.take(server.address, root=own.anchor(), authorities=server.authorities)


async def test_an_answer_that_is_cut_short(own, bench, server):
    def cut(handler, name):
        if name != "metadata/timestamp.json":
            return False
        handler.send_response(200)
        handler.send_header("Content-Length", "5000")
        handler.end_headers()
        handler.wfile.write(b'{"signed":')
        handler.close_connection = True
        return True

    server.answer = cut
    with pytest.raises(SourceUnavailableError, match="does not answer"):
        await bench.take(server.address, root=own.anchor(), authorities=server.authorities)


async def test_a_server_that_says_nothing(own, bench, server, monkeypatch):
    gone = threading.Event()
    server.answer = lambda _handler, _name: gone.wait(5)
    monkeypatch.setattr(origins, "_ONE_ANSWER", httpx2.Timeout(0.2))
    with pytest.raises(SourceUnavailableError, match="does not answer"):
        await bench.take(server.address, root=own.anchor(), authorities=server.authorities)
    gone.set()


async def test_a_server_that_trickles(own, bench, server, monkeypatch):
    """Each piece comes in time and the whole never does."""
    gone = threading.Event()

    def trickle(handler, _name):
        handler.send_response(200)
        handler.end_headers()
        while not gone.wait(0.02):
            try:
                handler.wfile.write(b" ")
            except OSError:
                break
        return True

    server.answer = trickle
    monkeypatch.setattr(updating, "SECONDS", 0.5)
    with pytest.raises(SourceUnavailableError, match=r"within 0\.5 s"):
        await bench.take(server.address, root=own.anchor(), authorities=server.authorities)
    gone.set()


async def test_an_update_can_be_cancelled(own, bench, server):
    gone = threading.Event()
    server.answer = lambda _handler, _name: gone.wait(5)
    with trio.move_on_after(0.3) as scope:
        await bench.take(server.address, root=own.anchor(), authorities=server.authorities)
    gone.set()
    assert scope.cancelled_caught
    assert bench.kept() is None
