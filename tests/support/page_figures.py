"""Measure the pages of a large log: `python -m tests.support.page_figures`, with SOJOURN_DSN or the embedded server.

It fills a scratch database with a workflow of 50,000 attempts in a log of a million events, and prints how long the
server takes for each page, how soon Chromium has drawn it, and how many frames a second it draws of moving lanes. With
`--workflow ID` it reads the database of SOJOURN_DSN as it is.
"""

import argparse
import os
import sys
import time
import urllib.request
from statistics import median
from typing import Any

from playwright.sync_api import Page

from application.shared.current_status import database_now
from infrastructure.database.connect import connect
from sojourn.bench.grown_log import EVERY, FAILED_OF, TASKS, GrownLog
from sojourn.bench.scratch import Scratch, scratch_database
from sojourn.bench.served import run_server
from tests.support.browsers import launched

TIMES = 5
"""How often a page is asked for after the first time."""

SECONDS = 3
"""How long lanes are moved."""

BARS_OF_A_LANE = 25
LANES = 2_000

DRAWN = """async () => {
  const paint = () => performance.getEntriesByName("first-contentful-paint")[0];
  const lanes = () => document.querySelector("#lanes");
  const isWhole = () => paint() && document.readyState === "complete" && !document.querySelector("[data-later]")
    && (!lanes() || lanes().lanes?.frames);
  while (!isWhole()) await new Promise(requestAnimationFrame);
  return { paint: paint().startTime, drawn: performance.now() };
}"""
"""Wait until a page has all its parts: those that come after the rest, and its lanes."""

MANY_BARS = """([lanes, bars]) => {
  const statuses = Array.from({ length: 4 }, (_, n) => ({ name: `S${n}`, css: `running n${n}`, ends: false }));
  const times = Array.from({ length: bars }, (_, n) => n * 1000);
  const made = Array.from({ length: lanes }, (_, n) => [`lane-${n}`, times.map((_, m) => (m + n) % 4), times, null]);
  document.querySelector("#lanes").lanes.take({
    kind: "ti", begin: "2026-01-31T12:00:00Z", end: "2026-01-31T12:01:00Z", from: 0, total: lanes, statuses,
    lanes: made, path: [], is_cut: false,
  });
}"""

MOVE = """async ([seconds, moves]) => {
  const { lanes } = document.querySelector("#lanes");
  const gaps = [];
  let last = await new Promise(requestAnimationFrame);
  const end = last + seconds * 1000;
  for (let n = 0; last < end; n++) {
    if (moves === "zoom") lanes.zoom(n % 40 < 20 ? 1.1 : 1 / 1.1);
    else lanes.view.scrollTop = Math.abs((n * 40) % 20000 - 10000);
    if (moves === "pan") lanes.move(n * 1000);
    const now = await new Promise(requestAnimationFrame);
    gaps.push(now - last);
    last = now;
  }
  return { frames: gaps.length / seconds, longest: Math.max(...gaps) };
}"""


def main() -> None:
    """Measure, and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="the size of the log")
    parser.add_argument("--attempts", type=int, default=50_000, help="the number of attempts of the workflow")
    parser.add_argument("--workflow", help="a workflow of SOJOURN_DSN, in place of a scratch database")
    chosen = parser.parse_args()
    if chosen.workflow:
        with run_server(os.environ["SOJOURN_DSN"]) as (host, port):
            measure(f"http://{host}:{port}", chosen.workflow)
        return
    with scratch_database(os.environ.get("SOJOURN_DSN")) as scratch:
        workflow = fill(scratch, chosen.events, chosen.attempts)
        with run_server(scratch.dsn) as (host, port):
            measure(f"http://{host}:{port}", workflow)


def fill(scratch: Scratch, events: int, attempts: int) -> str:
    """Fill a log, and return the workflow that has the attempts."""
    with connect(scratch.dsn) as connection:
        begin = database_now(connection) - (events // (TASKS * 12) + 8) * EVERY
    large = GrownLog(scratch, begin, tasks=attempts * FAILED_OF // (FAILED_OF + 1))
    large.grow(1, lambda _size, _aim: None)
    others = GrownLog(scratch, begin, workflows=1)
    others.grow(events, lambda size, aim: report(f"{size:,} of {aim:,} events"))
    return large.last_workflow


def measure(address: str, workflow: str) -> None:
    """Print the figures of a server's pages."""
    own = f"/workflow/{workflow}"
    for path in (own, "/", f"{own}?whole=yes", f"{own}?part=lanes", f"/lanes/{workflow}?from=0&n=1000"):
        first, *others = (time_answer(address + path) for _ in range(TIMES + 1))
        report(f"server {path}: first {first * 1000:.0f} ms, then {median(others) * 1000:.0f} ms")
    with launched() as browser:
        page = browser.new_page(base_url=address, viewport={"width": 1400, "height": 1000})
        for path in (own, f"{own}?part=lanes"):
            page.goto(path, wait_until="commit")
            drawn = page.evaluate(DRAWN)
            report(f"browser {path}: painted after {drawn['paint']:.0f} ms, drawn after {drawn['drawn']:.0f} ms")
        print_frames(page, f"lanes of {workflow}")
        page.evaluate(MANY_BARS, [LANES, BARS_OF_A_LANE])
        print_frames(page, f"{LANES * BARS_OF_A_LANE:,} bars in {LANES:,} lanes")


def report(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def time_answer(address: str) -> float:
    """Return the seconds until an answer is whole."""
    begin = time.perf_counter()
    with urllib.request.urlopen(address, timeout=300) as answer:
        answer.read()
    return time.perf_counter() - begin


def print_frames(page: Page, what: str) -> None:
    """Print how many frames a second are drawn of lanes that move."""
    for moves in ("scroll", "pan", "zoom"):
        found: dict[str, Any] = page.evaluate(MOVE, [SECONDS, moves])
        report(f"{moves} {what}: {found['frames']:.0f} frames/s, the longest took {found['longest']:.0f} ms")


if __name__ == "__main__":
    main()
