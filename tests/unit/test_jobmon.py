"""Jobmon's lifecycle, held against a table that was written from its specification and not from the data."""

from itertools import product

import pytest

from domain.lifecycles import get_lifecycle, shipped
from domain.lifecycles.machine import Machine
from domain.rule_names import ORPHANED_INSTANCE, RETRY, STALE_REPORT, SUPERSEDED_INSTANCE, SUPERSEDED_REPORT

JOBMON = get_lifecycle("jobmon")

TASK = {
    "REGISTERING": "QUEUED",
    "ADJUSTING_RESOURCES": "QUEUED ERROR_FATAL",
    "QUEUED": "INSTANTIATING",
    "INSTANTIATING": "LAUNCHED RUNNING ERROR_RECOVERABLE",
    "LAUNCHED": "RUNNING ERROR_RECOVERABLE ERROR_FATAL",
    "RUNNING": "DONE ERROR_RECOVERABLE REGISTERING ADJUSTING_RESOURCES ERROR_FATAL",
    "ERROR_RECOVERABLE": "REGISTERING ADJUSTING_RESOURCES ERROR_FATAL QUEUED",
    "DONE": "",
    "ERROR_FATAL": "",
}
TASK_INSTANCE = {
    "QUEUED": "INSTANTIATED KILL_SELF",
    "INSTANTIATED": "LAUNCHED NO_DISTRIBUTOR_ID KILL_SELF RUNNING",
    "LAUNCHED": "RUNNING UNKNOWN_ERROR NO_HEARTBEAT RESOURCE_ERROR KILL_SELF ERROR_FATAL",
    "RUNNING": "TRIAGING ERROR UNKNOWN_ERROR RESOURCE_ERROR KILL_SELF DONE",
    "TRIAGING": "RUNNING RESOURCE_ERROR UNKNOWN_ERROR ERROR_FATAL",
    "KILL_SELF": "ERROR_FATAL DONE",
    "NO_HEARTBEAT": "ERROR",
    "NO_DISTRIBUTOR_ID": "",
    "ERROR": "",
    "UNKNOWN_ERROR": "",
    "RESOURCE_ERROR": "",
    "DONE": "",
    "ERROR_FATAL": "",
}
UNTIMELY = {
    "RUNNING": "LAUNCHED",
    "ERROR": "LAUNCHED UNKNOWN_ERROR ERROR",
    "UNKNOWN_ERROR": "DONE ERROR RESOURCE_ERROR",
    "RESOURCE_ERROR": "UNKNOWN_ERROR",
    "DONE": "UNKNOWN_ERROR",
    "KILL_SELF": "ERROR RESOURCE_ERROR UNKNOWN_ERROR",
}

# What an instance's status says of its task's: while attempts are left, and once there are none.
IMPLIED = {
    "QUEUED": ("QUEUED", "QUEUED"),
    "INSTANTIATED": ("INSTANTIATING", "INSTANTIATING"),
    "LAUNCHED": ("LAUNCHED", "LAUNCHED"),
    "RUNNING": ("RUNNING", "RUNNING"),
    "DONE": ("DONE", "DONE"),
    "ERROR_FATAL": ("ERROR_FATAL", "ERROR_FATAL"),
    "NO_DISTRIBUTOR_ID": ("REGISTERING", "ERROR_FATAL"),
    "ERROR": ("REGISTERING", "ERROR_FATAL"),
    "UNKNOWN_ERROR": ("REGISTERING", "ERROR_FATAL"),
    "RESOURCE_ERROR": ("ADJUSTING_RESOURCES", "ERROR_FATAL"),
    "TRIAGING": (None, None),
    "KILL_SELF": (None, None),
    "NO_HEARTBEAT": (None, None),
}

# The implied status -> from where it is reached, and by which way; from elsewhere it is not. A retry shows as
# ERROR_RECOVERABLE wherever it can; an end is reached straight wherever it can.
RETRIES = {
    "INSTANTIATING": "ERROR_RECOVERABLE {target}",
    "LAUNCHED": "ERROR_RECOVERABLE {target}",
    "RUNNING": "ERROR_RECOVERABLE {target}",
    "ERROR_RECOVERABLE": "{target}",
}
WAYS = {
    "QUEUED": dict.fromkeys(("REGISTERING", "ADJUSTING_RESOURCES", "ERROR_RECOVERABLE"), "QUEUED"),
    "INSTANTIATING": {"QUEUED": "INSTANTIATING"},
    "LAUNCHED": {"INSTANTIATING": "LAUNCHED"},
    "RUNNING": {"INSTANTIATING": "RUNNING", "LAUNCHED": "RUNNING"},
    "DONE": {"RUNNING": "DONE"},
    "REGISTERING": RETRIES,
    "ADJUSTING_RESOURCES": RETRIES,
    "ERROR_FATAL": {
        "ADJUSTING_RESOURCES": "ERROR_FATAL",
        "INSTANTIATING": "ERROR_RECOVERABLE ERROR_FATAL",
        "LAUNCHED": "ERROR_FATAL",
        "RUNNING": "ERROR_FATAL",
        "ERROR_RECOVERABLE": "ERROR_FATAL",
    },
}


