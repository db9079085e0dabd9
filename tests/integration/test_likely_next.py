"""Which statuses `why` expects where others of the template or the lifecycle have been further."""

from datetime import UTC, datetime, timedelta

import pytest

from application.transition_service import TaskSpec, TransitionService

EIGHT = datetime(2026, 1, 31, 8, tzinfo=UTC)


def minute(number: float) -> datetime:
    return EIGHT + timedelta(minutes=number)


def run(
    service: TransitionService, name: str, begun: float, *statuses: str, template: str, workflow: str = "w"
) -> None:
    """Run a task whose only instance enters these statuses after RUNNING, one a minute."""
    service.register_tasks(workflow, [TaskSpec(name, 3, template=template)], occurred_at=minute(begun))
    service.gate_tasks_for_queueing([name], occurred_at=minute(begun))
    service.create_task_instances({f"{name}/1": name}, occurred_at=minute(begun))
    for later, status in enumerate(("INSTANTIATED", "LAUNCHED", "RUNNING", *statuses)):
        service.transition_task_instance(f"{name}/1", status, occurred_at=minute(begun + later))


def expected(service: TransitionService, entity: str, at: float | None = None) -> str:
    verdict = service.why(entity, None if at is None else minute(at))["verdict"]
    return verdict[verdict.index("Expected next") :]


@pytest.fixture
def others(service: TransitionService) -> TransitionService:
    """Of template `align` 4 succeed and 2 fail; of `sort` 1 succeeds; one of each runs."""
    for number in range(6):
        run(service, f"a{number}", number, "DONE" if number < 4 else "ERROR", template="align")
    run(service, "s0", 8, "DONE", template="sort")
    run(service, "align", 20, template="align", workflow="other")
    run(service, "sort", 20, template="sort")
    return service


def test_what_followed_most_often_for_the_template_is_expected(others: TransitionService) -> None:
    assert expected(others, "task:align") == (
        "Expected next, as others of its template: DONE (an instance succeeds; 4 of 6 times); or ERROR_RECOVERABLE "
        "(its instance fails and attempts are left; 2 of 6 times); 3 others are possible."
    )
    assert expected(others, "ti:align/1").startswith("Expected next, as others of its template: DONE (")


def test_without_enough_of_the_template_the_lifecycle_decides(others: TransitionService) -> None:
    assert expected(others, "task:sort").startswith(
        "Expected next, as others of its lifecycle: DONE (an instance succeeds; 5 of 7 times); or ERROR_RECOVERABLE"
    )


def test_as_of_a_past_time_only_what_had_happened_counts(others: TransitionService) -> None:
    assert "of 6 times" in expected(others, "task:align", 25)
    run(others, "early", 0, template="align")
    assert expected(others, "task:early", 4) == "Expected next: DONE (an instance succeeds); 4 others are possible."


def test_a_task_is_not_compared_with_itself(service: TransitionService) -> None:
    run(service, "alone", 0, template="align")
    assert expected(service, "task:alone").startswith("Expected next: DONE (an instance succeeds); ")
