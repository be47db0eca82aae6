"""Which confinement a third party's source gets: what it may read and write, and as whom.

How a process is confined is `hub.isolation.limits`'; starting and asking it is `hub.isolation.source`'s.
"""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from hub.backends import PluginContext
from hub.errors import PluginParkedError
from hub.isolation.limits import Confinement, guards
from hub.isolation.manifest import IsolatedPart
from hub.isolation.settings import Isolation
from hub.text import plain

_SYSTEM: Final = (
    "/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/localtime", "/etc/hosts", "/etc/resolv.conf",
    "/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/ssl/openssl.cnf", "/etc/pki/ca-trust", "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem", "/etc/pki/tls/openssl.cnf", "/etc/ca-certificates",
    "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services",
)  # fmt: skip
"""What of the system a child may read: programs, libraries, public certificates (no private key,
which the same folders hold) and how names are resolved."""

LARGEST_STORE: Final = 1 << 30
"""Bytes of one file for those who take records in and destroy them; a source that answers has half of it."""


def confine_source(
    part: IsolatedPart, context: PluginContext, private: Path, isolation: Isolation
) -> tuple[PluginContext, Confinement]:
    """Return what the child of a source may do, and the context with which the source is opened there.

    Args:
        part: The source.
        context: What it would be opened with in the hub's process.
        private: The hub's state folder.
        isolation: What the configuration says.

    Raises:
        PluginParkedError: Nothing on this machine would keep it from the hub's files, its own account is of no use, or
            the state folder or the home folder of the hub's account lies where plugins may read.
    """
    there = guards()
    account = _account(isolation.user) if isolation.user and there.root else None
    if not there.landlock and account is None:
        raise PluginParkedError(
            "nothing here keeps it from the hub's files: it needs a kernel with Landlock, or a hub started as root "
            "with isolation.user set"
        )
    if account is not None:
        context = _move(context, account, part.plugin)
    read = {sys.prefix, sys.base_prefix, *_SYSTEM, str(context.models)}
    packages = {str(Path(each).parent) for each in (part.package, Path(__file__).parents[1])}
    read |= packages
    home = Path("~").expanduser()
    if near := [path for path in sorted(packages) if _holds(path, home)]:
        raise PluginParkedError(f"the hub's home folder lies in {plain(near[0])}, which plugins may read: move one")
    for path in sorted(read):
        if _holds(path, private):
            raise PluginParkedError(f"the hub's state folder lies in {plain(path)}, which plugins may read: move it")
    # What else packages are imported from; the folder in which somebody started Python may be anything.
    apart = (private, home)
    read |= {entry for entry in sys.path if entry.startswith(os.sep) and not any(_holds(entry, it) for it in apart)}
    read |= {str(context.trust)} if context.trust else set()
    return context, Confinement(
        read=tuple(sorted(read)),
        write=(str(context.state),),
        network=part.network,
        memory=isolation.memory_megabytes << 20,
        processor=isolation.processor_seconds,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
    )


def _holds(folder: str, inner: Path) -> bool:
    return (os.path.realpath(inner) + os.sep).startswith(os.path.realpath(folder).rstrip(os.sep) + os.sep)


def _account(name: str) -> pwd.struct_passwd:
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        raise PluginParkedError(f"isolation.user: there is no account {plain(name, 40)}") from None
    if account.pw_uid == 0 or not Path(account.pw_dir).is_dir():
        raise PluginParkedError(f"isolation.user: {plain(name, 40)} has to be an account without rights, with a home")
    return account


def _move(context: PluginContext, account: pwd.struct_passwd, plugin: str) -> PluginContext:
    """Give a source a folder in its account's home, as the hub's state folder is closed to it.

    What trust it needs comes as a copy. Root writes here where the account may write too, so no link is followed.
    """
    folder = Path(account.pw_dir) / "patrol-hub" / plugin
    try:
        with (
            _opened(account.pw_dir) as home,
            _made(home, "patrol-hub", account) as above,
            _made(above, plugin, account) as place,
        ):
            trust = _copied(context.trust, place) if context.trust is not None else None
    except OSError as error:
        raise PluginParkedError(f"isolation.user: {folder} cannot be prepared: {error.strerror}") from error
    return replace(context, state=folder, trust=folder / trust if trust else None)


@contextmanager
def _opened(name: str, above: int | None = None) -> Iterator[int]:
    descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _made(above: int, name: str, account: pwd.struct_passwd) -> Iterator[int]:
    with suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=above)
    with _opened(name, above) as descriptor:
        os.fchown(descriptor, account.pw_uid, account.pw_gid)
        yield descriptor


def _copied(file: Path, place: int) -> str | None:
    """Copy a file into an open folder and return its name there; None where there is none."""
    if not file.is_file():
        return None
    with suppress(FileNotFoundError):
        os.unlink(file.name, dir_fd=place)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(file.name, flags, 0o644, dir_fd=place), "wb") as copy:
        os.fchmod(copy.fileno(), 0o644)
        copy.write(file.read_bytes())
    return file.name
