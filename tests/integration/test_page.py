"""The pages of `sojourn serve`: what they show, as of when, to whom, and what they let in."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from psycopg.conninfo import make_conninfo

from application.maintain.tokens import Scope, create_token, revoke_token
from application.shared.store import Store
from application.transition_service import TaskSpec, TransitionService
from domain.lifecycles.lifecycle import Lifecycle
from infrastructure.database.pool import Database
from interfaces.http import access
from interfaces.http.app import create_app
from interfaces.http.page_session import COOKIE
from interfaces.page import entity, overviews, workflow
from tests.support.attempts import attempt, register
from tests.support.simple_lifecycle import simple_lifecycle

pytestmark = pytest.mark.one_server

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOSTILE = "<script>alert('&amp;')</script>\u202e"
FORM = {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def client(service: TransitionService) -> Iterator[TestClient]:
    """A client of an app on a database of its own."""
    with TestClient(create_app(service), "http://127.0.0.1", raise_server_exceptions=False) as connected:
        yield connected


@pytest.fixture
def work(service: TransitionService) -> TransitionService:
    """A service whose log has a workflow: `w/sort` succeeds at its second attempt, and `w/report` waits for it."""
    specs = [TaskSpec("w/sort", template="sort"), TaskSpec("w/report", upstream=["w/sort"])]
    service.register_tasks("w", specs, occurred_at=NOON)
    for number, end in enumerate(("ERROR", "DONE"), 1):
        at = NOON + timedelta(minutes=number)
        service.gate_tasks_for_queueing(["w/sort"], occurred_at=at)
        service.create_task_instances({f"w/sort/{number}": "w/sort"}, occurred_at=at)
        for status in ("INSTANTIATED", "LAUNCHED", "RUNNING", end):
            at += timedelta(seconds=5)
            why = "exit 3" if status == "ERROR" else None
            service.transition_task_instance(f"w/sort/{number}", status, occurred_at=at, actor="node7", reason=why)
    service.transition_task_instance("w/sort/1", "RUNNING", occurred_at=NOON + timedelta(minutes=3))
    return service


def text(response: Response, status: int = 200) -> str:
    """Return the text of a page, which must be well-formed and may run nothing inline."""
    assert response.status_code == status, response.text
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    page = _Page()
    page.feed(response.text)
    assert page.open == []
    return " ".join(" ".join(page.parts).split())


@pytest.mark.parametrize(("name", "opened"), [(None, 1), ("no_such_database", 0)])
def test_a_server_has_read_a_page_before_it_takes_requests(dsn: str, name: str | None, opened: int) -> None:
    database = Database(make_conninfo(dsn, dbname=name) if name else dsn)
    with (
        TransitionService(Store(database)) as service,
        TestClient(create_app(service), "http://127.0.0.1") as connected,
    ):
        assert database.opened == opened
        assert connected.get("/static/page.css").status_code == 200


PARTS = ("", "tasks", "times", "failures", "orphans", "path", "dependencies")


class TestContent:
    def test_an_empty_log_shows_what_to_do_first(self, client: TestClient) -> None:
        shown = text(client.get("/"))

        assert "sojourn demo" in shown
        assert "sojourn import jsonl" in shown

    @pytest.mark.usefixtures("work")
    def test_home_lists_workflows_with_their_progress(self, client: TestClient) -> None:
        page = client.get("/")

        assert re.search(r'aria-label="Progress: 1 DONE, 1 REGISTERING"', page.text)
        assert "2026-01-31 12:02:20 UTC" in text(page)
        assert "matches" in text(client.get("/?show=failed"))
        assert "w/" not in text(client.get("/?q=other"))

    @pytest.mark.usefixtures("work")
    def test_each_part_of_a_workflow_is_a_page_as_of_any_time(self, client: TestClient) -> None:
        for part in PARTS:
            for at in ("", "2026-01-31T12:01:12Z", "2020-01-01T00:00:00Z"):
                shown = text(client.get("/workflow/w", params={"part": part, "at": at}))

                assert ("had not begun" in shown) == at.startswith("2020"), part

    @pytest.mark.usefixtures("work")
    def test_what_takes_long_in_a_large_workflow_comes_after_the_page(
        self, client: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = {part: text(client.get(f"/workflow/w?part={part}")) for part in PARTS}
        monkeypatch.setattr(workflow, "MANY_TASKS", 1)

        for part, shown in whole.items():
            page = client.get(f"/workflow/w?part={part}")
            later = re.search(r'data-later="([^"]*)"', page.text)

            assert (later is None) == (part in ("tasks", "dependencies")), part
            assert "2 tasks" in text(page) or later is None
            assert "1 DONE, 1 REGISTERING" in page.text
            if later:
                page = client.get(unescape(later[1]))
            assert text(page) == shown
            assert "whole" not in page.text  # a link leads to a page that is shown at once

    def test_lanes_are_read_in_parts(self, work: TransitionService, client: TestClient) -> None:
        whole, later = client.get("/lanes/w").json(), {"at": "2026-01-31T12:01:12Z"}
        parts = [client.get("/lanes/w", params={"from": place, "n": 1}).json() for place in range(3)]

        assert [lane[0] for lane in whole["lanes"]] == ["w/sort/1", "w/sort/2"]
        assert [lane for part in parts for lane in part["lanes"]] == [
            [name, list(range(len(statuses))), times, by] for name, statuses, times, by in whole["lanes"]
        ]
        assert {part["total"] for part in (whole, *parts)} == {2}
        assert [part["from"] for part in parts] == [0, 1, 2]
        assert client.get("/lanes/w", params=later).json()["total"] == 1
        work.register_tasks("v", [TaskSpec("v/1")])
        assert [client.get("/lanes/v").json()[name] for name in ("kind", "total")] == ["task", 1]

    @pytest.mark.usefixtures("work")
    def test_a_workflow_shows_what_failed_and_what_waits(self, client: TestClient) -> None:
        assert "exit 3" in text(client.get("/workflow/w?part=failures"))
        assert "task:w/sort" in text(client.get("/workflow/w?part=dependencies"))
        times = text(client.get("/workflow/w?part=times"))
        assert "sort RUNNING 2 0 5s 5s 10s" in times
        assert "running" in text(client.get("/workflow/w?part=path"))

    @pytest.mark.usefixtures("work")
    def test_an_attempt_shows_what_was_reported_and_what_was_applied(self, client: TestClient) -> None:
        page = client.get("/ti/w/sort/1")
        refused = re.search(r'<tr data-row id="event-\d+" class="differs">.*?</tr>', page.text, re.DOTALL)

        assert refused
        assert re.findall(r"</i>(\w+)</span>", refused[0]) == ["RUNNING", "ERROR"]
        assert "exit 3" in text(page)
        assert re.search(r'class="box failed n\d current"><title>ERROR</title>', page.text)
        assert 'href="/task/w/sort"' in page.text

    def test_the_other_pages(self, work: TransitionService, client: TestClient) -> None:
        lost = NOON + timedelta(minutes=9)
        work.create_task_instances({"w/report/1": "w/report"}, occurred_at=lost)
        work.transition_task_instance("w/report/1", "INSTANTIATED", occurred_at=lost)
        work.transition_task_instance("w/report/1", "LAUNCHED", occurred_at=lost, report_by_date=lost)
        assert "There is none" in text(client.get("/orphans?at=2026-01-31T12:00:10Z"))
        assert "missed-heartbeat 1 Attempts whose report or heartbeat is overdue." in text(client.get("/orphans"))
        assert "ti:w/report/1 is LAUNCHED since" in text(client.get("/orphans"))
        compared = text(client.get("/compare?a=w&b=w"))
        assert "RUNNING" in compared
        assert "Tasks of jobmon, version 3" in text(client.get("/lifecycles"))
        found = text(client.get("/search?q=w/s"))
        assert "w/sort/2" in found
        assert "exit 3" in text(client.get("/search?q=EXIT"))

    @pytest.mark.usefixtures("work")
    def test_what_a_page_leaves_out_is_said_with_the_command_that_has_it(
        self, client: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for part, command in (
            ("path", "sojourn critical-path w"),
            ("times", "sojourn time-in-status --by template --workflow w"),
        ):
            said = f"These are the first 1; {command} lists them all."
            monkeypatch.undo()
            assert said not in text(client.get(f"/workflow/w?part={part}"))
            monkeypatch.setattr(workflow, "MAX_ROWS", 1)
            assert said in text(client.get(f"/workflow/w?part={part}"))

    @pytest.mark.usefixtures("work")
    def test_a_comparison_shows_what_differs_most_first_and_all_of_it_when_asked(
        self, client: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        every = len(re.findall("<tr data-row>", client.get("/compare?a=w&b=w").text))
        monkeypatch.setattr(overviews, "FEW_ROWS", 1)

        page = client.get("/compare?a=w&b=w").text
        link = re.search(rf'href="([^"]*)">Show {every} differences', page)

        assert page.count("<tr data-row>") == 1 < every
        assert link
        assert client.get(unescape(link[1])).text.count("<tr data-row>") == every

    def test_orphans_share_a_row_with_their_cause(self, service: TransitionService, client: TestClient) -> None:
        failed = [TaskSpec("a b", max_attempts=1), TaskSpec("c", upstream=["a b"]), TaskSpec("d", upstream=["c"])]
        service.register_tasks("w", failed, occurred_at=NOON)
        service.gate_tasks_for_queueing(["a b"], occurred_at=NOON)
        service.create_task_instances({"a b/1": "a b"}, occurred_at=NOON)
        for status in ("INSTANTIATED", "LAUNCHED", "RUNNING", "ERROR"):
            service.transition_task_instance("a b/1", status, occurred_at=NOON)
        service.register_tasks("p", [TaskSpec("p/1")], "pynenc", occurred_at=NOON)
        service.transition_tasks(["p/1"], "PENDING", runner_id="r 1", occurred_at=NOON)

        found = [(one["rule"], one["cause"], one["n"]) for one in service.orphan_causes()]
        assert ("blocked-upstream", "task:a b", 2) in found
        assert ("dead-runner", "runner:r 1", 1) in found
        shown = client.get("/workflow/w?part=orphans").text
        assert re.search(r'<a class="id" href="/task/a%20b">task:a b</a> <span class="chip failed', shown)
        assert 'because <a class="id" href="/task/a%20b">task:a b</a>, upstream' in shown
        why = client.get("/task/d").text
        assert 'because <a class="id" href="/task/a%20b">task:a b</a>, upstream of what it waits for,' in why
        event = re.search(r'became an orphan at <a class="id" href="(/task/a%20b)(#event-\d+)">event', why)
        assert event
        assert f'id="{event[2][1:]}"' in client.get(event[1]).text

    @pytest.mark.usefixtures("work")
    def test_flow_in_a_large_log_is_counted_after_the_machines(
        self, client: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = text(client.get("/lifecycles"))
        monkeypatch.setattr(overviews, "MANY_EVENTS", 1)

        first = client.get("/lifecycles")
        assert "Tasks of jobmon" in text(first)
        assert "1 now" in whole
        assert "1 now" not in first.text
        later = re.search(r'data-later="([^"]*)"', first.text)
        assert later
        assert text(client.get(unescape(later[1]))) == whole

    def test_a_long_history_is_cut_to_its_newest_events_and_its_way_is_whole(
        self, service: TransitionService, client: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        register(service, "t1")
        attempt(service, "t1")
        for _ in range(3):
            service.transition_task_instance("t1/1", "RUNNING", reason="again")
        whole = client.get("/ti/t1/1")
        monkeypatch.setattr(entity, "MAX_EVENTS", 2)

        cut = client.get("/ti/t1/1")

        of_events = r'id="event-(\d+)"'
        assert re.findall(of_events, cut.text) == re.findall(of_events, whole.text)[-2:]
        assert f"{len(re.findall(of_events, whole.text)) - 2} older ones" in text(cut)
        drawn = r"<svg width.*?</svg>"
        assert re.search(drawn, cut.text, re.DOTALL)[0] == re.search(drawn, whole.text, re.DOTALL)[0]  # type: ignore[index]

    def test_an_entity_has_the_machine_of_the_version_that_it_is_pinned_to(
        self, service: TransitionService, client: TestClient
    ) -> None:
        way: dict[str, list[str]] = {"DONE": [], "FAILED": [], "WAITING": ["RUNNING"], "AGAIN": ["RUNNING"]}
        first = simple_lifecycle(way | {"RUNNING": ["DONE", "FAILED", "AGAIN"]}, ["FAILED"])
        second = first.model_dump_json(by_alias=True).replace("AGAIN", "LATER").replace('"version":1', '"version":2')
        service.register_tasks("w", [TaskSpec("old")], first)
        service.register_tasks("w", [TaskSpec("new")], Lifecycle.model_validate_json(second))

        pages = [client.get(f"/task/{name}").text for name in ("old", "new")]

        assert [("<title>AGAIN" in page, "<title>LATER" in page) for page in pages] == [(True, False), (False, True)]

    def test_names_of_users_are_escaped(self, service: TransitionService, client: TestClient) -> None:
        service.register_tasks(HOSTILE, [TaskSpec(HOSTILE, template=HOSTILE)])
        service.create_task_instances({HOSTILE: HOSTILE})
        escaped = HOSTILE.replace("%", "%25").replace("&", "%26").replace("#", "%23")

        for path in ("/", "/workflow/{}", "/task/{}", "/ti/{}", "/search?q={}", "/compare?a={}&b={}"):
            page = client.get(path.replace("{}", escaped))

            text(page)
            assert "<script>alert" not in page.text, path
            assert "\u202e" not in page.text, path
            assert "&lt;script&gt;alert" in page.text, path


class TestTime:
    @pytest.mark.usefixtures("work")
    def test_a_page_shows_the_time_that_its_address_states(self, client: TestClient) -> None:
        at = "2026-01-31T12:01:12Z"

        assert "LAUNCHED since 2026-01-31 12:01:10 UTC" in text(client.get("/ti/w/sort/1", params={"at": at}))
        assert "It did not exist by then" in text(client.get("/ti/w/sort/2", params={"at": at}))
        home = client.get("/", params={"at": at})
        assert 'aria-label="Progress: 1 REGISTERING, 1 LAUNCHED"' in home.text
        assert 'href="/workflow/w?at=2026-01-31T12%3A01%3A12%2B00%3A00"' in home.text

    @pytest.mark.usefixtures("work")
    def test_a_step_leads_to_the_next_change(self, client: TestClient) -> None:
        for to, at, found in (
            ("next", "2026-01-31T12:01:12Z", "12%3A01%3A15"),
            ("previous", "2026-01-31T12:01:12Z", "12%3A01%3A10"),
            ("previous", "", "12%3A02%3A20"),
            ("next", "2026-02-01T00:00:00Z", None),
        ):
            query = {"to": to, "at": at, "page": "/workflow/w?part=tasks", "workflow": "w"}
            place = client.get("/step", params=query, follow_redirects=False).headers["location"]

            assert place == "/workflow/w?part=tasks" + (f"&at=2026-01-31T{found}%2B00%3A00" if found else "")

    def test_a_step_of_a_task_leads_to_a_change_of_it_or_of_its_attempts(self, work: TransitionService) -> None:
        at = NOON + timedelta(minutes=2, seconds=30)

        assert work.previous_change(at, task_id="w/sort") == NOON + timedelta(minutes=2, seconds=20)
        assert work.next_change(NOON, task_id="w/sort") == NOON + timedelta(minutes=1)
        assert work.previous_change(at, task_id="w/report") == NOON
        assert work.next_change(NOON, task_id="w/report") is None
        assert work.next_change(NOON, "v", "w/sort") is None

    def test_a_page_as_of_a_time_is_read_once_until_the_log_grows(
        self, work: TransitionService, client: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read: list[tuple[Any, ...]] = []
        count = work.workflow_tasks

        def counted(*asked: Any) -> Any:
            read.append(asked)
            return count(*asked)

        monkeypatch.setattr(work, "workflow_tasks", counted)
        past = "/workflow/w?at=2026-01-31T12:01:12Z"

        pages = [client.get(past).text for _ in range(2)]
        assert (len(read), pages[0]) == (1, pages[1])
        assert client.get(f"{past}&part=tasks").text != pages[0]
        assert [client.get("/workflow/v?at=2026-01-31T12:01:12Z").status_code for _ in range(2)] == [404, 404]

        work.register_tasks("w", [TaskSpec("w/earlier")], occurred_at=NOON)
        assert "2 REGISTERING" in client.get(past).text

    @pytest.mark.usefixtures("work")
    def test_what_cannot_be_shown_is_said_on_a_page(self, client: TestClient) -> None:
        for path, status, says in (
            ("/workflow/v", 404, "no workflow 'v'"),
            ("/task/w/sor", 404, "w/sort"),
            ("/?at=tomorrow", 422, "tomorrow"),
            ("/orphans?at=9000-01-01T00:00:00Z", 422, "future"),
            ("/static/page.py", 404, "no such file"),
            ("/workflow/w?path=x&self=y&query=z", 200, "Tasks at once"),
        ):
            assert says in text(client.get(path), status)


class TestActions:
    def test_what_is_shown_is_what_a_reset_records(self, work: TransitionService, client: TestClient) -> None:
        work.transition_tasks(["w/report"], "QUEUED")
        page = client.get("/act/reset?workflow=w")

        assert "task:w/report QUEUED REGISTERING" in text(page)
        assert work.status("task:w/report")["status"] == "QUEUED"
        sent = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text)) | {"reason": "the disk was full"}
        for _ in range(2):  # sent twice, it is recorded once
            client.post("/act/reset", data=sent, headers=FORM)
        *_, before, last = work.history("task:w/report")
        assert (before["status"], last["status"]) == ("QUEUED", "REGISTERING")
        assert (last["reason"], last["actor"]) == ("the disk was full", "page")

    def test_an_orphan_is_ended_as_it_was_shown(self, work: TransitionService, client: TestClient) -> None:
        lost = NOON + timedelta(minutes=9)
        work.create_task_instances({"w/report/1": "w/report"}, occurred_at=lost)
        for status in ("INSTANTIATED", "LAUNCHED", "RUNNING"):
            work.transition_task_instance("w/report/1", status, occurred_at=lost, report_by_date=lost)
        assert 'href="/act/end?entity=ti%3Aw%2Freport%2F1"' in client.get("/ti/w/report/1").text

        shown = text(client.get("/act/end?entity=ti:w/report/1&status=UNKNOWN_ERROR"))
        assert "ti:w/report/1 RUNNING UNKNOWN_ERROR" in shown
        assert "task:w/report RUNNING ERROR_RECOVERABLE" in shown
        assert work.status("ti:w/report/1")["status"] == "RUNNING"
        sent = {"entity": "ti:w/report/1", "status": "UNKNOWN_ERROR"}
        assert "has no reason" in text(client.post("/act/end", data=sent, headers=FORM), 409)
        client.post("/act/end", data=sent | {"reason": "node7 is gone"}, headers=FORM)
        assert work.history("ti:w/report/1")[-1]["reason"] == "node7 is gone"
        assert "Nothing would change" in text(client.get("/act/recover"))
        assert "leads from its status to no end" in text(client.get("/act/end?entity=task:w/sort"))
        work.register_tasks("p", [TaskSpec("p/1")], "pynenc", occurred_at=NOON)
        work.heartbeat("runner-1", 1, occurred_at=NOON)
        work.transition_tasks(["p/1"], "PENDING", runner_id="runner-1", occurred_at=NOON)
        shown = text(client.get("/act/recover"))
        assert "runner:runner-1 SILENT no report or heartbeat came in time" in shown
        assert "task:p/1 PENDING PENDING_RECOVERY" in shown
        assert "has no reason" in text(client.post("/act/recover", data={}, headers=FORM), 409)
        client.post("/act/recover", data={"reason": "the rack lost power"}, headers=FORM)
        assert (work.history("task:p/1")[-1]["reason"] or "").endswith("; the rack lost power")
        assert work.status("runner:runner-1")["status"] == "SILENT"

    @pytest.mark.security
    def test_only_a_token_that_may_write_acts(
        self, work: TransitionService, client: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(access, "TOKEN_CACHE_SECONDS", 0.0)
        secret = create_token(work.store, "viewer", Scope.READ)
        client.post("/sign-in", data={"token": secret}, headers=FORM)

        assert "may only read" in text(client.get("/act/reset?workflow=w"), 403)
        assert "Reset tasks" not in client.get("/workflow/w").text
        sent = {"workflow": "w", "reason": "why not"}
        assert client.post("/act/reset", data=sent, headers=FORM).status_code == 403
        assert client.post("/sign-out", headers=FORM, follow_redirects=False).headers["location"] == "/sign-in"

    @pytest.mark.security
    def test_another_site_cannot_act(self, work: TransitionService, client: TestClient) -> None:
        work.transition_tasks(["w/report"], "QUEUED")
        sent = {"workflow": "w", "reason": "mischief"}

        assert client.post("/act/reset", data=sent, headers={"Origin": "https://evil.example"}).status_code == 403
        assert work.status("task:w/report")["status"] == "QUEUED"


@pytest.mark.security
class TestSession:
    @pytest.fixture
    def secret(self, service: TransitionService, monkeypatch: pytest.MonkeyPatch) -> str:
        monkeypatch.setattr(access, "TOKEN_CACHE_SECONDS", 0.0)
        return create_token(service.store, "dashboard", Scope.READ)

    def test_a_token_signs_in_once_and_its_end_ends_the_session(
        self, service: TransitionService, client: TestClient, secret: str
    ) -> None:
        asked = client.get("/orphans?handled=yes", follow_redirects=False)
        assert asked.headers["location"] == "/sign-in?page=%2Forphans%3Fhandled%3Dyes"

        sent = {"token": secret, "page": "/orphans?handled=yes"}
        entered = client.post("/sign-in", data=sent, headers=FORM, follow_redirects=False)
        cookie = entered.headers["set-cookie"]
        assert entered.headers["location"] == "/orphans?handled=yes"
        assert all(part in cookie for part in ("HttpOnly", "SameSite=strict"))
        assert secret not in cookie
        assert "Signed in as dashboard" in text(client.get("/"))
        assert client.get("/api/v3/workflows").status_code == 401  # a session is for pages alone

        revoke_token(service.store, "dashboard")
        assert client.get("/", follow_redirects=False).status_code == 303

    def test_a_wrong_token_or_a_changed_cookie_opens_nothing(self, client: TestClient, secret: str) -> None:
        denied = client.post("/sign-in", data={"token": f"{secret}x"}, headers=FORM)
        assert "not valid" in text(denied, 401)
        assert "set-cookie" not in denied.headers

        client.post("/sign-in", data={"token": secret}, headers=FORM)
        value = client.cookies[COOKIE]
        for changed in (value[:-2] + "xx", value.replace("~", "~x"), "~", "", "646173~x"):
            client.cookies.set(COOKIE, changed)
            assert client.get("/", follow_redirects=False).status_code == 303, changed

    def test_a_form_from_another_site_is_refused(self, client: TestClient, secret: str) -> None:
        cross_site = {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "cross-site"}
        for headers in ({"Origin": "https://evil.example"}, {}, cross_site):
            refused = client.post("/sign-in", data={"token": secret}, headers=headers)

            assert "another site" in text(refused, 403)
            assert "set-cookie" not in refused.headers

    def test_a_sign_in_never_leads_elsewhere(self, client: TestClient, secret: str) -> None:
        for page in ["//evil.example", "https://evil.example", "/\\evil.example"]:
            sent = {"token": secret, "page": page}
            answer = client.post("/sign-in", data=sent, headers=FORM, follow_redirects=False)

            assert answer.headers["location"] == "/"


class _Page(HTMLParser):
    """The text of a page, and the elements that are still open."""

    EMPTY = frozenset({"meta", "link", "input", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not {name for name, _ in attrs if name == "style" or name.startswith("on")}, attrs
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.parts.append(data)
