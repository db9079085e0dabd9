"""Merkle trees: the root is that of RFC 6962, and only the path of a leaf leads to it."""

import hashlib

import pytest

from domain.seals.merkle import find_nodes, find_path, find_root, follow_nodes, follow_path, hash_leaf

SIZES = [*range(1, 34), 100]


def recursive_root(contents: list[bytes]) -> bytes:
    """The root as RFC 6962 defines it, which splits at the largest power of two below the number of leaves."""
    if len(contents) == 1:
        return hashlib.sha256(b"\x00" + contents[0]).digest()
    split = 1
    while split * 2 < len(contents):
        split *= 2
    left, right = recursive_root(contents[:split]), recursive_root(contents[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@pytest.mark.parametrize("size", SIZES)
def test_the_root_is_that_of_the_standard_and_each_leaf_has_a_path_to_it(size: int) -> None:
    contents = [str(number).encode() for number in range(size)]
    leaves = list(map(hash_leaf, contents))
    root = find_root(leaves)

    assert root == recursive_root(contents)
    for index, leaf in enumerate(leaves):
        path = find_path(leaves, index)
        assert follow_path(leaf, index, size, path) == root
        assert follow_path(hash_leaf(b"other"), index, size, path) != root
        assert follow_path(leaf, index, size, [*path, root]) is None
        assert not path or follow_path(leaf, index, size, path[1:]) is None
        elsewhere = [other for other in range(size) if other != index]
        assert all(follow_path(leaf, other, size, path) != root for other in elsewhere)
    assert follow_path(leaves[0], size, size, []) is None


@pytest.mark.parametrize("size", SIZES)
def test_several_leaves_lead_to_the_root_by_the_nodes_that_they_lack(size: int) -> None:
    leaves = [hash_leaf(str(number).encode()) for number in range(size)]
    root = find_root(leaves)
    for step in range(1, size + 1):
        known = {index: leaves[index] for index in range(step // 2 % size, size, step)}
        nodes = find_nodes(leaves, known)
        assert follow_nodes(known, size, nodes) == root
        assert len(nodes) <= size - len(known)
        for index in known:
            assert follow_nodes(known | {index: hash_leaf(b"other")}, size, nodes) != root
        assert follow_nodes(known, size, [*nodes, root]) is None
        assert not nodes or follow_nodes(known, size, nodes[1:]) is None
    assert follow_nodes({}, size, []) is None
    assert follow_nodes({size: leaves[0]}, size, []) is None
