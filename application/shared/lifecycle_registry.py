"""The lifecycles that this database knows, each kept under its name and version for good."""

from pathlib import Path

from psycopg.types.json import Json

from application.shared.lifecycle_source import find_lifecycle
from domain.errors import LifecycleConflict, UnknownLifecycle
from domain.lifecycles import get_lifecycle, shipped
from domain.lifecycles.lifecycle import Lifecycle
from infrastructure.database.pool import Database
from infrastructure.sql import query


class LifecycleRegistry:
    """Finds lifecycles by what tasks are pinned to, and pins new ones."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pinned: dict[tuple[str, int], Lifecycle] = {}

    def pinned(self, name: str, version: int) -> Lifecycle:
        """The lifecycle that the log has under that name and version; raises UnknownLifecycle."""
        if (name, version) not in self._pinned:
            self._pinned[name, version] = self._read(name, version)
        return self._pinned[name, version]

    def find(self, source: str | Path | Lifecycle) -> Lifecycle:
        """The lifecycle itself, in that TOML file, or of that name; raises UnknownLifecycle or LifecycleFileInvalid."""
        if isinstance(source, str) and not source.endswith(".toml"):
            return self.named(source)
        return find_lifecycle(source)

    def named(self, name: str, version: int | None = None) -> Lifecycle:
        """The lifecycle of that name and version; raises UnknownLifecycle.

        Without a version, it is the one that ships with Sojourn, or the newest in the log.
        """
        if version is not None:
            return self.pinned(name, version)
        return get_lifecycle(name) if name in shipped() else self.newest(name)

    def newest(self, name: str) -> Lifecycle:
        """The newest version that the log keeps of the lifecycle of that name; raises UnknownLifecycle."""
        with self._database.connection() as connection:
            rows = connection.execute(query("infrastructure", "lifecycles/every_pinned")).fetchall()
        versions = [version for known, version, _ in rows if known == name]
        if not versions:
            raise UnknownLifecycle(name, sorted({*shipped(), *(row[0] for row in rows)}))
        return self.pinned(name, max(versions))

    def pin(self, lifecycle: Lifecycle) -> Lifecycle:
        """Keep the definition with the log; raises LifecycleConflict where another is known under its key.

        What decides nothing, and only says how to read a status, may be told anew.

        In a transaction of its own: two long ones that register under a new lifecycle need not wait for each other.
        """
        if self._pinned.get(lifecycle.key) != lifecycle:
            _raise_unless_as_shipped(lifecycle)
            definition = lifecycle.model_dump(mode="json", by_alias=True)
            with self._database.connection() as connection:
                connection.execute(query("infrastructure", "lifecycles/pin"), [*lifecycle.key, Json(definition)])
                row = connection.execute(query("infrastructure", "lifecycles/pinned"), lifecycle.key).fetchone()
                kept = Lifecycle.model_validate(row[0]) if row else None
                if kept is None or not kept.has_same_transitions(lifecycle):
                    raise LifecycleConflict(*lifecycle.key)
                if kept != lifecycle:
                    connection.execute(
                        query("infrastructure", "lifecycles/replace_definition"), [Json(definition), *lifecycle.key]
                    )
            self._pinned[lifecycle.key] = lifecycle
        return lifecycle

    def kept(self) -> list[tuple[Lifecycle, int]]:
        """Every lifecycle that is kept with the log, and how many tasks live under it."""
        with self._database.connection() as connection:
            rows = connection.execute(query("projections", "read/lifecycles")).fetchall()
        return [(Lifecycle.model_validate(definition), tasks) for definition, tasks in rows]

    def _read(self, name: str, version: int) -> Lifecycle:
        if name in shipped() and get_lifecycle(name).version == version:
            return get_lifecycle(name)
        # Who asks holds a connection of the pool already: if all did, none would get another.
        with self._database.dedicated() as connection:
            row = connection.execute(query("infrastructure", "lifecycles/pinned"), [name, version]).fetchone()
        if row is None:
            raise UnknownLifecycle(name, shipped())
        return Lifecycle.model_validate(row[0])


def _raise_unless_as_shipped(lifecycle: Lifecycle) -> None:
    # Whoever reads a task later takes what ships under that key for its lifecycle.
    ships = get_lifecycle(lifecycle.name) if lifecycle.name in shipped() else None
    if ships and ships.key == lifecycle.key and not ships.has_same_transitions(lifecycle):
        raise LifecycleConflict(*lifecycle.key)
