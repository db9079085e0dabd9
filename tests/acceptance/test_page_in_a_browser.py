"""The pages in a real browser: nothing that their policy forbids, nothing that some people could not use, and live."""

import json
import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from application.maintain.tokens import Scope, create_token, revoke_token
from application.report.workflow_report import build_report
from application.transition_service import TaskSpec, TransitionService
from domain.printable import printable
from interfaces.report.page import render_page
from tests.support.browsers import find_chromium, launched, note_complaints
from tests.support.command_line import document
from tests.support.databases import DatabasePool
from tests.support.serving import serving

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no Chromium is installed")

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
STEPS = ("INSTANTIATED", "LAUNCHED", "RUNNING", "DONE")
LOOKS: tuple[tuple[int, Literal["light", "dark"]], ...] = ((1400, "light"), (390, "dark"))
PAGES = (
    "/", "/workflow/night", *(f"/workflow/night?part={part}" for part in (
        "lanes", "tasks", "times", "failures", "orphans", "path", "dependencies"
    )), "/task/night/align-1", "/ti/night/align-1/1", "/orphans", "/compare?a=night&b=day", "/lifecycles",
    "/search?q=night", "/workflow/night?at=2026-01-31T12:01:00Z", "/task/nobody",
)  # fmt: skip


def fill(service: TransitionService) -> None:
    """Record two workflows: some attempts fail, one falls silent, one task waits for the others."""
    for workflow, tasks in (("day", 3), ("night", 6)):
        names = [f"{workflow}/align-{number}" for number in range(1, tasks + 1)]
        specs = [TaskSpec(name, template="align") for name in names]
        service.register_tasks(workflow, [*specs, TaskSpec(f"{workflow}/report", upstream=names)], occurred_at=NOON)
        for number, name in enumerate(names):
            at, attempt = NOON + timedelta(seconds=10 * number), f"{name}/1"
            service.gate_tasks_for_queueing([name], occurred_at=at)
            service.create_task_instances({attempt: name}, occurred_at=at)
            for status in (*STEPS[:3], "ERROR") if number == 1 else STEPS[:3] if number == 2 else STEPS:
                at += timedelta(seconds=20)
                why, due = ("exit 3", None) if status == "ERROR" else (None, at + timedelta(minutes=1))
                service.transition_task_instance(
                    attempt, status, occurred_at=at, actor=f"node{number % 2}", reason=why, report_by_date=due
                )


@pytest.fixture(scope="module")
def database(databases: DatabasePool) -> Iterator[str]:
    with databases.fresh() as dsn, TransitionService.connect(dsn) as service:
        fill(service)
        yield dsn


@pytest.fixture(scope="module")
def address(database: str) -> Iterator[str]:
    with serving(database) as server:
        yield server.url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as running:
        yield running


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(base_url=address, viewport={"width": 1400, "height": 900}, timezone_id="Asia/Kolkata")
    opened = context.new_page()
    complaints = note_complaints(opened)
    yield opened
    context.close()
    assert complaints == []


def await_scripts(page: Page) -> None:
    """Wait until the page follows the log, which its scripts begin last."""
    expect(page.locator(".live")).to_have_attribute("data-state", "live")


RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
MOST_SHIFT = 0.05
"""How far a page may move while it is drawn, in the browser's measure; less than 0.1 counts as good."""

SHIFT = """() => new Promise((done) => {
  let sum = 0;
  const add = (entries) => entries.forEach((one) => { if (!one.hadRecentInput) sum += one.value; });
  const watched = new PerformanceObserver((list) => add(list.getEntries()));
  watched.observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => { add(watched.takeRecords()); done(sum); }));
})"""


def test_every_page_is_accessible_fits_and_stands_still(browser: Browser, address: str) -> None:
    context = browser.new_context(base_url=address, reduced_motion="reduce", timezone_id="Asia/Kolkata")
    page, axe, wrong = context.new_page(), Axe(), []
    complaints = note_complaints(page)
    for path, (width, scheme) in zip(PAGES, cycle(LOOKS), strict=False):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        page.goto(path)
        if "part=lanes" in path:
            expect(page.locator(".lanes-text")).to_have_text("6 lanes.")
        if (shift := page.evaluate(SHIFT)) > MOST_SHIFT:
            wrong.append(f"{path} moves by {shift}")
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        found = axe.run(page, options=RULES)
        wrong += [f"{path}: {found.generate_report()}"] if found.violations_count else []
        if is_wider_than_a_telephone(page):
            wrong.append(f"{path} is wider than a telephone")
    context.close()
    assert "\n".join(wrong) == ""
    assert [one for one in complaints if "404" not in one] == []  # the last page is one that is not found


