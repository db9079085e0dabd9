"""Help: each command has it under `-h` and `--help`, and an 80 column terminal shows all of it."""

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from tests.support.command_line import app, command_names


def shown(*words: str) -> str:
    done = CliRunner().invoke(app, words, env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"})
    assert done.exit_code == 0, done
    return done.stdout


@pytest.mark.parametrize("command", list(command_names()), ids=" ".join)
def test_a_command_has_help_that_fits_80_columns(command: list[str]) -> None:
    text = shown(*command, "-h")

    assert text == shown(*command, "--help")
    assert max(map(len, text.splitlines())) <= 80
    _, _, summaries = text.partition("Commands:")
    assert not any(line.endswith("...") for line in summaries.splitlines())


def test_the_version_is_printed() -> None:
    assert shown("--version").startswith("sojourn ")
    assert "Print the version and exit." in shown("--help")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_can_be_installed(shell: str) -> None:
    # Without this setting the shell is that of the parent process, which has no completion where that is sh.
    named = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}

    done = subprocess.run(
        [sys.executable, "-m", "sojourn", "--show-completion", shell],
        env=os.environ | named, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert "_SOJOURN_COMPLETE" in done.stdout
    assert shell in done.stdout
    assert "--install-completion" in shown("--help")


def test_a_shell_gets_completions() -> None:
    asked = {"_SOJOURN_COMPLETE": "complete_bash", "COMP_WORDS": "sojourn time-", "COMP_CWORD": "1"}

    done = subprocess.run(
        [sys.executable, "-m", "sojourn"], env=os.environ | asked, capture_output=True, text=True, check=False
    )

    assert (done.stdout.split(), done.stderr) == (["time-in-status"], "")
