"""Help tests to the command line: run its commands in this process, or find the program to start in another."""

import json
import sys
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from application.transition_service import TransitionService
from interfaces.cli.command_line import app

SOJOURN = str(Path(sys.executable).with_name("sojourn"))
"""The installed program."""


def run(service: TransitionService, *arguments: str) -> Result:
    """Run a command in this process, and return its exit code and output."""
    return CliRunner().invoke(app, [*arguments, "--dsn", service.dsn])


def document(service: TransitionService, *arguments: str) -> Any:
    """Run a command that must succeed, and return the document that it prints with --json."""
    done = run(service, *arguments, "--json")
    assert done.exit_code == 0, done
    return json.loads(done.stdout)
