"""A graph of boxes and arrows as SVG: a state machine with its flow, or tasks with what they wait for."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from interfaces.page.drawing.layers import Place, lay_out

BOX_HEIGHT, ROW_HEIGHT, GAP, MARGIN = 34, 62, 88, 16
CLOSE_ROWS = 42
"""The height of rows where many boxes stand above each other."""

LETTER_WIDTH = 7.3
"""The width of one letter of the page's font at the size of boxes."""

SMALL_LETTER_WIDTH = 6.2
"""The width of one letter of a label on an arrow."""

MAX_LETTERS = 28

MIN_SPAN = 2
"""How many layers an arrow leads on at least where it goes above those between."""


class Node(NamedTuple):
    """What a box shows: its name or a shorter text, a second line, the class of its colour, and where it leads."""

    name: str
    css: str
    note: str = ""
    href: str | None = None
    text: str | None = None

    @property
    def label(self) -> str:
        """Return the end of a long name, because ids differ at their ends."""
        name = self.text or self.name
        return name if len(name) <= MAX_LETTERS else f"\u2026{name[1 - MAX_LETTERS :]}"


class Edge(NamedTuple):
    """An arrow: `label` stands at its middle; one that is `faint` could be taken and was not."""

    source: str
    target: str
    label: str = ""
    title: str = ""
    faint: bool = False


class Box(NamedTuple):
    """A node where it is drawn."""

    node: Node
    text: str
    x: float
    y: float
    width: float


class Arrow(NamedTuple):
    """An edge as a path, with the place of its label."""

    edge: Edge
    path: str
    x: float
    y: float

    @property
    def width(self) -> float:
        """Return the width of the label."""
        return round(len(self.edge.label) * SMALL_LETTER_WIDTH + 4, 1)


class Graph(NamedTuple):
    """The size of a drawing and its parts; faint arrows come first, so that others lie above them."""

    width: float
    height: float
    boxes: list[Box]
    arrows: list[Arrow]


def draw_graph(
    nodes: Sequence[Node], edges: Iterable[Edge], last: Iterable[str] = (), row_height: int = ROW_HEIGHT
) -> Graph:
    """Return the drawing of a graph, its first node at the left and those of `last` at the right."""
    edges = list(edges)
    places = lay_out([node.name for node in nodes], [(edge.source, edge.target) for edge in edges], last)
    room = max((_rise(edge, places) for edge in edges), default=0)
    boxes = {box.node.name: box for box in _place_boxes(nodes, places, row_height, MARGIN + max(14, room))}
    arrows = [_draw_arrow(edge, boxes, places) for edge in sorted(edges, key=lambda edge: not edge.faint)]
    depth = max((_depth(edge, places) for edge in edges), default=0)
    width = max((box.x + box.width for box in boxes.values()), default=0) + MARGIN
    height = max((box.y + BOX_HEIGHT for box in boxes.values()), default=0) + MARGIN + depth
    return Graph(round(width), round(height), list(boxes.values()), arrows)


def _place_boxes(nodes: Sequence[Node], places: Mapping[str, Place], row_height: int, top: float) -> list[Box]:
    widths: dict[int, float] = {}
    for node in nodes:
        layer = places[node.name].layer
        widths[layer] = max(widths.get(layer, 0), _box_width(node))
    lefts, x = {}, float(MARGIN)
    for layer in sorted(widths):
        lefts[layer] = x
        x += widths[layer] + GAP
    return [
        Box(
            node,
            node.label,
            lefts[places[node.name].layer],
            top + places[node.name].row * row_height,
            widths[places[node.name].layer],
        )
        for node in nodes
    ]


def _box_width(node: Node) -> float:
    return max(len(node.label) * LETTER_WIDTH, len(node.note) * (LETTER_WIDTH - 1)) + 24


def _draw_arrow(edge: Edge, boxes: Mapping[str, Box], places: Mapping[str, Place]) -> Arrow:
    source, target = boxes[edge.source], boxes[edge.target]
    if edge.source == edge.target:
        return _draw_loop(edge, source)
    if rise := _rise(edge, places):
        return _draw_over(edge, source, target, rise)
    if places[edge.target].layer > places[edge.source].layer:
        return _draw_forward(edge, source, target)
    return _draw_back(edge, source, target, _depth(edge, places))


def _draw_forward(edge: Edge, source: Box, target: Box) -> Arrow:
    x1, y1 = source.x + source.width, source.y + BOX_HEIGHT / 2
    x2, y2 = target.x - 2, target.y + BOX_HEIGHT / 2
    bend = min((x2 - x1) / 2, 60)
    path = f"M{x1:g},{y1:g}C{x1 + bend:g},{y1:g} {x2 - bend:g},{y2:g} {x2:g},{y2:g}"
    # Labels stand near the arrow's end, where arrows that begin together have parted.
    return Arrow(edge, path, round(x1 + (x2 - x1) * 0.62, 1), round(y1 + (y2 - y1) * 0.7 - 3, 1))


def _draw_over(edge: Edge, source: Box, target: Box, rise: float) -> Arrow:
    x1, y1 = source.x + source.width * 0.6, source.y
    x2, y2 = target.x + target.width * 0.4, target.y - 2
    high = min(y1, y2) - rise
    path = f"M{x1:g},{y1:g}C{x1:g},{high:g} {x2:g},{high:g} {x2:g},{y2:g}"
    return Arrow(edge, path, round((x1 + x2) / 2, 1), round((y1 + y2) / 8 + high * 0.75, 1))


def _draw_back(edge: Edge, source: Box, target: Box, depth: float) -> Arrow:
    x1, y1 = source.x + source.width * 0.4, source.y + BOX_HEIGHT
    x2, y2 = target.x + target.width * 0.6, target.y + BOX_HEIGHT + 2
    low = max(y1, y2) + depth
    path = f"M{x1:g},{y1:g}C{x1:g},{low:g} {x2:g},{low:g} {x2:g},{y2:g}"
    return Arrow(edge, path, round((x1 + x2) / 2, 1), round((y1 + y2) / 8 + low * 0.75, 1))


def _draw_loop(edge: Edge, box: Box) -> Arrow:
    x, y = box.x + box.width / 2, box.y
    return Arrow(edge, f"M{x - 9:g},{y:g}C{x - 16:g},{y - 20:g} {x + 16:g},{y - 20:g} {x + 9:g},{y - 2:g}", x, y - 15)


def _rise(edge: Edge, places: Mapping[str, Place]) -> float:
    """Return how far above its boxes an arrow goes that would otherwise lie behind boxes of the layers between."""
    span = places[edge.target].layer - places[edge.source].layer
    if span < MIN_SPAN or places[edge.target].row != places[edge.source].row:
        return 0
    return 26 + 9 * min(span, 4)


def _depth(edge: Edge, places: Mapping[str, Place]) -> float:
    """Return how far below its boxes an arrow that leads back goes."""
    span = places[edge.source].layer - places[edge.target].layer
    return 0 if span < 0 or edge.source == edge.target else 22 + 9 * min(span, 4)
