"""The faces actor: one comparison a face, one reason a frame and a face, and nothing once the order says no."""

from __future__ import annotations

import gc
import weakref
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import numpy as np
import pytest
import trio

from hub.actors.faces import faces_mailbox, run_faces, run_watch
from hub.channels import Mailbox
from hub.errors import ClosedChannelError
from hub.inference import Worker
from hub.ledger import Ledger, Stage
from hub.messages import AnswerStatus, HitKind, Reason, SourceKind
from tests.kit_lists import NOW
from tests.kit_watch import STRANGERS, benches, frame


class Run:
    """Runs the actor over frames and keeps what it hands on."""

    def __init__(self, bench):
        self.bench, self.ledger, self.hits = bench, Ledger(), []

    async def __call__(self, frames, *, before=lambda _: None):
        box, out = faces_mailbox(self.ledger, "gate", lossless=True), Mailbox(16)

        async def collect():
            async for each in out:
                self.hits.append(each)
                self.ledger.leave("gate", Stage.FACE, Reason.ALERT)

        async def act():
            with out:
                await run_faces(
                    "gate",
                    box,
                    out,
                    engine=self.bench.engine,
                    worker=Worker("faces"),
                    watch=self.bench.watch,
                    ledger=self.ledger,
                    identify=lambda: "L",
                )

        async with trio.open_nursery() as nursery:
            nursery.start_soon(collect)
            nursery.start_soon(act)
            for each in frames:
                before(each)
                self.ledger.enter("gate", Stage.FACE_FRAME)
                try:
                    await box.send(each)
                except ClosedChannelError:  # as capture does
                    self.ledger.leave("gate", Stage.FACE_FRAME, Reason.NO_ORDER)
            box.close()
        assert self.ledger.check() == ()
        return {(each.stage, each.reason): each.count for each in self.ledger.snapshot()}


@pytest.fixture
def make(tmp_path):
    with benches(tmp_path) as made:
        yield made


@pytest.fixture
def bench(make):
    return make()


async def test_strangers_are_compared_once_each_and_leave_a_count(bench):
    await bench.watch.tick()
    run = Run(bench)
    counts = await run([frame(person, number=number) for number, person in enumerate(STRANGERS)])
    assert counts == {("face_frame", Reason.FACES): 21, ("face", Reason.NOT_RESEMBLED): 21}
    assert bench.comparisons == 21 * 2
    assert run.hits == []


async def test_somebody_listed_becomes_a_candidate_with_why_and_what_to_do(bench):
    await bench.watch.tick()
    run = Run(bench)
    counts = await run([frame(85), frame(45, number=1)])
    assert counts["face", Reason.ALERT] == counts["face", Reason.NOT_RESEMBLED] == 1
    (raised,) = run.hits
    (hit,) = raised.answer.hits
    assert (hit.kind, hit.record.entry, raised.answer.status) == (HitKind.FACE, "E-1", AnswerStatus.HIT)
    assert hit.record.get("category") == "missing_child"
    assert hit.record.get("instruction") == "Stay with the child and call the desk"
    assert hit.record.get("name") == "Nobody 1"
    assert hit.similarity == pytest.approx(0.9962, abs=1e-3)
    assert "expected false alerts an hour" in hit.why.lower()
    assert "Not measured" in hit.why
    assert raised.face.references == (("E-1", b"photo of E-1"),)
    assert (raised.face.order, raised.requester.officer) == ("2030/7", "")


async def test_two_who_cannot_be_told_apart_are_ambiguous(make):
    bench = make(44, 46)
    await bench.watch.tick()
    run = Run(bench)
    await run([frame(45)])
    (raised,) = run.hits
    assert raised.answer.status is AnswerStatus.AMBIGUOUS
    assert {hit.record.entry for hit in raised.answer.hits} == {"E-0", "E-1"}
    assert all(hit.ambiguous and hit.competing for hit in raised.answer.hits)
    assert "neither is put first" in raised.answer.hits[0].why
    assert len(raised.face.references) == 2


async def test_below_the_floor_nothing_is_compared(bench):
    await bench.watch.tick()
    counts = await Run(bench)([frame(0, dark=True)])
    assert counts == {("face_frame", Reason.FACES): 1, ("face", Reason.TOO_DARK): 1}
    assert bench.comparisons == bench.engine.compared == 0


