"""Settings from the environment: each value that a variable cannot have is a sentence that names the variable."""

import os
import subprocess
import sys

import pytest

from domain.errors import SojournError
from infrastructure.database.settings import HttpSettings, InvalidSetting, Settings

UNUSABLE = [
    ("SOJOURN_CLOCK_TOLERANCE", "soon", "is not a duration like 60s or 5m"),
    ("SOJOURN_CLOCK_TOLERANCE", "-1", "is not a duration like 60s or 5m"),
    ("SOJOURN_CLOCK_TOLERANCE", "9" * 5_000, "is not a duration like 60s or 5m"),
    ("SOJOURN_HTTP_POOL_SIZE", "ten", "is not a whole number from 2 on"),
    ("SOJOURN_HTTP_POOL_SIZE", "1", "is not a whole number from 2 on"),
    ("SOJOURN_HTTP_POOL_WAIT_SECONDS", "0", "is not a number of seconds above 0"),
    ("SOJOURN_HTTP_ANSWER_SECONDS", "a minute", "is not a number of seconds above 0"),
    ("SOJOURN_HTTP_MAX_BODY_BYTES", "16MiB", "is not a number of bytes from 1024 on"),
]


@pytest.mark.parametrize(("variable", "value", "why"), UNUSABLE)
def test_a_value_that_cannot_be_used_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, why: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(InvalidSetting) as raised:
        HttpSettings() if "HTTP" in variable else Settings()

    assert str(raised.value).startswith(f"{variable} {value!r} {why}; correct it")
    assert (raised.value.variable, raised.value.value) == (variable, value)
    assert isinstance(raised.value, SojournError)


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("5m", 300), ("0", 0), ("1.5s", 1.5), ("", 60)])
def test_the_tolerance_is_seconds_or_a_duration(monkeypatch: pytest.MonkeyPatch, text: str, seconds: float) -> None:
    monkeypatch.setenv("SOJOURN_CLOCK_TOLERANCE", text)

    assert Settings().clock_tolerance == seconds


@pytest.mark.parametrize(("arguments", "variable"), [
    (["status", "task:t1"], "SOJOURN_CLOCK_TOLERANCE"), (["serve"], "SOJOURN_HTTP_POOL_SIZE"),
])  # fmt: skip
def test_the_command_line_prints_the_sentence(arguments: list[str], variable: str) -> None:
    environment = os.environ | {variable: "x", "SOJOURN_DSN": "postgresql://127.0.0.1:1/none?connect_timeout=1"}

    ended = subprocess.run(
        [sys.executable, "-m", "sojourn", *arguments],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"sojourn: {variable} 'x' is not ")
    assert "Traceback" not in ended.stderr
