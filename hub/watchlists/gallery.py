"""A face list in force: its templates in one locked mapping, searched exactly, zeros once it ends (C1, C4, C11).

Whether a search may be made at all (an order, a metered probe) is decided elsewhere; here is that it cannot be made
against a list that has ended. A template exists in the mapping and nowhere else: it is decrypted straight into it, and
what is handed out are identifiers and similarities. The entry behind a candidate is opened when it is asked for.

The search compares a face with every entry and is exact; 10,000 take under a millisecond. It makes no copy of what
it reads, which a test looks for in the memory of a running process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import date, datetime
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeAlias

import msgspec
import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from hub.authority.unit_key import UnitKey
from hub.errors import InputError, NotAllowedError, TrustError, UsageError
from hub.watchlists.faces import (
    Card,
    Part,
    VerifiedFaces,
    check_model,
    nonce_of,
    purpose_of_key,
)
from hub.watchlists.locked import LockedMemory
from hub.watchlists.package import check_dates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]

KEY_BYTES: Final = 32
_KEY_ROOM: Final = 64
"""Bytes at the beginning of the mapping for the list's key; templates after it lie at addresses that suit vectors."""
_FLOAT: Final = 4
UNIT_LENGTH: Final = 0.01
"""By how much a template's length may differ from 1."""


class Candidate(Struct, frozen=True):
    """An entry that resembles a face. Whether it is enough is decided elsewhere."""

    entry: str
    """Identifier of the entry."""
    similarity: float
    """-1 to 1."""


@cache
def exact_search() -> Callable[..., Any]:
    """Return usearch's exact search, loaded when the first list is opened and after onnxruntime where that is there.

    The order matters: a process that imports onnxruntime (1.32) after usearch (2.26) ends in a segmentation fault, and
    a hub needs onnxruntime for its models.
    """
    with suppress(ImportError):
        import onnxruntime  # type: ignore[import-untyped,unused-ignore]  # noqa: F401
    from usearch.index import search

    return search


