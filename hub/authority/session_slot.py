"""Where a session of the command line keeps the unlocked unit key between commands: memory of the system, never disk.

A file in the user's runtime folder (XDG_RUNTIME_DIR), used only where that is a memory file system of this user
alone; where it is not, there is no slot and the passphrase is asked for again. The file is sealed under the session's
token, which lies in the state folder: neither of the two opens anything without the other.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hub.authority.files import make_folder, read_private, write_file
from hub.authority.unit_key import NONCE_BYTES, UnitKey
from hub.errors import HubError

RUNTIME_VARIABLE: Final = "XDG_RUNTIME_DIR"
FOLDER: Final = "patrol-hub"
_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
_MOUNTS: Final = Path("/proc/self/mountinfo")


def write_slot(state: Path, token: str, key: UnitKey, random: Callable[[int], bytes]) -> bool:
    """Keep the key for a session, in place of an earlier one's. Returns False where there is no place for it.

    Args:
        state: The unit's state folder.
        token: The session's.
        key: The unlocked key.
        random: Gives that many random bytes.

    Raises:
        StoreError: It cannot be written.
    """
    folder = _folder()
    if folder is None:
        return False
    try:
        make_folder(folder)
    except OSError:
        return False
    nonce = random(NONCE_BYTES)
    write_file(_path(folder, state), nonce + AESGCM(_opener(token)).encrypt(nonce, key.secret(), key.public))
    return True


def read_slot(state: Path, token: str, public: bytes) -> UnitKey | None:
    """Return the key that was kept for a session; None where there is none, or another session's.

    Args:
        state: The unit's state folder.
        token: Of a session that was just checked.
        public: The unit's raw public key.
    """
    folder = _folder()
    if folder is None:
        return None
    try:
        kept = read_private(_path(folder, state))
        return UnitKey(AESGCM(_opener(token)).decrypt(kept[:NONCE_BYTES], kept[NONCE_BYTES:], public))
    except (HubError, InvalidTag, ValueError):
        return None


def remove_slot(state: Path) -> None:
    """Forget the key. May be called twice."""
    folder = _folder()
    if folder is not None:
        with suppress(OSError):
            _path(folder, state).unlink(missing_ok=True)


def in_memory(path: Path, mounts: str) -> bool:
    """Say whether a folder lies in a memory file system.

    Args:
        path: Absolute, without links.
        mounts: Content of ``/proc/self/mountinfo``, see proc_pid_mountinfo(5).
    """
    best, kind = -1, ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        point = Path(fields[4].encode("ascii", "replace").decode("unicode_escape"))  # a space stands there as \040
        # Of two file systems on the same folder the later one covers the earlier.
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), after.split()[0]
    return kind in _MEMORY


def _folder() -> Path | None:
    """Return our folder in the runtime folder, which may be missing; None where no key may lie there."""
    place = os.environ.get(RUNTIME_VARIABLE, "")
    if not place or not Path(place).is_absolute():
        return None
    try:
        runtime = Path(place).resolve(strict=True)
        status = runtime.stat()
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
            return None
        if not in_memory(runtime, _MOUNTS.read_text(encoding="utf-8", errors="replace")):
            return None
    except OSError:
        return None
    return runtime / FOLDER


def _path(folder: Path, state: Path) -> Path:
    return folder / f"{hashlib.sha256(os.fsencode(state.resolve())).hexdigest()[:32]}.key"


def _opener(token: str) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=None, info=b"patrol-hub session slot").derive(token.encode("utf-8"))
