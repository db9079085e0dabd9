"""Draw which status directly follows which, as a Mermaid or a DOT graph."""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

from interfaces.wording.values import format_duration

if TYPE_CHECKING:
    from application.analyse.variants import Edge

Language = Literal["mermaid", "dot"]

UNSAFE = re.compile(r"[^\w .,:/()+-]", re.ASCII)
"""Characters that Mermaid may misread in a quoted text."""


def graph(edges: "list[Edge]", language: Language) -> str:
    """Return the graph; an edge is labelled with its number and the median time in the status before it."""
    return "\n".join(_LANGUAGES[language](edges))


def _mermaid(edges: "list[Edge]") -> Iterator[str]:
    names = {status: f"s{number}" for number, status in enumerate(_statuses(edges))}
    yield "flowchart LR"
    yield '    begin(("begin"))'
    for status, name in names.items():
        yield f'    {name}["{_escaped(_labelled(edges, status, "<br/>"), keep="<br/>")}"]'
    for edge in edges:
        if edge["target"] is not None:
            source = "begin" if edge["source"] is None else names[edge["source"]]
            yield f'    {source} -->|"{_escaped(_label(edge))}"| {names[edge["target"]]}'


def _dot(edges: "list[Edge]") -> Iterator[str]:
    yield "digraph statuses {"
    yield "    rankdir=LR"
    yield '    node [shape=box, style=rounded, fontname="sans-serif"]'
    yield '    edge [fontname="sans-serif", fontsize=10]'
    yield '    begin [shape=circle, label="begin"]'
    names = {status: f"s{number}" for number, status in enumerate(_statuses(edges))}
    for status, name in names.items():
        yield f"    {name} [label={_quoted(_labelled(edges, status, chr(10)))}]"
    for edge in edges:
        if edge["target"] is not None:
            source = "begin" if edge["source"] is None else names[edge["source"]]
            yield f"    {source} -> {names[edge['target']]} [label={_quoted(_label(edge))}]"
    yield "}"


def _statuses(edges: "list[Edge]") -> list[str]:
    found = (status for edge in edges for status in (edge["source"], edge["target"]) if status is not None)
    return list(dict.fromkeys(found))


def _labelled(edges: "list[Edge]", status: str, line_break: str) -> str:
    """Return a status with the number of entities in it."""
    there = sum(edge["n"] for edge in edges if edge["source"] == status and edge["target"] is None)
    return f"{status}{line_break}{there:,} there" if there else status


def _label(edge: "Edge") -> str:
    seconds = edge["median_seconds"]
    return f"{edge['n']:,}" if seconds is None else f"{edge['n']:,} after {format_duration(seconds)}"


def _escaped(text: str, keep: str = "") -> str:
    """Return a text for Mermaid's quotes, with special characters as numbers."""
    parts = text.split(keep) if keep else [text]
    return keep.join(UNSAFE.sub(lambda found: f"#{ord(found[0])};", part) for part in parts)


def _quoted(text: str) -> str:
    """Return a text in DOT's quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


_LANGUAGES: dict[Language, "Callable[[list[Edge]], Iterator[str]]"] = {"mermaid": _mermaid, "dot": _dot}
