"""Errors about the schema of a database."""

from collections.abc import Sequence

from domain.errors import SojournError


class SchemaOutdated(SojournError):
    """Raised when the database's schema is older than this Sojourn.

    Fix: run `sojourn setup`.
    """

    def __init__(self, pending: Sequence[str]) -> None:
        self.pending = tuple(pending)
        super().__init__(f"the database lacks {', '.join(pending)}; run `sojourn setup`")


class SchemaNewer(SojournError):
    """Raised when a newer Sojourn has set up the database.

    Fix: update Sojourn.
    """

    def __init__(self, unknown: Sequence[str]) -> None:
        self.unknown = tuple(unknown)
        super().__init__(f"the database has {', '.join(unknown)}, which this Sojourn does not know; update Sojourn")


class MigrationEdited(SojournError):
    """Raised when the file of an applied migration has changed.

    Fix: restore the file, and add a new one.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"migration {name} was applied with another content; restore the file, and add a new one")


class SetupForbidden(SojournError):
    """Raised when the database user may not create the schema.

    Fix: let the database's owner run `sojourn setup`.
    """

    def __init__(self, user: str) -> None:
        super().__init__(f"database user {user!r} may not create the schema; let its owner run `sojourn setup`")


class SchemaMissing(SojournError):
    """Raised when a command that only reads finds a database without Sojourn's schema; nothing is created.

    Fix: name another database, or run `sojourn setup`.
    """

    def __init__(self, database: str) -> None:
        self.database = database
        super().__init__(
            f"database {database!r} is not a Sojourn database; run `sojourn setup`, or check --dsn and SOJOURN_DSN"
        )


class SchemaForeign(SojournError):
    """Raised when the database has a schema `sojourn` that Sojourn did not create; nothing has changed.

    Fix: name another database.
    """

    def __init__(self, database: str, contents: Sequence[str]) -> None:
        self.database = database
        self.contents = tuple(contents)
        super().__init__(
            f"the schema sojourn of database {database!r} is not Sojourn's: it has {', '.join(contents)}; "
            "name another database with --dsn or SOJOURN_DSN"
        )


class ReadingForbidden(SojournError):
    """Raised when the database user may not read Sojourn's schema.

    Fix: let the database's owner grant the user `sojourn_reader` or `sojourn_writer`.
    """

    def __init__(self, user: str) -> None:
        self.user = user
        super().__init__(
            f"database user {user!r} may not read Sojourn's schema; let its owner run: GRANT sojourn_reader TO "
            f'"{user}"; a service that reports needs sojourn_writer'
        )
