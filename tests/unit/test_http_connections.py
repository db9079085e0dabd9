"""Which connection makes room for a new one."""

from dataclasses import dataclass, field

from interfaces.http.connections import Connections


@dataclass(eq=False)
class One:
    """A connection that remembers whether it was closed."""

    aborted: list[bool] = field(default_factory=list)

    def abort(self) -> None:
        self.aborted.append(True)


def admitted(table: Connections, number: int) -> list[One]:
    """Return new connections, all of which the table has taken in."""
    made = [One() for _ in range(number)]
    assert all(table.admit(one) for one in made)
    return made


def test_the_longest_silent_stranger_makes_room() -> None:
    table = Connections(3)
    first, second, third = admitted(table, 3)
    table.begin(first)
    table.wait(first, known=False)

    admitted(table, 1)

    assert [one.aborted for one in (first, second, third)] == [[], [True], []]
    assert len(table) == 3


def test_a_known_one_makes_room_only_where_no_stranger_is_left() -> None:
    table = Connections(2)
    known, stranger = admitted(table, 2)
    table.begin(known)
    table.wait(known, known=True)

    (other,) = admitted(table, 1)
    assert (stranger.aborted, known.aborted) == ([True], [])
    table.begin(other)
    admitted(table, 1)
    assert (known.aborted, other.aborted) == ([True], [])


def test_a_busy_one_never_makes_room() -> None:
    table = Connections(2)
    busy = admitted(table, 2)
    for one in busy:
        table.begin(one)

    assert not table.admit(One())
    table.remove(busy[0])
    admitted(table, 1)
    assert [one.aborted for one in busy] == [[], []]


def test_one_that_was_closed_comes_back_to_no_list() -> None:
    table = Connections(2)
    gone, _ = admitted(table, 2)
    table.begin(gone)
    table.remove(gone)
    table.wait(gone, known=True)

    assert len(table) == 1
