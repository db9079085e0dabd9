"""docs/operations.md names every metric, every check of `sojourn doctor` and every supported version, and no other."""

import re
from pathlib import Path

from fastapi.testclient import TestClient

from application.doctor.examine import examine_database
from application.transition_service import TransitionService
from infrastructure.database.connect import OLDEST
from infrastructure.database.postgres_releases import NEWEST_MINOR_RELEASES
from infrastructure.log.subscription import Subscription
from interfaces.http.app import create_app
from tests.support.attempts import attempt, register

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
FAMILY = re.compile(r"^# TYPE (\w+) ", re.MULTILINE)


def section(title: str) -> str:
    """Return the text below a heading, up to the next one."""
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def first_cells(text: str) -> set[str]:
    """Return the names in the first column of a table."""
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`([\w-]+)`", cell)}


def test_it_names_every_metric_with_its_alarm(service: TransitionService) -> None:
    register(service, "t1")
    Subscription(service.dsn, "mail", lambda _, events: None).catch_up()
    with TestClient(create_app(service), "http://127.0.0.1") as client:
        attempt(service, "t1")
        families = set(FAMILY.findall(client.get("/metrics").text))

    assert first_cells(section("Watch it")) == families
    alarms = [line.split("|")[3].strip() for line in section("Watch it").splitlines() if line.startswith("| `")]
    assert all(alarms)


def test_it_names_every_check_of_the_doctor(service: TransitionService) -> None:
    assert first_cells(section("Find out what is wrong")) == {
        finding["check"] for finding in examine_database(service.dsn)
    }


def test_it_names_the_supported_versions() -> None:
    oldest, newest = OLDEST // 10_000, max(NEWEST_MINOR_RELEASES)

    assert f"PostgreSQL {oldest} to {newest} are supported" in section("Choose the server")
