"""Every shipped lifecycle but Jobmon's, held against tables that were written from their specifications."""

from itertools import product

import pytest

from domain.lifecycles import get_lifecycle, shipped
from domain.lifecycles.machine import DISPLAY_FIELDS, STATUS_SETS, Machine

PYNENC = {
    "REGISTERED": "PENDING CONCURRENCY_CONTROLLED CONCURRENCY_CONTROLLED_FINAL",
    "CONCURRENCY_CONTROLLED": "REROUTED",
    "REROUTED": "PENDING CONCURRENCY_CONTROLLED",
    "PENDING": "RUNNING KILLED REROUTED PENDING_RECOVERY",
    "PENDING_RECOVERY": "REROUTED",
    "RUNNING": "PAUSED KILLED RETRY SUCCESS FAILED RUNNING_RECOVERY",
    "RUNNING_RECOVERY": "REROUTED",
    "PAUSED": "RUNNING KILLED",
    "KILLED": "REROUTED",
    "RETRY": "PENDING",
    "SUCCESS": "",
    "FAILED": "",
    "CONCURRENCY_CONTROLLED_FINAL": "",
}
FETCH_ML = {
    "queued": "preparing failed cancelled",
    "preparing": "running failed cancelled",
    "running": "collecting failed orphaned serving cancelled",
    "collecting": "completed failed cancelled",
    "serving": "stopping failed orphaned cancelled",
    "stopping": "completed failed",
    "orphaned": "queued",
    "completed": "",
    "failed": "",
    "cancelled": "",
}
PREFECT_TYPES = "SCHEDULED PENDING RUNNING COMPLETED FAILED CANCELLED CRASHED PAUSED CANCELLING"
PREFECT_AFTER_THE_END = "SCHEDULED PENDING RUNNING COMPLETED FAILED CANCELLED"
PREFECT = (
    dict.fromkeys(PREFECT_TYPES.split(), PREFECT_TYPES)
    | {"RUNNING": PREFECT_TYPES.replace("RUNNING ", "")}
    | dict.fromkeys(("COMPLETED", "FAILED", "CANCELLED", "CRASHED"), PREFECT_AFTER_THE_END)
)

SLURM_ENDS = "BOOT_FAIL CANCELLED COMPLETED DEADLINE FAILED NODE_FAIL OUT_OF_MEMORY PREEMPTED REVOKED TIMEOUT"
SLURM = dict.fromkeys(SLURM_ENDS.split(), "PENDING ELIGIBLE RUNNING") | {
    "PENDING": f"ELIGIBLE RUNNING REQUEUED SPLIT {SLURM_ENDS}",
    "ELIGIBLE": f"PENDING RUNNING REQUEUED SPLIT {SLURM_ENDS}",
    "RUNNING": f"PENDING ELIGIBLE REQUEUED {SLURM_ENDS}",
    "REQUEUED": "PENDING ELIGIBLE RUNNING CANCELLED",
    "SPLIT": "",
}
SLURM_INSTANCE = dict.fromkeys([*SLURM_ENDS.split(), "REQUEUED", "SPLIT"], "") | {
    "PENDING": f"ELIGIBLE RUNNING REQUEUED SPLIT {SLURM_ENDS}",
    "ELIGIBLE": f"RUNNING REQUEUED SPLIT {SLURM_ENDS}",
    "RUNNING": f"REQUEUED {SLURM_ENDS}",
}

SPARK = {
    "PENDING": "RUNNING",
    "RUNNING": "SUCCESS FAILED KILLED RESUBMITTED",
    "SUCCESS": "RESUBMITTED",
    "FAILED": "RUNNING SUCCESS RESUBMITTED",
    "KILLED": "RUNNING SUCCESS RESUBMITTED",
    "RESUBMITTED": "RUNNING SUCCESS FAILED KILLED",
}
# "GET RESULT" is one status: a table of words has it as two.
SPARK_INSTANCE = {
    "RUNNING": "SUCCESS FAILED KILLED RESUBMITTED",
    "SUCCESS": "RESUBMITTED",
    "FAILED": "RESUBMITTED",
    "KILLED": "RESUBMITTED",
    "RESUBMITTED": "",
}
NEXTFLOW = {
    "NEW": "SUBMITTED CACHED ABORTED",
    "SUBMITTED": "RUNNING COMPLETED FAILED ABORTED",
    "RUNNING": "COMPLETED FAILED ABORTED",
    "FAILED": "SUBMITTED",
    "ABORTED": "SUBMITTED",
    "COMPLETED": "",
    "CACHED": "",
}
NEXTFLOW_INSTANCE = {
    "SUBMITTED": "RUNNING COMPLETED FAILED ABORTED",
    "RUNNING": "COMPLETED FAILED ABORTED",
    "COMPLETED": "",
    "FAILED": "",
    "ABORTED": "",
}

