"""C1, C4, C7: a probe is one deliberate act: metered beside face checks, in the log first, against one list."""

from __future__ import annotations

import inspect
import weakref
from contextlib import aclosing, asynccontextmanager, contextmanager

import pytest
import trio

from hub import cli
from hub.authority.meter import METER_FILE, MIGRATIONS, Meter
from hub.clocks import ManualClock
from hub.errors import AuditError, ModelError, NotAllowedError, NotSignedInError, UsageError
from hub.face_checks import FaceChecks
from hub.messages import Act, Reason, TakingPart
from hub.probes import Probes, explain
from hub.probing import one
from hub.store.sqlite import open_database
from hub.testing.alerts import MemoryLog
from hub.testing.faces import MODEL, ScriptedEngine, calibration, face_picture
from hub.watchlists.budget import FaceSettings, FaceStatus
from hub.watchlists.faces import FaceCategory
from hub.watchlists.gallery import open_gallery
from tests.kit_faces import officer
from tests.kit_lists import KEY, NOW, entry, verified
from tests.kit_memory import all_gone, uncollected
from tests.kit_watch import people

CHILD = FaceCategory.MISSING_CHILD


class Alerts:
    """Keeps what was raised."""

    def __init__(self):
        self.raised = []

    async def raise_hit(self, raised):
        self.raised.append(raised)
        return Reason.ALERT


class Bench:
    def __init__(self, folder):
        self.folder, self.clock, self.log = folder, ManualClock(NOW), MemoryLog()
        self.engine, self.alerts, self.galleries = ScriptedEngine(), Alerts(), []
        self.listed, self.entries, self.refuse = (0, 90), (), ""
        self.settings = FaceSettings()

    @contextmanager
    def open_list(self, requester, digest):
        if self.refuse:
            raise NotAllowedError(self.refuse)
        found = verified(self.folder / "list", people(*self.listed), entries=self.entries)
        with open_gallery(found, KEY, model=MODEL, now=self.clock.now) as gallery:
            self.galleries.append(gallery)
            yield gallery

    @asynccontextmanager
    async def probes(self):
        async with open_database(self.folder / METER_FILE, MIGRATIONS) as database:
            self.meter = Meter(database, clock=self.clock, random=bytes)
            yield Probes(
                self.engine,
                calibration(),
                self.meter,
                open_list=self.open_list,
                alerts=self.alerts,
                log=self.log,
                clock=self.clock,
                identify=lambda: "L",
                settings=self.settings,
            )

    @property
    def comparisons(self):
        return sum(gallery.comparisons for gallery in self.galleries)

    def outcomes(self):
        return [entry.outcome for entry in self.log.entries if entry.act is Act.PROBE]


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


async def test_c4_it_is_in_the_log_before_it_happens_and_again_with_what_came_of_it(bench):
    bench.engine.before = lambda: bench.log.entries[0].outcome == "begun" or pytest.fail("compared before the log")
    async with bench.probes() as probes:
        answer = await probes.probe(one(face_picture(2)), officer(), "who is it?")
    assert answer.status is FaceStatus.CANDIDATE
    assert bench.outcomes() == ["begun", "done"]
    told = repr([entry.payload for entry in bench.log.entries])
    assert "who is it?" in told
    assert "E-0" not in told
    assert all(gallery.ended for gallery in bench.galleries)


async def test_c7_what_cannot_be_logged_does_not_happen(bench):
    bench.log.broken = True
    async with bench.probes() as probes:
        with pytest.raises(AuditError):
            await probes.probe(one(face_picture(2)), officer(), "who is it?")
    assert (bench.comparisons, bench.engine.compared, bench.galleries) == (0, 0, [])


@pytest.mark.parametrize(
    ("who", "reason", "error"),
    [
        (officer(""), "why", NotSignedInError),
        (officer(), " ", NotAllowedError),
    ],
)
async def test_c12_without_an_officer_or_a_reason_nothing_is_compared(bench, who, reason, error):
    async with bench.probes() as probes:
        with pytest.raises(error):
            await probes.probe(one(face_picture(2)), who, reason)
    assert (bench.comparisons, bench.engine.compared, bench.galleries) == (0, 0, [])
    assert bench.outcomes() == ["refused"]


async def test_c1_without_a_list_it_is_refused_with_the_reason(bench):
    bench.refuse = "no face list is loaded"
    async with bench.probes() as probes:
        with pytest.raises(NotAllowedError, match="no face list is loaded"):
            await probes.probe(one(face_picture(2)), officer(), "why")
    assert bench.engine.compared == 0
    assert bench.outcomes() == ["begun", "refused"]


async def test_c4_ten_seconds_apart_and_together_with_face_checks(bench):
    async with bench.probes() as probes:
        await probes.probe(one(face_picture(45)), officer(), "why")
        bench.clock.advance(9)
        with pytest.raises(NotAllowedError, match="10 s apart"):
            await probes.probe(one(face_picture(46)), officer("8"), "why")
        checks = FaceChecks(bench.engine, calibration(), bench.meter, log=bench.log, clock=bench.clock)
        with pytest.raises(NotAllowedError, match="10 s apart"):
            await checks.check(face_picture(1), face_picture(1, shot=1), officer(), "why", TakingPart.HANDED_OVER)
        bench.clock.advance(1)
        # A probe that found nobody is no document that was tried: the check that follows is the officer's first.
        await checks.check(face_picture(1), face_picture(1, shot=1), officer(), "why", TakingPart.HANDED_OVER)
        bench.clock.advance(10)
        await probes.probe(one(face_picture(45)), officer(), "why")


