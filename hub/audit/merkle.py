"""The Merkle tree of RFC 6962, section 2: hashing, roots, inclusion and consistency proofs. Pure functions.

A tree is known by its size and by the hashes of its complete subtrees: node ``(level, number)`` covers the leaves
``number << level`` up to, not including, ``(number + 1) << level``. A complete subtree never changes again, so these
hashes are written once; a new leaf writes those that it completes (two on average), and a root or a proof reads about
``log2(size)`` of them. Where they are kept is the caller's business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

NodeReader: TypeAlias = Callable[[int, int], bytes]
"""Returns the hash of the complete subtree ``(level, number)``."""

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf, 32 bytes."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node, 32 bytes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def completed(size: int, leaf: bytes, read: NodeReader) -> Iterator[tuple[int, int, bytes]]:
    """Yield ``(level, number, hash)`` of each subtree that a new leaf completes, the leaf itself first.

    Args:
        size: Number of leaves before the new one.
        leaf: Hash of the new leaf.
        read: Reads nodes that are complete already.
    """
    level, number, digest = 0, size, leaf
    yield level, number, digest
    while number & 1:
        digest = node_hash(read(level, number - 1), digest)
        level, number = level + 1, number >> 1
        yield level, number, digest


def root_hash(size: int, read: NodeReader) -> bytes:
    """Return the root of the first `size` leaves, 32 bytes."""
    return _range_hash(0, size, read) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, read: NodeReader) -> list[bytes]:
    """Return the audit path of leaf `index` in the tree of the first `size` leaves (RFC 6962, 2.1.1).

    Raises:
        ValueError: The tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_hash(middle, end, read))
            end = middle
        else:
            path.append(_range_hash(start, middle, read))
            start = middle
    return path[::-1]


def consistency_proof(old: int, new: int, read: NodeReader) -> list[bytes]:
    """Return the proof that the first `old` leaves of a tree of `new` leaves are a tree before it (RFC 6962, 2.1.2).

    Raises:
        ValueError: Not ``0 < old <= new``.
    """
    if not 0 < old <= new:
        raise ValueError(f"no consistency between {old} and {new} leaves")
    path: list[bytes] = []
    start, end, whole = 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_range_hash(middle, end, read))
            end = middle
        else:
            path.append(_range_hash(start, middle, read))
            start, whole = middle, False
    if not whole:
        path.append(_range_hash(start, end, read))
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Say whether a proof shows that a leaf's hash stands at `index` under `root` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    number, last, digest = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if number & 1 or number == last:
            digest = node_hash(sibling, digest)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            digest = node_hash(digest, sibling)
        number, last = number >> 1, last >> 1
    return last == 0 and digest == root


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Say whether a proof shows that the tree of `new` leaves continues that of `old` leaves (RFC 9162, 2.1.4.2)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    number, last = old - 1, new - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    old_digest = new_digest = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if number & 1 or number == last:
            old_digest = node_hash(sibling, old_digest)
            new_digest = node_hash(sibling, new_digest)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            new_digest = node_hash(new_digest, sibling)
        number, last = number >> 1, last >> 1
    return last == 0 and old_digest == old_root and new_digest == new_root


def _split(count: int) -> int:
    """Return the largest power of two below `count`, at least 1."""
    return 1 << ((count - 1).bit_length() - 1)


def _range_hash(start: int, end: int, read: NodeReader) -> bytes:
    """Hash the leaves from `start` to `end`; every range that RFC 6962 asks for begins at a whole subtree."""
    count = end - start
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return read(level, start >> level)
    middle = start + _split(count)
    return node_hash(_range_hash(start, middle, read), _range_hash(middle, end, read))
