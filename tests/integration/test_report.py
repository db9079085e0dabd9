"""The report of a workflow: its numbers agree with the audit, and its page needs no other file."""

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import count
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.report.workflow_report import GRID_COLUMNS, MAX_LANES, build_report
from application.transition_service import TaskSpec, TransitionService
from domain.actor import Actor
from domain.errors import UnknownEntity
from interfaces.report.page import render_page
from tests.support.agreement import rows
from tests.support.examples import examples

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
Life = tuple[int, list[int], str | None]
_numbers = count()
LIFE = ("INSTANTIATED", "LAUNCHED", "RUNNING")


def live(service: TransitionService, workflow: str, lives: list[Life]) -> None:
    """Record attempts: each begins a number of seconds after noon, takes so long for each step, and may end."""
    for number, (begins, steps, end) in enumerate(lives):
        task, name, at = f"{workflow}/{number}", f"{workflow}/{number}/1", NOON + timedelta(seconds=begins)
        service.register_tasks(workflow, [TaskSpec(task)], occurred_at=at)
        service.gate_tasks_for_queueing([task], occurred_at=at)
        service.create_task_instances({name: task}, occurred_at=at)
        for status, seconds in zip([*LIFE, end], steps, strict=False):
            at += timedelta(seconds=seconds)
            if status:
                service.transition_task_instance(name, status, occurred_at=at)


lives = st.lists(
    st.tuples(
        st.integers(0, 200),
        st.lists(st.integers(0, 90), max_size=4),
        st.sampled_from(["DONE", "ERROR", None]),
    ),
    min_size=1,
    max_size=4,
)


class TestNumbers:
    @given(lives)
    @examples(quick=3, long=8)
    def test_concurrency_is_the_mean_of_the_stays_in_each_column(
        self, service: TransitionService, connection: psycopg.Connection[Any], drawn: list[Life]
    ) -> None:
        workflow = f"w{next(_numbers)}"
        live(service, workflow, drawn)

        found = build_report(service.store, workflow)

        stays = rows(
            connection,
            "SELECT new_status, entered_at, exited_at FROM sojourn.task_instance_status_audit WHERE workflow_id = %s",
            workflow,
        )
        width = (found.end - found.begin).total_seconds() / GRID_COLUMNS
        for status, means in found.concurrency.items():
            expected = [0.0] * GRID_COLUMNS
            for stay in stays:
                if stay["new_status"] == status:
                    begin = (stay["entered_at"] - found.begin).total_seconds()
                    end = ((stay["exited_at"] or found.end) - found.begin).total_seconds()
                    for column in range(GRID_COLUMNS):
                        inside = min(end, (column + 1) * width) - max(begin, column * width)
                        expected[column] += max(inside, 0) / width
            assert means == pytest.approx(expected, abs=1e-4)

    def test_more_attempts_than_lanes_share_lanes_and_none_is_lost(self, service: TransitionService) -> None:
        names = [f"t{number}" for number in range(MAX_LANES + 37)]
        service.register_tasks("w", [TaskSpec(name) for name in names], occurred_at=NOON)
        service.create_task_instances({f"{name}/1": name for name in names}, occurred_at=NOON)
        service.transition_task_instances([f"{name}/1" for name in names], "INSTANTIATED", occurred_at=NOON)
        service.transition_task_instances(
            [f"{name}/1" for name in names[:50]], "NO_DISTRIBUTOR_ID", occurred_at=NOON + timedelta(seconds=9)
        )

        found = build_report(service.store, "w")

        assert len(found.lanes) == MAX_LANES
        assert [lane.first + lane.attempts for lane in found.lanes[:-1]] == [lane.first for lane in found.lanes[1:]]
        assert sum(lane.attempts for lane in found.lanes) == len(names)
        assert sum(lane.failed for lane in found.lanes) == 50
        assert sum(lane.open for lane in found.lanes) == len(names) - 50
        assert len(found.failures) == 50

    def test_as_of_a_time_it_knows_nothing_later(self, service: TransitionService) -> None:
        live(service, "w", [(0, [10, 10, 10, 10], "ERROR")])

        found = build_report(service.store, "w", NOON + timedelta(seconds=25))

        assert {status.status: status.n for status in found.attempts if status.n} == {"LAUNCHED": 1}
        assert (found.end, found.failures) == (NOON + timedelta(seconds=20), [])

    def test_a_report_as_of_before_the_beginning_says_so(self, service: TransitionService) -> None:
        live(service, "w", [(0, [10], None)])

        found = build_report(service.store, "w", NOON - timedelta(days=1))

        text = _Text.of(render_page(found))
        assert found.read_at == NOON - timedelta(days=1)
        assert "The workflow had not begun by then" in text
        assert "last status" not in text

    def test_all_of_it_in_one_moment(self, service: TransitionService) -> None:
        live(service, "w", [(0, [], None)])

        found = build_report(service.store, "w")

        assert (found.begin, found.last_at) == (NOON, NOON)
        assert ":00:00.4<" in render_page(found)

    def test_tasks_without_attempts_are_drawn_themselves(self, service: TransitionService) -> None:
        service.register_tasks("w", [TaskSpec("t1")], "fetch_ml", occurred_at=NOON)
        service.transition_task("t1", "preparing", occurred_at=NOON + timedelta(seconds=5))

        found = build_report(service.store, "w")

        assert (found.kind, [lane.id for lane in found.lanes]) == ("task", ["t1"])
        text = _Text.of(render_page(found))
        assert "still preparing" in text
        assert "attempt" not in text

    def test_an_unknown_workflow(self, service: TransitionService) -> None:
        live(service, "nightly", [(0, [], None)])

        with pytest.raises(UnknownEntity, match="no workflow 'nightli'; did you mean 'nightly'"):
            build_report(service.store, "nightli")


