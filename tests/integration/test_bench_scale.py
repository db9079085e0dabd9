"""`sojourn bench --scale`: a log that grows by workflows, as one service writes it, and what each question costs."""

import os

import psycopg
import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from interfaces.cli.commands.bench import SIZES, app, read_sizes
from sojourn.bench.cases import measure_growth
from sojourn.bench.questions import run_scale
from sojourn.bench.scratch import scratch_database
from tests.support.databases import Server

pytestmark = pytest.mark.one_server

QUESTIONS = [
    "why (attempt)", "orphans", "orphans --workflow", "orphans --at", "report --workflow", "attempts",
    "concurrency --bucket", "diff (a day)", "time-in-status", "transition", "verify",
]  # fmt: skip


def test_each_question_is_asked_at_each_size_of_a_log_that_holds(server: Server) -> None:
    steps: set[str] = set()

    costs = list(run_scale(server.dsn, [3_000, 1], lambda what, *_: steps.add(what), workflow_tasks=20))

    first, second = costs[: len(QUESTIONS)], costs[len(QUESTIONS) :]
    assert [cost["question"] for cost in first] == [cost["question"] for cost in second] == QUESTIONS
    assert 1 <= first[0]["size"] < 3_000 <= second[0]["size"]
    assert {cost["ratio"] for cost in first} == {1.0}
    assert [cost["mismatches"] for cost in costs if cost["question"] == "verify"] == [0, 0]
    assert "Growing to 3,000 events" in steps
    assert scratch_databases(server) == []


def test_what_ends_early_has_yielded_its_figures_and_leaves_no_database(server: Server) -> None:
    measured = run_scale(server.dsn, [1], lambda *_: None, workflow_tasks=5)

    assert next(measured)["question"] == QUESTIONS[0]
    assert len(scratch_databases(server)) == 1
    measured.close()

    assert scratch_databases(server) == []


def test_the_partitions_of_the_log_count_in_the_bytes_of_a_transition(server: Server) -> None:
    with scratch_database(server.dsn) as scratch:
        figure = measure_growth(scratch, 100)
        with psycopg.connect(scratch.dsn) as connection:
            row = connection.execute("SELECT pg_total_relation_size('sojourn.stored_event_1')").fetchone()
            transitions = connection.execute("SELECT count(*) FROM sojourn.transition").fetchone()

    assert row is not None
    assert transitions is not None
    assert figure["bytes_per_transition"] > row[0] / transitions[0] > 0


def scratch_databases(server: Server) -> list[str]:
    """Return the scratch databases of this process."""
    with psycopg.connect(server.dsn) as connection:
        rows = connection.execute("SELECT datname FROM pg_database").fetchall()
    return [name for (name,) in rows if name.startswith(f"sojourn_bench_{os.getpid()}_")]


def test_sizes_are_read_in_thousands_and_millions() -> None:
    assert read_sizes("3m,500K,7,1M") == [7, 500_000, 1_000_000, 3_000_000]
    for text in ("", "1M,", "0", "1.5M", "many", "9999999999"):
        with pytest.raises(typer.BadParameter, match="is not a number of events"):
            read_sizes(text)
    refused = CliRunner().invoke(app, ["--scale", "big"])
    assert refused.exit_code == 2
    assert "'big' is not a number of events" in refused.output


@pytest.mark.parametrize(
    ("words", "sizes"),
    [
        (["--scale"], SIZES),
        (["--scale", "--json"], SIZES),
        (["--quick", "--scale", "500K"], "500K"),
        (["--scale=3M", "--json"], "3M"),
        (["--json"], None),
    ],
)
def test_a_log_grows_to_the_usual_sizes_where_none_are_given(words: list[str], sizes: str | None) -> None:
    context = get_command(app).make_context("bench", list(words))

    assert context.params["scale"] == sizes
    assert context.params["as_json"] == ("--json" in words)
