"""What every `hub.backends.Dispatcher` must keep, as a class of tests to inherit.

class TestMine(DispatcherContract):
    def make(self, tmp_path):
        return MyDispatcher(...)

    def taken(self, dispatcher):
        return [...]     # the dispatches that the other side has, in the order in which they came
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Generic, TypeVar

from hub.backends import Dispatcher
from hub.messages import AlertState, Dispatch
from hub.testing.alerts import START

D = TypeVar("D", bound=Dispatcher)


def dispatch(number: int = 1, *, reason: str = "seen") -> Dispatch:
    """Return the dispatch of an alert adjudicated true."""
    return Dispatch(
        dispatch=f"a-{number}-1",
        alert=f"a-{number}",
        unit="unit-1",
        at=START,
        officer="4711",
        category="stolen_vehicle",
        plate="AB123CD",
        entry="e-1",
        source="wanted",
        state=AlertState.ADJUDICATED_TRUE,
        reason=reason,
    )


class DispatcherContract(Generic[D]):
    """Tests of a dispatcher whose other side is there."""

    def make(self, tmp_path: Path) -> D:
        """Return a dispatcher with an empty other side."""
        raise NotImplementedError

    def taken(self, dispatcher: D) -> Sequence[Dispatch]:
        """Return what the other side has, each identifier once, in the order in which they came."""
        raise NotImplementedError

    async def test_the_other_side_has_it_when_send_returns(self, tmp_path: Path) -> None:
        """A dispatch that was sent is there, whole."""
        dispatcher = self.make(tmp_path)
        for number in range(1, 4):
            await dispatcher.send(dispatch(number))
            assert list(self.taken(dispatcher)) == [dispatch(each) for each in range(1, number + 1)]
        await dispatcher.aclose()

    async def test_the_same_dispatch_twice_is_one(self, tmp_path: Path) -> None:
        """The outbox may send again after a crash: the other side has it once."""
        dispatcher = self.make(tmp_path)
        for _ in range(3):
            await dispatcher.send(dispatch())
        assert list(self.taken(dispatcher)) == [dispatch()]
        await dispatcher.aclose()

    async def test_any_text_arrives_as_it_is(self, tmp_path: Path) -> None:
        """Reasons are what officers typed."""
        dispatcher = self.make(tmp_path)
        odd = dispatch(reason='Ñandú\n"quoted" \x1b[31m [red] 漢字')
        await dispatcher.send(odd)
        assert list(self.taken(dispatcher)) == [odd]
        await dispatcher.aclose()

    async def test_it_can_be_closed_twice(self, tmp_path: Path) -> None:
        """As the base class says."""
        dispatcher = self.make(tmp_path)
        await dispatcher.aclose()
        await dispatcher.aclose()