@pytest.mark.slow
async def test_c4_the_31st_of_a_shift_is_refused(bench):
    async with bench.probes() as probes:
        for _ in range(30):
            await probes.probe(one(face_picture(45)), officer(), "why")
            bench.clock.advance(10)
        with pytest.raises(NotAllowedError, match="30 face checks in 12 hours"):
            await probes.probe(one(face_picture(45)), officer(), "why")
    assert bench.comparisons == 30 * 2


async def test_c4_of_two_at_once_one_is_refused(bench):
    refused = []
    async with bench.probes() as probes, trio.open_nursery() as nursery:

        async def try_one(number):
            try:
                await probes.probe(one(face_picture(45)), officer(number), "why")
            except NotAllowedError as error:
                refused.append(str(error))

        nursery.start_soon(try_one, "1")
        nursery.start_soon(try_one, "2")
    assert len(refused) == 1
    assert bench.comparisons == 2


async def test_c3_of_somebody_who_resembles_nobody_nothing_is_said(bench):
    async with bench.probes() as probes:
        answer = await probes.probe(one(face_picture(45)), officer(), "why")
    assert (answer.status, answer.candidates) == (FaceStatus.NO_CANDIDATE, ())
    assert bench.alerts.raised == []
    assert "E-" not in repr(answer)


async def test_c10_ambiguous_is_an_answer_and_the_child_comes_first(bench):
    bench.listed = (45, 47)
    bench.entries = (entry(0, category=FaceCategory.MISSING_PERSON), entry(1, category=CHILD))
    async with bench.probes() as probes:
        answer = await probes.probe(one(face_picture(46)), officer(), "why")
    assert answer.status is FaceStatus.AMBIGUOUS
    assert [each.entry for each in answer.candidates] == ["E-1", "E-0"]
    assert [hit.ambiguous for hit in bench.alerts.raised[0].answer.hits] == [True, True]
    assert any("Stay with the child" in line for line in explain(answer))


async def test_c10_two_faces_of_one_size_are_not_compared(bench):
    async with bench.probes() as probes:
        answer = await probes.probe(one(face_picture(2, faces=2)), officer(), "why")
    assert answer.status is FaceStatus.NOT_COMPARED
    assert "2 faces of about one size" in answer.reason
    assert bench.comparisons == 0


async def test_c10_a_budget_that_the_calibration_cannot_tell_is_refused(bench):
    bench.settings = FaceSettings(false_alerts_per_probe=1e-4)
    async with bench.probes() as probes:
        with pytest.raises(UsageError, match="cannot be told"):
            await probes.probe(one(face_picture(2)), officer(), "why")
    assert (bench.comparisons, bench.engine.compared) == (0, 0)
    assert bench.outcomes() == ["begun", "refused"]


async def test_several_pictures_of_a_camera_are_pooled_and_compared_once(bench):
    async def pictures():
        for shot in range(9):
            yield face_picture(2, shot=shot, dark=shot == 0)

    async with bench.probes() as probes:
        source = pictures()
        answer = await probes.probe(source, officer(), "why", camera="front")
        await source.aclose()
    assert answer.status is FaceStatus.CANDIDATE
    assert bench.comparisons == 2
    assert bench.engine.compared == 4
    assert bench.alerts.raised[0].face.views == 4
    assert bench.alerts.raised[0].face.camera == "front"


async def test_an_engine_that_fails_is_one_line_and_the_turn_counts(bench):
    def fail():
        raise RuntimeError("bad")

    bench.engine.before = fail
    async with bench.probes() as probes:
        async with aclosing(one(face_picture(2))) as picture:
            with pytest.raises(ModelError):
                await probes.probe(picture, officer(), "why")
        with pytest.raises(NotAllowedError, match="10 s apart"):
            await probes.probe(one(face_picture(2)), officer(), "why")
    assert bench.outcomes() == ["begun", "failed", "refused"]
    assert all(gallery.ended for gallery in bench.galleries)


@pytest.mark.parametrize("kind", [ModelError, RuntimeError])
@pytest.mark.parametrize("shot", [0, 1], ids=["the first picture", "the second picture"])
async def test_c3_pictures_that_the_engine_failed_on_go_without_the_collector(bench, kind, shot):
    seen = []

    def fail():
        if bench.engine.compared == shot:
            raise kind("bad")

    async def pictures():
        for number in range(2):
            picture = face_picture(2, shot=number)
            seen.append(weakref.ref(picture))
            yield picture
            del picture

    bench.engine.before = fail
    async with bench.probes() as probes, aclosing(pictures()) as source:
        with uncollected():
            try:
                await probes.probe(source, officer(), "why")
            except ModelError:
                await source.aclose()  # as whoever opened the pictures does before anybody is told
                await all_gone(seen)
    assert len(seen) == shot + 1
    assert bench.outcomes() == ["begun", "failed"]


def test_c4_there_is_no_batch_or_folder_form():
    parameters = inspect.signature(cli.probe).parameters.values()
    assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in parameters)
    assert "tuple" not in str(inspect.signature(cli.probe))
