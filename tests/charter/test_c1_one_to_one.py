"""C1(b): a face is compared with one document's photo only where the person takes part, and nothing of it is kept."""

from __future__ import annotations

import ast
import gc
import weakref
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
import pytest

import hub
from hub.audit.records import FaceCheckPayload
from hub.authority.policy import may_check_face, unit_requester
from hub.errors import AuditError, ModelError, NotAllowedError, NotSignedInError, UsageError
from hub.face_checks import FaceChecks, Verdict, compare
from hub.messages import Act, Requester, TakingPart
from hub.store.retention import CHARTER
from hub.testing.faces import ScriptedEngine, calibration, face_picture
from hub.vision.face_quality import FaceFloor
from tests.kit_faces import Bench, officer
from tests.kit_memory import all_gone, uncollected

HANDED = TakingPart.HANDED_OVER


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


@pytest.mark.parametrize(
    ("who", "reason", "part", "why", "error"),
    [
        (officer(), "stop", None, "", NotAllowedError),
        (officer(), "stop", TakingPart.UNABLE, "  ", NotAllowedError),
        (officer(), "  ", HANDED, "", NotAllowedError),
        (Requester("7", "administrator", "u"), "stop", HANDED, "", NotAllowedError),
        (unit_requester("u"), "stop", HANDED, "", NotSignedInError),
    ],
    ids=["not stated", "unable and no why", "no reason", "role", "nobody"],
)
async def test_without_the_person_s_part_a_reason_and_an_officer_nothing_is_compared(
    bench, who, reason, part, why, error
):
    async with bench.checks() as checks:
        with pytest.raises(error):
            await checks.check(face_picture(1), face_picture(1, shot=1), who, reason, part, why)
    assert bench.engine.compared == 0
    (entry,) = bench.log.entries
    assert (entry.act, entry.outcome) == (Act.FACE_CHECK, "refused")
    assert entry.payload.refusal


@pytest.mark.parametrize("part", list(TakingPart))
def test_each_way_of_taking_part_is_enough(part):
    assert may_check_face(officer(), "stop", part, "unconscious").allowed


@pytest.mark.parametrize(
    ("person", "verdict"),
    [(0, Verdict.CANDIDATE), (25, Verdict.CANDIDATE), (30, Verdict.NOT_DECIDED), (61, Verdict.DIFFERENT)],
)
async def test_verdicts_and_what_is_said_with_them(bench, person, verdict):
    async with bench.checks() as checks:
        found = await checks.check(face_picture(0), face_picture(person, shot=1), officer(), "stop", HANDED)
    assert found.verdict is verdict
    assert found.rate.value >= 0.0005  # never finer than 10 comparisons in 20,000
    assert found.rate.at_most == (found.rate.reached < 10)
    assert "20,000 pairs of different people" in found.reason
    assert "Not measured: by group" in found.reason
    assert "%" not in found.reason
    assert (found.thresholds.candidate, found.thresholds.different) == (0.905, 0.505)


@pytest.mark.parametrize(
    ("live", "document", "says"),
    [
        (face_picture(1, faces=0), face_picture(1), "The live picture shows no face"),
        (face_picture(1), face_picture(1, faces=2), "The document shows 2 faces"),
        (face_picture(1, dark=True), face_picture(1), "The live picture is below the quality floor: face"),
        (face_picture(1), face_picture(1, dark=True), "The document is below the quality floor: face"),
    ],
    ids=["no face", "two faces", "dark", "dark document"],
)
async def test_below_the_floor_or_without_exactly_one_face_each_nothing_is_compared(bench, live, document, says):
    async with bench.checks() as checks:
        found = await checks.check(live, document, officer(), "stop", HANDED)
    assert (found.verdict, found.similarity, found.rate) == (Verdict.NOT_COMPARED, None, None)
    assert says in found.reason
    assert bench.engine.compared == 0


async def test_the_entry_stands_before_the_comparison_and_holds_no_likeness(bench):
    seen = []
    bench.engine.before = lambda: seen.append([entry.outcome for entry in bench.log.entries])
    async with bench.checks() as checks:
        await checks.check(face_picture(0), face_picture(0, shot=1), officer(), "stop", TakingPart.UNABLE, "in shock")
    assert seen[0] == ["begun"]
    begun, done = bench.log.entries
    assert begun.payload == FaceCheckPayload(reason="stop", part=TakingPart.UNABLE, why="in shock")
    assert done.payload == msgspec.structs.replace(begun.payload, verdict="candidate for the same person")
    assert done.outcome == "done"  # what came of it is sealed with the rest and goes on its date
    assert CHARTER.payload_until(begun.act, begun.at) is not None


