"""Why an entity is where it is: the chain and the verdict."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection

from application.array_service import ArrayService
from application.read.orphans import find_orphans
from application.read.why import MOST_EVENTS, Why, explain_entity
from application.transition_service import TaskSpec, TransitionService
from domain.actor import Actor
from domain.entity import Entity, parse_entity
from domain.errors import UnknownEntity

EIGHT = datetime(2026, 1, 31, 8, tzinfo=UTC)
CLIENT = Actor(component="client")


def minute(number: float) -> datetime:
    return EIGHT + timedelta(minutes=number)


def at(number: float) -> str:
    return minute(number).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ask(service: TransitionService, entity: str, number: float | None = None) -> Why:
    return explain_entity(service.store, parse_entity(entity), None if number is None else minute(number))


def report(service: TransitionService, instance: str, *steps: tuple[float, str], reason: str | None = None) -> None:
    for number, status in steps:
        service.transition_task_instance(
            instance, status, occurred_at=minute(number), actor=Actor(component="worker"), reason=reason
        )


@pytest.fixture
def running(service: TransitionService) -> TransitionService:
    """Task `41`, whose instance `41/1` runs since minute 5."""
    service.register_tasks("w", [TaskSpec("41")], occurred_at=minute(0), actor=CLIENT)
    service.gate_tasks_for_queueing(["41"], occurred_at=minute(1), actor=CLIENT)
    service.create_task_instances({"41/1": "41"}, occurred_at=minute(2), actor=CLIENT)
    report(service, "41/1", (3, "INSTANTIATED"), (4, "LAUNCHED"), (5, "RUNNING"))
    return service


@pytest.fixture
def retried(running: TransitionService) -> TransitionService:
    """Its second instance `41/2` is created in minute 6 and runs from minute 7 on."""
    running.create_task_instances({"41/2": "41"}, occurred_at=minute(6), actor=CLIENT)
    report(running, "41/2", (7, "INSTANTIATED"), (7, "LAUNCHED"), (7, "RUNNING"))
    return running


def starts(found: Why) -> str:
    return found["verdict"].split(". ")[0]


def test_a_late_report_tells_who_ended_the_task_and_what_was_made_of_it(retried: TransitionService) -> None:
    report(retried, "41/1", (10, "DONE"))
    report(retried, "41/2", (12, "ERROR"), reason="exit status 1")

    found = ask(retried, "ti:41/2", 13)

    ended = next(link for link in found["chain"] if (link["entity"], link["at"]) == ("task:41", minute(10)))
    assert (found["status"], found["rule"]) == ("ERROR_FATAL", "orphaned-instance")
    assert [orphan["rule"] for orphan in found["orphan"]] == ["late-report"]
    assert found["verdict"] == (
        f"ti:41/2 reported ERROR at {at(12)}; task:41 was already DONE since {at(10)} by ti:41/1; rule "
        f"orphaned-instance turned ERROR into ERROR_FATAL. It became an orphan at event {ended['position']}: task:41 "
        f"RUNNING -> DONE, because ti:41/1 became DONE, at {at(10)}. Ending ti:41/2, or reporting its end, "
        "before its task ended would have prevented it."
    )
    last = found["chain"][-1]
    assert (last["entity"], last["rule"], last["actor"]) == ("ti:41/2", "orphaned-instance", "worker")
    assert last["text"].startswith("reported ERROR by worker")
    assert [link["position"] for link in found["chain"]] == sorted(link["position"] for link in found["chain"])
    assert {"ti:41/1", "ti:41/2", "task:41"} == {link["entity"] for link in found["chain"]}


def test_an_orphan_of_the_past_is_explained_after_it_was_cleaned_up(retried: TransitionService) -> None:
    report(retried, "41/2", (10, "DONE"))
    report(retried, "41/1", (12, "KILL_SELF"), (13, "ERROR_FATAL"))

    superseded, outlived = ask(retried, "ti:41/1", 8), ask(retried, "ti:41/1", 11)

    assert (superseded["rule"], outlived["rule"]) == ("superseded", "terminal-parent")
    assert starts(superseded) == (
        f"ti:41/1 is RUNNING, although ti:41/2 is a newer attempt at task:41 and active since {at(6)}"
    )
    assert "ti:41/2 created by client as attempt 2: QUEUED, at" in superseded["verdict"]
    assert "It became an orphan at event" in superseded["verdict"]
    assert "Expected and missing: ti:41/1 in a terminal status, before ti:41/2 began." in superseded["verdict"]
    assert (
        "Ending ti:41/1, or reporting its end, before the newer one was created would have prevented it."
        in superseded["verdict"]
    )
    assert starts(outlived) == f"ti:41/1 is RUNNING, although task:41 is DONE and has been over since {at(10)}"
    assert max(link["at"] for link in superseded["chain"]) <= minute(8)


def test_a_second_request_to_end_is_not_expected(running: TransitionService) -> None:
    running.reset_tasks(["41"], reset_if_running=True, occurred_at=minute(6), actor=CLIENT)
    running.gate_tasks_for_queueing(["41"], occurred_at=minute(7), actor=CLIENT)
    running.create_task_instances({"41/2": "41"}, occurred_at=minute(7), actor=CLIENT)
    report(running, "41/2", (8, "INSTANTIATED"), (8, "LAUNCHED"), (8, "RUNNING"), (10, "DONE"))
    report(running, "41/1", (12, "ERROR_FATAL"))

    outlived, decided = ask(running, "ti:41/1", 11), ask(running, "ti:41/1", 13)

    (order,) = (link["position"] for link in outlived["chain"] if "-> KILL_SELF" in link["text"])
    prevention = (
        f"It had been ordered to end by event {order}, at {at(6)}: "
        "reporting its end before its task ended would have prevented it."
    )
    assert (outlived["rule"], decided["rule"]) == ("terminal-parent", "orphaned-instance")
    assert outlived["verdict"].endswith(f" {prevention}")
    assert decided["verdict"].endswith(f" {prevention}")
    assert starts(decided) == (
        f"ti:41/1 reported ERROR_FATAL at {at(12)}; task:41 was already DONE since {at(10)} by ti:41/2; "
        "rule orphaned-instance left the task so"
    )


def test_what_was_never_launched_waits_for_an_id(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("41")], occurred_at=minute(0))
    service.create_task_instances({"41/1": "41"}, occurred_at=minute(1))

    found = ask(service, "ti:41/1", 90)

    assert found["rule"] == "never-launched"
    assert starts(found) == (
        f"ti:41/1 is QUEUED, and no distributor has given it an id since {at(1)} (allowed: 01:00:00)"
    )
    assert f"Expected and missing: ti:41/1 with a distributor id by {at(61)}." in found["verdict"]
    assert "It began with event" in found["verdict"]
    assert "A distributor id, or its end, would have prevented it." in found["verdict"]


def test_a_healthy_instance_runs_because_it_was_reported(running: TransitionService) -> None:
    found = ask(running, "ti:41/1", 6)

    assert (found["rule"], found["orphan"], found["since"]) == (None, [], minute(5))
    assert starts(found) == f"ti:41/1 is RUNNING since {at(5)}, because it was reported RUNNING by worker"
    assert "Expected next: TRIAGING (its report_by_date passes" in found["verdict"]


def test_the_report_by_date_of_an_instance_with_heartbeats(
    running: TransitionService,
) -> None:
    running.register_tasks("w", [TaskSpec("42")], occurred_at=minute(0))
    running.gate_tasks_for_queueing(["42"], occurred_at=minute(1))
    running.create_task_instances({"42/1": "42"}, occurred_at=minute(2))
    report(running, "42/1", (3, "INSTANTIATED"), (4, "LAUNCHED"))
    later = datetime.now(UTC) + timedelta(hours=1)
    running.transition_task_instance("42/1", "RUNNING", report_by_date=minute(20), occurred_at=minute(5))
    running.heartbeat_task_instances({"42/1": later}, occurred_at=minute(10))

    report_by = later.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert f"It must report by {report_by}. " in ask(running, "ti:42/1")["verdict"]
    assert f"It must report by {at(20)}. " in ask(running, "ti:42/1", 11)["verdict"]
    assert "must report" not in ask(running, "ti:42/1", 30)["verdict"]


def test_a_healthy_task_says_on_what_it_waits(running: TransitionService) -> None:
    found = ask(running, "task:41", 6)

    assert starts(found) == (f"task:41 is RUNNING since {at(5)}, because ti:41/1 became RUNNING, reported by worker")
    assert "It waits on ti:41/1, which is RUNNING." in found["verdict"]
    assert (
        starts(ask(running, "task:41", 0.5))
        == f"task:41 is REGISTERING since {at(0)}, when it was registered by client"
    )
    assert "It waits for a task instance to be created." in ask(running, "task:41", 1.5)["verdict"]
    assert "Expected next: QUEUED (the gate passes it: an attempt begins)." in ask(running, "task:41", 0.5)["verdict"]


def test_a_retry_names_its_rule(running: TransitionService) -> None:
    report(running, "41/1", (8, "ERROR"), reason="exit status 1")

    found = ask(running, "task:41", 9)

    assert (found["status"], found["rule"]) == ("REGISTERING", "retry")
    assert "rule retry decided so (attempt 1 of 3 has failed)" in found["verdict"]


def test_what_is_done_expects_nothing(running: TransitionService) -> None:
    report(running, "41/1", (10, "DONE"))

    for entity in ("ti:41/1", "task:41"):
        found = ask(running, entity)
        assert (found["status"], found["orphan"]) == ("DONE", [])
        assert found["verdict"].endswith("Nothing is expected to follow.")


def test_a_report_refused_many_times_is_listed_once(running: TransitionService) -> None:
    for _ in range(MOST_EVENTS * 2):
        report(running, "41/1", (6, "LAUNCHED"))

    found = ask(running, "ti:41/1", 7)

    refused = [link for link in found["chain"] if link["name"] == "task_instance.refused.v1"]
    assert [link["text"] for link in refused] == [
        "refuses LAUNCHED, reported by worker: stays RUNNING (119 more like it before); rule untimely-transition"
    ]
    assert (found["rule"], found["omitted"]) == ("untimely-transition", 0)
    assert "It refuses LAUNCHED" in found["verdict"]


def test_a_long_chain_is_cut_to_its_end(running: TransitionService) -> None:
    for number in range(MOST_EVENTS):
        report(running, "41/1", (6 + number, "TRIAGING"), (6 + number, "RUNNING"))

    found = ask(running, "ti:41/1")

    assert (len(found["chain"]), found["omitted"] > MOST_EVENTS) == (MOST_EVENTS, True)
    assert found["chain"][-1]["text"] == "TRIAGING -> RUNNING, reported by worker"


def test_the_first_of_many_attempts_has_its_own_events_in_its_chain(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("t", max_attempts=100)], occurred_at=minute(0))
    for number in range(1, 71):
        service.gate_tasks_for_queueing(["t"], occurred_at=minute(number))
        service.create_task_instances({f"t/{number}": "t"}, occurred_at=minute(number), actor=CLIENT)
        steps = [(number, status) for status in ("INSTANTIATED", "LAUNCHED", "RUNNING", "ERROR")]
        report(service, f"t/{number}", *steps, reason="exit status 1")

    found = ask(service, "ti:t/1")

    own = [link["text"] for link in found["chain"] if link["entity"] == "ti:t/1"]
    assert [text.split(",")[0] for text in own] == [
        "created by client as attempt 1: QUEUED", "QUEUED -> INSTANTIATED", "INSTANTIATED -> LAUNCHED",
        "LAUNCHED -> RUNNING", "RUNNING -> ERROR",
    ]  # fmt: skip
    assert starts(found) == (f"ti:t/1 is ERROR since {at(1)}, because it was reported ERROR by worker (exit status 1)")
    assert len(found["chain"]) == MOST_EVENTS
    assert found["chain"][-1]["entity"] == "task:t"
    assert [link["position"] for link in found["chain"]] == sorted(link["position"] for link in found["chain"])
    of_task = ask(service, "task:t")["chain"]
    assert {"ti:t/70", "task:t"} <= {link["entity"] for link in of_task}
    assert "because ti:t/70 became ERROR" in of_task[-1]["text"]


def test_the_evidence_of_an_orphan_is_in_its_chain_however_much_came_after(retried: TransitionService) -> None:
    for number in range(MOST_EVENTS * 6):
        report(retried, "41/2", (8 + number, "TRIAGING"), (8 + number, "RUNNING"))

    found = ask(retried, "ti:41/1")

    evidence = {position for orphan in found["orphan"] for position in orphan["evidence"]}
    assert found["rule"] == "superseded"
    assert evidence <= {link["position"] for link in found["chain"]}
    assert "ti:41/2 created by client as attempt 2: QUEUED, at" in found["verdict"]


def test_an_attempt_that_began_after_its_task_ended_could_not_end_before(running: TransitionService) -> None:
    report(running, "41/1", (8, "DONE"))
    running.create_task_instances({"41/2": "41"}, occurred_at=minute(30), actor=CLIENT)
    begun = ask(running, "ti:41/2", 40)
    report(running, "41/2", (50, "INSTANTIATED"), (51, "NO_DISTRIBUTOR_ID"))
    decided = ask(running, "ti:41/2")

    for found, rule in ((begun, "terminal-parent"), (decided, "late-report")):
        orphan = found["orphan"][0]
        assert (orphan["rule"], orphan["expected"]) == (
            rule, "task:41 in a status that is not terminal, when ti:41/2 began",
        )  # fmt: skip
        assert found["verdict"].endswith(" Creating ti:41/2 only while its task was active would have prevented it.")
    assert begun["orphan"][0]["since"] == minute(30)


def test_an_attempt_that_began_after_a_newer_one_could_not_end_before(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("41")], occurred_at=minute(0))
    service.gate_tasks_for_queueing(["41"], occurred_at=minute(1))
    service.create_task_instances({"41/1": "41"}, occurred_at=minute(6))
    service.create_task_instances({"41/2": "41"}, occurred_at=minute(3))

    found = ask(service, "ti:41/1", 7)

    (orphan,) = found["orphan"]
    assert (orphan["rule"], orphan["since"]) == ("superseded", minute(6))
    assert orphan["expected"] == "ti:41/2 in a terminal status, before ti:41/1 began"
    assert found["verdict"].endswith(" Creating ti:41/1 only after the newer one had ended would have prevented it.")


def test_a_date_in_the_past_needs_a_later_one(running: TransitionService) -> None:
    report(running, "41/1", (6, "TRIAGING"))
    running.transition_task_instance("41/1", "RUNNING", report_by_date=minute(5), occurred_at=minute(7))

    found = ask(running, "ti:41/1", 8)

    (orphan,) = found["orphan"]
    assert (orphan["rule"], orphan["since"]) == ("missed-heartbeat", minute(7))
    assert orphan["expected"] == f"a report_by_date of ti:41/1 after {at(7)}"
    assert found["verdict"].endswith(" A later report_by_date, or a heartbeat, would have prevented it.")


def test_a_failure_of_before_the_end_that_is_reported_after_it(running: TransitionService) -> None:
    report(running, "41/1", (6, "TRIAGING"))
    running.reset_tasks(["41"], reset_if_running=True, occurred_at=minute(7), actor=CLIENT)
    running.gate_tasks_for_queueing(["41"], occurred_at=minute(8), actor=CLIENT)
    running.create_task_instances({"41/2": "41"}, occurred_at=minute(8), actor=CLIENT)
    report(running, "41/2", (9, "INSTANTIATED"), (9, "LAUNCHED"), (9, "RUNNING"), (20, "DONE"))
    report(running, "41/1", (15, "UNKNOWN_ERROR"))

    found, of_then = ask(running, "ti:41/1", 21), ask(running, "ti:41/1", 17)

    (orphan,) = found["orphan"]
    assert (orphan["rule"], orphan["since"]) == ("late-report", minute(20))
    assert orphan["expected"] == f"ti:41/1 reporting UNKNOWN_ERROR at {at(15)}, when it happened"
    assert starts(found) == (
        f"ti:41/1 failed with UNKNOWN_ERROR at {at(15)}, but its report arrived when task:41 was already DONE since "
        f"{at(20)} by ti:41/2; rule orphaned-instance turned UNKNOWN_ERROR into ERROR_FATAL"
    )
    assert found["verdict"].endswith(" Reporting it when it happened, before its task ended, would have prevented it.")
    assert (of_then["status"], of_then["orphan"]) == ("ERROR_FATAL", [])


def test_an_owner_and_who_was_refused(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("t")], lifecycle="pynenc", occurred_at=minute(0))
    service.heartbeat("r", 300, occurred_at=minute(0))
    service.transition_task("t", "PENDING", runner_id="r", occurred_at=minute(1), actor=Actor(component="r"))
    service.transition_task("t", "RUNNING", runner_id="other", occurred_at=minute(2), actor=Actor(component="other"))

    found = ask(service, "task:t", 3)

    assert (found["status"], found["rule"]) == ("PENDING", "ownership")
    assert "It belongs to runner:r." in found["verdict"]
    assert (
        "refuses RUNNING, reported by other in the name of runner:other: stays PENDING; rule ownership"
        in (found["verdict"])
    )
    dead = ask(service, "task:t", 12)
    assert dead["rule"] == "dead-runner"
    assert "belongs to runner:r, who has sent no heartbeat since" in dead["verdict"]


def test_a_rule_that_puts_off_says_until_when(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("t")], lifecycle="prefect", occurred_at=minute(0))
    service.transition_task("t", "SCHEDULED", scheduled_time=minute(60), occurred_at=minute(1))
    service.transition_task("t", "PENDING", occurred_at=minute(2))
    service.transition_task("t", "RUNNING", occurred_at=minute(3))

    found = ask(service, "task:t", 4)

    assert (found["status"], found["rule"]) == ("PENDING", "wait-for-scheduled-time")
    assert "it may be proposed again after 3420 s" in found["verdict"]


def test_the_array_and_its_batch_are_part_of_the_chain(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("t"), TaskSpec("u")], occurred_at=minute(0))
    arrays = ArrayService(service.store)
    array = arrays.bind("w", "tv", 5, occurred_at=minute(0))["array_id"]
    arrays.queue_task_batch(array, ["t"], actor=CLIENT, occurred_at=minute(1))
    arrays.queue_task_batch(array, ["u"], actor=CLIENT, occurred_at=minute(2))

    found, of_array = ask(service, "task:t", 3), ask(service, f"array:{array}", 3)

    assert [link["name"] for link in found["chain"] if link["entity"] == f"array:{array}"] == [
        "array.bound.v1", "array.batch_queued.v1",
    ]  # fmt: skip
    assert of_array["status"] == "BOUND"
    assert [link["text"] for link in of_array["chain"]][1:] == [
        "batch 1 of 1 instance queued by client", "batch 2 of 1 instance queued by client",
    ]  # fmt: skip


def test_before_it_existed_and_what_never_existed(running: TransitionService) -> None:
    found = ask(running, "ti:41/1", 1)

    assert (found["status"], found["chain"], found["verdict"]) == (None, [], "it did not exist")
    for number in (None, 0):
        with pytest.raises(UnknownEntity, match="no task '41x'; did you mean '41'"):
            explain_entity(running.store, Entity("task", "41x"), None if number is None else minute(number))


def test_what_a_task_waits_for_is_named_to_the_root(service: TransitionService) -> None:
    specs = [TaskSpec("align", 3), TaskSpec("sort", upstream=["align"]), TaskSpec("report", upstream=["sort"])]
    service.register_tasks("w", specs, occurred_at=minute(0), actor=CLIENT)
    for attempt, end in ((1, "ERROR"), (2, "ERROR"), (3, None)):
        service.gate_tasks_for_queueing(["align"], occurred_at=minute(attempt * 10))
        service.create_task_instances({f"align/{attempt}": "align"}, occurred_at=minute(attempt * 10))
        begun = ((attempt * 10 + n, name) for n, name in enumerate(("INSTANTIATED", "LAUNCHED", "RUNNING")))
        report(service, f"align/{attempt}", *begun)
        if end:
            report(service, f"align/{attempt}", (attempt * 10 + 5, end), reason="OOM")

    assert starts(ask(service, "task:sort", 33)) == (
        f"task:sort is REGISTERING since {at(0)} because task:align (upstream) is RUNNING since {at(32)}, in attempt 3 "
        f"of 3 after OOM at {at(15)} and {at(25)}"
    )
    assert "task:align (upstream of what it waits for) is RUNNING" in ask(service, "task:report", 33)["verdict"]
    report(service, "align/3", (40, "ERROR"), reason="OOM")

    blocked = ask(service, "task:report", 41)
    assert blocked["rule"] == "blocked-upstream"
    assert "because task:align, upstream of what it waits for, is ERROR_FATAL since" in blocked["verdict"]
    assert ". 2 tasks wait behind that cause. " in blocked["verdict"]


def test_a_silent_attempt_is_named_with_who_reported_it_last(service: TransitionService) -> None:
    specs = [TaskSpec("align"), TaskSpec("sort", upstream=["align"]), TaskSpec("report", upstream=["sort"])]
    service.register_tasks("w", specs, occurred_at=minute(0))
    service.gate_tasks_for_queueing(["align"], occurred_at=minute(1))
    service.create_task_instances({"align/1": "align"}, occurred_at=minute(1))
    report(service, "align/1", (2, "INSTANTIATED"), (3, "LAUNCHED"))
    worker = Actor(component="worker", host="node3")
    due = minute(10)
    service.transition_task_instance("align/1", "RUNNING", occurred_at=minute(4), report_by_date=due, actor=worker)

    before, after = ask(service, "task:report", 9), ask(service, "task:report", 11)

    assert "task:align (upstream of what it waits for) is RUNNING" in before["verdict"]
    assert "silent" not in before["verdict"]
    assert starts(after) == (
        "task:report is REGISTERING and cannot start, because task:align, upstream of what it waits for, is RUNNING "
        f"since {at(4)} in ti:align/1, which is silent since {at(10)} and was last reported by worker@node3"
    )
    assert "ti:align/1" in {link["entity"] for link in after["chain"]}
    assert after["orphan"] == find_orphans(service.store, "blocked-upstream", at=minute(11))[:1]


def test_a_silent_runner_is_named_before_it_counts_as_dead(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("a"), TaskSpec("b", upstream=["a"])], "pynenc", occurred_at=minute(0))
    service.heartbeat("r1", 60, occurred_at=minute(1))
    for status in ("PENDING", "RUNNING"):
        service.transition_task("a", status, occurred_at=minute(1), runner_id="r1")

    verdicts = [ask(service, "task:b", number)["verdict"] for number in (1.5, 5, 30)]

    assert [f"owned by runner:r1, which is silent since {at(2)}" in verdict for verdict in verdicts] == [
        False,
        True,
        True,
    ]
    assert ["cannot start" in verdict for verdict in verdicts] == [False, False, True]


@pytest.fixture
def limited(service: TransitionService, connection: Connection[Any]) -> Iterator[TransitionService]:
    """A service in a database where a task may be REGISTERING for 5 minutes."""
    name = connection.info.dbname
    connection.execute(f'ALTER DATABASE {name} SET sojourn.stuck_after = \'{{"REGISTERING": "5m"}}\''.encode())
    with TransitionService.connect(service.dsn) as limited:
        yield limited


def test_what_is_stuck_by_a_limit_is_explained_by_its_unfinished_root(limited: TransitionService) -> None:
    limited.register_tasks("w", [TaskSpec("align"), TaskSpec("report", upstream=["align"])], occurred_at=minute(0))
    limited.gate_tasks_for_queueing(["align"], occurred_at=minute(1))
    found = ask(limited, "task:report", 9)

    assert found["rule"] == "stuck"
    assert found["verdict"].startswith(
        f"task:report is REGISTERING since {at(0)} because task:align (upstream) is QUEUED since {at(1)}. "
        f"It is an orphan by stuck: task:report has been REGISTERING since {at(0)}; allowed: 00:05:00. Expected next: "
    )


def test_what_keeps_a_task_from_starting_comes_before_how_long_it_has_waited(limited: TransitionService) -> None:
    quick = [f"quick-{number}" for number in range(120)]
    specs = [TaskSpec(name) for name in quick]
    links = [TaskSpec("align", 1), TaskSpec("report", upstream=["align"])]
    limited.register_tasks("w", [*specs, *links], occurred_at=minute(0))
    limited.gate_tasks_for_queueing([*quick, "align"], occurred_at=minute(1))
    limited.create_task_instances({"align/1": "align"}, occurred_at=minute(1))
    report(limited, "align/1", (2, "INSTANTIATED"), (3, "LAUNCHED"), (4, "RUNNING"), (5, "ERROR"))

    found = ask(limited, "task:report", 50)

    assert [orphan["rule"] for orphan in found["orphan"]] == ["blocked-upstream", "stuck"]
    assert found["verdict"].startswith("task:report is REGISTERING and cannot start, because task:align")
    assert "It is also an orphan by stuck" in found["verdict"]
