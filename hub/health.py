"""What is told of sources and channels to dashboards, events and ``doctor``: pure translations of their statistics."""

from __future__ import annotations

from hub.channels import MailboxStatistics
from hub.events import SourceState
from hub.sources import SourceStatus
from hub.wire import QueueHealth, SourceHealth


def source_state(status: SourceStatus) -> SourceState:
    """Return a source as events and `doctor` tell of it."""
    return SourceState(
        source=status.name,
        reach=status.reach.value,
        entries=status.info.entries,
        list_digest=status.info.list_digest,
        expires=status.info.expires,
        development=status.info.development,
        cost_limit=status.limit.limit if status.limit else 0.0,
        detail=status.detail,
        false_alert_budget=status.limit.budget if status.limit else 0.0,
        expected_false_alerts=float(f"{status.limit.expected_false_alerts:.2g}") if status.limit else 0.0,
    )


def source_health(status: SourceStatus) -> SourceHealth:
    """Return a source as dashboards are told of it."""
    return SourceHealth(
        state=source_state(status),
        answers=status.answers,
        usable=status.usable,
        breaker=status.breaker.value,
        asked=status.asked,
        unavailable=status.unavailable,
    )


def queue_health(name: str, statistics: MailboxStatistics) -> QueueHealth:
    """Return a channel as dashboards are told of it."""
    return QueueHealth(name, statistics.waiting, statistics.capacity, statistics.dropped)