class Gallery:
    """A list's templates in force. Made by `open_gallery`; usable from any thread.

    Attributes:
        header: What the list says of itself.
        digest: SHA-256 of the list's signed content, hexadecimal.
        comparisons: Templates that were compared with a face since it was opened; 0 proves that nothing was.
        left_out: Entries whose own last day was over when it was opened.
    """

    def __init__(
        self, verified: VerifiedFaces, file: BinaryIO, memory: LockedMemory, now: Callable[[], datetime]
    ) -> None:
        self.header = verified.header
        self.digest = verified.digest
        self.comparisons = 0
        self.left_out = 0
        self._file = file
        self._start = verified.start
        self._memory = memory
        self._now = now
        self._search = exact_search()
        self._lock = threading.Lock()
        self._templates: Floats = np.frombuffer(memory.view, np.float32, offset=_KEY_ROOM)[
            : self.header.entries * self.header.numbers
        ].reshape(self.header.entries, self.header.numbers)
        self._offsets = tuple(accumulate(self.header.cards, initial=0))
        self._places: dict[str, int] = {}
        self._entries: list[tuple[str, date]] = []
        self._day = date.min
        self._ended = ""

    # ------------------------------------------------------------------------------------ what it says

    @property
    def name(self) -> str:
        """The list's name."""
        return self.header.name

    @property
    def model(self) -> str:
        """SHA-256 of the model whose embeddings may be compared with it."""
        return self.header.model

    @property
    def expires(self) -> datetime:
        """When it ends."""
        return self.header.expires

    @property
    def purpose(self) -> str:
        """What it may be used for (C4)."""
        return self.header.purpose

    @property
    def place(self) -> str:
        """Where it may be used."""
        return self.header.place

    @property
    def ended(self) -> str:
        """Why nothing can be compared with it any more, "" while something can."""
        return self._ended

    def __len__(self) -> int:
        return len(self._entries)

    # ------------------------------------------------------------------------------------------ its use

    def search(self, embedding: Floats, count: int = 10) -> tuple[Candidate, ...]:
        """Compare a face with every entry.

        Args:
            embedding: float32 [numbers], of length 1, made by the list's model.
            count: Most candidates.

        Returns:
            The entries that resemble it most, the most similar first; the difference between the first two is the
            margin. No threshold is applied.

        Raises:
            NotAllowedError: The list has expired, or was wiped; nothing was compared.
            UsageError: It is no such embedding.
        """
        face = np.asarray(embedding, np.float32)
        if face.shape != (self.header.numbers,) or not abs(float(np.linalg.norm(face)) - 1) < UNIT_LENGTH:
            raise UsageError(f"a face is compared by {self.header.numbers} numbers of length 1")
        now = self._now()
        with self._lock:
            self._demand(now)
            entries = len(self._entries)
            self.comparisons += entries
            if not entries:
                return ()
            # Exact and on the mapping as it is: an index of its own would keep copies that a wipe does not reach.
            near = self._search(self._templates[:entries], face, min(count, entries), metric="ip", exact=True)
            found = zip(near.keys.tolist(), near.distances.tolist(), strict=True)
            return tuple(Candidate(self._entries[row][0], 1.0 - distance) for row, distance in found)

    def card(self, entry: str) -> Card:
        """Return an entry with its reference photo; to be asked for candidates only.

        Raises:
            NotAllowedError: The list has expired or was wiped, or has no such entry, or its last day is over.
            TrustError: The list's file was altered after it was opened.
        """
        now = self._now()
        with self._lock:
            self._demand(now)
            if not any(identifier == entry for identifier, _ in self._entries):
                raise NotAllowedError(f"the list {self.name} has no entry {entry} that may be acted on")
            return self._card(self._places[entry])

    def expire(self) -> str:
        """Wipe the list, or those of its entries, whose time has come; to be called now and then.

        Returns:
            Why nothing can be compared with it any more; "" while something can.
        """
        now = self._now()
        with self._lock:
            with suppress(NotAllowedError):
                self._demand(now)
            return self._ended

    def wipe(self, reason: str = "the list is no longer in force") -> None:
        """End it: zeros where the templates and the list's key were. May be called twice; waits for a running search.

        Args:
            reason: Why, for whoever asks later.
        """
        with self._lock:
            self._wipe(reason)

    # ------------------------------------------------------------------------------------------ opening

    def _fill(self, key: UnitKey) -> None:
        """Decrypt the list into the mapping."""
        header = self.header
        wrapped = header.key_for(key.public).wrapped
        view = self._memory.view
        view[:KEY_BYTES] = key.unwrap(wrapped, purpose_of_key(header.seal, key.public))
        cipher = AESGCM(view[:KEY_BYTES])
        self._file.seek(self._start)
        sealed = memoryview(self._file.read(header.entries * header.template_bytes))
        size, today = header.numbers * _FLOAT, self._now().date()
        for number in range(header.entries):
            entry = self._card(number).entry
            if entry.entry in self._places:
                raise TrustError(f"the list {self.name} has two entries {entry.entry}: ask its issuer for a new one")
            self._places[entry.entry] = number
            if today > entry.expires:
                self.left_out += 1
                continue
            at = _KEY_ROOM + len(self._entries) * size
            template = sealed[number * header.template_bytes : (number + 1) * header.template_bytes]
            try:
                cipher.decrypt_into(nonce_of(Part.TEMPLATE, number), template, header.seal, view[at : at + size])
            except InvalidTag as error:
                raise TrustError(f"the list {self.name} does not open: entry {number + 1} was altered") from error
            self._entries.append((entry.entry, entry.expires))
        self._day = today
        rows = self._templates[: len(self._entries)]
        lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        if not (np.abs(lengths - 1) < UNIT_LENGTH).all():
            raise TrustError(f"the list {self.name} does not open: a template has not the length 1")

    def _card(self, number: int) -> Card:
        header, size = self.header, self.header.cards[number]
        self._file.seek(self._start + header.entries * header.template_bytes + self._offsets[number])
        sealed = self._file.read(size)
        try:
            plain = AESGCM(self._memory.view[:KEY_BYTES]).decrypt(nonce_of(Part.CARD, number), sealed, header.seal)
            return msgspec.msgpack.decode(plain, type=Card)
        except (InvalidTag, ValueError, msgspec.MsgspecError) as error:
            raise TrustError(f"the list {self.name} does not open: card {number + 1} was altered") from error

    def _demand(self, now: datetime) -> None:
        """Refuse what is over; the lock is held."""
        if not self._ended and now >= self.header.expires:
            self._wipe(f"the list {self.name} expired at {self.header.expires:%Y-%m-%d %H:%M} UTC")
        if self._ended:
            raise NotAllowedError(self._ended)
        if now.date() > self._day:
            self._drop_expired(now.date())

    def _drop_expired(self, today: date) -> None:
        """Zero the templates of entries whose last day is over; the last ones move into their places."""
        self._day = today
        for row in reversed(range(len(self._entries))):
            if today > self._entries[row][1]:
                last = self._entries.pop()
                if row < len(self._entries):
                    self._entries[row] = last
                    self._templates[row] = self._templates[len(self._entries)]
                self._templates[len(self._entries)] = 0

    def _wipe(self, reason: str) -> None:
        if self._ended:
            return
        self._ended = reason
        self._entries.clear()
        self._places.clear()
        self._templates = np.zeros((0, self.header.numbers), np.float32)  # lets go of the mapping
        self._memory.wipe()


@contextmanager
def open_gallery(
    verified: VerifiedFaces, key: UnitKey, *, model: str, now: Callable[[], datetime]
) -> Iterator[Gallery]:
    """Open a verified list for the block; it is wiped however the block ends. Blocking: up to a second or two.

    Args:
        verified: From `hub.watchlists.faces.verify_faces`.
        key: The unit's, unlocked by an officer.
        model: SHA-256 of the model whose embeddings will be compared with it, hexadecimal.
        now: The time, timezone-aware, that never goes back (`hub.clocks.FlooredClock`).

    Raises:
        TrustError: It has expired, was made with another model or for another unit, or was altered; it is wiped.
        StoreError: So much memory cannot be locked.
        InputError: The file cannot be read.
    """
    header = verified.header
    check_model(header, model)
    with ExitStack() as stack:
        try:
            file = stack.enter_context(verified.file.open("rb"))
        except OSError as error:
            raise InputError(f"{verified.file} cannot be read: {error.strerror}") from error
        memory = LockedMemory(_KEY_ROOM + header.entries * header.numbers * _FLOAT)
        stack.callback(memory.wipe)
        gallery = Gallery(verified, file, memory, now)
        stack.callback(gallery.wipe)
        check_dates(header, now())
        gallery._fill(key)
        yield gallery
