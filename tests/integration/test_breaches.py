"""Stays that are longer than they may be, and the files that say how long that is."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from application.analyse.breaches import find_breaches
from application.analyse.sla import SlaInvalid, read_sla
from application.transition_service import TaskSpec, TransitionService
from domain.errors import UnknownEntity

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def sla(tmp_path: Path) -> Path:
    """A minute in REGISTERING, five for tasks of template `align`; two for task instances in QUEUED."""
    path = tmp_path / "sla.toml"
    path.write_text(
        """
        [[limit]]
        status = "REGISTERING"
        max_duration = "1m"

        [[limit]]
        status = "REGISTERING"
        template = "align"
        max_duration = 300

        [[limit]]
        entity = "ti"
        status = "QUEUED"
        max_duration = "2m"
        """
    )
    return path


def registered(service: TransitionService, task: str, template: str | None, queued_at: float | None) -> None:
    """A task registered at noon, and queued the given minutes later unless it still waits."""
    service.register_tasks(f"of-{template}", [TaskSpec(task, template=template)], occurred_at=NOON)
    if queued_at is not None:
        service.transition_tasks([task], "QUEUED", occurred_at=NOON + queued_at * MINUTE)


def found(service: TransitionService, sla: Path, at: float, **wanted: Any) -> list[tuple[Any, ...]]:
    rows = find_breaches(service.store, sla, at=NOON + at * MINUTE, **wanted)
    return [(row["entity"], row["open"], row["seconds"] / 60, row["limit_seconds"] / 60) for row in rows]


def test_what_was_too_long_and_what_is(service: TransitionService, sla: Path) -> None:
    registered(service, "quick", None, 1)
    registered(service, "slow", None, 3)
    registered(service, "stuck", None, None)

    assert found(service, sla, at=1) == []
    assert found(service, sla, at=2) == [("task:slow", True, 2, 1), ("task:stuck", True, 2, 1)]
    assert found(service, sla, at=10) == [("task:slow", False, 3, 1), ("task:stuck", True, 10, 1)]
    assert found(service, sla, at=10, only_open=True) == [("task:stuck", True, 10, 1)]


def test_a_templates_own_limit_takes_the_place_of_the_one_for_all(service: TransitionService, sla: Path) -> None:
    registered(service, "aligned", "align", 4)
    registered(service, "late", "align", 6)
    registered(service, "sorted", "sort", 4)

    assert found(service, sla, at=10) == [("task:late", False, 6, 5), ("task:sorted", False, 4, 1)]
    assert found(service, sla, at=10, workflow_id="of-align") == [("task:late", False, 6, 5)]
    with pytest.raises(UnknownEntity):
        found(service, sla, at=10, workflow_id="of-algn")


def test_task_instances_have_limits_of_their_own(service: TransitionService, sla: Path) -> None:
    registered(service, "aligned", "align", 0)
    service.create_task_instances({"aligned/1": "aligned"}, occurred_at=NOON)

    assert found(service, sla, at=3) == [("ti:aligned/1", True, 3, 2)]


def test_a_breach_says_where_and_since_when(service: TransitionService, sla: Path) -> None:
    registered(service, "late", "align", None)

    assert find_breaches(service.store, sla, at=NOON + 6 * MINUTE) == [
        {
            "entity": "task:late",
            "workflow_id": "of-align",
            "template": "align",
            "status": "REGISTERING",
            "entered_at": NOON,
            "exited_at": None,
            "open": True,
            "seconds": 360.0,
            "limit_seconds": 300.0,
        }
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "has no [[limit]]"),
        ("[[limits]]", "limits is not a known key; did you mean 'limit'?"),
        ("[limit]", "limit is not a list; write [[limit]]"),
        ("[[limit]]\nmax_duration = 1", "limit 1: status is missing"),
        ("[[limit]]\nstatus = 'DONE'", "limit 1: max_duration is missing"),
        ("[[limit]]\nstatus = 'DONE'\nmax_duration = 'ages'", "limit 1: max_duration: duration 'ages' cannot be used"),
        ("[[limit]]\nstatus = 'DONE'\nmax_duration = -1", "limit 1: max_duration: duration -1.0 cannot be used"),
        ("[[limit]]\nstatus = 'DONE'\nmax_duration = true", "limit 1: max_duration is not a number"),
        (
            "[[limit]]\nstatus = 'DONE'\nmax_duration = 1\ntemplat = 'x'",
            "limit 1: templat is not a known key; did you mean 'template'?",
        ),
        (
            "[[limit]]\nstatus = 'DONE'\nmax_duration = 1\nentity = 'array'",
            "limit 1: entity is not 'task', 'ti' or 'task_",
        ),
        ("[[limit]]\nstatus = 'A'\nmax_duration = 1\nat_most = 2", "limit 1: at_most is not a known key"),
        ("[[limit]]\nstatus = 'A'\nmax_duration = 1\n" * 2, "has 2 limits for tasks in A"),
        ("limit = ", "is not valid TOML: "),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "sla.toml"
    path.write_text(text)

    with pytest.raises(SlaInvalid) as error:
        read_sla(path)

    assert str(error.value).startswith(f"SLA file '{path}': {problem}")


def test_the_old_name_of_a_limit_still_works(tmp_path: Path) -> None:
    path = tmp_path / "sla.toml"
    path.write_text("[[limit]]\nstatus = 'RUNNING'\nat_most = '2m'")

    assert read_sla(path).limit[0].max_duration == 120


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SlaInvalid, match="cannot be read: No such file"):
        read_sla(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("limit", "problem"),
    [
        ("status = 'RUNING'", "limit 1: no status 'RUNING'; did you mean 'RUNNING'?"),
        ("status = 'TRIAGING'\nentity = 'task'", "limit 1: no status 'TRIAGING'"),
        ("status = 'RUNNING'\ntemplate = 'algn'", "limit 1: no template 'algn'; did you mean 'align'?"),
    ],
)
def test_a_limit_that_nothing_could_break(service: TransitionService, tmp_path: Path, limit: str, problem: str) -> None:
    registered(service, "t", "align", None)
    path = tmp_path / "sla.toml"
    path.write_text(f"[[limit]]\n{limit}\nmax_duration = '1m'")

    with pytest.raises(SlaInvalid) as error:
        find_breaches(service.store, path)

    assert problem in str(error.value)
