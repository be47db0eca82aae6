"""What is left in memory when an act has failed, found without the help of Python's collector of cycles (C3)."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from weakref import ReferenceType

import trio


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the collector off for the block: what waits for it is then found."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def gone(left: Callable[[], object]) -> None:
    """Wait until nothing is left: a thread lets go of its call a moment after that was answered."""
    with trio.fail_after(2):
        while left():  # noqa: ASYNC110  # nobody is told when something goes
            await trio.sleep(0.005)


async def all_gone(seen: Sequence[ReferenceType[object]]) -> None:
    """Wait until none of what was seen is left."""
    await gone(lambda: [each for each in seen if each() is not None])