def is_wider_than_a_telephone(page: Page) -> bool:
    """Return whether a telephone of 390 px shows less than the page's width."""
    page.set_viewport_size({"width": 390, "height": 800})
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def test_times_are_in_the_viewers_zone_and_utc_on_hover(page: Page) -> None:
    page.goto("/ti/night/align-1/1")

    since = page.locator(".state time")

    expect(since).to_have_text("2026-01-31 17:31:20")
    assert since.get_attribute("title") == "2026-01-31 12:01:20 UTC"


def test_a_page_follows_the_log_until_it_is_paused(database: str, page: Page) -> None:
    page.goto("/")
    await_scripts(page)
    with TransitionService.connect(database) as service:
        service.register_tasks("morning", [TaskSpec("morning/sort")])
        expect(page.get_by_role("link", name="morning")).to_be_visible()

        page.locator(".live").click()
        expect(page.locator(".live")).to_have_attribute("data-state", "paused")
        service.register_tasks("evening", [TaskSpec("evening/sort")])
        page.locator(".live").click()
        expect(page.get_by_role("link", name="evening")).to_be_visible()


def test_hidden_tabs_rest_and_a_lost_stream_goes_on_where_it_was(database: str, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.headers["last-event-id"]) if "/live/" in one.url else None)
    page.goto("/")
    await_scripts(page)
    first = page.locator("main").get_attribute("data-position")

    set_hidden(page, is_hidden=True)
    expect(page.locator(".live")).to_have_attribute("data-state", "still")
    with TransitionService.connect(database) as service:
        service.register_tasks("noon", [TaskSpec("noon/sort")])
    assert asked == [first]
    set_hidden(page, is_hidden=False)
    expect(page.get_by_role("link", name="noon")).to_be_visible()
    assert len(asked) == 2
    assert int(asked[1]) >= int(first or 0)

    page.route("**/live/events**", lambda route: route.fulfill(body="id: 7\n\n"), times=1)
    page.goto("/orphans")
    expect(page.locator(".live")).to_have_attribute("data-state", "lost")  # the stream has ended
    await_scripts(page)
    assert asked[-1] == "7"


def set_hidden(page: Page, *, is_hidden: bool) -> None:
    """Hide or show a tab, as its page can tell."""
    page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        is_hidden,
    )


def test_the_slider_shows_what_the_command_line_shows(database: str, page: Page) -> None:
    drawn = random.Random(17)
    service = TransitionService.connect(database)
    page.goto("/ti/night/align-4/1")
    begin = datetime.fromisoformat(page.locator("form.time").get_attribute("data-begin") or "")
    for _ in range(3):
        at = begin + timedelta(seconds=drawn.uniform(-20, 120))
        page.goto(f"/ti/night/align-4/1?at={at.isoformat().replace('+', '%2B')}")
        shown = page.locator(".state .chip").inner_text() if page.locator(".state").count() else None
        assert shown == document(service, "status", "ti:night/align-4/1", "--at", at.isoformat())["status"]

    page.goto("/task/night/align-4")
    slider = page.locator(".slider")
    slider.evaluate("(one) => { one.value = 7; one.dispatchEvent(new Event('input')); }")
    page.wait_for_url("**at=**")  # while it is dragged, the page follows
    expect(page.locator("form.time #at")).to_have_value(re.compile(r"\+05:30$"))
    asked = parse_qs(urlsplit(page.url).query)["at"][0]
    known = document(service, "status", "task:night/align-4", "--at", asked)
    expect(page.locator(".state .chip")).to_have_text(known["status"])
    service.close()
    slider.focus()
    slider.press("Home")
    expect(page.locator("form.time")).to_have_class("time past")
    expect(page.locator(".state .chip")).to_have_text("REGISTERING")
    page.get_by_role("link", name="Next event").click()
    expect(page.locator(".state .chip")).to_have_text("QUEUED")


