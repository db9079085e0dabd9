"""What an error of a command becomes on standard error."""

import errno
import os

import pytest

from domain.errors import UnknownStatus
from interfaces.cli.failure import EXIT_USAGE, LONGEST_SENTENCE, cli_errors, fail


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (UnknownStatus("RUNING", ["RUNNING"]), "no status 'RUNING'; did you mean 'RUNNING'?"),
        (
            FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "x"),
            "'x' cannot be used: No such file or directory",
        ),
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), "the operating system refused a call: Too many open files"),
        (MemoryError(), "this machine has no memory left for the answer; ask for less, such as one workflow"),
        (
            ZeroDivisionError("by zero"),
            "unexpected ZeroDivisionError: by zero; SOJOURN_TRACEBACK=1 shows where, for a report of this mistake",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_it_is_one_sentence(error: Exception, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left, cli_errors():
        raise error

    assert left.value.code == EXIT_USAGE
    assert capsys.readouterr() == ("", f"sojourn: {sentence}\n")


def test_a_long_sentence_keeps_its_beginning_and_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        fail(f"time {'9' * 2**20} cannot be read; write it like this")

    printed = capsys.readouterr().err
    assert len(printed) < LONGEST_SENTENCE + 30
    assert printed.startswith("sojourn: time 9999")
    assert printed.endswith("9999 cannot be read; write it like this\n")
