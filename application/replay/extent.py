"""What of the log is verified: everything, or what came after a seal, with the streams that it belongs to."""

from typing import Any, NamedTuple

from psycopg import Connection

from application.replay.replay import StreamsSince
from application.seals.verify_seals import find_sealed_to
from infrastructure.sql import query


class Extent(NamedTuple):
    """What is verified: what came after a position, and the streams that have it; without streams, everything."""

    after: int = 0
    streams: StreamsSince | None = None

    def has(self, stream: str) -> bool:
        """Return whether all of a stream is read."""
        return self.streams is None or stream in self.streams.whole

    def ids(self, kind: str) -> list[str] | None:
        """Return the ids of the entities of a kind, or None for every one."""
        if self.streams is None:
            return None
        return [stream.removeprefix(f"{kind}:") for stream in self.streams.whole if stream.startswith(f"{kind}:")]


def find_extent(connection: Connection[Any], since: bytes | None) -> Extent:
    """Return the extent of what came after the seal with a root: everything without one, or where no seal has it."""
    after = find_sealed_to(connection, since) if since else 0
    if not after:
        return Extent()
    rows = connection.execute(query("projections", "verify/streams_since"), {"after": after}).fetchall()
    whole = frozenset(stream for stream, is_whole in rows if is_whole)
    return Extent(after, StreamsSince(whole, frozenset(stream for stream, _ in rows) - whole))
