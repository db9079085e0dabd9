"""What `stuck` could not judge and what has been longest in its status, in words."""

from datetime import timedelta

from application.read.open_statuses import OpenStatus
from interfaces.wording.open_statuses_in_words import describe_longest, describe_not_judged
from tests.unit.test_orphan_rows import orphan


def waiting(name: str = "a", n: int = 5, **more: object) -> OpenStatus:
    status = OpenStatus("task", "jobmon", "QUEUED", n, timedelta(hours=2), name, 3, n, 20)
    return status._replace(**more)  # type: ignore[arg-type]


def test_names_are_quoted_as_a_shell_needs_them() -> None:
    sentence = describe_longest([waiting("my task", status="to do")], [])

    assert sentence is not None
    assert "`sojourn why 'task:my task'` compares it with the others; --stuck-after 'to do'=DURATION" in sentence


def test_what_was_found_is_not_named_again() -> None:
    alone, others = [orphan("task:a")], [orphan(f"task:{number}") for number in range(5)]

    assert describe_not_judged([waiting()], others) is None
    assert describe_not_judged([waiting()], alone) is not None
    assert describe_longest([waiting()], alone) is None  # something is stuck there
    assert describe_longest([waiting(n=1)], []) is None  # it is alone


def test_instances_in_the_status_of_their_tasks_are_not_named() -> None:
    instances = waiting("a/1", kind="task_instance")

    assert describe_longest([waiting(), instances], []) == describe_longest([waiting()], [])
    assert "5 task instances of jobmon in QUEUED, ti:a/1 for 2h" in str(describe_longest([instances], []))


def test_many_statuses_are_cut_with_their_number() -> None:
    statuses = [waiting(status=f"S{number}") for number in range(7)]

    assert "4 more statuses" in str(describe_longest(statuses, []))
    assert "2 more statuses" in str(describe_not_judged(statuses, []))
