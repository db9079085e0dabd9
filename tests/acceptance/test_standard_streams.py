"""A full disk, a closed stream, a reader that has gone, another encoding: a sentence and a status, no traceback."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from application.transition_service import TaskSpec, TransitionService
from tests.support.command_line import SOJOURN, Done, run_on, run_without_reader
from tests.support.every_command import READING, arguments

TASK = "Zürich 東京"
COMMANDS = {
    "for people": f"history 'task:{TASK}'",
    "json": f"history 'task:{TASK}' --json",
    "an export": "export --format csv -o -",
    "version": "--version",
}


@pytest.fixture
def service(service: TransitionService) -> TransitionService:
    service.register_tasks("w", [TaskSpec(TASK)], reason="wähle", actor="worker")
    return service


def shell(service: TransitionService, script: str, **environment: str) -> Done:
    """Run a line of shell, in which `$S` is the program and `$?` of the program is the status."""
    done = subprocess.run(
        ["bash", "-c", script],
        env=os.environ | {"S": SOJOURN, "SOJOURN_DSN": service.dsn, **environment},
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_full_disk_is_a_sentence(service: TransitionService, command: str) -> None:
    done = shell(service, f"$S {command} > /dev/full")

    assert done == (2, "", "sojourn: standard output cannot be written: No space left on device\n")


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_closed_output_is_a_sentence(service: TransitionService, command: str) -> None:
    done = shell(service, f"$S {command} >&-")

    assert done.status == 2
    assert done.stderr == (
        "sojourn: standard output cannot be written: it is closed; redirect it to a file or to /dev/null\n"
    )


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_reader_that_has_gone_is_no_error(service: TransitionService, command: str) -> None:
    done = shell(service, f"$S {command} | true; exit ${{PIPESTATUS[0]}}")

    assert done.status == 0
    assert "Traceback" not in done.stderr
    assert "sojourn:" not in done.stderr


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["for people", "json"])
@pytest.mark.parametrize("command", READING)
def test_no_command_takes_a_reader_that_has_gone_for_a_failure(
    service: TransitionService, tmp_path: Path, command: str, form: list[str]
) -> None:
    service.register_tasks("w", [TaskSpec(f"t{number}") for number in range(10)])
    service.gate_tasks_for_queueing(["t1"])
    service.create_task_instances({"t1/1": "t1"})
    (tmp_path / "sla.toml").write_text('[[limit]]\nstatus = "QUEUED"\nmax_duration = "1m"\n')

    done = run_without_reader(*arguments(READING, command, tmp_path), *form, "--dsn", service.dsn)

    assert done.status == 0, done
    assert "Broken" not in done.stderr


@pytest.mark.parametrize("commands", ["report --workflow w -o", "export --format csv -o"])
def test_a_file_can_be_standard_output(service: TransitionService, tmp_path: Path, commands: str) -> None:
    write = f"cd {tmp_path} && $S {commands} - > piped && $S {commands} named"
    piped = shell(service, f"{write} && head -n 1 piped | cmp - <(head -n 1 named) && ls")
    as_json = run_on(service.dsn, *commands.split(), "-", "--json")

    assert (piped.status, piped.stderr.count("to standard output")) == (0, 1), piped
    assert piped.stdout.splitlines()[-2:] == ["named", "piped"]
    assert (as_json.status, as_json.stdout) == (2, "")
    assert "standard output cannot be both" in as_json.stderr


def test_a_case_is_not_written_to_standard_output(service: TransitionService) -> None:
    done = run_on(service.dsn, "bundle", "--workflow", "w", "-o", "-")

    assert done.status == 2
    assert "standard output is not a case file; name a file" in done.stderr


def test_a_closed_output_changes_nothing(service: TransitionService) -> None:
    created = shell(service, "$S token create somebody >&-")

    assert created.status == 2
    assert json.loads(shell(service, "$S token list --json").stdout) == []


@pytest.mark.parametrize("stream", ["2>&-", "2>/dev/full"])
def test_messages_that_nobody_gets_change_no_status(service: TransitionService, stream: str) -> None:
    answered = shell(service, f"$S -v audit --at 2020-01-01T00:00:00Z {stream}")
    wrong = shell(service, f"$S history task:none {stream}")
    misused = shell(service, f"$S history {stream}")

    assert (answered.status, wrong.status, misused.status) == (0, 2, 2)
    assert (answered.stderr, wrong, misused) == ("", (2, "", ""), (2, "", ""))


def test_a_closed_input_is_a_sentence(service: TransitionService) -> None:
    done = shell(service, "$S import jsonl - <&-")

    assert done == (2, "", "sojourn: standard input cannot be read: it is closed; name a file, or pipe one in\n")


@pytest.mark.parametrize(
    "setting", [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}, {"PYTHONIOENCODING": "ascii"}]
)
def test_any_locale_prints_what_it_can_and_json_means_the_same(
    service: TransitionService, setting: dict[str, str]
) -> None:
    people = shell(service, "$S audit", **setting)
    page = shell(service, "$S -v audit --json", **setting)

    assert (people.status, people.stderr) == (0, "")
    assert TASK in people.stdout or r"Z\xfcrich \u6771\u4eac" in people.stdout
    assert json.loads(page.stdout)[0]["task_id"] == TASK
    assert "unexpected" not in page.stderr


def test_latin_1_gets_json_in_ascii(service: TransitionService) -> None:
    done = shell(service, "$S audit --json", PYTHONIOENCODING="latin-1")

    assert done.stdout.isascii()
    assert json.loads(done.stdout)[0]["task_id"] == TASK