def test_each_action_shows_what_it_records_and_asks_why(database: str, page: Page) -> None:
    with TransitionService.connect(database) as service:
        fill_acts(service)
        page.goto("/workflow/acts")
        page.get_by_role("link", name="Reset tasks").click()
        expect(page.locator("main tr[data-row]")).to_have_text(["task:acts/aERROR_FATALREGISTERING"])
        page.get_by_role("button", name="Reset").click()  # a reason is required
        expect(page.locator("h1")).to_have_text("Reset acts")
        page.locator("#reason").fill("a new image")
        page.get_by_role("button", name="Reset").click()
        expect(page.locator("h1")).to_have_text("acts")
        assert service.history("task:acts/a")[-1]["reason"] == "a new image"

        page.goto("/ti/acts/b/1")
        page.get_by_role("link", name="End it").click()
        page.get_by_label("In status").select_option("ERROR")
        page.get_by_role("button", name="Show what it does").click()
        expect(page.locator("main tr[data-row]").first).to_have_text("ti:acts/b/1RUNNINGERROR")
        page.locator("#reason").fill("node7 is gone")
        page.get_by_role("button", name="End").click()
        expect(page.locator(".state .chip")).to_have_text("ERROR")
        assert service.history("ti:acts/b/1")[-1]["reason"] == "node7 is gone"

        page.goto("/orphans")
        page.get_by_role("link", name="Recover").click()
        expect(page.get_by_role("row", name="task:acts/c PENDING PENDING_RECOVERY")).to_be_visible()
        page.locator("#reason").fill("the rack lost power")
        page.get_by_role("button", name="Recover").click()
        expect(page.locator("h1")).to_have_text("Orphans")
        assert service.status("task:acts/c")["status"] == "REROUTED"


def fill_acts(service: TransitionService) -> None:
    """Record a task that failed, an attempt that runs, and a task that its runner has left pending."""
    specs = [TaskSpec("acts/a", max_attempts=1), TaskSpec("acts/b")]
    service.register_tasks("acts", specs, occurred_at=NOON)
    service.gate_tasks_for_queueing(["acts/a", "acts/b"], occurred_at=NOON)
    service.create_task_instances({"acts/a/1": "acts/a", "acts/b/1": "acts/b"}, occurred_at=NOON)
    for name, statuses in (("acts/a/1", (*STEPS[:3], "ERROR")), ("acts/b/1", STEPS[:3])):
        for status in statuses:
            service.transition_task_instance(name, status, occurred_at=NOON)
    service.register_tasks("acts-too", [TaskSpec("acts/c")], "pynenc", occurred_at=NOON)
    service.transition_tasks(["acts/c"], "PENDING", runner_id="runner-1", occurred_at=NOON)


