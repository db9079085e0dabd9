"""Merkle trees as in RFC 6962: leaves and nodes are hashed apart, so that neither passes for the other."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

LEAF = b"\x00"
NODE = b"\x01"


def hash_leaf(content: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(LEAF + content).digest()


def find_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root of the hashes of one leaf or more."""
    level = leaves
    while len(level) > 1:
        level = _next_level(level)
    return level[0]


def find_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the hashes that lead from the leaf at `index` to the root, the lowest first."""
    path: list[bytes] = []
    level = leaves
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        level, index = _next_level(level), index // 2
    return path


def follow_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root to which a path leads from the leaf at `index` of `size`, or None where it has another length."""
    if not 0 <= index < size:
        return None
    found, rest = leaf, list(path)
    while size > 1:
        if index ^ 1 < size:
            if not rest:
                return None
            sibling = rest.pop(0)
            found = _hash_node(sibling, found) if index % 2 else _hash_node(found, sibling)
        index, size = index // 2, (size + 1) // 2
    return None if rest else found


def find_nodes(leaves: Sequence[bytes], indices: Iterable[int]) -> list[bytes]:
    """Return the hashes that lead from several leaves to the root: those which they do not lead to themselves."""
    nodes: list[bytes] = []
    level, known = leaves, set(indices)
    while len(level) > 1:
        nodes += [level[index ^ 1] for index in sorted(known) if index ^ 1 < len(level) and index ^ 1 not in known]
        level, known = _next_level(level), {index // 2 for index in known}
    return nodes


def follow_nodes(known: Mapping[int, bytes], size: int, nodes: Sequence[bytes]) -> bytes | None:
    """Return the root to which nodes lead from leaves at some indices of `size`, or None where it needs others.

    The nodes are those of `find_nodes`, each once.
    """
    if not known or not all(0 <= index < size for index in known):
        return None
    rest = iter(nodes)
    while size > 1:
        siblings = (index ^ 1 for index in sorted(known))
        added = {index: next(rest, None) for index in siblings if index < size and index not in known}
        if None in added.values():
            return None
        level = dict(known) | {index: node for index, node in added.items() if node is not None}
        known = {
            index // 2: _hash_node(node, level[index + 1]) if index + 1 in level else node
            for index, node in level.items()
            if index % 2 == 0
        }
        size = (size + 1) // 2
    return known[0] if next(rest, None) is None else None


def _next_level(level: Sequence[bytes]) -> list[bytes]:
    # A node without a sibling rises as it is: the left part of each tree has a power of two of leaves.
    nodes = [_hash_node(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
    return [*nodes, level[-1]] if len(level) % 2 else nodes


def _hash_node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(NODE + left + right).digest()
