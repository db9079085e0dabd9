"""The roles that a database grants rights to: sojourn_reader and sojourn_writer."""

from typing import Any, LiteralString, NamedTuple

from psycopg import Connection

from infrastructure.sql import query


class MissingRights(NamedTuple):
    """The roles that the server lacks, and the statements that grant the others what they lack."""

    roles: list[str]
    grants: list[str]


def find_missing_rights(connection: Connection[Any]) -> MissingRights:
    """Return the roles and grants that are missing; a schema that is older than sojourn.missing_grant has no grants."""
    known = connection.execute("SELECT to_regclass('sojourn.missing_grant') IS NOT NULL").fetchone()
    grants = _column(connection, query("infrastructure", "schema/missing_grants")) if known == (True,) else []
    return MissingRights(_column(connection, query("infrastructure", "schema/missing_roles")), grants)


def _column(connection: Connection[Any], statement: LiteralString) -> list[str]:
    return [row[0] for row in connection.execute(statement)]
