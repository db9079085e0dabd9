"""The jobs of maintenance, one a file: each does what is due, and returns how far it has come."""

from collections.abc import Callable, Mapping

from application.maintain.jobs.partitions import keep_partitions
from application.maintain.jobs.seals import keep_sealed, seal_now
from application.maintain.jobs.sketches import keep_sketches
from application.maintain.jobs.sums import keep_sums, sum_now
from application.shared.store import Store

OnStep = Callable[[str], None]
"""Gets a line for people while a job waits or works."""

Job = Callable[[Store, OnStep], int]

JOBS: Mapping[str, Job] = {
    "partitions": keep_partitions,
    "sketched_to": keep_sketches,
    "summed_to": keep_sums,
    "sealed_to": keep_sealed,
}
"""What `sojourn maintain` prints -> the job that returns it, in the order in which they run."""

JOBS_AT_ONCE: Mapping[str, Job] = {**JOBS, "summed_to": sum_now, "sealed_to": seal_now}
"""The jobs of `sojourn maintain --once`, which leaves nothing for later."""
