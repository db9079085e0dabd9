"""The report of a workflow: its numbers agree with the audit, and its page needs no other file."""

import base64
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import count
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.report.workflow_report import build_report
from application.transition_service import TaskSpec, TransitionService
from domain.actor import Actor
from domain.errors import UnknownEntity
from interfaces.report.page import render_page
from tests.support.agreement import rows
from tests.support.examples import examples

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
Life = tuple[int, list[int], str | None]
_numbers = count()
MS = timedelta(milliseconds=1)
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
    def test_lanes_have_the_intervals_of_the_audit(
        self, service: TransitionService, connection: psycopg.Connection[Any], drawn: list[Life]
    ) -> None:
        workflow = f"w{next(_numbers)}"
        live(service, workflow, drawn)

        lanes = build_report(service.store, workflow).lanes

        entered = rows(
            connection,
            """
            SELECT task_instance_id, new_status, entered_at FROM sojourn.task_instance_status_audit
            WHERE workflow_id = %s
            ORDER BY task_instance_id, entered_at, position
            """,
            workflow,
        )
        assert lanes
        assert [
            {"task_instance_id": lane["entity_id"], "new_status": status, "entered_at": lanes["begin"] + ms * MS}
            for lane in sorted(lanes["lanes"], key=lambda lane: lane["entity_id"])
            for status, ms in zip(lane["statuses"], lane["times"], strict=True)
        ] == entered

    def test_every_attempt_has_a_lane_and_counts(self, service: TransitionService) -> None:
        names = [f"t{number:03}" for number in range(237)]
        service.register_tasks("w", [TaskSpec(name) for name in names], occurred_at=NOON)
        service.create_task_instances({f"{name}/1": name for name in names}, occurred_at=NOON)
        service.transition_task_instances([f"{name}/1" for name in names], "INSTANTIATED", occurred_at=NOON)
        service.transition_task_instances(
            [f"{name}/1" for name in names[:50]], "NO_DISTRIBUTOR_ID", occurred_at=NOON + timedelta(seconds=9)
        )

        found = build_report(service.store, "w")

        assert found.lanes
        assert sorted(lane["entity_id"] for lane in found.lanes["lanes"]) == [f"{name}/1" for name in names]
        assert found.failed == len(found.failures) == 50

    def test_as_of_a_time_it_knows_nothing_later(self, service: TransitionService) -> None:
        live(service, "w", [(0, [10, 10, 10, 10], "ERROR")])

        found = build_report(service.store, "w", NOON + timedelta(seconds=25))

        assert {status.status: status.n for status in found.attempts if status.n} == {"LAUNCHED": 1}
        assert (found.last_at, found.failures) == (NOON + timedelta(seconds=20), [])

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
        assert found.over_time is not None
        assert found.over_time["end"] - found.over_time["begin"] == timedelta(seconds=1)
        assert "at most 1" in " ".join(_Text.of(render_page(found)).split())

    def test_tasks_without_attempts_are_drawn_themselves(self, service: TransitionService) -> None:
        service.register_tasks("w", [TaskSpec("t1")], "fetch_ml", occurred_at=NOON)
        service.transition_task("t1", "preparing", occurred_at=NOON + timedelta(seconds=5))

        found = build_report(service.store, "w")

        assert found.lanes
        assert (found.kind, [lane["entity_id"] for lane in found.lanes["lanes"]]) == ("task", ["t1"])
        text = _Text.of(render_page(found))
        assert "t1 preparing 2026-01-31 12:00:00 UTC 2026-01-31 12:00:05 UTC" in " ".join(text.split())
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
        policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
        assert policy
        assert policy[1].startswith("default-src 'none'; ")
        assert "unsafe" not in policy[1]
        inside = re.findall(r'<(?:style|script type="module")>(.*?)</', html, re.DOTALL)
        hashes = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in inside]
        assert re.findall(r"sha256-([^']*)'", policy[1]) == hashes
        assert "import " not in inside[1]

    def test_every_status_is_also_text(self, service: TransitionService) -> None:
        live(service, "w", [(0, [10, 10, 10, 10], "ERROR"), (5, [1, 1, 30], None)])

        text = _Text.of(render_page(build_report(service.store, "w")))

        assert all(status in text for status in ("QUEUED", *LIFE, "ERROR"))
        assert "w/0/1" in text

    def test_the_legend_has_the_most_at_any_moment_however_short(self, service: TransitionService) -> None:
        live(service, "w", [(0, [1, 1, 1, 1], "DONE"), (0, [1, 1, 1, 1], "DONE"), (10_000_000, [1, 1, 1, 1], "DONE")])

        text = " ".join(_Text.of(render_page(build_report(service.store, "w"))).split())

        assert "RUNNING at most 2" in text
        assert "highest" not in text

    def test_many_orphans_alike_are_one_row(self, service: TransitionService) -> None:
        names = [f"t{number}" for number in range(30)]
        service.register_tasks("w", [TaskSpec(name, template=name) for name in names], occurred_at=NOON)
        service.create_task_instances({f"{name}/1": name for name in names}, occurred_at=NOON)
        begun, at = [f"{name}/1" for name in names[:25]], NOON + timedelta(minutes=1)
        service.transition_task_instances(begun, "INSTANTIATED", occurred_at=at)

        report = build_report(service.store, "w", NOON + timedelta(minutes=4))
        html = render_page(report)

        assert len(report.orphans) == 10
        assert html.count('<h3 id="stuck">stuck') == 1
        assert "<summary>task:t25 and 9 more</summary>" in html  # and the attempt of each
        assert "<dt>Orphans</dt><dd>10</dd>" in html
        assert "These are the causes of most" not in html

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
        assert re.search(r'node0</td><td class="n bad" [^>]*>2</td><td class="n" [^>]*>2</td>', html)
        assert _Text.open_at_the_end(html) == []

    def test_a_comparison_says_what_took_longer(self, service: TransitionService) -> None:
        live(service, "mon", [(0, [10, 10, 10, 10], "DONE"), (5, [10, 10, 10, 10], "DONE")])
        live(service, "tue", [(0, [10, 10, 10, 70], "ERROR")])

        html = render_page(build_report(service.store, "tue", compared_with="mon"))

        text = _Text.of(html)
        assert "Compared with mon" in text
        assert "A is mon, which took 45s; B is this workflow, which took " in " ".join(text.split())
        assert re.search(r"RUNNING</span></td>(\s*<td class=\"n\">[^<]*</td>){8}\s*<td class=\"n\">\+50s</td>", html)
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

        assert "<script>alert" not in html
        assert _Text.of(html).count(name) >= 3

    def test_every_lane_has_its_whole_name_and_its_times(self, service: TransitionService) -> None:
        name = "</script>" + "A" * 60
        service.register_tasks("w", [TaskSpec(name, max_attempts=1)], occurred_at=NOON)
        service.gate_tasks_for_queueing([name], occurred_at=NOON)
        service.create_task_instances({name: name}, occurred_at=NOON)
        service.transition_task_instance(name, "INSTANTIATED", occurred_at=NOON + timedelta(seconds=2))

        data = re.search(r'id="lanes-data">(.*?)</script>', render_page(build_report(service.store, "w")), re.DOTALL)

        assert data
        [lane] = json.loads(data[1])["lanes"]
        assert lane == [name, [0, 1], [0, 2000], None]

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
        if not {"script", "style"}.intersection(self.open):
            self.parts.append(data)
