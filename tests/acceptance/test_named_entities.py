"""What commands make of names: bare ids, ids of another kind, and names that nobody has."""

import pytest

from application.transition_service import TaskSpec, TransitionService
from tests.support.command_line import Done, document, run, run_on


@pytest.fixture
def service(service: TransitionService) -> TransitionService:
    """Task `a` with instance `a/1`, a task and an instance `same`, a runner `r`."""
    service.register_tasks("w", [TaskSpec("a"), TaskSpec("same"), TaskSpec("job:7")])
    service.gate_tasks_for_queueing(["a"])
    service.create_task_instances({"a/1": "a", "same": "a"})
    service.heartbeat("r", 600)
    return service


@pytest.mark.parametrize("command", ["status", "history", "why", "replay"])
@pytest.mark.parametrize(
    ("bare", "entity"), [("a", "task:a"), ("a/1", "ti:a/1"), ("r", "runner:r"), ("job:7", "task:job:7")]
)
def test_a_bare_id_works_where_one_entity_has_it(
    service: TransitionService, command: str, bare: str, entity: str
) -> None:
    answer = document(service, command, bare)

    assert answer == document(service, command, entity)


@pytest.mark.parametrize("command", ["status", "history", "why", "replay"])
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("same", "'same' is not the id of one entity; write task:same or ti:same"),
        ("a/2", "'a/2' is not the name of an entity; write task:ID, ti:ID, array:ID or runner:ID; "
                "did you mean 'ti:a/1'?"),
        ("task:a/1", "no task 'a/1', but there is ti:a/1"),
        ("ti:a", "no task instance 'a', but there is task:a"),
        ("array:same", "no array 'same', but there is task:same and ti:same"),
        ("task:r", "no task 'r', but there is runner:r"),
        ("task:somthing", "no task 'somthing'; there are 'a', 'job:7', 'same'"),
        ("runner:x", "no runner 'x'; there is 'r'"),
        ("array:x", "no array 'x'"),
        ("ti:a/2", "no task instance 'a/2'; did you mean 'a/1'?"),
    ],
)  # fmt: skip
def test_a_name_that_is_none_is_answered_with_what_there_is(
    service: TransitionService, command: str, name: str, sentence: str
) -> None:
    assert run_on(service.dsn, command, name) == Done(2, "", f"sojourn: {sentence}\n")


@pytest.mark.parametrize(
    "arguments",
    [["audit", "--workflow"], ["list", "tasks", "--workflow"], ["workflow"], ["orphans", "--workflow"]],
    ids=" ".join,
)
def test_an_unknown_workflow_is_answered_with_those_that_there_are(
    service: TransitionService, arguments: list[str]
) -> None:
    for number in range(1, 4):
        service.register_tasks(f"c{number}", [TaskSpec(f"c{number}")])

    few = run_on(service.dsn, *arguments, "zz")
    assert few.stderr == "sojourn: no workflow 'zz'; there are 'c1', 'c2', 'c3', 'w'\n"

    for number in range(4, 9):
        service.register_tasks(f"c{number}", [TaskSpec(f"c{number}")])
    assert run_on(service.dsn, *arguments, "zz").stderr == (
        "sojourn: no workflow 'zz'; there are 'c5', 'c6', 'c7', 'c8', 'w' and more\n"
    )


def test_a_runner_that_was_never_silent_has_nothing_to_replay(service: TransitionService) -> None:
    done = run(service, "replay", "runner:r")

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == "Replayed 0 events of 0 entities: nothing diverges.\n"
