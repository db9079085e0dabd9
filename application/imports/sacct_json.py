"""Reads the jobs of `sacct --json` as the columns that `sacct --parsable2` prints of them.

The shapes of Slurm 21.08 to 25.05 differ: a number is a number (with 4294967294 for none) or an object of `set`,
`infinite` and `number`; the state is a text or a list of texts; the cluster is the job's, or that of the whole file.
"""

from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

NO_VALUE = 2**32 - 8
"""The first of the numbers by which Slurm means none, unknown or without limit."""

NO_JOBS = "is not `sacct --json` output: it has no list of jobs"

Columns = dict[str, str | None]


def parse_jobs(text: bytes) -> tuple[list[Any], str | None]:
    """Return the jobs of a file, and the cluster that it names.

    Raises:
        ValueError: the text is not JSON, or has no jobs.
    """
    document = from_json(text)
    jobs = document.get("jobs") if isinstance(document, dict) else None
    if not isinstance(jobs, list):
        raise ValueError(NO_JOBS)
    meta = _object(document.get("meta"))
    return jobs, _text((_object(meta.get("slurm")) or _object(meta.get("Slurm"))).get("cluster"))


def columns_of(job: Mapping[str, Any], cluster: str | None) -> Columns:
    """Return the columns of a job, by their names in lower case."""
    times = _object(job.get("time"))
    user = _text(job.get("user")) or _text(_object(job.get("association")).get("user"))
    return {
        "jobid": _job_id(job),
        "cluster": _text(job.get("cluster")) or cluster,
        "user": user,
        "submit": _time(times.get("submission")),
        "eligible": _time(times.get("eligible")),
        "start": _time(times.get("start")),
        "end": _time(times.get("end")),
        "elapsed": None,
        "exitcode": _exit_code(_object(job.get("exit_code"))),
        "state": _state(job),
        "nodelist": _nodes(job),
        "alloccpus": None,
        "jobname": _text(job.get("name")),
        "reason": _text(_object(job.get("state")).get("reason")),
        "restarts": str(_number(job.get("restart_cnt")) or ""),
        "flags": _flags(job.get("flags")),
        "partition": _text(job.get("partition")),
    }


def _job_id(job: Mapping[str, Any]) -> str:
    array, het = _object(job.get("array")), _object(job.get("het"))
    array_id, element, rest = (_number(array.get("job_id")), _number(array.get("task_id")), _text(array.get("task")))
    if array_id and element is not None:
        return f"{array_id}_{element}"
    if array_id and rest:
        return f"{array_id}_[{rest.strip('[]')}]"
    if het_id := _number(het.get("job_id")):
        return f"{het_id}+{_number(het.get('job_offset')) or 0}"
    return str(job["job_id"])


def _state(job: Mapping[str, Any]) -> str:
    current = _object(job.get("state")).get("current")
    states = [current] if isinstance(current, str) else list(current or ())
    # The first is the state itself, and the others say more; but of a job that is put back, sacct prints that it is.
    state = "REQUEUED" if "REQUEUED" in states else states[0] if states else ""
    killer = _text(job.get("kill_request_user"))
    return f"{state} by {killer}" if state == "CANCELLED" and killer else state


def _nodes(job: Mapping[str, Any]) -> str | None:
    return "" if _number(job.get("allocation_nodes")) == 0 else _text(job.get("nodes"))


def _flags(value: object) -> str | None:
    if isinstance(value, list):
        return ",".join(flag for flag in value if isinstance(flag, str))
    return _text(value)


def _exit_code(code: Mapping[str, Any]) -> str | None:
    signal = _object(code.get("signal"))
    signal_id = _number(signal.get("signal_id", signal.get("id"))) or 0
    return f"{_number(code.get('return_code')) or 0}:{signal_id}"


def _time(value: object) -> str:
    number = _number(value)
    return str(number) if number else ""


def _number(value: object) -> int | None:
    if isinstance(value, dict):
        value = value.get("number") if value.get("set") and not value.get("infinite") else None
    return value if isinstance(value, int) and value < NO_VALUE else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
