"""C4: face checks are metered in the host: one at a time, 10 s apart, 30 an officer and shift, a face one document."""

from __future__ import annotations

import inspect
from contextlib import suppress

import pytest
import trio

from hub import cli
from hub.errors import NotAllowedError
from hub.face_checks import Verdict
from hub.messages import TakingPart
from hub.testing.faces import face_picture
from tests.kit_faces import NOW, Bench, officer

HANDED = TakingPart.HANDED_OVER


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


async def loop(bench, pictures, who=officer(), apart=10.0):  # noqa: B008
    """Try one document after the other, a new process each, as a script would; return how many were compared."""
    for live, document in pictures:
        async with bench.checks() as checks:
            with suppress(NotAllowedError):
                await checks.check(live, document, who, "is it one of these?", HANDED)
        bench.clock.advance(apart)
    return bench.comparisons


DOCUMENTS = [face_picture(90 + number) for number in range(50)]


async def test_a_loop_over_50_documents_stops_at_the_second(bench):
    live = face_picture(0)
    assert await loop(bench, [(live, document) for document in DOCUMENTS]) == 1
    assert (bench.entries("begun"), bench.entries("refused")) == (1, 49)


async def test_also_where_the_live_picture_is_a_new_one_each_time(bench):
    pictures = [(face_picture(0, shot=number), document) for number, document in enumerate(DOCUMENTS)]
    assert await loop(bench, pictures) == 1


async def test_also_over_officers_with_the_same_live_picture(bench):
    for number in range(5):
        await loop(bench, [(face_picture(0), DOCUMENTS[number])], officer(str(number)))
    assert bench.comparisons == 1


async def test_a_loop_that_starts_with_the_right_document_stops_at_the_next(bench):
    documents = [face_picture(0, shot=99), *DOCUMENTS]
    pictures = [(face_picture(0, shot=number), document) for number, document in enumerate(documents)]
    assert await loop(bench, pictures) == 2


async def test_after_the_hour_one_more_and_no_further(bench):
    live = face_picture(0)
    assert await loop(bench, [(live, DOCUMENTS[0])]) == 1
    bench.clock.advance(3600)
    assert await loop(bench, [(live, document) for document in DOCUMENTS[1:]]) == 2


async def test_a_picture_that_was_not_good_enough_may_be_taken_again(bench):
    async with bench.checks() as checks:
        found = await checks.check(face_picture(5, dark=True), face_picture(5, shot=1), officer(), "stop", HANDED)
        assert found.verdict is Verdict.NOT_COMPARED
        bench.clock.advance(10)
        found = await checks.check(face_picture(5), face_picture(5, shot=2), officer(), "stop", HANDED)
    assert found.verdict is Verdict.CANDIDATE


async def test_the_31st_of_a_shift_is_refused(bench):
    async with bench.checks() as checks:
        for number in range(30):
            person = face_picture(number), face_picture(number, shot=1)
            assert (await checks.check(*person, officer(), "gate", HANDED)).verdict is Verdict.CANDIDATE
            bench.clock.advance(600)
        with pytest.raises(NotAllowedError, match="begun 30 face checks in 12 hours"):
            await checks.check(face_picture(50), face_picture(50, shot=1), officer(), "gate", HANDED)
        await checks.check(face_picture(51), face_picture(51, shot=1), officer("4712"), "gate", HANDED)
        bench.clock.advance(12 * 3600)
        await checks.check(face_picture(52), face_picture(52, shot=1), officer(), "gate", HANDED)
    assert bench.comparisons == 32


async def test_ten_seconds_apart(bench):
    async with bench.checks() as checks:
        await checks.check(face_picture(1), face_picture(1, shot=1), officer(), "gate", HANDED)
        bench.clock.advance(9)
        with pytest.raises(NotAllowedError, match="10 s apart"):
            await checks.check(face_picture(2), face_picture(2, shot=1), officer("8"), "gate", HANDED)
        bench.clock.advance(1)
        await checks.check(face_picture(2), face_picture(2, shot=1), officer("8"), "gate", HANDED)


async def test_of_two_at_once_one_is_refused(bench):
    refused = []

    async def one(number: int) -> None:
        async with bench.checks() as checks:  # a database connection each, as two processes have
            try:
                pictures = face_picture(number), face_picture(number, shot=1)
                await checks.check(*pictures, officer(str(number)), "gate", HANDED)
            except NotAllowedError as error:
                refused.append(str(error))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(one, 1)
        nursery.start_soon(one, 2)
    assert bench.comparisons == 1
    assert len(refused) == 1


async def test_a_clock_that_is_set_back_frees_nothing(bench):
    async with bench.checks() as checks:
        await checks.check(face_picture(0), face_picture(90), officer(), "stop", HANDED)
        bench.clock.set_wall(NOW.replace(hour=1))
        with pytest.raises(NotAllowedError):
            await checks.check(face_picture(0, shot=1), face_picture(91), officer(), "stop", HANDED)


async def test_a_check_that_was_cut_off_counts(bench):
    async with bench.checks() as checks:
        bench.engine.before = _power_cut
        with pytest.raises(_PowerCutError):
            await checks.check(face_picture(0), face_picture(90), officer(), "stop", HANDED)
        bench.engine.before = lambda: None
        bench.clock.advance(61)
        with pytest.raises(NotAllowedError, match="another document waits"):
            await checks.check(face_picture(0, shot=1), face_picture(91), officer(), "stop", HANDED)


class _PowerCutError(BaseException):
    pass


def _power_cut() -> None:
    raise _PowerCutError


def test_there_is_no_batch_or_folder_form():
    assert list(inspect.signature(cli.check_face).parameters)[:2] == ["live", "document"]
    parameters = inspect.signature(cli.check_face).parameters.values()
    assert all(parameter.kind is not inspect.Parameter.VAR_POSITIONAL for parameter in parameters)
    assert "tuple" not in str(inspect.signature(cli.check_face))
