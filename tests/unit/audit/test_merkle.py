"""`hub.audit.merkle` against the vectors of RFC 6962's reference implementation and against pymerkle."""

from __future__ import annotations

import hashlib

import pymerkle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.audit.merkle import (
    EMPTY_ROOT,
    completed,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_hash,
    verify_consistency,
    verify_inclusion,
)

# The eight leaves of the certificate-transparency project's test trees, and the root of each prefix.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    bytes.fromhex(root)
    for root in (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]


class Tree:
    """Nodes in a dict; the store keeps them in a table."""

    def __init__(self, leaves):
        self.size, self.nodes, self.reads = 0, {}, 0
        for leaf in leaves:
            for level, number, digest in completed(self.size, leaf_hash(leaf), self.read):
                assert (level, number) not in self.nodes, "a complete subtree never changes"
                self.nodes[level, number] = digest
            self.size += 1

    def read(self, level, number):
        self.reads += 1
        return self.nodes[level, number]


def plain_root(leaves):
    """The definition in RFC 6962, 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(plain_root(leaves[:k]), plain_root(leaves[k:]))


def test_known_roots():
    tree = Tree(LEAVES)
    assert root_hash(0, tree.read) == EMPTY_ROOT
    assert [root_hash(size, tree.read) for size in range(1, 9)] == ROOTS


def test_known_proofs():
    tree = Tree(LEAVES)
    assert [digest.hex()[:8] for digest in inclusion_proof(0, 8, tree.read)] == ["96a296d2", "5f083f0a", "6b47aaf2"]
    assert [digest.hex()[:8] for digest in inclusion_proof(5, 8, tree.read)] == ["bc1a0643", "ca854ea1", "d37ee418"]
    assert [digest.hex()[:8] for digest in inclusion_proof(1, 5, tree.read)] == ["6e340b9c", "5f083f0a", "bc1a0643"]
    assert [digest.hex()[:8] for digest in consistency_proof(1, 8, tree.read)] == ["96a296d2", "5f083f0a", "6b47aaf2"]
    assert [digest.hex()[:8] for digest in consistency_proof(2, 5, tree.read)] == ["5f083f0a", "bc1a0643"]
    assert [digest.hex()[:8] for digest in consistency_proof(6, 8, tree.read)] == ["0ebc5d34", "ca854ea1", "d37ee418"]


@settings(max_examples=40, deadline=None)
@given(size=st.integers(1, 130), data=st.data())
def test_pymerkle_agrees(size, data):
    leaves = [b"%d" % number for number in range(size)]
    tree, oracle = Tree(leaves), pymerkle.InmemoryTree(algorithm="sha256")
    for leaf in leaves:
        oracle.append_entry(leaf)
    root = root_hash(size, tree.read)
    assert root == plain_root(leaves) == oracle.get_root()
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, tree.read)
    assert verify_inclusion(leaf_hash(leaves[index]), index, size, proof, root)
    theirs = oracle.prove_inclusion(index + 1, size)
    pymerkle.verify_inclusion(oracle.get_leaf(index + 1), root, theirs)
    assert proof == theirs.path[1:]  # pymerkle puts the leaf itself first
    old = data.draw(st.integers(1, size))
    proof, old_root = consistency_proof(old, size, tree.read), root_hash(old, tree.read)
    assert verify_consistency(old, size, old_root, root, proof)
    pymerkle.verify_consistency(old_root, root, oracle.prove_consistency(old, size))


@settings(max_examples=60, deadline=None)
@given(size=st.integers(2, 60), data=st.data())
def test_a_wrong_proof_proves_nothing(size, data):
    leaves = [b"%d" % number for number in range(size)]
    tree = Tree(leaves)
    root = root_hash(size, tree.read)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size - 1))
    leaf, old_root = leaf_hash(leaves[index]), root_hash(old, tree.read)
    inclusion, consistency = inclusion_proof(index, size, tree.read), consistency_proof(old, size, tree.read)
    assert not verify_inclusion(leaf_hash(b"other"), index, size, inclusion, root)
    assert not verify_inclusion(leaf, index, size, [*inclusion, leaf], root)
    assert not verify_inclusion(leaf, index, size, inclusion[:-1], root)
    assert not verify_inclusion(leaf, (index + 1) % size, size, inclusion, root)
    assert not verify_inclusion(leaf, size, size, inclusion, root)
    assert not verify_consistency(old, size, old_root, leaf_hash(b"other"), consistency)
    assert not verify_consistency(old, size, leaf_hash(b"other"), root, consistency)
    assert not verify_consistency(old, size, old_root, root, [*consistency, root])
    assert not verify_consistency(old, size, old_root, root, consistency[:-1])
    assert not verify_consistency(size, old, root, old_root, consistency)


def test_appending_and_proving_read_few_nodes():
    tree = Tree([b"%d" % number for number in range(5000)])
    assert tree.reads < 5000
    assert len(tree.nodes) < 2 * 5000
    for work in (lambda: root_hash(4999, tree.read), lambda: inclusion_proof(2500, 4999, tree.read)):
        tree.reads = 0
        work()
        assert tree.reads <= 2 * 13


def test_no_such_leaf():
    tree = Tree([b"a"])
    with pytest.raises(ValueError, match="no leaf 1"):
        inclusion_proof(1, 1, tree.read)
    with pytest.raises(ValueError, match="no consistency"):
        consistency_proof(2, 1, tree.read)