class TestPage:
    def test_the_page_needs_no_other_file(self, service: TransitionService) -> None:
        live(service, "w", [(0, [10, 10, 10, 10], "DONE"), (5, [1, 1, 30], None)])

        html = render_page(build_report(service.store, "w"))

        assert not re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?!#)[^\s"')]""", html)
        assert "<script" not in html

    def test_every_status_is_also_text(self, service: TransitionService) -> None:
        live(service, "w", [(0, [10, 10, 10, 10], "ERROR"), (5, [1, 1, 30], None)])

        text = _Text.of(render_page(build_report(service.store, "w")))

        assert all(status in text for status in ("QUEUED", *LIFE, "ERROR"))
        assert "w/0/1" in text

    def test_a_small_mean_is_not_shown_as_a_power_of_ten(self, service: TransitionService) -> None:
        live(service, "w", [(0, [1, 1, 1, 1], "DONE"), (10_000_000, [1, 1, 1, 1], "DONE")])

        text = _Text.of(render_page(build_report(service.store, "w")))

        assert "(highest: less than 0.01)" in text
        assert "e-0" not in text

    def test_many_orphans_alike_are_one_row(self, service: TransitionService) -> None:
        names = [f"t{number}" for number in range(30)]
        service.register_tasks("w", [TaskSpec(name, template=name) for name in names], occurred_at=NOON)
        service.create_task_instances({f"{name}/1": name for name in names}, occurred_at=NOON)
        begun, at = [f"{name}/1" for name in names[:25]], NOON + timedelta(minutes=1)
        service.transition_task_instances(begun, "INSTANTIATED", occurred_at=at)

        report = build_report(service.store, "w", NOON + timedelta(minutes=4))
        html = render_page(report)

        assert len(report.orphans) == 10
        assert html.count('<td class="failure">stuck</td>') == 1
        assert "5 tasks alike, the first: task:t25 has been QUEUED since" in html
        assert re.search(r'<td>orphans</td><td class="n">10</td>', html)
        assert "These are the first of" not in html

    def test_failures_are_counted_by_what_is_known_of_them(self, service: TransitionService) -> None:
        names = [f"t{number}" for number in range(3)]
        service.register_tasks("w", [TaskSpec(name, template="align") for name in names], occurred_at=NOON)
        service.create_task_instances({f"{name}/1": name for name in names}, occurred_at=NOON)
        for number, name in enumerate(names):
            there = Actor(component="worker", host=f"node{number // 2}")
            for status in ("INSTANTIATED", "LAUNCHED", "RUNNING", "ERROR"):
                at = NOON + timedelta(seconds=number)
                service.transition_task_instance(f"{name}/1", status, actor=there, occurred_at=at)

        report = build_report(service.store, "w")
        html = render_page(report)

        groups = {
            by: [(group["group"], group["n"], group["example"]) for group in groups]
            for by, groups in report.failure_groups.items()
        }
        assert groups == {  # none has a reason
            "template": [("align", 3, "ti:t2/1")],
            "actor": [("worker", 3, "ti:t2/1")],
            "node": [("node0", 2, "ti:t1/1"), ("node1", 1, "ti:t2/1")],
        }
        assert "<h3>By node</h3>" in html
        assert "<h3>By reason</h3>" not in html
        assert re.search(r'node0</td>\s*<td class="n">2</td><td class="n">2</td>', html)
        assert _Text.open_at_the_end(html) == []

    def test_a_comparison_says_what_took_longer(self, service: TransitionService) -> None:
        live(service, "mon", [(0, [10, 10, 10, 10], "DONE"), (5, [10, 10, 10, 10], "DONE")])
        live(service, "tue", [(0, [10, 10, 10, 70], "ERROR")])

        html = render_page(build_report(service.store, "tue", compared_with="mon"))

        text = _Text.of(html)
        assert "Compared with mon" in text
        assert "A is mon, which took 45s; B is this workflow, which took " in " ".join(text.split())
        assert re.search(r"<td>RUNNING</td>(\s*<td class=\"n\">[^<]*</td>){8}\s*<td class=\"n\">\+50s</td>", html)
        assert "1 task is only in A: mon/1" in text
        assert "First failure of B: ti:tue/0/1" in text
        assert _Text.open_at_the_end(html) == []
        assert "Compared with" not in render_page(build_report(service.store, "tue"))

    def test_names_of_users_are_escaped(self, service: TransitionService) -> None:
        name = "<script>alert('&amp;')</script>"
        service.register_tasks(name, [TaskSpec(name)], occurred_at=NOON)
        service.gate_tasks_for_queueing([name], occurred_at=NOON)
        service.create_task_instances({name: name}, occurred_at=NOON)
        service.transition_task_instance(name, "INSTANTIATED", occurred_at=NOON)
        service.transition_task_instance(name, "NO_DISTRIBUTOR_ID", reason=name, occurred_at=NOON)

        html = render_page(build_report(service.store, name))

        assert "<script" not in html
        assert _Text.of(html).count(name) >= 3

    def test_a_long_name_at_a_lane_is_cut_and_its_title_is_whole(self, service: TransitionService) -> None:
        name = "A" * 60
        service.register_tasks("w", [TaskSpec(name, max_attempts=1)], occurred_at=NOON)
        service.gate_tasks_for_queueing([name], occurred_at=NOON)
        service.create_task_instances({name: name}, occurred_at=NOON)

        lane = re.search(
            r'<text class="label".*?text-anchor="end".*?</text>', render_page(build_report(service.store, "w")), re.S
        )

        assert lane
        assert f">\u2026{'A' * 23}<title>{name}</title>" in lane[0]

    def test_tags_are_balanced(self, service: TransitionService) -> None:
        live(service, "w", [(0, [10, 10, 10, 10], "DONE")])

        assert _Text.open_at_the_end(render_page(build_report(service.store, "w"))) == []


class _Text(HTMLParser):
    """The text of a page, and the elements that are still open."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.open: list[str] = []

    @classmethod
    def of(cls, html: str) -> str:
        parser = cls()
        parser.feed(html)
        return " ".join(parser.parts)

    @classmethod
    def open_at_the_end(cls, html: str) -> list[str]:
        parser = cls()
        parser.feed(html)
        return parser.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.parts.append(data)
