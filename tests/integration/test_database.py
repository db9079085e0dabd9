"""Which database is used: by argument, environment or home; an unreachable one is an error with a reason."""

from pathlib import Path

import pytest

from application.transition_service import TransitionService
from infrastructure.database.embedded import EmbeddedServer
from infrastructure.database.pool import Database, resolve_dsn
from infrastructure.database.settings import Settings
from infrastructure.errors import DatabaseUnreachable
from sojourn.bench.scratch import scratch_database
from tests.support.attempts import register, status


@pytest.mark.parametrize(
    "wrong",
    [
        "postgresql:///nowhere?host=/nowhere",
        "postgresql://127.0.0.1:1/nowhere?connect_timeout=2",
        "not a dsn",
        "postgresql://%zz",
    ],
)
def test_one_that_cannot_be_reached_says_what_to_check(wrong: str) -> None:
    with pytest.raises(DatabaseUnreachable, match=r"cannot connect to the database .*check --dsn or SOJOURN_DSN"):
        TransitionService.connect(wrong)
    with pytest.raises(DatabaseUnreachable), scratch_database(wrong):
        pass


def test_a_database_that_does_not_exist(dsn: str) -> None:
    with pytest.raises(DatabaseUnreachable, match='database "nowhere" does not exist'):
        Database.reach(f"{dsn} dbname=nowhere")


def test_the_argument_goes_before_the_environment(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOJOURN_DSN", "postgresql:///from_the_environment")

    assert resolve_dsn(dsn) == dsn
    assert resolve_dsn() == "postgresql:///from_the_environment"


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOJOURN_DSN", "")
    monkeypatch.setenv("SOJOURN_HOME", str(tmp_path))

    settings = Settings()

    assert (settings.dsn, settings.home) == (None, tmp_path)
    assert EmbeddedServer(settings.home).status() == "absent"


def test_a_service_says_where_it_is(service: TransitionService, dsn: str) -> None:
    assert service.dsn == dsn
    with TransitionService.connect(service.dsn) as same:
        register(service, "t1")
        assert status(same, "task:t1") == ["REGISTERING"]
