"""`patrol-hub probe`: one face against the face list in force. There is no form for several people or files."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from hub.capture import SourceSpec, load_picture, open_frames, parse_source
from hub.clocks import Clock
from hub.commands.acting import acting, open_configured, unlocked
from hub.commands.console import Form, emit, say
from hub.config import Settings, load_config
from hub.errors import InputError, NotAllowedError, NotSignedInError, UsageError
from hub.messages import Frame, FrameGap
from hub.parts import installed_plugins
from hub.probes import ProbeAnswer, explain
from hub.probing import ProbeDesk, one, spaced
from hub.text import plain
from hub.watchlists.budget import FaceStatus
from hub.watchlists.locked import forbid_dumps

if TYPE_CHECKING:
    from hub.messages import Pixels


def probe(
    *,
    camera: str | None,
    image: Path | None,
    reason: str,
    digest: str,
    officer: str | None,
    config: Path | None,
    form: Form,
) -> int:
    """Compare one face with the list in force.

    Args:
        camera: Name of a camera of the configuration.
        image: A picture file; exactly one of the two is given.
        reason: The officer's.
        digest: SHA-256 of the list; "" for the only one that is loaded.
        officer: Number given with ``--officer``.
        config: The configuration.
        form: How the answer is printed.

    Returns:
        0 where an entry is resembled, 1 where none is or nothing was compared.
    """
    if (camera is None) == (image is None):
        raise UsageError("a probe is of one camera (--camera NAME) or of one picture (--image FILE)")
    settings = load_config(config)
    spec = None if camera is None else _camera(settings, camera)
    answer = trio.run(_probe, settings, spec, camera or "", image, reason, digest, officer, config)
    if form == "json":
        emit(answer)
    else:
        for line in explain(answer):
            say(line)
    return 0 if answer.status in (FaceStatus.CANDIDATE, FaceStatus.AMBIGUOUS) else 1


async def _probe(
    settings: Settings,
    spec: SourceSpec | None,
    camera: str,
    image: Path | None,
    reason: str,
    digest: str,
    officer: str | None,
    config: Path | None,
) -> ProbeAnswer:
    forbid_dumps()  # the unlocked key and a face list come to lie in this process
    plugins = installed_plugins(settings)
    plugins.load_all()
    picture = None if image is None else await trio.to_thread.run_sync(_picture, image)
    async with open_configured(config) as unit, acting(unit, officer) as requester:
        # The passphrase is asked for where there is something to open with it.
        loaded = await trio.to_thread.run_sync(unit.face_lists.lists)
        key = await unlocked(unit, requester) if loaded else None
        desk = ProbeDesk(unit, plugins, lambda _: key)
        try:
            if picture is not None:
                pictures = one(picture)
            else:
                assert spec is not None  # noqa: S101  # one of the two was given
                pictures = _pictures(spec, camera, unit.clock)
            return await desk.probe(pictures, requester, reason, camera=camera, digest=digest)
        except NotSignedInError:
            raise
        except NotAllowedError as error:
            return ProbeAnswer(FaceStatus.REFUSED, (), None, str(error))
        finally:
            desk.close()


async def _pictures(spec: SourceSpec, camera: str, clock: Clock) -> AsyncGenerator[Pixels, None]:
    async with open_frames(spec, camera, clock=clock) as frames, aclosing(spaced(_frames(frames))) as pictures:
        async for picture in pictures:
            yield picture


async def _frames(frames: AsyncIterator[Frame | FrameGap]) -> AsyncGenerator[Frame, None]:
    async for each in frames:
        if isinstance(each, Frame):
            yield each


def _camera(settings: Settings, name: str) -> SourceSpec:
    names = {each.name: each.source for each in settings.cameras}
    if name not in names:
        known = ", ".join(names) or "the configuration has none"
        raise UsageError(f"there is no camera {plain(name, limit=60)!r}: {known}")
    return parse_source(names[name])


def _picture(path: Path) -> Pixels:
    if path.is_dir():
        raise InputError(f"{path} is a folder: a probe is of one picture")
    try:
        return load_picture(path)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
