"""What must be true of a database after each round, whatever happened in it."""

from pathlib import Path

import psycopg

from application.replay.verify import verify_log
from application.replay.what_if import try_history
from application.transition_service import TransitionService
from domain.auditing.what_if import Divergence
from tests.faults.journal import compare
from tests.faults.tally import Tally

NEGATIVE = """
SELECT count(*) FROM (
    SELECT duration FROM sojourn.task_status_audit UNION ALL SELECT duration FROM sojourn.task_instance_status_audit
) AS interval WHERE duration < interval '0'
"""


def judge(dsn: str, journals: Path | None, tally: Tally) -> None:
    """Compare the log with the clients' journals, its projections, its lifecycles and its durations."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        if journals is not None:
            compare(connection, journals, tally)
        row = connection.execute(NEGATIVE).fetchone()
    if row != (0,):
        tally.problems.append(f"negative durations: {row}")
    with TransitionService.connect(dsn) as service:
        mismatches = verify_log(service.store)["mismatches"]
        diverged: list[Divergence] = []
        try_history(service.store, None, diverged=diverged.append)
    tally.problems += [f"verify: {mismatch.text}" for mismatch in mismatches[:5]]
    tally.problems += [f"replay: {divergence}" for divergence in diverged[:5]]
