"""The API against unusual requests, which schemathesis makes from its OpenAPI document."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from application.maintain.tokens import Scope, create_token
from application.transition_service import TransitionService
from tests.support.attempts import attempt, register
from tests.support.serving import Serving, serving

SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
EXAMPLES = 6
"""How many requests of each kind each route gets."""


@pytest.fixture
def served(service: TransitionService) -> Iterator[Serving]:
    """A server on a database that holds the entities of the examples."""
    register(service, "align", workflow_id="my-workflow")
    attempt(service, "align")
    create_token(service.store, "dashboard", Scope.READ)
    with serving(service.dsn) as started:
        started.headers["Authorization"] = f"Bearer {create_token(service.store, 'fuzz', Scope.ADMIN)}"
        yield started


@pytest.mark.parametrize("server", ["embedded"], indirect=True)  # the edge is the same on every server
def test_no_request_causes_a_server_error(served: Serving, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            SCHEMATHESIS, "run", f"{served.url}/openapi.json", "--checks", ",".join(CHECKS),
            "--exclude-path-regex", "/events$", "--max-examples", str(EXAMPLES), "--seed", "1", "--workers", "1",
            "--no-color", "--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all",
            "--header", f"Authorization: {served.headers['Authorization']}",
        ],
        capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path,
    )  # fmt: skip

    summary = done.stdout[done.stdout.rfind("=== SUMMARY") :]
    sys.stdout.write(summary)
    assert done.returncode == 0, done.stdout[done.stdout.find("=== FAIL") :] + done.stderr[-2_000:]
    assert served.process.poll() is None
