"""`hub.inference`: real threads, so real time; every thread is released at the end of its test."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
import trio
import trio.testing

from hub.errors import BusyError, DeadlineError, PluginError, PluginParkedError
from hub.inference import Device, Worker, let_go

SHORT = 0.05
LONG = 5.0


@pytest.fixture
def gate():
    """Hung calls wait here; opened when the test ends."""
    opened = threading.Event()
    yield opened
    opened.set()


async def until(condition):
    with trio.fail_after(2):
        while not condition():  # noqa: ASYNC110 - a thread cannot set a trio event
            await trio.sleep(0.002)


async def test_returns_and_passes_arguments_on():
    worker = Worker("reader")
    assert await worker.call(divmod, 7, 2, deadline=LONG) == (3, 1)
    counted = worker.statistics()
    assert (counted.calls, counted.returned, counted.waiting) == (1, 1, 0)


class ForeignError(Exception):
    pass


async def test_foreign_exceptions_pass_through():
    worker = Worker("reader")

    def fail():
        raise ForeignError("nonsense")

    with pytest.raises(ForeignError, match="nonsense"):
        await worker.call(fail, deadline=LONG)
    assert await worker.call(abs, -1, deadline=LONG) == 1
    assert worker.statistics().raised == 1


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
async def test_a_plugin_cannot_end_the_process(error):
    def leave():
        raise error

    with pytest.raises(PluginError, match="reader asked the process to exit"):
        await Worker("reader").call(leave, deadline=LONG)


async def test_hung_threads_are_replaced_twice_and_then_the_worker_is_parked(gate):
    worker = Worker("reader", replacements=2)
    for hung in range(1, 4):
        assert await worker.call(abs, -hung, deadline=LONG) == hung, "a fresh thread answers"
        with pytest.raises(DeadlineError, match="reader"):
            await worker.call(gate.wait, deadline=SHORT)
        assert worker.statistics().given_up == hung
    assert worker.parked
    with pytest.raises(PluginParkedError, match="reader is parked"):
        await worker.call(abs, -1, deadline=LONG)
    counted = worker.statistics()
    assert (counted.calls, counted.returned, counted.late, counted.refused) == (6, 3, 3, 1)


async def test_calls_come_one_at_a_time_even_when_a_caller_goes_away(gate):
    worker = Worker("source")
    running, most = 0, 0
    started = threading.Event()
    lock = threading.Lock()

    def step(wait):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        started.set()
        if wait:
            gate.wait(LONG)
        with lock:
            running -= 1

    async with trio.open_nursery() as nursery:
        scope = trio.CancelScope()

        async def leaves():
            with scope:
                await worker.call(step, True, deadline=LONG)

        nursery.start_soon(leaves)
        await until(started.is_set)
        scope.cancel()
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(4):
            nursery.start_soon(lambda: worker.call(step, False, deadline=LONG))
        await trio.sleep(0.02)
        assert running == 1
        gate.set()
    assert most == 1
    counted = worker.statistics()
    assert (counted.cancelled, counted.returned, counted.given_up) == (1, 4, 0)


async def test_a_thread_that_started_late_is_not_given_up(gate):
    """Its caller's time went by in the queue; the thread itself is healthy."""
    worker = Worker("source")
    async with trio.open_nursery() as nursery:

        async def too_late():
            with pytest.raises(DeadlineError):
                await worker.call(time.sleep, 0.15, deadline=0.25)

        nursery.start_soon(lambda: worker.call(time.sleep, 0.15, deadline=0.25))
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(too_late)
    assert await worker.call(abs, -1, deadline=LONG) == 1
    assert worker.statistics().given_up == 0


async def test_a_hung_thread_of_a_cancelled_caller_is_given_up_by_the_next(gate):
    worker = Worker("source")
    with trio.move_on_after(0.02):
        await worker.call(gate.wait, deadline=0.1)
    assert worker.statistics().given_up == 0
    assert await worker.call(abs, -1, deadline=LONG) == 1
    assert worker.statistics().given_up == 1


