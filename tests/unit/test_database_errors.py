"""Which errors of the database the domain lets through, by their SQLSTATE."""

import psycopg
import pytest
from psycopg import errors

import infrastructure.errors  # noqa: F401  # registers psycopg's errors
from domain.errors import Contention, Interruption


@pytest.mark.parametrize("sqlstate", ["55P03", "40P01", "40001"])
def test_a_lock_deadlock_or_serialization_failure_is_contention(sqlstate: str) -> None:
    error = errors.lookup(sqlstate)()

    assert isinstance(error, Contention)
    assert isinstance(error, Interruption)


@pytest.mark.parametrize("error", [errors.lookup("23505")(), errors.lookup("08006")(), psycopg.OperationalError()])
def test_any_other_error_of_the_database_is_an_interruption_without_contention(error: psycopg.Error) -> None:
    assert isinstance(error, Interruption)
    assert not isinstance(error, Contention)


def test_an_error_of_a_rule_is_neither() -> None:
    assert not isinstance(ValueError(), Interruption)
