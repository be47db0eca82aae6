"""What every test of the hub and of its plugins shares: the evaluation data, and what ``CI`` changes.

Without ``CI``: tests marked ``slow`` are left out unless an ``-m`` expression asks for them, and a test may skip with
a reason. With ``CI`` set: everything runs and a skip is a failure, so that nothing goes untested without being noticed.
Examples of hypothesis have no deadline: machines differ and drift.
A guess of a passphrase costs next to nothing in a test's own process; commands that tests start pay what is shipped.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from hub.authority import passphrases

settings.register_profile("patrol-hub", deadline=None)
settings.load_profile("patrol-hub")

IN_CI = bool(os.environ.get("CI"))
DATA = Path(os.environ.get("PATROL_HUB_DATA", Path(__file__).parent.parent / "shared" / "data"))


@pytest.fixture(scope="session", autouse=True)
def _cheap_guesses() -> Iterator[None]:
    """Make passphrases cheap to check in this process: hundreds of tests sign officers in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passphrases, "SHIPPED", passphrases.ScryptCost(n=2**4))
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the evaluation data (``PATROL_HUB_DATA``); the test is skipped where it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"no evaluation data at {DATA}; set PATROL_HUB_DATA")
    return DATA


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave slow tests out of the everyday run."""
    if IN_CI or config.option.markexpr:
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"with CI set a skip is a failure: {why}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failed one where ``CI`` is set."""
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a module that skips itself into a failure where ``CI`` is set."""
    report = yield
    _refuse_skip(report)
    return report