MACHINES: dict[str, tuple[Machine | None, dict[str, str], str]] = {
    "pynenc": (get_lifecycle("pynenc").task, PYNENC, "REGISTERED"),
    "fetch_ml": (get_lifecycle("fetch_ml").task, FETCH_ML, "queued"),
    "prefect": (get_lifecycle("prefect").task, PREFECT, "SCHEDULED"),
    "slurm": (get_lifecycle("slurm").task, SLURM, "PENDING"),
    "slurm's attempts": (get_lifecycle("slurm").instance, SLURM_INSTANCE, "PENDING"),
    "spark": (get_lifecycle("spark").task, SPARK, "PENDING"),
    "nextflow": (get_lifecycle("nextflow").task, NEXTFLOW, "NEW"),
    "nextflow's attempts": (get_lifecycle("nextflow").instance, NEXTFLOW_INSTANCE, "SUBMITTED"),
}
ENDS = {
    "pynenc": "SUCCESS FAILED CONCURRENCY_CONTROLLED_FINAL",
    "fetch_ml": "completed failed cancelled",
    "prefect": "COMPLETED FAILED CANCELLED CRASHED",
    "slurm": f"{SLURM_ENDS} SPLIT",
    "spark": "SUCCESS FAILED KILLED",
    "nextflow": "COMPLETED FAILED ABORTED CACHED",
}


def test_every_shipped_lifecycle_is_held_against_a_table() -> None:
    assert set(shipped()) == {"jobmon"} | ENDS.keys()
    assert {name for name in shipped() if get_lifecycle(name).instance} == {"jobmon", "slurm", "spark", "nextflow"}


@pytest.mark.parametrize("name", MACHINES)
def test_its_statuses(name: str) -> None:
    machine, table, initial = MACHINES[name]

    assert machine
    assert (set(machine.statuses), machine.initial) == (set(table), initial)


@pytest.mark.parametrize(
    ("name", "source", "target"), [(name, *pair) for name in MACHINES for pair in product(MACHINES[name][1], repeat=2)]
)
def test_every_pair_of_statuses(name: str, source: str, target: str) -> None:
    machine, table, _ = MACHINES[name]

    assert machine
    assert machine.can_transition(source, target) == (target in table[source].split())
    assert (target in machine.next_statuses(source)) == (target in table[source].split())


def test_sparks_attempts() -> None:
    machine = get_lifecycle("spark").instance
    result = "GET RESULT"

    assert machine
    assert machine.initial == "RUNNING"
    edges = {(source, target) for source, target in machine.edges if result not in (source, target)}
    assert edges == {(source, target) for source, targets in SPARK_INSTANCE.items() for target in targets.split()}
    assert machine.sources(result) == {"RUNNING"}
    assert machine.next_statuses(result) == machine.next_statuses("RUNNING") - {result}


@pytest.mark.parametrize("name", MACHINES)
def test_every_edge_says_what_makes_it_happen(name: str) -> None:
    machine, _, _ = MACHINES[name]

    assert machine
    assert all(cause for edges in machine.transitions.values() for cause in edges.values())


@pytest.mark.parametrize("name", ENDS)
def test_what_ends_a_task(name: str) -> None:
    assert get_lifecycle(name).task.terminal == set(ENDS[name].split())


@pytest.mark.parametrize("name", ["pynenc", "fetch_ml"])
def test_what_ends_it_is_final_where_nothing_follows(name: str) -> None:
    machine, table, _ = MACHINES[name]

    assert machine
    assert machine.final == machine.terminal == {status for status, targets in table.items() if not targets}


def test_pynencs_flags() -> None:
    machine = get_lifecycle("pynenc").task
    owned = {"PENDING", "RUNNING", "PAUSED"}

    assert machine.available_for_run == {"REGISTERED", "REROUTED", "RETRY"}
    assert machine.requires_ownership == owned
    assert machine.acquires == {"PENDING"}
    assert machine.releases == set(PYNENC) - owned
    assert machine.overrides == {"PENDING_RECOVERY", "RUNNING_RECOVERY"}


@pytest.mark.parametrize("name", [name for name in shipped() if name != "pynenc"])
def test_no_other_lifecycle_lets_only_owners_act(name: str) -> None:
    lifecycle = get_lifecycle(name)
    ownership = set(STATUS_SETS) - {"starts_in", "terminal", "final", "transient", "failures", *DISPLAY_FIELDS}
    if name == "prefect":  # a run belongs to the runner that is named, and anybody may end it
        ownership -= {"adopts", "releases"}

    for machine in filter(None, (lifecycle.task, lifecycle.instance)):
        assert not any(getattr(machine, flag) for flag in ownership)


def test_what_only_says_how_to_read_a_status_decides_nothing() -> None:
    jobmon = get_lifecycle("jobmon")
    unread = jobmon.model_copy(
        update={
            "instance": jobmon.instance
            and jobmon.instance.model_copy(update=dict.fromkeys(DISPLAY_FIELDS, frozenset()))
        }
    )
    causes = dict.fromkeys(jobmon.task.transitions["RUNNING"], "a better explanation")
    reworded = jobmon.model_copy(
        update={"task": jobmon.task.model_copy(update={"transitions": jobmon.task.transitions | {"RUNNING": causes}})}
    )
    without_end = jobmon.model_copy(update={"task": jobmon.task.model_copy(update={"terminal": frozenset({"DONE"})})})

    assert unread != jobmon
    assert unread.has_same_transitions(jobmon)
    assert reworded != jobmon
    assert reworded.has_same_transitions(jobmon)
    assert not without_end.has_same_transitions(jobmon)
