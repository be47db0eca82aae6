"""The plates actor: every frame, region, track and read has one reason, whatever the reader does."""

import gc
import threading
import weakref
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from hub.actors.plates import FrameSeen, run_plates
from hub.channels import Mailbox
from hub.errors import ModelError
from hub.inference import Worker
from hub.ledger import Ledger, Stage
from hub.messages import Box, Reason, SourceKind
from hub.plates.grammar import GrammarBook, load_grammars
from hub.plates.settings import PlateSettings
from hub.plates.vehicles import VehicleSettings, _Remembered
from hub.testing.frames import Painted, drive_past, frames_of, paint, street
from hub.testing.readers import FailingReader, HangingReader, PaintedReader, ScriptedReader

BOOK = GrammarBook([row for row in load_grammars().rows if row.code in ("ES", "FR")])
"""Few grammars: decoding with all of them is tested elsewhere and takes its time."""


class Bench:
    """The actor with everything around it."""

    def __init__(self, reader, *, replacements=2, capacity=64, at_once=1, **options):
        self.ledger = Ledger()
        self.frames = Mailbox(1)
        self.out = Mailbox(capacity)
        self.seen: list[FrameSeen] = []
        self.worker = Worker("reader", replacements=replacements, concurrent=at_once)
        self._run = lambda task_status=trio.TASK_STATUS_IGNORED: run_plates(
            "front",
            self.frames,
            self.out,
            reader=reader,
            worker=self.worker,
            book=BOOK,
            plates=PlateSettings(),
            ledger=self.ledger,
            key=b"k" * 32,
            at_once=at_once,
            on_frame=self._note,
            task_status=task_status,
            **options,
        )

    async def _note(self, seen):
        self.seen.append(seen)

    @asynccontextmanager
    async def running(self):
        async with trio.open_nursery() as nursery:
            await nursery.start(self._run)
            yield nursery

    async def feed(self, frames):
        for frame in frames:
            self.ledger.enter(frame.camera, Stage.FRAME)
            await self.frames.send(frame)

    async def play(self, frames):
        async with self.running():
            await self.feed(frames)
            self.frames.close()

    def counts(self, stage):
        return {each.reason: each.count for each in self.ledger.snapshot() if each.stage == stage}

    def settle(self):
        """Do what the look-up actor does with reads, then nothing may be open."""
        self.ledger.leave("front", Stage.READ, Reason.NOT_LISTED, len(self.out.drain()))
        assert self.ledger.check() == ()


async def test_a_clip_gives_one_read_and_counts_that_add_up():
    bench = Bench(PaintedReader())
    await bench.play(frames_of([street()] * 3 + drive_past("1234BCD", 12) + [street()] * 5))
    (read,) = bench.out.drain()
    assert (read.readings[0].plate, read.votes, read.camera, read.kind) == ("1234BCD", 12, "front", SourceKind.LOSSLESS)
    assert bench.counts("frame") == {Reason.READ: 12, Reason.NO_TEXT: 8}
    assert bench.counts("region") == {Reason.READ: 12}
    assert bench.counts("track") == {Reason.READ: 1}
    bench.ledger.leave("front", Stage.READ, Reason.NOT_LISTED)
    bench.settle()


async def test_what_may_be_told_of_a_frame_has_no_text():
    bench = Bench(PaintedReader())
    await bench.play(frames_of(drive_past("1234BCD", 4)))
    assert [seen.reason for seen in bench.seen] == [Reason.READ] * 4
    assert isinstance(bench.seen[0].boxes[0], Box)
    assert all(seen.milliseconds > 0 for seen in bench.seen)
    assert "1234BCD" not in repr(bench.seen)
    bench.settle()


async def test_photos_are_read_at_once():
    photos = [paint(street(), [Painted("1234BCD", 20, 20), Painted("5678FGH", 150, 100)]), street()]
    bench = Bench(PaintedReader())
    await bench.play(frames_of(photos, kind=SourceKind.STILL))
    assert sorted(read.readings[0].plate for read in bench.out.drain()) == ["1234BCD", "5678FGH"]
    bench.ledger.leave("front", Stage.READ, Reason.NOT_LISTED, 2)
    bench.settle()


