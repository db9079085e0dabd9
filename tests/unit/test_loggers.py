"""Loggers: their names, and that they are silent until a program sets logging up."""

import subprocess
import sys

from infrastructure.loggers import get_logger

WARNS = "from infrastructure.loggers import get_logger; get_logger('connection').warning('lost')"


def test_a_logger_is_named_for_its_topic_wherever_its_module_lies() -> None:
    assert get_logger("retry").name == "sojourn.retry"


def test_a_program_that_sets_no_logging_up_hears_nothing() -> None:
    assert _stderr(WARNS) == ""


def test_the_library_of_the_pool_is_as_silent() -> None:
    assert _stderr("import infrastructure.loggers, logging; logging.getLogger('psycopg.pool').warning('lost')") == ""


def test_a_program_that_sets_logging_up_hears_it() -> None:
    assert _stderr(f"import logging; logging.basicConfig(); {WARNS}") == "WARNING:sojourn.connection:lost\n"


def _stderr(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stderr
