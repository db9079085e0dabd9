"""Lines that came before the line that creates their entity. They wait for it, so that importing again adds nothing."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from application.imports.change import BadLine, CreateInstance, ParsedLine, RegisterTask
from application.imports.move_id import MoveId
from domain.entity import TASK, TASK_INSTANCE

MOST_WAITING = 100_000
"""The largest number of lines that wait."""

MOST_BYTES = 64 * 2**20
"""The largest length of the lines that wait, all together."""


class IdentifiedLine(NamedTuple):
    """A line, and for each of its changes the move's id; None for a registration or creation, known by its entity.

    `has_waited` says that it was counted before.
    """

    line: ParsedLine | BadLine
    move_ids: Sequence[MoveId | None] = ()
    has_waited: bool = False

    @property
    def creates(self) -> list[str]:
        """The streams of the entities that the line creates, as far as it names them."""
        return [] if isinstance(self.line, BadLine) else list(_created(self.line))


class WaitingLines:
    """Holds lines by the stream that they wait for, each with why it is bad unless that stream is created."""

    def __init__(self) -> None:
        self._lines: dict[str, list[tuple[IdentifiedLine, BadLine]]] = {}
        self._count = 0
        self._bytes = 0

    def add(self, stream: str, line: IdentifiedLine, bad: BadLine) -> bool:
        """Let `line` wait for `stream`, and return whether there is room for it."""
        size = line.line.size if isinstance(line.line, ParsedLine) else 0
        if self._count >= MOST_WAITING or self._bytes + size > MOST_BYTES:
            return False
        self._lines.setdefault(stream, []).append((line._replace(has_waited=True), bad))
        self._count += 1
        self._bytes += size
        return True

    def add_all(self, other: "WaitingLines") -> list[BadLine]:
        """Let the lines of another object wait here, and return those for which there is no room."""
        waiting = ((stream, line, bad) for stream, lines in other._lines.items() for line, bad in lines)
        return [bad for stream, line, bad in waiting if not self.add(stream, line, bad)]

    def take(self, streams: Iterable[str]) -> list[IdentifiedLine]:
        """Remove and return the lines that wait for one of `streams`, and those that wait for what these create."""
        taken: list[IdentifiedLine] = []
        wanted = list(streams) if self._lines else []
        while wanted:
            found = self._pop(wanted.pop(0))
            taken += found
            wanted += [stream for line in found for stream in line.creates]
        return taken

    def give_up(self) -> list[BadLine]:
        """Remove all lines, and return why each is bad."""
        bad = [bad for lines in self._lines.values() for _, bad in lines]
        self._lines, self._count, self._bytes = {}, 0, 0
        return bad

    def _pop(self, stream: str) -> list[IdentifiedLine]:
        found = [line for line, _ in self._lines.pop(stream, [])]
        self._count -= len(found)
        self._bytes -= sum(line.line.size for line in found if isinstance(line.line, ParsedLine))
        return found


def _created(line: ParsedLine) -> Iterator[str]:
    for change in line.changes:
        if isinstance(change, RegisterTask):
            yield f"{TASK}:{change.task_id}"
        elif isinstance(change, CreateInstance) and isinstance(change.instance, str):
            yield f"{TASK_INSTANCE}:{change.instance}"
