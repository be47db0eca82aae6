"""`hub.supervisor` on trio's fake clock: no test waits for real."""

from __future__ import annotations

import random

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import ModelError
from hub.messages import ActorState
from hub.supervisor import ActorSpec, Overrun, RestartPolicy, Rung, StopWaits, run_supervisor

EXACT = RestartPolicy(initial=1, factor=2, cap=8, jitter=0, limit=3, window=100, healthy_after=10)


class Log:
    """Health as it was reported, with the time."""

    def __init__(self):
        self.seen = []

    def __call__(self, health):
        self.seen.append((health.actor, health.state, trio.current_time(), health.detail))

    def states(self, actor):
        return [state for name, state, _, _ in self.seen if name == actor]

    def times(self, actor, state):
        return [at for name, was, at, _ in self.seen if (name, was) == (actor, state)]

    def details(self, actor, state):
        return [detail for name, was, _, detail in self.seen if (name, was) == (actor, state)]


def supervise(*specs, log=None, **options):
    return run_supervisor(specs, on_health=log or Log(), rng=random.Random(1), **options)


async def idle(*, task_status):
    task_status.started()
    await trio.sleep_forever()


async def quick(*, task_status):
    task_status.started()


def failing(error, after=0.0, *, ready=True):
    async def run(*, task_status):
        if ready:
            task_status.started()
        await trio.sleep(after)
        raise error

    return run


async def test_an_actor_that_returns_is_done(autojump_clock):
    log = Log()
    report = await supervise(ActorSpec("reader", quick), log=log)
    assert log.states("reader") == [ActorState.STARTING, ActorState.RUNNING, ActorState.DONE]
    assert [end.state for end in report.ends] == [ActorState.DONE]
    assert report.overran == ()


async def test_back_off_grows_to_its_cap_and_the_limit_parks(autojump_clock):
    log = Log()
    policy = RestartPolicy(initial=1, factor=3, cap=5, jitter=0, limit=3, window=100)
    report = await supervise(ActorSpec("reader", failing(ValueError("bad\nmodel")), policy), log=log)
    assert log.times("reader", ActorState.STARTING) == pytest.approx([0, 1, 4, 9])
    assert log.states("reader")[-1] is ActorState.PARKED
    assert report.ends[0].detail.startswith("ValueError at test_supervisor.py:")
    assert report.ends[0].restarts == 3


async def test_health_tells_the_hub_s_own_words_and_no_foreign_message(autojump_clock):
    """A foreign message may hold a plate that hit nothing (C3)."""
    ours = ActorSpec("ours", failing(ModelError("det.onnx is\nmissing")), EXACT)
    theirs = ActorSpec("theirs", failing(KeyError("AB123CD")), EXACT)
    log = Log()
    report = await supervise(ours, theirs, log=log)
    assert report.ends[0].detail == "det.onnx is missing"
    assert "AB123CD" not in repr(log.seen)


async def test_siblings_are_untouched(autojump_clock):
    log, stop = Log(), trio.Event()
    async with trio.open_nursery() as nursery:
        bad = ActorSpec("bad", failing(OSError("gone")), EXACT)
        nursery.start_soon(lambda: supervise(bad, ActorSpec("good", idle), log=log, stop=stop))
        await trio.sleep(60)
        assert log.states("bad")[-1] is ActorState.PARKED
        assert log.states("good") == [ActorState.STARTING, ActorState.RUNNING]
        stop.set()


async def test_a_healthy_run_clears_the_record(autojump_clock):
    """Failing every 11 s for ever is no streak where 10 s count as healthy: each restart takes the first delay."""
    log = Log()
    with trio.move_on_after(200):
        await supervise(ActorSpec("reader", failing(ValueError("x"), after=11), EXACT), log=log)
    starts = log.times("reader", ActorState.STARTING)
    assert len(starts) > 10
    assert starts == pytest.approx([12 * n for n in range(len(starts))])