def test_the_report_is_one_file_that_works_from_a_disk(database: str, browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "night.html"
    with TransitionService.connect(database) as service:
        file.write_text(render_page(build_report(service.store, "night")))
    context = browser.new_context(
        timezone_id="Asia/Kolkata", color_scheme="dark", viewport={"width": 390, "height": 800}
    )
    page = context.new_page()
    complaints = note_complaints(page)
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    page.goto(file.as_uri())

    expect(page.locator("#lanes-text")).to_have_text("6 lanes.")
    expect(page.locator(".quiet time").nth(1)).to_have_text("2026-01-31 17:30:00")
    expect(page.locator("svg.axis text").first).to_have_text("17:30")
    page.locator("canvas").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#lanes-text")).to_contain_text("night/align-1/1: DONE since 2026-01-31 17:31:20")
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()
    assert not is_wider_than_a_telephone(page)
    assert (complaints, asked) == ([], [file.as_uri()])

    ran = page.evaluate(
        """async () => {
          const script = document.createElement("script");
          script.textContent = "window.ran = true";
          document.body.append(script);
          return [window.ran ?? false, await fetch("http://127.0.0.1:9/").then(() => true, () => false)];
        }"""
    )
    assert ran == [False, False]
    assert all("Content Security Policy" in one for one in complaints)
    context.close()


def test_keys_search_choose_and_open(page: Page) -> None:
    page.goto("/workflow/night?part=tasks")
    await_scripts(page)
    for key in "jjjk":
        page.keyboard.press(key)
    second = page.locator("main tr[data-row] a").nth(1)
    expect(second).to_be_focused()
    name = second.inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text(name.partition(":")[2])
    await_scripts(page)
    page.keyboard.press("?")
    expect(page.locator("dialog.keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("night/align-2")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="night/align-2/1")).to_be_visible()


AWAIT = """async () => {
  const { lanes } = document.querySelector("#lanes");
  while (!(lanes.CONDITION)) await new Promise(requestAnimationFrame);
}"""
"""Wait in the page: its policy lets nobody wait with a text that is evaluated again and again."""


def test_a_large_workflow_is_read_in_parts(database: str, page: Page) -> None:
    with TransitionService.connect(database) as service:
        tasks = [f"many/{number:04}" for number in range(2_900)]
        service.register_tasks("many", [TaskSpec(name) for name in tasks], occurred_at=NOON)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if re.search("/lanes/|whole=", request.url) else None)
    page.goto("/workflow/many")
    expect(page.locator(".stack")).to_be_visible()  # it is fetched after the counts
    assert page.url.endswith("/workflow/many")
    assert len(asked) == 1  # once, although the page asks for it before its scripts run
    asked.clear()

    page.goto("/workflow/many?part=lanes")
    expect(page.locator(".lanes-text")).to_have_text("2,900 lanes.")
    view = page.locator(".lanes-view")
    view.evaluate("(view) => { view.scrollTop = view.scrollHeight; }")
    page.evaluate(AWAIT.replace("CONDITION", "rows[2899]"))
    assert page.evaluate("document.querySelector('#lanes').lanes.rows[1500] === undefined")
    page.locator("canvas").hover()
    expect(page.locator(".lanes-text")).to_contain_text("REGISTERING since")
    page.locator("[data-by]").select_option("task")
    page.evaluate(AWAIT.replace("CONDITION", "rows.length === 5800"))
    parts = [sorted(name for name in parse_qs(urlsplit(url).query) if name != "after") for url in asked]
    assert parts == [["from", "n"], ["from", "n"], ["by"]]


def test_lanes_show_what_does_not_show_itself_as_an_escape(database: str, page: Page) -> None:
    name = 'odd/\u202e\n\x1b\xa0\U000e0001 "b"?#%'
    with TransitionService.connect(database) as service:
        service.register_tasks("odd", [TaskSpec(name)], occurred_at=NOON)
    page.goto("/workflow/odd?part=lanes")
    expect(page.locator(".lanes-text")).to_have_text("1 lanes.")
    page.get_by_text("As a table").click()
    link = page.locator("#lanes-table tbody a")
    expect(link).to_have_text(printable(name))
    link.click()
    expect(page.locator("h1")).to_contain_text(printable(name))


def test_the_pixels_of_lanes_are_the_data(page: Page) -> None:
    page.goto("/workflow/night?part=lanes")
    expect(page.locator(".lanes-text")).to_have_text("6 lanes.")
    wrong = page.evaluate(
        """async () => {
          const lanes = document.querySelector("#lanes").lanes;
          await new Promise(requestAnimationFrame);
          lanes.draw();
          const ratio = devicePixelRatio, wrong = [], probe = document.createElement("canvas").getContext("2d");
          lanes.data.lanes.forEach(([id, statuses, times], row) => {
            for (let n = 0; n + 1 < statuses.length; n++) {
              const x = (lanes.place(times[n]) + lanes.place(times[n + 1])) / 2, y = 26 + row * 18 + 8;
              const seen = lanes.context.getImageData(x * ratio, y * ratio, 1, 1).data.slice(0, 3).join();
              probe.fillStyle = lanes.colours[statuses[n]];
              probe.fillRect(0, 0, 1, 1);
              const wanted = probe.getImageData(0, 0, 1, 1).data.slice(0, 3).join();
              if (seen !== wanted) wrong.push([id, n, seen, wanted]);
            }
          });
          return wrong;
        }"""
    )
    assert wrong == []

    page.locator("canvas").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".lanes-text")).to_contain_text("night/align-2/1: ERROR since 2026-01-31 17:31:30")
    page.locator("[data-path]").check()
    expect(page.locator("[data-legend]")).to_contain_text("critical path")
    drawn = page.evaluate(
        """() => {
          const lanes = document.querySelector("#lanes").lanes;
          lanes.draw();
          return lanes.path.map(([row, from, to]) => {
            const x = lanes.place((from + Math.min(to, lanes.length)) / 2), y = 26 + row * 18 + 16;
            return lanes.context.getImageData(x, y, 1, 1).data.slice(0, 3).join();
          });
        }"""
    )
    assert set(drawn) == {"28,30,33"}  # the ink of the light colours
    page.get_by_text("As a table").click()
    expect(page.locator("#lanes-table tbody tr")).to_have_count(6)
    page.locator("canvas").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".lanes-text")).to_contain_text("night/align-3/1: RUNNING")
    page.locator("[data-by]").select_option("node")
    expect(page).to_have_url(re.compile("path=yes&by=node|by=node&path=yes"))
    expect(page.locator(".lanes-text")).to_have_text("6 lanes.")
    assert page.evaluate("document.querySelector('#lanes').lanes.rows.filter((row) => typeof row === 'string').length")
    page.locator("canvas").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("night/align-")


@pytest.mark.security
def test_a_session_ends_with_its_token(browser: Browser, databases: DatabasePool) -> None:
    with databases.fresh() as dsn, TransitionService.connect(dsn) as service, serving(dsn) as server:
        fill(service)
        secret = create_token(service.store, "viewer", Scope.READ)
        context = browser.new_context(base_url=server.url)
        page = context.new_page()
        page.goto("/workflow/night")
        page.get_by_label("Token").fill(secret)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("h1")).to_have_text("night")
        expect(page.locator(".live")).to_have_attribute("data-state", "live")
        assert secret not in json.dumps(context.cookies())

        revoke_token(service.store, "viewer")
        expect(page.get_by_label("Token")).to_be_visible(timeout=30_000)
        context.close()
