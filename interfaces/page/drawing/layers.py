"""Lay a directed graph out in layers from left to right: each node as far right as the longest way to it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple


class Place(NamedTuple):
    """Where a node is: the layer from the left, and its row from the top."""

    layer: int
    row: float


def lay_out(nodes: Sequence[str], edges: Iterable[tuple[str, str]], last: Iterable[str] = ()) -> dict[str, Place]:
    """Return the place of each node; those of `last` are in the last layer. Edges that close a cycle do not count."""
    known = set(nodes)
    forward = _forward_edges(nodes, [edge for edge in edges if set(edge) <= known and edge[0] != edge[1]])
    layers = _find_layers(nodes, forward)
    ends = set(last)
    deepest = max((layers[node] for node in nodes if node not in ends), default=-1)
    layers |= {node: max(deepest + 1, layers[node]) for node in ends & known}
    return _find_rows(nodes, forward, layers)


def _forward_edges(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the edges that a search from the first node on does not find to lead back."""
    following: dict[str, list[str]] = {node: [] for node in nodes}
    for source, target in edges:
        following[source].append(target)
    state: dict[str, int] = {}
    forward: dict[str, list[str]] = {node: [] for node in nodes}
    for root in nodes:
        if root not in state:
            _search(root, following, state, forward)
    return forward


def _search(
    root: str, following: Mapping[str, list[str]], state: dict[str, int], forward: dict[str, list[str]]
) -> None:
    state[root] = 1
    path = [(root, iter(following[root]))]
    while path:
        node, targets = path[-1]
        target = next(targets, None)
        if target is None:
            state[node] = 2
            path.pop()
        elif state.get(target) != 1:
            forward[node].append(target)
            if target not in state:
                state[target] = 1
                path.append((target, iter(following[target])))


def _find_layers(nodes: Sequence[str], forward: Mapping[str, list[str]]) -> dict[str, int]:
    waiting = dict.fromkeys(nodes, 0)
    for targets in forward.values():
        for target in targets:
            waiting[target] += 1
    layers = dict.fromkeys(nodes, 0)
    ready = [node for node in nodes if not waiting[node]]
    while ready:
        node = ready.pop()
        for target in forward[node]:
            layers[target] = max(layers[target], layers[node] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return layers


def _find_rows(nodes: Sequence[str], forward: Mapping[str, list[str]], layers: Mapping[str, int]) -> dict[str, Place]:
    """Return places in which each node lies near the middle of those before it, and layers are centred."""
    sources: dict[str, list[str]] = {node: [] for node in nodes}
    for source, targets in forward.items():
        for target in targets:
            sources[target].append(source)
    members: dict[int, list[str]] = {}
    for node in nodes:
        members.setdefault(layers[node], []).append(node)
    tallest = max(map(len, members.values()), default=0)
    places: dict[str, Place] = {}
    for layer in sorted(members):
        ordered = sorted(members[layer], key=lambda node: _middle(sources[node], places))
        top = (tallest - len(ordered)) / 2
        places |= {node: Place(layer, top + number) for number, node in enumerate(ordered)}
    return places


def _middle(sources: Iterable[str], places: Mapping[str, Place]) -> float:
    rows = [places[source].row for source in sources if source in places]
    return sum(rows) / len(rows) if rows else 0.0