async def test_a_deadline_in_the_queue_gives_no_thread_up(gate):
    worker = Worker("source")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: worker.call(gate.wait, deadline=LONG))
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(DeadlineError):
            await worker.call(abs, -1, deadline=SHORT)
        gate.set()
    assert worker.statistics().given_up == 0


async def test_a_full_queue_refuses(gate):
    worker = Worker("source", queue=1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: worker.call(gate.wait, deadline=LONG))
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(lambda: worker.call(abs, -1, deadline=LONG))
        await trio.testing.wait_all_tasks_blocked()
        assert worker.statistics().waiting == 1
        with pytest.raises(BusyError, match="source"):
            await worker.call(abs, -1, deadline=LONG)
        gate.set()
    assert worker.statistics().refused == 1


async def test_who_waits_when_the_worker_is_parked_is_told(gate):
    worker = Worker("source", replacements=0)
    errors = []

    async def ask(fn, deadline):
        try:
            await worker.call(fn, deadline=deadline)
        except (DeadlineError, PluginParkedError) as error:
            errors.append(type(error))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, gate.wait, SHORT)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(ask, int, LONG)
    assert errors == [DeadlineError, PluginParkedError]


async def test_as_many_at_once_as_told(gate):
    worker = Worker("source", concurrent=2)
    meeting = threading.Barrier(2)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: worker.call(meeting.wait, 2, deadline=LONG))
        nursery.start_soon(lambda: worker.call(meeting.wait, 2, deadline=LONG))
    assert worker.statistics().returned == 2


async def test_workers_on_one_device_take_turns(gate):
    device = Device()
    first, second = Worker("plates", device=device), Worker("faces", device=device)
    got = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: first.call(gate.wait, deadline=LONG))
        await trio.testing.wait_all_tasks_blocked()

        async def other():
            got.append(await second.call(abs, -1, deadline=LONG))

        nursery.start_soon(other)
        await trio.sleep(0.02)
        assert got == []
        gate.set()
    assert got == [1]


async def test_a_hung_call_does_not_keep_the_device(gate):
    device = Device()
    with pytest.raises(DeadlineError):
        await Worker("plates", device=device).call(gate.wait, deadline=SHORT)
    assert await Worker("faces", device=device).call(abs, -1, deadline=LONG) == 1


@pytest.mark.parametrize("wrong", [{"concurrent": 0}, {"queue": -1}, {"replacements": -1}])
async def test_numbers_make_sense(wrong):
    with pytest.raises(ValueError, match="worker"):
        Worker("source", **wrong)
    with pytest.raises(ValueError, match="device"):
        Device(0)


@pytest.mark.slow
def test_a_hung_thread_does_not_keep_the_process():
    script = """
import threading, trio
from hub.errors import DeadlineError
from hub.inference import Worker
async def main():
    try:
        await Worker("reader").call(threading.Event().wait, deadline=0.05)
    except DeadlineError as error:
        print(error)
trio.run(main)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=10, check=True)
    assert done.stdout == "reader: no answer within 0.05 s\n"


def caught(fn):
    try:
        fn()
    except Exception as error:  # noqa: BLE001  # it is what is asked for
        return error
    pytest.fail("nothing was raised")


def test_an_error_lets_go_of_all_that_it_came_through():
    def fail():
        try:
            {}[1]
        except KeyError:
            raise ForeignError from caught(lambda: 1 / 0)

    def fail_twice():
        raise ExceptionGroup("several", [caught(fail), caught(fail)])

    waiting, seen = [caught(fail_twice)], set()
    let_go(waiting[0])
    while waiting:
        each = waiting.pop()
        seen.add(type(each))
        assert each.__traceback__ is None, each
        waiting += [other for other in (each.__cause__, each.__context__) if other is not None]
        waiting += getattr(each, "exceptions", ())
    assert seen == {ExceptionGroup, ForeignError, KeyError, ZeroDivisionError}


def test_letting_go_ends_where_a_chain_leads_back_to_its_beginning():
    one, two = caught(lambda: 1 / 0), caught(lambda: {}[1])
    one.__context__, two.__cause__ = two, one
    let_go(one)
    assert (one.__traceback__, two.__traceback__) == (None, None)