async def test_what_cannot_be_written_is_not_compared(bench):
    bench.log.broken = True
    async with bench.checks() as checks:
        with pytest.raises(AuditError):
            await checks.check(face_picture(0), face_picture(0, shot=1), officer(), "stop", HANDED)
    assert bench.engine.compared == 0


async def test_an_engine_that_fails_is_told_and_costs_no_hour(bench):
    bench.engine.before = lambda: 1 / 0
    async with bench.checks() as checks:
        with pytest.raises(ModelError, match="the face engine failed: ZeroDivisionError"):
            await checks.check(face_picture(0), face_picture(90), officer(), "stop", HANDED)
        assert [entry.outcome for entry in bench.log.entries] == ["begun", "failed"]
        bench.engine.before = lambda: None
        bench.clock.advance(10)
        await checks.check(face_picture(0), face_picture(91), officer(), "stop", HANDED)


@pytest.mark.parametrize("kind", [ModelError, RuntimeError])
async def test_c3_pictures_that_the_engine_failed_on_go_without_the_collector(bench, kind):
    def fail():
        raise kind("bad")

    bench.engine.before = fail
    pictures = [face_picture(0), face_picture(90)]
    seen = [weakref.ref(picture) for picture in pictures]
    async with bench.checks() as checks:
        with uncollected():
            with suppress(ModelError):
                await checks.check(*pictures, officer(), "stop", HANDED)
            pictures.clear()
            await all_gone(seen)
    assert bench.entries("failed") == 1


async def test_a_picture_is_not_compared_with_itself(bench):
    async with bench.checks() as checks:
        with pytest.raises(UsageError, match="the same picture"):
            await checks.check(face_picture(0), face_picture(0), officer(), "stop", HANDED)


async def test_nothing_of_either_picture_is_kept(bench, tmp_path):
    """C3: no byte of a picture or an embedding in any file, and no object that still holds one."""
    made = []
    embed = bench.engine.embed

    def noted(image, faces):
        rows = embed(image, faces)
        made.append((weakref.ref(rows), rows.tobytes()))
        return rows

    bench.engine.embed = noted
    live, document = face_picture(33), face_picture(34, shot=1)
    pieces = [live[60:61, 60:70].tobytes(), document[60:61, 60:70].tobytes()]
    watched = [weakref.ref(live), weakref.ref(document)]
    async with bench.checks() as checks:
        found = await checks.check(live, document, officer(), "stop", HANDED)
        del live, document
        gc.collect()
        assert all(ref() is None for ref, _ in made)
        assert all(ref() is None for ref in watched)
        everything = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    everything += repr(bench.log.entries).encode()
    assert len(made) == 2
    assert not [part for part in (*pieces, *(row for _, row in made)) if part in everything]
    assert str(found.similarity).encode() not in everything


def test_embeddings_are_zeroed_after_the_comparison():
    engine, rows = ScriptedEngine(), []
    embed = engine.embed
    engine.embed = lambda image, faces: rows.append(embed(image, faces)) or rows[-1]
    compare(engine, calibration(), face_picture(1), face_picture(2), FaceFloor())
    assert len(rows) == 2
    assert not any(np.any(row) for row in rows)


def test_another_model_s_calibration_is_refused(bench):
    with pytest.raises(UsageError, match="another model"):
        FaceChecks(bench.engine, calibration("e" * 64), None, log=bench.log, clock=bench.clock)


def test_faces_are_embedded_for_four_acts_and_the_evaluation_alone():
    """The 1:1 check, a probe, a watch under an order, and the offline building of a list from reference photos."""
    root = Path(hub.__file__).parent
    callers = set()
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "embed":
                callers.add(path.relative_to(root).as_posix())
    outside = {name for name in callers if not name.startswith(("evaluation/", "testing/"))}
    assert outside == {"face_checks.py", "probes.py", "actors/faces.py", "watchlists/hygiene.py"}
