"""Memory for what must not outlive its date: locked, left out of core dumps and of children, zeroed when it ends.

What lies in it is the business of `hub.watchlists.gallery`. Whatever is copied out of it into a Python object is
outside of what this module can answer for.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
from contextlib import suppress
from typing import Final

from hub.errors import StoreError

_PR_SET_DUMPABLE: Final = 4
_libc = ctypes.CDLL(None, use_errno=True)
_libc.mlock.argtypes = _libc.munlock.argtypes = (ctypes.c_void_p, ctypes.c_size_t)


def forbid_dumps() -> None:
    """Have this process write no core dump and be readable by no other process of its user, from now on.

    To be called once at the start of whatever holds a gallery. A debugger of the same user can no longer attach.

    Raises:
        StoreError: The kernel refuses.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        raise StoreError(f"core dumps of this process cannot be turned off: {os.strerror(ctypes.get_errno())}")


class LockedMemory:
    """One anonymous mapping: never swapped, in no core dump, in no child, and zeros once it is wiped.

    Whoever makes it wipes it, whatever happens; nothing is left to the collector.

    Args:
        size: Bytes, at least 1; rounded up to whole pages.

    Raises:
        StoreError: The system does not let this process lock so much memory; nothing is mapped then.
    """

    def __init__(self, size: int) -> None:
        self._size = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        self._mapping = mmap.mmap(-1, self._size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._wiped = False
        try:
            self._mapping.madvise(mmap.MADV_DONTDUMP)
            self._mapping.madvise(mmap.MADV_DONTFORK)
            _lock(_address(self._mapping), self._size)
        except BaseException:
            self._mapping.close()
            raise
        self.view = memoryview(self._mapping)
        """All of it, writable."""

    def wipe(self) -> None:
        """Write zeros, unlock and unmap. May be called twice.

        Where somebody still holds a part of `view` the zeros stay mapped, and nothing else does.
        """
        if self._wiped:
            return
        self._wiped = True
        address = _address(self._mapping)
        ctypes.memset(address, 0, self._size)
        _libc.munlock(address, self._size)
        with suppress(BufferError):
            self.view.release()
            self._mapping.close()


def _address(mapping: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(mapping))


def _lock(address: int, size: int) -> None:
    if _libc.mlock(address, size) == 0:
        return
    # Whoever may raise the limit to what the system allows at most is spared the asking.
    soft, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if soft != hard:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (hard, hard))
        if _libc.mlock(address, size) == 0:
            return
    limit = "unlimited" if hard == resource.RLIM_INFINITY else f"{hard // 1024} KB"
    raise StoreError(
        f"{-(-size // 1024)} KB of templates cannot be locked in memory (limit {limit}), and unlocked they could reach "
        "the swap: raise it with `ulimit -l` or LimitMEMLOCK= of the service"
    )
