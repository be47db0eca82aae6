"""How long things took lately."""

from __future__ import annotations

from hub.latencies import MOST_THINGS, NEWEST, Latencies
from hub.wire import Latency


def test_the_median_of_the_newest_times_is_told_of_each_thing():
    latencies = Latencies()
    for milliseconds in (9000.0, *[100.0] * NEWEST, 500.0):
        latencies.note("plates front", milliseconds)
    latencies.note("plates rear", 7.0)
    assert latencies.recent() == (Latency("plates front", 100.0), Latency("plates rear", 7.0))


def test_however_many_things_there_are_few_are_kept():
    latencies = Latencies()
    for number in range(2 * MOST_THINGS):
        latencies.note(f"thing {number}", 1.0)
    assert len(latencies.recent()) == MOST_THINGS
