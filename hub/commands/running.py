"""`patrol-hub run`: the hub without a screen. Events go out as JSON lines, remarks to standard error.

Whoever reads either may stop reading: the hub goes on and ends as it would without.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from io import FileIO, RawIOBase
from pathlib import Path
from typing import IO, Final

import structlog
import trio

from hub.app import Ended, Hub, Watched, open_hub
from hub.attach import claim_socket, claim_unit
from hub.capture import SourceSpec, parse_source
from hub.channels import Subscription
from hub.clocks import Clock, SystemClock
from hub.commands.console import note, table
from hub.commands.deploying import Under, deployed
from hub.commands.explain import counted
from hub.config import Settings, load_config, state_folder
from hub.errors import ClosedChannelError, InputError, LaggedError, UsageError
from hub.events import Event, encode
from hub.logs import LogForm, lost_line, relayed, set_up_logs
from hub.parts import installed_plugins
from hub.watchlists.locked import forbid_dumps

EVENT_SECONDS: Final = 2.0
"""Longest wait at the end for a reader that does not take the last events."""


def run(
    *,
    sources: tuple[str, ...],
    config: Path | None,
    events: str | None,
    until_end: bool,
    development: bool,
    cameras: bool = True,
    attach: bool = True,
    under: Under | None = None,
) -> int:
    """Run until a signal, or until every source has ended where asked to.

    Args:
        sources: What to watch; empty for the configuration's cameras.
        config: The configuration.
        events: File for events, ``-`` for standard output, None for none.
        until_end: Read files losslessly and stop when all have ended.
        development: Allow unsigned lists.
        cameras: False watches nothing and serves dashboards alone.
        attach: False lets no dashboard attach.
        under: The deployment order under which faces are watched for; None for none.
    """
    settings = load_config(config)
    if not cameras and (sources or until_end or not attach):
        raise UsageError(
            "a hub without cameras only serves dashboards: leave out --source, --until-end and --no-socket"
        )
    watched = watched_sources(sources, settings) if cameras else ()
    if under is not None and not watched:
        raise UsageError("a deployment order is for cameras: leave out --without-camera")
    clock, form = SystemClock(), LogForm.CONSOLE if sys.stderr.isatty() else LogForm.JSON
    with relayed("stderr", lost_line(clock, form)):
        set_up_logs(sys.stderr, clock=clock, form=form)
        ended = trio.run(
            partial(
                _run,
                settings,
                watched,
                events,
                clock=clock,
                until_end=until_end,
                development=development,
                attach=attach,
                under=under,
            )
        )
        return _tell(ended, quiet=events == "-")


def watched_sources(sources: tuple[str, ...], settings: Settings) -> tuple[Watched, ...]:
    """Return what to watch: the sources named on the command line, else the configuration's cameras.

    Raises:
        UsageError: There is neither.
        InputError: A file is missing, of another kind, or a folder has no pictures.
    """
    if sources:
        specs = [parse_source(source) for source in sources]
        names = [_name(spec, number, len(specs)) for number, spec in enumerate(specs, start=1)]
        return tuple(Watched(name, spec) for name, spec in zip(names, specs, strict=True))
    if settings.cameras:
        return tuple(Watched(camera.name, parse_source(camera.source)) for camera in settings.cameras)
    raise UsageError(
        "nothing to watch: name a photo, folder, video, webcam:N or stream with --source, "
        "or serve dashboards alone with --without-camera"
    )


def _name(spec: SourceSpec, number: int, of: int) -> str:
    stem = spec.origin.rstrip("/").rpartition("/")[2] or spec.medium.value
    return stem if of == 1 else f"{number}:{stem}"


async def _run(
    settings: Settings,
    watched: tuple[Watched, ...],
    events: str | None,
    *,
    clock: Clock,
    until_end: bool,
    development: bool,
    attach: bool,
    under: Under | None,
) -> Ended:
    plugins = installed_plugins(settings)
    forbid_dumps()  # the unlocked key and a face list may come to lie in this process
    stop, log = trio.Event(), structlog.get_logger()
    with claim_socket(state_folder()) if attach else claim_unit(state_folder()) as listener:
        async with (
            open_hub(
                settings,
                state_folder(),
                watched,
                clock=clock,
                until_end=until_end,
                development=development,
                plugins=plugins,
                say=log.info,
                listener=listener,
            ) as hub,
            deployed(hub, plugins, under, clock),
            _event_file(events) as file,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(_stop_on_signal, stop)
            ended = await _run_and_write(hub, stop, file)
            nursery.cancel_scope.cancel()
    return ended


async def _run_and_write(hub: Hub, stop: trio.Event, file: RawIOBase | IO[bytes] | None) -> Ended:
    if file is None:
        return await hub.run(stop)
    result: list[Ended] = []
    with hub.events.subscribe() as subscription:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_write_events, subscription, file)
            result.append(await hub.run(stop))
            nursery.cancel_scope.deadline = trio.current_time() + EVENT_SECONDS
    return result[0]


async def _write_events(subscription: Subscription[Event], file: RawIOBase | IO[bytes]) -> None:
    """Write events until there are no more. A reader that is too slow misses some and is told how many."""
    while True:
        try:
            line = encode(await subscription.receive())
        except LaggedError as error:
            line = b'{"kind":"lagged","missed":%d}\n' % error.missed
        except ClosedChannelError:
            return
        try:
            await trio.to_thread.run_sync(_write, file, line, abandon_on_cancel=True)
        except OSError as error:
            note(f"events cannot be written any more: {error.strerror}")
            return


def _write(file: RawIOBase | IO[bytes], line: bytes) -> None:
    left = memoryview(line)
    while left:
        left = left[file.write(left) or 0 :]
    file.flush()


@asynccontextmanager
async def _event_file(events: str | None) -> AsyncIterator[RawIOBase | IO[bytes] | None]:
    """Open where events go. A new file is private, because events tell of alerts.

    Nothing is buffered: a thread that hangs on a reader who takes nothing would hold the buffer's lock, and closing
    or flushing it at the end would wait for that reader.
    """
    if events is None:
        yield None
    elif events == "-":
        yield getattr(sys.stdout.buffer, "raw", sys.stdout.buffer)
    else:
        try:
            file = await trio.to_thread.run_sync(lambda: FileIO(events, "ab", opener=_open_private))
        except OSError as error:
            raise InputError(f"events cannot be written to {events}: {error.strerror}") from error
        with file:
            yield file


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


async def _stop_on_signal(stop: trio.Event) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            stop.set()


def _tell(ended: Ended, *, quiet: bool) -> int:
    """Print what became of everything, and return the exit status.

    Raises:
        OSError: Standard output takes nothing, and not because its reader has gone.
    """
    problem = None
    if not quiet:
        with relayed("stdout", "{} lines were lost\n".format) as out:
            table(counted(ended.event.counts))
        problem = out.error
        if out.missing and problem is None:
            note("the counts were not printed: nobody takes standard output")
    if not ended.event.balanced:
        note("the counts do not add up to the input: this is a fault of the hub, please report it")
    for health in ended.failed:
        note(f"{health.actor}: {health.detail}")
    for actor in ended.event.overran:
        note(f"{actor} did not stop in time")
    if problem is not None and not isinstance(problem, BrokenPipeError):
        raise problem
    return 2 if ended.failed else 0
