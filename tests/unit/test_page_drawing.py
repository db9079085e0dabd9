"""The drawings of pages: places of graphs, stacks that add up, colours by the class of a status."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.page.over_time import StatusesOverTime, StatusOverTime
from domain.lifecycles import get_lifecycle, shipped
from domain.lifecycles.machine import Machine
from interfaces.page.colours import CLASSES, SHADES, StatusColours, classify
from interfaces.page.drawing.axis import MOST_MARKS, choose_step, mark_times
from interfaces.page.drawing.bar import draw_bar
from interfaces.page.drawing.graph import Edge, Node, draw_graph
from interfaces.page.drawing.layers import lay_out
from interfaces.page.drawing.stack import HEIGHT, draw_aligned, draw_stack
from interfaces.page.question import Question
from interfaces.page.sentences import mark_sentence
from interfaces.page.templating import ASSETS
from tests.support.examples import examples

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
COLOURS = StatusColours([get_lifecycle("jobmon")])
JOBMON = get_lifecycle("jobmon").task.statuses


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25))
@examples(quick=30, long=100)
def test_no_two_nodes_share_a_place_and_edges_without_a_cycle_lead_right(edges: list[tuple[int, int]]) -> None:
    acyclic = [(f"n{a}", f"n{b}") for a, b in edges if a < b]
    nodes = [f"n{number}" for number in range(10)]

    free, cyclic = lay_out(nodes, acyclic), lay_out(nodes, [(f"n{a}", f"n{b}") for a, b in edges])

    assert all(free[a].layer < free[b].layer for a, b in acyclic)
    assert len(set(free.values())) == len(set(cyclic.values())) == 10


def test_the_last_nodes_are_at_the_right_and_every_edge_is_an_arrow() -> None:
    machine = get_lifecycle("jobmon").instance_machine
    nodes = [Node(status, "waiting n0") for status in machine.statuses]

    drawn = draw_graph(nodes, [Edge(*edge) for edge in machine.edges], machine.terminal)

    boxes = {box.node.name: box for box in drawn.boxes}
    assert len(drawn.arrows) == len(machine.edges)
    assert min(boxes[status].x for status in machine.terminal) > max(
        boxes[status].x for status in machine.transitions.keys() - machine.terminal
    )
    assert all(box.x + box.width <= drawn.width and box.y + 34 <= drawn.height for box in drawn.boxes)


def test_a_stack_has_the_exact_most_and_its_parts_add_up() -> None:
    counted: StatusesOverTime = {
        "begin": NOON,
        "end": NOON + timedelta(seconds=4),
        "statuses": [
            {"status": "QUEUED", "counts": [4, 2, 0, 0], "most": 5},
            {"status": "RUNNING", "counts": [0, 2, 3, 0], "most": 3},
            {"status": "DONE", "counts": [0, 0, 1, 4], "most": 4},
        ],
    }

    stack = draw_stack(counted, COLOURS, "task")

    assert [(area.status, area.most) for area in stack.areas] == [("RUNNING", 3), ("QUEUED", 5)]
    assert stack.highest == 4
    assert [row for _, row in stack.rows] == [[0, 4], [2, 2], [3, 0], [0, 0], [0, 0]]
    assert f"0,{HEIGHT}" in stack.areas[0].path  # what runs lies at the bottom
    assert stack.areas[1].path.startswith("M0,0L")  # and all that wait reach the top at first


def test_aligned_stacks_have_one_scale_of_time_and_of_height() -> None:
    def count(seconds: int, n: int) -> StatusesOverTime:
        statuses: list[StatusOverTime] = [{"status": "RUNNING", "counts": [n, n], "most": n}]
        return {"begin": NOON, "end": NOON + timedelta(seconds=seconds), "statuses": statuses}

    long, short = draw_aligned([count(10, 2), count(5, 4)], COLOURS, "task")

    assert (long.areas[0].path, short.areas[0].path) == (
        "M0,120L1000,120L1000,240L0,240Z", "M0,0L500,0L500,240L0,240Z"
    )  # fmt: skip
    assert [mark.text for mark in short.marks] == ["0s", "2s", "4s", "6s", "8s", "10s"]
    assert short.rows[-1] == (NOON + timedelta(seconds=5), [4])


@given(
    st.integers(0, 4_000_000_000_000).map(lambda number: datetime.fromtimestamp(number / 1000, UTC)),
    st.timedeltas(timedelta(milliseconds=5), timedelta(days=9_000)),
)
@examples(quick=50, long=500)
def test_marks_are_few_and_at_round_times(begin: datetime, length: timedelta) -> None:
    step = choose_step(length)
    midnight = datetime(begin.year, 1, 1, tzinfo=UTC)

    marks = mark_times(begin, begin + length)

    assert len(marks) <= MOST_MARKS + 1
    assert all(0 <= mark.x <= 100 for mark in marks)
    assert all((begin + mark.after - midnight) % step == timedelta() for mark in marks)
    assert all(following.after - mark.after == step for mark, following in pairwise(marks))


@pytest.mark.parametrize("name", sorted(shipped()))
def test_each_status_has_the_class_that_its_lifecycle_gives_it(name: str) -> None:
    lifecycle = get_lifecycle(name)
    for machine in filter(None, (lifecycle.task, lifecycle.instance)):
        classes = classify(machine, lifecycle.cancel_to)
        for status, name_of_class in classes.items():
            ends = name_of_class in ("done", "cancelled") or (name_of_class == "failed" and status in machine.terminal)
            assert ends == machine.is_terminal(status), status
            assert (name_of_class == "failed") == (status in machine.failures)
        assert "running" in classes.values()


def test_statuses_share_a_shade_only_where_a_class_of_their_lifecycle_has_more_than_there_are() -> None:
    known = [get_lifecycle(name) for name in sorted(shipped())]
    alone, together = StatusColours([get_lifecycle("jobmon")]), StatusColours(known)
    two = StatusColours([get_lifecycle("jobmon"), get_lifecycle("prefect")])

    for lifecycle in known:
        classes = classify(lifecycle.task, lifecycle.cancel_to)
        for name in CLASSES:
            own = [status for status in classes if together.of(status).name == name]
            assert len({together.of(status) for status in own}) == min(len(own), SHADES), (lifecycle.name, name)
    assert [two.of(status) for status in JOBMON] == [alone.of(status) for status in JOBMON]
    assert len({two.of(status) for status in ("REGISTERING", "QUEUED", "INSTANTIATING", "LAUNCHED", "SCHEDULED")}) == 5
    assert two.of("DONE") != two.of("COMPLETED")


def test_a_definition_that_names_nothing_running_still_has_classes() -> None:
    named = Machine(
        initial="new", transitions={"new": {"Running": ""}, "Running": {"end": ""}, "end": {}}, terminal={"end"}
    )
    other = Machine(initial="new", transitions={"new": {"work": ""}, "work": {"end": ""}, "end": {}}, terminal={"end"})

    assert [named.class_of(status) for status in named.statuses] == ["waiting", "running", "done"]
    assert [other.class_of(status) for status in other.statuses] == ["waiting", "running", "done"]


def test_the_parts_of_a_bar_follow_each_other_in_the_order_of_classes() -> None:
    bar = draw_bar({"ERROR_FATAL": 1, "RUNNING": 3, "DONE": 4, "REGISTERING": 0}, COLOURS)

    assert [(part.status, part.width) for part in bar] == [("DONE", 50.0), ("RUNNING", 37.5), ("ERROR_FATAL", 12.5)]
    assert all(part.x + part.width == following.x for part, following in pairwise(bar))
    assert draw_bar({}, COLOURS) == []


def test_a_time_in_a_sentence_is_an_element_and_the_rest_is_escaped() -> None:
    marked = mark_sentence("<b> was RUNNING since 2026-01-31T12:00:00.250Z, \u202ebecause")

    assert '<time datetime="2026-01-31T12:00:00.250Z" title="2026-01-31 12:00:00 UTC">' in marked
    assert "&lt;b&gt;" in marked
    assert "\\u202ebecause" in marked


def test_what_a_sentence_names_is_a_link() -> None:
    asked = Question(None, "/", {}, NOON)  # type: ignore[arg-type]

    marked = mark_sentence("task:a b waits (ti:x/1.2, of event 7); event 8.", asked, ["task:a b"], {7: "ti:x/1.2"})

    at = "?at=2026-01-31T12%3A00%3A00%2B00%3A00"
    assert marked == (
        f'<a class="id" href="/task/a%20b{at}">task:a b</a> waits (<a class="id" href="/ti/x/1.2{at}">ti:x/1.2</a>, of '
        f'<a class="id" href="/ti/x/1.2{at}#event-7">event 7</a>); event 8.'
    )


def test_the_styles_have_a_colour_for_each_class_and_shade() -> None:
    styles = (ASSETS / "page.css").read_text("utf-8")

    for name in CLASSES:
        block = styles.split(f".{name} {{", 1)[1].split("}", 1)[0]
        assert [f"--c{shade}:" in block for shade in range(6)] == [True] * 6, name
