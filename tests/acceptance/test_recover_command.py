"""`sojourn heartbeat` and `sojourn recover` as people and shell scripts run them."""

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from application.transition_service import TaskSpec, TransitionService
from tests.support.agreement import rows
from tests.support.command_line import SOJOURN, run
from tests.support.waiting import wait_for

LONG_AGO = datetime.now(UTC) - timedelta(hours=1)


def sojourn(service: TransitionService, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SOJOURN, *arguments],
        env=os.environ | {"SOJOURN_DSN": service.dsn}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_a_worker_that_went_away_and_came_back(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("t")], lifecycle="pynenc", occurred_at=LONG_AGO)
    service.heartbeat("node7", 600, occurred_at=LONG_AGO)
    for status in ("PENDING", "RUNNING"):
        service.transition_task("t", status, runner_id="node7", occurred_at=LONG_AGO)

    patient = run(service, "recover", "--runner-dead-after", "2h", "--json")
    dry = run(service, "recover", "--dry-run")
    recovered = run(service, "recover", "--json")
    back = run(service, "heartbeat", "node7", "--for", "90s")
    past = run(service, "history", "runner:node7")

    assert (patient.exit_code, json.loads(patient.stdout)["recovered"]) == (0, [])
    assert "task:t" in dry.stdout
    assert dry.stdout.endswith("Would recover: 1; left alone: 0; silent: 0.\n")
    assert (recovered.exit_code, recovered.stderr) == (0, "")
    assert json.loads(recovered.stdout) == {
        "recovered": [
            {
                "entity": "task:t",
                "from": "RUNNING",
                "to": "REROUTED",
                "way": ["RUNNING_RECOVERY", "REROUTED"],
                "owner": "node7",
                "reason": "its runner 'node7' has been silent for more than 600 s",
            }
        ],
        "skipped": [],
        "lapsed": [],
    }
    assert "must send its next heartbeat by" in back.stdout
    assert "its tasks may have been recovered" in back.stderr
    assert "silent since" in past.stdout
    assert "back after" in past.stdout


def test_a_task_that_cannot_be_decided_on(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    service.register_tasks("w", [TaskSpec("t")], lifecycle="pynenc", occurred_at=LONG_AGO)
    service.transition_task("t", "PENDING", runner_id="node7", occurred_at=LONG_AGO)
    connection.execute("""UPDATE sojourn.task SET state = '{"broken": 1}'""")

    recovered = run(service, "recover")

    assert (recovered.exit_code, recovered.stderr) == (1, "")
    assert "left alone" in recovered.stdout


def test_heartbeat_every_repeats_until_the_process_it_watches_has_ended(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    with (
        subprocess.Popen(["cat"], stdin=subprocess.PIPE) as work,
        subprocess.Popen(
            [SOJOURN, "heartbeat", "node7", "--every", "50ms", "--while", str(work.pid), "--json"],
            env=os.environ | {"SOJOURN_DSN": service.dsn}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as heartbeats,
    ):  # fmt: skip
        wait_for_heartbeat_after(connection, "begun_at")
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        wait_for_heartbeat_after(connection, f"'{datetime.now(UTC).isoformat()}'")
        assert heartbeats.poll() is None
        assert work.stdin
        work.stdin.close()
        printed, warned = heartbeats.communicate(timeout=60)

    assert heartbeats.returncode == 0
    (lease,) = rows(connection, "SELECT * FROM sojourn.lease")
    assert datetime.fromisoformat(json.loads(printed)["report_by"]) == lease["report_by"]
    assert warned.startswith("heartbeat failed, retrying")


def wait_for_heartbeat_after(connection: psycopg.Connection[Any], time_of: str) -> None:
    wait_for(lambda: rows(connection, f"SELECT FROM sojourn.lease WHERE heartbeat_at > {time_of}"))


def test_wrong_requests_print_a_sentence_and_exit_with_2(service: TransitionService) -> None:
    failed = [
        sojourn(service, *arguments)
        for arguments in (
            ["heartbeat", "node7", "--for", "soon"],
            ["heartbeat", "node7", "--while", "1"],
            ["recover", "--max-pending", "-1s"],
            ["history", "runner:node8"],
        )
    ]

    assert [(one.returncode, one.stdout) for one in failed] == [(2, "")] * len(failed)
    assert "write it like 90s, 5m or 1h 30m" in failed[0].stderr
    assert "--every" in failed[1].stderr
    assert "no runner 'node8'" in failed[3].stderr