class OvertakingReader(PaintedReader):
    """Ends every other call after the one that began behind it, where there is one; counts calls at the same time."""

    def __init__(self, *, waits):
        self.most = self._now = self._calls = 0
        self._lock, self._waits = threading.Lock(), waits
        self._ended = [threading.Event() for _ in range(20)]

    def read(self, image):
        with self._lock:
            number, self._calls = self._calls, self._calls + 1
            self._now += 1
            self.most = max(self.most, self._now)
        if self._waits and number % 2 == 0:
            assert self._ended[number + 1].wait(5), "no other call came"
        try:
            return super().read(image)
        finally:
            with self._lock:
                self._now -= 1
            self._ended[number].set()


@pytest.mark.parametrize("kind", [SourceKind.STILL, SourceKind.LOSSLESS])
async def test_frames_that_are_looked_at_at_once_keep_their_order(kind):
    reader = OvertakingReader(waits=True)
    bench = Bench(reader, at_once=2)
    await bench.play(frames_of(drive_past("1234BCD", 12), kind=kind))
    assert reader.most == 2
    assert [seen.number for seen in bench.seen] == list(range(12))
    reads = bench.out.drain()
    assert [read.votes for read in reads] == ([12] if kind is SourceKind.LOSSLESS else [1] * 12)
    bench.ledger.leave("front", Stage.READ, Reason.NOT_LISTED, len(reads))
    bench.settle()


async def test_where_the_newest_frame_wins_no_frame_waits_beside_another():
    reader = OvertakingReader(waits=False)
    bench = Bench(reader, at_once=2)
    await bench.play(frames_of(drive_past("1234BCD", 12), kind=SourceKind.LIVE, rate=25))
    assert reader.most == 1
    bench.ledger.leave("front", Stage.READ, Reason.NOT_LISTED, len(bench.out.drain()))
    bench.settle()


async def test_frames_that_are_looked_at_when_the_hub_stops_have_their_reason():
    reader = HangingReader()
    bench = Bench(reader, at_once=2)
    async with bench.running() as nursery:
        await bench.feed(frames_of([street()] * 3, kind=SourceKind.STILL))
        await trio.testing.wait_all_tasks_blocked(0.01)
        nursery.cancel_scope.cancel()
    reader.release()
    assert bench.counts("frame") == {Reason.STOPPED: 3}
    bench.settle()


@pytest.mark.parametrize("make_error", [lambda: ModelError("1234BCD"), lambda: KeyError("1234BCD"), SystemExit])
async def test_a_reader_that_raises_costs_frames_and_nothing_else(make_error):
    bench = Bench(FailingReader(make_error))
    await bench.play(frames_of([street()] * 5))
    assert bench.counts("frame") == {Reason.READER_UNAVAILABLE: 5}
    assert all("failed" in seen.detail and "1234BCD" not in seen.detail for seen in bench.seen)
    bench.settle()


async def test_a_reader_that_raises_now_and_then_still_gives_the_read():
    clip = drive_past("1234BCD", 12)
    script = [PaintedReader().read(image) if number % 3 else ModelError("no") for number, image in enumerate(clip)]
    bench = Bench(ScriptedReader(script))
    await bench.play(frames_of(clip))
    assert bench.counts("frame") == {Reason.READ: 8, Reason.READER_UNAVAILABLE: 4}
    assert len(bench.out.drain()) == 1
    bench.ledger.leave("front", Stage.READ, Reason.NOT_LISTED)
    bench.settle()


@pytest.mark.slow
async def test_a_reader_that_hangs_is_given_up_and_the_frames_go_on():
    reader = HangingReader()
    bench = Bench(reader, replacements=2, deadline=0.2)
    started = trio.current_time()
    await bench.play(frames_of([street()] * 30))
    assert trio.current_time() - started < 3
    assert bench.counts("frame") == {Reason.READER_UNAVAILABLE: 30}
    assert bench.worker.parked
    reader.release()
    bench.settle()