async def test_without_a_face_the_frame_says_so(bench):
    await bench.watch.tick()
    assert await Run(bench)([frame(0, faces=0)]) == {("face_frame", Reason.NO_FACE): 1}


async def test_a_video_gives_one_comparison_a_face(bench):
    await bench.watch.tick()
    run = Run(bench)
    counts = await run([frame(3, number=number, kind=SourceKind.LOSSLESS) for number in range(30)])
    assert counts == {("face_frame", Reason.FACES): 30, ("face", Reason.ALERT): 1}
    assert bench.comparisons == 2
    assert bench.engine.compared == 4
    assert run.hits[0].face.views == 4


async def test_when_the_order_ends_in_the_middle_nothing_more_is_looked_at(bench):
    await bench.watch.tick()

    def ends(each):
        if each.number == 3:
            bench.clock.advance(7201)

    frames = [frame(45, number=number, kind=SourceKind.LOSSLESS) for number in range(3)]
    counts = await Run(bench)([*frames, *(frame(45, number=3 + more) for more in range(3))], before=ends)
    assert counts["face_frame", Reason.NO_ORDER] >= 1
    assert counts["face", Reason.NO_ORDER] == 1
    assert bench.comparisons == 0
    assert bench.zeroed


async def test_while_the_list_is_not_open_frames_say_so(bench):
    counts = await Run(bench)([frame(0)])
    assert counts == {("face_frame", Reason.NO_LIST): 1}
    assert bench.engine.compared == 0


async def test_an_engine_that_fails_costs_its_frame(bench):
    await bench.watch.tick()

    def fail():
        raise RuntimeError("bad")

    bench.engine.before = fail
    counts = await Run(bench)([frame(0), frame(45, number=1)])
    assert counts == {("face_frame", Reason.ENGINE_UNAVAILABLE): 2, ("face", Reason.ENGINE_UNAVAILABLE): 2}
    assert bench.comparisons == 0


async def test_a_frame_that_the_engine_failed_on_goes_without_the_collector(bench):
    await bench.watch.tick()

    def fail():
        raise RuntimeError("bad")

    bench.engine.before = fail
    frames = [frame(0)]
    image = weakref.ref(frames[0].image)
    gc.disable()
    try:
        await Run(bench)(frames)
        frames.clear()
        assert image() is None
    finally:
        gc.enable()


async def test_an_engine_that_gives_nonsense_costs_its_face(bench):
    await bench.watch.tick()
    bench.engine.embed = lambda image, faces: np.full((len(faces), 2), np.nan, np.float32)
    counts = await Run(bench)([frame(0)])
    assert counts["face_frame", Reason.ENGINE_UNAVAILABLE] == 1
    assert bench.comparisons == 0


async def test_a_log_that_cannot_be_written_stops_comparisons(bench):
    await bench.watch.tick()
    bench.log.broken = True
    counts = await Run(bench)([frame(0)])
    assert counts["face", Reason.UNAVAILABLE] == 1
    assert bench.comparisons == 0


@asynccontextmanager
async def looked_after(bench, problems):
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(run_watch, bench.watch, on_problem=problems.append))
        yield
        nursery.cancel_scope.cancel()


async def test_run_watch_opens_the_list_and_leaves_zeros(bench):
    problems = []
    async with looked_after(bench, problems):
        assert bench.watch.is_open
    assert bench.zeroed
    assert problems == []
    assert [entry.outcome for entry in bench.log.entries] == ["begun", "ended"]


async def test_run_watch_ends_by_itself(make):
    bench = make(begins=NOW - timedelta(hours=2), ends=NOW + timedelta(seconds=1))
    await bench.watch.tick()
    assert bench.watch.is_open
    bench.clock.advance(2)
    with trio.fail_after(2):
        await run_watch(bench.watch)
    assert bench.zeroed


async def test_a_problem_is_told_once(make):
    bench = make(list_digest="cd" * 32)
    problems = []
    async with looked_after(bench, problems):
        pass
    assert len(problems) == 1
    assert "another list" in problems[0]
