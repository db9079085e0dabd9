"""Run every check on a database, in an order in which each can rely on the ones before it."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.errors import InsufficientPrivilege

from application.doctor import activity_checks, schema_checks, server_checks
from application.doctor.examination import Examination, Limits
from application.doctor.finding import Finding, well, wrong
from domain.errors import SojournError
from infrastructure.database.pool import Database, resolve_dsn

Check = Callable[[Examination], Iterator[Finding]]


def examine_database(dsn: str | None = None, limits: Limits | None = None) -> list[Finding]:
    """Return what every check has found on the database of a DSN; nothing is created or changed there.

    A database that does not answer is a finding, and so is one without Sojourn's schema.
    """
    try:
        with Database(resolve_dsn(dsn)).dedicated() as connection:
            return [_describe(connection), *_examine(Examination(connection, limits or Limits()))]
    except SojournError as error:
        return [wrong("connection", "none", str(error))]
    except psycopg.Error as error:
        why = " ".join(str(error).split())
        return [wrong("connection", "none", f"the server refused what every connection sets ({why}); look at its log")]


def _describe(connection: Connection[Any]) -> Finding:
    info = connection.info
    return well("connection", f"{info.user} at {info.host or 'this machine'}, database {info.dbname} in UTF8")


def _examine(examination: Examination) -> Iterator[Finding]:
    yield from _run((*server_checks.CHECKS, schema_checks.check_rights), examination)
    schema = list(schema_checks.check_schema(examination))
    yield from schema
    if all(finding["ok"] for finding in schema):
        yield from _run(schema_checks.CHECKS, examination)
        yield from _run(activity_checks.CHECKS, examination)


def _run(checks: tuple[Check, ...], examination: Examination) -> Iterator[Finding]:
    for check in checks:
        name = check.__name__.removeprefix("check_").replace("_", "-")
        try:
            yield from check(examination)
        except InsufficientPrivilege:
            yield well(name, None, "this user may not see it; let a member of pg_monitor run `sojourn doctor`")
        except psycopg.DatabaseError as error:
            yield wrong(name, None, f"the check failed ({' '.join(str(error).split())}); look at the server's log")
