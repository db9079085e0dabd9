"""Graphs of which statuses came right after which."""

import re
from itertools import count

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from application.analyse.variants import Edge
from interfaces.wording.status_graph import graph

EDGES: list[Edge] = [
    {"source": None, "target": "QUEUED", "n": 1200, "median_seconds": None},
    {"source": "QUEUED", "target": "RUNNING", "n": 1199, "median_seconds": 192.0},
    {"source": "QUEUED", "target": None, "n": 1, "median_seconds": 60.0},
]

MERMAID_NODE = re.compile(r'    (\w+)(?:\["([^"]*)"\]|\(\("begin"\)\))')
MERMAID_EDGE = re.compile(r'    (\w+) -->\|"([^"]*)"\| (\w+)')
DOT_NODE = re.compile(r'    (\w+) \[(?:shape=circle, )?label="((?:[^"\\\n]|\\.)*)"\]')
DOT_EDGE = re.compile(r'    (\w+) -> (\w+) \[label="((?:[^"\\\n]|\\.)*)"\]')


def test_mermaid() -> None:
    assert graph(EDGES, "mermaid").splitlines() == [
        "flowchart LR",
        '    begin(("begin"))',
        '    s0["QUEUED<br/>1 there"]',
        '    s1["RUNNING"]',
        '    begin -->|"1,200"| s0',
        '    s0 -->|"1,199 after 3m 12s"| s1',
    ]


def test_dot() -> None:
    assert graph(EDGES, "dot").splitlines()[4:] == [
        '    begin [shape=circle, label="begin"]',
        '    s0 [label="QUEUED\\n1 there"]',
        '    s1 [label="RUNNING"]',
        '    begin -> s0 [label="1,200"]',
        '    s0 -> s1 [label="1,199 after 3m 12s"]',
        "}",
    ]


statuses = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)


@for_all(names=st.lists(statuses, min_size=1, max_size=4, unique=True))
def test_any_status_is_a_name_and_nothing_else(names: list[str]) -> None:
    """Whatever stands in a status, the graph has a node for each and the edges between them; labels read back."""
    numbers = count(1)
    edges: list[Edge] = [
        {"source": source, "target": target, "n": next(numbers), "median_seconds": None}
        for source in names
        for target in names
    ]

    heading, *lines = graph(edges, "mermaid").split("\n")
    assert heading == "flowchart LR"
    assert [unescaped(node[2]) for line in lines[1 : len(names) + 1] if (node := MERMAID_NODE.fullmatch(line))] == names
    assert all(MERMAID_EDGE.fullmatch(line) for line in lines[len(names) + 1 :])
    assert len(lines) == 1 + len(names) + len(edges)

    lines = graph(edges, "dot").split("\n")[5:-1]
    assert [unquoted(node[2]) for line in lines[: len(names)] if (node := DOT_NODE.fullmatch(line))] == names
    assert all(DOT_EDGE.fullmatch(line) for line in lines[len(names) :])
    assert len(lines) == len(names) + len(edges)


@pytest.mark.parametrize("language", ["mermaid", "dot"])
def test_an_empty_log_is_an_empty_graph(language: str) -> None:
    assert "begin" in graph([], "mermaid" if language == "mermaid" else "dot")


def unescaped(text: str) -> str:
    return re.sub(r"#(\d+);", lambda found: chr(int(found[1])), text)


def unquoted(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), text)
