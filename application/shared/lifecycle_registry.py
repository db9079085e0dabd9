"""The registry of lifecycles: each definition is stored in the database under its name and version, permanently."""

from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.types.json import Json
from pydantic import ValidationError

from application.shared.lifecycle_source import find_lifecycle
from application.shared.retry import reporting_loss
from domain.errors import LifecycleConflict, LifecycleInvalid, UnknownLifecycle
from domain.lifecycles import get_lifecycle, shipped, ships
from domain.lifecycles.lifecycle import Lifecycle
from infrastructure.database.pool import Database
from infrastructure.lock_timeout import naming_lock_holders
from infrastructure.sql import query


class LifecycleRegistry:
    """Finds the lifecycles that tasks are pinned to, and stores new ones."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_key: dict[tuple[str, int], Lifecycle] = {}
        self._connections_opened = 0

    def resolve(self, source: str | Path | Lifecycle) -> Lifecycle:
        """Return the lifecycle itself, the one that a TOML file defines, or the one of a name.

        Raises:
            UnknownLifecycle: neither Sojourn nor the log has a lifecycle of that name.
            LifecycleFileInvalid: the file cannot be read or used.
        """
        if isinstance(source, str) and not source.endswith(".toml"):
            return self.by_name(source)
        return find_lifecycle(source)

    def by_name(self, name: str, version: int | None = None) -> Lifecycle:
        """Return the lifecycle of a name and version; without a version, the shipped one or else the latest stored.

        Raises:
            UnknownLifecycle: there is none.
        """
        if version is not None:
            return self.by_key(name, version)
        return get_lifecycle(name) if ships(name) else self.latest(name)

    def latest(self, name: str) -> Lifecycle:
        """Return the latest stored version of the lifecycle of a name.

        Raises:
            UnknownLifecycle: no version is stored.
        """
        with self._database.connection() as connection:
            rows = connection.execute(query("infrastructure", "lifecycles/every_pinned")).fetchall()
        versions = [version for stored_name, version, _ in rows if stored_name == name]
        if not versions:
            raise UnknownLifecycle(name, sorted({*shipped(), *(row[0] for row in rows)}))
        return self.by_key(name, max(versions))

    def by_key(self, name: str, version: int) -> Lifecycle:
        """Return the lifecycle that tasks are pinned to by that name and version.

        Raises:
            UnknownLifecycle: there is none.
        """
        self._forget_if_reconnected()
        known = self._by_key.get((name, version))
        if known is None:
            known = self._by_key[name, version] = self._read(name, version)
        return known

    def is_current(self, lifecycle: Lifecycle) -> bool:
        """Return whether a lifecycle that was found before is still the one of its name and version."""
        self._forget_if_reconnected()
        return self._by_key.get(lifecycle.key) is lifecycle

    def save(self, lifecycle: Lifecycle) -> Lifecycle:
        """Store a lifecycle, so that tasks can be pinned to it, and return it.

        What a stored definition says about reading a status may change; what decides about transitions may not. It is
        written in a transaction of its own: two long ones that register under a new lifecycle need not wait for each
        other.

        Raises:
            LifecycleConflict: other transitions ship or are stored under the same name and version.
            ConnectionLost: the connection broke; storing it again has the same effect.
            LockTimeout: others are storing it, and do not end their transaction.
        """
        self._forget_if_reconnected()
        if self._by_key.get(lifecycle.key) != lifecycle:
            _require_shipped_transitions(lifecycle)
            with (
                reporting_loss(safe_to_retry=True),
                self._database.connection() as connection,
                naming_lock_holders(connection, f"lifecycle {lifecycle.name!r}"),
            ):
                _store(connection, lifecycle)
            self._by_key[lifecycle.key] = lifecycle
        return lifecycle

    def stored_lifecycles(self) -> list[tuple[Lifecycle, int]]:
        """Return every stored lifecycle with the number of its tasks."""
        with self._database.connection() as connection:
            rows = connection.execute(query("projections", "read/lifecycles")).fetchall()
        return [(_read_stored(name, version, definition), tasks) for name, version, definition, tasks in rows]

    def every_lifecycle(self) -> list[Lifecycle]:
        """Return every stored lifecycle by name and version, without counting their tasks."""
        with self._database.connection() as connection:
            rows = connection.execute(query("infrastructure", "lifecycles/every_pinned")).fetchall()
        return [_read_stored(*row) for row in sorted(rows, key=lambda row: row[:2])]

    def _forget_if_reconnected(self) -> None:
        # What is stored is never changed, but a database that went back lacks it, and only new connections lead there.
        if self._connections_opened != self._database.opened:
            self._connections_opened = self._database.opened
            self._by_key.clear()

    def _read(self, name: str, version: int) -> Lifecycle:
        if ships(name, version):
            return get_lifecycle(name, version)
        # The caller already holds a pooled connection; taking a second one could deadlock the pool.
        with self._database.dedicated() as connection:
            stored = _stored(connection, name, version)
        if stored is None:
            raise UnknownLifecycle(name, shipped())
        return stored


def _require_shipped_transitions(lifecycle: Lifecycle) -> None:
    # Reading a task of this key later gives the shipped lifecycle, not the stored one.
    if ships(*lifecycle.key) and not get_lifecycle(*lifecycle.key).has_same_transitions(lifecycle):
        raise LifecycleConflict(*lifecycle.key, newest=get_lifecycle(lifecycle.name).version)


def _store(connection: Connection[Any], lifecycle: Lifecycle) -> None:
    definition = Json(lifecycle.model_dump(mode="json", by_alias=True))
    connection.execute(query("infrastructure", "lifecycles/pin"), [*lifecycle.key, definition])
    stored = _stored(connection, *lifecycle.key)
    if stored is None or not stored.has_same_transitions(lifecycle):
        raise LifecycleConflict(*lifecycle.key, newest=lifecycle.version)
    if stored != lifecycle:
        connection.execute(query("infrastructure", "lifecycles/replace_definition"), [definition, *lifecycle.key])


def _stored(connection: Connection[Any], name: str, version: int) -> Lifecycle | None:
    row = connection.execute(query("infrastructure", "lifecycles/pinned"), [name, version]).fetchone()
    return _read_stored(name, version, row[0]) if row else None


def _read_stored(name: str, version: int, definition: object) -> Lifecycle:
    try:
        return Lifecycle.model_validate(definition)
    except (ValidationError, LifecycleInvalid) as error:
        problem = f"lifecycle {name!r} version {version} in the log cannot be read by this version; update Sojourn"
        raise LifecycleInvalid([problem]) from error
