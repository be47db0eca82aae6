from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hub.messages import AnswerStatus
from hub.tally import Count, Tally, minute_of

NOW = datetime(2030, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
MINUTE = ("front", minute_of(NOW))


def test_a_minute_is_over_when_another_has_begun_and_nothing_is_under_way() -> None:
    tally = Tally()
    tally.open(MINUTE)
    tally.begin(MINUTE)
    assert tally.over(NOW) == []
    assert tally.over(NOW + timedelta(minutes=1)) == []
    tally.end(MINUTE, {"stolen": AnswerStatus.NO_HIT})
    assert tally.over(NOW) == []
    assert tally.over(NOW + timedelta(minutes=1)) == [MINUTE]
    assert tally.over(None) == [MINUTE]


def test_each_answer_counts_once_by_what_it_was() -> None:
    tally = Tally()
    tally.open(MINUTE)
    for status in AnswerStatus:
        tally.begin(MINUTE)
        tally.end(MINUTE, {"stolen": status, "missing": AnswerStatus.NO_HIT})
    assert list(tally.counts(MINUTE)) == [
        Count("front", MINUTE[1], "stolen", 5, 2, 1),
        Count("front", MINUTE[1], "missing", 5, 0, 0),
    ]


def test_what_is_written_is_not_written_again() -> None:
    tally = Tally()
    tally.open(MINUTE)
    tally.begin(MINUTE)
    tally.end(MINUTE, {"stolen": AnswerStatus.HIT, "missing": AnswerStatus.NO_HIT})
    tally.written(MINUTE, "stolen")
    assert [count.source for count in tally.counts(MINUTE)] == ["missing"]
    tally.written(MINUTE, "missing")
    tally.close(MINUTE)
    assert MINUTE not in tally