async def test_failures_outside_the_window_do_not_park(autojump_clock):
    log = Log()
    policy = RestartPolicy(initial=1, factor=1, jitter=0, limit=2, window=5, healthy_after=1000)
    with trio.move_on_after(100):
        await supervise(ActorSpec("reader", failing(ValueError("x"), after=2), policy), log=log)
    assert ActorState.PARKED not in log.states("reader")


async def test_time_before_readiness_is_not_health(autojump_clock):
    slow = ActorSpec("reader", failing(ValueError("x"), after=11, ready=False), EXACT, ready_deadline=20)
    report = await supervise(slow)
    assert report.ends[0].state is ActorState.PARKED


async def test_who_is_not_ready_in_time_is_started_again(autojump_clock):
    log = Log()

    async def stuck(*, task_status):
        await trio.sleep_forever()

    await supervise(ActorSpec("reader", stuck, EXACT, ready_deadline=4), log=log)
    assert log.times("reader", ActorState.STARTING) == pytest.approx([0, 5, 11, 19])
    assert log.details("reader", ActorState.PARKED) == ["was not ready within 4 s"]


async def test_ready_lifts_the_deadline(autojump_clock):
    async def slow(*, task_status):
        await trio.sleep(3)
        task_status.started()
        task_status.started()
        await trio.sleep(100)

    report = await supervise(ActorSpec("reader", slow, ready_deadline=4))
    assert report.ends[0].state is ActorState.DONE


async def test_groups_of_exceptions_are_failures(autojump_clock):
    async def group(*, task_status):
        task_status.started()
        raise ExceptionGroup("two", [OSError("gone"), ValueError("x")])

    report = await supervise(ActorSpec("reader", group, EXACT))
    assert report.ends[0].detail == "OSError (and 1 more)"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
async def test_requests_to_exit_pass_through(autojump_clock, error):
    with pytest.RaisesGroup(error, flatten_subgroups=True):
        await supervise(ActorSpec("reader", failing(error())), ActorSpec("other", idle))


async def test_cancellation_passes_through(autojump_clock):
    with trio.move_on_after(5) as scope:
        await supervise(ActorSpec("reader", idle))
    assert scope.cancelled_caught
    assert trio.current_time() == pytest.approx(5)


async def test_started_once_every_first_attempt_is_decided(autojump_clock, nursery):
    async def slow(*, task_status):
        await trio.sleep(3)
        task_status.started()
        await trio.sleep_forever()

    specs = [ActorSpec("slow", slow), ActorSpec("bad", failing(ValueError("x"))), ActorSpec("quick", quick)]

    async def run(task_status):
        await supervise(*specs, task_status=task_status)

    await nursery.start(run)
    assert trio.current_time() == pytest.approx(3)
    nursery.cancel_scope.cancel()


# --------------------------------------------------------------------------------------- stop ladder


def polite(seconds):
    """An actor that works on for some seconds after it was asked to stop."""
    asked = trio.Event()

    async def run(*, task_status):
        task_status.started()
        await asked.wait()
        await trio.sleep(seconds)

    return {"run": run, "ask": asked.set}


def deaf(seconds):
    """An actor that shields itself for some seconds."""

    async def run(*, task_status):
        task_status.started()
        with trio.CancelScope(shield=True):
            await trio.sleep(seconds)

    return run


async def stopped_after(seconds, *specs, **options):
    stop = trio.Event()
    reports = []

    async def run():
        reports.append(await supervise(*specs, stop=stop, **options))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        await trio.sleep(seconds)
        stop.set()
    return reports[0]


async def test_polite_actors_finish_what_they_have(autojump_clock):
    order = []
    first, second = polite(1), polite(1.5)
    specs = [
        ActorSpec("capture", first["run"], ask=lambda: (order.append("capture"), first["ask"]())),
        ActorSpec("plates", second["run"], ask=lambda: (order.append("plates"), second["ask"]())),
    ]
    report = await stopped_after(10, *specs)
    assert order == ["capture", "plates"]
    assert trio.current_time() == pytest.approx(11.5)
    assert report.overran == ()
    assert {end.state for end in report.ends} == {ActorState.STOPPED}


