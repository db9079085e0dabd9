"""Every bad input of the table gets its sentence and status, no traceback, and leaves nothing in the log."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from application.replay.verify import verify_log
from application.transition_service import TransitionService
from domain.errors import SojournError
from tests.acceptance.bad_inputs import CALLS, COMMANDS, FILES, REQUESTS, STATEMENTS, Call, Command, Request, Statement
from tests.support.almost_right import SAMPLES
from tests.support.command_line import run_program
from tests.support.importing import imported
from tests.support.serving import Serving, serving

TABLES = """
SELECT table_name FROM information_schema.tables
WHERE
    table_schema = 'sojourn' AND table_type = 'BASE TABLE'
    AND table_name NOT IN ('checkpoint', 'seal', 'seal_seed', 'stay_sketch') -- maintenance in `serve` writes these
ORDER BY table_name
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "loop").symlink_to("loop")
    return tmp_path


@pytest.fixture
def log(service: TransitionService) -> TransitionService:
    """A log with what the samples of every format have."""
    for format_name, lines in SAMPLES.items():
        assert imported(service, format_name, "\n".join(lines), zone="Europe/Berlin")["bad"] == 0
    return service


def test_each_gets_a_sentence_and_leaves_nothing(
    log: TransitionService,
    connection: psycopg.Connection[Any],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = rows_of_tables(connection)

    wrong = [
        *(found for row in COMMANDS if (found := try_command(row, log.dsn, folder, monkeypatch))),
        *try_requests(log.dsn),
        *(found for call in CALLS if (found := try_call(call, log))),
        *(found for statement in STATEMENTS if (found := try_statement(statement, log.dsn))),
    ]

    assert not wrong, "\n".join(wrong)
    assert rows_of_tables(connection) == before
    assert verify_log(log.store)["mismatches"] == []
    number = len(COMMANDS) + len(REQUESTS) + len(CALLS) + len(STATEMENTS)
    assert number >= 100
    with capsys.disabled():
        print(f"\n{number} bad inputs, 0 tracebacks, nothing half-stored")  # noqa: T201 - the count that is asked for


def rows_of_tables(connection: psycopg.Connection[Any]) -> dict[str, int]:
    names = [name for (name,) in connection.execute(TABLES)]
    return {name: count_rows(connection, name) for name in names}


def count_rows(connection: psycopg.Connection[Any], table: str) -> int:
    statement = SQL("SELECT count(*) FROM sojourn.{}").format(Identifier(table))
    (number,) = connection.execute(statement).fetchone() or (0,)
    return int(number)


def try_command(row: Command, dsn: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what is wrong with the program's answer, or nothing."""
    arguments = [argument.replace("{folder}", str(folder)) for argument in row.arguments]
    with monkeypatch.context() as patched:
        patched.setenv("SOJOURN_DSN", dsn)
        for name, value in row.environment.items():
            patched.setenv(name, value)
        done = run_program(*arguments, stdin=row.stdin)
    said = f"{done.stdout}\n{done.stderr}"
    calm = "Traceback" not in said and "sojourn: unexpected" not in said and len(done.stderr) < 5_000
    if (done.status, row.sentence in said, calm) == (row.status, True, True):
        return ""
    return f"{[argument[:60] for argument in arguments]} -> {done.status} {said[:500]!r}, not {row.sentence!r}"


def try_requests(dsn: str) -> Iterator[str]:
    """Yield what is wrong with the server's answers."""
    with serving(dsn) as server:
        for row in REQUESTS:
            status, answer = ask(server, row)
            problem = json.loads(answer) if answer else {}
            fits = status == row.status and row.sentence in str(problem.get("detail"))
            if not fits or problem.get("type") == "mistake":
                yield f"{row.method} {row.path[:60]} -> {status} {answer[:500]!r}, not {row.status} {row.sentence!r}"
        if "Traceback" in server.stderr():
            yield server.stderr()[-3_000:]


def ask(server: Serving, row: Request) -> tuple[int, str]:
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    try:
        connection.request(row.method, row.path, row.body, row.headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def try_call(row: Call, service: TransitionService) -> str:
    """Return what is wrong with the error of a call."""
    try:
        returned = row.call(service)
    except (SojournError, TypeError, ValueError) as error:
        names = [kind.__name__ for kind in type(error).__mro__]
        fits = row.error in names and row.sentence in str(error) and len(str(error)) < 2_000
        return "" if fits else f"{row.error} {row.sentence!r}, but {type(error).__name__}: {str(error)[:300]}"
    return f"{row.error} {row.sentence!r}, but it returned {returned!r}"


def try_statement(row: Statement, dsn: str) -> str:
    """Return what is wrong with the error of a statement."""
    try:
        with psycopg.connect(dsn, autocommit=True) as analyst:
            analyst.execute(row.sql)
    except psycopg.Error as error:
        return "" if row.sentence in str(error) else f"{row.sql} -> {error}, not {row.sentence!r}"
    return f"{row.sql} is not refused"