def instance() -> Machine:
    assert JOBMON.instance is not None
    return JOBMON.instance


def test_it_ships_with_sojourn() -> None:
    assert "jobmon" in shipped()
    assert JOBMON.key == ("jobmon", 3)
    assert JOBMON.rules == (STALE_REPORT, SUPERSEDED_REPORT, ORPHANED_INSTANCE, SUPERSEDED_INSTANCE, RETRY)


class TestTaskMachine:
    def test_its_statuses(self) -> None:
        assert JOBMON.task.initial == "REGISTERING"
        assert set(JOBMON.task.statuses) == set(TASK)
        assert JOBMON.task.terminal == {"DONE", "ERROR_FATAL"}
        assert JOBMON.task.transient == {"ERROR_RECOVERABLE"}

    @pytest.mark.parametrize(("source", "target"), list(product(TASK, TASK)))
    def test_every_pair(self, source: str, target: str) -> None:
        assert JOBMON.task.can_transition(source, target) == (target in TASK[source].split())
        assert not JOBMON.task.is_untimely(source, target)

    @pytest.mark.parametrize("target", TASK)
    def test_sources(self, target: str) -> None:
        assert JOBMON.task.sources(target) == {source for source, targets in TASK.items() if target in targets.split()}

    @pytest.mark.parametrize("status", TASK)
    def test_terminal(self, status: str) -> None:
        assert JOBMON.task.is_terminal(status) == (status in ("DONE", "ERROR_FATAL"))

    def test_a_status_that_is_not_its_own_leads_nowhere(self) -> None:
        assert not JOBMON.task.can_transition("TRIAGING", "DONE")
        assert not JOBMON.task.can_transition("RUNNING", "TRIAGING")


class TestTaskInstanceMachine:
    def test_its_statuses(self) -> None:
        assert instance().initial == "QUEUED"
        assert set(instance().statuses) == set(TASK_INSTANCE)
        assert instance().terminal == {status for status, targets in TASK_INSTANCE.items() if not targets}
        assert instance().transient == set()

    @pytest.mark.parametrize(("source", "target"), list(product(TASK_INSTANCE, TASK_INSTANCE)))
    def test_every_pair(self, source: str, target: str) -> None:
        assert instance().can_transition(source, target) == (target in TASK_INSTANCE[source].split())
        assert instance().is_untimely(source, target) == (target in UNTIMELY.get(source, "").split())

    def test_what_fails_and_what_becomes_of_an_orphan(self) -> None:
        errors = {"NO_DISTRIBUTOR_ID", "ERROR", "UNKNOWN_ERROR", "RESOURCE_ERROR", "NO_HEARTBEAT"}
        assert instance().failures == errors | {"ERROR_FATAL"}
        assert instance().orphaned == "ERROR_FATAL"


class TestWhatAnInstanceImplies:
    def test_every_status_is_in_the_table(self) -> None:
        assert set(IMPLIED) == set(instance().statuses)

    @pytest.mark.parametrize("status", IMPLIED)
    @pytest.mark.parametrize(("attempts", "exhausted"), [(0, False), (1, False), (2, False), (3, True), (4, True)])
    def test_for_the_task(self, status: str, attempts: int, exhausted: bool) -> None:
        assert JOBMON.task_status_for(status, num_attempts=attempts, max_attempts=3) == IMPLIED[status][exhausted]

    def test_of_the_only_attempt(self) -> None:
        assert JOBMON.task_status_for("ERROR", num_attempts=1, max_attempts=1) == "ERROR_FATAL"

    @pytest.mark.parametrize(
        ("source", "status", "target"),
        [
            (source, status, target)
            for source, (status, targets) in product(TASK, IMPLIED.items())
            for target in sorted(filter(None, set(targets)))
        ],
    )
    def test_the_way_there(self, source: str, status: str, target: str) -> None:
        way = WAYS[target].get(source, "").format(target=target)

        assert JOBMON.path_to(target, source, status) == tuple(way.split())

    def test_only_the_gate_counts_an_attempt(self) -> None:
        assert [status for status in TASK if JOBMON.starts_attempt(status)] == ["QUEUED"]