@pytest.mark.slow
async def test_tracks_of_a_camera_that_falls_silent_end():
    bench = Bench(PaintedReader())
    async with bench.running() as nursery:
        await bench.feed(frames_of(drive_past("1234BCD", 5), kind=SourceKind.LIVE, rate=25))
        with trio.fail_after(5):
            read = await bench.out.receive()
        nursery.cancel_scope.cancel()
    assert read.votes == 5
    bench.ledger.leave("front", Stage.READ, Reason.NOT_LISTED)
    bench.settle()


@pytest.mark.slow
async def test_what_is_remembered_of_a_vehicle_goes_though_no_frame_comes_any_more():
    def remembered():
        return sum(isinstance(each, _Remembered) for each in gc.get_objects())

    bench = Bench(PaintedReader(), vehicles=VehicleSettings(memory=0.5))
    async with bench.running() as nursery:
        await bench.feed(frames_of(drive_past("1234BCD", 5), kind=SourceKind.LIVE, rate=25))
        with trio.fail_after(5):
            await bench.out.receive()
        assert remembered() == 1
        await trio.sleep(0.8)
        assert remembered() == 0
        nursery.cancel_scope.cancel()


async def test_when_the_hub_stops_everything_under_way_has_its_reason():
    bench = Bench(PaintedReader())
    async with bench.running() as nursery:
        await bench.feed(frames_of(drive_past("1234BCD", 6), kind=SourceKind.LIVE, rate=25))
        nursery.cancel_scope.cancel()
    assert bench.frames.statistics().closed
    assert bench.counts("track") in ({Reason.STOPPED: 1}, {})
    bench.settle()


async def test_a_read_that_nobody_can_take_any_more_is_counted():
    bench = Bench(PaintedReader(), capacity=1)
    photos = [paint(street(), [Painted(f"123{n}BCD", 20, 20)]) for n in range(6)]
    async with bench.running() as nursery:
        for frame in frames_of(photos[:4], kind=SourceKind.STILL):
            bench.ledger.enter("front", Stage.FRAME)
            await bench.frames.send(frame)
        while len(bench.seen) < 1 or bench.frames.statistics().waiting == 0:  # noqa: ASYNC110  # threads, no event
            await trio.sleep(0.005)
        nursery.cancel_scope.cancel()
    assert bench.frames.statistics().closed
    assert bench.counts("read").get(Reason.STOPPED, 0) <= 1
    bench.settle()


async def test_the_last_frame_is_not_kept_while_the_next_is_awaited():
    bench = Bench(PaintedReader(), capacity=8)
    async with bench.running() as nursery:
        frames = frames_of([paint(street(), [Painted("1234BCD", 20, 20)])], kind=SourceKind.STILL)
        image = weakref.ref(frames[0].image)
        await bench.feed(frames)
        del frames
        await bench.out.receive()
        await trio.testing.wait_all_tasks_blocked(0.05)
        gc.collect()
        assert image() is None
        nursery.cancel_scope.cancel()


def blames_itself():
    error = KeyError("1234BCD")
    error.__cause__ = error
    return error


@pytest.mark.parametrize("make_error", [lambda: KeyError("1234BCD"), SystemExit, blames_itself])
async def test_a_frame_that_the_reader_failed_on_goes_without_the_collector(make_error):
    bench = Bench(FailingReader(make_error))
    async with bench.running() as nursery:
        frames = frames_of([street()], kind=SourceKind.STILL)
        image = weakref.ref(frames[0].image)
        gc.disable()
        try:
            await bench.feed(frames)
            del frames
            while not bench.seen:  # noqa: ASYNC110  # threads, no event
                await trio.sleep(0.005)
            await trio.testing.wait_all_tasks_blocked(0.05)
            assert image() is None
        finally:
            gc.enable()
        nursery.cancel_scope.cancel()