async def test_each_rung_is_bounded_and_names_who_overran(autojump_clock):
    told = []
    slow = polite(60)
    specs = [ActorSpec("slow", slow["run"], ask=slow["ask"]), ActorSpec("deaf", deaf(20)), ActorSpec("idle", idle)]
    report = await stopped_after(10, *specs, waits=StopWaits(ask=2, cancel=1), on_overrun=told.append)
    assert told == [(Overrun("slow", Rung.ASKED),), (Overrun("deaf", Rung.CANCELLED),)]
    assert report.overran == (Overrun("slow", Rung.ASKED), Overrun("deaf", Rung.CANCELLED))
    assert trio.current_time() == pytest.approx(20)


async def test_who_backs_off_or_cannot_be_asked_does_not_hold_the_others_up(autojump_clock):
    def broken():
        raise RuntimeError("no such event")

    specs = [
        ActorSpec("waits", failing(ValueError("x")), RestartPolicy(initial=1000, cap=1000), ask=lambda: None),
        ActorSpec("broken", idle, ask=broken),
    ]
    report = await stopped_after(5, *specs)
    assert trio.current_time() == pytest.approx(5)
    assert {end.state for end in report.ends} == {ActorState.STOPPED}
    assert report.ends[0].detail.startswith("ValueError at ")


async def test_who_fails_while_stopping_is_not_started_again(autojump_clock):
    asked = trio.Event()

    async def run(*, task_status):
        task_status.started()
        await asked.wait()
        raise ValueError("late")

    report = await stopped_after(1, ActorSpec("reader", run, ask=asked.set))
    assert (report.ends[0].state, report.ends[0].restarts) == (ActorState.STOPPED, 0)
    assert report.ends[0].detail.startswith("ValueError at ")


async def test_names_are_unique():
    with pytest.raises(ValueError, match="names"):
        await supervise(ActorSpec("reader", quick), ActorSpec("reader", quick))


# ------------------------------------------------------------------------------------------ back-off


@given(
    initial=st.floats(0.01, 10),
    factor=st.floats(1, 10),
    cap=st.floats(0.01, 100),
    jitter=st.floats(0, 1),
    streak=st.integers(1, 100_000),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60)
def test_any_delay_is_within_its_bounds(initial, factor, cap, jitter, streak, seed):
    policy = RestartPolicy(initial=initial, factor=factor, cap=cap, jitter=jitter)
    delay = policy.delay(streak, random.Random(seed))
    full = min(cap, initial * factor ** min(streak - 1, 64))
    assert full * (1 - jitter) <= delay <= full <= cap


@given(plan=st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=12), limit=st.integers(0, 3))
@settings(max_examples=40)
def test_any_history_of_failures_parks_exactly_when_the_policy_says(plan, limit):
    """A plain model of the policy beside the real thing: runs of whole seconds, each ready at once or never."""
    policy = RestartPolicy(initial=1, factor=2, cap=4, jitter=0, limit=limit, window=50, healthy_after=10)
    now, streak, recent, expected = 0.0, 0, [], []
    for length, ready in plan:
        expected.append(now)
        now += length
        if ready and length >= 10:
            streak, recent = 0, []
        streak += 1
        recent = [at for at in recent if at > now - 50] + [now]
        if len(recent) > limit:
            break
        now += min(4, 2 ** (streak - 1))
    else:
        expected.append(now)

    async def main():
        log, left = Log(), iter(plan)

        async def run(*, task_status):
            length, ready = next(left, (None, None))
            if length is None:
                return
            if ready:
                task_status.started()
            await trio.sleep(length)
            raise ValueError

        await supervise(ActorSpec("reader", run, policy, ready_deadline=1000), log=log)
        return log.times("reader", ActorState.STARTING)

    assert trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)) == pytest.approx(expected)
